"""The perspective f̃(x, t) = t f(x/t) for t > 0, of a convex f."""

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
    norm,
    scale,
    subtract,
    sum_of,
    where,
)
from splitkit.functions.base import Function, Indicator, infinite_where, zero_or_inf
from splitkit.functions.norms.sublinear import Sublinear

CHECK_EVERY = 4  # steps between two looks at the brackets from the host


class Perspective(Sublinear):
    """(x, t) ↦ t f(x/t) on pairs of arrays; t has one entry for each sample.

    The perspective f̃(x, t) = t f(x/t) for t > 0; f̃(x, 0) is the recession function of f, which is
    0 at 0 and inf elsewhere where f* is finite everywhere, and else the support function of f*'s
    domain; inf for t < 0. Of a set's indicator it is that of the cone on C at height 1.

    It is the support function of {(u, s): f*(u) + s ≤ 0}, whose indicator is its conjugate, so that
    its prox is (x − αu, 0), u the projection of x/α onto the closure of f*'s domain, if
    t + αf*(u) ≤ 0, and otherwise (x − αu, s) with u = prox_{(s/α)f*}(x/α) and s > 0 the root of
    s − t − αf*(u), which grows at least as fast as s: it is found by bracketed secants. There
    x − αu = s prox_{(α/s)f}(x/s). Source: Combettes, Müller, *Perspective functions: proximal
    calculus and applications* (2018), Thm. 3.1; Bauschke, Combettes (2017), Prop. 9.42.

    Parameters
    ----------
    f : Function
        Convex; the value and the prox of ``f.conjugate`` must be known, as those of
        ``SquaredL2(w)`` and what the calculus makes of it are, and how f grows: f is strongly
        convex or ``supercoercive``, has ``slopes``, is sublinear, or a set with ``recession``.

    Notes
    -----
    t has the batch's shape with one more axis of length 1. The prox is exact to the rounding of
    t + αf*(u); it takes at most two proxes of f* for each bit of the dtype, often fifteen.

    Raises
    ------
    TypeError
        f is not convex, or it is not known how it grows.

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
        if not isinstance(f, Function) or not f.convex:
            raise TypeError(f"f = {f!r}: a perspective is of a convex function; give one")
        self.f, self.dual, self.batch_ndim = f, f.conjugate, f.batch_ndim
        self.finite_dual = f.strong_convexity > 0 or f.supercoercive
        known = self.finite_dual or isinstance(f, Indicator) or f.slopes is not None
        if not known:
            raise TypeError(
                f"it is not known how {f!r} grows, which its perspective needs: give f that is "
                "strongly convex or supercoercive, or has slopes"
            )

    def _recession(self, x: Array) -> Array:
        """lim f(sx)/s for s → ∞, of batch shape."""
        zero = sum_of(0.0 * x, self.batch_ndim)
        if self.finite_dual:
            return infinite_where(sum_of(abs(x), self.batch_ndim) > 0, zero)
        if isinstance(self.f, Indicator):
            away = norm(subtract(x, self._along(x)), self.batch_ndim)
            return zero_or_inf(away, norm(x, self.batch_ndim))
        assert self.f.slopes is not None
        return self.f.slopes.conjugate_value(x) + zero

    def _along(self, x: Array) -> Array:
        """Of a set, the direction nearest to x in which it is unbounded."""
        assert isinstance(self.f, Indicator)
        back = self.f.recession(x)
        if back is None:
            raise TypeError(
                f"it is not known in which directions {self.f!r} is unbounded: its perspective has "
                "no closed form"
            )
        return back

    def _nearest_slope(self, v: Array) -> Array:
        """The point nearest to v in the closure of f*'s domain."""
        if self.finite_dual:
            return v
        if isinstance(self.f, Indicator):
            return subtract(v, self._along(v))
        assert self.f.slopes is not None
        return self.f.slopes.project(v)

    def __call__(self, x: Point) -> Array:
        point, t = x
        xp = namespace(t)
        scalar = t[..., 0]
        inside = scalar > 0
        safe = xp.where(inside, scalar, 1.0)
        value = safe * self.f(point / align(safe, point))
        outside = infinite_where(scalar != 0, self._recession(point))
        return xp.where(inside, value, outside)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        point, t = x
        xp = namespace(t)
        v, scalar = scale(1 / alpha, point), t[..., 0]
        at_zero = self._nearest_slope(v)
        greatest = scalar + alpha * self.dual(at_zero)
        positive = greatest > 0
        info = xp.finfo(t.dtype)
        eps, least = info.eps, 16 * float(info.smallest_normal)

        def dual_prox(s: Array) -> Array:  # its step and the inverse of that are numbers
            return self.dual.prox(v, clip(s / alpha, least, 1 / least))

        # f*(u) falls as s grows: from any s on, the root is not beyond t + αf*(u)
        size = norm(point, self.batch_ndim)
        far = abs(scalar) + size
        beyond = scalar + alpha * self.dual(dual_prox(far))
        most = xp.minimum(greatest, xp.maximum(far, beyond))
        low, high = 0.0 * most, xp.where(positive, most, 1.0)
        # Illinois: the secant through both ends, where an end that stays counts half
        at_low, at_high, kept = -high, high, 0.0 * high
        root, settled = high, high < 0
        for k in range(2 * math.ceil(-math.log2(eps))):
            secant = high - at_high / (at_high - at_low) * (high - low)  # no product overflows
            s = (low + high) / 2 if k % 3 == 2 else clip(secant, low, high)
            h = s - scalar - alpha * self.dual(dual_prox(s))
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
        if self.f.has_prox:  # in f's domain times s
            root = xp.maximum(root, least * xp.maximum(size, 1.0 + 0.0 * size))
            step = clip(alpha / root, least, 1 / least)
            p = scale(root, self.f.prox(scale(1 / root, point), step))
        else:
            p = subtract(point, scale(alpha, dual_prox(root)))
        flat = scale(alpha, subtract(v, at_zero)), xp.zeros_like(t)
        return where(positive, (p, xp.expand_dims(root, axis=-1)), flat)

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
