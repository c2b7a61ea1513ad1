"""The Karush-Kuhn-Tucker operator of: minimize f(x) subject to Ax = b, Gx ≤ h, x ∈ C.

With K = [A; G] and r = [b; h], the Lagrangian f(x) + ⟨y, Kx − r⟩ has a saddle point at the zeros of

    (x, y) ↦ (∂f(x) + N_C(x) + Kᵀy) × (r − Kx + N_Y(y)),     Y = {y: yᵢ ≥ 0 for inequalities i}.

They are minimizers with their multipliers; every minimizer has one under Slater's condition, or if
f and C are polyhedral. Source: Rockafellar, *Convex Analysis* (1970), §28.
"""

from __future__ import annotations

import math
from typing import Any

from splitkit.backend import Array, Point, Space, clip, device, is_array, namespace, scale
from splitkit.functions import (
    Box,
    Function,
    Indicator,
    L1Norm,
    NormalCone,
    Quadratic,
    Subdifferential,
)
from splitkit.functions.calculus.sums import SumOfFunctions
from splitkit.linear import Affine, Coupling, DenseMatrix, LinearOperator, wrap
from splitkit.linear.last_axes import LastAxesMap
from splitkit.looks import of_whole_points
from splitkit.operators.base import Operator
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.identity import Zero
from splitkit.operators.sum import Sum
from splitkit.problems.natural import is_natural_solution, relative_residual


