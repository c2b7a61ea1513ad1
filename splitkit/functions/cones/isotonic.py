"""The monotone cone {x₁ ≤ x₂ ≤ … ≤ xₙ}."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, clip, device, namespace, norm, with_derivative
from splitkit.functions.base import Function, vectors
from splitkit.functions.cones.cone import Cone
from splitkit.functions.inner.block_means import block_means
from splitkit.functions.inner.roots import piecewise_linear_root


class Isotonic(Cone):
    """{x: x₁ ≤ … ≤ xₙ}, along the last axis. Exact: no iteration is cut short.

    The monotone cone {x₁ ≤ x₂ ≤ … ≤ xₙ}: projection (isotonic regression) by pooling halves.

    If l and r are the projections of the two halves of y, that of y is (min(l, v), max(r, v)): a
    block at the end of l and one at the beginning of r are pooled at the level v where Σ(v − rⱼ)₊ =
    Σ(lᵢ − v)₊, a root among the sorted entries; nothing is pooled if max l ≤ min r. Starting from
    single entries, log₂ n such levels act on all halves and all samples at once, O(n log² n).

    Source: the pooling of adjacent violators, Ayer, Brunk, Ewing, Reid, Silverman (1955); Best,
    Chakravarti, *Active set algorithms for isotonic regression* (1990).

    Examples
    --------
    >>> C = sk.functions.Isotonic()
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [0.8333 0.8333 0.8333]
    """

    formula = r"\{x_1 \leq \dots \leq x_n\}"
    polyhedral = True

    check_axes = vectors()

    def project(self, x: Point) -> Point:
        xp = namespace(x)
        *rest, n = x.shape
        # entries at the end that are as great as any change nothing before them
        whole = 1 << (n - 1).bit_length()
        filling = xp.max(x, axis=-1, keepdims=True) + xp.zeros(
            (*rest, whole - n), dtype=x.dtype, device=device(x)
        )
        y = xp.concat([x, filling], axis=-1)
        half = 1
        while half < whole:
            y = xp.reshape(y, (*rest, whole // (2 * half), 2 * half))
            y = _pooled(y[..., :half], y[..., half:])
            half *= 2
        found = xp.reshape(y, (*rest, whole))[..., :n]
        apart = found[..., 1:] != found[..., :-1]
        return with_derivative(found, (x,), lambda: block_means(x, apart))

    def violation(self, x: Point) -> Array:
        fall = clip(x[..., :-1] - x[..., 1:], 0.0)
        return norm(fall, self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(batch_ndim=1), (2, 3))]


def _pooled(left: Array, right: Array) -> Array:
    """The projection of two increasing halves, end to end."""
    xp = namespace(left)
    knots, one = xp.concat([left, right], axis=-1), xp.ones_like(left)
    least = xp.min(knots, axis=-1, keepdims=True)
    # Σ(v − r)₊ − Σ(l − v)₊ increases in v
    v = piecewise_linear_root(
        knots,
        xp.concat([-one, one], axis=-1),
        xp.sum(least - left, axis=-1, keepdims=True),
        xp.sum(one, axis=-1, keepdims=True),
    )
    # one Newton step takes the rounding of the long sums out
    above, below = clip(left - v, 0.0), clip(v - right, 0.0)
    pooled = xp.astype(above > 0, v.dtype) + xp.astype(below > 0, v.dtype)
    count = clip(xp.sum(pooled, axis=-1, keepdims=True), 1.0)
    v = v + xp.sum(above - below, axis=-1, keepdims=True) / count
    apart = left[..., -1:] <= right[..., :1]
    return xp.where(apart, knots, xp.concat([xp.minimum(left, v), xp.maximum(right, v)], axis=-1))
