"""The capped simplex {0 ≤ x ≤ u, Σxᵢ = r}."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import NON_NEGATIVE, Range
from splitkit.backend import Array, Point, Scalar, Space, align, clip, holds, namespace, sum_of
from splitkit.functions.base import ROUNDINGS, Function, Indicator, as_vectors, parameter
from splitkit.functions.inner.ramps import ramps


class CappedSimplex(Indicator):
    """{x: 0 ≤ xᵢ ≤ uᵢ, Σxᵢ = r}, over all axes that are not batch.

    The capped simplex {0 ≤ x ≤ u, Σxᵢ = r}: projection min(max(y − τ, 0), u).

    τ is the root of the piecewise linear equation Σ min(max(yᵢ − τ, 0), uᵢ) = r, found among its
    sorted knots yᵢ − uᵢ and yᵢ.

    Source: Wang, Lu, *Projection onto the capped simplex* (2015); Pardalos, Kovoor, *An algorithm
    for a singly constrained class of quadratic programs* (1990).

    Parameters
    ----------
    total : float or array, default 1
        r, non-negative and finite, at most Σuᵢ; an array has batch shape.
    upper : float or array, default 1
        u, non-negative; inf: no cap. An array has dtype and device of x and the shape of x, or that
        of x without its batch axes.

    Examples
    --------
    >>> C = sk.functions.CappedSimplex(upper=0.5)
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [0.5 0.  0.5]
    """

    formula = r"\{0 \leq x \leq <upper>, \sum x_i = <total>\}"
    bounded = True
    polyhedral = True

    total: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)
    upper: Scalar = parameter(Range(0.0, ends="[]"), default=1.0)

    def _caps(self, x: Array) -> tuple[Array, Array]:
        """min(u, r) and r, for the entries of each sample in a row: no entry exceeds r."""
        xp = namespace(x)
        zeros = as_vectors(xp.zeros_like(x), self.batch_ndim)
        upper = as_vectors(self.upper + xp.zeros_like(x), self.batch_ndim)
        total = align(self.total, upper) + zeros[..., :1]
        return xp.minimum(upper, total), total

    def project(self, x: Point) -> Point:
        upper, total = self._caps(x)
        y = namespace(x).reshape(x, upper.shape)
        _, p = ramps(-y, 1.0, upper, total)
        return namespace(x).reshape(p, x.shape)

    def kl_project(self, r: Point) -> Point:
        """min(λr, u): where the caps that are met, those of the least u/r, are taken away, λ scales
        the others to what is left.
        """
        xp = namespace(r)
        upper, total = self._caps(r)
        y = clip(xp.reshape(r, upper.shape), 0.0)
        some = (y > 0) & (upper > 0)
        ratio = xp.where(some, upper / xp.where(some, y, 1.0), math.inf)
        order = xp.argsort(ratio, axis=-1)
        caps, masses, knots = (
            xp.take_along_axis(a, order, axis=-1)
            for a in (xp.where(some, upper, 0.0), xp.where(some, y, 0.0), ratio)
        )
        # λ with the first k capped falls from the first k on for which no further cap is exceeded
        left = total - (xp.cumulative_sum(caps, axis=-1) - caps)
        open_ = xp.flip(xp.cumulative_sum(xp.flip(masses, axis=-1), axis=-1), axis=-1)
        scales = xp.where(open_ > 0, left / xp.where(open_ > 0, open_, 1.0), -1.0)
        level = xp.max(xp.where(scales <= knots, scales, -1.0), axis=-1, keepdims=True)
        # all are capped, to rounding, or cannot reach the total
        found = xp.where(level < 0, upper, xp.minimum(level * y, upper))
        found = xp.where(some, found, 0.0)
        missed = total - xp.sum(found, axis=-1, keepdims=True)
        eps = float(xp.finfo(r.dtype).eps)
        reached = missed <= ROUNDINGS * eps * y.shape[-1] * total
        return xp.reshape(xp.where(reached, found, math.nan), r.shape)

    def conjugate_value(self, u: Point) -> Array:
        """The greatest entries take their caps until the total is spent."""
        xp = namespace(u)
        order, taken = self._greatest(u)
        v = xp.reshape(u, order.shape)
        return xp.sum(taken * xp.take_along_axis(v, order, axis=-1), axis=-1)

    def support_point(self, v: Point) -> Point:
        xp = namespace(v)
        order, taken = self._greatest(v)
        places = xp.argsort(order, axis=-1)
        return xp.reshape(xp.take_along_axis(taken, places, axis=-1), v.shape)

    def _greatest(self, u: Array) -> tuple[Array, Array]:
        """The entries in their order, the greatest first, and what they take until the total is
        spent.
        """
        xp = namespace(u)
        upper, total = self._caps(u)
        order = xp.argsort(xp.reshape(u, upper.shape), axis=-1, descending=True)
        caps = xp.take_along_axis(upper, order, axis=-1)
        spent = xp.cumulative_sum(caps, axis=-1) - caps
        return order, xp.minimum(caps, clip(total - spent, 0.0))

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        xp, shape = space.xp, space.shapes[0]
        x = xp.zeros(shape, dtype=space.dtype, device=space.device)
        sums = sum_of(self.upper + x, self.batch_ndim)
        rounding = 64 * float(xp.finfo(space.dtype).eps)
        if not holds(sums * (1 + rounding) >= self.total):
            raise ValueError(
                f"total of {self!r} exceeds Σ upper = {float(xp.min(sums)):g} over the entries of "
                f"x0 (shape {shape}): the set is empty; give a total of at most that"
            )

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        caps = asarray([0.5, 0.0, 2.0, float("inf")])
        return [
            (cls(1.5, 0.7), (3,)),
            (cls(asarray([0.0, 0.5, 4.0]), caps, batch_ndim=1), (3, 4)),
        ]
