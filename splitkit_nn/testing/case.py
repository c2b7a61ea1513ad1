"""A layer at a case, (kind of parameters, seed) or (parameters, seed): a copy in float64, solved
tightly.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from splitkit.testing._suite import Case
from splitkit_nn.layers import MonDEQ

KINDS = ("own", "normal", "large", "negative", "zero")  # of parameter values
MOST_ITERATIONS = 5000
TIGHT = 1e-11  # the tolerance at which a layer's mathematics is looked at


@dataclass(frozen=True)
class AtLayer:
    """A copy of the layer in float64 at a tight tolerance, with parameters of a kind."""

    original: MonDEQ
    layer: MonDEQ
    x: Tensor

    @classmethod
    def of(cls, original: MonDEQ, shape: tuple[int, ...], case: Case) -> AtLayer:
        """The layer at the case (kind, seed), or (parameters, seed)."""
        kind, seed = case
        generator = torch.Generator().manual_seed(int(seed))
        layer = tight_copy(original)
        x = torch.randn(3, *shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            layer(x)  # whatever is cached is of the old parameters
            if isinstance(kind, str):
                draw_parameters(layer, kind, generator)
            else:
                torch.nn.utils.vector_to_parameters(kind, layer.parameters())
        return cls(original, layer, x)

    @property
    def parametrization(self) -> Any:
        """W and the input map."""
        return self.layer.parametrization

    @cached_property
    def bias(self) -> Tensor:
        """Ux + b."""
        with torch.no_grad():
            bias: Tensor = self.parametrization.bias(self.x)
        return bias

    @cached_property
    def z(self) -> Tensor:
        """The layer's value."""
        with torch.no_grad():
            value: Tensor = self.layer(self.x)
        return value


def tight_copy(layer: MonDEQ) -> MonDEQ:
    """A copy in float64 that solves to ``TIGHT``, with no parameter frozen."""
    made = copy.deepcopy(layer).double().eval().requires_grad_(True)
    made.tol, made.max_iter = TIGHT, MOST_ITERATIONS
    return made


def draw_parameters(layer: MonDEQ, kind: str, generator: torch.Generator) -> None:
    """Overwrite the parameters in place, as optimizers do."""
    if kind == "own":
        return
    scale = {"normal": 0.5, "large": 3.0, "negative": 0.5, "zero": 0.0}[kind]
    for p in layer.parameters():
        drawn = scale * torch.randn(p.shape, generator=generator, dtype=torch.float64)
        p.data.copy_(-drawn.abs() if kind == "negative" else drawn)


def matrix_of(layer: MonDEQ, shape: tuple[int, ...]) -> Tensor:
    """W as a matrix on flattened points, differentiable in the parameters."""
    n = int(np.prod(shape, dtype=int))
    basis = torch.eye(n, dtype=torch.float64).reshape(n, *shape)
    W = layer.parametrization.weight()
    images: Tensor = layer.parametrization.multiply(W, basis)
    return images.reshape(n, n).T
