"""The bridge of one call of a layer: its two solves, on slices of the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

import splitkit as sk
from splitkit.backend import isfinite
from splitkit_nn.activations.jacobians import Jacobian
from splitkit_nn.arguments import check_finite, check_finite_parameter
from splitkit_nn.equilibrium.inclusions import StepMethod, evaluates, solve_cotangent, solve_forward
from splitkit_nn.linear.slices import slices

if TYPE_CHECKING:
    from splitkit_nn.layers.mondeq import MonDEQ


class Solves:
    """A ``Bridge``; keeps M and the method between the solves."""

    def __init__(self, layer: MonDEQ, names: Sequence[str]) -> None:
        self.layer, self.names = layer, names
        self.activation = layer.activation
        self.multiply = layer.parametrization.multiply
        self.multiply_transpose = layer.parametrization.multiply_transpose
        self.outer = layer.parametrization.outer
        self.exact = layer.gradient.exact
        self.forward: Callable[..., sk.Solution] = solve_forward
        self.backward: Callable[..., sk.Solution] = solve_cotangent
        if layer.solve_in is not None:
            self.forward = layer.solve_in.solve_forward
            self.backward = layer.solve_in.solve_cotangent
        # inside of a torch.autograd.Function recording is always off
        self.training = layer.training and torch.is_grad_enabled()

    def solve(
        self, W: Tensor, bias: Tensor, z0: Tensor | None, x: Tensor, weights: Sequence[Tensor]
    ) -> Tensor:
        """z for each sample."""
        layer = self.layer
        check_finite(x)
        check_finite_parameter("U", bias)  # x is finite
        values = dict(zip(self.names, (w.detach() for w in weights), strict=True))
        self.M = layer._operator(W.detach(), values)
        self.method = layer._chosen_method(self.M, bias, self.training)
        G = self.activation.operator

        def solve(part: slice, method: StepMethod, first_check: int = 1) -> sk.Solution:
            return self.forward(
                self.M,
                bias[part],
                G,
                method,
                tol=layer.tol,
                max_iter=layer.max_iter,
                z0=None if z0 is None else z0[part],
                first_check=first_check,
            )

        return self._solve_parts(solve, bias, backward=False, warm=z0 is not None)

    def _solve_parts(
        self, solve: Callable[..., sk.Solution], like: Tensor, *, backward: bool, warm: bool = False
    ) -> Tensor:
        """x of the solves on slices of a batch of points like this one. If one fails, the batch is
        solved as a whole, so that what the layer then does or raises is about all of it.
        """
        layer, parts = self.layer, slices(like)
        # from 0 one step does not suffice, and two have a decrease to predict from
        first_check = 1 if warm or isinstance(layer.tol, sk.Stopping) else 2
        if len(parts) > 1:
            solutions: list[sk.Solution] = []
            for part in parts:
                solution = solve(part, self.method, first_check)
                solutions.append(replace(solution, checkpoint=None))  # what it went on from
                if not solution.converged:
                    break
                # the first slice shows when the others will be done
                first_check = int(solutions[0].iterations.max())
            else:
                layer._record(*solutions, backward=backward)
                return torch.cat([each.x for each in solutions])
        for method in self._methods():
            solution = solve(slice(None), method, first_check)
            if layer._accept(solution, backward=backward):
                break
        x: Tensor = solution.x
        return x

    def jacobian(self, W: Tensor, bias: Tensor, z: Tensor) -> Jacobian:
        """J at Wz + bias, attached to them where derivatives are recorded."""
        if torch.is_grad_enabled():
            return self.activation.jacobian(self.multiply(W, z) + bias)
        known = self.activation.jacobian_at_value(z)
        if known is not None:
            return known
        # M is I − W as it was in the forward solve
        parts = [
            self.activation.jacobian(z[part] - self.M(z[part]) + bias[part]) for part in slices(z)
        ]
        if len(parts) == 1:
            return parts[0]
        arrays = zip(*(J.arrays for J in parts), strict=True)
        return parts[0].of(*(torch.cat(each) for each in arrays))

    def solve_cotangent(self, J: Jacobian, v: Tensor, transposed: bool) -> Tensor:
        """ũ for each sample, in the way that the layer's gradient says."""
        if not isfinite(v):
            raise ValueError(
                "the gradient that reaches the layer's output has NaN or Inf: look for its "
                "cause behind the layer (torch.autograd.set_detect_anomaly helps)"
            )
        self.layer.last_solve.backward = None
        return self.layer.gradient.solve(self.M, J, v, transposed, self._iterate)

    def _iterate(
        self, J: Jacobian, v: Tensor, transposed: bool, steps: int | None = None
    ) -> Tensor:
        layer = self.layer

        def solve(part: slice, method: StepMethod, first_check: int = 1) -> sk.Solution:
            return self.backward(
                self.M,
                J.of(*(array[part] for array in J.arrays)),
                v[part],
                self.activation.slopes,
                method,
                tol=layer.tol if steps is None else 0.0,
                max_iter=steps or layer.max_iter,
                transposed=transposed,
                first_check=first_check,
            )

        if steps is None:
            return self._solve_parts(solve, v, backward=True)
        solutions = [solve(part, self.method) for part in slices(v)]
        layer._record(*solutions, backward=True)
        return torch.cat([each.x for each in solutions])

    def _methods(self) -> Iterator[StepMethod]:
        """The layer's method, and the damped one for where it fails."""
        yield self.method
        yield sk.DouglasRachford(alpha=None if evaluates(self.method) else self.method.alpha)
