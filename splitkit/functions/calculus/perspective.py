"""The perspective f̃(x, t) = t f(x/t) for t > 0, of a strongly convex f."""

from __future__ import annotations

import math

from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    align,
    clip,
    namespace,
    scale,
    subtract,
    sum_of,
    where,
)
from splitkit.functions.base import Function
from splitkit.functions.norms.sublinear import Sublinear

CHECK_EVERY = 4  # steps between two looks at the brackets from the host


class Perspective(Sublinear):
    """(x, t) ↦ t f(x/t) on pairs of arrays; t has one entry for each sample.

    The perspective f̃(x, t) = t f(x/t) for t > 0, of a strongly convex f; f̃(0, 0) = 0, else inf.

    It is the support function of {(u, s): f*(u) + s ≤ 0}, whose indicator is its conjugate, so that
    its prox is (0, 0) if t + αf*(x/α) ≤ 0, and otherwise (x − αu, s) with u = prox_{(s/α)f*}(x/α)
    and s > 0 the root of s − t − αf*(u), which grows at least as fast as s: it is found by
    bracketed secants. Source: Combettes, Müller, *Perspective functions: proximal calculus and
    applications* (2018), Thm. 3.1.

    Parameters
    ----------
    f : Function
        Strongly convex, so that f* is finite everywhere; the value and the prox of ``f.conjugate``
        must be known, as those of ``SquaredL2(w)`` and what the calculus makes of it are.

    Notes
    -----
    t has the batch's shape with one more axis of length 1. The prox is exact to the rounding of
    t + αf*(u); it takes at most two proxes of f* for each bit of the dtype, often fifteen.

    Raises
    ------
    TypeError
        f is not known to be strongly convex.

    Examples
    --------
    >>> f = sk.functions.Perspective(sk.functions.SquaredL2())  # ‖x‖²/2t
    >>> x, t = np.array([2.0, 1.0]), np.array([2.0])
    >>> print(f((x, t)))
    1.25
    """

    formula = r"t\,(<f>)(x/t)"
    finite = False

    def __init__(self, f: Function) -> None:
        if not f.convex or not f.strong_convexity > 0:
            raise TypeError(f"{f!r} is not known to be strongly convex: its perspective needs that")
        self.f, self.dual, self.batch_ndim = f, f.conjugate, f.batch_ndim

    def __call__(self, x: Point) -> Array:
        point, t = x
        xp = namespace(t)
        scalar = t[..., 0]
        inside = scalar > 0
        safe = xp.where(inside, scalar, 1.0)
        value = safe * self.f(point / align(safe, point))
        at_zero = (scalar == 0) & (sum_of(abs(point), self.batch_ndim) == 0)
        outside = xp.where(at_zero, xp.zeros_like(value), float("inf"))
        return xp.where(inside, value, outside)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        point, t = x
        xp = namespace(t)
        v, scalar = scale(1 / alpha, point), t[..., 0]
        greatest = scalar + alpha * self.dual(v)  # f*(u) ≤ f*(v): the root is not beyond
        positive = greatest > 0
        eps = xp.finfo(t.dtype).eps
        low, high = 0.0 * greatest, xp.where(positive, greatest, 1.0)
        # Illinois: the secant through both ends, where an end that stays counts half
        at_low, at_high, kept = -high, high, 0.0 * high
        root, settled = high, high < 0
        for k in range(2 * math.ceil(-math.log2(eps))):
            secant = high - at_high / (at_high - at_low) * (high - low)  # no product overflows
            s = (low + high) / 2 if k % 3 == 2 else clip(secant, low, high)
            h = s - scalar - alpha * self.dual(self.dual.prox(v, s / alpha))
            root = xp.where(settled, root, s)
            rounding = 4 * eps * (s + abs(scalar))
            settled = settled | (abs(h) <= rounding) | (high - low <= 2 * eps * high)
            if k % CHECK_EVERY == 0 and bool(xp.all(settled | ~positive)):
                break
            below = h < 0
            at_low = xp.where(below, h, xp.where(kept > 0, at_low / 2, at_low))
            at_high = xp.where(below, xp.where(kept < 0, at_high / 2, at_high), h)
            low, high = xp.where(below, s, low), xp.where(below, high, s)
            kept = xp.where(below, -1.0 + 0.0 * h, 1.0)
        p = subtract(point, scale(alpha, self.dual.prox(v, root / alpha)))
        p = p, xp.expand_dims(root, axis=-1)
        return where(positive, p, scale(0.0, p))

    def check_space(self, space: Space) -> None:
        if not space.is_tuple or len(space.shapes) != 2:
            raise TypeError(f"{self!r} acts on pairs of arrays (x, t): give x0 as such a tuple")
        if self.batch_ndim != space.batch_ndim or space.shapes[1] != (*space.batch_shape, 1):
            raise ValueError(
                f"{self!r} has batch_ndim = {self.batch_ndim}: t must have one entry for each "
                f"sample, shape {(*space.batch_shape, 1)}, got shapes {space.shapes} and "
                f"batch_ndim = {space.batch_ndim}"
            )
        self.f.check_space(space.block_spaces()[0])

    def refusal_of_complex(self, space: Space) -> str:
        return (
            f"{self!r} acts on real points, and x0 is complex ({space.dtype}): t > 0 is a real "
            "number; give the real problem of the tuple (real part, imaginary part) of x in one "
            "array, and t"
        )

    def __repr__(self) -> str:
        return f"Perspective({self.f!r})"
