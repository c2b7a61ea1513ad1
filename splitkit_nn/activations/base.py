"""Activations are proximal maps: σ = prox_f, and the solver needs prox_{αf} at its own α.

σ is prox_f of a convex f exactly if it is the gradient of a convex function and nonexpansive
(Moreau); for a scalar σ: monotone with slopes in [0, 1]. Then x = prox_{αf}(y) is

    x = σ(s)   with   (1 − α)σ(s) + αs = y,

since y − x = α(s − x) and s − x ∈ ∂f(x). prox_{αf} = σ at every α exactly if f is an indicator; for
any other activation σ in its place gives a wrong equilibrium.

Source: Combettes, Pesquet, *Deep neural network structures solving variational inequalities*
(2020).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import splitkit as sk
from splitkit.arguments import Range, check_number
from splitkit.backend import Array, Scalar, align, clip, namespace
from splitkit.operators.base import PointMap
from splitkit_nn.activations.jacobians import (
    DiagonalJacobian,
    Jacobian,
    Slopes,
    subgradient_properties,
)

KEEP = "give {}, and keep a learned one there after each step of the optimizer"


def learnable(name: str, value: Any, within: Range, remedy: str | None = None) -> Any:
    """The number; or, as it is, the parameter of one number by which σ is to be differentiated."""
    if not getattr(value, "requires_grad", False):
        return check_number(name, value, within, remedy)
    if value.ndim > 1 or value.numel() != 1:
        raise ValueError(f"{name} has shape {tuple(value.shape)}: give a parameter of one number")
    if not value.is_meta:  # where it has no value
        check_number(name, number(value), within, remedy)
    return value


def number(value: Any) -> float:
    """A parameter's value; NaN on "meta", where it has none."""
    if getattr(value, "is_meta", False):
        return math.nan
    return float(value.detach().sum()) if hasattr(value, "detach") else float(value)


def bounded(y: Array, low: Any, high: Any) -> Array:
    """min(max(y, low), high), differentiable in bounds that are learned."""
    if hasattr(low, "requires_grad"):
        y, low = namespace(y).maximum(y, low), None
    if hasattr(high, "requires_grad"):
        y, high = namespace(y).minimum(clip(y, low, None) if low is not None else y, high), None
        return y
    return y if low is high is None else clip(y, low, high)


class Activation:
    """σ = prox_f on arrays of any library, shape (batch, features, …).

    A subclass gives σ and its derivative, and ``prox`` where a closed form is known. One that
    couples entries sets ``elementwise = False`` and gives ``jacobian`` and ``prox``.

    Attributes
    ----------
    slopes : (float, float)
        Bounds of the eigenvalues of σ's Jacobian, within [0, 1].
    elementwise : bool
        σ acts on each entry by itself.
    ranges : dict
        Those of the parameters that may be learned (a ``torch.nn.Parameter``), by name.
    mask : bool array or None
        σ is zero where it is false (see ``Masked``).

    Examples
    --------
    >>> class Half(sknn.Activation):  # f(x) = ½x²: prox_{αf}(y) = y/(1 + α)
    ...     slopes = (0.5, 0.5)
    ...     def __call__(self, y):
    ...         return y / 2
    ...     def derivative(self, y):
    ...         return torch.full_like(y, 0.5)
    ...     def prox(self, y, alpha=1.0):
    ...         return y / (1 + alpha)
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8), Half())
    >>> layer(torch.randn(5, 4)).shape
    torch.Size([5, 8])
    """

    ranges: ClassVar[dict[str, Range]] = {}
    slopes: Slopes = (0.0, 1.0)
    elementwise: bool = True
    mask: Array | None = None

    @property
    def learned(self) -> dict[str, Array]:
        """The parameters by which σ is to be differentiated, by the attribute's name."""
        values = {name: getattr(self, name) for name in self.ranges}
        return {name: value for name, value in values.items() if hasattr(value, "requires_grad")}

    def with_learned(self, values: Mapping[str, Array]) -> Self:
        """The same activation with other values of parameters, unchecked."""
        twin = copy.copy(self)
        vars(twin).update(values)
        return twin

    def check_learned(self) -> None:
        """Raise ValueError if a parameter that may be learned has left its range."""
        for name, within in self.ranges.items():
            check_number(name, number(getattr(self, name)), within, KEEP.format(within))

    def __call__(self, y: Array) -> Array:
        """σ(y), like y."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")

    def derivative(self, y: Array) -> Array:
        """σ′(y) entry by entry, in [0, 1], like y; differentiable by Torch."""
        raise NotImplementedError(f"{type(self).__name__} must define derivative")

    def jacobian(self, y: Array) -> Jacobian:
        """The Jacobian of σ at the pre-activation y."""
        return DiagonalJacobian(self.derivative(y))

    def jacobian_at_value(self, z: Array) -> Jacobian | None:
        """The Jacobian at a y with σ(y) = z, where z determines it; None: it does not."""
        return None

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        """prox_{αf}(y), like y; the default solves for it by Newton's method."""
        return newton_prox(self, y, alpha)

    @property
    def operator(self) -> sk.Operator:
        """∂f, whose resolvent is prox_{αf}, on points with one batch axis."""
        return ActivationOperator(self)

    def __repr__(self) -> str:
        values = (f"{number(getattr(self, name)):g}" for name in self.ranges)
        return f"{type(self).__name__}({', '.join(values)})"


class ActivationOperator(sk.Operator):
    """∂f for σ = prox_f."""

    properties: sk.Properties

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        self.properties = subgradient_properties(activation.slopes)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        return lambda y: self.activation.prox(y, alpha)

    def __repr__(self) -> str:
        return f"∂f of {self.activation!r}"


def newton_prox(activation: Activation, y: Array, alpha: Scalar, steps: int | None = None) -> Array:
    """prox_{αf}(y) by safeguarded Newton for φ(s) = (1 − α)σ(s) + αs = y, entry by entry.

    φ′ lies in [min(1, α), max(1, α)], so a residual r at s brackets the root between
    s + r/max(1, α) and s + r/min(1, α); a Newton step that leaves the brackets found so far is
    replaced by their middle. The number of steps is fixed, so that nothing waits for the device.
    """
    if isinstance(alpha, (int, float)):
        if alpha == 1:
            return activation(y)
        steps = steps or 8 + math.ceil(abs(math.log2(alpha)))
    steps = steps or 20
    xp = namespace(y)
    alpha = align(alpha, y)
    one = xp.ones_like(y)
    steep, flat = xp.maximum(one, alpha * one), xp.minimum(one, alpha * one)
    low, high, s = one * -math.inf, one * math.inf, y
    for _ in range(steps):
        r = y - (1 - alpha) * activation(s) - alpha * s
        near, far = s + r / steep, s + r / flat
        low = xp.maximum(low, xp.minimum(near, far))
        high = xp.minimum(high, xp.maximum(near, far))
        newton = s + r / ((1 - alpha) * activation.derivative(s) + alpha)
        inside = (newton >= low) & (newton <= high)
        s = xp.where(inside, newton, low / 2 + high / 2)
    return activation(s)
