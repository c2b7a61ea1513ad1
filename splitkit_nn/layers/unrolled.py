"""A layer as k steps of its own iteration: a static graph, with a certified error.

Peaceman-Rachford, Douglas-Rachford and forward-backward splitting iterate a map that contracts by a
factor ρ < 1, whatever the input. With b = Ux + b₀ and M = I − W, the first two start at
u₀ = C_{αG}(αb) and read z_k = R_{αG}(C_{αF}u_{k−1}); u* = C_{αG}(z* − αMz* + αb), so that

    ‖z_k − z*‖ ≤ cρᵏ⁻¹‖(I − αM)z*‖,   c = Lip(C_{αF}),   ‖I − αM‖² ≤ 1 − 2αm + α²L²;

the third starts at 0, and ‖z_k − z*‖ ≤ ρᵏ‖z*‖. At s = σ(0) an element of (F + G)(s) is −Ws − b:
‖z*‖ ≤ ‖s‖ + (‖Ws‖ + ‖b‖)/m. So for every input the error is at most a‖Ux + b₀‖ + d, in exact
arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

import splitkit as sk
from splitkit.arguments import check_integer
from splitkit.solvers.methods.reflected import ReflectedSplitting
from splitkit_nn.activations.base import number
from splitkit_nn.equilibrium.solver import Solver, StepMethod, evaluates
from splitkit_nn.layers.bridge import full_precision, left_alone
from splitkit_nn.layers.copies import copied
from splitkit_nn.linear.base import check_like

if TYPE_CHECKING:
    from splitkit_nn.layers.mondeq import MonDEQ

# before Torch 2.7 an export is not told from a compilation
is_exporting = getattr(torch.compiler, "is_exporting", lambda: False)


class UnrolledLayer(nn.Module):
    """x ↦ z_k, the k-th iterate from 0 of a layer as it is now, which ``layer.unrolled(k)`` makes.

    Every input takes the same steps, and nothing is looked at, not even whether it is finite: so
    ``torch.export`` and ONNX can take it, for batches of any size. It is for inference: it has a
    frozen copy of the parametrization. Print it for its error, which is certified for every input,
    in exact arithmetic (the formula is in ``splitkit_nn.layers.unrolled``). Inputs are those of the
    layer: of the parameters' dtype, or of any floating one under autocast, with any axes in front.

    On "meta", where parameters have no values, it waits for ``to_empty`` and a state dict.

    Attributes
    ----------
    steps : int

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8), tol=1e-6).eval()
    >>> x = torch.randn(5, 4)
    >>> z = layer(x)
    >>> unrolled = layer.unrolled(30)
    >>> print(bool(((unrolled(x) - z).norm(dim=1) <= unrolled.error_bound(x) + 1e-5).all()))
    True
    >>> print(repr(unrolled).split("rate=")[0].strip())
    UnrolledLayer(
      steps=30, activation=ReLU(), method=Peaceman-Rachford, alpha=0.6448,
    """

    def __init__(self, layer: MonDEQ, steps: int) -> None:
        super().__init__()
        self.steps = check_integer("steps", steps, 1)
        self._given = _with_step(layer)
        values = {} if layer.learned is None else layer.learned.items()
        self._sigma = layer._activation.with_learned({n: number(p) for n, p in values})
        self.parametrization = copied(layer.parametrization).requires_grad_(False)
        self._made: _Made | None = None
        self._renew()
        self.register_load_state_dict_post_hook(UnrolledLayer._loaded)  # type: ignore[no-untyped-call]

    def _renew(self) -> None:
        """Make what is made of the parameters anew, if they have values."""
        self._made = None if self.parametrization.like.is_meta else self._make()

    def _ready(self) -> _Made:
        """What is made of the parameters."""
        if self._made is None:
            if self.parametrization.like.is_meta:
                raise ValueError(
                    "the unrolled layer is on meta, where its parameters have no values: give it "
                    "some by to_empty(device=…) and load_state_dict"
                )
            self._made = self._make()
        return self._made

    def _make(self) -> _Made:
        p = self.parametrization
        with torch.no_grad(), full_precision(p.like):
            # hooks may compute parameters in a call
            W, bias = p(p.like.new_zeros(1, *p.input_shape))
            M, sigma = p.operator(W, exact=True), p.confine(self._sigma)
            method = self._given.chosen(sk.Affine.of_finite(M), sigma.operator)
            solver = Solver(M, sigma, method)
            solver.iterate(bias, 2)  # M is factored here, and not in a graph
            s = sigma(torch.zeros_like(bias))
            of_s, of_Ws = float(s.norm()), float((s - M(s)).norm())
        guarantee = solver.guarantee
        if guarantee.rate is None:
            raise sk.NoGuaranteeError(
                f"{method.label} has no rate here, and after no number of steps an error that is "
                f"guaranteed ({guarantee.reason}): give the layer sk.PeacemanRachford()"
            )
        m, L = p.constants(M)
        alpha, factor = method.alpha, guarantee.rate
        if not evaluates(method):
            factor = sk.Affine(M).cayley_properties(alpha).lipschitz or 1.0
            factor *= math.sqrt(max(0.0, 1 - 2 * alpha * m + (alpha * L) ** 2))
        factor *= guarantee.rate ** (self.steps - 1)
        return _Made(solver, guarantee.rate, factor / m, factor * (of_s + of_Ws / m))

    @property
    def method(self) -> StepMethod:
        """With its step size."""
        return self._ready().solver.method

    @property
    def rate(self) -> float:
        """The factor by which the error of the governing sequence falls in each step at least."""
        return self._ready().rate

    def forward(self, x: Tensor) -> Tensor:
        """z_k for each input of a batch."""
        if torch.compiler.is_compiling() and not is_exporting():
            return left_alone(self._iterate, x)
        return self._iterate(x)

    def _iterate(self, x: Tensor) -> Tensor:
        solver, (x, lead) = self._ready().solver, self._taken(x)
        with full_precision(x):
            z: Tensor = solver.iterate(self.parametrization.bias(x), self.steps)
        return z if len(lead) == 1 else z.reshape(*lead, *z.shape[1:])

    def error_bound(self, x: Tensor) -> Tensor:
        """A bound of ‖z_k − z*‖ for each input of a batch, in exact arithmetic."""
        made, (x, lead) = self._ready(), self._taken(x)
        with full_precision(x):
            size = self.parametrization.bias(x).flatten(1).norm(dim=1)
        return made.relative * size.reshape(lead) + made.constant

    def _taken(self, x: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """An input as one batch, in the parameters' precision, and its axes in front."""
        p = self.parametrization
        if not isinstance(x, Tensor):
            raise TypeError(f"x is a {type(x).__name__}: give a torch.Tensor")
        lead = x.shape[: x.ndim - len(p.input_shape)]
        if len(lead) > 1 and tuple(x.shape[len(lead) :]) == p.input_shape:
            x = x.flatten(0, len(lead) - 1)
        p.check_input(x)
        if torch.is_autocast_enabled(p.like.device.type) and x.is_floating_point():
            x = x.to(p.like.dtype)
        check_like(x, p.like)
        return x, lead

    def _loaded(self, _: Any) -> None:
        self._renew()

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Any:
        had_values = not self.parametrization.like.is_meta
        found = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._made = None
        if had_values:  # else they are what to_empty found
            self._renew()
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._renew()

    def extra_repr(self) -> str:
        known = f"steps={self.steps}, activation={self._sigma}, method={self._given.label}"
        if self._made is None:
            return known
        rest = f" + {self._made.constant:.2g}" if self._made.constant else ""
        return (
            f"{known}, alpha={self.method.alpha:.4g}, rate={self.rate:.4g}, "
            f"error ≤ {self._made.relative:.2g}·‖Ux + b‖{rest}"
        )


class _Made(NamedTuple):
    """What is made of the parameters: the solver, its factor a step, and a and d of the error."""

    solver: Solver
    rate: float
    relative: float
    constant: float


def _with_step(layer: MonDEQ) -> StepMethod:
    """The layer's method at its step size; TypeError, ValueError where it has none, or no map."""
    method = layer.method
    if not isinstance(method, (ReflectedSplitting, sk.ForwardBackward)):
        raise TypeError(
            f"method = {method!r} is not a contraction whose steps have a known error: give the "
            "layer sk.PeacemanRachford(), sk.DouglasRachford() or sk.ForwardBackward()"
        )
    if method.alpha is not None or evaluates(method):
        return method
    alpha = float(layer.alpha)
    if not math.isfinite(alpha):
        raise ValueError(
            "the layer has chosen no step size yet: call it once, or give its method an alpha"
        )
    return method.with_alpha(alpha)
