"""What a layer's equilibria must be: there, unique, those of W as it is now, each by itself."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

import splitkit as sk
from splitkit.testing._report import require
from splitkit.testing._suite import Case
from splitkit_nn.layers import MonDEQ
from splitkit_nn.testing.case import MOST_ITERATIONS, TIGHT, AtLayer, matrix_of

LARGEST_MATRIX = 300  # entries of an equilibrium for which W is formed
ASCENT_STEPS = 15


def least_eigenvalue(layer: MonDEQ, shape: tuple[int, ...]) -> Tensor:
    """That of the symmetric part of I − W."""
    W = matrix_of(layer, shape)
    M = torch.eye(W.shape[0], dtype=W.dtype) - W
    eigenvalues: Tensor = torch.linalg.eigvalsh((M + M.T) / 2)
    return eigenvalues[0]


def adversarial(layer: MonDEQ, shape: tuple[int, ...], effort: int, seed: int) -> Iterator[Case]:
    """Parameters found by descent on λ_min(I − W)."""
    for kind in ("own", "normal", "negative")[: 1 + effort]:
        at = AtLayer.of(layer, shape, (kind, seed))
        points = tuple(at.bias.shape[1:])
        if np.prod(points) > LARGEST_MATRIX:
            return
        if not at.parametrization.weight().requires_grad:  # ``tracked`` says so
            return
        optimizer = torch.optim.Adam(at.layer.parameters(), lr=0.3)
        for _ in range(ASCENT_STEPS):
            optimizer.zero_grad()
            with torch.enable_grad():
                least_eigenvalue(at.layer, points).backward()  # type: ignore[no-untyped-call]
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
            W = at.matrix()
            M = torch.eye(W.shape[0], dtype=W.dtype) - W
            values, vectors = torch.linalg.eigh((M + M.T) / 2)
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


def solve_or_report(at: AtLayer, name: str, formula: str) -> Tensor | None:
    """The layer's value; that there is none is a violation."""
    try:
        return at.z
    except (sk.NotConvergedError, ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        require(False, name, formula, error, "an equilibrium", x=at.x)
        return None


def equilibrium(at: AtLayer) -> None:
    """z = σ(Wz + Ux + b), with W as it is now."""
    formula = "z = σ(Wz + Ux + b) for z = layer(x), W as the parameters are now"
    z = solve_or_report(at, "equilibrium", formula)
    if z is None:
        return
    with torch.no_grad():
        Wz = at.parametrization.multiply(at.parametrization.weight(), z)
        right = at.layer.activation(Wz + at.bias)
    size = 1 + float(z.norm()) + float(Wz.norm()) + float(at.bias.norm())
    require(float((z - right).norm()) <= 1e-6 * size, "equilibrium", formula, z, right, x=at.x)


def unique(at: AtLayer) -> None:
    """The inclusion's solution from another start is z."""
    formula = "the equilibrium from another start is layer(x)"
    z = solve_or_report(at, "unique", formula)
    if z is None:
        return
    F, G = at.layer.inclusion(at.x)
    start = 10 * torch.randn(z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(1))
    try:
        found = sk.solve(
            F + G, start, sk.PeacemanRachford(), tol=TIGHT, max_iter=MOST_ITERATIONS, batch_ndim=1
        ).x
    except (sk.NotConvergedError, sk.NoGuaranteeError) as error:
        require(False, "unique", formula, error, z, x=at.x)
        return
    size = (1 + float(z.norm()) + float(at.bias.norm())) * max(1.0, 1 / at.parametrization.m)
    require(float((z - found).norm()) <= 1e-5 * size, "unique", formula, found, z, x=at.x)


def batch(at: AtLayer) -> None:
    """One sample of a batch is what the layer makes of it alone."""
    formula = "layer(x)[i] = layer(x[i])"
    z = solve_or_report(at, "batch_independence", formula)
    if z is None:
        return
    with torch.no_grad():
        alone = torch.cat([at.layer(at.x[i : i + 1]) for i in range(at.x.shape[0])])
    size = 1 + float(z.norm()) + float(at.bias.norm())
    holds = float((z - alone).norm()) <= 1e-6 * size
    require(holds, "batch_independence", formula, z, alone, x=at.x)
