"""The part of a box in a ball, {l ≤ x ≤ u, ‖x‖₂ ≤ r}."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import POSITIVE, Range, check_bounds
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    align,
    clip,
    held_fixed,
    holds,
    namespace,
    norm,
)
from splitkit.functions.base import Function, Indicator, as_vectors, entries, parameter
from splitkit.functions.inner.far import over
from splitkit.functions.inner.ramps import ramps


class BallBox(Indicator):
    """{x: lᵢ ≤ xᵢ ≤ uᵢ, ‖x‖₂ ≤ r}, over all axes that are not batch.

    The projection is min(max(ty, l), u) with the greatest t ≤ 1 for which its norm is at most r.
    The square of that norm is piecewise linear in t², and increasing: t is found exactly, by one
    sort. x ≥ 0 in the ball is ``BallBox(r)``.

    Its support function is ⟨u, x⟩ of the x that is found likewise for y = u, t free. Source: the
    optimality conditions; Bauschke, Combettes (2017), Prop. 29.3 and Cor. 27.10.

    Parameters
    ----------
    radius : float or array, default 1
        r, positive and finite; an array has batch shape, and dtype and device of x. Some x of the
        box must have ‖x‖ ≤ r.
    lower, upper : float or array, default 0 and inf
        −inf and inf leave a side free. Arrays have the shape of x, or that without batch axes.

    Examples
    --------
    >>> C = sk.functions.BallBox(5.0)
    >>> print(C.project(np.array([6.0, 8.0, -3.0])))
    [3. 4. 0.]
    """

    formula = r"\{<lower> \leq x \leq <upper>, \|x\| \leq <radius>\}"
    bounded = True

    radius: Scalar = parameter(POSITIVE, default=1.0, samplewise=True)
    lower: Scalar = parameter(Range(ends="[]"), default=0.0)
    upper: Scalar = parameter(Range(ends="[]"), default=float("inf"))

    check_axes = entries

    def __post_init__(self) -> None:
        self.lower, self.upper = check_bounds(self.lower, self.upper, "the box")
        super().__post_init__()

    def _rows(self, x: Array) -> tuple[Array, Array]:
        """l/r and u/r, the entries of each sample in a row."""
        xp = namespace(x)
        low, high = (
            as_vectors(each + xp.zeros_like(x), self.batch_ndim)
            for each in (self.lower, self.upper)
        )
        radius = align(self.radius, low)
        return low / radius, high / radius

    def _drawn(self, y: Array, low: Array, high: Array, free: bool = False) -> Array:
        """min(max(ty, l), u) with the greatest t ≤ 1, or of any size, whose norm is at most 1."""
        xp = namespace(y)
        at_zero = clip(xp.zeros_like(y), low, high)
        end = xp.where(y > 0, high, low)
        moves = (y != 0) & (xp.where(y > 0, high > 0, low < 0)) & (end != at_zero)
        moving = xp.where(moves, y, 0.0)
        # the square of the greatest entry may be no number: in units in which that is large, and
        # which leave room for the squares of small ones
        huge = float(xp.finfo(y.dtype).max)
        large = huge**0.25
        longest = xp.max(abs(held_fixed(moving)), axis=-1, keepdims=True)
        unit = large * (moving / xp.where(longest > 0, longest, 1.0))
        least = at_zero * at_zero
        # a bound outside of the ball is as good as 2, no end of a ramp where one is wanted
        most = clip(abs(xp.where(moves, end, 0.0)), 0.0, 2.0) ** 2
        speed = xp.where(moves, clip(unit * unit, 16 / huge), 0.0)  # caps over it are finite
        # from 0, or from the bound on the same side of 0 as y
        start = xp.where(moves, least / xp.where(moves, speed, 1.0), 0.0)
        left = clip(1 - xp.sum(least, axis=-1, keepdims=True), 0.0)
        square, _ = ramps(start, speed, clip(most - least, 0.0) * xp.astype(moves, y.dtype), left)
        t = xp.sqrt(clip(square, 0.0))
        return clip((t if free else xp.minimum(t, longest / large)) * unit, low, high)

    def project(self, x: Point) -> Point:
        xp = namespace(x)
        low, high = self._rows(x)
        radius = align(self.radius, low)
        y = over(as_vectors(x, self.batch_ndim), radius, (-1,))
        inside = clip(y, low, high)
        size = norm(inside, inside.ndim - 1)[..., None]
        nearest = xp.reshape(radius * xp.where(size > 1, self._drawn(y, low, high), y), x.shape)
        outside = xp.reshape(size, size.shape[:-1]) > 1
        return xp.where(align(outside, x), nearest, clip(x, self.lower, self.upper))

    def violation(self, x: Point) -> Array:
        outside = norm(x - clip(x, self.lower, self.upper), self.batch_ndim)
        return namespace(x).hypot(outside, clip(norm(x, self.batch_ndim) - self.radius, 0.0))

    def conjugate_value(self, u: Point) -> Array:
        low, high = self._rows(u)
        v = as_vectors(u, self.batch_ndim)
        best = self._drawn(v, low, high, free=True)
        return self.radius * namespace(u).sum(best * v, axis=-1)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        zeros = space.xp.zeros(space.shapes[0], dtype=space.dtype, device=space.device)
        least = norm(clip(zeros, self.lower, self.upper), self.batch_ndim)
        if not holds(least <= self.radius):
            raise ValueError(
                f"radius of {self!r} is less than the distance {float(space.xp.max(least)):g} of "
                "the box from 0: the set is empty; give a larger one"
            )

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        lower = asarray([0.2, -1.0, float("-inf")])
        return [
            (cls(asarray([0.5, 2.0]), lower, asarray([0.3, 0.5, 0.0]), batch_ndim=1), (2, 3)),
            (cls(), (3,)),
        ]
