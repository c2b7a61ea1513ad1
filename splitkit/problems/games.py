"""Nash equilibria: x with xᵢ ∈ argmin over Cᵢ of fᵢ(·, x₋ᵢ) for each player i.

If each fᵢ is convex in xᵢ and differentiable, and each Cᵢ is closed and convex, they are the
solutions of the variational inequality of the pseudo-gradient on C₁ × … × Cₙ.
Source: Facchinei, Pang (2003), Prop. 1.4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from splitkit.backend import Array, Point, namespace
from splitkit.functions import Box, Indicator, SeparableSum, Simplex
from splitkit.linear import Affine, Coupling, LinearOperator, Stacked
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.wrapped import wrap
from splitkit.operators.base import Operator
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


class MatrixGame(NashGame):
    """Two players with mixed strategies: x minimizes and y maximizes yᵀKx over simplices.

    Payoffs count from their mean: more in every entry changes the value alone, and ``F`` is that of
    the matrix without it. ``gap`` is max_i (Kx)ᵢ − min_j (Kᵀy)ⱼ, what both could gain by deviating;
    it bounds the distance of ``value`` to the value of the game.

    Parameters
    ----------
    K : array of shape (rows, columns), or what ``linear.wrap`` takes
        What the column player x pays the row player y.
    batch_ndim : int
        Leading batch axes: several games of one matrix.

    Examples
    --------
    >>> game = sk.MatrixGame(np.array([[1.0, -1.0], [-1.0, 1.0]]))  # matching pennies
    >>> x, y = sk.solve(game, (np.array([1.0, 0.0]), np.array([0.0, 1.0]))).x
    >>> print(x, y)
    [0.5 0.5] [0.5 0.5]
    """

    def __init__(self, K: Array | LinearOperator, *, batch_ndim: int = 0) -> None:
        self.K = wrap(K, argument="K")
        super().__init__(Affine(Coupling(centred(self.K))), [Simplex(batch_ndim=batch_ndim)] * 2)

    def value(self, z: Point) -> Array:
        """yᵀKx at z = (x, y), of batch shape; the value of the game at an equilibrium."""
        x, y = z
        return namespace(x).sum(self.K(x) * y, axis=-1)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        K = asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
        return [(cls(K), ((3,), (2,)))]


def centred(K: LinearOperator) -> LinearOperator:
    """K − c11ᵀ, c the mean of its entries, which is the same game; what is no matrix as it is."""
    if not isinstance(K, DenseMatrix):
        return K
    return DenseMatrix(K.matrix - namespace(K.matrix).mean(K.matrix))
