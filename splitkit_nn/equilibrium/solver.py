"""Both solves of an equilibrium network for one M = I − W, σ and method.

A method that evaluates F iterates z itself. One that resolves both operators iterates u with
z = R_{αG}u; as −F(z) ∈ G(z) at the equilibrium, u = z − αF(z) there. It takes G first: it then
iterates C_{αG} C_{αF} from C_{αG}u, and reads z = R_{αG}u off a step that ends with it, where
C_{αF} C_{αG} would have applied C_{αF} once more.

Where L/m is large, as of parameters that grew a hundredfold, Peaceman-Rachford may take thousands
of iterations: its factor is 1 − O(m/L) in the worst case. So a solve that is not over after
``PATIENCE`` of them goes on, from where each sample is, with safeguarded Anderson acceleration of
the same map, which keeps its convergence.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import splitkit as sk
from splitkit.backend import Array, Space, namespace
from splitkit.outcomes import Status
from splitkit.solvers.plan import Warrant, solve_given
from splitkit.solvers.solution import History
from splitkit_nn.activations import Activation
from splitkit_nn.activations.jacobians import Jacobian
from splitkit_nn.equilibrium.inclusions import cotangent_inclusion

StepMethod = sk.Splitting | sk.Accelerator
PATIENCE = 50  # iterations before a solve is accelerated


def as_step_method(method: object) -> StepMethod:
    """The method; TypeError, ValueError unless it solves 0 ∈ F + G with a step size."""
    stepped = method.method if isinstance(method, sk.Accelerator) else method
    if not isinstance(method, StepMethod) or not isinstance(stepped, sk.Splitting):
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
    """Whether it uses F by its values, and not by its resolvent: then its step size needs L."""
    return method.roles[0] is sk.Role.EVALUATED


class Solver:
    """The solves of M = I − W and σ by one method, for any bias and cotangent.

    What the constants imply (the step size, the guarantee) is found at the first solve of a kind,
    and taken over from a known solver of the same constants. Arrays must be finite.

    Attributes
    ----------
    M, activation
    given, method : Splitting or Accelerator
        As it was given, and with its step size where it resolves both operators.
    """

    def __init__(
        self,
        M: sk.LinearOperator,
        activation: Activation,
        method: StepMethod,
        known: Solver | None = None,
    ) -> None:
        self.M, self.activation, self.G = M, activation, activation.operator
        self._MT = M.T  # one object, as long as it is in use
        self._is_peaceman_rachford = isinstance(method, sk.PeacemanRachford)
        self.given, self._evaluates = method, evaluates(method)
        self.method = method if self._evaluates else method.chosen(sk.Affine.of_finite(M), self.G)
        self._reflect = None if self._evaluates else self.G.make_cayley(self.method.alpha)
        self._warrants: dict[str, Warrant] = {}
        self._space: Space | None = None  # of the latest points; they lie where M does
        if known is not None and known.given is method and known._constants() == self._constants():
            self._warrants = known._warrants

    def _constants(self) -> tuple[Any, ...]:
        """All on which a guarantee depends."""
        M, G = self.M, self.G
        reflected = None if self._evaluates else M.reflected_norm(self.method.alpha)
        of_G = G.properties, G.has_evaluation, self.activation.slopes
        return type(M), M.properties, reflected, *of_G

    def forward(self, bias: Array, z0: Array | None = None, **how: Any) -> sk.Solution:
        """The equilibrium of each sample, from z0 (None: zero); the caller looks at its status.
        ``how`` are tol, max_iter and first_check, as for ``splitkit.solvers.plan.solve_given``.
        """
        F = sk.Affine.of_finite(self.M, bias)
        return self._solve("forward", F, self.G, self._start(F, z0), **how)

    @property
    def guarantee(self) -> sk.Guarantee:
        """What is proved of the method, for any bias."""
        return self.method.guarantee(*self._in_order(sk.Affine.of_finite(self.M), self.G))

    def iterate(self, bias: Array, steps: int) -> Array:
        """The iterate of ``forward`` from zero after so many steps, of which nothing is looked at:
        arrays may be traced.
        """
        F = sk.Affine.of_finite(self.M, bias)
        iteration = self.method.iteration(*self.method.terms(*self._in_order(F, self.G)))
        u = iteration.init(self._start(F, None))
        for _ in range(steps - 1):
            u = iteration.step(u)
        x: Array = iteration.read(iteration.advance(u)[1]).x
        return x

    def _start(self, F: sk.Affine, z0: Array | None) -> Array:
        """The governing sequence's first point, for z0."""
        bias: Array = F.q
        if self._reflect is None:
            return 0 * bias if z0 is None else z0
        alpha = self.method.alpha  # F(0) = −bias
        return self._reflect(alpha * bias if z0 is None else z0 - alpha * F(z0))

    def _in_order(self, F: sk.Operator, G: sk.Operator) -> tuple[sk.Operator, sk.Operator]:
        """In the roles of the method."""
        return (F, G) if self._evaluates else (G, F)

    def cotangent(
        self, J: Jacobian | Array, v: Array, *, transposed: bool = True, **how: Any
    ) -> sk.Solution:
        """ũ = J(v + Wᵀũ) of each sample (W in place of Wᵀ if not transposed)."""
        F, G = cotangent_inclusion(self.M, J, v, self.activation.slopes, transposed=transposed)
        u0 = 0 * v if self._evaluates else G.make_cayley(self.method.alpha)(0 * v)
        return self._solve("transposed" if transposed else "plain", F, G, u0, **how)

    def _solve(
        self, kind: str, F: sk.Operator, G: sk.Operator, u0: Array, **how: Any
    ) -> sk.Solution:
        operators = self._in_order(F, G)
        space = self._space
        if space is None or space.shapes[0] != u0.shape or space.dtype != u0.dtype:
            space = self._space = Space.of(u0, 1, known_finite=True)

        tol, rest, check = how["tol"], how["max_iter"] - PATIENCE, how.get("first_check", 1)
        # a rule with a clock or a memory would not know of earlier iterations
        stops = tol.is_pure and not tol.is_timed if isinstance(tol, sk.Stopping) else tol > 0
        patient = self._is_peaceman_rachford and stops and rest > 0
        first = how
        if patient:
            first = how | {"max_iter": PATIENCE, "first_check": min(check, PATIENCE)}
        solution, self._warrants[kind] = solve_given(
            self.method, operators, u0, space, warrant=self._warrants.get(kind), **first
        )
        if not patient or solution.status is not Status.ITERATION_LIMIT:
            return solution
        # by a rule, since the length of an accelerated step promises nothing
        rule = tol if isinstance(tol, sk.Stopping) else sk.Relative(tol)
        then = how | {"tol": rule, "max_iter": rest, "first_check": max(1, check - PATIENCE)}
        method, kind = sk.Anderson(self.method), f"{kind}, accelerated"
        ahead, self._warrants[kind] = solve_given(
            method, operators, solution.u, space, warrant=self._warrants.get(kind), **then
        )
        return _joined(solution, ahead)


def _joined(first: sk.Solution, then: sk.Solution) -> sk.Solution:
    """A solve and the one that went on from it, as one."""
    xp = namespace(first.iterations)
    before, after = first.history, then.history
    return replace(
        then,
        message=f"{first.method.label} took {PATIENCE} of max_iter, then {then.message}",
        iterations=xp.where(
            first.iterations < PATIENCE, first.iterations, PATIENCE + then.iterations
        ),
        history=History(
            before.iteration + [PATIENCE + k for k in after.iteration],
            before.residual + after.residual,
            before.fixed_point_residual + after.fixed_point_residual,
            eager=after.eager,
        ),
    )
