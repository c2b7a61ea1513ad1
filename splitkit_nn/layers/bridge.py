"""The autograd bridge: derivatives through an equilibrium, of every order.

z = σ(Wz + b) with J the Jacobian of σ at Wz + b: a cotangent v of z becomes ũ = J(v + Wᵀũ), and

    cotangent of b: ũ,   of W: ũ ⊗ z,   of a parameter θ of σ: that of ⟨v + Wᵀũ, σ_θ(Wz + b)⟩.

The map (W, J, v) ↦ ũ is differentiated by the same equation: for a cotangent p of ũ, with
t = J(p + Wt) and q = p + Wt,

    cotangent of v: t,   of J: that of ⟨q, J(v + Wᵀũ)⟩,   of W: ũ ⊗ t.

The solves are never recorded; what is recorded are the formulas above, in the *attached* outputs z
and ũ, so that the backward pass is differentiable again. Solves happen inside of the functions,
where transforms of ``torch.func`` have been peeled off: under ``vmap`` the mapped axis joins the
batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor

from splitkit_nn.activations.jacobians import Jacobian

PLAIN = nullcontext()


class Bridge(Protocol):
    """What an equilibrium and its derivatives need beside their tensors.

    Attributes
    ----------
    exact : bool
        Whether ``solve_cotangent`` is exact, so that ũ has the derivatives below.
    """

    exact: bool

    def multiply(self, W: Tensor, z: Tensor) -> Tensor:
        """Wz."""
        ...

    def multiply_transpose(self, W: Tensor, v: Tensor) -> Tensor:
        """Wᵀv."""
        ...

    def outer(self, W: Tensor, p: Tensor, z: Tensor) -> Tensor:
        """The derivative of ⟨p, Wz⟩ in the weight."""
        ...

    def jacobian(self, W: Tensor, bias: Tensor, z: Tensor, theta: Sequence[Tensor]) -> Jacobian:
        """J at the pre-activation Wz + bias, of σ with the learned parameters θ."""
        ...

    def gradient(self, theta: Sequence[Tensor], y: Tensor, g: Tensor) -> tuple[Tensor, ...]:
        """The derivative of ⟨g, σ(y)⟩ in θ; differentiable."""
        ...

    def solve(
        self, W: Tensor, bias: Tensor, z0: Tensor | None, x: Tensor, theta: Sequence[Tensor]
    ) -> Tensor:
        """z; raises where it fails, or x is not finite."""
        ...

    def solve_cotangent(self, J: Jacobian, v: Tensor, transposed: bool) -> Tensor:
        """ũ = J(v + Wᵀũ), or W in place of Wᵀ, after a ``solve``; raises where it fails."""
        ...


def equilibrium(
    bridge: Bridge,
    W: Tensor,
    bias: Tensor,
    x: Tensor,
    z0: Tensor | None,
    theta: Sequence[Tensor] = (),
) -> Tensor:
    """z = σ(Wz + bias), attached to W, bias and θ, in ``full_precision``; x is checked."""
    result: Tensor = Equilibrium.apply(W, bias, z0, x, bridge, *theta)  # type: ignore[no-untyped-call]
    return result


def cotangent(bridge: Bridge, W: Tensor, J: Jacobian, v: Tensor, transposed: bool = True) -> Tensor:
    """ũ = J(v + Wᵀũ), attached to W, J's arrays and v; W in place of Wᵀ if not transposed."""
    result: Tensor = CotangentSolution.apply(W, v, transposed, bridge, J.of, *J.arrays)  # type: ignore[no-untyped-call]
    return result


