"""The pseudo-gradient x ↦ (∇₁f₁(x), …, ∇ₙfₙ(x)) of n players, each with a cost fᵢ of all choices x
that it minimizes over its own block xᵢ.

It is a gradient only for potential games. Nash equilibria of convex games are the solutions of its
variational inequality. Source: Rosen, *Existence and uniqueness of equilibrium points for concave
n-person games* (1965).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from splitkit.backend import Array, Point, Space, adjoint_of, is_complex, namespace, scale
from splitkit.linear import Affine, DenseMatrix, Stacked
from splitkit.meshes import together
from splitkit.operators.base import Operator
from splitkit.properties import Properties


class PseudoGradient(Operator):
    """x ↦ (∇₁f₁(x), …, ∇ₙfₙ(x)) on tuples of arrays, one block for each player.

    Parameters
    ----------
    gradients : sequence of callables
        The i-th takes the whole tuple x and returns the gradient of fᵢ in xᵢ.
    monotone, strong_monotonicity, lipschitz, cocoercivity
        Of the whole map; believed as declared (``splitkit.testing.check_operator`` looks for pairs
        that contradict them).

    Raises
    ------
    TypeError, ValueError
        No gradients, or not callable; constants out of range, or in contradiction.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> F = sk.PseudoGradient.quadratic([[2 * one, one], [one, 2 * one]], [np.array([-3.0])] * 2)
    >>> F((np.array([1.0]), np.array([1.0])))  # each at its best answer
    (array([0.]), array([0.]))
    """

    formula = "F"
    properties: Properties

    def __init__(
        self,
        gradients: Sequence[Callable[[Point], Array]],
        *,
        monotone: bool = False,
        strong_monotonicity: float | None = None,
        lipschitz: float | None = None,
        cocoercivity: float | None = None,
    ) -> None:
        self.gradients = tuple(gradients)
        if not self.gradients or not all(map(callable, self.gradients)):
            raise TypeError(f"gradients = {gradients!r}: give a function x ↦ ∇ᵢfᵢ(x) a player")
        try:
            self.properties = Properties.of(
                monotone=monotone,
                strong_monotonicity=strong_monotonicity,
                lipschitz=lipschitz,
                cocoercivity=cocoercivity,
            )
        except ValueError as error:
            raise ValueError(f"{self!r}: {error}") from None

    def __call__(self, x: Point) -> Point:
        return tuple(gradient(x) for gradient in self.gradients)

    def check_space(self, space: Space) -> None:
        if not space.is_tuple or len(space.shapes) != len(self.gradients):
            raise TypeError(
                f"{self!r} acts on tuples of {len(self.gradients)} arrays, one a player: give x0 "
                "as such a tuple"
            )

    def __repr__(self) -> str:
        return f"PseudoGradient({len(self.gradients)} players)"

    @staticmethod
    def quadratic(Q: Sequence[Sequence[Array | None]], q: Sequence[Array] | None = None) -> Affine:
        """That of fᵢ(x) = ½⟨xᵢ, Qᵢᵢxᵢ⟩ + Σ_{j≠i} ⟨xᵢ, Qᵢⱼxⱼ⟩ + ⟨qᵢ, xᵢ⟩: an affine operator whose
        constants are those of the stacked matrix, with a resolvent.

        Parameters
        ----------
        Q : square table of matrices
            Qᵢⱼ has shape (nᵢ, nⱼ), Qᵢᵢ is symmetric; None is zero. Bilinear costs have no Qᵢᵢ.
        q : sequence of arrays, shape (nᵢ,), optional

        Raises
        ------
        ValueError
            The table is not square, shapes do not fit, a row has no matrix, Qᵢᵢ is not symmetric.
        """
        with together(block for row in Q for block in row if block is not None):
            M = _stacked(Q)
        return Affine(M, None if q is None else scale(-1.0, tuple(q)))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        callables = cls(
            [lambda x: x[0] + x[1], lambda x: x[1] - x[0]],
            strong_monotonicity=1.0,
            lipschitz=2**0.5,
        )
        P, K = asarray([[2.0, 1.0], [1.0, 2.0]]), asarray([[1.0], [-2.0]])
        quadratic = cls.quadratic([[P, K], [-0.5 * K.T, asarray([[3.0]])]], [P[0, :], K[0, :]])
        bilinear = cls.quadratic([[None, K], [-K.T, None]])
        return [
            (callables, ((3,), (3,))),
            (quadratic, ((2,), (1,))),
            (bilinear, ((4, 2), (4, 1))),
        ]


def _stacked(Q: Sequence[Sequence[Array | None]]) -> Stacked:
    """The matrix of a table of them, checked."""
    sizes = _sizes(Q)
    xp = namespace(*(block for row in Q for block in row if block is not None))
    like = next(block for block in Q[0] if block is not None)
    zeros = {"dtype": like.dtype, "device": like.device}
    rows = []
    for i, row in enumerate(Q):
        blocks = [
            xp.zeros((sizes[i], sizes[j]), **zeros) if block is None else block
            for j, block in enumerate(row)
        ]
        own = blocks[i]
        rounding = 4 * sizes[i] * float(xp.finfo(own.dtype).eps) * float(xp.max(abs(own)))
        t = "ᴴ" if is_complex(own) else "ᵀ"
        if float(xp.max(abs(own - adjoint_of(own)))) > rounding:
            raise ValueError(
                f"Q[{i}][{i}] is not {'symmetric' if t == 'ᵀ' else 'Hermitian'}: give "
                f"(Q + Q{t})/2, which has the same ½⟨x, Qx⟩"
            )
        rows.append(xp.concat(blocks, axis=1))
    return Stacked(DenseMatrix(xp.concat(rows, axis=0)), sizes)


def _sizes(Q: Sequence[Sequence[Array | None]]) -> list[int]:
    """The lengths of the players' blocks, from the rows; raises where the table does not fit."""
    if not Q or any(len(row) != len(Q) for row in Q):
        raise ValueError(
            f"Q has rows of lengths {[len(row) for row in Q]}: give a square table, one row and "
            "one column a player"
        )
    sizes = []
    for i, row in enumerate(Q):
        given = [block for block in row if block is not None]
        if not given:
            raise ValueError(f"row {i} of Q has no matrix: give one, of zeros if need be")
        sizes.append(int(given[0].shape[0]))
    for i, row in enumerate(Q):
        for j, block in enumerate(row):
            if block is not None and tuple(block.shape) != (sizes[i], sizes[j]):
                raise ValueError(
                    f"Q[{i}][{j}] has shape {tuple(block.shape)}: with the first matrices of rows "
                    f"{i} and {j} it must have {(sizes[i], sizes[j])}"
                )
    return sizes