class KKT(Sum):
    """The KKT operator on pairs (x, y), a sum that ``solve`` takes.

    Parameters
    ----------
    f : Function
        A sum is taken term by term.
    A, b : array of shape (p, n) or what ``linear.wrap`` takes, and array of shape (p,); optional
        Equations Ax = b.
    G, h : array of shape (q, n) or what ``linear.wrap`` takes, and array of shape (q,); optional
        Inequalities Gx ≤ h. With equations too, A and G are arrays, and y has p + q entries.
    C : Indicator, optional

    Raises
    ------
    TypeError, ValueError
        f is no function; no constraint is given, or one without its right-hand side; shapes do not
        fit.

    Examples
    --------
    >>> f = sk.functions.SquaredL2(center=np.array([2.0, 0.0]))
    >>> problem = sk.KKT(f, A=np.array([[1.0, 1.0]]), b=np.array([1.0]))  # x₁ + x₂ = 1
    >>> x, y = sk.solve(problem, (np.zeros(2), np.zeros(1))).x
    >>> print(x, y)
    [ 1.5 -0.5] [0.5]
    """

    @of_whole_points
    def __init__(
        self,
        f: Function,
        A: Array | LinearOperator | None = None,
        b: Array | None = None,
        *,
        G: Array | LinearOperator | None = None,
        h: Array | None = None,
        C: Indicator | None = None,
    ) -> None:
        self.K, self.r, self.equations = _constraints(A, b, G, h)
        if not isinstance(f, Function):
            raise TypeError(f"f = {f!r}: give a function of splitkit.functions")
        self.f, self.C = f, C
        terms = f.terms if isinstance(f, SumOfFunctions) else (f,)
        on_x = [Subdifferential(term) for term in terms]
        if C is not None:
            on_x.append(NormalCone(C))
        # x's least smooth term shares a block diagonal, and so a resolvent, with the multipliers
        host = max(on_x, key=lambda term: (not term.has_evaluation, term.has_resolvent))
        cone = self._multipliers()
        blocks = [BlockDiagonal((term, cone if term is host else Zero())) for term in on_x]
        q = (scale(0.0, self.K.adjoint(self.r)), -self.r)
        super().__init__((*blocks, Affine(Coupling(self.K), q)))

    def _multipliers(self) -> Operator:
        """N_Y, or 0 where all constraints are equations."""
        r, p = self.r, self.equations
        if p == r.shape[-1]:
            return Zero()
        xp, inf = namespace(r), float("inf")
        index = xp.arange(r.shape[-1], device=device(r))
        lower = xp.where(index < p, xp.full_like(r, -inf), xp.zeros_like(r))
        return NormalCone(Box(lower, inf))

    @of_whole_points
    def violations(self, z: Point, *, batch_ndim: int = 0) -> dict[str, Array]:
        """By how much the constraints fail at z = (x, y), of batch shape: ‖Ax − b‖, ‖[Gx − h]₊‖,
        and for the multipliers of the inequalities ‖[−y]₊‖ and |⟨y, Gx − h⟩|.

        That x minimizes the Lagrangian at y is not among them: ``graph_residual(z, 0)`` tells it,
        where at most one term is not smooth.
        """
        x, y = z
        space = Space.of(y, batch_ndim, name="y")
        p = self.equations
        excess = self.K(x) - self.r
        beyond, prices = excess[..., p:], y[..., p:]
        return {
            "Ax = b": space.norm(excess[..., :p]),
            "Gx ≤ h": space.norm(clip(beyond, 0.0)),
            "y ≥ 0": space.norm(clip(-prices, 0.0)),
            "⟨y, Gx − h⟩ = 0": abs(space.inner(prices, beyond)),
        }

    @of_whole_points
    def is_solution(self, z: Point, tol: float | None = None, *, batch_ndim: int = 0) -> Array:
        """Whether ``relative_residual`` is at most tol, 0 ≤ tol < 1, of batch shape.

        The default of tol is 1e-6 (1.2e-3 in float32), a hundred times that of ``solve``.
        """
        return is_natural_solution(self, z, self._space(z, batch_ndim), tol)

    @of_whole_points
    def relative_residual(self, z: Point, *, batch_ndim: int = 0) -> Array:
        """How far z = (x, y) is from a minimizer with its multipliers, without units and of batch
        shape: each entry of y beside its own row's, and x beside what cancels in the gradient of
        the Lagrangian. See ``splitkit.problems.natural``.

        Raises
        ------
        TypeError
            Two of f's terms and C are not smooth.
        """
        return relative_residual(self, z, self._space(z, batch_ndim))

    def _space(self, z: Point, batch_ndim: int) -> Space:
        space = Space.of(z, batch_ndim, name="z")
        self.check_space(space)
        return space

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        f = Quadratic(asarray([[2.0, 1.0], [1.0, 2.0]]), asarray([1.0, -1.0]))
        A, b = asarray([[1.0, 1.0]]), asarray([1.0])
        return [
            (cls(f, A, b), ((2,), (1,))),
            (cls(f + L1Norm(), A, b, G=asarray([[1.0, 0.0]]), h=b), ((2,), (2,))),
            (cls(f, G=DenseMatrix(A), h=b, C=Box(0.0, 1.0)), ((2,), (1,))),
        ]


def _constraints(A: Any, b: Any, G: Any, h: Any) -> tuple[LinearOperator, Array, int]:
    """K = [A; G], r = [b; h], and how many of the rows are equations."""
    given = []
    for names, L, r in (("A, b", A, b), ("G, h", G, h)):
        if (L is None) != (r is None):
            raise TypeError(f"of {names} one is missing: give both or none")
        if L is not None:
            Space.of(r, name=names[-1])
            given.append((L, r))
    if not given:
        raise TypeError("no constraint is given: give A and b, or G and h, or use minimize")
    p = 0 if A is None else int(b.shape[-1])
    if len(given) == 1:
        K, r = given[0]
    elif is_array(A) and is_array(G):
        xp = namespace(A, b, G, h)
        K, r = xp.concat([A, G], axis=0), xp.concat([b, h], axis=-1)
    else:
        raise TypeError(
            "A and G are linear maps, of which only one can be taken: give both as arrays, or one "
            "map of both kinds of rows, whose inequalities have slacks in C"
        )
    K = wrap(K, argument="A" if G is None else "G")
    if isinstance(K, LastAxesMap) and K.range_shape != (r.shape[-1],):
        raise ValueError(
            f"the constraints have {math.prod(K.range_shape)} rows but right-hand sides of length "
            f"{r.shape[-1]}: give one entry for each row"
        )
    return K, r, p
