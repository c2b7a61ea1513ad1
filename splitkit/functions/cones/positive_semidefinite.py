"""The symmetric matrices X ⪰ 0."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Space, clip, namespace, norm, transposed
from splitkit.functions.base import Function, matrices, spectral_roundings
from splitkit.functions.cones.cone import Cone
from splitkit.functions.inner.spectra import of_eigenvalues
from splitkit.operators.freedom import Freedom, congruence, for_matrices


class PositiveSemidefinite(Cone):
    """{X: X = Xᵀ, X ⪰ 0}, for each square matrix in the last two axes.

    The symmetric matrices X ⪰ 0: projection Q diag(max(λ, 0)) Qᵀ for (Y + Yᵀ)/2 = Q diag(λ) Qᵀ.

    Among all matrices, symmetric or not, the polar is {U: U + Uᵀ ⪯ 0}, with the projection Y −
    P(Y); among symmetric ones the cone is self-dual. Source: Higham, *Computing a nearest symmetric
    positive semidefinite matrix* (1988), Thm. 2.1.

    Examples
    --------
    >>> C = sk.functions.PositiveSemidefinite()
    >>> print(C.project(np.array([[0.0, 1.0], [1.0, 0.0]])))
    [[0.5 0.5]
     [0.5 0.5]]
    """

    formula = r"\{X \succeq 0\}"
    check_axes = matrices(square=True)
    acts_on_complex = True

    def project(self, x: Point) -> Point:
        return of_eigenvalues((x + transposed(x)) / 2, lambda values: clip(values, 0.0))

    def violation(self, x: Point) -> Array:
        symmetric, skew = (x + transposed(x)) / 2, (x - transposed(x)) / 2
        negative = clip(namespace(x).linalg.eigvalsh(symmetric), None, 0.0)
        return norm((negative, skew), self.batch_ndim)

    def in_metric(self, S: Any) -> Function | None:
        """Itself, of diag(t) X diag(t)."""
        same = S.entrywise is not None and congruence(S.entrywise) is not None
        return self if same else super().in_metric(S)

    def freedom(self, space: Space) -> tuple[Freedom, ...] | None:
        return for_matrices(space)

    def __call__(self, x: Point) -> Array:
        return self.within(x, spectral_roundings(x))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(batch_ndim=1), (2, 3, 3))]
