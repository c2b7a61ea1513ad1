"""x(θ) with 0 ∈ (A₁ + … + Aₙ)(x; θ) as a function of θ, with derivatives of every order in both
modes, on JAX and Torch.

However x is found, it is read off a fixed point, u = T(u; θ) and x = X(u; θ), and the implicit
function theorem gives

    (I − ∂T/∂u) u̇ = ∂T/∂θ θ̇,      ẋ = ∂X/∂u u̇ + ∂X/∂θ θ̇,

and the transpose of that backward: (I − ∂T/∂uᵀ)λ = ∂X/∂uᵀ v. Where one term G is resolved and the
others, F, are evaluated, T is R_{αG}(x − αFx) and u = x, whatever the method; backward that is the
adjoint inclusion, a linear one. Else T is the method's map. Where a prox or a projection is not
differentiable, an element of its generalized Jacobian is taken, and where I − ∂T/∂u is singular in
the direction that is needed, as where x is not unique or jumps, there is no derivative: JAX gives
NaN, and Torch raises an ``ArithmeticError``.

Sources: Krantz, Parks, *The Implicit Function Theorem* (2002); Bolte, Le, Pauwels, Silveti-Falls,
*Nonsmooth implicit differentiation* (2021); Blondel et al., *Efficient and modular implicit
differentiation* (2022).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from splitkit.backend import (
    Array,
    Point,
    Space,
    as_complex,
    as_real,
    attached,
    blocks,
    is_array,
    is_complex,
    is_traced,
    namespace,
    solving,
)
from splitkit.functions.base import Function
from splitkit.looks import known_points
from splitkit.operators.base import Operator, PointMap
from splitkit.solvers.errors import NoGuaranteeError
from splitkit.solvers.explain import Option, choose, explain_terms
from splitkit.solvers.inclusion import Inclusion
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Method
from splitkit.solvers.plan import Options, Plan, Warrant, planned
from splitkit.solvers.solution import Solution
from splitkit.solvers.stopping import Stopping
from splitkit.solvers.transformed import natural_map
from splitkit.solvers.wrapper import Wrapper
from splitkit.tracing import compiles, in_transformation, leaves_of

Build = Callable[..., Operator | Function]


def implicit(
    build: Build,
    method: Method | None = None,
    *,
    tol: float | Stopping | None = None,
    max_iter: int = 10_000,
    batch_ndim: int = 0,
) -> ImplicitFunction:
    """The solution of an inclusion as a function of what the inclusion is made of.

    Parameters
    ----------
    build : callable
        Its value is the inclusion, an operator, or a function to be minimized, made of its
        arguments: arrays of JAX, or trees of them, or floating tensors of Torch. Nothing else that
        it uses may be differentiated: Torch refuses that by name.
    method, tol, max_iter, batch_ndim
        As for ``splitkit.solve``; the method may not wrap another one.

    Returns
    -------
    ImplicitFunction
        (x0, *inputs) ↦ x.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong; the message names it, its value and the remedy.

    Examples
    --------
    The lasso's solution falls with the weight as long as its signs stay, by (AᵀA)⁻¹ sign(x):

    >>> import torch
    >>> import splitkit as sk
    >>> A = torch.tensor([[2.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    >>> b = torch.tensor([1.0, -3.0], dtype=torch.float64)
    >>> f = sk.functions
    >>> lasso = sk.implicit(lambda weight: f.LeastSquares(A, b) + f.L1Norm(weight))
    >>> weight = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    >>> x = lasso(torch.zeros(2, dtype=torch.float64), weight)
    >>> [round(entry, 6) for entry in x.tolist()]
    [0.25, -2.0]
    >>> round(float(torch.autograd.grad(x[0], weight)[0]), 6)
    -0.25
    """
    return ImplicitFunction(build, method, tol=tol, max_iter=max_iter, batch_ndim=batch_ndim)


class ImplicitFunction:
    """(x0, *inputs) ↦ x with 0 ∈ build(*inputs)(x); see ``implicit``.

    Where the inputs have values, as they do in JAX's ``grad``, ``jvp``, ``jacrev`` and ``hessian``
    alone, the solve is that of ``splitkit.solve``, looks of the host and all, and raises as that.
    Inside of ``jit`` and ``vmap`` nothing can be raised: what was not solved is NaN.

    Attributes
    ----------
    last_solution : Solution or None
        Of the latest solve whose data had values.

    Examples
    --------
    >>> import torch  # or JAX
    >>> I, N = torch.eye(2, dtype=torch.float64), sk.NormalCone(sk.functions.NonNegative())
    >>> solution = sk.implicit(lambda q: sk.Affine(I, q) + N)
    >>> q = torch.tensor([2.0, -1.0], dtype=torch.float64, requires_grad=True)
    >>> solution(torch.zeros_like(I[0]), q).sum().backward()
    >>> print(q.grad)
    tensor([1., 0.], dtype=torch.float64)
    """

    def __init__(
        self,
        build: Build,
        method: Method | None,
        *,
        tol: float | Stopping | None,
        max_iter: int,
        batch_ndim: int,
    ) -> None:
        if not callable(build):
            raise TypeError(f"build = {build!r} is not callable: give what makes the inclusion")
        require_plain(method)
        self.build, self.method, self.batch_ndim = build, method, batch_ndim
        self.options = Options(tol, max_iter, progress=False)
        self.last_solution: Solution | None = None

    def __call__(self, x0: Point, *inputs: Any) -> Point:
        """x from x0, in which it has no derivative.

        Raises
        ------
        NoGuaranteeError, NotConvergedError
            As ``splitkit.solve`` raises them.
        TypeError, ValueError
            An argument is wrong; the message names it, its value and the remedy.
        """
        if not all(map(is_array, blocks(x0))):
            raise TypeError(
                f"x0 is a {type(x0).__name__}: give an array of JAX or Torch, or a tuple of them"
            )
        if compiles(x0):
            return self._of_jax(x0, inputs)
        if not all(map(_is_recorded_by_its_library, blocks(x0))):
            raise TypeError(
                f"x0 belongs to {namespace(x0).__name__}, which differentiates nothing: give "
                "arrays of JAX or Torch, or take splitkit.solve"
            )
        return self._of_torch(x0, inputs)

    def __repr__(self) -> str:
        return f"implicit({self.build!r})"

    def _of_torch(self, x0: Point, inputs: Sequence[Array]) -> Point:
        from splitkit.derivatives.recorded import solved  # optional, and loaded by whoever made x0

        check_tensors(x0, inputs)
        equation = Equation(self.method, self.options, self.batch_ndim)
        problem = OfBlocks(equation, lambda values: self.build(*values), x0)
        x = problem.point(solved(problem, blocks(x0), inputs))
        self.last_solution = equation.solution
        return x

    def _of_jax(self, x0: Point, inputs: Sequence[Any]) -> Point:
        from splitkit.derivatives.traced import fixed_point, held_fixed  # as above

        x0, held = held_fixed((x0, tuple(inputs)))
        if in_transformation(x0, *leaves_of(held), self.build):
            return self._staged(x0, inputs)
        equation = Equation(self.method, self.options, self.batch_ndim)
        u, x = equation.solve(self.build(*held), x0)
        self.last_solution = equation.solution
        if not any(map(is_traced, leaves_of(inputs))):
            return x
        with known_points():
            iteration = equation.at(self.build(*inputs))
            # what operators keep from their first application on is not to be of an inner trace
            iteration.read(iteration.advance(iteration.step(u))[1])
            u, _ = fixed_point(iteration.step, u, lambda found: (found, ()), self.batch_ndim)
            return attached(x, iteration.read(iteration.advance(u)[1]).x)

    def _staged(self, x0: Point, inputs: Sequence[Any]) -> Point:
        """x, and NaN where it was not found."""
        plan = planned(self.build(*inputs), x0, self.method, self.batch_ndim, None)
        found: Any = plan.run(self.options)
        return found.x_or_nan


def check_tensors(x0: Point, inputs: Sequence[Any]) -> None:
    """Raise TypeError unless all are floating tensors."""
    for name, value in (
        *(("x0", block) for block in blocks(x0)),
        *((f"inputs[{i}]", value) for i, value in enumerate(inputs)),
    ):
        floating = _is_recorded_by_its_library(value) and (
            value.is_floating_point() or value.is_complex()
        )
        if not floating:
            raise TypeError(f"{name} = {value!r}: give a floating torch.Tensor")


def _is_recorded_by_its_library(x: Any) -> bool:
    return hasattr(x, "requires_grad") and is_array(x)


def require_plain(method: Method | None) -> None:
    """Raise TypeError for what is no method, or wraps one."""
    if isinstance(method, Wrapper):
        raise TypeError(
            f"method = {method!r} wraps the one whose equation is differentiated: give "
            f"{method.method!r}"
        )
    if method is not None and not isinstance(method, Method):
        raise TypeError(f"method = {method!r}: give a method, as sk.DouglasRachford(), or None")


class Equation:
    """u = T(u; θ) and x = X(u; θ) of one solve: its method, with its steps, and which term plays
    which role, are those that its first inclusion chose.
    """

    def __init__(self, method: Method | None, options: Options, batch_ndim: int) -> None:
        self.given, self.options, self.batch_ndim = method, options, batch_ndim
        self.solution: Solution | None = None

    def solve(self, inclusion: Operator | Function, x0: Point) -> tuple[Point, Point]:
        """u and x for these values, which are not recorded."""
        self.space = space = Space.of(x0, self.batch_ndim)
        flat = Inclusion.of(inclusion, space)
        flat.operator.check_space(space)
        with solving(x0), known_points():
            option = self._chosen(flat).scaled(x0, space)
            self.method, terms = option.method.constant(), option.terms or ()
            warrant = Warrant.of(Option(self.method, terms, option.guarantee))
            plan = Plan(warrant, terms, x0, space, as_map=True)
        self.constants = [term.properties for term in terms]
        self.way = next(
            i
            for i, way in enumerate(flat.ways(self.method))
            if all(a is b for a, b in zip(way, terms, strict=True))
        )
        self.solution = solution = plan.run(self.options)
        assert solution.checkpoint is not None
        if natural_map(self.method, terms) is not None:
            return solution.x, solution.x
        return solution.checkpoint.kept, solution.x

    def _chosen(self, flat: Inclusion) -> Option:
        if self.given is not None:
            return choose(flat, self.given)
        explanation = explain_terms(flat)
        for option in explanation.options:
            if option.guarantee.holds and not isinstance(option.method, Wrapper):
                return option
        raise NoGuaranteeError(f"no method is guaranteed for 0 ∈ {flat.operator!r}:\n{explanation}")

    def at(self, inclusion: Operator | Function) -> Iteration:
        """The iteration T, X of the inclusion of other values, or of what is recorded."""
        terms = Inclusion.of(inclusion, self.space).ways(self.method)[self.way]
        for term, constants in zip(terms, self.constants, strict=True):
            term.assume(constants)
        natural = natural_map(self.method, terms)
        if natural is not None:
            return _Natural(natural)
        iteration = self.method.iteration(*terms).as_map()
        iteration.enter(self.space)
        return iteration


class _Natural(Iteration):
    """x ↦ R_{αG}(x − αFx)."""

    def __init__(self, T: PointMap) -> None:
        self.T = T

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x = self.T(state)
        return x, (x,)

    def read(self, trace: Trace) -> Reading:
        return Reading(trace[0], ())


class OfBlocks:
    """An equation as ``derivatives.recorded.Problem``: of the blocks of its points, where u is
    complex in pairs (real part, imaginary part): T is linear over the reals alone, to first order.

    Parameters
    ----------
    equation : Equation
    inclusion : callable
        values ↦ the inclusion.
    x0 : point
        One like x.
    """

    def __init__(
        self,
        equation: Equation,
        inclusion: Callable[[Sequence[Array]], Operator | Function],
        x0: Point,
    ) -> None:
        self.equation, self.inclusion, self.x0 = equation, inclusion, x0

    def point(self, parts: Sequence[Array]) -> Point:
        """x of its blocks."""
        return _rebuilt(iter(parts), self.x0)

    def solve(self, start: Sequence[Array], values: Sequence[Array]) -> tuple[Any, Any]:
        """u and x."""
        self.u, x = self.equation.solve(self.inclusion(values), self.point(start))
        if not all(map(is_array, blocks(self.u))):
            raise TypeError(
                f"{self.equation.method.label} carries numbers from step to step, by which Torch "
                "does not differentiate: take another method"
            )
        return tuple(as_real(b) if is_complex(b) else b for b in blocks(self.u)), blocks(x)

    def step_and_read(
        self, u: Sequence[Array], values: Sequence[Array]
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """T(u; θ) and X(u; θ)."""
        with warnings.catch_warnings(), known_points():
            # constants of operators are numbers, not recorded, and torch warns of that
            warnings.filterwarnings("ignore", "Converting a tensor with requires_grad=True")
            iteration = self.equation.at(self.inclusion(values))
            like = blocks(self.u)
            parts = (as_complex(b) if is_complex(a) else b for b, a in zip(u, like, strict=True))
            after, trace = iteration.advance(_rebuilt(parts, self.u))
            images = tuple(as_real(b) if is_complex(b) else b for b in blocks(after))
            return images, blocks(iteration.read(trace).x)

    def step(self, u: Sequence[Array], values: Sequence[Array]) -> tuple[Array, ...]:
        """T(u; θ)."""
        return self.step_and_read(u, values)[0]


def _rebuilt(parts: Any, like: Point) -> Point:
    """The next blocks, in the form of a point, or of tuples of points."""
    if isinstance(like, tuple):
        return tuple([_rebuilt(parts, each) for each in like])
    return next(parts)
