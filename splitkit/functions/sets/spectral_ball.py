"""The ball {‖X‖₂ ≤ r} of matrices, ‖X‖₂ the greatest singular value."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, norm, sum_of
from splitkit.functions.base import Function, Indicator, matrices, parameter, spectral_roundings
from splitkit.functions.inner.spectra import drawn_in


class SpectralBall(Indicator):
    """{X: ‖X‖₂ ≤ r}, for each matrix in the last two axes.

    The projection is U diag(min(σ, r)) Vᵀ for Y = U diag(σ) Vᵀ; nothing moves if σ ≤ r.

    Its support function is r times the sum of the singular values. The ball of the nuclear norm is
    ``NuclearBall``, that of Frobenius' ``L2Ball``. Source: Beck, *First-Order Methods in
    Optimization* (2017), §7.3.2.

    Parameters
    ----------
    radius : float or array, default 1
        r, non-negative and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> C = sk.functions.SpectralBall(1.0)
    >>> print(C.project(np.diag([3.0, 0.5])))
    [[1.  0. ]
     [0.  0.5]]
    """

    formula = r"\{\|X\|_2 \leq <radius>\}"
    bounded = True

    radius: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)

    check_axes = matrices()
    acts_on_complex = True

    def project(self, x: Point) -> Point:
        def capped(sigma: Array) -> Array:
            return namespace(x).minimum(sigma, align(self.radius, sigma) + 0.0 * sigma)

        return drawn_in(x, self.radius, lambda sigma: sigma[..., :1], capped)

    def violation(self, x: Point) -> Array:
        sigma = namespace(x).linalg.svdvals(x)
        return norm(clip(sigma - align(self.radius, sigma), 0.0), self.batch_ndim)

    def __call__(self, x: Point) -> Array:
        return self.within(x, spectral_roundings(x))

    def support_point(self, v: Point) -> Point:
        U, _, Vt = namespace(v).linalg.svd(v, full_matrices=False)
        return align(self.radius, v) * (U @ Vt)

    def conjugate_value(self, u: Point) -> Array:
        sigma = namespace(u).linalg.svdvals(u)
        return sum_of(align(self.radius, sigma) * sigma, self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 2.0]), batch_ndim=1), (2, 3, 2))]
