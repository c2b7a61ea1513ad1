"""Layers and models as plain values: class names and the arguments that make them again.

A part is {"class": name, "arguments": {…}}: each argument of its constructor is an attribute of the
same name. That of a user's own class has its module's name in front, and is found again among the
classes that are defined when the file is loaded: no code is kept, and none is run from a file.
"""

from __future__ import annotations

import inspect
import warnings
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
RENAMED = {"Adjoint": "CotangentSolve"}  # in older files


def describe(model: nn.Module) -> dict[str, Any]:
    """A layer or a model, without its parameters.

    Raises
    ------
    TypeError
        It is neither, or was made with an argument that is no plain value.
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
    raise TypeError(
        f"model is a {type(model).__name__}, whose constructor is not known here: give a MonDEQ or "
        f"one of {', '.join(MODELS)}; of others save model.state_dict()"
    )


def make(description: dict[str, Any]) -> MonDEQ | Classifier:
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
        layer, head = make(description["of"]), description["head"]
        if not isinstance(layer, MonDEQ):
            raise TypeError(f"a model of a {type(layer).__name__}")
        of_values = nn.Linear(head["features"], head["classes"], head.get("bias", True))
        return MODELS[description["model"]].of(layer, of_values)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no description of a model that this version knows ({error})") from error


def _plain(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor):
        copied = value.detach().clone()
        return nn.Parameter(copied) if isinstance(value, nn.Parameter) else copied
    if isinstance(value, (tuple, list)):
        return [_plain(name, each) for each in value]
    if not isinstance(value, PARTS):
        raise TypeError(
            f"{name} = {value!r} is made by code that a file of values cannot hold: save "
            "model.state_dict(), and make the model in your code before you load it"
        )
    kind = type(value)
    arguments: dict[str, Any] = {}
    for each in inspect.signature(kind).parameters:
        if not hasattr(value, each):
            raise TypeError(
                f"{name} is a {kind.__name__} without the attribute {each}: its constructor must "
                f"keep the argument (self.{each} = {each}), so that it can be made again"
            )
        arguments[each] = _plain(f"{name}.{each}", getattr(value, each))
    return {"class": _name(kind), "arguments": arguments}


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_made(each) for each in value)
    if isinstance(value, dict):
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
    by_name = {kind.__qualname__: kind for kind in kinds} | {_name(kind): kind for kind in kinds}
    found = by_name.get(name) or by_name.get(name.partition(":")[2])
    if found is None:
        raise ValueError(
            f"it has a {name}, which is not defined: import what defines it, then load"
        )
    return found


def _subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)
