"""The monotone operator equilibrium layer: z = σ(Wz + Ux + b), with exact derivatives."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

import splitkit as sk
from splitkit.arguments import POSITIVE, check_choice, check_integer, check_number
from splitkit.display import table
from splitkit.notation import name_in_latex
from splitkit_nn.activations import Activation, find_activation
from splitkit_nn.activations.base import number
from splitkit_nn.arguments import check_finite, check_inputs
from splitkit_nn.equilibrium.inclusions import cotangent_inclusion, forward_inclusion
from splitkit_nn.equilibrium.solver import StepMethod, as_step_method
from splitkit_nn.implicit.gradients import GradientRule, Unrolled, find_gradient
from splitkit_nn.layers.bridge import Equilibrium, full_precision, left_alone
from splitkit_nn.layers.custom import equilibrium, registered
from splitkit_nn.layers.exchange import Library, find_library
from splitkit_nn.layers.records import LastSolve
from splitkit_nn.layers.solves import Kept, Solves
from splitkit_nn.layers.unrolled import UnrolledLayer, is_exporting
from splitkit_nn.linear.base import Parametrization, prepare

OnFailure = Literal["raise", "warn", "damp"]


class MonDEQ(nn.Module):
    """A layer x ↦ z with z = σ(Wz + Ux + b); z exists and is unique, whatever the parameters.

    Parameters
    ----------
    parametrization : Parametrization
        W and the input map, such as ``MonotoneDense(in_features, features)``.
    activation : str or Activation
        σ, a proximal map. A parameter of it that is a ``torch.nn.Parameter`` is learned: the layer
        holds it in ``learned``. It has to stay in its range, or the layer raises ValueError.
    method : splitkit.Splitting or splitkit.Accelerator, optional
        Default ``splitkit.PeacemanRachford()``; ``splitkit.Anderson(…)`` accelerates it. With
        ``alpha=None`` the step size is the one at which random errors fall fastest on the layer's
        own operator (see ``splitkit_nn.equilibrium.steps``); it is chosen at the first call, every
        hundred training steps, in evaluation when the parameters have changed, and whenever the
        bound of ‖I − W‖ has changed by a fifth; it is kept in the state dict, with that bound. What
        Peaceman-Rachford has not solved after 50 iterations goes on with Anderson acceleration of
        it, which converges as surely.
    tol : float or splitkit.Stopping
        Of each sample's solve, forward and backward: a number is relative (see ``splitkit.solve``),
        ``splitkit.CertifiedError(1e-3)`` a certified distance to the equilibrium.
    max_iter : int
    backward_tol : float or splitkit.Stopping, optional
        Of each sample's solve in the backward pass, in the place of ``tol``.
    gradient : str or GradientRule
        How derivatives are found: "cotangent" (default) and "direct" are exact, and of every order;
        "truncated", "jacobian_free" and "unrolled" are not (see ``splitkit_nn.implicit.gradients``
        and ``compare_gradients``).
    solve_in : str, optional
        The array library in which both solves run, on the same memory, by the name of its module:
        "cupy", "numpy", "jax.numpy"; default torch itself (see ``splitkit_nn.layers.exchange``).
    on_failure : {"raise", "warn", "damp"}
        What to do if a solve does not meet its tolerance: raise ``splitkit.NotConvergedError``;
        warn and go on with where it ended; or solve again by Douglas-Rachford, which is damped,
        and raise if that fails too. NaN and Inf always raise.

    Attributes
    ----------
    last_solve : LastSolve

    Notes
    -----
    Input and output have the parametrization's shapes, (batch, in_features) and (batch, features)
    for ``MonotoneDense``, on the parameters' dtype and device; further axes in front, as those of
    (batch, sequence, in_features), are kept, and each entry of them is a sample. The memory
    of a backward pass does not grow with the iterations.

    Under autocast the layer takes any floating input and works in its parameters' dtype. It runs
    under ``torch.func`` transforms (``vmap`` over inputs, not over parameters) and inside of
    compiled models, also with ``fullgraph=True``, as one operator with first derivatives;
    under transforms and in forward mode compiled models run it as it stands (a graph break).
    ``torch.export`` takes ``unrolled(steps)``; ``torch.jit.trace`` is refused.

    Source: Winston, Kolter, *Monotone operator equilibrium networks*, NeurIPS 2020.

    Raises
    ------
    TypeError, ValueError
        The parametrization is none, the activation no proximal map, an option beyond
        its range; called, x has another shape, dtype or device, or is not finite.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8, m=1.0))
    >>> z = layer(torch.randn(5, 4))
    >>> loss = z.square().mean()
    >>> loss.backward()  # exact gradients
    >>> print(z.shape, layer.last_solve.forward.converged)
    torch.Size([5, 8]) True
    """

    alpha: Tensor
    bound: Tensor
    age: Tensor

    def __init__(
        self,
        parametrization: Parametrization,
        activation: str | Activation = "relu",
        method: StepMethod | None = None,
        tol: float | sk.Stopping = 1e-4,
        max_iter: int = 500,
        *,
        backward_tol: float | sk.Stopping | None = None,
        gradient: str | GradientRule = "cotangent",
        solve_in: str | Library | None = None,
        on_failure: OnFailure = "raise",
    ) -> None:
        super().__init__()
        if not isinstance(parametrization, Parametrization):
            raise TypeError(
                f"parametrization = {parametrization!r}: give one such as MonotoneDense(…)"
            )
        self.parametrization = parametrization
        self._ndim = _batch_ndim(parametrization)
        self._activation = find_activation(activation)
        learned = self._activation.learned
        if not all(isinstance(each, nn.Parameter) for each in learned.values()):
            raise TypeError(
                f"activation = {activation!r} has a parameter that is computed from others: give a "
                "number, or a torch.nn.Parameter, which the layer then learns"
            )
        for name, value in vars(self._activation).items():
            inner = value.parameters() if isinstance(value, nn.Module) else [value]
            if name not in learned and any(getattr(each, "requires_grad", False) for each in inner):
                raise TypeError(
                    f"activation = {activation!r} holds in {name} what wants a gradient, and would "
                    "get none: name it, a parameter of one number, in its ranges, or detach it"
                )
        self.learned = nn.ParameterDict(learned) if learned else None
        self._first = {name: number(value) for name, value in learned.items()}
        parametrization.confine(self._activation)  # raises where the two do not fit
        self.method = sk.PeacemanRachford() if method is None else as_step_method(method)
        check_choice("on_failure", on_failure, ("raise", "warn", "damp"))
        self.tol = _checked_tol("tol", tol)
        self.backward_tol = (
            None if backward_tol is None else _checked_tol("backward_tol", backward_tol)
        )
        self.max_iter = check_integer("max_iter", max_iter, 1)
        self.gradient = find_gradient(gradient)
        self.solve_in = find_library(solve_in)
        if self.solve_in is not None and isinstance(self.gradient, Unrolled):
            raise ValueError(
                f'solve_in = {solve_in!r} does not fit gradient = "unrolled", whose steps torch '
                "records: leave one of them out"
            )
        self.on_failure = on_failure
        self.register_buffer("alpha", torch.tensor(math.nan, dtype=torch.float64))
        self.register_buffer("bound", torch.tensor(math.nan, dtype=torch.float64))
        self.register_buffer("age", torch.tensor(0))
        self.last_solve = LastSolve()
        self._kept: Kept | None = None
        self._changed = False  # whether the parameters have, since alpha was chosen or loaded
        self._number = registered(self)

    def reset_parameters(self) -> None:
        """Give what is the layer's own its first values: what ``learned`` holds, and the step size
        that the next call then chooses; the parametrization, and its ``U``, have methods of their
        own.
        """
        if self.learned is not None:
            for name, parameter in self.learned.items():
                if math.isnan(self._first[name]):
                    raise ValueError(
                        f"{name} of the activation was made on meta, so that its first value is "
                        "not known: load a state dict, or make the layer off meta"
                    )
                nn.init.constant_(parameter, self._first[name])
        nn.init.constant_(self.alpha, math.nan)
        nn.init.constant_(self.bound, math.nan)
        nn.init.zeros_(self.age)
        self._kept, self._changed = None, False

    def arguments(self) -> dict[str, Any]:
        """What makes a layer like this one, but for its parameters."""
        made = {name: getattr(self, name) for name in inspect.signature(MonDEQ).parameters}
        library = None if self.solve_in is None else self.solve_in.name
        values = {} if self.learned is None else dict(self.learned.items())
        return made | {"activation": self._activation.with_learned(values), "solve_in": library}

    @property
    def activation(self) -> Activation:
        """σ as it is now, on the entries that the parametrization leaves free."""
        theta = () if self.learned is None else self.learned.values()
        return self.sigma([number(each) for each in theta])

    def sigma(
        self, theta: Sequence[Tensor] | Sequence[float], *, check: bool = False
    ) -> Activation:
        """``activation`` with these values of the learned parameters."""
        sigma = self._activation
        if self.learned is not None:
            sigma = sigma.with_learned(dict(zip(self.learned, theta, strict=True)))
            if check:
                sigma.check_learned()
        return self.parametrization.confine(sigma)

    def forward(self, x: Tensor, z0: Tensor | None = None) -> Tensor:
        """The equilibrium for each input of the batch.

        Parameters
        ----------
        x : Tensor
        z0 : Tensor, optional
            Where the solve starts, such as the output for a similar input; default 0. The result
            is the same up to the tolerance, and no gradient reaches z0.

        Raises
        ------
        TypeError, ValueError
            x or z0 has a wrong type, shape, dtype or device, or is not finite; the layer is not in
            float32 or float64.
        splitkit.NotConvergedError
            The solve failed; parameters that are not finite also end here or in ValueError.
        splitkit.NoGuaranteeError
            No theorem covers the method on this layer, or the step size of unrolled steps.
        """
        if is_exporting():
            raise NotImplementedError(
                "a MonDEQ cannot be exported: its solve runs until each sample has converged, "
                "which no static graph says; export layer.unrolled(steps), which certifies its "
                "error, or save the state dict"
            )
        if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            raise NotImplementedError(
                "a MonDEQ cannot be traced by torch.jit: its solve runs until each sample has "
                "converged, which no trace says; save the state dict, or use torch.compile"
            )
        in_graph = isinstance(self.gradient, GradientRule) and not isinstance(
            self.gradient, Unrolled
        )
        if torch.compiler.is_compiling() and in_graph and not _transformed():
            return self._forward(x, z0, in_graph=True)
        return left_alone(self._forward, x, z0)

    def _forward(self, x: Tensor, z0: Tensor | None, *, in_graph: bool = False) -> Tensor:
        """The equilibrium; ``in_graph``: as ``torch.compile`` sees it, the solve one operator."""
        if isinstance(x, Tensor) and x.ndim > self._ndim:
            return self._flat(x, z0, in_graph)
        if isinstance(self.gradient, str):  # it was set by its name
            self.gradient = find_gradient(self.gradient)
        self._check(x)
        if torch.is_autocast_enabled(self.alpha.device.type) and x.is_floating_point():
            x = x.to(self.parametrization.like.dtype)
        with full_precision(self.parametrization.like):
            W, bias = self.parametrization(x)
            if z0 is not None:
                z0 = _checked_start(z0, bias)
            if isinstance(self.gradient, Unrolled):
                check_inputs(x, bias)
                self.last_solve = LastSolve()
                return self._unroll(self.gradient, W, bias)
            theta = () if self.learned is None else self._theta(W)
            if in_graph:
                training = self.training and torch.is_grad_enabled()
                return equilibrium(W, bias, z0, x, list(theta), self._number, training)
            return Equilibrium.apply(W, bias, z0, x, Solves(self), *theta)  # type: ignore[no-untyped-call]

    def _flat(self, x: Tensor, z0: Tensor | None, in_graph: bool) -> Tensor:
        """The layer on an input with further axes in front, as one batch."""
        lead = x.shape[: x.ndim - len(self.parametrization.input_shape)]
        if tuple(x.shape[len(lead) :]) != self.parametrization.input_shape:
            self.parametrization.check_input(x)  # raises
        if z0 is not None:
            if not isinstance(z0, Tensor) or z0.shape[: len(lead)] != lead:
                raise ValueError(f"z0 lacks the axes {tuple(lead)} of x: give an old output")
            z0 = z0.flatten(0, len(lead) - 1)
        z = self._forward(x.flatten(0, len(lead) - 1), z0, in_graph=in_graph)
        return z.reshape(*lead, *z.shape[1:])

    def _unroll(self, gradient: Unrolled, W: Tensor, bias: Tensor) -> Tensor:
        theta = self._theta(W)
        self.sigma([number(each) for each in theta], check=True)
        M, alpha = self.parametrization.operator(W, exact=True), gradient.alpha
        if alpha is None:
            m, L = self.parametrization.constants(M)
            alpha = m / L**2
        else:
            method = sk.ForwardBackward(alpha=alpha)
            guarantee = method.guarantee(sk.Affine(M), self.activation.operator)
            if not guarantee.holds:
                raise sk.NoGuaranteeError(f"gradient = {gradient!r}: {guarantee.reason}")
        return gradient.unroll(
            lambda z: self.parametrization.multiply(W, z), bias, self.sigma, theta, alpha
        )

    def _theta(self, W: Tensor) -> tuple[Tensor, ...]:
        """The learned parameters of the activation, in the precision of the weight."""
        if self.learned is None:
            return ()
        prepare(self.learned)
        return tuple(each.to(W.dtype) for each in self.learned.values())

    def unrolled(self, steps: int) -> UnrolledLayer:
        """So many steps of the layer's own iteration, as it is now, at its step size: a module for
        ``torch.export`` and ONNX, which shows the error that is certified for every input.

        Raises
        ------
        TypeError, ValueError
            The method is none of Peaceman-Rachford, Douglas-Rachford and forward-backward; the
            layer has not chosen a step size yet.
        splitkit.NoGuaranteeError
            Nothing is guaranteed after any number of steps.

        Examples
        --------
        >>> _ = torch.manual_seed(0)
        >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8)).eval()
        >>> z = layer(torch.randn(5, 4))
        >>> program = torch.export.export(layer.unrolled(10), (torch.randn(5, 4),))
        """
        return UnrolledLayer(self, steps)

    def inclusion(self, x: Tensor) -> tuple[sk.Affine, sk.Operator]:
        """(F, G) of the forward inclusion for a batch of inputs, detached, with exact constants."""
        with torch.no_grad():
            self._check(x)
            check_finite(x)
            W, bias = self._certain(x)
            M = self.parametrization.operator(W, exact=True)
            return forward_inclusion(M, bias, self.activation.operator)

    def cotangent_inclusion(self, x: Tensor, v: Tensor) -> tuple[sk.Affine, sk.Operator]:
        """(F̃, G̃) of the backward inclusion for a batch of inputs and cotangents of its output,
        detached, with exact constants: that which the backward pass solves.
        """
        with torch.no_grad():
            z, sigma, (W, bias) = self(x), self.activation, self._certain(x)
            J = sigma.jacobian_at_value(z)
            if J is None:
                J = sigma.jacobian(self.parametrization.multiply(W, z) + bias)
            M = self.parametrization.operator(W, exact=True)
            return cotangent_inclusion(M, J, v, sigma.slopes)

    def _certain(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """W and the bias, of which W has the form that makes I − W monotone."""
        W, bias = self.parametrization(x)
        if not torch.equal(W, self.parametrization.weight()):
            raise TypeError(
                f"a hook on {type(self.parametrization).__name__} gives another W than it has, "
                "of which nothing is proved: change its parameters, in a hook before its call"
            )
        return W, bias

    def _check(self, x: Tensor) -> None:
        """Raise unless x is an input."""
        if not isinstance(x, Tensor):
            raise TypeError(f"x is a {type(x).__name__}: give a torch.Tensor")
        if self.alpha.is_meta:
            raise ValueError(
                "the layer is on meta, where its parameters have no values: give it some by "
                "to_empty(device=…) and load_state_dict"
            )
        self.parametrization.check_input(x)

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        if prefix + "alpha" in state:  # older ones do not have the bound
            state.setdefault(prefix + "bound", torch.full_like(self.bound, math.nan))
        super()._load_from_state_dict(state, prefix, *rest)
        self._kept, self._changed = None, False  # alpha is loaded with the parameters

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._number = registered(self)

    def _repr_latex_(self) -> str:
        sigma = name_in_latex(repr(self.activation).replace("()", ""))
        state = rf"z = \sigma(Wz + Ux + b),\ \sigma = {sigma}"
        return rf"${state},\ {self.parametrization.formula}$"

    def _repr_html_(self) -> str:
        rows = [("equilibrium", self._repr_latex_()), ("W", repr(self.parametrization))]
        rows += [("method", self.method.label), ("tol", str(self.tol))]
        rows += [("gradient", self.gradient.name)]
        if self.last_solve.forward is not None:
            rows.append(("last solve", self.last_solve.forward.in_a_line()))
        return table(type(self).__name__, rows)

    def extra_repr(self) -> str:
        tol = f"{self.tol:g}" if isinstance(self.tol, float) else repr(self.tol)
        elsewhere = "" if self.solve_in is None else f", solve_in={self.solve_in.name}"
        return (
            f"activation={self.activation}, method={self.method.label}, tol={tol}, "
            f"gradient={self.gradient.name}{elsewhere}"
        )


def _batch_ndim(parametrization: Parametrization) -> float:
    """The axes of a batch of inputs; inf where the shape of one is not stated, so that none of a
    batch's axes counts as further.
    """
    try:
        return 1 + len(parametrization.input_shape)
    except NotImplementedError:
        return math.inf


def _transformed() -> bool:
    """Whether ``torch.func`` or forward mode is at work, of which an operator of Torch with first
    derivatives knows nothing.
    """
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


def _checked_tol(name: str, tol: float | sk.Stopping) -> float | sk.Stopping:
    return tol if isinstance(tol, sk.Stopping) else check_number(name, tol, POSITIVE)


def _checked_start(z0: Tensor, bias: Tensor) -> Tensor:
    if not isinstance(z0, Tensor):
        raise TypeError(f"z0 is a {type(z0).__name__}: give a torch.Tensor, such as an old output")
    if z0.shape != bias.shape or z0.device != bias.device:
        raise ValueError(
            f"z0 has shape {tuple(z0.shape)} on {z0.device}: give {tuple(bias.shape)} on "
            f"{bias.device}, like the output"
        )
    return z0.detach().to(bias.dtype)
