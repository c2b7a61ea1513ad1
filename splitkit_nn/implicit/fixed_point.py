"""u = T(u; θ) as a function of θ, with derivatives of first and second order.

By the implicit function theorem a cotangent v of u becomes λ with

    (I − ∂T/∂uᵀ)λ = v,      and the cotangent of θ is  ∂T/∂θᵀ λ.

Products with ∂T/∂u and its transpose come from one recorded evaluation of T, whatever the number of
iterations; the system is solved by GMRES. λ is differentiated by the same theorem: for a cotangent
p of λ, (I − ∂T/∂u)t = p is the cotangent of v, and those of u and θ are the derivatives of
⟨λ, ∂T/∂u t⟩. Where T is not differentiable, a selection of its generalized Jacobian is taken.

Sources: Krantz, Parks, *The Implicit Function Theorem* (2002); Bolte, Le, Pauwels, Silveti-Falls,
*Nonsmooth implicit differentiation* (2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from splitkit_nn.implicit.gmres import Blocks, gmres

Map = Callable[[Blocks, Sequence[Tensor]], Blocks]  # (u, θ) ↦ T(u; θ), recorded


class FixedPoint(torch.autograd.Function):
    """θ ↦ u with u = T(u; θ)."""

    @staticmethod
    def forward(ctx: Any, step: Map, size: int, *tensors: Tensor) -> Blocks:
        ctx.step, ctx.size = step, size
        u = tuple(b.clone() for b in tensors[:size])
        ctx.save_for_backward(*u, *tensors[size:])
        return u

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        u, values = ctx.saved_tensors[: ctx.size], ctx.saved_tensors[ctx.size :]
        multiplier = FixedPointCotangent.apply(  # type: ignore[no-untyped-call]
            ctx.step, ctx.size, *u, *values, *cotangents
        )
        recorded = torch.is_grad_enabled()
        with torch.enable_grad():
            u, values = _aliases(u, recorded), _aliases(values, recorded)
            of_values = torch.autograd.grad(
                ctx.step(u, values),
                values,
                multiplier,
                create_graph=recorded,
                allow_unused=True,
            )
        return None, None, *(None for _ in u), *of_values


class FixedPointCotangent(torch.autograd.Function):
    """(u, θ, v) ↦ λ with (I − ∂T/∂uᵀ)λ = v."""

    @staticmethod
    def forward(ctx: Any, step: Map, size: int, *tensors: Tensor) -> Blocks:
        u, values, v = tensors[:size], tensors[size:-size], tensors[-size:]
        linear = _Linearization(step, u, values)
        multiplier = gmres(linear.transposed, v)
        ctx.step, ctx.size = step, size
        ctx.save_for_backward(*u, *values, *multiplier)
        return multiplier

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        size: int = ctx.size
        saved = ctx.saved_tensors
        u, values, multiplier = saved[:size], saved[size:-size], saved[-size:]
        linear = _Linearization(ctx.step, u, values)
        t = gmres(linear.forward, cotangents)
        with torch.enable_grad():
            pulled = torch.autograd.grad(
                linear.image, linear.u, multiplier, create_graph=True, materialize_grads=True
            )
            product = torch.stack([(p * d).sum() for p, d in zip(pulled, t, strict=True)]).sum()
            wanted = (*linear.u, *linear.values)
            found: Sequence[Tensor | None] = [None] * len(wanted)
            if product.requires_grad:
                found = torch.autograd.grad(product, wanted, allow_unused=True)
        return None, None, *found, *t


class _Linearization:
    """I − ∂T/∂u and its transpose at a point, from one recorded evaluation."""

    def __init__(self, step: Map, u: Blocks, values: Sequence[Tensor]) -> None:
        with torch.enable_grad():
            self.u, self.values = _aliases(u, False), _aliases(values, False)
            self.image = step(self.u, self.values)
            # ∂T/∂uᵀw is linear in w: its transpose is ∂T/∂u
            self.probe = tuple(torch.zeros_like(b).requires_grad_() for b in self.image)
            self.pulled = torch.autograd.grad(
                self.image, self.u, self.probe, create_graph=True, materialize_grads=True
            )

    def transposed(self, w: Blocks) -> Blocks:
        """w − ∂T/∂uᵀw."""
        found = torch.autograd.grad(
            self.image, self.u, w, retain_graph=True, materialize_grads=True
        )
        return tuple(a - b for a, b in zip(w, found, strict=True))

    def forward(self, w: Blocks) -> Blocks:
        """w − ∂T/∂u w."""
        if not any(p.requires_grad for p in self.pulled):
            return w
        found = torch.autograd.grad(
            self.pulled, self.probe, w, retain_graph=True, materialize_grads=True
        )
        return tuple(a - b for a, b in zip(w, found, strict=True))


def _aliases(tensors: Sequence[Tensor], attached: bool) -> tuple[Tensor, ...]:
    """The same tensors as inputs of a new recording, attached to the old one or cut from it."""
    if attached:
        return tuple(
            t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in tensors
        )
    return tuple(t.detach().requires_grad_() for t in tensors)
