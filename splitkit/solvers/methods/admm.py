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
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from splitkit.arguments import POSITIVE, Range, check_number, option
from splitkit.backend import Array, Point, add, lincomb, scale, subtract
from splitkit.linear.dense import DenseMatrix
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.terms import Role, Term


@dataclass(frozen=True, kw_only=True)
class _AlternatingDirections(Method):
    """The penalty ρ; None: 1/‖L‖ for the linearized method, 1 for the other."""

    rho: float | None = option(None, check_number, within=POSITIVE)

    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.COMPOSED)
    cost: ClassVar[int] = 4
    sequence: ClassVar[str] = "x⁺"

    def exact_element(self, *terms: Term) -> bool:
        return False

    def dual(self, u: Point) -> Point:
        return scale(self.rho, u[2])

    def refusal(self, *terms: Term) -> str | None:
        """What is missing, if anything."""
        A, composed = terms
        for name, X in (("A", A), ("B", composed)):
            if not X.properties.maximal:
                return f"{name} = {X!r} is not known to be maximal monotone"
        return None

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
        return self if self.rho is not None else replace(self, rho=1.0)

    def refusal(self, *terms: Term) -> str | None:
        missing = super().refusal(*terms)
        if missing is not None:
            return missing
        A, composed = terms
        K = normal_matrix(A, composed, self.rho)
        values = K.xp.linalg.svdvals(K.matrix)
        rounding = K.matrix.shape[0] * float(K.xp.finfo(K.matrix.dtype).eps)
        if bool(values[-1] <= rounding * values[0]):
            return (
                f"M + ρLᵀL is singular for A = {A!r} and {composed!r}, so that x⁺ is not defined: "
                "use linearized ADMM or Chambolle-Pock"
            )
        return None

    def iteration(self, *terms: Term) -> Iteration:
        return _ADMM(self, *terms)


@dataclass(frozen=True, kw_only=True)
class LinearizedADMM(_AlternatingDirections):
    """ADMM with a resolvent of A in place of the linear solve; see the module's docstring.

    Parameters
    ----------
    rho, tau : float or None
        Penalty ρ and step τ, τρ‖L‖² ≤ 1.
    """

    tau: float | None = option(None, check_number, within=POSITIVE)

    label: ClassVar[str] = "linearized ADMM"

    def choosing(self, *terms: Term) -> Self:
        if self.missing(*terms) is not None or None not in (self.rho, self.tau):
            return self
        norm = terms[1].L.norm
        if not 0 < norm < math.inf:
            return replace(self, rho=self.rho or 1.0, tau=self.tau or 1.0)
        rho = self.rho or (1 / norm if self.tau is None else 1 / (self.tau * norm**2))
        return replace(self, rho=rho, tau=self.tau or 1 / (rho * norm**2))

    def refusal(self, *terms: Term) -> str | None:
        missing = super().refusal(*terms)
        if missing is not None:
            return missing
        norm = terms[1].L.norm
        assert self.rho is not None
        assert self.tau is not None
        if norm == math.inf:
            return f"no bound of the norm of L = {terms[1]!r} is known"
        if self.tau * self.rho * norm**2 > 1 + 1e-12:
            return (
                f"tau = {self.tau:.4g}, rho = {self.rho:.4g} are too long for ‖L‖ = {norm:.4g}: "
                f"with this rho, tau must be at most {1 / (self.rho * norm**2):.4g}"
            )
        return None

    @property
    def steps(self) -> str:
        return f"{super().steps}, tau = {self.tau:.4g}: τρ‖L‖² ≤ 1"

    def iteration(self, *terms: Term) -> Iteration:
        return _LinearizedADMM(self, *terms)


class _Directions(Iteration):
    """Carry (x, z, u); a subclass gives x⁺."""

    def __init__(self, rho: float, relaxation: float, composed: Term) -> None:
        self.rho, self.relaxation = rho, relaxation
        self.L, self.LT = composed.L, composed.LT
        self.R_B = composed.resolve(1 / rho)

    def init(self, x0: Point) -> Carry:
        z = self.L(x0)
        return x0, z, scale(0.0, z)

    def first(self, x: Point, z: Point, u: Point) -> tuple[Point, Point]:
        """x⁺, and the point from which ``element`` reads an element of A(x⁺)."""
        raise NotImplementedError

    def element(self, x: Point, before: Point) -> Point:
        """An element of A(x)."""
        raise NotImplementedError

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x, z, u = state
        x_next, before = self.first(x, z, u)
        Lx = self.L(x_next)
        λ = self.relaxation
        ahead = Lx if λ == 1 else lincomb(λ, Lx, 1 - λ, z)
        argument = add(ahead, u)
        z_next = self.R_B(argument)
        u_next = subtract(argument, z_next)
        return (x_next, z_next, u_next), (x_next, before, Lx, z_next, u_next)

    def read(self, trace: Trace) -> Reading:
        x, before, Lx, z, u = trace
        y = self.LT(scale(self.rho, u))
        return Reading(x, ((self.element(x, before), z), (y, scale(-1.0, Lx))))


class _ADMM(_Directions):
    def __init__(self, method: ADMM, A: Term, composed: Term) -> None:
        super().__init__(method.rho, method.relaxation, composed)  # type: ignore[arg-type]
        self.A = A.evaluate
        K = normal_matrix(A, composed, method.rho)
        identity = K.xp.eye(K.matrix.shape[0], dtype=K.matrix.dtype, device=K.matrix.device)
        self.solve = DenseMatrix(K.matrix - identity).shifted_inverse(1.0)
        self.q = A.affine.q  # type: ignore[union-attr]

    def first(self, x: Point, z: Point, u: Point) -> tuple[Point, Point]:
        pull = scale(self.rho, self.LT(subtract(z, u)))
        x_next = self.solve(pull if self.q is None else add(pull, self.q))
        return x_next, pull

    def element(self, x: Point, before: Point) -> Point:
        return self.A(x)

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖d(z + u)‖²: Douglas-Rachford's governing point in the range of L."""
        (_, z, u), (_, z_star, u_star) = state, limit
        return self.square(subtract(add(z, u), add(z_star, u_star)))


class _LinearizedADMM(_Directions):
    def __init__(self, method: LinearizedADMM, A: Term, composed: Term) -> None:
        super().__init__(method.rho, 1.0, composed)  # type: ignore[arg-type]
        self.tau = method.tau
        self.R_A = A.resolve(method.tau)

    def first(self, x: Point, z: Point, u: Point) -> tuple[Point, Point]:
        pull = self.LT(add(subtract(self.L(x), z), u))
        argument = lincomb(1.0, x, -self.tau * self.rho, pull)  # type: ignore[operator]
        return self.R_A(argument), argument

    def element(self, x: Point, before: Point) -> Point:
        return scale(1 / self.tau, subtract(before, x))  # type: ignore[operator]

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖dx‖²/τ − ρ‖L dx‖² + ρ‖dz‖² + ρ‖du‖²: the proximal method's metric."""
        dx, dz, du = (subtract(a, b) for a, b in zip(state, limit, strict=True))
        coupled = self.square(dz) + self.square(du) - self.square(self.L(dx))
        return self.square(dx) / self.tau + self.rho * coupled


def normal_matrix(A: Term, composed: Term, rho: Any) -> DenseMatrix:
    """M + ρLᵀL for A = x ↦ Mx − q and LᵀBL."""
    M, L = A.affine.M.matrix, composed.L.matrix  # type: ignore[union-attr,attr-defined]
    return DenseMatrix(M + rho * L.T @ L)
