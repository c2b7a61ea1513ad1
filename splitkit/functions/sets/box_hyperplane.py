"""The part of a box on a hyperplane, {l ≤ x ≤ u, ⟨a, x⟩ = b}."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import FINITE, check_array, check_bounds
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    align,
    clip,
    holds,
    namespace,
    norm,
    sum_of,
)
from splitkit.functions.base import Function, Indicator, as_vectors, entries, parameter, required
from splitkit.functions.inner.ramps import ramps


class BoxHyperplane(Indicator):
    """{x: lᵢ ≤ xᵢ ≤ uᵢ, ⟨a, x⟩ = b}, over all axes that are not batch.

    The projection is min(max(y + μa, l), u), with μ such that its product with a is b: a piecewise
    linear equation, increasing in μ, solved exactly by one sort. With a the labels and b = 0 it is
    the feasible set of a support vector machine.

    Source: Pardalos, Kovoor, *An algorithm for a singly constrained class of quadratic programs*
    (1990).

    Parameters
    ----------
    normal : array
        a; entries may be 0. Dtype and device of x, of whose shape, or that without batch axes.
    value : float or array, default 0
        b, finite; an array has batch shape. Some x of the box must have ⟨a, x⟩ = b.
    lower, upper : float or array, default 0 and 1
        Finite; arrays as a.

    Examples
    --------
    >>> C = sk.functions.BoxHyperplane(np.array([1.0, -1.0, 2.0]), 1.0)
    >>> print(C.project(np.array([0.5, 0.5, 0.0])))
    [0.6667 0.3333 0.3333]
    """

    formula = r"\{<lower> \leq x \leq <upper>, \langle a, x\rangle = <value>\}"
    bounded = True
    polyhedral = True

    normal: Array = required(check_array, repr=False)
    value: Scalar = parameter(FINITE, default=0.0, samplewise=True)
    lower: Scalar = parameter(FINITE, default=0.0)
    upper: Scalar = parameter(FINITE, default=1.0)

    parameters = ("normal",)
    check_axes = entries

    def __post_init__(self) -> None:
        super().__post_init__()
        self.lower, self.upper = check_bounds(self.lower, self.upper, "the box")

    def _rows(self, x: Array) -> tuple[Array, Array, Array, Array, Array]:
        """a, l and u, the entries of each sample in a row; the least of aᵢxᵢ, and its range."""
        xp = namespace(x)
        a, low, high = (
            as_vectors(each + xp.zeros_like(x), self.batch_ndim)
            for each in (self.normal, self.lower, self.upper)
        )
        ends = a * low, a * high
        least = xp.minimum(*ends)
        return a, low, high, least, xp.maximum(*ends) - least

    def _left(self, least: Array) -> Array:
        """b less the least of ⟨a, x⟩, at least 0."""
        total = namespace(least).sum(least, axis=-1, keepdims=True)
        return clip(align(self.value, least) - total, 0.0)

    def project(self, x: Point) -> Point:
        xp = namespace(x)
        a, low, high, *_ = self._rows(x)
        y, square = xp.reshape(x, a.shape), a * a
        counts = square > 0
        # from the box's nearest point all entries move to the side on which the equation is
        inside = clip(y, low, high)
        missed = align(self.value, a) - xp.sum(a * inside, axis=-1, keepdims=True)
        towards = xp.where(missed < 0, -a, a)
        usable, total = xp.where(counts, towards, 1.0), abs(missed)
        room = xp.where(counts, towards * (xp.where(towards > 0, high, low) - inside), 0.0)
        start = xp.where(counts, (inside - y) / usable, 0.0)
        _, parts = ramps(start, square, xp.minimum(room, total), total)
        found = clip(inside + parts / usable, low, high)  # then the equation to its own rounding
        steep = xp.where((found > low) & (found < high), square, 0.0)
        total = xp.sum(steep, axis=-1, keepdims=True)
        off = align(self.value, a) - xp.sum(a * found, axis=-1, keepdims=True)
        change = xp.where(steep > 0, a, 0.0) * (off / xp.where(total > 0, total, 1.0))
        return xp.reshape(clip(found + change, low, high), x.shape)

    def violation(self, x: Point) -> Array:
        xp = namespace(x)
        a, low, high, *_ = self._rows(x)
        y = xp.reshape(x, a.shape)
        off = abs(xp.sum(a * y, axis=-1) - self.value)
        length = xp.sqrt(xp.sum(a * a, axis=-1))
        outside = xp.sqrt(xp.sum((y - clip(y, low, high)) ** 2, axis=-1))
        return xp.hypot(off / xp.where(length > 0, length, 1.0), outside)

    def cancelling(self, x: Point) -> Array:
        _, low, high, *_ = self._rows(x)
        ends = namespace(x).maximum(abs(low), abs(high))
        return super().cancelling(x) + norm(ends, self.batch_ndim)

    def conjugate_value(self, u: Point) -> Array:
        """All entries where aᵢxᵢ is least; then the greatest uᵢ/aᵢ move until ⟨a, x⟩ is b."""
        xp = namespace(u)
        a, low, high, least, span = self._rows(u)
        v, counts = xp.reshape(u, a.shape), a * a > 0
        usable = xp.where(counts, a, 1.0)
        ratio = xp.where(counts, v / usable, 0.0)
        free = xp.where(counts, 0.0, xp.maximum(low * v, high * v))
        order = xp.argsort(ratio, axis=-1, descending=True)
        spans = xp.take_along_axis(span, order, axis=-1)
        spent = xp.cumulative_sum(spans, axis=-1) - spans
        taken = xp.minimum(spans, clip(self._left(least) - spent, 0.0))
        gained = xp.sum(taken * xp.take_along_axis(ratio, order, axis=-1), axis=-1)
        return gained + xp.sum(free + xp.where(counts, ratio * least, 0.0), axis=-1)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        xp, zeros = (
            space.xp,
            space.xp.zeros(space.shapes[0], dtype=space.dtype, device=space.device),
        )
        *_, least, span = self._rows(zeros)
        low = sum_of(least, self.batch_ndim)
        high, size = low + sum_of(span, self.batch_ndim), sum_of(abs(least) + span, self.batch_ndim)
        rounding = 64 * space.eps * size
        if not holds((low - rounding <= self.value) & (self.value <= high + rounding)):
            raise ValueError(
                f"value of {self!r} is out of reach: ⟨a, x⟩ is in [{float(xp.max(low)):g}, "
                f"{float(xp.min(high)):g}] on the box; the set is empty"
            )

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        values, upper = asarray([0.3, -0.5]), asarray([0.5, 1.0, 2.0])
        return [(cls(asarray([1.0, -2.0, 0.0]), values, -1.0, upper, batch_ndim=1), (2, 3))]
