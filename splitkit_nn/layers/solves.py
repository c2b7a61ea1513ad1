"""The two solves of one call of a layer, on slices of the batch, and what is kept."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor

import splitkit as sk
from splitkit.backend import isfinite
from splitkit_nn.activations.base import number
from splitkit_nn.activations.jacobians import Jacobian
from splitkit_nn.activations.masked import tells_apart
from splitkit_nn.arguments import check_finite_parameter, check_inputs
from splitkit_nn.equilibrium.solver import Solver, StepMethod, evaluates
from splitkit_nn.equilibrium.steps import typical_step
from splitkit_nn.implicit.gradients import parameter_gradient
from splitkit_nn.layers.exchange import Library, SolverElsewhere
from splitkit_nn.layers.records import SolveRecord
from splitkit_nn.linear.slices import slices

if TYPE_CHECKING:
    from splitkit_nn.layers.mondeq import MonDEQ

REFRESH = 100  # training steps between two choices of alpha: each costs a few factorizations
STALE = 1.2  # factor by which the bound of ‖I − W‖ may change between them
ROUNDINGS = 10  # so many of them a tolerance has to allow
AT_ROUNDING = 300  # so many of them may a residual be
WHOLE = slice(None)
Which = Literal["forward", "backward"]


class Kept(NamedTuple):
    """Of a layer's latest W: a copy, what the layer's method and library were, and the solver."""

    weight: Tensor
    method: StepMethod
    library: Library | None
    solver: Solver


class Solves:
    """What the derivatives of one call need; it finds or makes the layer's solver, and writes down
    what the solves did.
    """

    def __init__(self, layer: MonDEQ) -> None:
        self.layer, parametrization = layer, layer.parametrization
        self.sigma = layer.sigma
        self.multiply = parametrization.multiply
        self.multiply_transpose = parametrization.multiply_transpose
        self.outer = parametrization.outer
        self.rule = layer.gradient
        self.exact = self.rule.exact  # then ũ has derivatives in its turn
        # inside of a torch.autograd.Function recording is always off
        self.training = layer.training and torch.is_grad_enabled()

    def solve(
        self, W: Tensor, bias: Tensor, z0: Tensor | None, x: Tensor, theta: Sequence[Tensor]
    ) -> Tensor:
        """z for each sample; raises where it fails, or x is not finite."""
        self.started = perf_counter()
        check_inputs(x, bias, z0)
        self._take(theta, bias, check=True)
        self.solver = self._solver_of(W.detach(), bias)

        def solve(part: slice, solver: Solver, **how: Any) -> sk.Solution:
            return solver.forward(bias[part], None if z0 is None else z0[part], **how)

        return self._solve_parts(solve, bias, "forward", warm=z0 is not None)

    def resume(self, W: Tensor, bias: Tensor, theta: Sequence[Tensor]) -> None:
        """Be as after ``solve`` at this W, b and θ, without a solve or a choice of alpha: the
        solver is that which the layer keeps, made anew where it keeps another W's.
        """
        self._take(theta, bias)
        layer, kept, W = self.layer, self.layer._kept, W.detach()
        if kept is not None and _same(W, kept.weight):
            known, M, method = kept.solver, kept.solver.M, kept.solver.given
            if not self.learned:
                self.solver = known
                return
        else:
            known, method = None, layer.method
            M = layer.parametrization.operator(W, exact=evaluates(method))
            alpha = float(layer.alpha)
            if method.alpha is None and not evaluates(method) and math.isfinite(alpha):
                method = method.with_alpha(alpha)
        self.solver = self._make(M, method, known)

    def _take(self, theta: Sequence[Tensor], bias: Tensor, *, check: bool = False) -> None:
        """σ at θ, and whether its mask tells the samples of such a batch apart."""
        self.activation = self.sigma(list(map(number, theta)), check=check)
        self.learned = bool(theta)
        mask = self.activation.mask
        self.apart = mask is not None and tells_apart(mask, bias)

    def gradient(self, theta: Sequence[Tensor], y: Tensor, g: Tensor) -> tuple[Tensor, ...]:
        """The derivative of ⟨g, σ(y)⟩ in θ."""
        return parameter_gradient(self.sigma, theta, y, g)

    def jacobian(self, W: Tensor, bias: Tensor, z: Tensor, theta: Sequence[Tensor]) -> Jacobian:
        """J at Wz + bias, attached to them and to θ where derivatives are recorded."""
        sigma, M = self.solver.activation, self.solver.M
        if torch.is_grad_enabled():
            return self.sigma(theta).jacobian(self.multiply(W, z) + bias)
        known = sigma.jacobian_at_value(z)
        if known is not None:
            return known
        # M is I − W as it was in the forward solve
        parts = [WHOLE] if self.apart else slices(z)
        found = [sigma.jacobian(z[part] - M(z[part]) + bias[part]) for part in parts]
        if len(found) == 1:
            return found[0]
        arrays = zip(*(J.arrays for J in found), strict=True)
        return found[0].of(*(torch.cat(each) for each in arrays))

    def solve_cotangent(self, J: Jacobian, v: Tensor, transposed: bool) -> Tensor:
        """ũ for each sample, in the way that the layer's gradient says; NaN of a sample for which
        v has NaN or Inf, as scaled losses may have, whose scaler looks for it.
        """
        self.layer.last_solve.backward = None
        self.started, finite = perf_counter(), None
        if not isfinite(v):
            finite = v.isfinite().flatten(1).all(dim=1).reshape(-1, *[1] * (v.ndim - 1))
            v = v.where(finite, 0.0)
        found = self.rule.solve(self.solver.M, J, v, transposed, self._iterate)
        return found if finite is None else found.where(finite, math.nan)

    def _iterate(
        self, J: Jacobian, v: Tensor, transposed: bool, steps: int | None = None
    ) -> Tensor:
        def solve(part: slice, solver: Solver, **how: Any) -> sk.Solution:
            J_part = J if part == WHOLE else J.of(*(array[part] for array in J.arrays))
            return solver.cotangent(J_part, v[part], transposed=transposed, **how)

        if steps is None:
            return self._solve_parts(solve, v, "backward")
        parts = [WHOLE] if self.apart else slices(v)
        solutions = [solve(part, self.solver, tol=0.0, max_iter=steps) for part in parts]
        self._record(*solutions, which="backward")
        return torch.cat([each.x for each in solutions])

    def _solve_parts(
        self, solve: Callable[..., sk.Solution], like: Tensor, which: Which, *, warm: bool = False
    ) -> Tensor:
        """x of the solves on slices of a batch of points like this one. If one fails, the batch is
        solved as a whole, so that what the layer then does or raises is about all of it.
        """
        layer, parts = self.layer, [WHOLE] if self.apart else slices(like)
        tol = layer.tol if which == "forward" or layer.backward_tol is None else layer.backward_tol
        how: dict[str, Any] = {"tol": tol, "max_iter": layer.max_iter}
        # from 0 one step does not suffice, and two have a decrease to predict from
        how["first_check"] = 1 if warm or isinstance(tol, sk.Stopping) else 2
        if len(parts) > 1:
            solutions: list[sk.Solution] = []
            for part in parts:
                solution = solve(part, self.solver, **how)
                solutions.append(replace(solution, checkpoint=None))  # what it went on from
                if not solution.converged:
                    break
                # the first slice shows when the others will be done
                how["first_check"] = int(solutions[0].iterations.max())
            else:
                self._record(*solutions, which=which)
                return torch.cat([each.x for each in solutions])
        solution = solve(WHOLE, self.solver, **how)
        if not self._accept(solution, which):
            method = self.solver.method
            damped = sk.DouglasRachford(alpha=None if evaluates(method) else method.alpha)
            solution = solve(WHOLE, self._make(self.solver.M, damped, None), **how)
            self._accept(solution, which)
        return solution.x

    # -- the solver -------------------------------------------------------------------------------

    def _solver_of(self, W: Tensor, bias: Tensor) -> Solver:
        """That of W; kept, with its factorization, while W and the method do not change."""
        layer, kept = self.layer, self.layer._kept
        current = kept if kept is not None and _same(W, kept.weight) else None
        if current is not None:
            weight, M = current.weight, current.solver.M
        else:
            layer._changed = layer._changed or kept is not None
            if not isfinite(W):
                self._blame()
            # forward-backward needs L itself, Peaceman-Rachford is safe at every step size
            M = layer.parametrization.operator(W, exact=evaluates(layer.method))
            weight = W.clone()
        method = self._chosen_method(M, bias, kept, changed=current is None)
        here = layer.solve_in
        known = current if current is not None and current.library is here else None
        if known is not None and known.solver.given is method and not self.learned:
            return known.solver
        solver = self._make(M, method, None if kept is None else kept.solver)
        layer._kept = Kept(weight, layer.method, here, solver)
        return solver

    def _make(self, M: sk.LinearOperator, method: StepMethod, known: Solver | None) -> Solver:
        library, sigma = self.layer.solve_in, self.activation
        if library is None:
            return Solver(M, sigma, method, known)
        return SolverElsewhere(library, M, sigma, method, known)

    def _chosen_method(
        self, M: sk.LinearOperator, bias: Tensor, kept: Kept | None, changed: bool
    ) -> StepMethod:
        """The method with its step size, chosen anew now and then in training, in evaluation when
        the parameters have changed, and where the old one is none for an I − W of this size.
        """
        layer, method = self.layer, self.layer.method
        if method.alpha is not None or evaluates(method):
            return method
        alpha = float(layer.alpha)
        due = int(layer.age) % REFRESH == 0 if self.training else layer._changed
        due = due or (changed and not _near(float(layer.bound), M.properties.lipschitz))
        if due or not math.isfinite(alpha):
            layer.alpha.fill_(typical_step(M, bias, self.activation))
            L = M.properties.lipschitz
            layer.bound.fill_(math.nan if L is None else L)
            alpha = float(layer.alpha)  # as later calls read it: the buffer may be in float32
            layer._changed = False
        if self.training:
            layer.age.add_(1)
        if kept is not None and kept.method is method and kept.solver.given.alpha == alpha:
            return kept.solver.given
        return method.with_alpha(alpha)

    def _blame(self) -> None:
        """Raise ValueError, naming the parameter that makes W infinite or NaN."""
        values = {n: w.detach() for n, w in self.layer.parametrization.weights().items()}
        for name, value in values.items():
            check_finite_parameter(name, value)
        sizes = {name: float(value.abs().max()) for name, value in values.items()}
        name = max(sizes, key=sizes.__getitem__)
        raise ValueError(
            f"parameter {name} of the layer has entries up to {sizes[name]:.2g}, at which W "
            f"overflows in {values[name].dtype}: an optimizer step diverged; lower the learning "
            "rate, or load an earlier state"
        )

    # -- what became of it ------------------------------------------------------------------------

    def _record(self, *solutions: sk.Solution, which: Which) -> None:
        record = SolveRecord.of(*solutions, seconds=perf_counter() - self.started)
        setattr(self.layer.last_solve, which, record)

    def _accept(self, solution: sk.Solution, which: Which) -> bool:
        """Record it; whether it may be returned. Raise or warn if that is the policy."""
        self._record(solution, which=which)
        if solution.converged:
            return True
        damped = isinstance(solution.method, sk.DouglasRachford)
        if self.layer.on_failure == "damp" and not damped:
            return False
        if self.layer.on_failure != "warn" or solution.status is sk.Status.NONFINITE:
            raise sk.NotConvergedError(self._advised(solution, which))
        warnings.warn(solution.message, sk.NotConvergedWarning, stacklevel=_level_of_caller())
        return True

    def _advised(self, solution: sk.Solution, which: Which) -> sk.Solution:
        """The solution; its message says so where rounding alone is left of the residual."""
        own = which == "backward" and self.layer.backward_tol is not None
        name, dtype = "backward_tol" if own else "tol", solution.x.dtype
        tol: float | sk.Stopping = getattr(self.layer, name)
        eps, L = torch.finfo(dtype).eps, self.solver.M.properties.lipschitz
        if isinstance(tol, sk.Stopping) or tol >= ROUNDINGS * eps or L is None:
            return solution
        size = (1 + L) * solution.x.flatten(1).norm(dim=1)
        if not bool((solution.residual <= AT_ROUNDING * eps * size).all()):
            return solution
        advice = (
            f"{solution.method.label} did not meet {name} = {tol:g} in {dtype}, which rounds by "
            f"{eps:.1g}: give {name} ≥ {ROUNDINGS * eps:.0e}, or make the layer .double()"
        )
        return replace(solution, message=advice)


def _near(before: float, now: float | None) -> bool:
    """Whether a bound is about as large as it was; True where there is none."""
    return now is None or now / STALE < before < now * STALE


def _same(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)


def _level_of_caller() -> int:
    """The ``stacklevel``, for the function that asks, of the first frame outside this package and
    torch; the outermost one where there is none, as in autograd's own threads.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in ("splitkit_nn", "torch"):
            break
        frame, level = frame.f_back, level + 1
    return level
