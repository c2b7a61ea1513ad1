"""f(x) = w(x₍₁₎ + … + x₍ₖ₎), the k largest entries."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, check_integer
from splitkit.backend import Array, Point, Scalar, Space, align, namespace, sum_of
from splitkit.functions.base import Function, as_vectors, parameter, required, zero_or_inf
from splitkit.functions.inner.ramps import ramps


class SumOfKLargest(Function):
    """w times the sum of the k largest entries, over all axes that are not batch.

    The prox is exact, by one sort.

    f(x) = w(x₍₁₎ + … + x₍ₖ₎), the k largest entries; prox_{αf}(y) = y − u with u the projection of
    y onto {0 ≤ u ≤ αw, Σuᵢ = kαw}: uᵢ = min(max(yᵢ − τ, 0), αw).

    f is the support function of that set for α = 1.
    Source: Beck, *First-Order Methods in Optimization* (2017), Example 6.51.

    Parameters
    ----------
    k : int
        At least 1, at most the number of entries.
    weight : float or array, default 1
        Non-negative and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> f = sk.functions.SumOfKLargest(k=2)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    3.5 [ 2.  -1.  -0.5]
    """

    formula = r"<weight*>\sum_{i \leq <k>}(@)_{(i)}"
    polyhedral = True
    sublinear = True

    k: int = required(check_integer, least=1)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)

    def __call__(self, x: Point) -> Array:
        xp = namespace(x)
        entries = xp.sort(as_vectors(x, self.batch_ndim), axis=-1, descending=True)
        return xp.sum(align(self.weight, entries) * entries[..., : self.k], axis=-1)

    def _dual(self, x: Array, cap: Scalar) -> Array:
        """The projection of x onto {0 ≤ u ≤ cap, Σuᵢ = k·cap}."""
        xp, y = namespace(x), as_vectors(x, self.batch_ndim)
        cap = align(cap, y) + 0.0 * y[..., :1]
        # y − max y first: a common shift moves τ only
        y = y - xp.max(y, axis=-1, keepdims=True)
        _, u = ramps(-y, 1.0, cap, self.k * cap)
        return xp.reshape(u, x.shape)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return x - self._dual(x, alpha * self.weight)

    def conjugate_value(self, u: Point) -> Array:
        xp, v = namespace(u), as_vectors(u, self.batch_ndim)
        gap = abs(xp.sum(v, axis=-1) - self.k * self.weight)
        gap = xp.maximum(gap, xp.max(v, axis=-1) - self.weight)
        gap = xp.maximum(gap, -xp.min(v, axis=-1))
        return zero_or_inf(gap, sum_of(abs(u), self.batch_ndim))

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self._dual(x, self.weight)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        check_entries(self, "k", self.k, space)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(2, asarray([0.5, 0.0]), batch_ndim=1), (2, 3))]


def check_entries(f: Function, name: str, k: int, space: Space) -> None:
    """Raise ValueError if the points of a space have fewer than k entries."""
    entries = 1
    for length in space.shapes[0][f.batch_ndim :]:
        entries *= length
    if entries < k:
        raise ValueError(
            f"{name} of {f!r} exceeds the {entries} entries of x0's samples, shape "
            f"{space.shapes[0]}: give at most {entries}"
        )
