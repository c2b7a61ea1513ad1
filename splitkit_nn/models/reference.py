"""Reading state dicts of the paper's own code into this package's models.

The names below are those of the released code (Winston, Kolter 2020). There g and h are this
package's: in the single convolution g multiplies AᵀA, in the multi-tier model √g multiplies A.
"""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from splitkit_nn.models.classifiers import (
    POOL,
    Classifier,
    ConvClassifier,
    DenseClassifier,
    MultiTierClassifier,
)

StateDict = Mapping[str, Tensor]
Side = int | tuple[int, int] | None

LAYER = "mon.linear_module."
# the paper's code's name → this package's, of its three models; i counts the tiers
COMMON = {
    f"{LAYER}U.weight": "layer.parametrization.U.weight",
    f"{LAYER}U.bias": "layer.parametrization.U.bias",
    "Wout.weight": "head.weight",
    "Wout.bias": "head.bias",
}
DENSE = {
    f"{LAYER}A.weight": "layer.parametrization.A",
    f"{LAYER}B.weight": "layer.parametrization.B",
}
SCALES = {f"{LAYER}g": "layer.parametrization.g", f"{LAYER}h": "layer.parametrization.h"}
TIER = {
    "A0.{i}.weight": "A.{i}",
    "B0.{i}.weight": "B.{i}",
    "g.{i}": "g.{i}",
    "h.{i}": "h.{i}",
}
BETWEEN = {"A_n0.{i}.weight": "S.{i}", "gn.{i}": "gs.{i}"}
NON_NEGATIVE = re.compile(rf"{re.escape(LAYER)}(g|gn)(\.\d+)?")
# whatever the reader of pickles says of bytes that are none
UNREADABLE = (
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)
SIDES = (28, 32)  # of MNIST; of CIFAR-10 and SVHN


def load_reference(
    path: str | os.PathLike[str], *, m: float = 1.0, side: Side = None
) -> Classifier:
    """A model of the paper's released code with its head, on the CPU, in evaluation mode.

    Parameters
    ----------
    path : path
        A file written by ``torch.save(model.state_dict(), path)`` for a fully connected, a single
        convolutional or a multi-tier model; only tensors are loaded from it.
    m : float
        The strong monotonicity that the model was trained with; it is not in the file. The
        released fully connected model has 1.
    side : int or (int, int), optional
        Of the images of a convolutional model; it is not in the file. None: 28 or 32 for the
        single convolution, whichever fits; computed for a square multi-tier model.

    Returns
    -------
    DenseClassifier, ConvClassifier or MultiTierClassifier

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        The file is no such state dict, or a scale g in it is negative: that code's model has no
        guaranteed equilibrium then, or is NaN. The message says what differs.
    """
    name = os.fspath(path)
    state = read_tensors(name)
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(v, Tensor) for key, v in state.items()
    ):
        raise ValueError(
            f"path = {name!r} holds a {type(state).__name__}, but no dict of named tensors: save "
            "model.state_dict()"
        )
    try:
        return model_of(state, m, side)
    except ValueError as error:
        raise ValueError(f"path = {name!r}: {error}") from error


