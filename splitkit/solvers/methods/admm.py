"""ADMM for 0 ∈ A(x) + LᵀB(Lx), that is min f(x) + g(z) subject to Lx = z, with y = ρu ∈ B(z):

    0 ∈ A(x⁺) + ρLᵀ(Lx⁺ − z + u),  z⁺ = R_{B/ρ}(λ̂x + u),  u⁺ = u + λ̂x − z⁺,
    λ̂x = λLx⁺ + (1 − λ)z,  0 < λ < 2.

``ADMM`` solves the first line for an affine A, x ↦ Mx − q with a matrix M: (M + ρLᵀL)x =
q + ρLᵀ(z − u), factored once; M + ρLᵀL must be invertible. ``LinearizedADMM`` takes the
resolvent of A instead,

    x⁺ = R_{τA}(x − τρLᵀ(Lx − z + u)),  τρ‖L‖² ≤ 1.

``Solution.u`` is (x⁺, z⁺, u⁺). The residual is that of the pair: r ∈ (A x + Lᵀy) × (B⁻¹y − Lx) at
x⁺ and y = ρu⁺.

Source: Gabay (1983); Eckstein, Bertsekas (1992); Parikh, Boyd, *Proximal Algorithms* (2014), §4.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from splitkit.arguments import POSITIVE, Range, check_number, option
from splitkit.backend import Array, Point, Scalar, Space, add, lincomb, scale, subtract
from splitkit.linear.base import LinearOperator
from splitkit.linear.dense import DenseMatrix
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.methods.primal_dual_steps import Region, Steps
from splitkit.solvers.scale import ANY, Arbitrary, measured_step
from splitkit.solvers.terms import Role, Term, not_maximal


@dataclass(frozen=True, kw_only=True)
class _AlternatingDirections(Method):
    """The penalty ρ; None: 1/‖L‖ for the linearized method, 1 for the other."""

    rho: Scalar = option(None, check_number, within=POSITIVE)

    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.COMPOSED)
    cost: ClassVar[int] = 4
    sequence: ClassVar[str] = "x⁺"

    def exact_element(self, *terms: Term) -> bool:
        return False

    def dual(self, u: Point) -> Point:
        return scale(self.rho, u[2])

    def moved(self, u: Point, S: LinearOperator, E: LinearOperator) -> Point:
        x, *z, w = u  # (x, z, w), or of the residual two parts
        return (S(x), *map(E.reciprocal(), z), E(w))

    def refusal(self, A: Term, composed: Term) -> str | None:
        """What is missing, if anything."""
        return not_maximal(A=A, B=composed)

    def theorem(self, *terms: Term) -> Guarantee:
        missing = self.refusal(*terms)
        if missing is not None:
            return self.refused(missing)
        return Guarantee(True, None, f"A and B are maximal monotone, {self.steps}", self.sequence)

    @property
    def steps(self) -> str:
        """The penalty, for a sentence."""
        return f"rho = {self.rho:.4g}"


@dataclass(frozen=True, kw_only=True)
class ADMM(_AlternatingDirections):
    """Alternating direction method of multipliers for an affine A; see the module's docstring.

    Parameters
    ----------
    rho : float or None
        Penalty ρ > 0.
    relaxation : float
        λ in (0, 2), default 1.
    """

    relaxation: float = option(1.0, check_number, within=Range(0.0, 2.0))

    label: ClassVar[str] = "ADMM"

    def missing(self, *terms: Term) -> str | None:
        A, composed = terms
        affine = A.affine
        if affine is None or not all(isinstance(M, DenseMatrix) for M in (affine.M, composed.of)):
            return (
                f"A = {A!r} must be Affine and L dense, so that (M + ρLᵀL) can be factored: use "
                "linearized ADMM or Chambolle-Pock"
            )
        return super().missing(*terms)

    def choosing(self, *terms: Term) -> Self:
        return self if self.rho is not None else self._with(rho=ANY)

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        norm = terms[1].L.norm
        if not (isinstance(self.rho, Arbitrary) and 0 < norm < math.inf):
            return self

        def at(step: float) -> Iteration:
            return self._with(rho=1 / (step * norm**2)).iteration(*terms)

        # x⁺ is exact at any ρ: the scale is that of B alone
        return self._with(rho=1 / (measured_step(terms, x0, space, at, terms[1:]) * norm**2))

    def refusal(self, A: Term, composed: Term) -> str | None:
        missing = super().refusal(A, composed)
        M, _, L = parts(A, composed)
        if missing is None and is_singular(M, L, self.rho):
            return (
                f"M + ρLᵀL is singular for A = {A!r} and {composed!r}, so that x⁺ is not defined: "
                "use linearized ADMM or Chambolle-Pock"
            )
        return missing

    def iteration(self, *terms: Term) -> Iteration:
        return _ADMM(self.rho, self.relaxation, *terms)


@dataclass(frozen=True, kw_only=True)
class LinearizedADMM(_AlternatingDirections):
    """ADMM with a resolvent of A in place of the linear solve; see the module's docstring.

    Parameters
    ----------
    rho, tau : float or None
        Penalty ρ and step τ, τρ‖L‖² ≤ 1.
    """

    tau: Scalar = option(None, check_number, within=POSITIVE)

    label: ClassVar[str] = "linearized ADMM"

    def choosing(self, *terms: Term) -> Self:
        tau, rho, _ = Region(terms[1].L.norm).completed(self.tau, self.rho)
        return self._with(tau=Arbitrary(tau) if self.tau is self.rho is None else tau, rho=rho)

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        region = Region(terms[1].L.norm)
        if not (isinstance(self.tau, Arbitrary) and region.is_known):
            return self

        def at(tau: float) -> Iteration:
            return self._with(tau=tau, rho=region.sigma(tau)).iteration(*terms)

        tau = measured_step(terms, x0, space, at)
        return self._with(tau=tau, rho=region.sigma(tau))

    def refusal(self, A: Term, composed: Term) -> str | None:
        region = Region(composed.L.norm)
        missing = super().refusal(A, composed)
        if missing is None and region.norm == math.inf:
            return f"no bound of the norm of L = {composed!r} is known"
        if missing is None and not region.has(Steps(self.tau, self.rho)):
            return (
                f"tau = {self.tau:.4g}, rho = {self.rho:.4g} are too long for ‖L‖ = "
                f"{region.norm:.4g}: {region.remedy(self.tau, 'rho')}"
            )
        return missing

    @property
    def steps(self) -> str:
        return f"{super().steps}, tau = {self.tau:.4g}: τρ‖L‖² ≤ 1"

    def iteration(self, *terms: Term) -> Iteration:
        return _LinearizedADMM(self.tau, self.rho, *terms)


class _Directions(Iteration):
    """Carry (x, z, u, Lx); a subclass gives x⁺."""

    def __init__(self, rho: float, relaxation: float, A: Term, composed: Term) -> None:
        self.rho, self.relaxation = rho, relaxation
        self.L, self.LT = composed.L, composed.LT
        self.R_B = composed.resolve(1 / rho)

    def init(self, x0: Point) -> Carry:
        Lx = self.L(x0)
        return x0, Lx, scale(0.0, Lx), Lx

    def first(self, state: Carry) -> tuple[Point, Point]:
        """x⁺, and the point from which ``element`` reads an element of A(x⁺)."""
        raise NotImplementedError

    def element(self, x: Point, before: Point) -> Point:
        """An element of A(x)."""
        raise NotImplementedError

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        _, z, u, _ = state
        x, before = self.first(state)
        Lx = self.L(x)
        λ = self.relaxation
        argument = add(Lx if λ == 1 else lincomb(λ, Lx, 1 - λ, z), u)
        z_next = self.R_B(argument)
        after = x, z_next, subtract(argument, z_next), Lx
        return after, (*after, before)

    def read(self, trace: Trace) -> Reading:
        x, z, u, Lx, before = trace
        y = scale(self.rho, u)
        elements = (self.element(x, before), z), (self.LT(y), scale(-1.0, Lx))
        norm = self.L.norm
        return Reading(x, elements, bounds=lambda space: space.coupling_bounds(norm, x, y))

    def governing(self, state: Carry) -> Point:
        return state[:3]


class _ADMM(_Directions):
    def __init__(self, rho: float, relaxation: float, A: Term, composed: Term) -> None:
        super().__init__(rho, relaxation, A, composed)
        M, self.q, L = parts(A, composed)
        self.A = A.evaluate
        self.solve = DenseMatrix(M.xp.linalg.inv(normal_matrix(M, L, rho).matrix))

    def first(self, state: Carry) -> tuple[Point, Point]:
        _, z, u, _ = state
        pull = scale(self.rho, self.LT(subtract(z, u)))
        return self.solve(pull if self.q is None else add(pull, self.q)), pull

    def element(self, x: Point, before: Point) -> Point:
        return self.A(x)

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖d(z + u)‖²: Douglas-Rachford's governing point in the range of L."""
        _, dz, du, _ = subtract(state, limit)
        return self.square(add(dz, du))


