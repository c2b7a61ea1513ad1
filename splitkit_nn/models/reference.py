"""Reading state dicts of the paper's own code into this package's models.

The names below are those of the released code (Winston, Kolter 2020). There g and h are this
package's: in the single convolution g multiplies AᵀA, in the multi-tier model √g multiplies A.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from splitkit_nn.models.classifiers import Classifier
from splitkit_nn.models.files import read_tensors
from splitkit_nn.models.states import (
    Side,
    StateDict,
    as_state,
    check_tensor,
    classifier_of,
    filled,
)

LAYER = "mon.linear_module."
NON_NEGATIVE = re.compile(rf"{re.escape(LAYER)}(g|gn)(\.\d+)?")


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

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> n = 8  # the names of the released code
    >>> state = {f"mon.linear_module.{name}.weight": torch.randn(n, n) / n for name in "AB"}
    >>> state |= {"mon.linear_module.U.weight": torch.randn(n, 4)}
    >>> state |= {"mon.linear_module.U.bias": torch.zeros(n)}
    >>> state |= {"Wout.weight": torch.randn(3, n), "Wout.bias": torch.zeros(3)}
    >>> with TemporaryDirectory() as folder:
    ...     torch.save(state, Path(folder, "model.pt"))
    ...     model = sknn.load_reference(Path(folder, "model.pt"), m=0.5)
    >>> model(torch.randn(5, 4)).shape
    torch.Size([5, 3])
    """
    name = os.fspath(path)
    content = read_tensors(name)
    try:
        return model_of(as_state(content), m, side)
    except ValueError as error:
        raise ValueError(f"path = {name!r}: {error}") from error


def model_of(state: StateDict, m: float, side: Side) -> Classifier:
    """The model with the parameters of a state dict of the paper's code; ValueError otherwise."""
    names = _names(state)
    _check(state, names)
    own = {name: state[key] for key, name in names.items()}
    model = classifier_of(own, m, side)
    return filled(model, {**dict(model.named_buffers()), **own})


def _names(state: StateDict) -> dict[str, str]:
    """From the paper's code's names of the tensors of its three models to this package's."""
    inner = {"U.weight": "U.weight", "U.bias": "U.bias"}
    tiers = sum(bool(re.fullmatch(rf"{re.escape(LAYER)}A0\.\d+\.weight", key)) for key in state)
    for i in range(tiers):
        inner |= {f"A0.{i}.weight": f"A.{i}", f"B0.{i}.weight": f"B.{i}"}
        inner |= {f"g.{i}": f"g.{i}", f"h.{i}": f"h.{i}"}
    for i in range(tiers - 1):
        inner |= {f"A_n0.{i}.weight": f"S.{i}", f"gn.{i}": f"gs.{i}"}
    if not tiers:
        inner |= {"A.weight": "A", "B.weight": "B"}
        inner |= {"g": "g", "h": "h"} if f"{LAYER}g" in state else {}
    names = {LAYER + theirs: f"layer.parametrization.{own}" for theirs, own in inner.items()}
    return names | {"Wout.weight": "head.weight", "Wout.bias": "head.bias"}


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
        check_tensor(key, tensor)
        if tensor.ndim != wanted and not (wanted == 0 and tensor.shape == (1,)):
            raise ValueError(f"{key} has shape {tuple(tensor.shape)}: save it with {wanted} axes")
        if NON_NEGATIVE.fullmatch(key) and bool(tensor < 0):
            raise ValueError(
                f"{key} = {float(tensor):g} is negative, so that the model is not monotone: "
                "train it with a g that stays positive"
            )
