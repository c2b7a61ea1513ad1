"""f(x) = ½ Σ wᵢ(|xᵢ| − bᵢ)², the loss of phase retrieval."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, namespace, sum_of
from splitkit.functions.base import Function, parameter


class Amplitude(Function):
    """½ Σ wᵢ(|xᵢ| − bᵢ)², bᵢ ≥ 0 measured without the sign; not convex.

    prox_{αf}(y) = sign(y)(|y| + αwb)/(1 + αw); at y = 0 the positive one of two is taken.

    Of complex points |x| are the moduli and signs the phases: f @ A is the loss of phase retrieval.
    Not convex, nor weakly convex where b > 0. Source: Wen, Yang, Liu, Marchesini, *Alternating
    direction methods for classical and ptychographic phase retrieval* (2012); Soulez et al.,
    *Proximity operators for phase retrieval* (2016).

    Parameters
    ----------
    magnitudes : float or array, default 0
        b, non-negative.
    weight : float or array, default 1
        Non-negative and finite. Arrays have dtype and device of x and broadcast to it.

    Examples
    --------
    >>> f = sk.functions.Amplitude(2.0)
    >>> x = np.array([3.0, -1.0])
    >>> print(f(x), f.prox(x))
    1.0 [ 2.5 -1.5]
    """

    formula = r"\frac{<weight>}{2}\||@| - <magnitudes>\|^2"

    magnitudes: Scalar = parameter(NON_NEGATIVE, default=0.0)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    convex = False
    strong_convexity = -math.inf
    of_moduli = acts_on_complex = True
    elementwise = True

    def __call__(self, x: Point) -> Array:
        missed = abs(x) - self.magnitudes
        return sum_of(self.weight * missed * missed, self.batch_ndim) / 2

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, t = namespace(x), align(alpha, x) * self.weight
        one = xp.ones_like(x)
        sign = xp.where(x < 0, -one, one)
        return (x + t * sign * self.magnitudes) / (1 + t)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 0.0, 2.0]), asarray([1.0, 0.7, 0.0]), batch_ndim=1), (2, 3))]
