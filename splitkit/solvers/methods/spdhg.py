"""The stochastic primal-dual hybrid gradient method: one dual block a step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from splitkit.arguments import POSITIVE, check_flag, check_number, option
from splitkit.backend import Point, Scalar, Space, add, lincomb, namespace, scale, subtract
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.linear.block import BlockColumn
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.sparse import Sparse
from splitkit.looks import for_known
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.block import BlockDiagonal
from splitkit.solvers.finite_sums import cut_rows
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.balance import Balanced
from splitkit.solvers.methods.drawing import ANEW, Drawing, DrawnIteration
from splitkit.solvers.methods.pairs import OfPairs, coupling_bounds
from splitkit.solvers.methods.primal_dual import _PrimalDual
from splitkit.solvers.methods.primal_dual_steps import Region, Steps
from splitkit.solvers.potentials import NoPotentialError, potential
from splitkit.solvers.sampling import generator
from splitkit.solvers.scale import Arbitrary, measured_primal_step
from splitkit.solvers.terms import Role, Term, columns, not_maximal, unknown_norm

SHARE = 0.99  # of the longest σᵢ, as the theorem's bound is not attained


@dataclass(frozen=True, kw_only=True)
class SPDHG(OfPairs, Drawing):
    """The stochastic primal-dual hybrid gradient method for 0 ∈ A(x) + ΣLᵢᵀBᵢ(Lᵢx), with yᵢ ∈
    Bᵢ(Lᵢx); of an i drawn with probability pᵢ

        x⁺ = R_{τA}(x − τz̄),  yᵢ⁺ = R_{σᵢBᵢ⁻¹}(yᵢ + σᵢLᵢx⁺),
        z⁺ = z + Lᵢᵀ(yᵢ⁺ − yᵢ),  z̄⁺ = z⁺ + (θ/pᵢ)Lᵢᵀ(yᵢ⁺ − yᵢ),  z = ΣLⱼᵀyⱼ.

    Takes: A by its resolvent, Bᵢ composed with Lᵢ: several compositions, or rows of one.
    Assumes: A and all Bᵢ maximal monotone.
    Steps: τσᵢ‖Lᵢ‖² < pᵢ; σᵢ is 0.99 of that, τ > 0 any; left open, τ balances the movements.
    Rate: E V falls by θ < 1 a step, if A is γ-strongly monotone and all Bᵢ cocoercive; else almost
    surely to a solution.
    Oracles: n R_{τA}, n R_{σᵢBᵢ⁻¹}, n Lᵢ, n Lᵢᵀ a pass, which is an iteration; 1 R_{τA} and each
    R_{σᵢBᵢ⁻¹}, Lᵢ, Lᵢᵀ once more at a look.

    pᵢ is the mean of 1/n and ‖Lᵢ‖/Σ‖Lⱼ‖. For monotone operators,

        V = (1/τ + 2γ)‖x − x*‖² + Σ(1/σᵢ + 2δᵢ)‖yᵢ − yᵢ*‖²/pᵢ + ‖y − y₋‖²
            − 2⟨ΣLᵢᵀ(yᵢ − yᵢ₋)/pᵢ, x − x*⟩ ≥ 0,  ‖y − y₋‖² = Σ‖yᵢ − yᵢ₋‖²/(σᵢpᵢ),

    with Bᵢ δᵢ-cocoercive and E V⁺ ≤ θV for θ = max(1/(1 + 2γτ), 1 − 2δᵢpᵢσᵢ/(1 + 2δᵢσᵢ)): the
    cross term of x⁺ − x is at most ‖x⁺ − x‖²/τ + θ‖y − y₋‖², as τσᵢ‖Lᵢ‖² ≤ pᵢ. θ = 1 where a
    constant is 0. With all left open and no constant 0, τ is the one of least θ.

    At looks one step with every block is made from (x, y), whose pair of elements r ∈ (A x + Lᵀy) ×
    (B⁻¹y − Lx) is the residual, so that what counts as converged is so; ``Solution.u`` is (x, y)
    before it. What is promised holds almost surely or in expectation: ``solve`` never chooses it,
    it is asked for by name.

    Source: Chambolle, Ehrhardt, Richtárik, Schönlieb, *Stochastic primal-dual hybrid gradient
    algorithm with arbitrary sampling and imaging applications* (2018), Thm. 6.1, whose proof takes
    of functions what monotone operators have, too; Alacaoglu, Fercoq, Cevher, *On the convergence
    of stochastic primal-dual hybrid gradient* (2022), Thm. 4.4; steps in balance as Chambolle et
    al., *Stochastic primal dual hybrid gradient algorithm with adaptive step sizes* (2024).

    Parameters
    ----------
    tau : float or None
        Step size > 0 of x, in units of x by units of Ax; None: chosen.
    balance : bool or None
        Whether the steps follow how far x and y move, from τ on; None: if τ is left open and there
        is no rate.

    Examples
    --------
    >>> A = np.vander(np.linspace(-1.0, 2.0, 40), 3)
    >>> b = A @ np.array([1.0, 0.0, 2.0])
    >>> b[7] = 50.0  # which absolute values do not mind
    >>> f = sk.functions.L1Norm().translate(b) @ A + sk.functions.NonNegative()
    >>> found = sk.minimize(f, np.zeros(3), sk.SPDHG(batch=5, seed=1), tol=1e-8)
    >>> print(np.round(found.x, 6) + 0.0)
    [1. 0. 2.]
    """

    tau: Scalar = option(None, check_number, within=POSITIVE)
    balance: bool | None = option(None, check_flag, optional=True)

    label: ClassVar[str] = "SPDHG"
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.COMPOSED)
    cost: ClassVar[int] = 4
    sequence: ClassVar[str] = "x⁺ = R_{τA}(x − τz̄), E z̄ = Lᵀy"

    def parts(self, composed: Term) -> Dual:
        """The blocks of y, found once."""
        key = "dual blocks", self.batch
        if key not in composed.known:
            composed.known[key] = Dual.of(composed, self.batch)
        found: Dual = composed.known[key]
        return found

    def choosing(self, *terms: Term) -> Self:
        dual = self.parts(terms[1])
        if not math.isfinite(dual.coupling):
            return self._with(tau=self.tau or 1.0, balance=False)
        if self.tau is not None:
            return self._with(balance=bool(self.balance))
        best = None if self.balance else self.fastest(*terms)
        if best is not None:
            return self._with(tau=best, balance=False)
        wanted = True if self.balance is None else self.balance
        return self._with(tau=Arbitrary(1 / dual.coupling), balance=wanted)

    def fastest(self, A: Term, composed: Term) -> float | None:
        """The τ of least θ: one of its bounds falls in τ, the others rise; None: θ = 1."""
        dual, γ = self.parts(composed), A.strong_monotonicity or 0.0
        if not (0 < γ < math.inf and all(0 < δ < math.inf for δ in dual.cocoercivities)):
            return None
        shortest, longest = -60.0, 60.0  # of log(τ·coupling)
        for _ in range(100):
            middle = (shortest + longest) / 2
            tau = math.exp(middle) / dual.coupling
            if 1 / (1 + 2 * γ * tau) > dual.factor(tau):
                shortest = middle
            else:
                longest = middle
        return math.exp(longest) / dual.coupling

    def factor(self, A: Term, composed: Term) -> float:
        """θ."""
        γ = A.strong_monotonicity or 0.0
        if self.balance or isinstance(self.tau, Arbitrary) or not γ > 0:
            return 1.0
        tau = float(self.tau)
        return min(max(1 / (1 + 2 * γ * tau), self.parts(composed).factor(tau)), 1.0)

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        dual = self.parts(terms[1])
        if not isinstance(self.tau, Arbitrary):
            return self
        region = Region(terms[1].L.norm)
        if not region.is_known:
            return self._with(tau=float(self.tau))

        def at(tau: float) -> Iteration:
            return _PrimalDual(region.at(tau), 0, *terms)

        whole = measured_primal_step(terms, x0, space, at)
        return self._with(tau=whole * region.norm / dual.coupling)

    def constant(self) -> Self:
        return self._with(balance=False)

    def steady(self) -> Self:
        return self if self.balance is not None else self._with(balance=False)

    def iteration(self, *terms: Term) -> Iteration:
        return self.wrapped(lambda inner: inner, *terms)

    def wrapped(self, make: Callable[[Iteration], Iteration], *terms: Term) -> Iteration:
        coupling = self.parts(terms[1]).coupling

        def steps(tau: float) -> Steps:
            return Steps(tau, 1 / (tau * coupling**2))

        def at(steps: Steps) -> Iteration:
            return make(_SPDHG(self._with(tau=steps.tau), *terms))

        if not self.balance:
            return make(_SPDHG(self, *terms))
        return Balanced(steps(self.tau), at, steps, coupling)

    def theorem(self, *terms: Term) -> Guarantee:
        A, composed = terms
        dual = self.parts(composed)
        missing = not_maximal(A=A, B=composed)
        if missing is not None:
            return self.refused(missing)
        n = len(dual.blocks)
        if n < 2:
            return self.refused(
                f"{composed!r} is no sum of parts to draw from: give compositions, or rows, "
                "as of h @ A with an array A and an elementwise h, cut by batch; or take "
                "ChambollePock"
            )
        if dual.coupling == math.inf:
            return self.refused(unknown_norm(composed.L))
        arbitrary = isinstance(self.tau, Arbitrary)
        at = "any tau (solve measures one)" if arbitrary else f"tau = {self.tau:.4g}"
        reason = f"{n} parts, {at}, τσᵢ‖Lᵢ‖² = {SHARE}pᵢ: almost surely to a solution"
        factor = self.factor(*terms)
        if not factor < 1 - 1e-12:
            return Guarantee(True, None, reason, self.sequence)
        falls = "in expectation: E‖uₖ − u*‖² ≤ cρ²ᵏ"
        return Guarantee(True, factor ** (n / 2), reason, self.sequence, falls)


@dataclass(frozen=True, eq=False)
class Block:
    """LᵀBL of one block of y."""

    B: Operator
    L: LinearOperator
    rows: slice | None  # of the column that it is of; None: all


@dataclass(frozen=True, eq=False)
class Dual:
    """The blocks of y.

    Attributes
    ----------
    columns : tuple of tuples of Block
        Of each composition.
    of_tuple : bool
        Whether y is a tuple, with one array for each composition.
    """

    columns: tuple[tuple[Block, ...], ...]
    of_tuple: bool

    @classmethod
    def of(cls, composed: Term, batch: int | None) -> Dual:
        """Those of a composed term, by rows where it has some."""
        of_tuple = isinstance(composed.of, BlockColumn)
        of_tuple = of_tuple and isinstance(composed.operator, BlockDiagonal)
        each = columns(composed.expression) if of_tuple else ((composed.operator, composed.L),)
        return cls(tuple(_by_rows(B, L, batch) for B, L in each), of_tuple)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All of them."""
        return tuple(block for column in self.columns for block in column)

    @cached_property
    def norms(self) -> NDArray[np.float64]:
        """‖Lᵢ‖; of those that are 0, where any step will do, the greatest or 1."""
        norms = np.array([block.L.norm for block in self.blocks])
        norms[norms == 0] = norms.max() or 1.0
        return norms

    @cached_property
    def chances(self) -> NDArray[np.float64]:
        """pᵢ."""
        shares = self.norms / self.norms.max()
        chances: NDArray[np.float64] = (1 / len(shares) + shares / shares.sum()) / 2
        return chances

    @property
    def coupling(self) -> float:
        """max ‖Lᵢ‖/pᵢ, which stands for ‖L‖; inf: one is not known."""
        if not np.isfinite(self.norms).all():
            return math.inf
        return float((self.norms / self.chances).max())

    @property
    def cocoercivities(self) -> list[float]:
        """δᵢ; 0 where it is not known."""
        return [block.B.properties.cocoercivity or 0.0 for block in self.blocks]

    def sigmas(self, tau: float) -> list[float]:
        """σᵢ."""
        return [float(s) for s in SHARE * self.chances / (tau * self.norms**2)]

    def factor(self, tau: float) -> float:
        """max 1 − 2δᵢpᵢσᵢ/(1 + 2δᵢσᵢ)."""
        known = zip(self.cocoercivities, self.chances, self.sigmas(tau), strict=True)
        return max(1 - float(p) * _part(2 * δ * σ) for δ, p, σ in known)

    def split(self, y: Point) -> list[Point]:
        """Its blocks."""
        each = y if self.of_tuple else (y,)
        pairs = zip(self.columns, each, strict=True)
        return [b if c.rows is None else b[..., c.rows] for column, b in pairs for c in column]

    def joined(self, blocks: list[Point]) -> Point:
        """y."""
        rest, found = iter(blocks), []
        for column in self.columns:
            own = [next(rest) for _ in column]
            xp = namespace(own[0]) if len(own) > 1 else None
            found.append(own[0] if xp is None else xp.concat(own, axis=-1))
        return tuple(found) if self.of_tuple else found[0]


