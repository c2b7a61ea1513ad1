"""Reading state dicts of the paper's own code into this package's models."""

from __future__ import annotations

import os
import pickle

import torch
from torch import Tensor

from splitkit_nn.models import DenseClassifier

# the paper's code's name → this package's
DENSE_KEYS = {
    "mon.linear_module.U.weight": "layer.parametrization.U.weight",
    "mon.linear_module.U.bias": "layer.parametrization.U.bias",
    "mon.linear_module.A.weight": "layer.parametrization.A",
    "mon.linear_module.B.weight": "layer.parametrization.B",
    "Wout.weight": "head.weight",
    "Wout.bias": "head.bias",
}


def load_reference(path: str | os.PathLike[str], *, m: float = 1.0) -> DenseClassifier:
    """The fully connected model of the paper's released code, with its head, on the CPU.

    Parameters
    ----------
    path : path
        A file written by ``torch.save(model.state_dict(), path)``; only tensors are loaded from it.
    m : float
        The strong monotonicity that the model was trained with; it is not in the file. The
        released fully connected model has 1.

    Returns
    -------
    DenseClassifier
        In evaluation mode.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        The file is no such state dict; the message says what differs.
    """
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise FileNotFoundError(f"path = {name!r}: no such file")
    try:
        state = torch.load(name, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ValueError(
            f"path = {name!r} is no file of tensors written by torch.save: {error}"
        ) from error
    _check_keys(state, name)
    shapes = {key: tuple(state[key].shape) for key in DENSE_KEYS}
    features, in_features = shapes["mon.linear_module.U.weight"]
    classes = shapes["Wout.bias"][0]
    model = DenseClassifier(in_features, features, classes, m=m)
    own = {DENSE_KEYS[key]: state[key] for key in DENSE_KEYS}
    try:
        missing = model.load_state_dict(own, strict=False)
    except RuntimeError as error:
        raise ValueError(f"path = {name!r} has tensors whose shapes do not fit: {error}") from error
    assert set(missing.missing_keys) <= {"layer.alpha", "layer.age"}
    return model.to(state["Wout.bias"].dtype).eval()


def _check_keys(state: object, name: str) -> None:
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"path = {name!r} holds a {type(state).__name__}, not a dict of tensors")
    missing, extra = DENSE_KEYS.keys() - state.keys(), state.keys() - DENSE_KEYS.keys()
    if missing or extra:
        raise ValueError(
            f"path = {name!r} is no state dict of the paper's fully connected model: "
            f"missing {sorted(missing)}, unexpected {sorted(map(str, extra))}"
        )
    matrices = [key for key in DENSE_KEYS if key.endswith("weight")]
    for key in DENSE_KEYS:
        tensor = state[key]
        if tensor.ndim != (2 if key in matrices else 1) or not tensor.is_floating_point():
            raise ValueError(
                f"path = {name!r}: {key} has shape {tuple(tensor.shape)} and dtype {tensor.dtype}"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"path = {name!r}: {key} has NaN or Inf")
