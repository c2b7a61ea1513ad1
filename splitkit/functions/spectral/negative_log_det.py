"""f(X) = −w log det X for symmetric X ≻ 0."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Space, align, device, is_array, namespace, transposed
from splitkit.functions.base import Function, Indicator
from splitkit.functions.cones.positive_semidefinite import PositiveSemidefinite
from splitkit.functions.entropies.log_barrier import LogBarrier
from splitkit.functions.inner.hessians import SecondDerivative
from splitkit.functions.inner.spectra import of_eigenvalues
from splitkit.functions.spectral.spectral import SpectralSymmetric, Weighted
from splitkit.linear.base import LinearOperator
from splitkit.operators.freedom import Freedom, congruence, for_matrices


class NegativeLogDet(Weighted, SpectralSymmetric):
    """−w log det X, summed over the symmetric matrices in the last two axes; inf unless X ≻ 0.

    f(X) = −w log det X for symmetric X ≻ 0; prox takes each eigenvalue λ to (λ + √(λ² + 4αw))/2.

    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.7.3.

    Parameters
    ----------
    weight : float, default 1
        Positive.

    Notes
    -----
    Eigenvalues are known up to rounding of the largest: where they spread beyond 1/eps, as those of
    the prox of a large indefinite matrix with a small αw do, the smallest may be found negative.

    Examples
    --------
    >>> f = sk.functions.NegativeLogDet()
    >>> x = np.diag([1.0, 2.0])
    >>> print(f(x), f.prox(x))
    -0.6931 [[1.618  0.    ]
     [0.     2.4142]]
    """

    formula = r"-<weight*>\log\det(@)"
    of = LogBarrier
    acts_on_complex = True

    @property
    def has_gradient(self) -> bool:
        return True

    def gradient(self, x: Point) -> Point:
        """−wX⁻¹, in the space of the symmetric matrices; NaN unless X ≻ 0 is one."""
        return -self.weight * self._inverse(x)

    @property
    def has_hessian(self) -> bool:
        return True

    def make_hessian(self, x: Point) -> LinearOperator:
        """D ↦ wX⁻¹DX⁻¹, of the symmetric part of D."""
        inverse = self._inside(self._inverse(x))

        def product(d: Array) -> Array:
            return self.weight * (inverse @ ((d + transposed(d)) / 2) @ inverse)

        space = Space.of(x, self.batch_ndim, known_finite=True)
        return SecondDerivative(product, space, self.strong_convexity, self.smoothness)

    def _inverse(self, x: Array) -> Array:
        xp = namespace(x)
        within = align(xp.isfinite(self(x)), x)
        symmetric = xp.where(
            within, (x + transposed(x)) / 2, xp.eye(x.shape[-1], dtype=x.dtype, device=device(x))
        )
        return xp.where(within, of_eigenvalues(symmetric, lambda values: 1 / values), float("nan"))

    def in_metric(self, S: Any) -> Function | None:
        """−w log det(diag(t) X diag(t)) = −w log det X − 2w Σ log tᵢ."""
        t = None if S.entrywise is None else congruence(S.entrywise)
        if t is None or is_array(self.weight):
            return super().in_metric(S)
        xp = namespace(t)
        return self + float(-2 * self.weight * xp.sum(xp.log(t)))

    def freedom(self, space: Space) -> tuple[Freedom, ...] | None:
        return for_matrices(space)

    @property
    def domain(self) -> Indicator:
        return PositiveSemidefinite(batch_ndim=self.batch_ndim)

    @property
    def slopes(self) -> Indicator:
        return PositiveSemidefinite(batch_ndim=self.batch_ndim).polar

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        # αw is large beside eps‖X‖² for what is drawn, in single precision too
        return [(cls(1e3, batch_ndim=1), (4, 2, 2))]
