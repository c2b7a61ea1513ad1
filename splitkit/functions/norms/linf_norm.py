"""f(x) = w maxᵢ|xᵢ|."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, with_derivative
from splitkit.functions.base import Function, as_vectors, entries, parameter
from splitkit.functions.inner.ramps import ramps


class LInfNorm(Function):
    """w maxᵢ|xᵢ|, over all axes that are not batch; the prox is exact, by one sort.

    f(x) = w maxᵢ|xᵢ|; prox_{αf}(y) = min(max(y, −τ), τ), where τ ≥ 0 solves Σ(|yᵢ| − τ)₊ = αw.

    τ = 0 if Σ|yᵢ| ≤ αw. The conjugate is the indicator of the ball {Σ|uᵢ| ≤ w}.
    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.5.2.

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> f = sk.functions.LInfNorm()
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    3.0 [ 2.  -1.   0.5]
    """

    formula = r"<weight*>\|@\|_\infty"
    polyhedral = True
    sublinear = True

    weight: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)

    check_axes = entries
    of_moduli = acts_on_complex = True

    def __call__(self, x: Point) -> Array:
        sizes = abs(as_vectors(x, self.batch_ndim))
        return self.weight * namespace(x).max(sizes, axis=-1)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, sizes = namespace(x), abs(as_vectors(x, self.batch_ndim))
        mass = align(alpha * self.weight, sizes) + 0.0 * sizes[..., :1]
        # no ramp reaches its cap before all have started, and none so near that rounding hides it
        cap = mass + xp.max(sizes, axis=-1, keepdims=True)
        mu, cut = ramps(-sizes, 1.0, cap, mass)
        tau = align(clip(-mu[..., 0], 0.0), x)
        found = clip(x, -tau, tau)
        return with_derivative(
            found,
            (x, mass),
            lambda: xp.where(
                (tau > 0) | (align(mass[..., 0], x) == 0),
                x - xp.sign(x) * xp.reshape(cut, x.shape),
                0.0,
            ),
        )

    @property
    def conjugate(self) -> Function:
        from splitkit.functions.sets.l1_ball import L1Ball  # which imports this file

        return L1Ball(self.weight, batch_ndim=self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 0.0]), batch_ndim=1), (2, 2))]
