"""Σᵢ wᵢf(xᵢ) over samples xᵢ, with weights wᵢ > 0."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from splitkit.arguments import POSITIVE, check_parameter
from splitkit.backend import Array, Point, Scalar, Space, align, is_array, namespace
from splitkit.functions.base import Function, extremes
from splitkit.functions.inner.hessians import SecondDerivative
from splitkit.functions.losses.logistic import Logistic
from splitkit.linear.base import LinearOperator
from splitkit.notation import Style


class WeightedSum(Function):
    """Σᵢ wᵢf(xᵢ), the samples xᵢ along the last batch axis of f, which is none of the sum's.

    Σᵢ wᵢf(xᵢ) over samples xᵢ, with weights wᵢ > 0: prox_{α·}(x)ᵢ = prox_{αwᵢf}(xᵢ), and
    (Σᵢ wᵢf)*(u) = Σᵢ wᵢf*(uᵢ/wᵢ).

    Parameters
    ----------
    f : Function
        With ``batch_ndim`` ≥ 1.
    weights : array, shape (samples,)
        Positive and finite, of x's dtype and device.

    Raises
    ------
    TypeError, ValueError
        f has no batch axis; the weights are no such array.

    Examples
    --------
    >>> f = sk.functions.WeightedSum(sk.functions.L2Norm(batch_ndim=1), np.array([1.0, 0.5]))
    >>> x = np.array([[3.0, 4.0], [0.3, 0.4]])
    >>> print(f(x))
    5.25
    >>> print(f.prox(x))
    [[2.4 3.2]
     [0.  0. ]]
    """

    acts_on_complex = True

    def __init__(self, f: Function, weights: Array) -> None:
        if not isinstance(f, Function) or f.batch_ndim < 1:
            raise TypeError(f"f = {f!r}: give a function with batch_ndim ≥ 1, a value a sample")
        check_parameter("weights", weights, POSITIVE)
        if not is_array(weights) or weights.ndim != 1:
            raise ValueError(f"weights = {weights!r}: give an array of one axis")
        self.f, self.weights, self.batch_ndim = f, weights, f.batch_ndim - 1
        least, greatest = extremes(weights)
        m, L = f.strong_convexity, f.smoothness
        self.convex, self.accuracy, self.prox_effort = f.convex, f.accuracy, f.prox_effort
        self.strong_convexity = m * (least if m >= 0 else greatest)
        self.smoothness = None if L is None else L * greatest

    @property
    def has_prox(self) -> bool:
        return self.f.has_prox

    @property
    def has_gradient(self) -> bool:
        return self.f.has_gradient

    @property
    def smooth_inside(self) -> bool:  # type: ignore[override]
        return self.f.smooth_inside

    def _each(self, x: Array, alpha: Scalar = 1.0) -> Array:
        """αwᵢ, of the batch shape of f."""
        ones = namespace(x).ones_like(x[(..., *(0,) * (x.ndim - self.f.batch_ndim))])
        return align(alpha, ones) * self.weights * ones

    def __call__(self, x: Point) -> Array:
        return namespace(x).sum(self.weights * self.f(x), axis=-1)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self.f.prox(x, self._each(x, alpha))

    def gradient(self, x: Point) -> Point:
        return align(self._each(x), x) * self.f.gradient(x)

    @property
    def has_hessian(self) -> bool:
        return self.f.has_hessian

    def make_hessian(self, x: Point) -> LinearOperator:
        H, each = self.f.make_hessian(x), align(self._each(x), x)
        return SecondDerivative(
            lambda d: each * H(d),
            Space.of(x, self.batch_ndim, known_finite=True),
            self.strong_convexity,
            self.smoothness,
        )

    def conjugate_value(self, u: Point) -> Array:
        values = self.f.conjugate(u / align(self._each(u), u))
        return namespace(u).sum(self.weights * values, axis=-1)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        each = self._each(x)
        steps = align(alpha, each) / each
        wide = align(each, x)
        return wide * self.f.conjugate.prox(x / wide, steps)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        shape = space.shapes[0]
        if shape[self.batch_ndim : self.batch_ndim + 1] != tuple(self.weights.shape):
            raise ValueError(
                f"weights of {self!r} are {self.weights.shape[0]}, one for each sample along axis "
                f"{self.batch_ndim} of x0: it has shape {shape}"
            )
        space.check_array(self.weights, f"weights of {self!r}")
        self.f.check_space(replace(space, batch_ndim=self.f.batch_ndim))

    def write(self, s: Style) -> str:
        if s.is_latex:
            return rf"\sum w_i\,{s.grouped(s(self.f))}(x_i)"
        return "WeightedSum" + s.grouped(s(self.f))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        w = asarray([0.5, 2.0, 1.0])
        return [
            (cls(Logistic(asarray([1.0, -1.0, -1.0]), batch_ndim=1), w), (3,)),
            (cls(Logistic(batch_ndim=2), w), (2, 3)),
        ]
