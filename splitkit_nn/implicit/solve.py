"""Derivatives of the solution of an inclusion in what its operators depend on.

A method that is one map T(·; θ) ends at u = T(u; θ), which ``fixed_point`` differentiates, and
x = X(u; θ) is read off it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.forward_ad import unpack_dual
from torch.utils.checkpoint import get_device_states, set_device_states

import splitkit as sk
from splitkit.arguments import POSITIVE, check_integer, check_number
from splitkit.backend import blocks
from splitkit.solvers.explain import choose, explain_terms
from splitkit.solvers.inclusion import Inclusion
from splitkit.solvers.splitting import MapSplitting
from splitkit_nn.implicit.fixed_point import FixedPoint
from splitkit_nn.implicit.gmres import Blocks

Point = Tensor | Blocks


class ImplicitSolve(nn.Module):
    """A module whose output solves 0 ∈ A(x; θ), with exact derivatives of every order, in both
    modes of automatic differentiation.

    Parameters
    ----------
    build : nn.Module or callable
        Its value is the inclusion, an ``Operator`` of the core made from Torch tensors. It is
        called with the inputs of ``forward``; as a module, its parameters are differentiated too.
        Nothing else that it uses may require gradients. A call of ``forward`` is one evaluation of
        it: where derivatives need others, they draw the same random numbers, as for dropout, and
        leave the module's buffers as they are, as those of batch normalization.
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

    Examples
    --------
    >>> I = torch.eye(2, dtype=torch.float64)
    >>> def build(q):  # x = max(q, 0)
    ...     return sk.Affine(I, q) + sk.NormalCone(sk.functions.NonNegative())
    >>> q = torch.tensor([2.0, -1.0], dtype=torch.float64, requires_grad=True)
    >>> x = sknn.ImplicitSolve(build)(0 * q, q)
    >>> x.sum().backward()
    >>> print(q.grad)
    tensor([1., 0.], dtype=torch.float64)
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
        recorded = torch.is_grad_enabled() and any(value.requires_grad for value in values)
        if recorded or any(_has_tangent(value) for value in values):
            u: Blocks = FixedPoint.apply(problem, len(start), *start, *values)  # type: ignore[no-untyped-call]
            if recorded:
                problem.check_closed(tuple(b.detach() for b in u), values)
            return problem.point(problem.step_and_read(u, values)[1])
        u = problem.solve(start, values)
        if torch.is_grad_enabled():
            problem.check_closed(u, values)
        assert self.last_solution is not None
        return self.last_solution.x


def _has_tangent(value: Tensor) -> bool:
    return unpack_dual(value).tangent is not None  # type: ignore[no-untyped-call]


class _Evaluation:
    """The random numbers and the buffers with which a module or function was first evaluated."""

    def __init__(self, build: Any, values: Sequence[Tensor]) -> None:
        self.buffers: dict[str, Tensor] = {}
        if isinstance(build, nn.Module):
            self.buffers = {name: b.detach().clone() for name, b in build.named_buffers()}
        self.generator = torch.get_rng_state()
        self.devices, self.generators = get_device_states(*values)

    @contextmanager
    def again(self) -> Iterator[dict[str, Tensor]]:
        """A context of those random numbers; it gives copies of those buffers."""
        with torch.random.fork_rng(self.devices):
            torch.set_rng_state(self.generator)
            set_device_states(self.devices, self.generators)
            yield {name: b.clone() for name, b in self.buffers.items()}


class _Problem:
    """The map T and the reading X of one solve, as functions of blocks and values."""

    def __init__(self, owner: ImplicitSolve, names: Sequence[str], is_tuple: bool) -> None:
        self.owner, self.names, self.is_tuple = owner, names, is_tuple
        self.first: _Evaluation | None = None

    def point(self, parts: Blocks) -> Point:
        return parts if self.is_tuple else parts[0]

    def solve(self, start: Blocks, values: Blocks) -> Blocks:
        """u, by the method with its step size, which derivatives then use."""
        owner = self.owner
        with torch.no_grad():
            inclusion = self.inclusion([value.detach() for value in values])
            self.choose(inclusion)
            owner.last_solution = sk.solve(
                inclusion,
                self.point(start),
                self.method,
                tol=owner.tol,
                max_iter=owner.max_iter,
                batch_ndim=owner.batch_ndim,
                progress=False,
            )
        return blocks(owner.last_solution.u)

    def inclusion(self, values: Sequence[Tensor]) -> sk.Operator:
        """The operator for these values, as the first evaluation of ``build`` made it."""
        if self.first is None:
            self.first = _Evaluation(self.owner.build, values)
            return self._build(values, {})
        with self.first.again() as buffers:
            return self._build(values, buffers)

    def _build(self, values: Sequence[Tensor], buffers: dict[str, Tensor]) -> sk.Operator:
        build, count = self.owner.build, len(self.names)
        inputs = tuple(values[count:])
        if isinstance(build, nn.Module):
            given = dict(zip(self.names, values[:count], strict=True)) | buffers
            made: Any = torch.func.functional_call(build, given, inputs)
        else:
            made = build(*inputs)
        if not isinstance(made, sk.Operator):
            raise TypeError(f"build gave a {type(made).__name__}: it must give an Operator")
        return made

    def choose(self, operator: sk.Operator) -> None:
        """Fix the method with its step size, and which term plays which role."""
        inclusion, method = Inclusion.of(operator), self.owner.method
        if method is None:
            options = explain_terms(inclusion).options
            maps = [
                o.method
                for o in options
                if isinstance(o.method, MapSplitting) and o.guarantee.holds
            ]
            if not maps:
                raise sk.NoGuaranteeError(
                    f"no method that is one map is guaranteed for {operator!r}"
                )
            method = maps[0]
        chosen = choose(inclusion, method).method
        assert isinstance(chosen, MapSplitting)
        # as every solve will, whose method is given: the first way in which it is guaranteed
        self.method, terms = chosen, choose(inclusion, chosen).terms or ()
        self.constants = [term.properties for term in terms]
        self.way = next(
            i
            for i, way in enumerate(inclusion.ways(chosen))
            if all(a is b for a, b in zip(way, terms, strict=True))
        )

    def step(self, u: Blocks, values: Sequence[Tensor]) -> Blocks:
        """T(u; θ), recorded."""
        return self.step_and_read(u, values)[0]

    def step_and_read(self, u: Blocks, values: Sequence[Tensor]) -> tuple[Blocks, Blocks]:
        """T(u; θ) and X(u; θ), recorded."""
        with warnings.catch_warnings():
            # constants of operators are numbers, not recorded, and torch warns of that
            warnings.filterwarnings("ignore", "Converting a tensor with requires_grad=True")
            terms = Inclusion.of(self.inclusion(values)).ways(self.method)[self.way]
            for term, constants in zip(terms, self.constants, strict=True):
                term.assume(constants)
            iteration = self.method.iteration(*terms)
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
