"""f(X) = −w log det X for symmetric X ≻ 0."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Space, is_array, namespace, transposed
from splitkit.functions.base import Function, Indicator
from splitkit.functions.cones.positive_semidefinite import PositiveSemidefinite
from splitkit.functions.entropies.log_barrier import LogBarrier
from splitkit.functions.inner.hessians import SecondDerivative
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

    def make_hessian(self, x: Point) -> LinearOperator:
        """D ↦ wX⁻¹DX⁻¹, of the symmetric part of D."""
        inverse = self._inside(self.gradient(x)) / -self.weight

        def product(d: Array) -> Array:
            return self.weight * (inverse @ ((d + transposed(d)) / 2) @ inverse)

        space = Space.of(x, self.batch_ndim, known_finite=True)
        return SecondDerivative(product, space, self.strong_convexity, self.smoothness)

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
