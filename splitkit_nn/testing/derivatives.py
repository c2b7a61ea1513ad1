"""The derivatives of a layer, of first and second order, against differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from splitkit.testing._report import require
from splitkit_nn.testing.case import AtLayer


class Along:
    """z as a function of θ = (x, parameters), and a cotangent v of z."""

    def __init__(self, at: AtLayer) -> None:
        self.layer, self.generator = at.layer, torch.Generator().manual_seed(0)
        self.parameters = [name for name, _ in self.layer.named_parameters()]
        self.names = ("x", *self.parameters)
        self.start = [at.x, *(p.detach() for p in self.layer.parameters())]
        self.v = self.draw(at.z)

    def draw(self, like: Tensor) -> Tensor:
        """A standard normal tensor."""
        return torch.randn(like.shape, dtype=like.dtype, generator=self.generator)

    def z(self, values: Sequence[Tensor]) -> Tensor:
        """The layer's value at θ."""
        stated = dict(zip(self.parameters, values[1:], strict=True))
        value: Tensor = torch.func.functional_call(self.layer, stated, (values[0],))
        return value

    def slopes(self, values: Sequence[Tensor], *, again: bool = False) -> list[Tensor]:
        """∇⟨v, z(θ)⟩; attached to θ, if again."""
        tracked = [value if again else value.clone().requires_grad_(True) for value in values]
        return gradients(self.z(tracked), tracked, self.v, create_graph=again)

    def moved(self, d: Sequence[Tensor], h: float) -> list[Tensor]:
        """θ + hd."""
        return [value + h * each for value, each in zip(self.start, d, strict=True)]

    def only(self, part: int) -> list[Tensor]:
        """A direction d in one part of θ."""
        d = [torch.zeros_like(value) for value in self.start]
        d[part] = self.draw(d[part])
        return d


def gradients(
    of: Tensor, values: Sequence[Tensor], v: Tensor | None = None, *, create_graph: bool = False
) -> list[Tensor]:
    """The gradients in these values, 0 in those that the graph does not reach."""
    if not of.requires_grad:
        return [torch.zeros_like(value) for value in values]
    found = torch.autograd.grad(of, values, v, create_graph=create_graph, allow_unused=True)
    pairs = zip(values, found, strict=True)
    return [torch.zeros_like(value) if each is None else each for value, each in pairs]


def inner(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """⟨a, b⟩ over the parts."""
    return sum((x.detach() * y.detach()).sum().item() for x, y in zip(a, b, strict=True))


def size(a: Sequence[Tensor]) -> float:
    """The norm over the parts."""
    return math.sqrt(inner(a, a))


def hold(
    f: Along,
    name: str,
    formula: str,
    value: Callable[[list[Tensor]], float],
    slopes: list[Tensor],
    sizes: Sequence[float],
    other: float,
    tolerance: float,
) -> None:
    """Hold ⟨slopes, d⟩ against difference quotients of a value of θ, for a direction d in each part
    of θ; up to a tolerance relative to these sizes times ‖d‖, and to another one.
    """
    longest = 10 * tolerance
    for part, where in enumerate(f.names):
        d = f.only(part)
        expected = inner(slopes, d)
        # of several steps: a kink that lies within one lies outside a shorter one
        quotients = [
            (value(f.moved(d, h)) - value(f.moved(d, -h))) / (2 * h)
            for h in (longest, longest / 10, longest / 100)
        ]
        found = min(quotients, key=lambda quotient: abs(quotient - expected))
        holds = abs(found - expected) <= tolerance * (sizes[part] * size(d) + other)
        require(holds, name, formula, found, expected, **{"in": where, "d": d[part], "v": f.v})


def first_order(at: AtLayer) -> None:
    """The derivatives in input and parameters are those of the equilibrium, along directions."""
    f = Along(at)
    slopes = f.slopes(f.start)
    formula = "⟨v, (z(θ + hd) − z(θ − hd))/(2h)⟩ = ⟨∇⟨v, z(θ)⟩, d⟩ for θ = (x, parameters)"
    sizes = [size([slope]) for slope in slopes]
    hold(
        f, "derivative", formula, lambda θ: inner([f.v], [f.z(θ)]),
        slopes, sizes, size([f.v]), 1e-5,
    )  # fmt: skip


def second_order(at: AtLayer) -> None:
    """The second derivatives are those of the equilibrium, where the first are exact."""
    if not at.layer.gradient.exact:
        return
    f = Along(at)
    tracked = [value.clone().requires_grad_(True) for value in f.start]
    slopes = f.slopes(tracked, again=True)
    e = [f.draw(value) for value in f.start]
    total = sum((slope * each).sum() for slope, each in zip(slopes, e, strict=True))
    assert isinstance(total, Tensor)
    curvature = gradients(total, tracked)
    formula = "⟨e, (∇f(θ + hd) − ∇f(θ − hd))/(2h)⟩ = ⟨∇⟨e, ∇f(θ)⟩, d⟩ for f(θ) = ⟨v, z(θ)⟩"
    hold(
        f, "second_derivative", formula, lambda θ: inner(e, f.slopes(θ)),
        curvature, [size(curvature)] * len(e), size(slopes) * size(e), 1e-4,
    )  # fmt: skip
