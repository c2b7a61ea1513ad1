"""Models in files: ``save`` keeps what makes a model again beside its parameters; ``load`` reads
that, and the state dicts that other code saved, as far as they say what they are of.

Files hold tensors and plain values; no code is loaded from them.
"""

from __future__ import annotations

import os
import re
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from torch import nn

from splitkit_nn.layers import MonDEQ
from splitkit_nn.models.classifiers import Classifier
from splitkit_nn.models.description import describe, make
from splitkit_nn.models.files import as_bytes, read_tensors, write_whole
from splitkit_nn.models.reference import LAYER, model_of
from splitkit_nn.models.states import (
    Side,
    as_state,
    check_tensor,
    classifier_of,
    filled,
    parametrization_of,
    within,
)

FORMAT = "splitkit_nn model, 1"


def save(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Write a layer, or a model with layers in it, into a file from which ``load`` makes it again.

    Parameters
    ----------
    model : torch.nn.Module
        A MonDEQ, a classifier, or any module with one in it, of torch's layers and one's own. What
        the constructor of a class of one's own takes, modules, tensors, plain values, lists and
        dicts of them, it must keep as attributes of the same names, and it must be defined again
        before the file is loaded.
    path : path
        Written whole, or not at all.

    Raises
    ------
    TypeError
        A part does not keep what it was made of as attributes, or keeps what is no plain value; or
        the model holds other tensors than it was made with, as pruning and adapters add.

    Examples
    --------
    >>> import tempfile
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sknn.save(layer, f'{folder}/layer.pt')
    ...     again = sknn.load(f'{folder}/layer.pt')
    >>> print(torch.equal(again.parametrization.A, layer.parametrization.A))
    True
    """
    description, state = describe(model), model.state_dict()
    with torch.random.fork_rng(devices=[]):
        made = make(description)
    other = sorted(state.keys() ^ made.state_dict().keys())
    if not other and type(model) is not MonDEQ and _words(model) != _words(made):
        other = ["its parts: " + _difference(_words(model), _words(made))]
    if not other and len(list(model.parameters())) != len(list(made.parameters())):
        other = ["the parameters that its parts share"]
    if other:
        raise TypeError(
            f"the model has been changed since it was made, in {', '.join(other[:4])}: make the "
            "change permanent (prune.remove, merge an adapter), or save model.state_dict()"
        )
    content = {"format": FORMAT, "description": description, "state": state}
    write_whole(Path(path), as_bytes(content))


def load(path: str | os.PathLike[str], *, m: float = 1.0, side: Side = None) -> Any:
    """The layer or model in a file, on the CPU, in its dtype, in evaluation mode.

    Parameters
    ----------
    path : path
        A file of ``save``; or the state dict of a classifier of this package, of a ``MonDEQ`` on
        one of its parametrizations with A and B, of such a parametrization, or of a model of the
        paper's code
        (``load_reference``); or the checkpoint of a training, which holds such a state dict.
    m : float
        The strong monotonicity of the layer; it is in files of ``save`` only.
    side : int or (int, int), optional
        Of the images of a convolutional model, which state dicts do not hold. None: as for
        ``load_reference``; a bare convolutional layer needs it.

    Returns
    -------
    MonDEQ, Classifier or torch.nn.Module
        From a state dict with the defaults of its class: ReLU, Peaceman-Rachford.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        The file holds something else; the message says what, and what to do.

    Examples
    --------
    >>> import tempfile
    >>> model = sknn.DenseClassifier(4, 8, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sknn.save(model, f'{folder}/model.pt')
    ...     again = sknn.load(f'{folder}/model.pt')
    >>> type(again).__name__
    'DenseClassifier'
    """
    name = os.fspath(path)
    content = read_tensors(name)
    try:
        if isinstance(content, dict) and content.get("format") == FORMAT:
            return filled(make(content["description"]), content["state"])
        if isinstance(content, dict) and isinstance(content.get("model"), dict):
            content = content["model"]  # a checkpoint
        return _of_state(content, m, side)
    except KeyError as error:
        raise ValueError(f"path = {name!r} lacks {error}") from error
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"path = {name!r}: {error}") from error


def _words(model: nn.Module) -> list[str]:
    """What a module and its parts say of themselves, without addresses and tensors."""
    lines = re.sub(r" at 0x[0-9a-f]+", "", repr(model)).splitlines()
    return [line for line in lines if "Parameter containing" not in line]


def _difference(now: list[str], made: list[str]) -> str:
    pairs = zip_longest(now, made, fillvalue="nothing")
    return next(f"{a.strip()}, made as {b.strip()}" for a, b in pairs if a != b)


def _of_state(content: Any, m: float, side: Side) -> MonDEQ | Classifier:
    state = as_state(content)
    if any(key.startswith(LAYER) for key in state):
        return model_of(state, m, side)
    if "layer.parametrization.U.weight" in state:
        for key in state.keys() - {"layer.alpha", "layer.bound", "layer.age"}:
            check_tensor(key, state[key])
        return filled(classifier_of(state, m, side), state)
    if "parametrization.U.weight" in state:
        inner = within(state, "parametrization.")
        return filled(MonDEQ(parametrization_of(inner, m, side)), state)
    if "U.weight" in state and any(name in state for name in ("A", "A.0", "T")):
        layer = MonDEQ(parametrization_of(state, m, side))
        filled(layer.parametrization, state)
        return layer.eval()
    raise ValueError(
        f"a state dict with {', '.join(sorted(state)[:4])}, …, which is none of a MonDEQ, of a "
        "classifier of this package or of the paper's code: write the model by "
        "splitkit_nn.save(model, path)"
    )
