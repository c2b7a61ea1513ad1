"""The autograd bridge: derivatives through an equilibrium, of every order.

z = σ(Wz + b) with J the Jacobian of σ at Wz + b: a cotangent v of z becomes ũ = J(v + Wᵀũ), and

    cotangent of b: ũ,   of W: ũ ⊗ z,   of a parameter θ of σ: that of ⟨v + Wᵀũ, σ_θ(Wz + b)⟩.

The map (W, J, v) ↦ ũ is differentiated by the same equation: for a cotangent p of ũ, with
t = J(p + Wt) and q = p + Wt,

    cotangent of v: t,   of J: that of ⟨q, J(v + Wᵀũ)⟩,   of W: ũ ⊗ t.

Tangents solve the same equations: with s = σ_θ θ̇ and p = Ẇz + ḃ that of z is s + t,
t = J(p + Ws + Wt); with s = J̇(v + Wᵀũ) that of ũ is s + t, t = J(v̇ + Ẇᵀũ + Wᵀs + Wᵀt).

The solves are never recorded; what is recorded are the formulas above, in the *attached* outputs z
and ũ, so that the backward pass is differentiable again. Solves happen inside of the functions,
where transforms of ``torch.func`` have been peeled off: under ``vmap`` the mapped axis joins the
batch.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from splitkit.derivatives.forward_mode import forward_mode, primals, whole
from splitkit.meshes import mesh_of, together
from splitkit_nn.activations.jacobians import Jacobian
from splitkit_nn.layers.solves import Solves

PLAIN = nullcontext()


def cotangent(solves: Solves, W: Tensor, J: Jacobian, v: Tensor, transposed: bool = True) -> Tensor:
    """ũ = J(v + Wᵀũ), attached to W, J's arrays and v; W in place of Wᵀ if not transposed."""
    return CotangentSolution.apply(W, v, transposed, solves, J.of, *J.arrays)  # type: ignore[no-untyped-call]


def pulled_back(
    solves: Solves, v: Tensor, W: Tensor, bias: Tensor, z: Tensor, theta: Sequence[Tensor]
) -> list[Tensor]:
    """The cotangents of W, b and θ, of a cotangent v of z."""
    u_tilde = cotangent(solves, W, solves.jacobian(W, bias, z, theta), v)
    found = [solves.outer(W, u_tilde, z), u_tilde]
    if theta:
        g = v + solves.multiply_transpose(W, u_tilde)
        found += solves.gradient(theta, solves.multiply(W, z) + bias, g)
    return found


def _signed(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function with its signature at hand: ``apply`` asks for it at each call."""
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return function


def left_alone(function: Callable[..., Any], *given: Any) -> Any:
    """The function of these, which Torch's compiler, where it is in use, leaves as it stands: what
    it can't compile whole, as transforms, it runs, and compiles the pieces.
    """
    if "torch._dynamo" not in sys.modules:
        return function(*given)
    from splitkit_nn.layers.uncompiled import outside  # others need not import a compiler

    return outside(function, *given)


def _uncompiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``left_alone``, for what autograd calls."""

    @wraps(function)
    def call(*given: Any) -> Any:
        return left_alone(function, *given)

    return call


class Equilibrium(torch.autograd.Function):
    """(W, bias, θ) ↦ z, in ``full_precision``; x is checked."""

    @staticmethod
    @_signed
    def forward(
        W: Tensor, bias: Tensor, z0: Tensor | None, x: Tensor, solves: Solves, *theta: Tensor
    ) -> Tensor:
        return solves.solve(W, bias, z0, x, theta)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        W, bias, _, _, ctx.solves, *theta = inputs
        ctx.save_for_backward(W, bias, output, *theta)
        ctx.save_for_forward(W, bias, output, *theta)

    @staticmethod
    @_uncompiled
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        W, bias, z, *theta = ctx.saved_tensors
        solves: Solves = ctx.solves
        with full_precision(z):
            of_W, of_bias, *of_theta = pulled_back(solves, cotangents[0], W, bias, z, theta)
            return of_W, of_bias, None, None, None, *of_theta

    @staticmethod
    @_uncompiled
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        W, bias, z, *theta = primals(ctx)
        solves: Solves = ctx.solves
        W_dot, bias_dot, _, _, _, *theta_dot = tangents
        with full_precision(z), forward_mode():
            y = solves.multiply(W, z) + bias
            J = solves.sigma(theta).jacobian(y)
            p = torch.zeros_like(z) if bias_dot is None else bias_dot
            if W_dot is not None:
                p = p + transpose(lambda q: (solves.outer(W, q, z),), z, (W_dot,))
            if all(each is None for each in theta_dot):
                return cotangent(solves, W, J, p, transposed=False)
            s = transpose(lambda g: solves.gradient(theta, y, g), z, whole(theta_dot, theta))
            return s + cotangent(solves, W, J, p + solves.multiply(W, s), transposed=False)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensor, int]:
        W, bias, z0, x, solves, *theta = inputs
        _refuse_batched_weights(in_dims[0], *in_dims[5:])
        size = info.batch_size
        merged = _merge(bias, in_dims[1], size)
        start = None if z0 is None else _merge(z0, in_dims[2], size)
        z = Equilibrium.apply(W, merged, start, x, solves, *theta)  # type: ignore[no-untyped-call]
        return z.unflatten(0, (size, -1)), 0


