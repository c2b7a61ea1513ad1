"""Divergences Σ wᵢ qᵢφ(pᵢ/qᵢ) of two arguments that are both unknown: pairs (p, q) of arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from splitkit.arguments import POSITIVE, Range, check_number
from splitkit.backend import Array, Point, Scalar, Space, align, clip, held_fixed, namespace, sum_of
from splitkit.functions.base import Function, parameter, required
from splitkit.functions.inner.roots import as_root, increasing_root, positive_root
from splitkit.functions.norms.sublinear import Sublinear

STEPS = 32  # of the root's search, at most


class JointDivergence(Sublinear):
    """Σ wᵢ qᵢφ(pᵢ/qᵢ) on pairs (p, q) ≥ 0 of arrays of one shape, φ convex on ζ > 0; else inf.

    Being sublinear, it is the support function of {u ≤ φ′(ζ), v ≤ φ(ζ) − ζφ′(ζ) for a ζ > 0}. So
    the prox at (a, b), α = w = 1, is (a − u, b − v) at the ζ = eˢ with a − u = ζ(b − v),
    whose sides differ by a function of s with one change of sign,
    found by a safeguarded Newton method; and 0 where both are negative.

    Source: El Gheche, Chierchia, Pesquet, *Proximity operators of discrete information divergences*
    (2018).
    """

    finite = False
    prox_effort = 40.0
    at_zero: ClassVar[float]  # φ(0), the value of (0, 1)
    at_infinity: ClassVar[float]  # of (1, 0)
    weight: ClassVar[Any]  # after what else a subclass declares

    def _terms(self, p: Array, q: Array) -> Array:
        """qφ(p/q) for p, q > 0."""
        raise NotImplementedError

    def _boundary(self, s: Array) -> tuple[Array, Array, Array]:
        """u = φ′(eˢ), v = φ(eˢ) − eˢφ′(eˢ), and the derivative of u in s."""
        raise NotImplementedError

    def _bounds(self, a: Array, b: Array) -> tuple[Array, Array]:
        """Between which s is, or a part of what is beyond where a side is negative there; both −∞
        where p = 0.
        """
        raise NotImplementedError

    def __call__(self, x: Point) -> Array:
        p, q = x
        xp = namespace(p)
        both = (p > 0) & (q > 0)
        inside = self._terms(xp.where(both, p, 1.0), xp.where(both, q, 1.0))
        edge = xp.where(p > 0, _times(self.at_infinity, p), 0.0)
        edge = xp.where(q > 0, _times(self.at_zero, q), edge)
        terms = self.weight * xp.where(both, inside, edge)
        return sum_of(xp.where((p >= 0) & (q >= 0), terms, math.inf), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        p, q = x
        xp = namespace(p)
        greatest = float(xp.finfo(p.dtype).max)
        t = align(alpha, p) * self.weight + xp.zeros_like(p)
        # where y/t is no number of the dtype, that of the nearest t for which it is one: so far
        # out f is affine about y to rounding, so near 0 its prox is homogeneous
        size = held_fixed(xp.maximum(abs(p), abs(q)))
        t = xp.maximum(t, size * (16 / greatest))
        t = xp.minimum(t, xp.where(size > 0, size, 1.0) * (greatest / 16))
        a, b = p / t, q / t

        def g(s: Array, a: Array, b: Array) -> tuple[Array, Array]:
            u, v, slope = self._boundary(s)
            left, right, negative = a - u, b - v, s < 0
            small, great = xp.exp(xp.where(negative, s, -s)), xp.exp(clip(s, 0.0))
            value = xp.where(negative, small * right - left, right - small * left)
            grown = xp.where(negative, small * right, small * left)
            own = xp.where(negative, 1 + small * small, small + great) * slope
            return value, grown + own

        held = held_fixed(a), held_fixed(b)
        far = math.log(greatest) - 2
        low, high = (clip(each, -far, far) for each in self._bounds(*held))
        found = increasing_root(g, low, high, data=held, steps=STEPS)
        # elsewhere p/q is 0 to rounding, and so is its derivative; those of s have no square
        inside = found > -0.45 * far
        a, b = (xp.where(inside, each, 1.0) for each in (a, b))
        root = as_root(xp.where(inside, found, 0.0), g, (a, b))
        s = xp.where(inside, root, found)
        u, v, _ = self._boundary(s)
        negative = s < 0
        ratio = xp.exp(xp.where(negative, s, -s))
        # of the two equal sides that which is the greater block
        larger = clip(xp.where(negative, q - t * v, p - t * u), 0.0)
        less = ratio * larger
        return xp.where(negative, less, larger), xp.where(negative, larger, less)

    def check_space(self, space: Space) -> None:
        if not space.is_tuple or len(space.shapes) != 2 or space.shapes[0] != space.shapes[1]:
            raise TypeError(
                f"{self!r} acts on pairs (p, q) of arrays of one shape: give x0 as such a tuple, "
                f"got shapes {space.shapes}"
            )
        self.check_batch(space)
        self.check_parameters(space.block_spaces()[0])

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        weight = asarray([0.5, 1.0, 2.0])
        return [(cls(weight=weight, batch_ndim=1), ((2, 3), (2, 3)))]  # type: ignore[call-arg]


def _times(factor: float, x: Array) -> Array:
    """factor · x for x > 0, also for an infinite factor."""
    return namespace(x).full_like(x, math.inf) if factor == math.inf else factor * x


def _log_ratio(p: Array, q: Array) -> Array:
    """log(p/q), accurate where p and q are close."""
    xp, d = namespace(p), p - q
    near = abs(d) < q / 2
    return xp.where(near, xp.log1p(xp.where(near, d / q, 0.0)), xp.log(p) - xp.log(q))


def _positive_log(x: Array) -> Array:
    """log x, of numbers below the least normal one as of that."""
    xp = namespace(x)
    return xp.log(clip(x, float(xp.finfo(x.dtype).smallest_normal)))


def _log_root(c: Array, r: Array) -> Array:
    """log of the root ζ ≥ 0 of ζ² + cζ = r, of which r < 0 counts as 0."""
    return _positive_log(positive_root(-c, clip(r, 0.0)))


def _root_between(
    powers: tuple[tuple[float, float], ...], a: Array, b: Array
) -> tuple[Array, Array]:
    """Between which s is where Σ cζᵏ + bζ = a, of powers (c, k), the last k > 1; both −∞ if a ≤ 0.

    For b ≥ 0 no term on the left exceeds a, and one of them is at least a over their number; for
    b < 0 one of Σ cζᵏ is that, and the last at most twice the greater of a and −bζ.
    """
    xp, many = namespace(a), len(powers) + 1
    log_a, log_b = _positive_log(a), _positive_log(abs(b))
    alone = xp.where(b > 0, log_a - log_b, math.inf)
    low, high = alone - math.log(many), alone
    for c, k in powers:
        least = (log_a - math.log(many * c)) / k
        most = (log_a - math.log(c)) / k
        low, high = xp.minimum(low, least), xp.minimum(high, most)
    c, k = powers[-1]
    grown = xp.maximum((log_a - math.log(c / 2)) / k, (log_b - math.log(c / 2)) / (k - 1))
    high = xp.where(b < 0, grown, high)
    some = a > 0
    return xp.where(some, low - 0.1, -math.inf), xp.where(some, high + 0.1, -math.inf)


def _mirrored(
    positive: Callable[[Array, Array], tuple[Array, Array]], a: Array, b: Array
) -> tuple[Array, Array]:
    """Between which s is, of a symmetric f, of how that reads where a ≥ b, so that s ≥ 0."""
    xp, above = namespace(a), a >= b
    low, high = positive(xp.maximum(a, b), xp.minimum(a, b))
    return xp.where(above, low, -high), xp.where(above, high, -low)


class JointKullbackLeibler(JointDivergence):
    """Σ wᵢ(pᵢ log(pᵢ/qᵢ) − pᵢ + qᵢ) on pairs (p, q) ≥ 0, φ(ζ) = ζ log ζ − ζ + 1.

    ``RelativeEntropy`` is that of p alone, ``KullbackLeibler`` that of q alone. The prox is
    (a − log ζ, b − 1 + ζ) at the root ζ of a − log ζ = ζ(b − 1 + ζ), a and b being y/αw.

    Source: El Gheche, Chierchia, Pesquet, *Proximity operators of discrete information divergences*
    (2018).

    Parameters
    ----------
    weight : float or array, default 1
        Positive and finite; an array has dtype and device of p and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.JointKullbackLeibler()
    >>> p, q = np.array([2.0, 1.0]), np.array([2.0, 3.0])
    >>> print(f((p, q)), f.prox((p, q))[0])
    0.9014 [2.     1.5278]
    """

    formula = r"<weight*>\sum p\log(p/q) - p + q"
    at_zero, at_infinity = 1.0, math.inf

    weight: Scalar = parameter(POSITIVE, default=1.0)  # type: ignore[misc]

    def _terms(self, p: Array, q: Array) -> Array:
        return p * _log_ratio(p, q) - (p - q)

    def _boundary(self, s: Array) -> tuple[Array, Array, Array]:
        xp = namespace(s)
        return s, -xp.expm1(s), xp.ones_like(s)

    def _bounds(self, a: Array, b: Array) -> tuple[Array, Array]:
        xp, c, size = namespace(a), b - 1, abs(a) + abs(b)
        # the sides at 0 are a and b; at the low end ζ(c + ζ) ≤ 1 ≤ a − s, or ζb ≤ |b| ≤ a − s
        low = xp.maximum(-size, clip(a, high=0.0) - xp.log1p(abs(c)) - 1)
        low = xp.where(a >= b, 0.0, low)
        high = xp.where(a >= b, xp.log1p(size), 0.0)
        high = xp.minimum(high, xp.where(c >= 0, a, math.inf))  # ζ(c + ζ) = a − s ≥ 0
        # ζ rises with a − s, which lies between its values at the ends
        high = xp.maximum(low, xp.minimum(high, _log_root(c, a - low) + 0.1))
        raised = xp.where(a > high, _log_root(c, a - high) - 0.1, low)
        return xp.minimum(xp.maximum(low, raised), high), high


class JointJeffrey(JointDivergence):
    """Σ wᵢ(pᵢ − qᵢ) log(pᵢ/qᵢ) on pairs (p, q) ≥ 0, symmetric: φ(ζ) = (ζ − 1) log ζ.

    The prox is (a − log ζ − 1 + 1/ζ, b + log ζ − 1 + ζ) at its ζ, a and b being y/αw.

    Source: El Gheche, Chierchia, Pesquet, *Proximity operators of discrete information divergences*
    (2018).

    Parameters
    ----------
    weight : float or array, default 1
        Positive and finite; an array has dtype and device of p and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.JointJeffrey()
    >>> p, q = np.array([2.0, 1.0]), np.array([2.0, 3.0])
    >>> print(f((p, q)), f.prox((p, q))[0])
    2.1972 [2.     1.7194]
    """

    formula = r"<weight*>\sum (p - q)\log(p/q)"
    at_zero = at_infinity = math.inf

    weight: Scalar = parameter(POSITIVE, default=1.0)  # type: ignore[misc]

    def _terms(self, p: Array, q: Array) -> Array:
        return (p - q) * _log_ratio(p, q)

    def _boundary(self, s: Array) -> tuple[Array, Array, Array]:
        xp = namespace(s)
        return s - xp.expm1(-s), -s - xp.expm1(s), 1 + xp.exp(-s)

    def _bounds(self, a: Array, b: Array) -> tuple[Array, Array]:
        def positive(a: Array, b: Array) -> tuple[Array, Array]:
            xp = namespace(a)
            # ζ² + (b − 1 + s)ζ = a − 1 − s + 1/ζ, and 0 ≤ s, 1/ζ ≤ 1
            high = clip(xp.minimum(xp.log1p(abs(a) + abs(b)), _log_root(b - 1, a) + 0.1), 0.0)
            return clip(_log_root(b - 1 + high, a - 1 - high) - 0.1, 0.0), high

        return _mirrored(positive, a, b)


class JointHellinger(JointDivergence):
    """Σ wᵢ(√pᵢ − √qᵢ)² on pairs (p, q) ≥ 0: φ(ζ) = (√ζ − 1)².

    The prox is (a − 1 + 1/√ζ, b − 1 + √ζ) at its ζ, a and b being y/αw.

    Source: El Gheche, Chierchia, Pesquet, *Proximity operators of discrete information divergences*
    (2018).

    Parameters
    ----------
    weight : float or array, default 1
        Positive and finite; an array has dtype and device of p and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.JointHellinger()
    >>> p, q = np.array([4.0, 1.0]), np.array([4.0, 9.0])
    >>> print(f((p, q)), f.prox((p, q))[0])
    4.0 [4.   2.04]
    """

    formula = r"<weight*>\sum (\sqrt{p} - \sqrt{q})^2"
    at_zero = at_infinity = 1.0

    weight: Scalar = parameter(POSITIVE, default=1.0)  # type: ignore[misc]

    def _terms(self, p: Array, q: Array) -> Array:
        sqrt = namespace(p).sqrt
        return ((p - q) / (sqrt(p) + sqrt(q))) ** 2

    def _boundary(self, s: Array) -> tuple[Array, Array, Array]:
        xp = namespace(s)
        return -xp.expm1(-s / 2), -xp.expm1(s / 2), xp.exp(-s / 2) / 2

    def _bounds(self, a: Array, b: Array) -> tuple[Array, Array]:
        def positive(a: Array, b: Array) -> tuple[Array, Array]:
            xp = namespace(a)
            # w³ + (b − 1)w² = a − 1 + 1/w, w = √ζ ≥ 1
            most, least, square = _positive_log(a), _positive_log(a - 1), _positive_log(abs(b - 1))
            log2, plus = math.log(2), b > 1
            high = xp.where(
                plus,
                xp.minimum(most / 3, (most - square) / 2),
                xp.maximum((most + log2) / 3, square + log2),
            )
            low = xp.where(
                plus,
                xp.minimum((least - log2) / 3, (least - square - log2) / 2),
                xp.maximum(least / 3, square),
            )
            size = xp.log1p(abs(a) + abs(b))
            high = clip(xp.minimum(high + 0.1, size), 0.0)
            return 2 * xp.minimum(clip(low - 0.1, 0.0), high), 2 * high

        return _mirrored(positive, a, b)


class JointChiSquared(JointDivergence):
    """Σ wᵢ(pᵢ − qᵢ)²/qᵢ on pairs (p, q) ≥ 0: φ(ζ) = (ζ − 1)².

    The prox is (a + 2 − 2ζ, b − 1 + ζ²) at the root ζ of ζ³ + (b + 1)ζ = a + 2, a and b being y/αw,
    and (0, b − 1) where a < −2.

    Source: El Gheche, Chierchia, Pesquet, *Proximity operators of discrete information divergences*
    (2018).

    Parameters
    ----------
    weight : float or array, default 1
        Positive and finite; an array has dtype and device of p and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.JointChiSquared()
    >>> p, q = np.array([2.0, 1.0]), np.array([2.0, 4.0])
    >>> print(f((p, q)), f.prox((p, q))[0])
    2.25 [2.     1.8718]
    """

    formula = r"<weight*>\sum (p - q)^2/q"
    at_zero, at_infinity = 1.0, math.inf

    weight: Scalar = parameter(POSITIVE, default=1.0)  # type: ignore[misc]

    def _terms(self, p: Array, q: Array) -> Array:
        return (p - q) * ((p - q) / q)

    def _boundary(self, s: Array) -> tuple[Array, Array, Array]:
        xp = namespace(s)
        return 2 * xp.expm1(s), -xp.expm1(2 * s), 2 * xp.exp(s)

    def _bounds(self, a: Array, b: Array) -> tuple[Array, Array]:
        return _root_between(((1.0, 3.0),), a + 2, b + 1)


class JointRenyi(JointDivergence):
    """Σ wᵢ pᵢʳqᵢ¹⁻ʳ on pairs (p, q) ≥ 0, r > 1: φ(ζ) = ζʳ.

    Rényi's divergence of order r is its logarithm over r − 1; so both have the same sublevel sets
    up to the bound. The prox is (a − rζʳ⁻¹, b + (r − 1)ζʳ) at its ζ, a and b being y/αw, and
    (0, b₊) where a ≤ 0. For r = 2, Σ p²/q.

    Source: El Gheche, Chierchia, Pesquet, *Proximity operators of discrete information divergences*
    (2018).

    Parameters
    ----------
    order : float
        r, in [1.01, 16].
    weight : float or array, default 1
        Positive and finite; an array has dtype and device of p and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.JointRenyi(2.0)
    >>> p, q = np.array([2.0, 1.0]), np.array([2.0, 4.0])
    >>> print(f((p, q)), f.prox((p, q))[0])
    2.25 [1.0531 0.6682]
    """

    formula = r"<weight*>\sum p^{<order>} q^{1 - <order>}"
    at_zero, at_infinity = 0.0, math.inf

    order: float = required(check_number, within=Range(1.01, 16.0, "[]"))
    weight: Scalar = parameter(POSITIVE, default=1.0)  # type: ignore[misc]

    def _terms(self, p: Array, q: Array) -> Array:
        return p * (p / q) ** (self.order - 1)

    def _boundary(self, s: Array) -> tuple[Array, Array, Array]:
        xp, r = namespace(s), self.order
        u = r * xp.exp((r - 1) * s)
        return u, (1 - r) * xp.exp(r * s), (r - 1) * u

    def _bounds(self, a: Array, b: Array) -> tuple[Array, Array]:
        r = self.order
        return _root_between(((r, r - 1), (r - 1, r + 1)), a, b)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(1.5, asarray([0.5, 1.0, 2.0]), batch_ndim=1), ((2, 3), (2, 3)))]
