"""The power cone K = {(x, y, z): x^a y^(1−a) ≥ |z|, x, y ≥ 0}: projection by a root on the line.

For z ≠ 0 outside of K and K° the projection is (X, Y, sign(z) r) with 0 < r < |z|,

    X = (x + √(x² + 4a q))/2,    Y = (y + √(y² + 4(1 − a) q))/2,    q = r(|z| − r),

and r the root of X^a Y^(1−a) = r. With r = |z|σ(θ), |z| − r = |z|σ(−θ), σ(θ) = 1/(1 + e^−θ), both
ends keep their digits, and a log X + (1 − a) log Y − log r decreases in θ, nearly linearly where
one term rules under each root; |θ| ≤ c, e^(−c/2) below rounding.

Source: Hien, *Differential properties of Euclidean projection onto power cone* (2015), Prop. 2.2.
"""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import Range, check_number
from splitkit.backend import (
    Array,
    Point,
    clip,
    namespace,
    norm,
    power_of_two,
    root,
    sizes,
    solving,
    with_derivative,
)
from splitkit.functions.base import Function, required, vectors
from splitkit.functions.cones.cone import Cone
from splitkit.functions.inner.roots import increasing_root, newton_step

STEPS = 20  # 18 suffice on 420,000 vectors, most of them near a boundary, for a from 1e-4 to 0.999


class PowerCone(Cone):
    """{(x, y, z): x^a y^(1−a) ≥ |z|, x, y ≥ 0} along the last axis, one cone for each vector.

    ``dual`` is {(u, v, w): (u/a)^a (v/(1−a))^(1−a) ≥ |w|, u, v ≥ 0}. The error of the projection is
    at most 50 units of rounding of the vector's length.

    Parameters
    ----------
    a : float
        In (0, 1).
    """

    a: float = required(check_number, within=Range(0.0, 1.0))

    check_axes = vectors(3)

    def project(self, point: Point) -> Point:
        xp, a, b = namespace(point), self.a, 1 - self.a
        scale = xp.max(abs(point), axis=-1, keepdims=True)
        unit = point / xp.where(scale > 0, scale, 1.0)  # K is a cone: no square overflows
        x, y, z = unit[..., 0], unit[..., 1], unit[..., 2]
        inside, polar = _is_member(x, y, abs(z), a), _is_member(-x / a, -y / b, abs(z), a)
        # a vector of these has no root to find, nor to differentiate: (0, 0, 1) stands for it
        x, y, z = (
            xp.where(inside | polar, k, v) for k, v in zip((0.0, 0.0, 1.0), (x, y, z), strict=True)
        )
        size = abs(z)
        positive = xp.where(size > 0, size, 1.0)
        c = 8.0 - 2 * math.log(float(xp.finfo(point.dtype).eps))
        rounding = 0.75 * float(xp.finfo(point.dtype).eps)
        least = float(xp.finfo(point.dtype).smallest_normal)

        def equation(theta: Array) -> tuple[Array, Array, Array]:
            e = xp.exp(-abs(theta))
            small, large = e / (1 + e), 1 / (1 + e)  # σ(−|θ|), σ(|θ|)
            left = theta < 0
            share, rest = xp.where(left, small, large), xp.where(left, large, small)
            q = positive * positive * small * large
            X, slope_X = _lifted(x, a * q)
            Y, slope_Y = _lifted(y, b * q)
            log_r = xp.log(positive) + xp.log(share)
            log_X, log_Y = a * xp.log(clip(X, least)), b * xp.log(clip(Y, least))
            value = log_r - log_X - log_Y
            terms = 1 + abs(log_r) + abs(log_X) + abs(log_Y)
            # q′/q = σ(−θ) − σ(θ)
            return value, rest - (a * slope_X + b * slope_Y) * (rest - share), terms

        def gap(theta: Array) -> tuple[Array, Array]:
            value, slope, terms = equation(theta)
            value = xp.where(abs(value) <= rounding * terms, 0.0, value)
            # near the boundaries of K and K° the equation is linear in e^−|θ|: a Newton step in
            # that variable, with s the one in |θ|, is −log(1 − s), and beyond the end for s ≥ 1
            s = xp.sign(theta) * -value / xp.where(slope > 0, slope, 1.0)
            within = (s < 1) & (s != 0)
            inner = xp.where(within, s, 0.5)
            longer = xp.where(within, -xp.log1p(-inner) / inner, c)
            bent = ((theta > 0) & (x > 0) & (y > 0)) | ((theta < 0) & (x < 0) & (y < 0))
            return value, xp.where(bent, slope / longer, slope)

        def newton(theta: Array) -> Array:
            return newton_step(theta, *equation(theta)[:2])

        low = xp.zeros_like(z) - c
        with solving(point):
            theta = increasing_root(gap, low, -low, steps=STEPS)
        theta = with_derivative(theta, (point,), lambda: newton(newton(theta)))
        e = xp.exp(-abs(theta))
        share, rest = xp.where(theta < 0, e, 1.0) / (1 + e), xp.where(theta < 0, 1.0, e) / (1 + e)
        q = size * size * share * rest
        X, Y = _lifted(x, a * q)[0], _lifted(y, b * q)[0]
        curved = xp.stack([X, Y, z * share], axis=-1)
        flat = xp.stack([clip(x, 0.0), clip(y, 0.0), 0.0 * z], axis=-1)
        zero = xp.zeros_like(unit)
        nearest = xp.where((size > 0)[..., None], curved, flat)
        nearest = xp.where(polar[..., None], zero, nearest)
        return xp.where(inside[..., None], point, scale * nearest)

    def violation(self, point: Point) -> Array:
        """The distance to a point of K: with x, y ≥ 0 first, then along z."""
        x, y, z = point[..., 0], point[..., 1], point[..., 2]
        unit = power_of_two(namespace(point).max(abs(point), axis=-1))  # powers of it round more
        mean = clip(x / unit, 0.0) ** self.a * clip(y / unit, 0.0) ** (1 - self.a)
        excess = unit * clip(abs(z) / unit - mean, 0.0)
        return norm((clip(x, None, 0.0), clip(y, None, 0.0), excess), self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.3, batch_ndim=1), (4, 3))]


def _lifted(x: Array, q: Array) -> tuple[Array, Array]:
    """X = (x + √(x² + 4q))/2 > 0, the root of X² = xX + q, and d log X/d log q."""
    xp = namespace(x)
    spread = root(x * x + 4 * q)
    larger = (spread + sizes(x)) / 2
    tiny = xp.where(larger > 0, larger, 1.0)
    X = xp.where(x >= 0, larger, q / tiny)
    product = spread * X
    return X, q / xp.where(product > 0, product, 1.0)


def _is_member(x: Array, y: Array, size: Array, a: float) -> Array:
    """Whether x^a y^(1−a) ≥ size and x, y ≥ 0."""
    return (x >= 0) & (y >= 0) & (clip(x, 0.0) ** a * clip(y, 0.0) ** (1 - a) >= size)
