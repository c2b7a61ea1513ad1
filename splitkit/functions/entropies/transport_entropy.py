"""f(X) = w Σ Xᵢⱼ log Xᵢⱼ on the transport polytope {X ≥ 0: X1 = p, Xᵀ1 = q}."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from splitkit.arguments import NON_NEGATIVE, POSITIVE, check_array, check_number
from splitkit.backend import Array, Point, Scalar, Space, align, as_float, inner, namespace, sum_of
from splitkit.functions.base import Function, Indicator, extremes, matrices, parameter, required
from splitkit.functions.calculus.scaled import Scaled
from splitkit.functions.entropies.negative_entropy import NegativeEntropy, x_log_x
from splitkit.functions.entropies.relative_entropy import RelativeEntropy
from splitkit.functions.inner.accuracy import Inexact
from splitkit.functions.sets.transport_polytope import TransportPolytope, scaled_to_marginals


class TransportEntropy(Inexact, Function):
    """w Σ Xᵢⱼ log Xᵢⱼ on the matrices X ≥ 0 with row sums p and column sums q; inf elsewhere.

    With a reference R it is w Σ Xᵢⱼ log(Xᵢⱼ/Rᵢⱼ) − Xᵢⱼ + Rᵢⱼ. So
    ``Linear(C) + TransportEntropy(p, q, w)`` is entropic optimal transport of cost C; to methods,
    ``NegativeEntropy`` or ``RelativeEntropy`` plus a ``TransportPolytope`` is this function.

    prox_{αf}(Y) is the X with log(X/R) + X/αw − Y/αw = a1ᵀ + 1bᵀ for multipliers a and b of the
    sums: rows and columns are scaled in turn, with Newton steps for a and b at once. f*(U) is
    reached at the X of α = ∞, R ∘ exp(U/w) scaled to the sums (Sinkhorn), which is also the
    projection of R ∘ exp(U/w) onto the polytope in the Kullback-Leibler divergence. No entry
    exceeds its row's and its column's sum, so that f is w/min(max pᵢ, max qⱼ)-strongly convex.

    Source: Cuturi, *Sinkhorn distances* (2013); Benamou, Carlier, Cuturi, Nenna, Peyré, *Iterative
    Bregman projections for regularized transportation problems* (2015).

    Parameters
    ----------
    rows : array, shape (m,) or (..., m)
        p, non-negative and finite, of x's dtype and device; broadcasts to the row sums.
    columns : array, shape (n,) or (..., n)
        q, likewise, with the same total.
    weight : float, default 1
        w, positive and finite.
    reference : float or array, optional
        R, positive and finite; an array has dtype and device of x and broadcasts to it.
    accuracy : float, optional, keyword
        By how much of the total the sums of the prox are off at most; None: rounding.

    Raises
    ------
    TypeError, ValueError
        A marginal is negative or not finite, or their totals differ.
    ArithmeticError
        From ``prox`` and the conjugate: the accuracy was not reached in 400 steps.

    Examples
    --------
    >>> p, q = np.array([1.0, 2.0]), np.array([1.5, 1.5])
    >>> f = sk.functions.Linear(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> f = f + sk.functions.TransportEntropy(p, q, 0.5)
    >>> print(sk.minimize(f, np.zeros((2, 2))).x)
    [[0.9535 0.0465]
     [0.5465 1.4535]]
    """

    formula = r"<weight*>\sum @\log(@⟦/<reference>⟧)"
    prox_effort = 100.0

    rows: Array = required(check_array, within=NON_NEGATIVE)
    columns: Array = required(check_array, within=NON_NEGATIVE)
    weight: float = required(check_number, within=POSITIVE)
    reference: Any = parameter(POSITIVE, default=None)

    check_axes = matrices()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.polytope = TransportPolytope(self.rows, self.columns, batch_ndim=self.batch_ndim)
        most = min(extremes(self.rows)[1], extremes(self.columns)[1])
        self.strong_convexity = self.weight / most if most > 0 else 0.0

    def __call__(self, x: Point) -> Array:
        return self._entropy(x) + self.polytope(x)

    def _entropy(self, x: Array) -> Array:
        R = self.reference
        terms = x_log_x(x) if R is None else R * (x_log_x(x / R) + 1) - x
        return self.weight * sum_of(terms, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        t = align(alpha, x) * self.weight
        return self._scaled(x / t, t)

    def _scaled(self, u: Array, t: Scalar | None) -> Array:
        if self.reference is not None:
            u = u + namespace(self.reference, u).log(self.reference + 0.0 * u)
        return scaled_to_marginals(u, self.rows, self.columns, t, self.accuracy, repr(self))

    @property
    def domain(self) -> Indicator:
        return self.polytope

    def conjugate_value(self, u: Point) -> Array:
        x = self._scaled(u / self.weight, None)
        return inner(u, x, self.batch_ndim) - self._entropy(x)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        self.polytope.check_space(space)

    def __repr__(self) -> str:
        return f"TransportEntropy({self.rows.shape[-1]}×{self.columns.shape[-1]}, {self.weight:g})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        p, q = asarray([1.0, 0.5]), asarray([0.25, 0.0, 1.25])
        return [(cls(p, q, 0.5, asarray([[1.0, 2.0, 0.5]]), batch_ndim=1), (2, 2, 3))]


def restricted(f: Function, C: TransportPolytope) -> TransportEntropy | None:
    """f on C, where f is an entropy with one weight; None: it is none."""
    if isinstance(f, Scaled):
        inner = restricted(f.f, C)
        return None if inner is None else replace(inner, weight=f.c * inner.weight)
    if not isinstance(f, (NegativeEntropy, RelativeEntropy)) or f.batch_ndim != C.batch_ndim:
        return None
    weight = as_float(f.weight)
    if weight is None:
        return None
    R = f.reference if isinstance(f, RelativeEntropy) else None
    return TransportEntropy(
        C.rows, C.columns, weight, R, batch_ndim=f.batch_ndim, accuracy=C.accuracy
    )
