"""How far each gradient of the menu is from the exact one, on a layer and a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from splitkit_nn.implicit.gradients import GRADIENTS, Direct, GradientRule, find_gradient
from splitkit_nn.layers.copies import copied
from splitkit_nn.layers.mondeq import MonDEQ

EXACT = 1e-12  # relative tolerance, in float64, of the equilibrium at which all are taken


@dataclass(frozen=True)
class GradientBias:
    """A gradient g beside the exact one, over all parameters and the input together.

    Attributes
    ----------
    gradient : GradientRule
    relative_error : float
        ‖g − exact‖/‖exact‖.
    cosine : float
        ⟨g, exact⟩/(‖g‖‖exact‖): positive for a direction of descent.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8))
    >>> found = sknn.compare_gradients(layer, torch.randn(5, 4))
    >>> print(found["direct"].relative_error < 1e-6 < found["jacobian_free"].relative_error)
    True
    """

    gradient: GradientRule
    relative_error: float
    cosine: float

    def __str__(self) -> str:
        return (
            f"{self.gradient!r:<40} relative error {self.relative_error:.2e}, "
            f"cosine {self.cosine:+.6f}"
        )


def compare_gradients(
    layer: MonDEQ,
    x: Tensor,
    cotangent: Tensor | None = None,
    gradients: Sequence[str | GradientRule] = tuple(GRADIENTS),
) -> dict[str, GradientBias]:
    """Measure each gradient's bias against the exact one.

    Parameters
    ----------
    layer : MonDEQ
        Not changed: a copy in float64 does the work. "cotangent" and "truncated" solve at the
        layer's own tolerance; all but "unrolled" start from the same precise equilibrium.
    x : Tensor
        Inputs as the layer takes them.
    cotangent : Tensor, optional
        Of the output; default: standard normal, from a fixed seed.
    gradients : sequence of str or GradientRule

    Returns
    -------
    dict
        By name; of several gradients of a name by its repr.

    Raises
    ------
    TypeError
        Not a layer.
    ValueError
        The exact gradient is 0, as for a cotangent of zeros: no bias is relative to it.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8, m=1.0))
    >>> found = sknn.compare_gradients(layer, torch.randn(5, 4))
    >>> type(found).__name__
    'dict'
    """
    if not isinstance(layer, MonDEQ):
        raise TypeError(f"layer is a {type(layer).__name__}: give a MonDEQ")
    x = x.detach().double()
    reference = _derivative(layer, Direct(), x, cotangent)
    if not bool(reference.any()):
        raise ValueError(
            "the exact gradient is 0, so that no error is relative to it: give another cotangent, "
            "or inputs at which the layer is not constant"
        )
    result = {}
    for each in gradients:
        gradient = find_gradient(each)
        g = _derivative(layer, gradient, x, cotangent)
        key = gradient.name if gradient.name not in result else repr(gradient)
        result[key] = GradientBias(
            gradient,
            float((g - reference).norm() / reference.norm()),
            float(g @ reference / (g.norm() * reference.norm())),
        )
    return result


def _derivative(
    layer: MonDEQ, gradient: GradientRule, x: Tensor, cotangent: Tensor | None
) -> Tensor:
    """The gradient of ⟨v, z⟩ in the input and every parameter of a copy, as one vector."""
    twin = copied(layer).double().eval().requires_grad_()
    twin.gradient = gradient
    twin.tol, twin.max_iter = EXACT, max(layer.max_iter, 10_000)
    x = x.clone().requires_grad_()
    with torch.enable_grad():
        z = twin(x)
    if cotangent is None:
        generator = torch.Generator().manual_seed(0)
        cotangent = torch.randn(z.shape, generator=generator, dtype=z.dtype).to(z.device)
    if cotangent.shape != z.shape:
        raise ValueError(
            f"cotangent has shape {tuple(cotangent.shape)}: give {tuple(z.shape)}, like the output"
        )
    twin.tol, twin.max_iter = layer.tol, layer.max_iter
    # a parametrization may own a readout, on which z does not depend
    found = torch.autograd.grad(
        z, (x, *twin.parameters()), cotangent.double(), materialize_grads=True
    )
    return torch.cat([g.flatten() for g in found])
