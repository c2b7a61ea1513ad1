"""f(x) = Σ xᵢ log xᵢ on the simplex {x ≥ 0, Σxᵢ = 1}, the conjugate of log Σ exp uᵢ."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Scalar, align, clip, namespace, sum_of
from splitkit.functions.base import Function, vectors, zero_or_inf
from splitkit.functions.entropies.log_sum_exp import LogSumExp, softmax_of_prox
from splitkit.functions.entropies.negative_entropy import x_log_x


class SimplexEntropy(Function):
    """Σ xᵢ log xᵢ on the simplices of the last axis, inf outside.

    Summed over the other axes that are not batch. The prox is accurate to rounding for every α.

    f(x) = Σ xᵢ log xᵢ on the simplex {x ≥ 0, Σxᵢ = 1}, the conjugate of log Σ exp uᵢ.

    It is 2-strongly convex, as log Σ exp is ½-smooth. prox_{αf}(y) is q = softmax(y/α − q/α), the
    gradient of log Σ exp at its own prox (Moreau).
    Source: Boyd, Vandenberghe, *Convex Optimization* (2004), Ex. 3.25.

    Examples
    --------
    >>> f = sk.functions.SimplexEntropy()
    >>> x = np.array([0.5, 0.25, 0.25])
    >>> print(f(x), f.prox(x))
    -1.0397 [0.3759 0.3121 0.3121]
    """

    formula = r"\sum @\log(@)"
    strong_convexity = 2.0
    check_axes = vectors()

    def __call__(self, x: Point) -> Array:
        xp = namespace(x)
        off = abs(xp.sum(x, axis=-1, keepdims=True) - 1)
        off = xp.maximum(off, -xp.min(x, axis=-1, keepdims=True))
        size = xp.sum(abs(x), axis=-1, keepdims=True)
        value = xp.sum(x_log_x(x), axis=-1, keepdims=True) + zero_or_inf(off, size)
        return sum_of(value, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        alpha = align(alpha, x)
        xp = namespace(x)
        low = -float(xp.finfo(x.dtype).max) / 4
        v = (x - xp.max(x, axis=-1, keepdims=True)) / alpha  # what all entries share does nothing
        return softmax_of_prox(clip(v, low), 1 / alpha)

    @property
    def conjugate(self) -> Function:
        return LogSumExp(batch_ndim=self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(), (3,))]
