"""u = T(u; θ) as a function of θ, with derivatives of every order, in both modes.

By the implicit function theorem a cotangent v of u becomes λ with

    (I − ∂T/∂uᵀ)λ = v,      and the cotangent of θ is  ∂T/∂θᵀ λ;

a tangent θ̇ of θ becomes u̇ with (I − ∂T/∂u)u̇ = ∂T/∂θ θ̇. Products with derivatives of T come from
recorded evaluations of T, whatever the number of iterations; the systems are solved by GMRES, or,
where it takes long and they are small, by a factorization. The solution w of such a system is
differentiated by the same theorem: for a cotangent p of λ, (I − ∂T/∂u)t = p is the cotangent of v,
and those of u and θ are the derivatives of ⟨λ, ∂T/∂u t⟩; so with the transpose. Where T is not
differentiable, a selection of its generalized Jacobian is taken.

Sources: Krantz, Parks, *The Implicit Function Theorem* (2002); Bolte, Le, Pauwels, Silveti-Falls,
*Nonsmooth implicit differentiation* (2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

from splitkit.derivatives.forward_mode import forward_mode, primals, whole
from splitkit.derivatives.gmres import Blocks, flat, gmres, split

PATIENCE = 40  # steps of GMRES after which a factorization is tried
DENSE = 2048  # the most unknowns of which one is


class Problem(Protocol):
    """T, its fixed point, and x = X(u; θ)."""

    def solve(self, start: Blocks, values: Blocks) -> tuple[Blocks, Blocks]:
        """u with u = T(u; θ), and x, not recorded."""

    def step_and_read(self, u: Blocks, values: Sequence[Tensor]) -> tuple[Blocks, Blocks]:
        """T(u; θ) and X(u; θ), recorded."""

    def step(self, u: Blocks, values: Sequence[Tensor]) -> Blocks:
        """T(u; θ), recorded."""


def solved(problem: Problem, start: Sequence[Tensor], values: Sequence[Tensor]) -> Blocks:
    """x = X(u; θ) with u = T(u; θ), recorded where one of the values is, or has a tangent.

    Raises
    ------
    TypeError
        T depends on what is recorded and not among the values.
    """
    start = tuple(b.detach() for b in start)
    recorded = torch.is_grad_enabled() and any(value.requires_grad for value in values)
    if recorded or any(_has_tangent(value) for value in values):
        u: Blocks = FixedPoint.apply(problem, len(start), *start, *values)  # type: ignore[no-untyped-call]
        if recorded:
            _check_closed(problem, tuple(b.detach() for b in u), values)
        return problem.step_and_read(u, values)[1]
    with torch.no_grad():
        u, x = problem.solve(start, tuple(value.detach() for value in values))
    if torch.is_grad_enabled():
        _check_closed(problem, u, values)
    return x


def _has_tangent(value: Tensor) -> bool:
    return unpack_dual(value).tangent is not None  # type: ignore[no-untyped-call]


def _check_closed(problem: Problem, u: Blocks, values: Sequence[Tensor]) -> None:
    image = problem.step(u, [value.detach() for value in values])
    if any(b.requires_grad for b in image):
        raise TypeError(
            "build uses a tensor that requires gradients and is neither an input nor a parameter "
            "of it, so that its gradient would be lost: pass it as an input, make build a module "
            "that owns it (splitkit_nn.ImplicitSolve), or detach it"
        )


class FixedPoint(torch.autograd.Function):
    """θ ↦ u with u = T(u; θ)."""

    @staticmethod
    def forward(problem: Problem, started: int, *tensors: Tensor) -> Blocks:
        values = tuple(value.detach() for value in tensors[started:])
        return tuple(b.clone() for b in problem.solve(tensors[:started], values)[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Blocks) -> None:
        ctx.problem, ctx.started, *tensors = inputs
        ctx.size, saved = len(output), (*output, *tensors[ctx.started :])
        ctx.save_for_backward(*saved)
        ctx.save_for_forward(*saved)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        u, values = _parts(ctx, ctx.saved_tensors)
        multiplier = _solve(ctx.problem, True, u, values, cotangents)
        of_values = _pull(lambda *v: ctx.problem.step(u, v), values, multiplier)
        return None, None, *(None for _ in range(ctx.started)), *of_values

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Blocks:
        u, values = _parts(ctx, primals(ctx))
        along = whole(tangents[2 + ctx.started :], values)
        with forward_mode():
            rhs = _push(lambda *v: ctx.problem.step(u, v), values, along, u)
            return _solve(ctx.problem, False, u, values, rhs)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensor, int]:
        raise NotImplementedError(
            "vmap over the inputs of an implicit solve is not supported on Torch: how long a solve "
            "runs depends on them; give a batch, with batch_ndim, or loop"
        )


class LinearizedSolve(torch.autograd.Function):
    """(u, θ, r) ↦ w with (I − ∂T/∂u)w = r, or with the transpose."""

    @staticmethod
    def forward(problem: Problem, transposed: bool, size: int, *tensors: Tensor) -> Blocks:
        u, values, rhs = tensors[:size], tensors[size:-size], tensors[-size:]
        linear = _Linearization(problem, u, values)
        operator = linear.transposed if transposed else linear.forward
        try:
            return gmres(operator, rhs, PATIENCE)
        except ArithmeticError:
            found = linear.direct(operator, rhs, transposed)
            return gmres(operator, rhs) if found is None else found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Blocks) -> None:
        ctx.problem, ctx.transposed, ctx.size, *tensors = inputs
        saved = (*tensors[: -ctx.size], *output)
        ctx.save_for_backward(*saved)
        ctx.save_for_forward(*saved)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        problem, size = ctx.problem, ctx.size
        u, rest = _parts(ctx, ctx.saved_tensors)
        values, w = rest[:-size], rest[-size:]
        t = _solve(problem, not ctx.transposed, u, values, cotangents)
        left, right = (w, t) if ctx.transposed else (t, w)

        def product(*tensors: Tensor) -> tuple[Tensor]:
            """⟨left, ∂T/∂u right⟩."""
            pulled = _pull(lambda *b: problem.step(b, tensors[size:]), tensors[:size], left)
            return (torch.stack([(p * d).sum() for p, d in zip(pulled, right, strict=True)]).sum(),)

        found = _pull(product, (*u, *values), (torch.ones_like(u[0].sum()),))
        return None, None, None, *found, *t

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Blocks:
        problem: Problem = ctx.problem
        size: int = ctx.size
        u, rest = _parts(ctx, primals(ctx))
        values, w = rest[:-size], rest[-size:]
        at = (*u, *values)
        along = whole(tangents[3:-size], at)

        def product(*tensors: Tensor) -> Blocks:
            """∂T/∂uᵀw, or ∂T/∂u w."""
            point, given = tensors[:size], tensors[size:]

            def step(*b: Tensor) -> Blocks:
                return problem.step(b, given)

            return _pull(step, point, w) if ctx.transposed else _push(step, point, w, u)

        with forward_mode():
            of_rhs, turned = whole(tangents[-size:], w), _push(product, at, along, u)
            rhs = tuple(a + b for a, b in zip(of_rhs, turned, strict=True))
            return _solve(problem, ctx.transposed, u, values, rhs)

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[Any, ...],
        problem: Problem,
        transposed: bool,
        size: int,
        *tensors: Any,
    ) -> tuple[Blocks, tuple[int, ...]]:
        dims = in_dims[3:]
        found = [
            LinearizedSolve.apply(  # type: ignore[no-untyped-call]
                problem,
                transposed,
                size,
                *(t if d is None else t.select(d, i) for t, d in zip(tensors, dims, strict=True)),
            )
            for i in range(info.batch_size)
        ]
        return tuple(map(torch.stack, zip(*found, strict=True))), (0,) * size


def _solve(
    problem: Problem, transposed: bool, u: Blocks, values: Blocks, rhs: Sequence[Tensor]
) -> Blocks:
    found: Blocks = LinearizedSolve.apply(problem, transposed, len(u), *u, *values, *rhs)  # type: ignore[no-untyped-call]
    return found


def _parts(ctx: Any, saved: Sequence[Tensor]) -> tuple[Blocks, Blocks]:
    return tuple(saved[: ctx.size]), tuple(saved[ctx.size :])


def _pull(map: Callable[..., Blocks], at: Blocks, cotangents: Sequence[Tensor]) -> Blocks:
    """The cotangents of the arguments, differentiable again."""
    pulled: Any = torch.func.vjp(map, *at)[1]
    found: Blocks = pulled(tuple(cotangents))
    return found


def _push(map: Callable[..., Blocks], at: Blocks, along: Blocks, like: Blocks) -> Blocks:
    """The derivative of a map into points like these: cotangents are pulled linearly, and the
    transpose of that is it. So it needs no rules of forward mode.
    """
    zeros = tuple(torch.zeros_like(b) for b in like)
    return _pull(lambda *w: _pull(map, at, w), zeros, along)


class _Linearization:
    """I − ∂T/∂u and its transpose at a point, from one recorded evaluation."""

    def __init__(self, problem: Problem, u: Blocks, values: Sequence[Tensor]) -> None:
        with torch.enable_grad():
            self.u = tuple(b.detach().requires_grad_() for b in u)
            self.image = problem.step(self.u, values)
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

    def direct(
        self, operator: Callable[[Blocks], Blocks], rhs: Blocks, transposed: bool
    ) -> Blocks | None:
        """The solution by a dense factorization; None if it is too large, or found too roughly."""
        b = flat(rhs)
        if len(b) > DENSE:
            return None
        unit = torch.eye(len(b), dtype=b.dtype, device=b.device)
        try:
            rows = torch.autograd.grad(
                self.image,
                self.u,
                split(unit, rhs),
                retain_graph=True,
                materialize_grads=True,
                is_grads_batched=True,
            )
            A = unit - torch.cat([r.flatten(1) for r in rows], dim=1)
            w = torch.linalg.solve(A.T if transposed else A, b)
        except RuntimeError:  # a step that no vmap takes; a singular matrix
            return None
        found = split(w, rhs)
        residual = (flat(operator(found)) - b).norm()
        return found if bool(residual <= torch.finfo(b.dtype).eps ** 0.5 * b.norm()) else None
