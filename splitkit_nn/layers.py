"""The monotone operator equilibrium layer: z = σ(Wz + Ux + b), with exact derivatives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

import splitkit as sk
from splitkit_nn.activations import Activation, find_activation
from splitkit_nn.equilibrium import adjoint_inclusion, forward_inclusion
from splitkit_nn.implicit import implicit_equilibrium
from splitkit_nn.jacobians import Jacobian
from splitkit_nn.linear.base import Parametrization, positive, positive_integer

REFRESH = 100  # training steps between two choices of alpha: each costs a few singular values


@dataclass(frozen=True)
class SolveRecord:
    """What a solve of the layer did; figures are the worst of the batch.

    Attributes
    ----------
    iterations : int
    residual : float
        ‖r‖ for an explicit element r of the inclusion.
    error_bound : float
        Certified distance ‖r‖/m to the true solution (of the linear adjoint equation, backward).
    converged : bool
    status : str
    alpha : float
        The step size.
    rate : float or None
        The guaranteed contraction factor of an iteration.
    """

    iterations: int
    residual: float
    error_bound: float
    converged: bool
    status: str
    alpha: float
    rate: float | None

    @classmethod
    def of(cls, solution: sk.Solution) -> SolveRecord:
        """The record of a solution with one batch axis."""
        empty = solution.residual.numel() == 0
        bound = solution.error_bound
        assert bound is not None
        assert isinstance(solution.method, sk.Splitting)
        return cls(
            iterations=0 if empty else int(torch.as_tensor(solution.iterations).max()),
            residual=0.0 if empty else float(solution.residual.max()),
            error_bound=0.0 if empty else float(bound.max()),
            converged=solution.converged,
            status=str(solution.status),
            alpha=float(solution.method.alpha),
            rate=solution.rate,
        )


@dataclass
class LastSolve:
    """The latest forward and backward solve of a layer; None: there was none."""

    forward: SolveRecord | None = None
    backward: SolveRecord | None = None


class MonDEQ(nn.Module):
    """A layer x ↦ z with z = σ(Wz + Ux + b); z exists and is unique, whatever the parameters.

    Parameters
    ----------
    parametrization : Parametrization
        W and the input map, such as ``MonotoneDense(in_features, features)``.
    activation : str or Activation
        σ, a proximal map.
    method : splitkit.Splitting, optional
        Default ``splitkit.PeacemanRachford()``. With ``alpha=None`` the step size minimizes the
        guaranteed rate on the layer's own operator; it is chosen at the first call and every
        hundred training steps, and kept in the state dict.
    tol : float
        Relative tolerance of each sample's solve, forward and backward; see ``splitkit.solve``.
    max_iter : int

    Attributes
    ----------
    last_solve : LastSolve

    Notes
    -----
    Input and output have the parametrization's shapes, (batch, in_features) and (batch, features)
    for ``MonotoneDense``, on the parameters' dtype and device. The memory of a backward pass does
    not grow with the iterations. A solve that fails, forward or backward, raises
    ``splitkit.NotConvergedError``.

    Source: Winston, Kolter, *Monotone operator equilibrium networks*, NeurIPS 2020.
    """

    alpha: Tensor
    age: Tensor

    def __init__(
        self,
        parametrization: Parametrization,
        activation: str | Activation = "relu",
        method: sk.Splitting | None = None,
        tol: float = 1e-4,
        max_iter: int = 500,
    ) -> None:
        super().__init__()
        if not isinstance(parametrization, Parametrization):
            raise TypeError(f"parametrization = {parametrization!r}: give MonotoneDense(…)")
        if method is not None and not isinstance(method, sk.Splitting):
            raise TypeError(f"method = {method!r}: give a method such as sk.PeacemanRachford()")
        self.parametrization = parametrization
        self._activation = find_activation(activation)
        self.method = method or sk.PeacemanRachford()
        self.tol = positive("tol", tol)
        self.max_iter = positive_integer("max_iter", max_iter)
        self.register_buffer("alpha", torch.tensor(float("nan"), dtype=torch.float64))
        self.register_buffer("age", torch.tensor(0))
        self.last_solve = LastSolve()
        self._cache: tuple[dict[str, Tensor], sk.LinearOperator] | None = None

    @property
    def activation(self) -> Activation:
        """σ, on the entries that the parametrization leaves free."""
        return self.parametrization.confine(self._activation)

    def forward(self, x: Tensor) -> Tensor:
        """The equilibrium for each input of the batch.

        Raises
        ------
        TypeError, ValueError
            x has a wrong type, shape, dtype or device, or is not finite.
        splitkit.NotConvergedError
            The solve failed; parameters that are not finite also end here or in ValueError.
        """
        self._check(x)
        bias = self.parametrization.bias(x)
        check_parameter("U", bias.detach())  # x is finite
        M = self._operator()
        method = self._method(M)
        F, G = forward_inclusion(M, bias.detach(), self.activation.operator)
        z = self._solve(F, G, method, backward=False)
        if not torch.is_grad_enabled():
            return z

        def solve_adjoint(J: Jacobian, v: Tensor, transposed: bool) -> Tensor:
            if not bool(torch.isfinite(v).all()):
                raise ValueError(
                    "the gradient that reaches the layer's output has NaN or Inf: look for its "
                    "cause behind the layer (torch.autograd.set_detect_anomaly helps)"
                )
            F, G = adjoint_inclusion(M, J, v, transposed=transposed)
            return self._solve(F, G, method, backward=True)

        return implicit_equilibrium(
            self.parametrization.weight(),
            bias,
            z,
            self.parametrization,
            jacobian=self.activation.jacobian,
            solve=solve_adjoint,
        )

    def inclusion(self, x: Tensor) -> tuple[sk.Affine, sk.Operator]:
        """(F, G) of the forward inclusion for a batch of inputs, detached, with exact constants."""
        self._check(x)
        with torch.no_grad():
            bias = self.parametrization.bias(x)
            M = self.parametrization.operator(exact=True)
            return forward_inclusion(M, bias, self.activation.operator)

    def _solve(
        self, F: sk.Affine, G: sk.Operator, method: sk.Splitting, *, backward: bool
    ) -> Tensor:
        like = G.v if backward else F.q  # type: ignore[attr-defined]
        solution = sk.solve(
            F + G,
            torch.zeros_like(like),
            method,
            tol=self.tol,
            max_iter=self.max_iter,
            batch_ndim=1,
            progress=False,
            on_failure="return",
        )
        record = SolveRecord.of(solution)
        if backward:
            self.last_solve.backward = record
        else:
            self.last_solve.forward = record
        if not solution.converged:
            raise sk.NotConvergedError(solution)
        z: Tensor = solution.x
        return z

    def _method(self, M: sk.LinearOperator) -> sk.Splitting:
        """The method with its step size."""
        if self.method.alpha is not None or isinstance(self.method, sk.ForwardBackward):
            return self.method
        due = self.training and torch.is_grad_enabled() and int(self.age) % REFRESH == 0
        if due or not bool(torch.isfinite(self.alpha)):
            exact = sk.Affine(self.parametrization.operator(exact=True))
            chosen = self.method.chosen(exact, self.activation.operator)
            self.alpha.fill_(float(chosen.alpha))
        if self.training and torch.is_grad_enabled():
            self.age.add_(1)
        return replace(self.method, alpha=float(self.alpha))

    def _operator(self) -> sk.LinearOperator:
        """I − W; kept, with its factorization, while the parameters' values do not change."""
        values = {name: p.detach() for name, p in self.parametrization.weights().items()}
        if self._cache is not None:
            known, operator = self._cache
            if all(_same(value, known[name]) for name, value in values.items()):
                return operator
        for name, value in values.items():
            check_parameter(name, value)
        # forward-backward needs L itself, Peaceman-Rachford is safe at every step size
        exact = isinstance(self.method, sk.ForwardBackward)
        operator = self.parametrization.operator(exact=exact)
        self._cache = {name: value.clone() for name, value in values.items()}, operator
        return operator

    def _check(self, x: Tensor) -> None:
        if not isinstance(x, Tensor):
            raise TypeError(f"x is a {type(x).__name__}: give a torch.Tensor")
        self.parametrization.check_input(x)
        weight = next(iter(self.parametrization.weights().values()))
        if x.dtype != weight.dtype:
            raise TypeError(
                f"x has dtype {x.dtype}, but the layer {weight.dtype}: convert x or the layer (.to)"
            )
        if x.device != weight.device:
            raise ValueError(f"x is on {x.device}, but the layer on {weight.device}: move one")
        if not bool(torch.isfinite(x).all()):
            raise ValueError("x has NaN or Inf: clean the input")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": None}

    def extra_repr(self) -> str:
        return f"activation={self.activation}, method={self.method.label}, tol={self.tol:g}"


def check_parameter(name: str, value: Tensor) -> None:
    """Raise ValueError if a parameter, or what it gives, is not finite."""
    if not bool(torch.isfinite(value).all()):
        raise ValueError(
            f"parameter {name} of the layer has NaN or Inf: an optimizer step diverged; lower the "
            "learning rate, or load an earlier state"
        )


def _same(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)
