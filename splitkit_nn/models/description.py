"""Layers and models as plain values: class names and the arguments that make them again.

A part is {"class": name, "arguments": {…}}: each argument of its constructor is an attribute of the
same name. That of a user's own class has its module's name in front, and is found again among the
classes that are defined when the file is loaded: no code is kept, and none is run from a file but
the constructors of those classes. So are torch's own modules, and users' with equilibrium layers in
them; containers are {"class": name, "parts": {…}}. A module that occurs again is {"again": i}, the
i-th of those that were described, each after its parts; tuples are […], lists and dicts of values
{"values": […]} and {"values": {…}}.
"""

from __future__ import annotations

import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import torch
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
# what torch's modules do not keep under the names of their arguments
KEPT: dict[type[nn.Module], dict[str, Callable[[Any], Any]]] = {
    nn.ParameterList: {"values": list},
    nn.ParameterDict: {"parameters": lambda module: dict(module.items())},
    nn.MultiheadAttention: {
        "bias": lambda module: module.in_proj_bias is not None,
        "add_bias_kv": lambda module: module.bias_k is not None,
    },
    nn.TransformerEncoder: {"encoder_layer": lambda module: module.layers[0]},
    nn.TransformerEncoderLayer: {
        "d_model": lambda module: module.linear1.in_features,
        "nhead": lambda module: module.self_attn.num_heads,
        "dim_feedforward": lambda module: module.linear1.out_features,
        "dropout": lambda module: module.dropout.p,
        "activation": lambda module: getattr(module.activation, "__name__", module.activation),
        "layer_norm_eps": lambda module: module.norm1.eps,
        "batch_first": lambda module: module.self_attn.batch_first,
        "bias": lambda module: module.linear1.bias is not None,
    },
}
RECURRENT = (
    *("input_size", "hidden_size", "num_layers", "bias"),
    *("batch_first", "dropout", "bidirectional"),
)
FURTHER: dict[type[nn.Module], tuple[str, ...]] = {  # arguments of those
    nn.LSTM: ("proj_size",),
    nn.GRU: (),
    nn.RNN: ("nonlinearity",),
}
RENAMED = {"Adjoint": "CotangentSolve"}  # in older files


def describe(model: nn.Module, before: list[nn.Module] | None = None) -> dict[str, Any]:
    """A layer, a classifier or another model with layers in it, without its parameters; ``before``
    are the modules that were described already.

    Raises
    ------
    TypeError
        There is no layer in it, or a part was made with an argument that is no plain value.
    """
    before = [] if before is None else before
    if type(model) is MonDEQ:
        given = model.arguments().items()
        arguments = {name: _plain(name, value, before) for name, value in given}
        return {"layer": arguments.pop("parametrization"), "arguments": arguments}
    if isinstance(model, Classifier) and MODELS.get(type(model).__name__) is type(model):
        head = {
            "features": model.head.in_features,
            "classes": model.head.out_features,
            "bias": model.head.bias is not None,
        }
        return {"model": type(model).__name__, "of": describe(model.layer, before), "head": head}
    if isinstance(model, nn.Module) and any(isinstance(m, MonDEQ) for m in model.modules()):
        return {"module": _plain("model", model, before)}
    raise TypeError(
        f"model is a {type(model).__name__} without an equilibrium layer: give a MonDEQ, one of "
        f"{', '.join(MODELS)}, or a module with a MonDEQ in it; of others save model.state_dict()"
    )


def make(description: dict[str, Any], before: list[nn.Module] | None = None) -> nn.Module:
    """What was described, with parameters drawn anew; ``before`` are the modules made already.

    Raises
    ------
    ValueError
        It is no description, or names a class that is not defined.
    """
    before = [] if before is None else before
    try:
        if "layer" in description:
            parametrization = _made(description["layer"], before)
            given = description["arguments"].items()
            arguments = {name: _made(value, before) for name, value in given}
            try:
                arguments["solve_in"] = find_library(arguments.get("solve_in"))
            except ImportError as error:
                warnings.warn(f"{error}; now it does", stacklevel=2)
                arguments["solve_in"] = None
            return MonDEQ(parametrization, **arguments)
        if "module" in description:
            made: nn.Module = _made(description["module"], before)
            return made
        layer, head = make(description["of"], before), description["head"]
        if not isinstance(layer, MonDEQ):
            raise TypeError(f"a model of a {type(layer).__name__}")
        of_values = nn.Linear(head["features"], head["classes"], head.get("bias", True))
        return MODELS[description["model"]].of(layer, of_values)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"no description of a model that this version knows ({error})") from error


