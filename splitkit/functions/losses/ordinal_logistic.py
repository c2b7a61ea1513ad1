"""f(x) = −Σ log(σ(bᵢ − xᵢ) − σ(aᵢ − xᵢ)), σ(t) = 1/(1 + e⁻ᵗ)."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from splitkit.arguments import FINITE, NON_NEGATIVE, Range, check_bounds, check_parameter
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    align,
    device,
    held_fixed,
    holds,
    integer_dtype,
    is_array,
    namespace,
    sizes,
    sum_of,
)
from splitkit.functions.base import Function, Indicator, extremes, parameter
from splitkit.functions.inner.roots import as_root, increasing_root
from splitkit.functions.sets.box import Box

STEPS = 60  # of the root's search, at most: the bracket alone ends after as many halvings


class OrdinalLogistic(Function):
    """−Σ wᵢ log(σ(bᵢ − xᵢ) − σ(aᵢ − xᵢ)), σ(t) = 1/(1 + e⁻ᵗ); w/2-smooth.

    The proportional odds of the label between the thresholds a and b; with a = −∞ or b = ∞ that of
    the lowest or the highest, ``Logistic`` of x − b or a − x. It is Σ w(log(1 + e^{x−b}) +
    log(1 + e^{a−x}) − log(1 − e^{a−b})).

    prox_{αf}(y) is the root x of x + αw(σ(x − b) − σ(a − x)) = y, by safeguarded Newton. Source:
    McCullagh, *Regression models for ordinal data* (1980); Pedregosa, Bach, Gramfort (2017).

    Parameters
    ----------
    lower, upper : float or array
        a < b; −inf and inf where a label is the lowest or the highest one.
    weight : float or array, default 1
        Non-negative and finite. Arrays have dtype and device of x and broadcast to it.

    Examples
    --------
    >>> f = sk.functions.OrdinalLogistic.of(np.array([0, 2, 1]), np.array([-1.0, 1.0]))
    >>> x = np.array([-2.0, 0.0, 0.5])
    >>> print(f(x), f.prox(x))
    2.4474 [-2.2268  0.5989  0.3593]
    """

    formula = r"-\sum\log(\sigma(<upper> - @) - \sigma(<lower> - @))"

    lower: Scalar = parameter(Range(ends="[)"))
    upper: Scalar = parameter(Range(ends="(]"))
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    elementwise = True
    prox_effort = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.lower, self.upper = check_bounds(self.lower, self.upper, "the label", apart=True)
        self.smoothness = extremes(self.weight)[1] / 2

    @classmethod
    def of(cls, labels: Any, thresholds: Any, weight: Scalar = 1.0, **options: Any) -> Self:
        """That of labels 0, …, K, an array like x, between K increasing thresholds."""
        like = next(filter(is_array, (thresholds, labels)), np.zeros(0))
        xp, on = namespace(like), device(like)
        if not is_array(thresholds):
            thresholds = xp.asarray([float(t) for t in thresholds], device=on)
        check_parameter("thresholds", thresholds, FINITE)
        if thresholds.ndim != 1 or not holds(thresholds[:-1] < thresholds[1:]):
            raise ValueError(
                f"thresholds = {thresholds}: one is not below the next; give an increasing vector"
            )
        given, K = labels, thresholds.shape[0]
        if not is_array(labels):
            labels = xp.asarray(np.asarray(labels, dtype=float).tolist(), device=on)
        places = xp.astype(labels, thresholds.dtype)
        if not holds((places >= 0) & (places <= K) & (xp.floor(places) == places)):
            raise ValueError(
                f"labels = {given}: give integers 0, …, {K}, as there are {K} thresholds"
            )
        end = xp.full((1,), math.inf, dtype=thresholds.dtype, device=on)
        index = xp.reshape(xp.astype(labels, integer_dtype(labels)), (-1,))
        below, above = xp.concat([-end, thresholds]), xp.concat([thresholds, end])
        low, high = (
            xp.reshape(xp.take(each, index, axis=0), labels.shape) for each in (below, above)
        )
        return cls(low, high, weight, **options)

    def __call__(self, x: Point) -> Array:
        xp = namespace(x)
        gap = self.upper - self.lower + xp.zeros_like(x)
        terms = _softplus(x - self.upper) + _softplus(self.lower - x)
        return sum_of(self.weight * (terms - xp.log(-xp.expm1(-gap))), self.batch_ndim)

    def gradient(self, x: Point) -> Point:
        return self.weight * (_sigmoid(x - self.upper) - _sigmoid(self.lower - x))

    def curvatures(self, x: Array) -> Scalar:
        above, below = _sigmoid(x - self.upper), _sigmoid(self.lower - x)
        return self.weight * (above * (1 - above) + below * (1 - below))

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        t = align(alpha, x) * self.weight + 0.0 * abs(x)

        def g(s: Array, y: Array, t: Array, low: Array, high: Array) -> tuple[Array, Array]:
            above, below = _sigmoid(s - high), _sigmoid(low - s)
            slope = 1 + t * (above * (1 - above) + below * (1 - below))
            return s - y + t * (above - below), slope

        low, high = self.lower + 0.0 * t, self.upper + 0.0 * t
        fixed = tuple(map(held_fixed, (x, t, low, high)))
        y, step = fixed[:2]
        root = increasing_root(g, y - step, y + step, data=fixed, steps=STEPS)

        return as_root(root, g, (x, t, low, high))

    @property
    def slopes(self) -> Indicator:
        below, above = (_where_finite(each, self.weight) for each in (self.lower, self.upper))
        return Box(-below, above, batch_ndim=self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        low, high = asarray([-math.inf, -1.0, 0.5]), asarray([-1.0, 0.5, math.inf])
        return [
            (cls(low, high, batch_ndim=1), (2, 3)),
            (cls(-1.0, 0.5, asarray([0.5, 0.0, 2.0])), (3,)),
        ]


def _where_finite(bound: Scalar, weight: Scalar) -> Scalar:
    """The weight, 0 where the bound is infinite."""
    if not is_array(bound):
        return weight * float(math.isfinite(bound))
    xp = namespace(bound)
    finite = xp.isfinite(bound)
    return xp.where(finite, weight + xp.zeros_like(bound), 0.0)


def _softplus(t: Array) -> Array:
    """log(1 + eᵗ)."""
    xp, size = namespace(t), sizes(t)
    return xp.where(t > 0, t, 0.0) + xp.log1p(xp.exp(-size))


def _sigmoid(t: Array) -> Array:
    """1/(1 + e⁻ᵗ)."""
    xp = namespace(t)
    e = xp.exp(-sizes(t))
    return xp.where(t >= 0, xp.ones_like(e), e) / (1 + e)
