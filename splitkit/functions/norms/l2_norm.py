"""f(x) = w‖x‖₂."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, namespace, norm
from splitkit.functions.base import Function, parameter
from splitkit.functions.sets.l2_ball import L2Ball


class L2Norm(Function):
    """w‖x‖₂, one norm over all axes that are not batch (``GroupL2Norm``: a sum of norms).

    f(x) = w‖x‖₂; prox_{αf}(y) = max(1 − αw/‖y‖, 0) y.

    Its conjugate is the indicator of the ball {‖u‖₂ ≤ w}.
    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.5.1.

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> f = sk.functions.L2Norm()
    >>> x = np.array([3.0, 4.0])
    >>> print(f(x), f.prox(x))
    5.0 [2.4 3.2]
    """

    formula = r"<weight*>\|@\|"
    acts_on_complex = True
    sublinear = True

    weight: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)

    def __call__(self, x: Point) -> Array:
        return self.weight * norm(x, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp = namespace(x)
        size, threshold = norm(x, self.batch_ndim), alpha * self.weight
        kept = size > threshold
        shrunk = 1 - threshold / xp.where(kept, size, 1.0)
        factor = xp.where(kept | (threshold == 0), shrunk, 0.0)  # I, not 0, where the weight is 0
        return align(factor, x) * x

    @property
    def conjugate(self) -> Function:
        return L2Ball(self.weight, batch_ndim=self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(0.7), (3,)),
            (cls(asarray([0.5, 0.0]), batch_ndim=1), (2, 3)),
        ]
