"""f(x) = ½ Σ wᵢ(xᵢ − cᵢ)²."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from splitkit.arguments import NON_NEGATIVE, POSITIVE, check_parameter
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    align,
    is_array,
    namespace,
    products,
    scale,
    sum_of,
)
from splitkit.functions.base import Function, extremes, parameter
from splitkit.linear.affine import Affine
from splitkit.linear.base import LinearOperator, factors
from splitkit.linear.diagonal import Diagonal
from splitkit.linear.identity import ScaledIdentity
from splitkit.operators.base import PointMap
from splitkit.operators.graph_support import GraphSupport


class SquaredL2(Function):
    """(w/2)‖x − c‖²; min w-strongly convex, max w-smooth.

    f(x) = ½ Σ wᵢ(xᵢ − cᵢ)²; prox_{αf}(y) = c + (y − c)/(1 + αw); f*(u) = ½ Σ uᵢ²/wᵢ for c = 0.

    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.1.1.

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative and finite; an array has dtype and device of x and broadcasts to it.
    center : float or array, optional
        c, finite, likewise; None: zero.

    Examples
    --------
    >>> f = sk.functions.SquaredL2(center=np.array([1.0, 1.0, 0.0]))
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    4.125 [2.   0.   0.25]
    """

    formula = r"\frac{<weight>}{2}\|@⟦ - <center>⟧\|^2"
    slope = r"<weight*>(@⟦ - <center>⟧)"

    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)
    center: Any = parameter(default=None)

    elementwise = True
    acts_on_complex = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.strong_convexity, self.smoothness = extremes(self.weight)

    @cached_property
    def affine_gradient(self) -> Affine | None:
        w, c = self.weight, self.center
        is_diagonal = is_array(w) and w.ndim > 0
        M: LinearOperator = Diagonal(w) if is_diagonal else ScaledIdentity(float(w))
        q = None if c is None else w * c
        if q is not None and not is_array(q):
            return None  # of points whose dtype is not known
        return Affine.of_finite(M, q)

    def _from_center(self, x: Array) -> Array:
        return x if self.center is None else x - self.center

    def in_metric(self, S: Any) -> Function:
        s, c = factors(S), self.center
        return SquaredL2(
            s * s * self.weight, None if c is None else c / s, batch_ndim=self.batch_ndim
        )

    def place(self) -> Any:
        return self.center

    def make_variance(self) -> PointMap:
        return lambda v: self.weight * (self.weight * v)

    def __call__(self, x: Point) -> Array:
        d = self._from_center(x)
        return sum_of(products(self.weight * d, d), self.batch_ndim) / 2

    def curvatures(self, x: Array) -> Scalar:
        return self.weight

    def make_hessian(self, x: Point) -> LinearOperator:
        w = self.weight
        return Diagonal(w) if is_array(w) and w.ndim > 0 else ScaledIdentity(float(w))

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        moved = self._from_center(x) / (1 + align(alpha, x) * self.weight)
        return moved if self.center is None else moved + self.center

    def make_prox(self, alpha: Scalar) -> PointMap:
        if self.center is None or is_array(alpha):
            return super().make_prox(alpha)
        check_parameter("alpha", alpha, POSITIVE)
        # y/(1 + αw) + (1 − 1/(1 + αw)) c
        kept = 1 / (1 + alpha * self.weight)
        moved = (1 - kept) * self.center
        return lambda x: kept * x + moved

    def gradient(self, x: Point) -> Point:
        if self.center is not None and type(self.weight) is float and self.weight == 1.0:
            return x - self.center
        return self.weight * self._from_center(x)

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        """−⟨wc, d⟩ at v = −wd."""
        zero, wd = space.inner(scale(0.0, d), d), self.weight * d
        of_center = zero
        if self.center is not None:
            of_center = sum_of(products(self.center, wd), space.batch_ndim)
        value, weight = zero - of_center, self.weight
        return GraphSupport(-wd, d, value, abs(wd), abs(d), lambda e: weight * e)

    @property
    def conjugate(self) -> Function:
        if self.center is None and self.strong_convexity > 0:
            return SquaredL2(1 / self.weight, batch_ndim=self.batch_ndim)
        return super().conjugate

    def conjugate_value(self, u: Point) -> Array:
        xp, square = namespace(u), products(u, u)
        weight = self.weight + 0.0 * square
        free = xp.where(u == 0, 0.0 * square, float("inf"))  # where the weight is 0
        value = xp.where(weight > 0, square / (2 * xp.where(weight > 0, weight, 1.0)), free)
        if self.center is not None:
            value = value + products(self.center, u)
        return sum_of(value, self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(), (3,)),
            (cls(asarray([0.5, 0.1, 2.0]), asarray([1.0, -2.0, 0.5])), (3,)),
            (cls(0.3, asarray([1.0, -2.0, 0.5]), batch_ndim=1), (4, 3)),
        ]
