"""f(x) = Σ wᵢh(xᵢ), h(t) = |t| for |t| ≤ δ, (t² + δ²)/2δ beyond."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, POSITIVE
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, sizes, sum_of
from splitkit.functions.base import Function, parameter, zero_or_inf


class BerHu(Function):
    """Σ wᵢh(xᵢ), the reverse of Huber's loss: linear near 0, where it selects, then quadratic.

    f(x) = Σ wᵢh(xᵢ), h(t) = |t| for |t| ≤ δ, (t² + δ²)/2δ beyond.

    prox_{αf}(y) = sign(y) max(|y| − αw, 0) for |y| ≤ δ + αw, δy/(δ + αw) beyond. f*(u) =
    Σ (δ/2w)(u² − w²)₊, of w = 0 the indicator of {0}.

    Source: Owen, *A robust hybrid of lasso and ridge regression* (2007), §3.

    Parameters
    ----------
    delta : float or array, default 1
        δ, where the quadratic starts; positive and finite.
    weight : float or array, default 1
        Non-negative and finite. Arrays have dtype and device of x and broadcast to it.

    Examples
    --------
    >>> f = sk.functions.BerHu()
    >>> x = np.array([0.5, -3.0])
    >>> print(f(x), f.prox(x))
    5.5 [ 0.  -1.5]
    """

    formula = r"<weight*>\sum b_{<delta>}(@)"

    delta: Scalar = parameter(POSITIVE, default=1.0)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    elementwise = True
    of_moduli = acts_on_complex = True

    def __call__(self, x: Point) -> Array:
        size = sizes(x)
        over = clip(size - self.delta, 0.0)
        curved = self.weight / (2 * self.delta) * over * over  # 0 where the weight is
        return sum_of(self.weight * size + curved, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        t = align(alpha, x) * self.weight
        soft = x - clip(x, -t, t)
        return namespace(x).where(abs(x) <= self.delta + t, soft, x / (1 + t / self.delta))

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        # of |u| > w: u(1 + αδ/w) = x, so that 0 stays where w = 0
        xp, w = namespace(x), self.weight + 0.0 * x
        inside = clip(x, -w, w)
        beyond = x * (w / (w + align(alpha, x) * self.delta))
        return xp.where(abs(beyond) > w, beyond, inside)

    def conjugate_value(self, u: Point) -> Array:
        xp, w = namespace(u), self.weight + 0.0 * u
        positive = w > 0
        over = clip(abs(u) - w, 0.0)
        terms = self.delta * over * ((abs(u) + w) / (2 * xp.where(positive, w, 1.0)))
        free = sum_of(xp.where(positive, 0.0, abs(u)), self.batch_ndim)
        value = sum_of(xp.where(positive, terms, 0.0), self.batch_ndim)
        return value + zero_or_inf(free, sum_of(abs(u), self.batch_ndim))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.7, asarray([1.0, 0.0]), batch_ndim=1), (2, 2))]
