"""f(x) = ⟨c, x⟩, and f = 0."""

from __future__ import annotations

import math
from typing import Any

from splitkit.backend import Array, Point, Scalar, align, namespace, products, sum_of
from splitkit.functions.base import Function, parameter
from splitkit.functions.sets.singleton import Singleton
from splitkit.linear.base import LinearOperator
from splitkit.linear.identity import ScaledIdentity


class Linear(Function):
    """Σ cᵢxᵢ over the entries that are not batch; 0 by default, and f + b adds a constant.

    f(x) = ⟨c, x⟩; ∇f = c; prox_{αf}(y) = y − αc; f* is the indicator of {c}.

    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.1.1.

    Parameters
    ----------
    coefficients : float or array, default 0
        c, finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.Linear(np.array([1.0, -2.0])) + 3.0
    >>> x = np.array([1.0, 1.0])
    >>> print(f(x), f.prox(x), f.gradient(x))
    2.0 [0. 3.] [ 1. -2.]
    >>> print(sk.minimize(sk.functions.Linear(np.array([1.0, -2.0])) + sk.functions.Simplex(), x).x)
    [0. 1.]
    """

    formula = r"\langle <coefficients>, @\rangle"

    coefficients: Scalar = parameter(default=0.0)

    elementwise = True
    polyhedral = True
    sublinear = True
    strong_convexity = smoothness = 0.0
    acts_on_complex = True

    def __call__(self, x: Point) -> Array:
        return sum_of(products(self.coefficients, x), self.batch_ndim)

    def make_hessian(self, x: Point) -> LinearOperator:
        return ScaledIdentity(0.0)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return x - align(alpha, x) * self.coefficients

    def gradient(self, x: Point) -> Point:
        return self.coefficients + namespace(x).zeros_like(x)

    @property
    def conjugate(self) -> Function:
        dual = Singleton(self.coefficients, batch_ndim=self.batch_ndim)
        dual.strong_convexity = math.inf  # as the dual of what is 0-smooth; of one point all holds
        return dual

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([1.0, -2.0, 0.5]), batch_ndim=1), (2, 3))]
