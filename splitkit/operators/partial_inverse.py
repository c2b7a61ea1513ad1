"""Spingarn's partial inverse A_V = {(P_V x + P_⊥u, P_V u + P_⊥x): (x, u) ∈ A} with respect to a
linear subspace V, P_V and P_⊥ = I − P_V the projections.
"""

from __future__ import annotations

import math
from functools import cached_property

from splitkit.backend import Array, Point, Scalar, Space, is_array, lincomb, scale, subtract
from splitkit.notation import ATOM, FACTOR, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.identity import Identity
from splitkit.operators.parts import OfOne
from splitkit.properties import Properties


class PartialInverse(OfOne):
    """A_V; ``A.partial_inverse(V)`` makes it.

    Spingarn's partial inverse A_V = {(P_V x + P_⊥u, P_V u + P_⊥x): (x, u) ∈ A} with respect to a
    linear subspace V, P_V and P_⊥ = I − P_V the projections.

    A_V is maximal monotone if A is, and 0 ∈ A_V(z) if and only if u ∈ A(x) with x = P_V z ∈ V and u
    = P_⊥z ∈ V⊥: the zeros of A + N_V with their multipliers. At α = 1 its Cayley operator is (2P_V
    − I) C_A, so that the proximal point method on A_V is Douglas-Rachford on A and N_V; at other
    steps it is not a resolvent of A in the same metric. Source: Spingarn, *Partial inverse of a
    monotone operator* (1983).

    Parameters
    ----------
    A : Operator
    V : Operator
        The normal cone of a linear subspace, such as ``Consensus(n)`` or
        ``NormalCone(AffineSet(matrix, zeros))``.

    Raises
    ------
    TypeError
        V is no operator, or not known to be the normal cone of an affine subspace. That the
        subspace contains 0 is checked when points are known.

    Examples
    --------
    >>> V = sk.NormalCone(sk.functions.AffineSet(np.array([[1.0, 1.0]]), np.zeros(1)))
    >>> A = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([2.0, 0.0])))
    >>> z = np.array([0.0, -2.0])  # x = (1, −1) in V and its multiplier, added up
    >>> print(A.partial_inverse(V).resolvent(1.0)(z))
    [ 0. -2.]
    """

    binding = FACTOR

    def __init__(self, A: Operator, V: Operator) -> None:
        if not (isinstance(V, Operator) and V.is_symmetric and V.has_resolvent):
            raise TypeError(
                f"V = {V!r}: give the normal cone of a linear subspace, such as Consensus(n) or "
                "NormalCone(AffineSet(matrix, zeros))"
            )
        super().__init__(A)
        self.V = V

    @cached_property
    def properties(self) -> Properties:
        return self.A.properties.partially_inverted()

    def cayley(self, alpha: Scalar) -> Operator:
        self._check_step(alpha)
        return self.V.cayley(1.0) @ self.A.cayley(1.0)

    def resolvent(self, alpha: Scalar) -> Operator:
        return 0.5 * Identity() + 0.5 * self.cayley(alpha)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        return self.resolvent(alpha)

    def _check_step(self, alpha: Scalar) -> None:
        if is_array(alpha) or alpha != 1:
            raise TypeError(
                f"the resolvent of {self!r} at alpha = {alpha} has no formula, only at 1: scale A "
                "first, (c * A).partial_inverse(V)"
            )

    @property
    def elementwise(self) -> bool:
        return False

    @property
    def has_evaluation(self) -> bool:
        return False

    @property
    def has_resolvent(self) -> bool:
        return False  # not at every step

    def exchange(self, x: Point, u: Point) -> tuple[Point, Point]:
        """(P_V x + P_⊥u, P_V u + P_⊥x): A's graph to that of A_V, and back."""
        project = self.V.make_resolvent(1.0)
        moved = project(subtract(x, u))
        return lincomb(1.0, u, 1.0, moved), lincomb(1.0, x, -1.0, moved)

    def _graph_distance(self, x: Point, u: Point, alpha: Scalar, batch_ndim: int) -> Array:
        return self.A.graph_residual(*self.exchange(x, u), alpha=alpha, batch_ndim=batch_ndim)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        self.V.check_space(space)
        probe = tuple(
            space.xp.reshape(
                space.xp.arange(1, 1 + math.prod(s), dtype=space.dtype, device=space.device), s
            )
            for s in space.shapes
        )
        z = probe if space.is_tuple else probe[0]
        project, eps = self.V.make_resolvent(1.0), float(space.xp.finfo(space.dtype).eps)
        once = project(z)
        moved = space.norm(project(scale(0.0, z))) + space.norm(subtract(project(once), once))
        if bool(space.xp.any(moved > 1e3 * eps * space.norm(z))):
            raise ValueError(
                f"V = {self.V!r} is no normal cone of a linear subspace, because its resolvent "
                "moves 0, or is no projection: translate A and V so that the subspace contains 0"
            )

    def write(self, s: Style) -> str:
        return s.indexed(s(self.A, ATOM), "V")
