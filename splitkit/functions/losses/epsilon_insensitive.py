"""f(x) = Σ wᵢ(|xᵢ| − εᵢ)₊."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, clip, sum_of
from splitkit.functions.base import Function, Indicator, parameter, zero_or_inf
from splitkit.functions.sets.box import Box


class EpsilonInsensitive(Function):
    """f(x) = Σ wᵢ(|xᵢ| − εᵢ)₊; prox_{αf}(y): y inside |y| ≤ ε, else ε sign(y) or y − αw sign(y),
    whichever is larger in size.

    f*(u) = Σ εᵢ|uᵢ| on |uᵢ| ≤ wᵢ. Source: Vapnik, *The Nature of Statistical Learning Theory*
    (1995), ch. 6.

    Parameters
    ----------
    epsilon : float or array, default 1
        Non-negative and finite.
    weight : float or array, default 1
        Likewise. Arrays have dtype and device of x and broadcast to it.

    Examples
    --------
    >>> f = sk.functions.EpsilonInsensitive(epsilon=0.5)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    3.0 [ 2.  -0.5  0.5]
    """

    formula = r"<weight*>\sum(|@| - <epsilon>)_+"

    epsilon: Scalar = parameter(NON_NEGATIVE, default=1.0)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    elementwise = True
    polyhedral = True
    of_moduli = acts_on_complex = True

    def _excess(self, x: Array) -> Array:
        return x - clip(x, -self.epsilon, self.epsilon)

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * abs(self._excess(x)), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        t = align(alpha, x) * self.weight
        return x - clip(self._excess(x), -t, t)

    @property
    def slopes(self) -> Indicator:
        return Box(-self.weight, self.weight, batch_ndim=self.batch_ndim)

    def conjugate_value(self, u: Point) -> Array:
        size = abs(u)
        outside = sum_of(clip(size - self.weight, 0.0), self.batch_ndim)
        value = sum_of(self.epsilon * size, self.batch_ndim)
        return value + zero_or_inf(outside, sum_of(size, self.batch_ndim))

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        t = align(alpha, x) * self.epsilon
        return clip(x - clip(x, -t, t), -self.weight, self.weight)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(0.3, 0.7), (3,)),
            (cls(asarray([0.5, 0.0, 2.0]), asarray([1.0, 0.1, 0.0]), batch_ndim=1), (2, 3)),
        ]
