"""Derivatives of the solution of an inclusion in what its operators depend on, as a module.

They are those of ``splitkit.implicit``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import get_device_states, set_device_states

import splitkit as sk
from splitkit.arguments import POSITIVE, check_integer, check_number
from splitkit.backend import blocks
from splitkit.derivatives.gmres import Blocks
from splitkit.derivatives.recorded import solved
from splitkit.solvers.implicit import Equation, OfBlocks, check_tensors, require_plain
from splitkit.solvers.plan import Options

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
    method : splitkit.Method, optional
        One that wraps no other; default: what ``splitkit.solve`` would take of those.
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
        neither an input nor a parameter; or the method wraps another one.
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
        method: sk.Method | None = None,
        *,
        tol: float = 1e-10,
        max_iter: int = 100_000,
        batch_ndim: int = 0,
    ) -> None:
        super().__init__()
        if not callable(build):
            raise TypeError(f"build = {build!r} is not callable: give what makes the inclusion")
        require_plain(method)
        self.build, self.method, self.batch_ndim = build, method, batch_ndim
        self.tol = check_number("tol", tol, POSITIVE)
        self.max_iter = check_integer("max_iter", max_iter, 1)
        self.last_solution: sk.Solution | None = None

    def forward(self, x0: Point, *inputs: Tensor) -> Point:
        """x with 0 ∈ build(*inputs)(x), from x0, which receives no gradient; a point like x0."""
        check_tensors(x0, inputs)
        parameters = (
            dict(self.build.named_parameters()) if isinstance(self.build, nn.Module) else {}
        )
        options = Options(self.tol, self.max_iter, progress=False)
        equation = Equation(self.method, options, self.batch_ndim)
        evaluated = _Evaluated(self.build, tuple(parameters))
        problem = OfBlocks(equation, evaluated, x0)
        x: Point = problem.point(solved(problem, blocks(x0), (*parameters.values(), *inputs)))
        self.last_solution = equation.solution
        return x


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


class _Evaluated:
    """values ↦ the inclusion that a module or function makes of them, at each time with the random
    numbers and the buffers of the first.
    """

    def __init__(self, build: Any, names: Sequence[str]) -> None:
        self.build, self.names = build, names
        self.first: _Evaluation | None = None

    def __call__(self, values: Sequence[Tensor]) -> sk.Operator:
        if self.first is None:
            self.first = _Evaluation(self.build, values)
            return self._made(values, {})
        with self.first.again() as buffers:
            return self._made(values, buffers)

    def _made(self, values: Sequence[Tensor], buffers: dict[str, Tensor]) -> sk.Operator:
        build, count = self.build, len(self.names)
        inputs = tuple(values[count:])
        if isinstance(build, nn.Module):
            given = dict(zip(self.names, values[:count], strict=True)) | buffers
            made: Any = torch.func.functional_call(build, given, inputs)
        else:
            made = build(*inputs)
        if not isinstance(made, sk.Operator):
            raise TypeError(f"build gave a {type(made).__name__}: it must give an Operator")
        return made
