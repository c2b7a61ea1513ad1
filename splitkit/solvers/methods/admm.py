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
from splitkit.linear.affine import Affine
from splitkit.linear.dense import DenseMatrix
from splitkit.operators.base import Operator
from splitkit.operators.pullback import Pullback
from splitkit.solvers.iteration import Iteration, Reading, State, Trace
from splitkit.solvers.method import Guarantee, Method, Role


@dataclass(frozen=True, kw_only=True)
class _AlternatingDirections(Method):
    """The penalty ρ; None: 1/‖L‖ for the linearized method, 1 for the other."""

    rho: float | None = option(None, check_number, within=POSITIVE)

    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.COMPOSED)
    cost: ClassVar[int] = 4
    sequence: ClassVar[str] = "x⁺"

    def exact_element(self, *operators: Operator) -> bool:
        return False

    def dual(self, u: Point) -> Point:
        return scale(self.rho, u[2])

    def refusal(self, *operators: Operator) -> str | None:
        """What is missing, if anything."""
        A, composed = operators
        assert isinstance(composed, Pullback)
        for name, X in (("A", A), ("B", composed.A)):
            if not X.properties.maximal:
                return f"{name} = {X!r} is not known to be maximal monotone"
        return None

    def theorem(self, *operators: Operator) -> Guarantee:
        missing = self.refusal(*operators)
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

    def missing(self, *operators: Operator) -> str | None:
        A, composed = operators
        affine = isinstance(A, Affine) and isinstance(A.M, DenseMatrix)
        dense = isinstance(composed, Pullback) and isinstance(composed.L, DenseMatrix)
        if not (affine and dense):
            return (
                f"A = {A!r} must be Affine and L dense, so that (M + ρLᵀL) can be factored: use "
                "linearized ADMM or Chambolle-Pock"
            )
        return super().missing(*operators)

    def chosen(self, *operators: Operator) -> Self:
        return self if self.rho is not None else replace(self, rho=1.0)

    def refusal(self, *operators: Operator) -> str | None:
        missing = super().refusal(*operators)
        if missing is not None:
            return missing
        A, composed = operators
        K = normal_matrix(A, composed, self.rho)
        values = K.xp.linalg.svdvals(K.matrix)
        rounding = K.matrix.shape[0] * float(K.xp.finfo(K.matrix.dtype).eps)
        if bool(values[-1] <= rounding * values[0]):
            return (
                f"M + ρLᵀL is singular for A = {A!r} and {composed!r}, so that x⁺ is not defined: "
                "use linearized ADMM or Chambolle-Pock"
            )
        return None

    def iteration(self, *operators: Operator) -> Iteration:
        return _ADMM(self, *operators)


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

    def chosen(self, *operators: Operator) -> Self:
        if self.missing(*operators) is not None or None not in (self.rho, self.tau):
            return self
        norm = operators[1].L.norm  # type: ignore[attr-defined]
        if not 0 < norm < math.inf:
            return replace(self, rho=self.rho or 1.0, tau=self.tau or 1.0)
        rho = self.rho or (1 / norm if self.tau is None else 1 / (self.tau * norm**2))
        return replace(self, rho=rho, tau=self.tau or 1 / (rho * norm**2))

    def refusal(self, *operators: Operator) -> str | None:
        missing = super().refusal(*operators)
        if missing is not None:
            return missing
        norm = operators[1].L.norm  # type: ignore[attr-defined]
        assert self.rho is not None
        assert self.tau is not None
        if norm == math.inf:
            return f"no bound of the norm of L = {operators[1]!r} is known"
        if self.tau * self.rho * norm**2 > 1 + 1e-12:
            return (
                f"tau = {self.tau:.4g}, rho = {self.rho:.4g} are too long for ‖L‖ = {norm:.4g}: "
                f"with this rho, tau must be at most {1 / (self.rho * norm**2):.4g}"
            )
        return None

    @property
    def steps(self) -> str:
        return f"{super().steps}, tau = {self.tau:.4g}: τρ‖L‖² ≤ 1"

    def iteration(self, *operators: Operator) -> Iteration:
        return _LinearizedADMM(self, *operators)


class _Directions(Iteration):
    """State (x, z, u); a subclass gives x⁺."""

    def __init__(self, rho: float, relaxation: float, composed: Operator) -> None:
        assert isinstance(composed, Pullback)
        self.rho, self.relaxation = rho, relaxation
        self.L, self.LT = composed.L, composed.L.T
        self.R_B = composed.A.resolvent(1 / rho)

    def init(self, x0: Point) -> State:
        z = self.L(x0)
        return x0, z, scale(0.0, z)

    def first(self, x: Point, z: Point, u: Point) -> tuple[Point, Point]:
        """x⁺, and the point from which ``element`` reads an element of A(x⁺)."""
        raise NotImplementedError

    def element(self, x: Point, before: Point) -> Point:
        """An element of A(x)."""
        raise NotImplementedError

    def advance(self, state: State) -> tuple[State, Trace]:
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
    def __init__(self, method: ADMM, A: Any, composed: Operator) -> None:
        super().__init__(method.rho, method.relaxation, composed)  # type: ignore[arg-type]
        self.A = A
        affine = getattr(A, "A", A)  # a watched one holds its operator
        K = normal_matrix(affine, composed, method.rho)
        identity = K.xp.eye(K.matrix.shape[0], dtype=K.matrix.dtype, device=K.matrix.device)
        self.solve = DenseMatrix(K.matrix - identity).shifted_inverse(1.0)
        self.q = affine.q

    def first(self, x: Point, z: Point, u: Point) -> tuple[Point, Point]:
        pull = scale(self.rho, self.LT(subtract(z, u)))
        x_next = self.solve(pull if self.q is None else add(pull, self.q))
        return x_next, pull

    def element(self, x: Point, before: Point) -> Point:
        return self.A(x)

    def energy(self, before: State, state: State, limit: State) -> Array:
        """‖d(z + u)‖²: Douglas-Rachford's governing point in the range of L."""
        (_, z, u), (_, z_star, u_star) = state, limit
        return self.square(subtract(add(z, u), add(z_star, u_star)))


class _LinearizedADMM(_Directions):
    def __init__(self, method: LinearizedADMM, A: Operator, composed: Operator) -> None:
        super().__init__(method.rho, 1.0, composed)  # type: ignore[arg-type]
        self.tau = method.tau
        self.R_A = A.resolvent(method.tau)

    def first(self, x: Point, z: Point, u: Point) -> tuple[Point, Point]:
        pull = self.LT(add(subtract(self.L(x), z), u))
        argument = lincomb(1.0, x, -self.tau * self.rho, pull)  # type: ignore[operator]
        return self.R_A(argument), argument

    def element(self, x: Point, before: Point) -> Point:
        return scale(1 / self.tau, subtract(before, x))  # type: ignore[operator]

    def energy(self, before: State, state: State, limit: State) -> Array:
        """‖dx‖²/τ − ρ‖L dx‖² + ρ‖dz‖² + ρ‖du‖²: the proximal method's metric."""
        dx, dz, du = (subtract(a, b) for a, b in zip(state, limit, strict=True))
        coupled = self.square(dz) + self.square(du) - self.square(self.L(dx))
        return self.square(dx) / self.tau + self.rho * coupled


def normal_matrix(A: Any, composed: Any, rho: Any) -> DenseMatrix:
    """M + ρLᵀL for A = x ↦ Mx − q and LᵀBL."""
    L = composed.L.matrix
    return DenseMatrix(A.M.matrix + rho * L.T @ L)
