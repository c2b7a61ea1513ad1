"""Layers and models as plain values: class names and the arguments that make them again.

An object of the classes that this package and the core export is {"class": name, "arguments":
{…}}: each argument is an attribute of the same name. What a user defined cannot be described: to
make it again would need the user's code.
"""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

import splitkit as sk
from splitkit_nn import activations, linear
from splitkit_nn.activations import Activation
from splitkit_nn.implicit import gradients
from splitkit_nn.implicit.gradients import GradientRule
from splitkit_nn.layers import MonDEQ
from splitkit_nn.linear import Parametrization
from splitkit_nn.models.classifiers import (
    Classifier,
    ConvClassifier,
    DenseClassifier,
    MultiTierClassifier,
)

PARTS: dict[str, type] = {
    name: kind
    for room in (activations, gradients, linear, sk)
    for name, kind in vars(room).items()
    if isinstance(kind, type)
    and issubclass(
        kind, (Activation, GradientRule, Parametrization, sk.Splitting, sk.Accelerator, sk.Stopping)
    )
}
PARTS["Adjoint"] = gradients.CotangentSolve  # its name in older files
MODELS: dict[str, type[Classifier]] = {
    kind.__name__: kind for kind in (DenseClassifier, ConvClassifier, MultiTierClassifier)
}
# the arguments of MonDEQ beside the parametrization
LAYER = ("activation", "method", "tol", "max_iter", "gradient", "on_failure")


def describe(model: nn.Module) -> dict[str, Any]:
    """A layer or a model, without its parameters.

    Raises
    ------
    TypeError
        It is neither, or has a part of a class that is not this package's.
    """
    if type(model) is MonDEQ:
        values = {name: getattr(model, name) for name in LAYER if name != "activation"}
        values["activation"] = model.inner_activation
        arguments = {name: _plain(name, value) for name, value in values.items()}
        return {"layer": _plain("parametrization", model.parametrization), "arguments": arguments}
    if isinstance(model, Classifier) and MODELS.get(type(model).__name__) is type(model):
        head = {"features": model.head.in_features, "classes": model.head.out_features}
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
        It is no description, or names a class that this version does not have.
    """
    try:
        if "layer" in description:
            arguments = {name: _made(value) for name, value in description["arguments"].items()}
            return MonDEQ(_made(description["layer"]), **arguments)
        layer, head = make(description["of"]), description["head"]
        if not isinstance(layer, MonDEQ):
            raise TypeError(f"a model of a {type(layer).__name__}")
        linear_head = nn.Linear(head["features"], head["classes"])
        return MODELS[description["model"]].of(layer, linear_head)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no description of a model that this version knows ({error})") from error


def _plain(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(name, each) for each in value]
    kind = type(value)
    if PARTS.get(kind.__name__) is not kind or kind is activations.ScalarActivation:
        raise TypeError(
            f"{name} = {value!r} is made by code that a file of values cannot hold: save "
            "model.state_dict(), and make the model in your code before you load it"
        )
    names = list(inspect.signature(kind).parameters)
    return {
        "class": kind.__name__,
        "arguments": {each: _plain(each, getattr(value, each)) for each in names},
    }


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_made(each) for each in value)
    if isinstance(value, dict):
        arguments = {name: _made(each) for name, each in value["arguments"].items()}
        return PARTS[value["class"]](**arguments)
    return value
