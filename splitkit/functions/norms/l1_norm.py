"""f(x) = Σ wᵢ|xᵢ|."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, clip, sum_of
from splitkit.functions.base import Function, parameter


class L1Norm(Function):
    """f(x) = Σ wᵢ|xᵢ|; prox_{αf}(y) = sign(y) max(|y| − αw, 0), the soft threshold.

    Its conjugate is the indicator of the box {|uᵢ| ≤ wᵢ}.

    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.5.2.

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative; an array broadcasts to x.

    Examples
    --------
    >>> f = sk.functions.L1Norm(weight=1.0)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    4.5 [2. 0. 0.]
    """

    formula = r"<weight*>\|@\|_1"

    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    elementwise = True
    polyhedral = True
    of_moduli = acts_on_complex = True
    sublinear = True

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * abs(x), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        threshold = align(alpha, x) * self.weight
        return x - clip(x, -threshold, threshold)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return clip(x, -self.weight, self.weight)

    @property
    def conjugate(self) -> Function:
        from splitkit.functions.sets.box import Box  # which imports this file

        return Box(-self.weight, self.weight, batch_ndim=self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(), (3,)),
            (cls(asarray([0.5, 0.0, 2.0])), (3,)),
            (cls(0.3, batch_ndim=1), (4, 3)),
        ]
