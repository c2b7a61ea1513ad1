"""What a layer's equilibria must be: there, unique, those of W as it is now, each by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

import splitkit as sk
from splitkit.testing._report import require
from splitkit.testing._suite import Case, Property
from splitkit_nn.layers import MonDEQ
from splitkit_nn.testing.case import MOST_ITERATIONS, TIGHT, AtLayer, matrix_of

LARGEST_MATRIX = 300  # entries of an equilibrium for which W is formed
ASCENT_STEPS = 15
FAILURES = (
    sk.NotConvergedError, sk.NoGuaranteeError, ValueError, ArithmeticError, np.linalg.LinAlgError,
)  # fmt: skip


def eigen(at: AtLayer) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of the symmetric part of I − W, tracked."""
    W = matrix_of(at.layer, tuple(at.bias.shape[1:]))
    M = torch.eye(W.shape[0], dtype=W.dtype) - W
    values, vectors = torch.linalg.eigh((M + M.T) / 2)
    return values, vectors


def adversarial(layer: MonDEQ, shape: tuple[int, ...], effort: int, seed: int) -> Iterator[Case]:
    """Parameters found by descent on λ_min(I − W)."""
    for kind in ("own", "normal", "negative")[: 1 + effort]:
        at = AtLayer.of(layer, shape, (kind, seed))
        if np.prod(at.bias.shape[1:]) > LARGEST_MATRIX:
            return
        if not at.parametrization.weight().requires_grad:  # ``tracked`` says so
            return
        optimizer = torch.optim.Adam(at.layer.parameters(), lr=0.3)
        for _ in range(ASCENT_STEPS):
            optimizer.zero_grad()
            with torch.enable_grad():
                eigen(at)[0][0].backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        yield torch.nn.utils.parameters_to_vector(at.layer.parameters()).detach(), seed


def tracked(at: AtLayer) -> None:
    """W reaches the parameters through autograd."""
    found = at.parametrization.weight().requires_grad
    formula = "weight().requires_grad: compute W anew, or keep it with its graph only"
    require(found, "tracked_weight", formula, found, True)


def monotone(at: AtLayer) -> None:
    """⟨z, (I − W)z⟩ ≥ m‖z‖²."""
    shape, m = tuple(at.bias.shape[1:]), at.parametrization.m
    with torch.no_grad():
        if np.prod(shape) <= LARGEST_MATRIX:
            values, vectors = eigen(at)
            least, size, z = float(values[0]), float(values.abs().max()), vectors[:, 0]
        else:
            z = torch.randn(
                4, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
            )
            Wz = at.parametrization.multiply(at.parametrization.weight(), z)
            square = float((z * z).sum())
            least = float((z * (z - Wz)).sum()) / square
            size = 1 + float(Wz.norm()) / square**0.5
    formula = f"⟨z, (I − W)z⟩ ≥ m‖z‖² with m = {m:.8g}, whatever the parameters"
    holds = least >= m - 1e-10 * max(1.0, size)
    require(holds, "strongly_monotone", formula, least, m, z=z)


def value_law(
    name: str, formula: str, other: Callable[[AtLayer], Tensor], tolerance: float = 1e-6
) -> Property:
    """The property that the layer's value, which must be there, is another one."""

    def check(at: AtLayer) -> None:
        try:
            with torch.no_grad():
                z, found = at.z, other(at)
        except FAILURES as error:
            require(False, name, formula, error, "an equilibrium", x=at.x)
            return
        size = 1 + float(z.norm()) + float(found.norm()) + float(at.bias.norm())
        holds = float((z - found).norm()) <= tolerance * size
        require(holds, name, formula, z, found, x=at.x)

    return Property(check, (name,))


def fixed_point(at: AtLayer) -> Tensor:
    """σ(Wz + Ux + b)."""
    Wz = at.parametrization.multiply(at.parametrization.weight(), at.z)
    value: Tensor = at.layer.activation(Wz + at.bias)
    return value


def from_afar(at: AtLayer) -> Tensor:
    """The inclusion's solution from another start."""
    F, G = at.layer.inclusion(at.x)
    generator = torch.Generator().manual_seed(1)
    start = 10 * torch.randn(at.z.shape, dtype=at.z.dtype, generator=generator)
    found: Tensor = sk.solve(
        F + G, start, sk.PeacemanRachford(), tol=TIGHT, max_iter=MOST_ITERATIONS, batch_ndim=1
    ).x
    return found


def one_by_one(at: AtLayer) -> Tensor:
    """Each sample of the batch alone."""
    return torch.cat([at.layer(x[None]) for x in at.x])
