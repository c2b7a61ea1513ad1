"""The autograd bridge: derivatives through an equilibrium, of every order.

z = σ(Wz + b) with J the Jacobian of σ at Wz + b: a cotangent v of z becomes ũ = J(v + Wᵀũ), and

    cotangent of b: ũ,   of W: ũ ⊗ z.

The map (W, J, v) ↦ ũ is differentiated by the same equation: for a cotangent p of ũ, with
t = J(p + Wt) and q = p + Wt,

    cotangent of v: t,   of J: that of ⟨q, J(v + Wᵀũ)⟩,   of W: ũ ⊗ t.

The solves are never recorded; what is recorded are the formulas above, in the *attached* outputs z
and ũ, so that the backward pass is differentiable again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from splitkit_nn.jacobians import Jacobian
from splitkit_nn.linear.base import Parametrization

AdjointSolver = Callable[[Jacobian, Tensor, bool], Tensor]
"""(J, v, transposed) ↦ ũ with ũ = J(v + Wᵀũ), or W in place of Wᵀ."""


@dataclass(frozen=True)
class Bridge:
    """What the derivatives of one equilibrium need beside its tensors.

    Attributes
    ----------
    multiply, multiply_transpose, outer : callables
        The algebra of the parametrization's weight; see ``Parametrization``.
    jacobian : callable
        y ↦ J at the pre-activation y.
    solve : AdjointSolver
        Not recorded; raises where it fails.
    """

    multiply: Callable[[Tensor, Tensor], Tensor]
    multiply_transpose: Callable[[Tensor, Tensor], Tensor]
    outer: Callable[[Tensor, Tensor, Tensor], Tensor]
    jacobian: Callable[[Tensor], Jacobian]
    solve: AdjointSolver

    def apply(self, W: Tensor, z: Tensor, transposed: bool) -> Tensor:
        """Wᵀz if transposed, else Wz."""
        return self.multiply_transpose(W, z) if transposed else self.multiply(W, z)

    def adjoint(self, W: Tensor, J: Jacobian, v: Tensor, transposed: bool = True) -> Tensor:
        """ũ, attached to W, J's arrays and v."""
        result: Tensor = AdjointSolution.apply(W, v, transposed, self, J.of, *J.arrays)  # type: ignore[no-untyped-call]
        return result


def implicit_equilibrium(
    W: Tensor, bias: Tensor, z: Tensor, parametrization: Parametrization, **maps: Any
) -> Tensor:
    """z, attached to W and bias as the solution of z = σ(Wz + bias).

    ``maps`` are ``jacobian`` and ``solve`` of ``Bridge``.
    """
    bridge = Bridge(
        parametrization.multiply, parametrization.multiply_transpose, parametrization.outer, **maps
    )
    result: Tensor = Equilibrium.apply(W, bias, z, bridge)  # type: ignore[no-untyped-call]
    return result


class Equilibrium(torch.autograd.Function):
    """(W, bias) ↦ z."""

    @staticmethod
    def forward(ctx: Any, W: Tensor, bias: Tensor, z: Tensor, bridge: Bridge) -> Tensor:
        result = z.view_as(z)
        ctx.bridge = bridge
        ctx.save_for_backward(W, bias, result)
        return result

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, Tensor, None, None]:
        W, bias, z = ctx.saved_tensors
        bridge: Bridge = ctx.bridge
        J = bridge.jacobian(bridge.multiply(W, z) + bias)
        u_tilde = bridge.adjoint(W, J, cotangents[0])
        return bridge.outer(W, u_tilde, z), u_tilde, None, None


class AdjointSolution(torch.autograd.Function):
    """(W, J, v) ↦ ũ with ũ = J(v + Wᵀũ), or W in place of Wᵀ if not transposed."""

    @staticmethod
    def forward(
        ctx: Any,
        W: Tensor,
        v: Tensor,
        transposed: bool,
        bridge: Bridge,
        jacobian: Callable[..., Jacobian],
        *arrays: Tensor,
    ) -> Tensor:
        u_tilde = bridge.solve(jacobian(*arrays), v, transposed)
        ctx.transposed, ctx.bridge, ctx.jacobian = transposed, bridge, jacobian
        ctx.save_for_backward(W, v, u_tilde, *arrays)
        return u_tilde

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        W, v, u_tilde, *arrays = ctx.saved_tensors
        transposed, bridge = ctx.transposed, ctx.bridge
        J: Jacobian = ctx.jacobian(*arrays)
        p = cotangents[0]
        t = bridge.adjoint(W, J, p, not transposed)
        q = p + bridge.apply(W, t, not transposed)
        of_J = J.gradient(q, v + bridge.apply(W, u_tilde, transposed))
        of_W = bridge.outer(W, u_tilde, t) if transposed else bridge.outer(W, t, u_tilde)
        return of_W, t, None, None, None, *of_J
