"""A search for multipliers, and what it gives: a Lipschitz constant for each of many rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

MARGIN = 1e-6  # relative, by which γ is raised before the inequality is verified

Watch = Callable[[int, int], None]  # of the steps done and of all
Evaluate = Callable[[Tensor], tuple[Tensor, Tensor]]


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

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> model = sknn.DenseClassifier(4, 8, 3, tol=1e-6).eval()
    >>> bounds = sknn.certify_robustness(model, torch.randn(5, 4), torch.zeros(5).long()).bounds
    >>> print(bounds.verified, bool((bounds.l2 <= bounds.simple).all()))
    True True
    """

    l2: Tensor
    linf: Tensor
    simple: Tensor
    verified: bool


def descend(evaluate: Evaluate, start: Tensor, steps: int, watch: Watch) -> Tensor:
    """Adam from each row of points; the best of each, at worst the start.

    ``evaluate`` gives values, of shape (rows, 1), and gradients; where a value is infinite, since
    the inequality holds for no γ, the next point is the best one, and steps are half as long.
    """
    point = best_point = start
    best, rate = torch.full_like(start[:, :1], torch.inf), torch.ones_like(start[:, :1])
    first = second = torch.zeros_like(start)
    for k in range(steps):
        value, gradient = evaluate(point)
        lost, better = torch.isposinf(value), value < best
        best = torch.where(better, value, best)
        best_point = torch.where(better, point, best_point)
        rate = torch.where(lost, rate / 2, rate)
        first = torch.where(lost, 0.0, 0.9 * first + 0.1 * gradient)
        second = 0.99 * second + 0.01 * gradient**2
        size = (second / (1 - 0.99 ** (k + 1))).sqrt() + 1e-12
        move = (first / (1 - 0.9 ** (k + 1))) / size
        length = rate * (0.1 * (1 - k / steps) + 1e-3)
        point = torch.where(lost, best_point, point - length * move)
        watch(k + 1, steps)
    return best_point
