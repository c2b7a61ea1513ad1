"""An estimate of ‖L‖ by Lanczos' method on LᵀL, with the probability that it fails.

From a start drawn evenly from the sphere of an n-dimensional space, the greatest Ritz value ξ after
k steps satisfies P(ξ < (1 − ε)‖L‖²) ≤ 1.648√n exp(−(2k − 1)√ε): but for this probability
√ξ ≤ ‖L‖ ≤ √(ξ/(1 − ε)). No run certifies its own bound, so that it never licenses a step without
backtracking. Source: Kuczyński, Woźniakowski, *Estimating the largest eigenvalue by the power and
Lanczos algorithms with a random start* (1992), Thm. 4.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from splitkit.arguments import POSITIVE, Range, check_number
from splitkit.backend import (
    Point,
    Space,
    blocks,
    from_numpy,
    lincomb,
    scale,
    solving,
)
from splitkit.linear.base import LinearOperator
from splitkit.looks import known_points


@dataclass(frozen=True)
class NormEstimate:
    """An estimate of ‖L‖; not a bound that holds, and no number, so that it is not taken for one.

    Attributes
    ----------
    value : float
        A lower bound of ‖L‖, up to rounding.
    upper_bound : float
        Exceeded by ‖L‖ with at most this probability over the random start.
    failure_probability : float
    steps : int
        Applications of LᵀL.

    Examples
    --------
    >>> found = sk.linear.estimate_norm(sk.DenseMatrix(np.diag([3.0, 1.0])), np.ones(2))
    >>> print(found.value, found.upper_bound)
    3.0 3.0
    """

    value: float
    upper_bound: float
    failure_probability: float
    steps: int


def estimate_norm(
    L: LinearOperator,
    x_like: Point,
    *,
    probability: float = 1e-3,
    accuracy: float = 0.01,
    seed: int = 0,
) -> NormEstimate:
    """Estimate ‖L‖ from products with L and Lᵀ.

    Parameters
    ----------
    L : LinearOperator
    x_like : point
        A point of L's domain: shapes, library, dtype and device are taken from it.
    probability : float
        That the upper bound fails.
    accuracy : float
        upper_bound ≤ (1 + accuracy)·value; the number of steps follows from it.
    seed : int
        Of the random start.

    Raises
    ------
    TypeError, ValueError
        L does not act on such points; probability or accuracy is out of range.

    Examples
    --------
    >>> found = sk.linear.estimate_norm(sk.DenseMatrix(np.diag([3.0, 1.0])), np.ones(2))
    >>> print(found.value)
    3.0
    """
    if not isinstance(L, LinearOperator):
        raise TypeError(f"L = {L!r}: give a splitkit.LinearOperator")
    probability = check_number("probability", probability, Range(0.0, 1.0))
    accuracy = check_number("accuracy", accuracy, POSITIVE)
    space = Space.of(x_like, name="x_like")
    L.check_space(space)
    n = sum(math.prod(shape) for shape in space.shapes)
    log = math.log(1.648 * math.sqrt(n) / probability)
    wanted = 1 - 1 / (1 + accuracy) ** 2  # ε with 1/√(1 − ε) = 1 + accuracy
    steps = math.ceil((1 + log / math.sqrt(wanted)) / 2)
    with solving(x_like), known_points():
        ritz, taken = _lanczos(L, x_like, space, min(steps, n), seed)
    # n steps span the whole space
    epsilon = 0.0 if taken >= n else (log / (2 * steps - 1)) ** 2
    value = math.sqrt(ritz)
    return NormEstimate(value, value / math.sqrt(1 - epsilon), probability, taken)


def _lanczos(
    L: LinearOperator, x_like: Point, space: Space, steps: int, seed: int
) -> tuple[float, int]:
    """The greatest Ritz value of LᵀL, with full orthogonalization, and the steps taken."""
    rng = np.random.default_rng(seed)
    drawn = tuple(from_numpy(rng.standard_normal(tuple(a.shape)), a) for a in blocks(x_like))
    v = drawn if isinstance(x_like, tuple) else drawn[0]
    v = scale(1 / float(space.norm(v)), v)
    basis: list[Point] = [v]
    diagonal: list[float] = []
    beside: list[float] = []
    eps = float(space.xp.finfo(space.dtype).eps)
    while True:
        w = L.adjoint(L(v))
        diagonal.append(float(space.inner(w, v)))
        for _ in range(2):  # once leaves rounding, twice is enough
            for u in basis:
                w = lincomb(1.0, w, -float(space.inner(w, u)), u)
        beta = float(space.norm(w))
        if not math.isfinite(beta):
            raise ValueError(f"{L!r} returned NaN or Inf on a random point: check the map")
        T = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        ritz = max(float(np.linalg.eigvalsh(T)[-1]), 0.0)
        if len(basis) == steps or beta <= 10 * eps * ritz:
            return ritz, len(basis)
        beside.append(beta)
        v = scale(1 / beta, w)
        basis.append(v)