def _part(x: float) -> float:
    """x/(1 + x)."""
    return 1.0 if math.isinf(x) else x / (1 + x)


def _by_rows(B: Operator, L: LinearOperator, batch: int | None) -> tuple[Block, ...]:
    """Of LᵀBL, of so many rows each; one, where it has none, or B does not say what is whose."""
    if isinstance(L, DenseMatrix | Sparse):
        try:
            h = potential(B)
        except NoPotentialError:
            h = None
        pieces = cut_rows(h, L, batch) if h is not None and h.elementwise else None
        if pieces:
            return tuple(Block(Subdifferential(f), K, rows) for rows, f, K in pieces)
    return (Block(B, L, None),)


class _SPDHG(DrawnIteration):
    """Carry: (x, the blocks of y, z, z̄, the number of passes made)."""

    def __init__(self, method: SPDHG, A: Term, composed: Term) -> None:
        self.method, self.tau, self.blocks = method, method.tau, method.parts(composed)
        self.theta, self.A, self.L = method.factor(A, composed), A, composed.L
        blocks, self.sigmas = self.blocks.blocks, self.blocks.sigmas(method.tau)
        self.R = A.resolve(method.tau)
        pairs = zip(blocks, self.sigmas, strict=True)
        self.duals = [b.B.inverse.make_resolvent(σ) for b, σ in pairs]
        self.adjoints: list[PointMap] = [b.L.T.make_evaluation() for b in blocks]
        self.added = [for_known(b.L.add_to) for b in blocks]

    def init(self, x0: Point) -> Carry:
        blocks = tuple(scale(0.0, b.L(x0)) for b in self.blocks.blocks)
        nothing = scale(0.0, x0)
        return x0, blocks, nothing, nothing, 0

    def init_at(self, x0: Point, dual: Point) -> Carry:
        blocks = tuple(self.blocks.split(dual))
        z = self.coupled(blocks)
        return x0, blocks, z, z, 0

    def coupled(self, blocks: tuple[Point, ...]) -> Point:
        """ΣLᵢᵀyᵢ."""
        return reduce(add, (LT(y) for LT, y in zip(self.adjoints, blocks, strict=True)))

    def argument(self, i: int, y: Point, x: Point) -> Point:
        """y + σᵢLᵢx."""
        return self.added[i](y, scale(self.sigmas[i], x))

    def ascended(self, i: int, y: Point, x: Point) -> Point:
        """R_{σᵢBᵢ⁻¹}(y + σᵢLᵢx)."""
        return self.duals[i](self.argument(i, y, x))

    def passed(self, *state: Any) -> tuple[Carry, Trace]:
        x, blocks, z, ahead, k = state
        ys, chances = list(blocks), self.blocks.chances
        if k % ANEW == 0 and k:
            z, ahead = (fresh := self.coupled(blocks)), add(subtract(ahead, z), fresh)
        for i in generator(self.method.seed, k).choice(len(ys), size=len(ys), p=chances):
            x = self.R(lincomb(1.0, x, -self.tau, ahead))
            y = self.ascended(i, ys[i], x)
            change = self.adjoints[i](subtract(y, ys[i]))
            ys[i], z = y, add(z, change)
            ahead = lincomb(1.0, z, self.theta / float(chances[i]), change)
        after = x, tuple(ys), z, ahead, k + 1
        return after, after[:2]

    def read(self, trace: Trace) -> Reading:
        x, blocks = trace
        arguments = [self.argument(i, y, x) for i, y in enumerate(blocks)]
        ys = tuple(R(v) for R, v in zip(self.duals, arguments, strict=True))
        LTy = self.coupled(ys)
        argument = lincomb(1.0, x, -self.tau, LTy)
        x_next = self.R(argument)
        of_A = scale(1 / self.tau, subtract(argument, x_next))
        Lx, y_next = self.L(x_next), self.blocks.joined(list(ys))
        triples = zip(self.sigmas, arguments, ys, strict=True)
        of_B = self.blocks.joined([scale(1 / σ, subtract(v, y)) for σ, v, y in triples])
        shorter = [scale(1 / σ, y) for σ, y in zip(self.sigmas, ys, strict=True)]

        def rounding() -> tuple[Point, ...]:
            return ((scale(1 / self.tau, x_next), self.blocks.joined(shorter)),)

        elements = (of_A, of_B), (LTy, scale(-1.0, Lx))
        sizes = tuple((q, Lx) for q in self.A.offset(x_next))
        bounds = coupling_bounds(self.L, x_next, y_next, Lx, LTy)
        return Reading(x_next, elements, rounding, sizes, bounds)

    def governing(self, state: Carry) -> Point:
        return state[0], self.blocks.joined(list(state[1]))
