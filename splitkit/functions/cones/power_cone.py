"""The power cone K = {(x, y, z): x^a y^(1−a) ≥ |z|, x, y ≥ 0}."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import Range
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    clip,
    is_array,
    namespace,
    norm,
    on_host,
    power_of_two,
    root,
    sizes,
    solving,
    with_derivative,
)
from splitkit.functions.base import Function, parameter, vectors
from splitkit.functions.cones.cone import Cone
from splitkit.functions.inner.roots import increasing_root, newton_step

STEPS = 20  # 18 suffice on 420,000 vectors, most of them near a boundary, for a from 1e-4 to 0.999


class PowerCone(Cone):
    """{(x, y, z): x^a y^(1−a) ≥ |z|, x, y ≥ 0} along the last axis, one cone for each vector.

    ``dual`` is {(u, v, w): (u/a)^a (v/(1−a))^(1−a) ≥ |w|, u, v ≥ 0}. The error of the projection is
    at most 50 units of rounding of the vector's length.

    The power cone K = {(x, y, z): x^a y^(1−a) ≥ |z|, x, y ≥ 0}: projection by a root on the line.

    For z ≠ 0 outside of K and K° the projection is (X, Y, sign(z) r) with 0 < r < |z|,

        X = (x + √(x² + 4a q))/2,    Y = (y + √(y² + 4(1 − a) q))/2,    q = r(|z| − r),

    and r the root of X^a Y^(1−a) = r. With r = |z|σ(θ), |z| − r = |z|σ(−θ), σ(θ) = 1/(1 + e^−θ),
    both ends keep their digits, and a log X + (1 − a) log Y − log r decreases in θ, nearly linearly
    where one term rules under each root; |θ| ≤ c, e^(−c/2) below rounding.

    Source: Hien, *Differential properties of Euclidean projection onto power cone* (2015), Prop.
    2.2.

    Parameters
    ----------
    a : float or array
        In (0, 1). An array has dtype and device of x and its shape, the last axis with length 1: a
        number for each cone.

    Examples
    --------
    >>> C = sk.functions.PowerCone(0.5)
    >>> print(C.project(np.array([1.0, 1.0, 3.0])))
    [1.6667 1.6667 1.6667]
    """

    formula = r"\mathcal{K}_{<a>}"

    a: Scalar = parameter(Range(0.0, 1.0))

    def check_axes(self, space: Space) -> None:
        vectors(3)(self, space)
        if is_array(self.a) and self.a.ndim > 0 and self.a.shape[-1] != 1:
            raise ValueError(
                f"a of {self!r} has shape {tuple(self.a.shape)}: give one share a cone, the last "
                "axis with length 1"
            )

    @property
    def _share(self) -> Scalar:
        """a, for the vectors along the last axis."""
        return self.a[..., 0] if is_array(self.a) and self.a.ndim > 0 else self.a

    def project(self, point: Point) -> Point:
        xp, a = namespace(point), self._share
        scale = xp.max(abs(point), axis=-1, keepdims=True)
        positive_scale = xp.where(scale > 0, scale, 1.0)
        unit = point / positive_scale  # K is a cone: no square overflows
        x, y, z = unit[..., 0], unit[..., 1], unit[..., 2]
        inside, polar = _is_member(x, y, abs(z), a), _is_member(-x / a, -y / (1 - a), abs(z), a)
        # a vector of these has no root to find, nor to differentiate: (0, 0, 1) stands for it
        x, y, z = (
            xp.where(inside | polar, k, v) for k, v in zip((0.0, 0.0, 1.0), (x, y, z), strict=True)
        )
        size = abs(z)
        positive = xp.where(size > 0, size, 1.0)

        def newton(theta: Array) -> Array:
            return newton_step(theta, *_equation(theta, x, y, positive, a, 1 - a)[:2])

        with solving(point):
            theta = on_host(_root, x, y, positive, a + 0.0 * size, (1 - a) + 0.0 * size)
        theta = with_derivative(theta, (point, a), lambda: newton(newton(theta)))
        e = xp.exp(-abs(theta))
        share, rest = xp.where(theta < 0, e, 1.0) / (1 + e), xp.where(theta < 0, 1.0, e) / (1 + e)
        q = size * size * share * rest
        # z ≠ 0 asks for X, Y > 0, though they be smaller than any number beside the others
        info = xp.finfo(point.dtype)
        tiny = float(info.smallest_normal)
        least = clip(tiny / positive_scale[..., 0], tiny, float(info.eps))
        X = clip(_lifted(x, a * q)[0], least)
        Y = clip(_lifted(y, (1 - a) * q)[0], least)
        curved = xp.stack([X, Y, z * share], axis=-1)
        flat = xp.stack([clip(x, 0.0), clip(y, 0.0), 0.0 * z], axis=-1)
        zero = xp.zeros_like(unit)
        nearest = xp.where((size > 0)[..., None], curved, flat)
        nearest = xp.where(polar[..., None], zero, nearest)
        return xp.where(inside[..., None], point, scale * nearest)

    def violation(self, point: Point) -> Array:
        """The distance to a point of K: with x, y ≥ 0 first, then along z."""
        x, y, z = point[..., 0], point[..., 1], point[..., 2]
        a = self._share
        unit = power_of_two(
            namespace(point).max(abs(point), axis=-1)
        )  # powers round their exponents
        mean = clip(x / unit, 0.0) ** a * clip(y / unit, 0.0) ** (1 - a)
        excess = unit * clip(abs(z) / unit - mean, 0.0)
        return norm((clip(x, None, 0.0), clip(y, None, 0.0), excess), self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        shares = asarray([[0.3], [0.5], [0.02], [0.999]])
        return [(cls(0.3, batch_ndim=1), (4, 3)), (cls(shares, batch_ndim=1), (4, 3))]


def _equation(
    theta: Array, x: Array, y: Array, size: Array, a: Scalar, b: Scalar
) -> tuple[Array, ...]:
    """log r − a log X − b log Y, b = 1 − a, its slope, and the size of what is added up."""
    xp = namespace(theta)
    least = float(xp.finfo(theta.dtype).smallest_normal)
    e = xp.exp(-abs(theta))
    small, large = e / (1 + e), 1 / (1 + e)  # σ(−|θ|), σ(|θ|)
    left = theta < 0
    share, rest = xp.where(left, small, large), xp.where(left, large, small)
    q = size * size * small * large
    X, slope_X = _lifted(x, a * q)
    Y, slope_Y = _lifted(y, b * q)
    log_r = xp.log(size) + xp.log(share)
    log_X, log_Y = a * xp.log(clip(X, least)), b * xp.log(clip(Y, least))
    terms = 1 + abs(log_r) + abs(log_X) + abs(log_Y)
    # q′/q = σ(−θ) − σ(θ)
    return log_r - log_X - log_Y, rest - (a * slope_X + b * slope_Y) * (rest - share), terms


def _gap(theta: Array, x: Array, y: Array, size: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """The equation as it is solved, and its slope."""
    xp, c = namespace(theta), _furthest(theta)
    value, slope, terms = _equation(theta, x, y, size, a, b)
    rounding = 0.75 * float(xp.finfo(theta.dtype).eps)
    value = xp.where(abs(value) <= rounding * terms, 0.0, value)
    # near the boundaries of K and K° the equation is linear in e^−|θ|: a Newton step in
    # that variable, with s the one in |θ|, is −log(1 − s), and beyond the end for s ≥ 1
    s = xp.where(theta < 0, value, -value) / xp.where(slope > 0, slope, 1.0)
    within = (s < 1) & (s != 0)
    inner = xp.where(within, s, 0.5)
    longer = xp.where(within, -xp.log1p(-inner) / inner, c)
    bent = ((theta > 0) & (x > 0) & (y > 0)) | ((theta < 0) & (x < 0) & (y < 0))
    return value, xp.where(bent, slope / longer, slope)


def _root(x: Array, y: Array, size: Array, a: Array, b: Array) -> Array:
    """θ."""
    low = namespace(x).zeros_like(x) - _furthest(x)
    return increasing_root(_gap, low, -low, data=(x, y, size, a, b), steps=STEPS)


def _furthest(x: Array) -> float:
    """c, with e^(−c/2) below rounding."""
    return 8.0 - 2 * math.log(float(namespace(x).finfo(x.dtype).eps))


def _lifted(x: Array, q: Array) -> tuple[Array, Array]:
    """X = (x + √(x² + 4q))/2 > 0, the root of X² = xX + q, and d log X/d log q."""
    xp = namespace(x)
    spread = root(x * x + 4 * q)
    larger = (spread + sizes(x)) / 2
    tiny = xp.where(larger > 0, larger, 1.0)
    X = xp.where(x >= 0, larger, q / tiny)
    product = spread * X
    return X, q / xp.where(product > 0, product, 1.0)


def _is_member(x: Array, y: Array, size: Array, a: Scalar) -> Array:
    """Whether x^a y^(1−a) ≥ size and x, y ≥ 0."""
    return (x >= 0) & (y >= 0) & (clip(x, 0.0) ** a * clip(y, 0.0) ** (1 - a) >= size)
