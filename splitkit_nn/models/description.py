"""Layers and models as plain values: class names and the arguments that make them again.

A part is {"class": name, "arguments": {…}}: each argument of its constructor is an attribute of the
same name. That of a user's own class has its module's name in front, and is found again among the
classes that are defined when the file is loaded: no code is kept, and none is run from a file but
the constructors of those classes. So are torch's own modules, and users' with equilibrium layers in
them; containers are {"class": name, "parts": {…}}.
"""

from __future__ import annotations

import inspect
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

import splitkit as sk
from splitkit_nn.activations import Activation
from splitkit_nn.implicit.gradients import GradientRule
from splitkit_nn.layers import MonDEQ
from splitkit_nn.layers.exchange import find_library
from splitkit_nn.linear import Parametrization
from splitkit_nn.models.classifiers import (
    Classifier,
    ConvClassifier,
    DenseClassifier,
    MultiTierClassifier,
)

PARTS = (Activation, GradientRule, Parametrization, sk.Splitting, sk.Accelerator, sk.Stopping)
MODELS: dict[str, type[Classifier]] = {
    kind.__name__: kind for kind in (DenseClassifier, ConvClassifier, MultiTierClassifier)
}
CONTAINERS: tuple[type[nn.Module], ...] = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
PLACES = ("device", "dtype")  # of a module's parameters, which the state dict tells
RENAMED = {"Adjoint": "CotangentSolve"}  # in older files


def describe(model: nn.Module) -> dict[str, Any]:
    """A layer, a classifier or another model with layers in it, without its parameters.

    Raises
    ------
    TypeError
        There is no layer in it, or a part was made with an argument that is no plain value.
    """
    if type(model) is MonDEQ:
        arguments = {name: _plain(name, value) for name, value in model.arguments().items()}
        return {"layer": arguments.pop("parametrization"), "arguments": arguments}
    if isinstance(model, Classifier) and MODELS.get(type(model).__name__) is type(model):
        head = {
            "features": model.head.in_features,
            "classes": model.head.out_features,
            "bias": model.head.bias is not None,
        }
        return {"model": type(model).__name__, "of": describe(model.layer), "head": head}
    if isinstance(model, nn.Module) and any(isinstance(m, MonDEQ) for m in model.modules()):
        return {"module": _plain("model", model)}
    raise TypeError(
        f"model is a {type(model).__name__} without an equilibrium layer: give a MonDEQ, one of "
        f"{', '.join(MODELS)}, or a module with a MonDEQ in it; of others save model.state_dict()"
    )


def make(description: dict[str, Any]) -> nn.Module:
    """What was described, with parameters drawn anew.

    Raises
    ------
    ValueError
        It is no description, or names a class that is not defined.
    """
    try:
        if "layer" in description:
            arguments = {name: _made(value) for name, value in description["arguments"].items()}
            try:
                arguments["solve_in"] = find_library(arguments.get("solve_in"))
            except ImportError as error:
                warnings.warn(f"{error}; now it does", stacklevel=2)
                arguments["solve_in"] = None
            return MonDEQ(_made(description["layer"]), **arguments)
        if "module" in description:
            made: nn.Module = _made(description["module"])
            return made
        layer, head = make(description["of"]), description["head"]
        if not isinstance(layer, MonDEQ):
            raise TypeError(f"a model of a {type(layer).__name__}")
        of_values = nn.Linear(head["features"], head["classes"], head.get("bias", True))
        return MODELS[description["model"]].of(layer, of_values)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no description of a model that this version knows ({error})") from error


def _plain(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor):
        copied = value.detach().clone()
        return nn.Parameter(copied) if isinstance(value, nn.Parameter) else copied
    if isinstance(value, (tuple, list)):
        return [_plain(name, each) for each in value]
    if type(value) in CONTAINERS:
        parts = {key: _plain(f"{name}.{key}", each) for key, each in value.named_children()}
        return {"class": type(value).__name__, "parts": parts}
    if type(value) is MonDEQ or type(value) in MODELS.values():
        return {"model": describe(value)}
    if not isinstance(value, (*PARTS, nn.Module)):
        raise TypeError(
            f"{name} = {value!r} is made by code that a file of values cannot hold: save "
            "model.state_dict(), and make the model in your code before you load it"
        )
    kind = type(value)
    arguments: dict[str, Any] = {}
    torchs = _is_torchs(kind)
    for each, parameter in inspect.signature(kind).parameters.items():
        open_ended = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if torchs and (each in PLACES or each.startswith("_") or open_ended):
            continue  # what Identity(…) takes it does not need
        if open_ended:
            raise TypeError(
                f"{name} is a {kind.__name__}, whose constructor takes {parameter}: name all that "
                "it takes, and keep each as an attribute, so that it can be made again"
            )
        if not hasattr(value, each):
            raise TypeError(
                f"{name} is a {kind.__name__} without the attribute {each}: its constructor must "
                f"keep the argument (self.{each} = {each}), so that it can be made again"
            )
        kept = getattr(value, each)
        if torchs and each == "bias" and not isinstance(kept, bool):
            kept = kept is not None
        arguments[each] = _plain(f"{name}.{each}", kept)
    return {"class": _name(kind), "arguments": arguments}


def _is_torchs(kind: type) -> bool:
    return kind.__module__.startswith("torch.nn.modules.")


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_made(each) for each in value)
    if isinstance(value, dict):
        if "model" in value:
            return make(value["model"])
        if "parts" in value:
            (kind,) = (each for each in CONTAINERS if each.__name__ == value["class"])
            parts = {key: _made(each) for key, each in value["parts"].items()}
            if kind is nn.ModuleList:
                return nn.ModuleList(parts.values())
            return (
                nn.ModuleDict(parts) if kind is nn.ModuleDict else nn.Sequential(OrderedDict(parts))
            )
        arguments = {name: _made(each) for name, each in value["arguments"].items()}
        return _find(value["class"])(**arguments)
    return value


def _name(kind: type) -> str:
    inner = kind.__module__.partition(".")[0] in ("splitkit", "splitkit_nn")
    return kind.__name__ if inner else f"{kind.__module__}:{kind.__qualname__}"


def _find(name: str) -> type[Any]:
    """The class of that name; else one of another module, where scripts become modules."""
    name = RENAMED.get(name, name)
    kinds = [kind for part in PARTS for kind in _subclasses(part)]  # the later one counts
    kinds += [kind for kind in _subclasses(nn.Module) if _is_safe(kind)]
    by_name = {kind.__qualname__: kind for kind in kinds} | {_name(kind): kind for kind in kinds}
    found = by_name.get(name) or by_name.get(name.partition(":")[2])
    if found is None:
        raise ValueError(
            f"it has a {name}, which is not defined: import what defines it, then load"
        )
    return found


def _is_safe(kind: type) -> bool:
    """Of torch's classes only the layers: others take code."""
    return _is_torchs(kind) or kind.__module__.partition(".")[0] != "torch"


def _subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)
