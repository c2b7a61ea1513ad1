"""Models of state dicts: of what is not written in one, the shapes of its tensors tell the most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from splitkit_nn.linear import (
    MonotoneConv2d,
    MonotoneDense,
    MonotoneInfinity,
    MonotoneMultiTier,
    MonotoneTriangular,
    Parametrization,
)
from splitkit_nn.models.classifiers import (
    POOL,
    Classifier,
    ConvClassifier,
    DenseClassifier,
    MultiTierClassifier,
)

StateDict = Mapping[str, Tensor]
Side = int | tuple[int, int] | None
M = TypeVar("M", bound=nn.Module)

SIDES = (28, 32)  # of MNIST; of CIFAR-10 and SVHN


def as_state(content: Any) -> StateDict:
    """The content of a file; ValueError unless it is a dict of named tensors."""
    if isinstance(content, dict) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    ):
        return content
    raise ValueError(
        f"it holds a {type(content).__name__}, but no dict of named tensors: write it by "
        "splitkit_nn.save(model, path), or torch.save(model.state_dict(), path)"
    )


def check_tensor(name: str, tensor: Tensor) -> None:
    """Raise ValueError unless it is dense, in a precision in which layers solve, and finite."""
    if tensor.layout != torch.strided or tensor.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"{name} has dtype {tensor.dtype} and {tensor.layout}: save dense float32 or float64"
        )
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"{name} has NaN or Inf")


def filled(model: M, state: StateDict) -> M:
    """The model with these values, in their dtype, in evaluation mode; ValueError if they do not
    fit.
    """
    known = [state[name].dtype for name, _ in model.named_parameters() if name in state]
    dtype = known[0] if known else torch.get_default_dtype()
    if dtype != torch.get_default_dtype():  # the buffer alpha is in float64 anyway
        model.to(dtype)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"tensors have shapes that do not fit: {error}") from error
    model.eval()
    return model


def parametrization_of(state: StateDict, m: float, side: Side) -> Parametrization:
    """A parametrization of the shapes of its own state dict."""
    U = state["U.weight"]
    if "readout.weight" in state:
        raise ValueError(
            "the state dict of a MonotoneLipschitz, which does not hold its gamma: make the layer, "
            "and load_state_dict; files of splitkit_nn.save hold it"
        )
    if U.ndim == 2 and "T" in state:
        return MonotoneInfinity(U.shape[1], U.shape[0], m)
    if U.ndim == 2 and state["A"].ndim == 1:
        blocks = len(state["B"]) if "B" in state else U.shape[0]
        return MonotoneTriangular(U.shape[1], U.shape[0], U.shape[0] // blocks, m)
    if U.ndim == 2:
        return MonotoneDense(U.shape[1], U.shape[0], m)
    if side is None:
        raise ValueError(
            "the state dict of a convolutional layer, without its images' side: give it"
        )
    _, in_channels, k, _ = U.shape
    if "A" in state:
        return MonotoneConv2d(in_channels, U.shape[0], side, k, m)
    return MonotoneMultiTier(in_channels, _tiers(state), side, k, m)


def classifier_of(state: StateDict, m: float, side: Side) -> Classifier:
    """A classifier of the shapes of its state dict; of images for which the head fits."""
    inner = within(state, "layer.parametrization.")
    U, (classes, features) = inner["U.weight"], state["head.weight"].shape
    if U.ndim == 2:
        if side is not None:
            raise ValueError(f"side = {side} belongs to convolutional models: leave it out")
        return DenseClassifier(U.shape[1], U.shape[0], classes, m=m)
    channels, in_channels, k, _ = U.shape
    if "A" in inner:
        fitting = [n for n in SIDES if channels * ((n + 2) // POOL) ** 2 == features]
        if side is None and not fitting:
            raise ValueError(
                f"the head reads {features} features of {channels} channels, which are not those "
                f"of images of side {' or '.join(map(str, SIDES))}: give side"
            )
        return ConvClassifier(in_channels, channels, side or fitting[0], classes, k, m=m)
    tiers = _tiers(inner)
    last = round((features / tiers[-1]) ** 0.5)
    if side is None and (last < 3 or tiers[-1] * last**2 != features):
        raise ValueError(
            f"the head reads {features} features of {tiers[-1]} channels, which is no square grid: "
            "give side"
        )
    side = side or (last - 2) * 2 ** (len(tiers) - 1)
    return MultiTierClassifier(in_channels, tiers, side, classes, k, m=m)


def within(state: StateDict, prefix: str) -> StateDict:
    """The state dict of a module's part."""
    return {
        key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)
    }


def _tiers(state: StateDict) -> list[int]:
    """The channels of each."""
    count = sum(key.startswith("A.") for key in state)
    return [len(state[f"A.{i}"]) for i in range(count)]
