"""Smooth even losses, quadratic near 0 and linear far from it: wδ²φ(x/δ), φ″(0) = 1, φ′ → ±1."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, POSITIVE
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    align,
    clip,
    held_fixed,
    namespace,
    sizes,
    sum_of,
)
from splitkit.functions.base import Function, Indicator, extremes, parameter, zero_or_inf
from splitkit.functions.entropies.negative_entropy import x_log_x
from splitkit.functions.inner.roots import as_root, increasing_root, positive_root
from splitkit.functions.sets.box import Box

NEAR = 0.01  # where eight terms of a series are exact
STEPS = 60  # of the root's search, at most: the bracket alone ends after as many halvings


class EvenLoss(Function):
    """Base of Σ wᵢδᵢ²φ(xᵢ/δᵢ); a subclass gives φ, φ′, φ″ and φ* on [−1, 1].

    prox_{αf}(y) = δr with r + αwφ′(r) = y/δ, a root between 0 and y/δ: safeguarded Newton. f* is
    Σ wδ²φ*(u/wδ) on |u| ≤ wδ. What x/δ cannot hold is so far out that φ is linear to rounding.

    Parameters
    ----------
    delta : float or array, default 1
        δ, about where the quadratic ends; positive and finite.
    weight : float or array, default 1
        Non-negative and finite. Arrays have dtype and device of x and broadcast to it.
    """

    delta: Scalar = parameter(POSITIVE, default=1.0)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    elementwise = True
    prox_effort = 10.0
    of_moduli = acts_on_complex = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.smoothness = extremes(self.weight)[1]

    def phi(self, x: Array, d: Scalar) -> Array:
        """dφ(x/d), which is at most |x|, where x/d may be inf."""
        raise NotImplementedError(f"{type(self).__name__} must define phi")

    def slope_of(self, x: Array, d: Scalar) -> Array:
        """φ′(x/d), where x/d may be inf."""
        raise NotImplementedError(f"{type(self).__name__} must define slope_of")

    def bend_of(self, r: Array) -> Array:
        """φ″."""
        raise NotImplementedError(f"{type(self).__name__} must define bend_of")

    def dual(self, v: Array) -> Array:
        """φ* on [−1, 1]."""
        raise NotImplementedError(f"{type(self).__name__} must define dual")

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * self.delta * self.phi(x, self.delta), self.batch_ndim)

    def gradient(self, x: Point) -> Point:
        return self.weight * self.delta * self.slope_of(x, self.delta)

    def curvatures(self, x: Array) -> Scalar:
        return self.weight * self.bend_of(x / self.delta)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, y, t = namespace(x), x / self.delta, align(alpha, x) * self.weight
        info = xp.finfo(x.dtype)
        near = abs(y) < float(info.max) / 4  # beyond, x less αwδ is x to rounding
        # φ′(r) is r to rounding, and r has few digits, or none
        tiny = abs(y) < float(info.smallest_normal) / float(info.eps)
        root = self._root(xp.where(near & ~tiny, y, 0.0), t)
        return xp.where(near, xp.where(tiny, x / (1 + t), self.delta * root), x)

    def _root(self, y: Array, t: Scalar) -> Array:
        """r + tφ′(r) = y."""
        t = t + 0.0 * y

        def g(r: Array, y: Array, t: Array) -> tuple[Array, Array]:
            return r + t * self.slope_of(r, 1.0) - y, 1 + t * self.bend_of(r)

        size, fixed = abs(held_fixed(y)), held_fixed(t)
        # t|φ′| ≤ t and |φ′(r)| ≤ |r| bound the root from below
        low = namespace(y).maximum(size - fixed, size / (1 + fixed))
        root = namespace(y).sign(y) * increasing_root(g, low, size, data=(size, fixed), steps=STEPS)

        return as_root(root, g, (y, t))

    @property
    def slopes(self) -> Indicator:
        edge = self.weight * self.delta
        return Box(-edge, edge, batch_ndim=self.batch_ndim)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        edge = self.weight * self.delta
        return clip(super().conjugate_prox(x, alpha), -edge, edge)

    def conjugate_value(self, u: Point) -> Array:
        xp, edge = namespace(u), self.weight * self.delta + 0.0 * u
        # of a weight 0 the indicator of {0}, whose value there is not 0 times that on the edge
        v = xp.where(edge > 0, u / xp.where(edge > 0, edge, 1.0), 0.0)
        value = sum_of(edge * (self.delta * self.dual(clip(v, -1.0, 1.0))), self.batch_ndim)
        beyond = sum_of(clip(abs(u) - edge, 0.0), self.batch_ndim)
        return value + zero_or_inf(beyond, sum_of(abs(u), self.batch_ndim))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.3, asarray([1.0, 0.0]), batch_ndim=1), (2, 2))]


class PseudoHuber(EvenLoss):
    """Σ wδ²(√(1 + (x/δ)²) − 1), a smooth Huber loss; max w-smooth.

    prox_{αf}(y) = δr with r + αw r/√(1 + r²) = y/δ, by safeguarded Newton. f*(u) =
    Σ wδ²(1 − √(1 − (u/wδ)²)) on |u| ≤ wδ.

    Source: Charbonnier et al., *Deterministic edge-preserving regularization in computed imaging*
    (1997); Hartley, Zisserman, *Multiple View Geometry* (2004), §A6.8.

    Examples
    --------
    >>> f = sk.functions.PseudoHuber()
    >>> x = np.array([0.0, 0.75])
    >>> print(f(x), f.gradient(x), f.prox(np.array([0.0, 1.35])))
    0.25 [0.  0.6] [0.   0.75]
    """

    formula = r"<weight*>\sum <delta>^2(\sqrt{1 + (@/<delta>)^2} - 1)"

    def phi(self, x: Array, d: Scalar) -> Array:
        return x * (x / (d + _hypotenuse(x, d)))

    def slope_of(self, x: Array, d: Scalar) -> Array:
        return x / _hypotenuse(x, d)

    def bend_of(self, r: Array) -> Array:
        return (1 / _hypotenuse(r, 1.0)) ** 3

    def dual(self, v: Array) -> Array:
        return v * v / (1 + namespace(v).sqrt((1 - v) * (1 + v)))


def _hypotenuse(x: Array, d: Scalar) -> Array:
    """√(x² + d²)."""
    xp = namespace(x)
    return xp.hypot(x, d + xp.zeros_like(x))


class LogCosh(EvenLoss):
    """Σ wδ² log cosh(x/δ); max w-smooth.

    prox_{αf}(y) = δr with r + αw tanh r = y/δ, by safeguarded Newton. With v = u/wδ f*(u) is
    Σ wδ²/2 ((1 + v) log(1 + v) + (1 − v) log(1 − v)) on |u| ≤ wδ.

    Source: Green, *Bayesian reconstructions from emission tomography data using a modified EM
    algorithm* (1990).

    Examples
    --------
    >>> f = sk.functions.LogCosh()
    >>> x = np.array([0.0, 1.0])
    >>> print(f(x), f.gradient(x), f.prox(np.array([0.0, 1.7616])))
    0.4338 [0.     0.7616] [0. 1.]
    """

    formula = r"<weight*>\sum <delta>^2\log\cosh(@/<delta>)"

    def phi(self, x: Array, d: Scalar) -> Array:
        # |r| + log((1 + e^{−2|r|})/2) = log1p(sinh²(r/2) · 2), which does not cancel near 0
        xp, size = namespace(x), sizes(x)
        r = size / d
        small = r < 1
        half = xp.sinh(xp.where(small, r, 0.0) / 2)
        far = size + d * (xp.log1p(xp.exp(-2 * r)) - 0.6931471805599453)
        return xp.where(small, d * xp.log1p(2 * half * half), far)

    def slope_of(self, x: Array, d: Scalar) -> Array:
        return namespace(x).tanh(x / d)

    def bend_of(self, r: Array) -> Array:
        slope = namespace(r).tanh(r)
        return (1 - slope) * (1 + slope)

    def dual(self, v: Array) -> Array:
        xp = namespace(v)
        small = abs(v) < 0.5
        inside = xp.where(small, v, 0.0)
        near = xp.log1p(-inside * inside) + inside * (xp.log1p(inside) - xp.log1p(-inside))
        return xp.where(small, near, x_log_x(1 + v) + x_log_x(1 - v)) / 2


class Fair(EvenLoss):
    """Σ wδ²(|x|/δ − log(1 + |x|/δ)); max w-smooth.

    prox_{αf}(y) = δr with r + αw r/(1 + |r|) = y/δ, the root of a quadratic. With v = |u|/wδ
    f*(u) is Σ wδ²(−v − log(1 − v)) on |u| < wδ.

    Source: Fair, *On the robust estimation of econometric models* (1974).

    Examples
    --------
    >>> f = sk.functions.Fair()
    >>> x = np.array([0.0, 1.0])
    >>> print(f(x), f.gradient(x), f.prox(np.array([0.0, 1.5])))
    0.3069 [0.  0.5] [0. 1.]
    """

    formula = r"<weight*>\sum <delta>^2(|@|/<delta> - \log(1 + |@|/<delta>))"
    prox_effort = 1.0

    def phi(self, x: Array, d: Scalar) -> Array:
        xp, size = namespace(x), sizes(x)
        r = clip(size / d, high=float(xp.finfo(x.dtype).max))
        # near 0 both are alike: t − log(1 + t) = t²/2 − t³/3 + …
        near, series = clip(r, high=NEAR), 0.0
        for k in range(9, 1, -1):
            series = 1 / k - near * series
        return xp.where(r < NEAR, d * (near * near * series), size - d * xp.log1p(r))

    def slope_of(self, x: Array, d: Scalar) -> Array:
        return x / (d + sizes(x))

    def bend_of(self, r: Array) -> Array:
        return (1 / (1 + sizes(r))) ** 2

    def _root(self, y: Array, t: Scalar) -> Array:
        size = sizes(y)
        root = positive_root(size - (1 + t), size)
        return namespace(y).where(y < 0, -root, root)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        # f* is infinite on the edge, to which what lies below it may be rounded
        below = self.weight * self.delta * (1 - namespace(x).finfo(x.dtype).eps)
        return clip(super().conjugate_prox(x, alpha), -below, below)

    def dual(self, v: Array) -> Array:
        xp, size = namespace(v), abs(v)
        inside = size < 1
        value = -size - xp.log1p(-xp.where(inside, size, 0.0))
        return xp.where(inside, value, float("inf"))
