"""Generalized Nash games with shared constraints Σ Aᵢxᵢ ≤ b: their variational equilibria.

A variational equilibrium solves the variational inequality of the pseudo-gradient on the whole
feasible set; it is the one in which all players price the shared constraints alike, with one
multiplier λ ≥ 0: in (x, λ), with A = [A₁ … Aₙ],

    0 ∈ F(x) + Aᵀλ + N_{C₁×…×Cₙ}(x),     0 ∈ b − Ax + N_{λ≥0}(λ).

Source: Facchinei, Kanzow, *Generalized Nash equilibrium problems* (2010), §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from splitkit.backend import Array, Point, Space, clip, namespace, scale
from splitkit.functions import Box, Indicator, NonNegative, SeparableSum
from splitkit.linear import Affine, DenseMatrix, Stacked
from splitkit.notation import PRODUCT, Style
from splitkit.operators.base import Operator
from splitkit.operators.identity import Zero
from splitkit.problems.natural import Influence, transposed_derivative
from splitkit.problems.pseudo_gradient import PseudoGradient
from splitkit.problems.variational import VI
from splitkit.properties import Properties, block_properties


class GeneralizedNashGame(VI):
    """The variational equilibria, with their multiplier, on tuples (x₁, …, xₙ, λ).

    Parameters
    ----------
    F : Operator
        The pseudo-gradient on tuples (x₁, …, xₙ). One of ``PseudoGradient.quadratic`` is joined
        with the constraints in one matrix, which has a resolvent.
    sets : sequence of Indicator
        What each player may choose by itself.
    A : sequence of arrays, shape (m, nᵢ)
    b : array, shape (m,)

    Raises
    ------
    TypeError, ValueError
        F has no evaluation, one of the sets is none, or the matrices and b do not fit
        the players.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> F = sk.PseudoGradient.quadratic([[2 * one, one], [one, 2 * one]], [np.array([-3.0])] * 2)
    >>> sets = [sk.functions.NonNegative()] * 2
    >>> game = sk.GeneralizedNashGame(F, sets, [one, one], np.array([1.0]))  # x₁ + x₂ ≤ 1
    >>> sk.solve(game, (np.zeros(1), np.zeros(1), np.zeros(1))).x  # with the price
    (array([0.5]), array([0.5]), array([1.5]))
    """

    def __init__(
        self, F: Operator, sets: Sequence[Indicator], A: Sequence[Array], b: Array
    ) -> None:
        if not (isinstance(F, Operator) and F.has_evaluation):
            raise TypeError(f"F = {F!r}: give an operator that can be evaluated")
        self.A, self.b = tuple(A), b
        if len(self.A) != len(sets) or any(block.shape[0] != b.shape[0] for block in self.A):
            raise ValueError(
                f"A has shapes {[tuple(block.shape) for block in self.A]}, b has {tuple(b.shape)} "
                f"and there are {len(sets)} sets: give one matrix a player, with a row for each "
                "entry of b"
            )
        prices = NonNegative(batch_ndim=sets[0].batch_ndim)
        super().__init__(_with_prices(F, self.A, b), SeparableSum((*sets, prices)))

    def violations(self, z: Point) -> dict[str, Array]:
        """By how much the shared constraints and their prices fail, of batch shape:
        ‖[Ax − b]₊‖, ‖[−λ]₊‖, |⟨λ, Ax − b⟩|.
        """
        *x, prices = z
        space = Space.of(prices, self.C.batch_ndim, name="λ")
        excess = sum(block @ A.T for A, block in zip(self.A, x, strict=True)) - self.b
        return {
            "Ax ≤ b": space.norm(clip(excess, 0.0)),
            "λ ≥ 0": space.norm(clip(-prices, 0.0)),
            "⟨λ, Ax − b⟩ = 0": abs(space.inner(prices, excess)),
        }

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        one = asarray([[1.0]])
        quadratic = PseudoGradient.quadratic([[2 * one, one], [one, 2 * one]])
        callables = PseudoGradient(
            [lambda x: x[0] + x[1], lambda x: x[1] - x[0]],
            strong_monotonicity=1.0,
            lipschitz=2**0.5,
        )
        sets, b = [Box(0.0, 1.0), Box(0.0, 2.0)], asarray([1.0])
        shape = ((1,), (1,), (1,))
        return [(cls(F, sets, [one, one], b), shape) for F in (quadratic, callables)]


def _with_prices(F: Operator, A: tuple[Array, ...], b: Array) -> Operator:
    """(x, λ) ↦ (F(x) + Aᵀλ, b − Ax), a single node where F is affine on stacked blocks."""
    xp = namespace(b, *A)
    K = xp.concat(A, axis=1)
    m, n = K.shape
    options = {"dtype": K.dtype, "device": K.device}
    sizes = [int(block.shape[1]) for block in A]
    top, q = xp.zeros((n, n), **options), tuple(xp.zeros((size,), **options) for size in sizes)
    rest: Operator = Zero()
    if isinstance(F, Affine) and isinstance(F.M, Stacked) and isinstance(F.M.L, DenseMatrix):
        top, q = F.M.L.matrix, F.q or q
    else:
        rest = _OnPlayers(F)
    whole = xp.concat(
        [xp.concat([top, K.T], axis=1), xp.concat([-K, xp.zeros((m, m), **options)], axis=1)],
        axis=0,
    )
    return rest + Affine(Stacked(whole, [*sizes, m]), (*q, -b))


class _OnPlayers(Operator):
    """(x, λ) ↦ (F(x), 0)."""

    def __init__(self, F: Operator) -> None:
        self.F = F

    @property
    def properties(self) -> Properties:
        zero = Properties.of(strong_monotonicity=0.0, lipschitz=0.0, linear=True)
        return block_properties([self.F.properties, zero])

    @property
    def has_evaluation(self) -> bool:
        return self.F.has_evaluation

    def __call__(self, x: Point) -> Point:
        *players, prices = x
        return (*self.F(tuple(players)), scale(0.0, prices))

    def check_space(self, space: Space) -> None:
        self.F.check_space(replace(space, shapes=space.shapes[:-1]))

    def write(self, s: Style) -> str:
        return s.grouped(f"{s(self.F, PRODUCT)}{s.times}0")


@transposed_derivative.register
def _(F: _OnPlayers, x: Point, w: Point) -> Influence:
    *players, prices = w
    return (*transposed_derivative(F.F, tuple(x[:-1]), tuple(players)), scale(0.0, prices))
