"""The matrices with orthonormal columns, or rows."""

from __future__ import annotations

import math
from typing import Any

from splitkit.backend import Array, Point, namespace, norm
from splitkit.functions.base import Function, Indicator, matrices, spectral_roundings
from splitkit.functions.inner.spectra import of_singular_values
from splitkit.functions.sets.spectral_ball import SpectralBall


class Stiefel(Indicator):
    """{X: XᵀX = I}, or XXᵀ = I of wide ones, for each matrix in the last two axes; not convex.

    All singular values are 1. The projection is U Vᵀ of Y = U diag(σ) Vᵀ, the polar factor; where
    σ has a 0 it is one of several.

    It is not convex: no method is guaranteed with it. Its conjugate is that of the spectral ball.
    Source: Higham, *Functions of Matrices* (2008), Thm. 8.4.

    Examples
    --------
    >>> C = sk.functions.Stiefel()
    >>> print(C.project(np.array([[0.0, 2.0], [-0.5, 0.0]])))
    [[ 0.  1.]
     [-1.  0.]]
    """

    formula = r"\{X^\top X = I\}"

    convex = False
    strong_convexity = -math.inf
    check_axes = matrices()
    acts_on_complex = True

    def project(self, x: Point) -> Point:
        return of_singular_values(x, lambda sigma: namespace(sigma).ones_like(sigma))

    def violation(self, x: Point) -> Array:
        return norm(namespace(x).linalg.svdvals(x) - 1, self.batch_ndim)

    def __call__(self, x: Point) -> Array:
        return self.within(x, spectral_roundings(x))

    @property
    def conjugate(self) -> Function:
        return SpectralBall(1.0, batch_ndim=self.batch_ndim).conjugate

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(batch_ndim=1), (2, 3, 2))]