def _plain(name: str, value: Any, before: list[nn.Module]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str, torch.dtype)):
        return value
    if isinstance(value, Tensor):
        copied = value.detach().clone()
        return nn.Parameter(copied) if isinstance(value, nn.Parameter) else copied
    if isinstance(value, tuple):
        return [_plain(name, each, before) for each in value]
    if isinstance(value, list):
        return {"values": [_plain(name, each, before) for each in value]}
    if type(value) is dict:
        return {"values": {key: _plain(f"{name}[{key!r}]", value[key], before) for key in value}}
    if not isinstance(value, nn.Module):
        return _part(name, value, before)
    for i, module in enumerate(before):
        if module is value:
            return {"again": i}
    if type(value) in CONTAINERS:
        inner = value._modules.items()  # with those that occur again
        parts = {key: _plain(f"{name}.{key}", each, before) for key, each in inner}
        found: dict[str, Any] = {"class": type(value).__name__, "parts": parts}
    elif type(value) is MonDEQ or type(value) in MODELS.values():
        found = {"model": describe(value, before)}
    else:
        found = _part(name, value, before)
    before.append(value)
    return found


def _part(name: str, value: Any, before: list[nn.Module]) -> dict[str, Any]:
    """A thing of a class with arguments."""
    if not isinstance(value, (*PARTS, nn.Module)):
        raise TypeError(
            f"{name} = {value!r} is made by code that a file of values cannot hold: save "
            "model.state_dict(), and make the model in your code before you load it"
        )
    kind = type(value)
    arguments = {each: _plain(f"{name}.{each}", kept, before) for each, kept in _kept(name, value)}
    return {"class": _name(kind), "arguments": arguments}


def _kept(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What the constructor took."""
    kind = type(value)
    for each in (*RECURRENT, *FURTHER[kind]) if kind in FURTHER else ():
        yield each, getattr(value, each)
    torchs, getters = _is_torchs(kind), KEPT.get(kind, {})
    for each, parameter in inspect.signature(kind).parameters.items():
        open_ended = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if torchs and (each in PLACES or each.startswith("_") or open_ended):
            continue  # what Identity(…) takes it does not need
        if open_ended:
            raise TypeError(
                f"{name} is a {kind.__name__}, whose constructor takes {parameter}: name all that "
                "it takes, and keep each as an attribute, so that it can be made again"
            )
        if each in getters:
            yield each, getters[each](value)
        elif hasattr(value, each):
            kept = getattr(value, each)
            ought = torchs and each == "bias" and not isinstance(kept, bool)
            yield each, kept is not None if ought else kept
        elif not torchs or parameter.default is parameter.empty:
            raise TypeError(
                f"{name} is a {kind.__name__} without the attribute {each}: its constructor must "
                f"keep the argument (self.{each} = {each}), so that it can be made again"
            )


def _is_torchs(kind: type) -> bool:
    return kind.__module__.startswith("torch.nn.modules.")


def _made(value: Any, before: list[nn.Module]) -> Any:
    if isinstance(value, list):
        return tuple(_made(each, before) for each in value)
    if not isinstance(value, dict):
        return value
    if "again" in value:
        return before[value["again"]]
    if "values" in value:
        values = value["values"]
        if isinstance(values, list):
            return [_made(each, before) for each in values]
        return {key: _made(each, before) for key, each in values.items()}
    made: Any
    if "model" in value:
        made = make(value["model"], before)
    elif "parts" in value:
        (kind,) = (each for each in CONTAINERS if each.__name__ == value["class"])
        parts = {key: _made(each, before) for key, each in value["parts"].items()}
        if kind is nn.ModuleList:
            made = nn.ModuleList(parts.values())
        else:
            made = kind(parts if kind is nn.ModuleDict else OrderedDict(parts))
    else:
        arguments = {name: _made(each, before) for name, each in value["arguments"].items()}
        made = _find(value["class"])(**arguments)
    if isinstance(made, nn.Module):
        before.append(made)
    return made


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
