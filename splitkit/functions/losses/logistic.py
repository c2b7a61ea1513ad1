"""f(x) = Σ log(1 + exp(−yᵢxᵢ))."""

from __future__ import annotations

import math
from typing import Any

from splitkit.backend import Array, Point, Scalar, align, clip, is_array, namespace, sizes, sum_of
from splitkit.functions.base import Function, Indicator, zero_or_inf
from splitkit.functions.entropies.negative_entropy import x_log_x
from splitkit.functions.losses.margin import MarginLoss

NEWTON_STEPS = 7


class Logistic(MarginLoss):
    """Σ log(1 + exp(−yᵢxᵢ)), ¼-smooth.

    The error of the prox is a few units of rounding of max(1, |x|, |prox(x)|), for every α.

    f(x) = Σ log(1 + exp(−yᵢxᵢ)); ∇f(x) = −yσ(−yx), σ(t) = 1/(1 + e⁻ᵗ); its prox by Newton's method.
    f*(u) = Σ pᵢ log pᵢ + (1 − pᵢ) log(1 − pᵢ) with pᵢ = −yᵢuᵢ in [0, 1].

    With v = yx the prox is ys, where s solves s = v + ασ(−s). The equation keeps its form under (s,
    v) ↦ (−s, −v − α), so that s ≥ 0 can be taken (v ≥ −α/2). There g(s) = s − v − ασ(−s) is
    increasing and concave, and Newton's method from the left of the root stays there. It starts at
    the greatest of 0, v and v + l − log max(l, 1), l = log(α/2) − v: a lower bound, because σ(−s) ≥
    e⁻ˢ/2 and W(eˡ) ≥ l − log l for Lambert's W. The upper bounds σ(−s) ≤ e⁻ˢ and, for l ≥ 1, W(eˡ)
    ≤ l − log l + e/(e − 1) (log l)/l put this start within 1.38 of the root, for every v and α. As
    |g″(t)| ≤ g′(s) for t ≥ s ≥ 0, an error ε becomes at most ε²/2: after 7 steps 3e-21.

    Source of the bounds on W: Hoorfar, Hassani, *Inequalities on the Lambert W function* (2008).

    Parameters
    ----------
    y : array, optional
        Labels −1 and 1, of x's dtype and device; broadcasts to x; None: all 1.

    Examples
    --------
    >>> f = sk.functions.Logistic(np.array([1.0, -1.0, 1.0]))
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    0.8359 [ 3.0454 -1.2268  0.8083]
    """

    formula = r"\sum\log(1 + e^{-⟦<y>\,⟧@})"
    smoothness = 0.25
    prox_effort = 10.0

    def __call__(self, x: Point) -> Array:
        xp, s = namespace(x), self._signed(x)
        # log(1 + e⁻ˢ) = max(−s, 0) + log(1 + e^{−|s|})
        size = abs(s)
        return sum_of(size / 2 - s / 2 + xp.log1p(xp.exp(-size)), self.batch_ndim)

    def gradient(self, x: Point) -> Point:
        xp, s = namespace(x), self._signed(x)
        e = xp.exp(-sizes(s))
        return self._signed(-xp.where(s >= 0, e, 1.0) / (1 + e))

    def curvatures(self, x: Array) -> Scalar:
        e = namespace(x).exp(-sizes(x))
        return e / (1 + e) ** 2

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, v, a = namespace(x), self._signed(x), align(alpha, x)
        right = v >= -a / 2
        w = xp.where(right, v, -v - a)
        log_half = xp.log(a / 2) if is_array(a) else math.log(a / 2)
        room = log_half - w
        s = clip(xp.maximum(w, log_half - xp.log(clip(room, 1.0))), 0.0)
        for _ in range(NEWTON_STEPS):
            e = xp.exp(-s)
            p = e / (1 + e)  # σ(−s)
            s = s + (w - s + a * p) / (1 + a * p / (1 + e))
        return self._signed(xp.where(right, s, -s))

    @property
    def slopes(self) -> Indicator:
        return self._interval(-1.0)

    def conjugate_value(self, u: Point) -> Array:
        p = -self._signed(u)
        outside = sum_of(abs(p - clip(p, 0.0, 1.0)), self.batch_ndim)
        entropy = sum_of(x_log_x(p) + x_log_x(1 - p), self.batch_ndim)
        return entropy + zero_or_inf(outside, sum_of(abs(p), self.batch_ndim))

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self._signed(clip(self._signed(super().conjugate_prox(x, alpha)), -1.0, 0.0))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(), (3,)),
            (cls(asarray([1.0, -1.0, -1.0])), (3,)),
            (cls(asarray([1.0, -1.0, -1.0]), batch_ndim=1), (4, 3)),
        ]
