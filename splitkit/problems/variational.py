"""The variational inequality: find x ∈ C with ⟨F(x), y − x⟩ ≥ 0 for all y ∈ C, 0 ∈ F(x) + N_C(x).

How far x is from solving it, each 0 exactly at the solutions in C:

    natural residual      ‖x − P_C(x − αF(x))‖
    gap                   sup_{y∈C} ⟨F(x), x − y⟩ = ⟨F(x), x⟩ + σ_C(−F(x))
    regularized gap       max_{y∈C} ⟨F(x), x − y⟩ − ‖x − y‖²/(2α)

Source: Facchinei, Pang, *Finite-Dimensional Variational Inequalities and Complementarity Problems*
(2003), §§1.5, 2.3 and 10.2; Fukushima (1992) for the regularized gap.
"""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Space, lincomb, scale, subtract
from splitkit.functions import Box, Function, NormalCone, SeparableSum, Simplex
from splitkit.linear import Affine
from splitkit.looks import of_whole_points
from splitkit.operators.base import Operator
from splitkit.operators.sum import Sum, terms_of
from splitkit.problems.natural import is_natural_solution, relative_residual


class VI(Sum):
    """F + N_C, which ``solve`` takes as it is.

    Parameters
    ----------
    F : Operator
        Single-valued; a sum is taken term by term.
    C : Indicator, or SeparableSum of them
        A closed convex set; its ``batch_ndim`` is that of the problem.

    Raises
    ------
    TypeError
        F is no operator with an evaluation; C is no set.

    Examples
    --------
    >>> problem = sk.VI(sk.Affine(np.eye(2), np.array([2.0, -1.0])), sk.functions.NonNegative())
    >>> x = sk.solve(problem, np.zeros(2)).x
    >>> print(x, problem.is_solution(x))
    [2. 0.] True
    """

    def __init__(self, F: Operator, C: Function) -> None:
        if not (isinstance(F, Operator) and F.has_evaluation):
            raise TypeError(f"F = {F!r}: give an operator that can be evaluated")
        super().__init__((*terms_of(F), NormalCone(C)))
        self.F, self.C = F, C

    @of_whole_points
    def natural_residual(self, x: Point, alpha: float = 1.0) -> Array:
        """‖x − P_C(x − αF(x))‖, of batch shape; α > 0."""
        return self.graph_residual(x, scale(0.0, x), alpha=alpha, batch_ndim=self.C.batch_ndim)

    @of_whole_points
    def gap(self, x: Point) -> Array:
        """sup_{y∈C} ⟨F(x), x − y⟩, of batch shape; non-negative for x ∈ C, inf if C is unbounded
        that way. For F monotone it bounds Minty's dual gap sup_{y∈C} ⟨F(y), x − y⟩, and equals it
        where F is affine and skew.

        Raises
        ------
        TypeError
            No formula is known for the support function of C; ``regularized_gap`` needs none.
        """
        Fx, space = self.F(x), self._space(x)
        return space.inner(Fx, x) + self.C.conjugate(scale(-1.0, Fx))

    @of_whole_points
    def regularized_gap(self, x: Point, alpha: float = 1.0) -> Array:
        """⟨F(x), x − y⟩ − ‖x − y‖²/(2α) at its largest, y = P_C(x − αF(x)); of batch shape.

        At least ‖x − y‖²/(2α) for x ∈ C.
        """
        Fx, space = self.F(x), self._space(x)
        moved = subtract(x, self.C.prox(lincomb(1.0, x, -alpha, Fx)))
        return space.inner(Fx, moved) - space.inner(moved, moved) / (2 * alpha)

    @of_whole_points
    def error_bound(self, x: Point) -> Array:
        """(1 + L)/m times the natural residual, at least the distance to the solution.

        Raises
        ------
        TypeError
            F is not known to be strongly monotone and Lipschitz.
        """
        m, L = self.F.strong_monotonicity, self.F.lipschitz
        if m is None or L is None or m <= 0:
            raise TypeError(
                f"no error bound is known for F = {self.F!r} with strong_monotonicity = {m} and "
                f"lipschitz = {L}: declare them, with a positive strong_monotonicity"
            )
        return (1 + L) / m * self.natural_residual(x)

    @of_whole_points
    def is_solution(self, x: Point, tol: float | None = None) -> Array:
        """Whether ``relative_residual`` is at most tol, 0 ≤ tol < 1, of batch shape.

        The default of tol is 1e-6 (1.2e-3 in float32), a hundred times that of ``solve``.
        """
        return is_natural_solution(self, x, self._space(x), tol)

    @of_whole_points
    def relative_residual(self, x: Point) -> Array:
        """The natural residual without units, of batch shape: |x − P_C(x − γF(x))| beside the size
        of x, with γ such that x and γF have the same size; on a box of each entry by itself, else
        of each block. See ``splitkit.problems.natural``.
        """
        return relative_residual(self, x, self._space(x))

    def _space(self, x: Point) -> Space:
        space = Space.of(x, self.C.batch_ndim, name="x")
        self.check_space(space)
        return space

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        F = Affine(asarray([[2.0, 1.0], [-1.0, 1.0]]), asarray([1.0, -0.5]))
        identity = Operator.from_callable(lambda x: x, monotone=True, name="F")
        return [
            (cls(F, Simplex()), (2,)),
            (cls(Affine(F.M) + F, Box(-1.0, 2.0)), (2,)),
            (cls(identity, SeparableSum((Simplex(), Box(-1.0, 1.0)))), ((2,), (3,))),
        ]
