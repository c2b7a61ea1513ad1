"""The equilibrium network as two monotone inclusions, on arrays of any library.

Forward. z = σ(Wz + Ux + b), σ = prox_f, is the zero of F + G with

    F(z) = (I − W)z − (Ux + b),   G = ∂f.

I − W ⪰ mI makes F m-strongly monotone: z exists and is unique.

Backward. With J the Jacobian of σ at Wz + Ux + b (symmetric, 0 ⪯ J ⪯ I) and a cotangent v of z,
(I − JW)⁻ᵀv = v + Wᵀũ, where ũ = J(v + Wᵀũ) is the zero of F̃ + G̃ with

    F̃(ũ) = (I − Wᵀ)ũ,   G̃(ũ) = Dũ − v,   J = (I + D)⁻¹.

F̃ has F's constants and its resolvent is the transpose of F's: the factorization serves both. ũ is
the cotangent of the pre-activation. D is never formed.

Source: Winston, Kolter, *Monotone operator equilibrium networks* (2020), Thms. 1-3, with the
corrections that ``docs/errata.md`` lists.
"""

from __future__ import annotations

from splitkit import (
    Accelerator,
    Affine,
    LinearOperator,
    Operator,
    Role,
    Solution,
    Splitting,
    Stopping,
)
from splitkit.backend import Array, Scalar
from splitkit.operators.base import PointMap
from splitkit.properties import Properties
from splitkit.solvers.plan import solve_given
from splitkit_nn.activations.jacobians import Jacobian, Slopes, as_jacobian, subgradient_properties

StepMethod = Splitting | Accelerator


def as_step_method(method: object) -> StepMethod:
    """The method; TypeError, ValueError unless it solves 0 ∈ F + G with a step size."""
    stepped = method.method if isinstance(method, Accelerator) else method
    if not isinstance(method, (Splitting, Accelerator)) or not isinstance(stepped, Splitting):
        raise TypeError(
            f"method = {method!r}: give a method with a step size, as sk.PeacemanRachford() or "
            "sk.Anderson(sk.PeacemanRachford())"
        )
    try:
        method.roles_for(2)
    except ValueError as error:
        raise ValueError(f"method = {method!r}: {error}; give sk.PeacemanRachford()") from error
    return method


def evaluates(method: StepMethod) -> bool:
    """Whether it uses F by its values, and not by its resolvent: then it iterates z itself, and its
    step size needs L.
    """
    return method.roles[0] is Role.EVALUATED


def forward_inclusion(M: LinearOperator, bias: Array, G: Operator) -> tuple[Affine, Operator]:
    """(F, G) for M = I − W and bias = Ux + b, of shape (batch, features)."""
    return Affine(M, bias), G


def cotangent_inclusion(
    M: LinearOperator,
    J: Jacobian | Array,
    v: Array,
    slopes: Slopes = (0.0, 1.0),
    *,
    transposed: bool = True,
) -> tuple[Affine, Operator]:
    """(F̃, G̃) for M = I − W, the Jacobian J (an array: its diagonal) and the cotangent v, a point;
    ``slopes`` bound J's eigenvalues, so that F̃ + G̃ has the constants of F + G.

    ``transposed=False`` puts W in the place of Wᵀ: the equation of second derivatives.
    """
    return Affine(M.T if transposed else M), LinearizedActivation(J, v, slopes)


def solve_forward(
    M: LinearOperator,
    bias: Array,
    G: Operator,
    method: StepMethod,
    *,
    tol: float | Stopping,
    max_iter: int,
    z0: Array | None = None,
    first_check: int = 1,
) -> Solution:
    """The equilibrium of each sample, from z0 (None: zero); the caller looks at its status."""
    F, G = forward_inclusion(M, bias, G)
    method = _with_step(method, F, G)
    return _solve(F, G, governing_start(F, bias, z0, method), method, tol, max_iter, first_check)


def solve_cotangent(
    M: LinearOperator,
    J: Jacobian | Array,
    v: Array,
    slopes: Slopes,
    method: StepMethod,
    *,
    tol: float | Stopping,
    max_iter: int,
    transposed: bool = True,
    first_check: int = 1,
) -> Solution:
    """ũ = J(v + Wᵀũ) of each sample (W in place of Wᵀ if not transposed)."""
    F, G = cotangent_inclusion(M, J, v, slopes, transposed=transposed)
    method = _with_step(method, F, G)
    return _solve(F, G, 0 * v, method, tol, max_iter, first_check)


def _with_step(method: StepMethod, F: Affine, G: Operator) -> StepMethod:
    """The method with the step size that the start depends on."""
    return method if evaluates(method) else method.chosen(F, G)


def governing_start(F: Affine, bias: Array, z0: Array | None, method: StepMethod) -> Array:
    """Where the governing sequence starts, so that it stays there if z0 (None: 0) is the
    equilibrium.

    Forward-backward iterates z itself; Peaceman-Rachford u with z = R_{αG}u, and −F(z) ∈ G(z) at
    the equilibrium, so that u = z − αF(z). F(0) = −bias.
    """
    if evaluates(method):
        return 0 * bias if z0 is None else z0
    return method.alpha * bias if z0 is None else z0 - method.alpha * F(z0)


def _solve(
    F: Operator,
    G: Operator,
    u0: Array,
    method: StepMethod,
    tol: float | Stopping,
    max_iter: int,
    first_check: int,
) -> Solution:
    """From u0, a point of the sequence u = z − αF(z).

    Methods that resolve both operators take G first: they then iterate C_{αG} C_{αF} from C_{αG}u0,
    and read z = R_{αG}u off a step that ends with it, where C_{αF} C_{αG} would have applied C_{αF}
    once more.
    """
    operators = F, G
    if not evaluates(method):
        operators, u0 = (G, F), G.make_cayley(method.alpha)(u0)
    return solve_given(
        method, operators, u0, tol=tol, max_iter=max_iter, first_check=first_check, batch_ndim=1
    )


class LinearizedActivation(Operator):
    """ũ ↦ Dũ − v with J = (I + D)⁻¹; a normal cone where J is singular.

    R_α(x) = J_α(x + αv) with J_α = J((1 − α)J + αI)⁻¹, the Jacobian of prox_{αf}; on a diagonal
    J(x + αv)/(J + α(1 − J)).
    """

    properties: Properties

    def __init__(self, J: Jacobian | Array, v: Array, slopes: Slopes = (0.0, 1.0)) -> None:
        self.J, self.v = as_jacobian(J), v
        self.properties = subgradient_properties(slopes, linear=True)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        slope = self.J.proximal(alpha)
        constant = slope(alpha * self.v)
        return lambda x: slope(x) + constant

    def make_cayley(self, alpha: Scalar) -> PointMap:
        slope = self.J.proximal(alpha)
        constant = slope((2 * alpha) * self.v)
        reflected = slope.reflected()
        return lambda x: reflected(x) + constant
