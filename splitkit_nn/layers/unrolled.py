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
from typing import TYPE_CHECKING, Any

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
    in exact arithmetic (the formula is in ``splitkit_nn.layers.unrolled``).

    Attributes
    ----------
    steps : int
    method : splitkit.Splitting
        With its step size.
    rate : float
        The factor by which the error of the governing sequence falls in each step at least.

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

    method: StepMethod
    rate: float

    def __init__(self, layer: MonDEQ, steps: int) -> None:
        super().__init__()
        self.steps = check_integer("steps", steps, 1)
        self._given = _with_step(layer)
        values = {} if layer.learned is None else layer.learned.items()
        self._sigma = layer._activation.with_learned({n: number(p) for n, p in values})
        self.parametrization = copied(layer.parametrization).requires_grad_(False)
        self._prepare()
        self.register_load_state_dict_post_hook(UnrolledLayer._loaded)  # type: ignore[no-untyped-call]

    def _prepare(self) -> None:
        """Make what is made of the parameters."""
        p = self.parametrization
        with torch.no_grad(), full_precision(p.like):
            # hooks may compute parameters in a call
            W, bias = p(p.like.new_zeros(1, *p.input_shape))
            M, sigma = p.operator(W, exact=True), p.confine(self._sigma)
            method = self._given.chosen(sk.Affine.of_finite(M), sigma.operator)
            self._solver = Solver(M, sigma, method)
            self._solver.iterate(bias, 2)  # M is factored here, and not in a graph
            s = sigma(torch.zeros_like(bias))
            of_s, of_Ws = float(s.norm()), float((s - M(s)).norm())
        guarantee = self._solver.guarantee
        if guarantee.rate is None:
            raise sk.NoGuaranteeError(
                f"{method.label} has no rate here, and after no number of steps an error that is "
                f"guaranteed ({guarantee.reason}): give the layer sk.PeacemanRachford()"
            )
        self.method, self.rate = method, guarantee.rate
        m, L = p.constants(M)
        alpha, factor = method.alpha, self.rate
        if not evaluates(method):
            factor = sk.Affine(M).cayley_properties(alpha).lipschitz or 1.0
            factor *= math.sqrt(max(0.0, 1 - 2 * alpha * m + (alpha * L) ** 2))
        factor *= self.rate ** (self.steps - 1)
        self._error = factor / m, factor * (of_s + of_Ws / m)

    def forward(self, x: Tensor) -> Tensor:
        """z_k for each input of a batch."""
        if torch.compiler.is_compiling() and not is_exporting():
            return left_alone(self._iterate, x)
        return self._iterate(x)

    def _iterate(self, x: Tensor) -> Tensor:
        with full_precision(self.parametrization.like):
            return self._solver.iterate(self._bias(x), self.steps)

    def error_bound(self, x: Tensor) -> Tensor:
        """A bound of ‖z_k − z*‖ for each input of a batch, in exact arithmetic."""
        relative, constant = self._error
        with full_precision(self.parametrization.like):
            return relative * self._bias(x).flatten(1).norm(dim=1) + constant

    def _bias(self, x: Tensor) -> Tensor:
        p = self.parametrization
        if not isinstance(x, Tensor):
            raise TypeError(f"x is a {type(x).__name__}: give a torch.Tensor")
        p.check_input(x)
        if x.is_floating_point():  # as of autocast
            x = x.to(p.like.dtype)
        check_like(x, p.like)
        return p.bias(x)

    def _loaded(self, _: Any) -> None:
        self._prepare()

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Any:
        found = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._prepare()
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_solver": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._prepare()

    def extra_repr(self) -> str:
        relative, constant = self._error
        rest = f" + {constant:.2g}" if constant else ""
        return (
            f"steps={self.steps}, activation={self._sigma}, method={self.method.label}, "
            f"alpha={self.method.alpha:.4g}, rate={self.rate:.4g}, "
            f"error ≤ {relative:.2g}·‖Ux + b‖{rest}"
        )


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
