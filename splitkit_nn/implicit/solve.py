"""Derivatives of the solution of an inclusion in what its operators depend on.

A method that is one map T(·; θ) ends at u = T(u; θ), which ``fixed_point`` differentiates, and
x = X(u; θ) is read off it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import splitkit as sk
from splitkit.arguments import POSITIVE, check_integer, check_number
from splitkit.backend import blocks
from splitkit.solvers.explain import choose, explain
from splitkit.solvers.inclusion import Inclusion
from splitkit.solvers.splitting import MapSplitting
from splitkit_nn.implicit.fixed_point import FixedPoint
from splitkit_nn.implicit.gmres import Blocks

Point = Tensor | Blocks


class ImplicitSolve(nn.Module):
    """A module whose output solves 0 ∈ A(x; θ), with exact derivatives of first and second order.

    Parameters
    ----------
    build : nn.Module or callable
        Its value is the inclusion, an ``Operator`` of the core made from Torch tensors. It is
        called with the inputs of ``forward``; as a module, its parameters are differentiated too.
        Nothing else that it uses may require gradients.
    method : splitkit.Splitting, optional
        One that is a single map (Peaceman-Rachford, Douglas-Rachford, forward-backward, …);
        default: the one of least guaranteed rate.
    tol : float
        Relative, of the solve; derivatives are taken at what it finds.
    max_iter : int
    batch_ndim : int
        Leading axes of a point that index independent problems.

    Attributes
    ----------
    last_solution : splitkit.Solution or None

    Raises
    ------
    TypeError
        ``build`` gives no operator, or one that depends on a tensor which requires gradients and is
        neither an input nor a parameter; or the method is not a single map.
    splitkit.NoGuaranteeError, splitkit.NotConvergedError
        As ``splitkit.solve`` raises them.
    ArithmeticError
        Backward: I − ∂T/∂u is singular in the direction that is needed, as where the solution is
        not unique or jumps.
    """

    def __init__(
        self,
        build: nn.Module | Callable[..., sk.Operator],
        method: sk.Splitting | None = None,
        *,
        tol: float = 1e-10,
        max_iter: int = 100_000,
        batch_ndim: int = 0,
    ) -> None:
        super().__init__()
        if not callable(build):
            raise TypeError(f"build = {build!r} is not callable: give what makes the inclusion")
        if method is not None and not isinstance(method, MapSplitting):
            raise TypeError(
                f"method = {method!r} is not a single map: give sk.PeacemanRachford(), "
                "sk.DouglasRachford() or sk.ForwardBackward()"
            )
        self.build, self.method, self.batch_ndim = build, method, batch_ndim
        self.tol = check_number("tol", tol, POSITIVE)
        self.max_iter = check_integer("max_iter", max_iter, 1)
        self.last_solution: sk.Solution | None = None

    def forward(self, x0: Point, *inputs: Tensor) -> Point:
        """x with 0 ∈ build(*inputs)(x), from x0, which receives no gradient; a point like x0."""
        parameters = (
            dict(self.build.named_parameters()) if isinstance(self.build, nn.Module) else {}
        )
        for name, value in (
            *(("x0", block) for block in (x0 if isinstance(x0, tuple) else (x0,))),
            *((f"inputs[{i}]", value) for i, value in enumerate(inputs)),
        ):
            if not isinstance(value, Tensor) or not value.is_floating_point():
                raise TypeError(f"{name} = {value!r}: give a floating torch.Tensor")
        values = (*parameters.values(), *inputs)
        problem = _Problem(self, tuple(parameters), isinstance(x0, tuple))
        start = tuple(b.detach() for b in blocks(x0))
        with torch.no_grad():
            problem.choose([value.detach() for value in values])
            solution = sk.solve(
                problem.inclusion([value.detach() for value in values]),
                problem.point(start),
                problem.method,
                tol=self.tol,
                max_iter=self.max_iter,
                batch_ndim=self.batch_ndim,
                progress=False,
            )
        self.last_solution = solution
        if torch.is_grad_enabled():
            problem.check_closed(blocks(solution.u), values)
        if not (torch.is_grad_enabled() and any(value.requires_grad for value in values)):
            return solution.x
        u: Blocks = FixedPoint.apply(problem.step, len(start), *blocks(solution.u), *values)  # type: ignore[no-untyped-call]
        return problem.point(problem.step_and_read(u, values)[1])


class _Problem:
    """The map T and the reading X of one solve, as functions of blocks and values."""

    def __init__(self, owner: ImplicitSolve, names: Sequence[str], is_tuple: bool) -> None:
        self.owner, self.names, self.is_tuple = owner, names, is_tuple

    def point(self, parts: Blocks) -> Point:
        return parts if self.is_tuple else parts[0]

    def inclusion(self, values: Sequence[Tensor]) -> sk.Operator:
        """The operator for these values."""
        build, count = self.owner.build, len(self.names)
        inputs = tuple(values[count:])
        if isinstance(build, nn.Module):
            given = dict(zip(self.names, values[:count], strict=True))
            made: Any = torch.func.functional_call(build, given, inputs)
        else:
            made = build(*inputs)
        if not isinstance(made, sk.Operator):
            raise TypeError(f"build gave a {type(made).__name__}: it must give an Operator")
        return made

    def choose(self, values: Sequence[Tensor]) -> None:
        """Fix the method with its step size."""
        inclusion = self.inclusion(values)
        if self.owner.method is not None:
            self.method = choose(Inclusion(inclusion), self.owner.method).method
            return
        options = explain(inclusion).options
        maps = [o for o in options if isinstance(o.method, MapSplitting) and o.guarantee.holds]
        if not maps:
            raise sk.NoGuaranteeError(f"no method that is one map is guaranteed for {inclusion!r}")
        self.method = maps[0].method

    def step(self, u: Blocks, values: Sequence[Tensor]) -> Blocks:
        """T(u; θ), recorded."""
        return self.step_and_read(u, values)[0]

    def step_and_read(self, u: Blocks, values: Sequence[Tensor]) -> tuple[Blocks, Blocks]:
        """T(u; θ) and X(u; θ), recorded."""
        with warnings.catch_warnings():
            # constants of operators are numbers, not recorded, and torch warns of that
            warnings.filterwarnings("ignore", "Converting a tensor with requires_grad=True")
            option = choose(Inclusion(self.inclusion(values)), self.method)
            assert isinstance(option.method, MapSplitting)
            iteration = option.method.iteration(*option.terms or ())
            u_next, trace = iteration.advance(self.point(u))
            return blocks(u_next), blocks(iteration.read(trace).x)

    def check_closed(self, u: Blocks, values: Sequence[Tensor]) -> None:
        """Raise TypeError if T depends on what is neither among the values nor constant."""
        image = self.step(u, [value.detach() for value in values])
        if any(b.requires_grad for b in image):
            raise TypeError(
                "build uses a tensor that requires gradients and is neither an input nor a "
                "parameter of it, so that its gradient would be lost: pass it to forward as an "
                "input, make build a module that owns it, or detach it"
            )
