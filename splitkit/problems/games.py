"""Nash equilibria: x with xᵢ ∈ argmin over Cᵢ of fᵢ(·, x₋ᵢ) for each player i.

If each fᵢ is convex in xᵢ and differentiable, and each Cᵢ is closed and convex, they are the
solutions of the variational inequality of the pseudo-gradient on C₁ × … × Cₙ.
Source: Facchinei, Pang (2003), Prop. 1.4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from splitkit.backend import Array, Point, from_numpy, namespace, to_numpy
from splitkit.display import Shown
from splitkit.functions import Box, Indicator, SeparableSum, Simplex
from splitkit.linear import Affine, Coupling, LinearOperator, Stacked
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.sparse import Sparse
from splitkit.linear.wrapped import wrap
from splitkit.operators.base import Operator
from splitkit.outcomes import OnFailure
from splitkit.problems.programs.program import TOLERANCE
from splitkit.problems.programs.quadratic import LP
from splitkit.problems.programs.solution import ProgramSolution
from splitkit.problems.pseudo_gradient import PseudoGradient
from splitkit.problems.variational import VI


class NashGame(VI):
    """The equilibria of a game, as F + N_{C₁} × … × N_{Cₙ} on tuples, one block for each player.

    Parameters
    ----------
    F : Operator
        The pseudo-gradient: ``PseudoGradient(gradients)``, ``PseudoGradient.quadratic(Q, q)``.
    sets : sequence of Indicator
        What each player may choose.

    Raises
    ------
    TypeError, ValueError
        F has no evaluation, or one of ``sets`` is no set; F shows that it has more or fewer players
        than there are sets.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> F = sk.PseudoGradient.quadratic([[2 * one, one], [one, 2 * one]], [np.array([-3.0])] * 2)
    >>> game = sk.NashGame(F, [sk.functions.NonNegative()] * 2)  # Cournot's
    >>> sk.solve(game, (np.zeros(1), np.zeros(1))).x
    (array([1.]), array([1.]))
    """

    def __init__(self, F: Operator, sets: Sequence[Indicator]) -> None:
        players = _players(F)
        if players is not None and players != len(sets):
            raise ValueError(
                f"{len(sets)} sets, but F = {F!r} has {players} players: give one set a player"
            )
        super().__init__(F, SeparableSum(tuple(sets)))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        Q = [[asarray([[2.0]]), asarray([[1.0]])], [asarray([[1.0]]), asarray([[2.0]])]]
        F = PseudoGradient.quadratic(Q)
        return [(cls(F, [Box(0.0, 1.0), Box(0.0, 2.0)]), ((1,), (1,)))]


def _players(F: Operator) -> int | None:
    """How many blocks F acts on; None: it takes whatever it is given."""
    if isinstance(F, PseudoGradient):
        return len(F.gradients)
    if isinstance(F, Affine) and isinstance(F.M, Stacked):
        return len(F.M.sizes)
    return 2 if isinstance(F, Affine) and isinstance(F.M, Coupling) else None


@dataclass(frozen=True, repr=False)
class GameSolution(Shown):
    """The result of ``MatrixGame.solve``; ``print`` it for its figures.

    Attributes
    ----------
    x, y : array
        The mixed strategies of the column and the row player: non-negative, of sum 1.
    value : float
        yᵀKx, at most ``gap`` from the value of the game.
    gap : float
        max_i (Kx)ᵢ − min_j (Kᵀy)ⱼ ≥ 0.
    program : ProgramSolution
        Of the linear program: its status, message, iterations.

    Examples
    --------
    >>> found = sk.MatrixGame(np.array([[0.0, 2.0], [1.0, -1.0]])).solve()
    >>> found.x, found.y
    (array([0.75, 0.25]), array([0.5, 0.5]))
    >>> round(found.value, 6)
    0.5
    """

    x: Array
    y: Array
    value: float
    gap: float
    program: ProgramSolution

    def heading(self) -> str:
        """How it ended."""
        return f"GameSolution: {self.program.status} after {self.program.iterations} Newton steps"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """Strategies, value, and what both could gain."""
        for name in ("x", "y", "value", "gap"):
            yield name, getattr(self, name)


class MatrixGame(NashGame):
    """Two players with mixed strategies: x minimizes and y maximizes yᵀKx over simplices.

    ``game.solve()`` finds both by a linear program, whatever the payoffs; ``splitkit.solve`` takes
    the game too, as operators on pairs (x, y), with K of any kind. Of a matrix of up to 250,000
    payoffs it begins, without a method or a callback, at what the linear program finds, and so does
    a ``splitkit.plan`` of the game; from an earlier solution both begin there.

    Payoffs count from their mean: more in every entry changes the value alone, and ``F`` is that of
    the matrix without it. ``gap`` is max_i (Kx)ᵢ − min_j (Kᵀy)ⱼ, what both could gain by deviating;
    it bounds the distance of ``value`` to the value of the game.

    Parameters
    ----------
    K : array of shape (rows, columns), or what ``linear.wrap`` takes
        What the column player x pays the row player y.
    batch_ndim : int
        Leading batch axes: several games of one matrix.

    Raises
    ------
    TypeError, ValueError
        K is no matrix and no linear map, or ``batch_ndim`` is negative.

    Examples
    --------
    >>> game = sk.MatrixGame(np.array([[1.0, -1.0], [-1.0, 1.0]]))  # matching pennies
    >>> x, y = sk.solve(game, (np.array([1.0, 0.0]), np.array([0.0, 1.0]))).x
    >>> print(x, y)
    [0.5 0.5] [0.5 0.5]
    """

    def __init__(self, K: Array | LinearOperator, *, batch_ndim: int = 0) -> None:
        self._program: LP | None = None
        self._take(wrap(K, argument="K"), batch_ndim)

    def _take(self, K: LinearOperator, batch_ndim: int) -> None:
        if isinstance(K, LastAxesMap) and not prod(K.range_shape + K.domain_shape):
            shape = K.range_shape + K.domain_shape
            raise ValueError(f"K has shape {shape}: give each player at least one choice")
        F = Affine(Coupling(centred(K)))
        vars(self).pop("properties", None)
        super().__init__(F, [Simplex(batch_ndim=batch_ndim)] * 2)
        self.K = K

    def update(self, K: Array | LinearOperator) -> None:
        """Take other payoffs of as many choices: the next ``solve`` keeps the program's units, and
        from ``start`` goes on where the last one ended. A ``plan`` keeps those that it was made of.

        Raises
        ------
        TypeError, ValueError
            K is no matrix and no linear map, or of another shape; nothing is changed then.
        """
        new, known = wrap(K, argument="K"), self.K
        shapes = [
            (*each.range_shape, *each.domain_shape) if isinstance(each, LastAxesMap) else None
            for each in (new, known)
        ]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"K has shape {shapes[0]}, and had {shapes[1]}: an update changes payoffs only; "
                "make a new game"
            )
        self._take(new, self.C.batch_ndim)

    def value(self, z: Point) -> Array:
        """yᵀKx at z = (x, y), of batch shape; the value of the game at an equilibrium."""
        x, y = z
        return namespace(x).sum(self.K(x) * y, axis=-1)

    def solve(
        self,
        *,
        tol: float = TOLERANCE,
        max_iter: int = 2_000,
        on_failure: OnFailure = "raise",
        start: GameSolution | None = None,
    ) -> GameSolution:
        """Both players' optimal strategies, by the linear program

            minimize v  subject to  Kx ≤ v1,  ⟨1, x⟩ = 1,  x ≥ 0,

        of which y are multipliers, with payoffs in units of their largest deviation from the mean,
        counted so that they are from 1 to 3.

        Parameters
        ----------
        tol : float
            Beside the largest deviation, for the gap.
        max_iter : int
            Newton steps.
        on_failure : {"raise", "warn", "return"}
            What to do if it ends without a solution.
        start : GameSolution, optional
            That of a game of as many choices, such as this one before an ``update``.

        Raises
        ------
        NotConvergedError
            See ``on_failure``; it carries the ``ProgramSolution``.
        TypeError, ValueError
            K is a map without entries, or an argument is wrong.
        """
        if start is not None and not isinstance(start, GameSolution):
            raise TypeError(f"start = {start!r}: give what solve of such a game returned, or None")
        payoffs, like = self._payoffs()
        program = self._as_program(payoffs)
        # its tolerance is beside a value of 1 to 3, and what is clipped adds to the gap
        begin = None if start is None else start.program
        found = program.solve(begin, tol=tol / 10, max_iter=max_iter, on_failure=on_failure)
        x, y = _shares(found.x[:-1]), _shares(found.y[:-1])
        of_x = payoffs @ x
        return GameSolution(
            x=from_numpy(x, like),
            y=from_numpy(y, like),
            value=float(y @ of_x),
            gap=float(of_x.max() - (y @ payoffs).min()),
            program=found,
        )

    def _as_program(self, payoffs: Any) -> LP:
        """The linear program, the one before with these payoffs if there is one."""
        rows, columns = payoffs.shape
        deviations = payoffs - payoffs.mean()
        A = np.ones((rows + 1, columns + 1))
        A[:rows, :columns] = deviations / (float(abs(deviations).max()) or 1.0) + 2.0
        A[:rows, columns], A[rows, columns] = -1.0, 0.0
        if self._program is not None:
            self._program.update(A=A)
            return self._program
        cost, one = np.eye(columns + 1)[columns], np.eye(rows + 1)[rows]
        lower = np.where(cost == 1.0, -np.inf, 0.0)
        bounds = lower, np.full(columns + 1, np.inf)
        self._program = LP(cost, A, np.where(one == 1.0, 1.0, -np.inf), one, bounds=bounds)
        return self._program

    def _payoffs(self) -> tuple[Any, Array]:
        """K in NumPy's float64, and an array of the library and dtype of the strategies."""
        if isinstance(self.K, Sparse):
            return self.K.matrix.toarray().astype(float), self.K.matrix.data
        if isinstance(self.K, DenseMatrix):
            return to_numpy(self.K.matrix).astype(float), self.K.matrix
        raise TypeError(
            f"K = {self.K!r} shows no entries, which a linear program needs: give a matrix, or the "
            "game to splitkit.solve"
        )

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        K = asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
        return [(cls(K), ((3,), (2,)))]


def centred(K: LinearOperator) -> LinearOperator:
    """K − c11ᵀ, c the mean of its entries, which is the same game; what is no matrix as it is."""
    if not isinstance(K, DenseMatrix):
        return K
    return DenseMatrix(K.matrix - namespace(K.matrix).mean(K.matrix))


def _shares(of: Any) -> Any:
    """Without what rounding leaves below 0, of sum 1."""
    clipped = np.maximum(of, 0.0)
    return clipped / clipped.sum()