class _LinearizedADMM(_Directions):
    def __init__(self, tau: float, rho: float, A: Term, composed: Term) -> None:
        super().__init__(rho, 1.0, A, composed)
        self.tau, self.R_A = tau, A.resolve(tau)

    def first(self, state: Carry) -> tuple[Point, Point]:
        x, z, u, Lx = state
        pull = self.LT(add(subtract(Lx, z), u))
        argument = lincomb(1.0, x, -self.tau * self.rho, pull)
        return self.R_A(argument), argument

    def element(self, x: Point, before: Point) -> Point:
        return scale(1 / self.tau, subtract(before, x))

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖dx‖²/τ − ρ‖L dx‖² + ρ‖dz‖² + ρ‖du‖²: the proximal method's metric."""
        dx, dz, du, dLx = subtract(state, limit)
        coupled = self.square(dz) + self.square(du) - self.square(dLx)
        return self.square(dx) / self.tau + self.rho * coupled


def parts(A: Term, composed: Term) -> tuple[DenseMatrix, Point | None, DenseMatrix]:
    """M, q and L for A = x ↦ Mx − q and LᵀBL."""
    affine, L = A.affine, composed.of
    assert affine is not None  # else they have been refused
    assert isinstance(affine.M, DenseMatrix)
    assert isinstance(L, DenseMatrix)
    return affine.M, affine.q, L


def normal_matrix(M: DenseMatrix, L: DenseMatrix, rho: float) -> DenseMatrix:
    """M + ρLᵀL."""
    return DenseMatrix(M.matrix + rho * L.matrix.T @ L.matrix)


def is_singular(M: DenseMatrix, L: DenseMatrix, rho: float) -> bool:
    """Whether M + ρLᵀL is, up to rounding. Its singular values are above m + ρσ² for the least one
    σ of L, which mostly shows that it is not; else they are computed.
    """
    rounding = M.matrix.shape[0] * float(M.xp.finfo(M.matrix.dtype).eps)
    least = (M.properties.strong_monotonicity or 0.0) + rho * L.least_gain**2
    if least > rounding * (M.norm + rho * L.norm**2):
        return False
    values = M.xp.linalg.svdvals(normal_matrix(M, L, rho).matrix)
    return bool(values[-1] <= rounding * values[0])