def _signed(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function with its signature at hand: ``apply`` asks for it at each call."""
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return function


class Equilibrium(torch.autograd.Function):
    """(W, bias, θ) ↦ z."""

    @staticmethod
    @_signed
    def forward(
        W: Tensor, bias: Tensor, z0: Tensor | None, x: Tensor, bridge: Bridge, *theta: Tensor
    ) -> Tensor:
        return bridge.solve(W, bias, z0, x, theta)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        W, bias, _, _, ctx.bridge, *theta = inputs
        ctx.save_for_backward(W, bias, output, *theta)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        W, bias, z, *theta = ctx.saved_tensors
        bridge: Bridge = ctx.bridge
        with full_precision(z):
            J = bridge.jacobian(W, bias, z, theta)
            u_tilde = cotangent(bridge, W, J, cotangents[0])
            of_theta: tuple[Tensor, ...] = ()
            if theta:
                g = cotangents[0] + bridge.multiply_transpose(W, u_tilde)
                of_theta = bridge.gradient(theta, bridge.multiply(W, z) + bias, g)
            return bridge.outer(W, u_tilde, z), u_tilde, None, None, None, *of_theta

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[Any, ...],
        W: Tensor,
        bias: Tensor,
        z0: Tensor | None,
        x: Tensor,
        bridge: Bridge,
        *theta: Tensor,
    ) -> tuple[Tensor, int]:
        _refuse_batched_weights(in_dims[0], *in_dims[5:])
        size = info.batch_size
        merged = _merge(bias, in_dims[1], size)
        start = None if z0 is None else _merge(z0, in_dims[2], size)
        z = Equilibrium.apply(W, merged, start, x, bridge, *theta)  # type: ignore[no-untyped-call]
        return z.unflatten(0, (size, -1)), 0


class CotangentSolution(torch.autograd.Function):
    """(W, J, v) ↦ ũ with ũ = J(v + Wᵀũ), or W in place of Wᵀ if not transposed."""

    @staticmethod
    @_signed
    def forward(
        W: Tensor,
        v: Tensor,
        transposed: bool,
        bridge: Bridge,
        jacobian: Callable[..., Jacobian],
        *arrays: Tensor,
    ) -> Tensor:
        return bridge.solve_cotangent(jacobian(*arrays), v, transposed)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        W, v, ctx.transposed, ctx.bridge, ctx.jacobian, *arrays = inputs
        ctx.save_for_backward(W, v, output, *arrays)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        W, v, u_tilde, *arrays = ctx.saved_tensors
        transposed: bool = ctx.transposed
        bridge: Bridge = ctx.bridge
        if not bridge.exact:
            raise RuntimeError(
                "second derivatives need an exact first one: make the layer with "
                'gradient="cotangent" or "direct"'
            )
        J: Jacobian = ctx.jacobian(*arrays)
        p = cotangents[0]
        with full_precision(v):
            t = cotangent(bridge, W, J, p, not transposed)
            q = p + _apply(bridge, W, t, not transposed)
            of_J = J.gradient(q, v + _apply(bridge, W, u_tilde, transposed))
            of_W = bridge.outer(W, u_tilde, t) if transposed else bridge.outer(W, t, u_tilde)
            return of_W, t, None, None, None, *of_J

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[Any, ...],
        W: Tensor,
        v: Tensor,
        transposed: bool,
        bridge: Bridge,
        jacobian: Callable[..., Jacobian],
        *arrays: Tensor,
    ) -> tuple[Tensor, int]:
        _refuse_batched_weights(in_dims[0])
        size = info.batch_size
        merged = [
            _merge(array, d, size)
            for array, d in zip((v, *arrays), (in_dims[1], *in_dims[5:]), strict=True)
        ]
        u_tilde = CotangentSolution.apply(W, merged[0], transposed, bridge, jacobian, *merged[1:])  # type: ignore[no-untyped-call]
        return u_tilde.unflatten(0, (size, -1)), 0


def _apply(bridge: Bridge, W: Tensor, z: Tensor, transposed: bool) -> Tensor:
    return bridge.multiply_transpose(W, z) if transposed else bridge.multiply(W, z)


def full_precision(like: Tensor) -> AbstractContextManager[Any]:
    """Autocast would round the products in half precision, and the equilibrium with them."""
    device = like.device.type
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else PLAIN


def _merge(x: Tensor, dim: int | None, size: int) -> Tensor:
    """The mapped axis and the batch axis as one."""
    x = x.expand(size, *x.shape) if dim is None else x.movedim(dim, 0)
    return x.flatten(0, 1)


def _refuse_batched_weights(*dims: int | None) -> None:
    if any(dim is not None for dim in dims):
        raise NotImplementedError(
            "vmap over the parameters of an equilibrium layer is not supported: each value of W "
            "has a factorization of its own; map over inputs, or loop over the parameters"
        )
