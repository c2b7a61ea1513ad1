"""f(x) = log Σ exp xᵢ − ⟨p, x⟩."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, Space, align, namespace, sum_of
from splitkit.functions.base import Function, parameter, vectors
from splitkit.functions.inner.hessians import SecondDerivative
from splitkit.functions.inner.omega import omega
from splitkit.linear.base import LinearOperator

NEWTON_STEPS = 8


class LogSumExp(Function):
    """log Σ exp xᵢ − ⟨p, x⟩ over the last axis, summed over the other axes that are not batch.

    The prox is accurate to rounding for every α.

    f(x) = log Σ exp xᵢ − ⟨p, x⟩: the cross-entropy of softmax(x) with the distribution p, less p's
    entropy; for a one-hot p the softmax loss. ∇f(x) = softmax(x) − p, ½-smooth.

    x = prox_{αf}(y) = y + αp − αq with q = softmax(x). With v = y + αp and t = log Σ exp xᵢ,
    log(αqᵢ) + αqᵢ = vᵢ + log α − t, so that αqᵢ = ω(vᵢ + log α − t) for Wright's ω, and t solves Σ
    ω(vᵢ + log α − t) = α, whose left side decreases. The method is Newton's for log Σω, safeguarded
    by a bracket; its 8 steps reach rounding over n ≤ 2e4, |v| ≤ 1e4 and 1e-8 ≤ α ≤ 1e8.

    f*(u) is Σ qᵢ log qᵢ at q = u + p on the simplex (``SimplexEntropy``).
    Source: Boyd, Vandenberghe, *Convex Optimization* (2004), Ex. 3.25 for the conjugate.

    Parameters
    ----------
    p : array, optional
        Distributions over the last axis, one-hot for a label; dtype and device of x; broadcasts to
        x; None: zero, which leaves log Σ exp xᵢ.

    Examples
    --------
    >>> f = sk.functions.LogSumExp()
    >>> x = np.array([0.0, 1.0])
    >>> print(f(x), f.prox(x))
    1.3133 [-0.3374  0.3374]
    """

    formula = r"\log\sum e^{@}⟦ - \langle <p>, @\rangle⟧"

    p: Any = parameter(NON_NEGATIVE, "give non-negative probabilities", default=None)

    smoothness = 0.5
    prox_effort = 20.0
    check_axes = vectors()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.p is not None:
            check_distribution(self.p)

    def __call__(self, x: Point) -> Array:
        xp = namespace(x)
        greatest = xp.max(x, axis=-1, keepdims=True)
        # x less its maximum first: the sum of exponentials is between 1 and n
        moved = x - greatest
        sums = xp.log(xp.sum(xp.exp(moved), axis=-1, keepdims=True))
        if self.p is None:
            return sum_of(sums + greatest, self.batch_ndim)
        return sum_of(sums - xp.sum(self.p * moved, axis=-1, keepdims=True), self.batch_ndim)

    def gradient(self, x: Point) -> Point:
        q = softmax(x)
        return q if self.p is None else q - self.p

    def make_hessian(self, x: Point) -> LinearOperator:
        """diag(q) − qqᵀ, q = softmax(x)."""
        xp, q = namespace(x), softmax(x)

        def product(d: Array) -> Array:
            return q * (d - xp.sum(q * d, axis=-1, keepdims=True))

        return SecondDerivative(product, Space.of(x, self.batch_ndim, known_finite=True), 0.0, 0.5)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        alpha = align(alpha, x)
        v = x if self.p is None else x + alpha * self.p
        return v - alpha * softmax_of_prox(v, alpha)

    @property
    def conjugate(self) -> Function:
        return super().conjugate if self.p is not None else self._entropy()

    def _entropy(self) -> Function:
        # which imports this file
        from splitkit.functions.entropies.simplex_entropy import SimplexEntropy

        return SimplexEntropy(batch_ndim=self.batch_ndim)

    def conjugate_value(self, u: Point) -> Array:
        return self._entropy()(u if self.p is None else u + self.p)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        if self.p is None:
            return self._entropy().prox(x, alpha)
        return self._entropy().prox(x + self.p, alpha) - self.p

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.0, 1.0, 0.0])), (3,))]


def check_distribution(p: Array) -> None:
    """Raise ValueError unless the sums over the last axis are 1."""
    xp = namespace(p)
    off = xp.max(abs(xp.sum(p, axis=-1) - 1)) if p.ndim else abs(p - 1)
    if not bool(off <= 64 * xp.finfo(p.dtype).eps):
        raise ValueError(f"p = {p}: probabilities over the last axis must sum to 1")


def softmax(x: Array) -> Array:
    """exp xᵢ / Σ exp xⱼ over the last axis."""
    xp = namespace(x)
    e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


def softmax_of_prox(v: Array, alpha: Scalar) -> Array:
    """q = softmax(v − αq), which is softmax(prox_{αf}(v)) for f = log Σ exp."""
    xp, n = namespace(v), v.shape[-1]
    v = v - xp.max(v, axis=-1, keepdims=True)
    alpha = alpha + xp.zeros_like(v[..., :1])
    e = xp.exp(v)
    total = xp.sum(e, axis=-1, keepdims=True)
    # log Σ exp(v − αq) is at most log Σ exp v, and the root for vᵢ = max v; it is above the tangent
    # at v, above max v − α, and, as ω is convex, above the root for vᵢ = mean v
    high = xp.minimum(xp.log(total), math.log(n) - alpha / n)
    low = xp.maximum(xp.log(total) - alpha / total, -alpha)
    low = xp.maximum(low, xp.mean(v, axis=-1, keepdims=True) + math.log(n) - alpha / n)
    t, z = xp.minimum(low, high), v + xp.log(alpha)
    for _ in range(NEWTON_STEPS):
        w = omega(z - t)[0]
        sums = xp.sum(w, axis=-1, keepdims=True)
        slope = xp.sum(w / (1 + w), axis=-1, keepdims=True)
        short = sums > alpha
        low, high = xp.where(short, t, low), xp.where(short, high, t)
        step = t + xp.log(sums / alpha) * sums / slope
        inside = (step >= low) & (step <= high)
        t = xp.where(inside, step, (low + high) / 2)
    w = omega(z - t)[0]
    return w / xp.sum(w, axis=-1, keepdims=True)