class CotangentSolution(torch.autograd.Function):
    """(W, J, v) ↦ ũ with ũ = J(v + Wᵀũ), or W in place of Wᵀ if not transposed."""

    @staticmethod
    @_signed
    def forward(
        W: Tensor,
        v: Tensor,
        transposed: bool,
        solves: Solves,
        jacobian: Callable[..., Jacobian],
        *arrays: Tensor,
    ) -> Tensor:
        return solves.solve_cotangent(jacobian(*arrays), v, transposed)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        W, v, ctx.transposed, ctx.solves, ctx.jacobian, *arrays = inputs
        ctx.save_for_backward(W, v, output, *arrays)
        ctx.save_for_forward(W, v, output, *arrays)

    @staticmethod
    @_uncompiled
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        W, v, u_tilde, *arrays = ctx.saved_tensors
        transposed: bool = ctx.transposed
        solves: Solves = ctx.solves
        _require_exact(solves)
        J: Jacobian = ctx.jacobian(*arrays)
        p = cotangents[0]
        with full_precision(v):
            t = cotangent(solves, W, J, p, not transposed)
            q = p + _apply(solves, W, t, not transposed)
            of_J = J.gradient(q, v + _apply(solves, W, u_tilde, transposed))
            of_W = solves.outer(W, u_tilde, t) if transposed else solves.outer(W, t, u_tilde)
            return of_W, t, None, None, None, *of_J

    @staticmethod
    @_uncompiled
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        W, v, u_tilde, *arrays = primals(ctx)
        transposed: bool = ctx.transposed
        solves: Solves = ctx.solves
        _require_exact(solves)
        W_dot, v_dot, _, _, _, *arrays_dot = tangents
        J: Jacobian = ctx.jacobian(*arrays)
        with full_precision(v), forward_mode():
            p = torch.zeros_like(v) if v_dot is None else v_dot
            if W_dot is not None:

                def outer(q: Tensor) -> tuple[Tensor]:
                    pair = (u_tilde, q) if transposed else (q, u_tilde)
                    return (solves.outer(W, *pair),)

                p = p + transpose(outer, v, (W_dot,))
            if all(each is None for each in arrays_dot):
                return cotangent(solves, W, J, p, transposed)
            h = v + _apply(solves, W, u_tilde, transposed)
            s = transpose(lambda q: J.gradient(q, h), v, whole(arrays_dot, arrays))
            return s + cotangent(solves, W, J, p + _apply(solves, W, s, transposed), transposed)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensor, int]:
        W, v, transposed, solves, jacobian, *arrays = inputs
        _refuse_batched_weights(in_dims[0])
        size = info.batch_size
        dims = (in_dims[1], *in_dims[5:])
        merged = [_merge(x, dim, size) for x, dim in zip((v, *arrays), dims, strict=True)]
        u_tilde = CotangentSolution.apply(W, merged[0], transposed, solves, jacobian, *merged[1:])  # type: ignore[no-untyped-call]
        return u_tilde.unflatten(0, (size, -1)), 0


def transpose(
    linear: Callable[[Tensor], tuple[Tensor, ...]], like: Tensor, cotangents: tuple[Tensor, ...]
) -> Tensor:
    """The transpose of a linear map of points like this one, applied."""
    pull: Any = torch.func.vjp(linear, torch.zeros_like(like))[1]
    (found,) = pull(cotangents)
    return found


def _require_exact(solves: Solves) -> None:
    if not solves.exact:
        raise RuntimeError(
            "second derivatives need an exact first one: make the layer with "
            'gradient="cotangent" or "direct"'
        )


def _apply(solves: Solves, W: Tensor, z: Tensor, transposed: bool) -> Tensor:
    return solves.multiply_transpose(W, z) if transposed else solves.multiply(W, z)


def full_precision(like: Tensor) -> AbstractContextManager[Any]:
    """Autocast would round the products in half precision, and the equilibrium with them. Of what
    Torch cuts over processes sums are taken.
    """
    if mesh_of(like) is not None:
        return together([like])
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