def read_tensors(name: str) -> Any:
    """What torch.save wrote into the file: tensors and plain values, on the CPU.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        torch.save did not write it, or wrote whole objects into it.
    """
    if not os.path.isfile(name):
        raise FileNotFoundError(f"path = {name!r}: no such file")
    try:
        return torch.load(name, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise ValueError(f"path = {name!r} is {_kind_of_file(name)}") from error


def _kind_of_file(name: str) -> str:
    """What a file is that ``torch.load`` refuses, and what to do."""
    if zipfile.is_zipfile(name) and any(
        entry.endswith("data.pkl") for entry in zipfile.ZipFile(name).namelist()
    ):
        return (
            "a file of whole objects, as torch.save(model, path) writes, and loading it would run "
            "their code: save model.state_dict() instead"
        )
    return (
        "no file of tensors written by torch.save, or a damaged one: write it by "
        "torch.save(model.state_dict(), path)"
    )


def model_of(state: StateDict, m: float, side: Side) -> Classifier:
    """The model with the parameters of a state dict of the paper's code; ValueError otherwise."""
    tiers = sum(bool(re.fullmatch(rf"{re.escape(LAYER)}A0\.\d+\.weight", key)) for key in state)
    if tiers:
        names = COMMON | _tier_names(tiers)
    else:
        names = COMMON | DENSE | (SCALES if f"{LAYER}g" in state else {})
    _check(state, names)
    model: Classifier
    if tiers:
        model = _multi_tier(state, tiers, m, side)
    elif f"{LAYER}g" in state:
        model = _single_convolution(state, m, side)
    else:
        model = _fully_connected(state, m, side)
    own = {name: state[key] for key, name in names.items()}
    try:
        missing = model.load_state_dict(own, strict=False)
    except RuntimeError as error:
        raise ValueError(f"tensors have shapes that do not fit: {error}") from error
    assert set(missing.missing_keys) <= {"layer.alpha", "layer.age"}
    return model.to(state["Wout.bias"].dtype).eval()


def _tier_names(tiers: int) -> dict[str, str]:
    return {
        LAYER + key.format(i=i): "layer.parametrization." + name.format(i=i)
        for table, count in ((TIER, tiers), (BETWEEN, tiers - 1))
        for key, name in table.items()
        for i in range(count)
    }


def _check(state: StateDict, names: Mapping[str, str]) -> None:
    missing, extra = names.keys() - state.keys(), state.keys() - names.keys()
    if missing or extra:
        raise ValueError(
            "no state dict of a model of the paper's code: "
            f"missing {sorted(missing)}, unexpected {sorted(map(str, extra))}"
        )
    kernel = 4 if any(NON_NEGATIVE.fullmatch(key) for key in names) else 2
    for key in names:
        tensor = state[key]
        if key == "Wout.weight":
            wanted = 2
        elif key.endswith("weight"):
            wanted = kernel
        else:
            wanted = 1 if key.endswith("bias") else 0
        shaped = tensor.ndim == wanted or (wanted == 0 and tensor.shape == (1,))
        fits = shaped and tensor.layout == torch.strided
        if not fits or tensor.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"{key} has shape {tuple(tensor.shape)}, dtype {tensor.dtype} and "
                f"{tensor.layout}: save dense float32 or float64 with {wanted} axes"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{key} has NaN or Inf")
        if NON_NEGATIVE.fullmatch(key) and bool(tensor < 0):
            raise ValueError(
                f"{key} = {float(tensor):g} is negative, so that the model is not monotone: "
                "train it with a g that stays positive"
            )


def _fully_connected(state: StateDict, m: float, side: Side) -> DenseClassifier:
    if side is not None:
        raise ValueError(f"side = {side} belongs to convolutional models: leave it out")
    features, in_features = state[f"{LAYER}U.weight"].shape
    return DenseClassifier(in_features, features, len(state["Wout.bias"]), m=m)


def _single_convolution(state: StateDict, m: float, side: Side) -> ConvClassifier:
    channels, in_channels, k, _ = state[f"{LAYER}U.weight"].shape
    classes, features = len(state["Wout.bias"]), state["Wout.weight"].shape[1]
    if side is None:
        fitting = [n for n in SIDES if channels * ((n + 2) // POOL) ** 2 == features]
        if not fitting:
            raise ValueError(
                f"the head reads {features} features of {channels} channels, which are not those "
                f"of images of side {' or '.join(map(str, SIDES))}: give side"
            )
        side = fitting[0]
    return ConvClassifier(in_channels, channels, side, classes, k, m=m)


def _multi_tier(state: StateDict, tiers: int, m: float, side: Side) -> MultiTierClassifier:
    _, in_channels, k, _ = state[f"{LAYER}U.weight"].shape
    channels = [len(state[f"{LAYER}A0.{i}.weight"]) for i in range(tiers)]
    classes, features = len(state["Wout.bias"]), state["Wout.weight"].shape[1]
    if side is None:
        last = round((features / channels[-1]) ** 0.5)
        if last < 3 or channels[-1] * last**2 != features:
            raise ValueError(
                f"the head reads {features} features of {channels[-1]} channels, which is no "
                "square grid: give side"
            )
        side = (last - 2) * 2 ** (tiers - 1)
    return MultiTierClassifier(in_channels, channels, side, classes, k, m=m)
