"""The graph {(x, y): y = Lx}."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Space
from splitkit.functions.base import Function
from splitkit.functions.cones.cone import Subspace
from splitkit.linear.coupling import Coupling
from splitkit.looks import of_whole_points


class GraphOfLinearMap(Subspace):
    """{(x, y): y = Lx} on pairs of arrays.

    The graph {(x, y): y = Lx}: projection x = (I + LᵀL)⁻¹(a + Lᵀb), y = Lx, of (a, b).

    It is a subspace; its orthogonal complement is {(u, v): u = −Lᵀv}. With w = y − b the condition
    of the projection is x + Lᵀw = a, w − Lx = −b: the resolvent of the skew map (x, w) ↦ (Lᵀw,
    −Lx), whose factor is made once.

    Source: Parikh, Boyd, *Block splitting for distributed optimization* (2014), §4.

    Parameters
    ----------
    L : array of shape (m, n), sparse array, LinearOperator, or what ``linear.wrap`` takes
        Dtype and device of the points. Of a map that is known by its products the projection is by
        conjugate gradients.

    Raises
    ------
    TypeError, ValueError
        L is no linear map, or a matrix of other than real floating finite numbers.

    Examples
    --------
    >>> C = sk.functions.GraphOfLinearMap(np.array([[1.0, 2.0]]))
    >>> C.project((np.array([1.0, 0.0]), np.array([6.0])))
    (array([1.8333, 1.6667]), array([5.1667]))
    """

    formula = r"\{y = L x\}"
    acts_on_complex = True

    @of_whole_points
    def __init__(self, L: Any, *, batch_ndim: int = 0) -> None:
        self._coupling = Coupling(L)
        self.L, self.batch_ndim = self._coupling.K, batch_ndim
        self._inverse = self._coupling.shifted_inverse(1.0)

    subtracts = True

    def project(self, x: Point) -> Point:
        a, b = x
        nearest, _ = self._inverse((a, -b))
        return nearest, self.L(nearest)

    def violation(self, x: Point) -> Array:
        a, b = x
        gap = b - self.L(a)
        return Space.of(gap, self.batch_ndim, name="x").norm(gap)

    def check_space(self, space: Space) -> None:
        if self.batch_ndim != space.batch_ndim:
            raise ValueError(
                f"{self!r} has batch_ndim = {self.batch_ndim}, but the problem has "
                f"{space.batch_ndim}: make it with batch_ndim={space.batch_ndim}"
            )
        self._coupling.check_space(space, f"L of {self!r}")

    def __repr__(self) -> str:
        return f"GraphOfLinearMap({self.L!r})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        L = asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
        return [(cls(L, batch_ndim=1), ((2, 3), (2, 2)))]
