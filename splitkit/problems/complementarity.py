"""Complementarity: x ≥ 0, F(x) ≥ 0, ⟨x, F(x)⟩ = 0 — a variational inequality on the orthant.

Its natural residual is ‖min(x, F(x))‖. On a box, each entry has F(x)ᵢ ≥ 0 at the lower bound,
F(x)ᵢ ≤ 0 at the upper one, and F(x)ᵢ = 0 between them.

Source: Cottle, Pang, Stone, *The Linear Complementarity Problem* (1992), §1.1; Facchinei, Pang
(2003), §1.1.
"""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Scalar, Space, clip, scale
from splitkit.functions import Box, NonNegative
from splitkit.linear import Affine, LinearOperator
from splitkit.looks import of_whole_points
from splitkit.operators.base import Operator
from splitkit.problems.elimination import Eliminated, eliminated
from splitkit.problems.variational import VI


class NCP(VI):
    """F + N_{x ≥ 0}.

    Parameters
    ----------
    F : Operator
        Single-valued.
    batch_ndim : int
        Leading batch axes.

    Raises
    ------
    TypeError
        F is no operator that can be evaluated.

    Examples
    --------
    >>> F = sk.Operator.from_callable(lambda z: z**3 - 1, monotone=True)
    >>> print(sk.solve(sk.NCP(F), np.ones(2) / 2).x)
    [1. 1.]
    """

    def __init__(self, F: Operator, *, batch_ndim: int = 0) -> None:
        super().__init__(F, NonNegative(batch_ndim=batch_ndim))

    @of_whole_points
    def violations(self, x: Point) -> dict[str, Array]:
        """By how much each condition fails, of batch shape: ‖[−x]₊‖, ‖[−F(x)]₊‖, |⟨x, F(x)⟩|."""
        Fx, space = self.F(x), self._space(x)
        return {
            "x ≥ 0": space.norm(clip(-x, 0.0)),
            "F(x) ≥ 0": space.norm(clip(-Fx, 0.0)),
            "⟨x, F(x)⟩ = 0": abs(space.inner(x, Fx)),
        }

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        F = Operator.from_callable(
            lambda x: x + x**3 - 1, monotone=True, strong_monotonicity=1.0, name="F"
        )
        return [(cls(F), (3,)), (cls(F, batch_ndim=1), (4, 3))]


class LCP(NCP):
    """The linear problem F(x) = Mx + q, q added: w = Mz + q ≥ 0, z ≥ 0, zᵀw = 0.

    Parameters
    ----------
    M : array of shape (n, n), or LinearOperator
    q : array
        With the sign of the field: ``Affine(M, −q)`` is the operator.
    batch_ndim : int
        Leading batch axes.

    Raises
    ------
    TypeError, ValueError
        M is no square matrix or linear map, or ``batch_ndim`` is negative.

    Examples
    --------
    >>> problem = sk.LCP(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([-5.0, -6.0]))
    >>> z = sk.solve(problem, np.zeros(2)).x
    >>> print(z, problem.is_solution(z))
    [1.3333 2.3333] True
    """

    def __init__(self, M: Array | LinearOperator, q: Array, *, batch_ndim: int = 0) -> None:
        Space.of(q, name="q")
        super().__init__(Affine(M, scale(-1.0, q)), batch_ndim=batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        M, q = asarray([[2.0, 1.0], [-1.0, 1.0]]), asarray([-1.0, 0.5])
        return [(cls(M, q), (2,)), (cls(M, q, batch_ndim=1), (4, 2))]


class MixedComplementarity(VI):
    """F + N_{l ≤ x ≤ u}; infinite bounds give equations F(x)ᵢ = 0 or plain complementarity.

    Parameters
    ----------
    F : Operator
        Single-valued.
    lower, upper : float or array
        Bounds with lower ≤ upper; −inf and inf leave a side free.
    batch_ndim : int
        Leading batch axes.

    Raises
    ------
    TypeError, ValueError
        F is no operator that can be evaluated, or a lower bound exceeds its upper one.

    Examples
    --------
    >>> F = sk.Affine(np.eye(2), np.array([2.0, -1.0]))
    >>> lower, upper = np.array([0.0, -np.inf]), np.array([1.0, np.inf])
    >>> problem = sk.MixedComplementarity(F, lower, upper)
    >>> print(sk.solve(problem, np.zeros(2)).x)
    [ 1. -1.]
    """

    def __init__(self, F: Operator, lower: Scalar, upper: Scalar, *, batch_ndim: int = 0) -> None:
        super().__init__(F, Box(lower, upper, batch_ndim=batch_ndim))

    def eliminated(self) -> Eliminated:
        """The problem without its free variables, F affine: solve ``.problem`` from
        ``.bounded_part(x0)``, and ``.restore`` its solution. It can be monotone where this one is
        not, as where equations were given with the other sign.

        Raises
        ------
        TypeError, ValueError
            F is not affine with a matrix, or does not determine the free variables.
        """
        return eliminated(self)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        F = Affine(asarray([[2.0, 1.0], [-1.0, 1.0]]), asarray([1.0, -0.5]))
        inf = float("inf")
        return [(cls(F, asarray([-inf, 0.0]), asarray([inf, 1.0])), (2,)), (cls(F, 0.0, inf), (2,))]
