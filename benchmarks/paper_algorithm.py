"""The paper's algorithms as it prints them, for dense, convolutional and multi-tier models.

Algorithm 2 forward and Algorithm 4 backward with α = 1: both half steps of Peaceman-Rachford
spelled out, complex blocks over the full spectrum, the inverse made anew at every step, the strided
terms of the tiers by Prop. D1 (in the form that docs/errata.md corrects), and an error over the
whole batch that the host reads after each iteration. The gradient goes through one tracked
application.

Source: Winston, Kolter (2020), §3, App. C.1 and D.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from splitkit_nn.linear import MonotoneConv2d, MonotoneMultiTier, Parametrization
from splitkit_nn.linear.kernels import amplitude, circular_conv2d, normalized, transposed
from splitkit_nn.models import Classifier

Map = Callable[[Tensor], Tensor]
MAX_ITER = 300


def equilibrium(model: Classifier, x: Tensor, tol: float) -> tuple[Tensor, list[int]]:
    """z, and the iterations of the forward solve, to which backward appends its own."""
    P, sigma = model.layer.parametrization, model.layer.activation
    W, bias = P.weight(), P.bias(x)
    with torch.no_grad():
        V, VT = resolvent(P, W)
        z, count = iterate(P, sigma, V, bias, torch.zeros_like(bias), tol)
        j = sigma.derivative(P.multiply(W, z) + bias)
        d, singular, iterations = (1 - j) / j, j == 0, [count]

    def solve(v: Tensor) -> Tensor:
        def prox(u: Tensor) -> Tensor:
            result = (u + v) / (1 + d)
            result[singular] = 0
            return result

        with torch.no_grad():
            u, count = iterate(P, prox, VT, 0.0, torch.zeros_like(v), tol)
            iterations.append(count)
            return v + P.multiply_transpose(W, u)

    tracked = sigma(P.multiply(W, z) + bias)
    if tracked.requires_grad:
        tracked.register_hook(solve)
    return tracked, iterations


def iterate(
    P: Parametrization, prox: Map, V: Map, bias: Tensor | float, z: Tensor, tol: float
) -> tuple[Tensor, int]:
    """Peaceman-Rachford, and how many iterations it took."""
    u, error, count = z, 1.0, 0
    while error > tol and count < MAX_ITER:
        half = 2 * z - u
        u = 2 * V(half + bias) - half
        after = prox(u)
        parts = zip(split(P, after), split(P, after - z), strict=True)
        error = sum(float(change.norm() / (1e-6 + part.norm())) for part, change in parts)
        z, count = after, count + 1
    return z, count


def split(P: Parametrization, z: Tensor) -> Sequence[Tensor]:
    """The tiers of z; itself alone where there are none."""
    return P.tiers(z) if isinstance(P, MonotoneMultiTier) else (z,)


def resolvent(P: Parametrization, W: Tensor) -> tuple[Map, Map]:
    """V and Vᵀ for V = (I + I − W)⁻¹."""
    if isinstance(P, MonotoneMultiTier):
        return tiered_resolvent(P)
    if isinstance(P, MonotoneConv2d):
        blocks = full_spectrum(W, P.grid.height, P.grid.width)
        V = torch.linalg.inv(2 * torch.eye(len(W), dtype=blocks.dtype) - blocks)
        return (lambda z: filtered(z, V.mT)), (lambda z: filtered(z, V.conj()))
    V = torch.linalg.inv(2 * torch.eye(len(W), dtype=W.dtype) - W)
    return (lambda z: z @ V.T), (lambda z: z @ V)


def full_spectrum(kernel: Tensor, height: int, width: int) -> Tensor:
    """K̂(ω) of a circular convolution, shape (height·width, rows, columns)."""
    rows, columns, size, _ = kernel.shape
    padded = torch.zeros(rows, columns, height, width, dtype=kernel.dtype)
    centre = torch.arange(size) - size // 2
    at = (
        torch.arange(rows)[:, None, None, None],
        torch.arange(columns)[None, :, None, None],
        (centre % height)[:, None],
        centre % width,
    )
    padded.index_put_(at, kernel, accumulate=True)
    return torch.fft.fft2(padded).conj().permute(2, 3, 0, 1).flatten(0, 1)


def transform(z: Tensor) -> Tensor:
    """ẑ(ω), shape (height·width, batch, channels)."""
    return torch.fft.fft2(z).permute(2, 3, 0, 1).flatten(0, 1)


def inverse_transform(Z: Tensor, grid: tuple[int, int]) -> Tensor:
    """z of its full spectrum."""
    return torch.fft.ifft2(Z.unflatten(0, grid).permute(2, 3, 0, 1)).real


def filtered(z: Tensor, right: Tensor) -> Tensor:
    """z with its blocks multiplied from the right."""
    return inverse_transform(transform(z) @ right, (z.shape[-2], z.shape[-1]))


class Tier:
    """The inverse of P + SᵀS by the Woodbury identity, P = I + mI + AᵀA − B + Bᵀ; without S, P⁻¹.

    Sampling every r-th pixel adds the r² frequencies that alias, divided by r².
    """

    def __init__(self, P: Tensor, S: Tensor | None, grid: tuple[int, int], stride: int) -> None:
        self.grid, self.stride, self.S = grid, stride, S
        self.inverse = torch.linalg.inv(P)
        if S is not None:
            self.left, self.right = S @ self.inverse, self.inverse @ S.mH
            H = self.alias_sum(self.left @ S.mH)
            self.H = torch.linalg.inv(stride**2 * torch.eye(len(H[0]), dtype=H.dtype) + H)

    def alias_sum(self, Z: Tensor) -> Tensor:
        """The sum over the frequencies that alias."""
        height, width = (n // self.stride for n in self.grid)
        shape = (self.stride, height, self.stride, width, *Z.shape[1:])
        return Z.reshape(shape).sum((0, 2)).flatten(0, 1)

    def alias_copy(self, Z: Tensor) -> Tensor:
        """Its transpose."""
        height, width = (n // self.stride for n in self.grid)
        copies = Z.unflatten(0, (1, height, 1, width))
        shape = (self.stride, height, self.stride, width, *Z.shape[1:])
        return copies.expand(shape).reshape(-1, *Z.shape[1:])

    def __call__(self, y: Tensor) -> Tensor:
        Y = transform(y)
        X = Y @ self.inverse.mT
        if self.S is not None:
            T = self.alias_sum(Y @ self.left.mT) @ self.H.mT
            X = X - self.alias_copy(T) @ self.right.mT
        return inverse_transform(X, self.grid)

    def adjoint(self, y: Tensor) -> Tensor:
        Y = transform(y)
        X = Y @ self.inverse.conj()
        if self.S is not None:
            T = self.alias_sum(Y @ self.right.conj()) @ self.H.conj()
            X = X - self.alias_copy(T) @ self.left.conj()
        return inverse_transform(X, self.grid)


def tiered_resolvent(P: MonotoneMultiTier) -> tuple[Map, Map]:
    """V by forward substitution over the tiers, Vᵀ by backward substitution."""
    A = [amplitude(g) * normalized(each) for g, each in zip(P.g, P.A, strict=True)]
    S = [amplitude(g) * normalized(each) for g, each in zip(P.gs, P.S, strict=True)]
    B = [h * normalized(each) for h, each in zip(P.h, P.B, strict=True)]
    grids = [(at.height, at.width) for at in P.lattices]
    inverses = []
    for a, b, s, grid in zip(A, B, [*S, None], grids, strict=True):
        a, b = full_spectrum(a, *grid), full_spectrum(b, *grid)
        s = None if s is None else full_spectrum(s, *grid)
        identity = torch.eye(a.shape[1], dtype=a.dtype)
        inverses.append(Tier((1 + P.m) * identity + a.mH @ a - b + b.mH, s, grid, P.stride))
    steps = list(zip(S, A[1:], pairwise(grids), strict=True))

    def down(x: Tensor, i: int) -> Tensor:
        """2AᵀES x."""
        S, A, (_, after) = steps[i]
        Sx = circular_conv2d(x, S, stride=P.stride)
        missing = after[1] - Sx.shape[3], after[0] - Sx.shape[2]
        return 2 * circular_conv2d(
            functional.pad(Sx, (0, missing[0], 0, missing[1])), transposed(A)
        )

    def up(x: Tensor, i: int) -> Tensor:
        """2SᵀEᵀA x."""
        S, A, (before, _) = steps[i]
        Ax = circular_conv2d(x, A)
        fine = x.new_zeros(len(x), Ax.shape[1], *before)
        fine[:, :, :: P.stride, :: P.stride] = Ax[
            :, :, : before[0] // P.stride, : before[1] // P.stride
        ]
        return 2 * circular_conv2d(fine, transposed(S))

    def apply(y: Tensor) -> Tensor:
        parts = P.tiers(y)
        x = [inverses[0](parts[0])]
        for i in range(len(steps)):
            x.append(inverses[i + 1](parts[i + 1] - down(x[i], i)))
        return torch.cat([each.flatten(1) for each in x], dim=1)

    def apply_transposed(y: Tensor) -> Tensor:
        parts = P.tiers(y)
        x = [inverses[-1].adjoint(parts[-1])]
        for i in reversed(range(len(steps))):
            x.insert(0, inverses[i].adjoint(parts[i] - up(x[0], i)))
        return torch.cat([each.flatten(1) for each in x], dim=1)

    return apply, apply_transposed
