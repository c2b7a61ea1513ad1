"""The ball {‖X‖_* ≤ r} of matrices, ‖X‖_* = Σσᵢ."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, norm, sum_of
from splitkit.functions.base import Function, Indicator, matrices, parameter, spectral_roundings
from splitkit.functions.inner.spectra import drawn_in
from splitkit.functions.sets.simplex import onto_simplex


class NuclearBall(Indicator):
    """{X: ‖X‖_* ≤ r}, for each matrix in the last two axes.

    The ball {‖X‖_* ≤ r} of matrices, ‖X‖_* = Σσᵢ: projection U diag(P(σ)) Vᵀ for Y = U diag(σ) Vᵀ.

    P projects onto the simplex of radius r; nothing moves if Σσᵢ ≤ r.

    Its support function is r times the greatest singular value. Source: Beck, *First-Order Methods
    in Optimization* (2017), §7.3.2.

    Parameters
    ----------
    radius : float or array, default 1
        r, non-negative and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> C = sk.functions.NuclearBall(1.0)
    >>> print(C.project(np.diag([3.0, 0.5])))
    [[1. 0.]
     [0. 0.]]
    """

    formula = r"\{\|X\|_* \leq <radius>\}"
    bounded = True

    radius: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)

    check_axes = matrices()
    acts_on_complex = True

    def project(self, x: Point) -> Point:
        xp = namespace(x)
        return drawn_in(
            x,
            self.radius,
            lambda sigma: xp.sum(sigma, axis=-1, keepdims=True),
            lambda sigma: onto_simplex(sigma, align(self.radius, sigma)),
        )

    def violation(self, x: Point) -> Array:
        xp = namespace(x)
        sigma = xp.linalg.svdvals(x)
        excess = xp.sum(sigma, axis=-1, keepdims=True) - align(self.radius, sigma)
        over = clip(excess, 0.0)
        return norm(over, self.batch_ndim)

    def cancelling(self, x: Point) -> Array:
        return min(x.shape[-2:]) ** 0.5 * super().cancelling(x)  # at least Σσᵢ

    def __call__(self, x: Point) -> Array:
        return self.within(x, spectral_roundings(x))

    def support_point(self, v: Point) -> Point:
        U, _, Vt = namespace(v).linalg.svd(v, full_matrices=False)
        return align(self.radius, v) * (U[..., :, :1] @ Vt[..., :1, :])

    def conjugate_value(self, u: Point) -> Array:
        sigma = namespace(u).linalg.svdvals(u)[..., :1]
        return sum_of(align(self.radius, sigma) * sigma, self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 2.0]), batch_ndim=1), (2, 3, 2))]
