"""Models in files: ``save`` keeps what makes a model again beside its parameters; ``load`` reads
that, and the state dicts that other code saved, as far as they say what they are of.

Files hold tensors and plain values; no code is loaded from them.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from splitkit_nn.layers import MonDEQ
from splitkit_nn.linear import (
    MonotoneConv2d,
    MonotoneDense,
    MonotoneMultiTier,
    MonotoneTriangular,
    Parametrization,
)
from splitkit_nn.models.classifiers import Classifier
from splitkit_nn.models.description import describe, make
from splitkit_nn.models.reference import (
    BETWEEN,
    COMMON,
    DENSE,
    LAYER,
    SCALES,
    TIER,
    Side,
    StateDict,
    model_of,
    read_tensors,
)

FORMAT = "splitkit_nn model, 1"
TEMPORARY = ".tmp"  # ends the name of a file that is not written whole


def save(model: MonDEQ | Classifier, path: str | os.PathLike[str]) -> None:
    """Write a layer or a classifier into a file from which ``load`` makes it again.

    Parameters
    ----------
    model : MonDEQ or Classifier
        Its parts may be of one's own classes, which must be defined again before it is loaded.
    path : path
        Written whole, or not at all.

    Raises
    ------
    TypeError
        A part does not keep what it was made of as attributes, or keeps what is no plain value.
    """
    content = {"format": FORMAT, "description": describe(model), "state": model.state_dict()}
    write_whole(Path(path), as_bytes(content))


def as_bytes(content: dict[str, Any]) -> bytes:
    """What ``torch.save`` would write."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Give a file this content, all of it or none: a temporary one takes its name."""
    temporary = path.with_name(f".{path.name}{TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:  # a full disk names no file
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def load(path: str | os.PathLike[str], *, m: float = 1.0, side: Side = None) -> MonDEQ | Classifier:
    """The layer or model in a file, on the CPU, in its dtype, in evaluation mode.

    Parameters
    ----------
    path : path
        A file of ``save``; or the state dict of a classifier of this package, of a ``MonDEQ`` on
        one of its parametrizations with A and B, or of a model of the paper's code
        (``load_reference``); or the checkpoint of a training, which holds such a state dict.
    m : float
        The strong monotonicity of the layer; it is in files of ``save`` only.
    side : int or (int, int), optional
        Of the images of a convolutional model, which state dicts do not hold. None: as for
        ``load_reference``; a bare convolutional layer needs it.

    Returns
    -------
    MonDEQ or Classifier
        From a state dict with the defaults of its class: ReLU, Peaceman-Rachford.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        The file holds something else; the message says what, and what to do.
    """
    name = os.fspath(path)
    content = read_tensors(name)
    try:
        if isinstance(content, dict) and content.get("format") == FORMAT:
            return _filled(make(content["description"]), content["state"])
        if isinstance(content, dict) and isinstance(content.get("model"), dict):
            content = content["model"]  # a checkpoint
        return _of_state(content, m, side)
    except (ValueError, KeyError, RuntimeError) as error:
        raise ValueError(f"path = {name!r}: {error}") from error


def _filled(model: MonDEQ | Classifier, state: StateDict) -> MonDEQ | Classifier:
    """The model with these values, in their dtype."""
    known = [state[name].dtype for name, _ in model.named_parameters() if name in state]
    dtype = known[0] if known else torch.get_default_dtype()
    if dtype != torch.get_default_dtype():  # the buffer alpha is in float64 anyway
        model.to(dtype)
    model.load_state_dict(state)
    return model.eval()


def _of_state(state: Any, m: float, side: Side) -> MonDEQ | Classifier:
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        kind = "a whole module" if isinstance(state, nn.Module) else f"a {type(state).__name__}"
        raise ValueError(
            f"it holds {kind}, but no dict of named tensors: write it by "
            "splitkit_nn.save(model, path), or torch.save(model.state_dict(), path)"
        )
    if any(key.startswith(LAYER) for key in state):
        return model_of(state, m, side)
    if "layer.parametrization.U.weight" in state:
        return _filled(_classifier(state, m, side), state)
    if "parametrization.U.weight" in state:
        return _filled(MonDEQ(_parametrization(state, m, side)), state)
    raise ValueError(
        f"a state dict with {', '.join(sorted(state)[:4])}, …, which is none of a MonDEQ, of a "
        "classifier of this package or of the paper's code: write the model by "
        "splitkit_nn.save(model, path)"
    )


def _classifier(state: StateDict, m: float, side: Side) -> Classifier:
    """A classifier of this state dict's shapes: it is that of the paper's code by other names."""
    tables = COMMON | DENSE | SCALES
    names = {own: theirs for theirs, own in tables.items()}
    for table in (TIER, BETWEEN):
        for theirs, own in table.items():
            for i in range(len(state)):
                names[f"layer.parametrization.{own.format(i=i)}"] = LAYER + theirs.format(i=i)
    known = {names[key]: value for key, value in state.items() if key in names}
    # scales may be of any sign here, and are loaded afterwards
    return model_of({key: value.abs() for key, value in known.items()}, m, side)


def _parametrization(state: StateDict, m: float, side: Side) -> Parametrization:
    """The parametrization of a bare layer's state dict."""
    inner = {key.removeprefix("parametrization."): value for key, value in state.items()}
    U = inner["U.weight"]
    if "readout.weight" in inner:
        raise ValueError(
            "the state dict of a MonotoneLipschitz, which does not hold its gamma: make the layer, "
            "and load_state_dict; files of splitkit_nn.save hold it"
        )
    if U.ndim == 2 and inner["A"].ndim == 1:
        return MonotoneTriangular(U.shape[1], U.shape[0], U.shape[0] // len(inner["B"]), m)
    if U.ndim == 2:
        return MonotoneDense(U.shape[1], U.shape[0], m)
    if side is None:
        raise ValueError(
            "the state dict of a convolutional layer, without its images' side: give it"
        )
    _, in_channels, k, _ = U.shape
    if "A" in inner:
        return MonotoneConv2d(in_channels, U.shape[0], side, k, m)
    tiers = sum(key.startswith("A.") for key in inner)
    channels = [len(inner[f"A.{i}"]) for i in range(tiers)]
    return MonotoneMultiTier(in_channels, channels, side, k, m)
