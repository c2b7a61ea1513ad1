"""What a search for multipliers gives: a Lipschitz constant for each of many rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

MARGIN = 1e-6  # relative, by which γ is raised before the inequality is verified

Watch = Callable[[int, int], None]  # of the steps done and of all


def unwatched(done: int, of: int) -> None:
    """Shows no progress."""


@dataclass(frozen=True)
class LipschitzBounds:
    """Constants for each of k rows, in float64.

    Attributes
    ----------
    l2, linf : Tensor, shape (k,)
        |⟨w, z(x) − z(x′)⟩| ≤ l2 ‖x − x′‖₂ and ≤ linf ‖x − x′‖_∞.
    simple : Tensor, shape (k,)
        ‖w‖‖U‖/m.
    verified : bool
        The matrix inequality was checked with a margin above rounding; False: it follows from the
        parametrization's theorem, I − W ⪰ mI.
    """

    l2: Tensor
    linf: Tensor
    simple: Tensor
    verified: bool
