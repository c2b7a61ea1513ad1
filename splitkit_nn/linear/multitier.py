"""Tiers of falling resolution in one equilibrium: A and B block lower bidiagonal convolutions.

With A_{i+1,i} = E S_i, S_i a convolution with stride r and E its embedding into the next grid,

    W_ii = (1−m)I − A_iᵀA_i − S_iᵀS_i + B_i − B_iᵀ,   W_{i+1,i} = −2A_{i+1}ᵀE S_i,

without S_i in the last tier. Then W = (1−m)I − AᵀA + B − Bᵀ for B_{i+1,i} = −A_{i+1}ᵀE S_i, and
I − W ⪰ mI. Source: Winston, Kolter (2020), §4.3 and App. D.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from splitkit.arguments import check_integer
from splitkit_nn.activations import Activation
from splitkit_nn.linear.base import frobenius_bound, prepare
from splitkit_nn.linear.bounds.base import MARGIN, LipschitzBounds, Watch, unwatched
from splitkit_nn.linear.bounds.scalar import scalar_bounds
from splitkit_nn.linear.circular import CircularConvolution
from splitkit_nn.linear.image import ImageParametrization
from splitkit_nn.linear.kernels import (
    amplitude,
    border_mask,
    gram,
    identity_kernel,
    kernel_parameter,
    monotone_kernel,
    normalized,
    scale_parameter,
)
from splitkit_nn.linear.lattice import Lattice, cross_spectrum
from splitkit_nn.linear.slices import slices
from splitkit_nn.linear.tiers import TieredConvolution, split

TIGHTER = (0.0, 0.5, 0.75, 0.9)  # shares θ of m that multipliers of tiers may cost
LEAST = 1e-3  # of ‖Sᵢ‖²/m: where it is 0, tiers are not coupled
NORMS = "l2", "linf"


class MonotoneMultiTier(ImageParametrization):
    """W over tiers of channels, each on a grid of 1/stride of the side before; x feeds the first.

    Inputs are (batch, in_channels, *side). Equilibria are (batch, total): the tiers flattened one
    after the other, so that they are one array for the solver; ``tiers`` gives them their shapes.
    Tier i has side s/rⁱ with a border around it in which the equilibrium is zero. The coarse grid
    of its pixels rj fills the first rows and columns of the grid of tier i + 1.

    Parameters
    ----------
    in_channels : int
        Of the image.
    channels : sequence of int
        Of the tiers, the finest first.
    side : int or (int, int)
        Height and width of the image.
    kernel_size : int
        k, odd; the same for all convolutions.
    m : float
        Strong monotonicity of I − W, positive; the paper takes 1.
    stride : int
        r; it divides the side of every tier but the last, and twice the border.
    border : int
        Its width; 0 leaves each grid a torus. The paper takes 1.

    Attributes
    ----------
    A, B : torch.nn.ParameterList
        For each tier a kernel of shape (channels, channels, k, k).
    S : torch.nn.ParameterList
        For each tier but the last a kernel of shape (next channels, channels, k, k).
    g, gs, h : torch.nn.ParameterList
        Scales, 1 at first: √|g|·A/‖A‖_F, √|g s|·S/‖S‖_F and h·B/‖B‖_F are what enters W.
    U : torch.nn.Conv2d
        The input map into the first tier, with bias.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, ``kernel_size`` is even, m no positive number, or
        the side cannot be divided for each tier.

    Examples
    --------
    >>> W = sknn.MonotoneMultiTier(in_channels=1, channels=(4, 4), side=8)
    >>> sknn.MonDEQ(W)(torch.randn(2, 1, 8, 8)).shape
    torch.Size([2, 544])
    """

    formula = r"W = (1 - m)I - A^\top A + B - B^\top"

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        side: int | tuple[int, int],
        kernel_size: int = 3,
        m: float = 1.0,
        *,
        stride: int = 2,
        border: int = 1,
    ) -> None:
        if isinstance(channels, (int, str)) or not channels:
            raise TypeError(f"channels = {channels!r}: give a sequence, such as (16, 32, 32)")
        super().__init__(in_channels, channels[0], side, kernel_size, m, border)
        self.channels = tuple(check_integer("channels", n, 1) for n in channels)
        self.stride = check_integer("stride", stride, 1)
        self.lattices = self._make_lattices()
        k, pairs = kernel_size, zip(self.channels[:-1], self.channels[1:], strict=True)
        self.A = nn.ParameterList([kernel_parameter(n, n, k) for n in self.channels])
        self.B = nn.ParameterList([kernel_parameter(n, n, k) for n in self.channels])
        self.S = nn.ParameterList([kernel_parameter(after, n, k) for n, after in pairs])
        self.g, self.gs, self.h = (
            nn.ParameterList([scale_parameter() for _ in kernels])
            for kernels in (self.A, self.S, self.B)
        )

    def inside(self) -> Any:
        masks = [border_mask(each.height, each.width, self.border) for each in self.lattices]
        parts = zip(self.channels, masks, strict=True)
        return np.concatenate([np.tile(mask.ravel(), n) for n, mask in parts])

    def _make_lattices(self) -> tuple[Lattice, ...]:
        """The tiers' grids, the last without phases."""
        r, last = self.stride, len(self.channels) - 1
        if last and 2 * self.border % r:
            raise ValueError(
                f"stride = {r} does not divide twice the border = {self.border}: give a divisor"
            )
        if any(n % r**last for n in self.side):
            raise ValueError(
                f"side = {self.side} cannot be divided by stride = {r} {last} times, as "
                f"{last + 1} tiers need: give multiples of {r**last}, or fewer channels"
            )
        height, width = self.side
        return tuple(
            Lattice(
                height // r**i + 2 * self.border,
                width // r**i + 2 * self.border,
                stride=r if i < last else 1,
            )
            for i in range(last + 1)
        )

    def tiers(self, z: Tensor) -> tuple[Tensor, ...]:
        """The tiers of z, each of shape (batch, channels, height, width), as views."""
        shapes = [
            (n, at.height, at.width) for n, at in zip(self.channels, self.lattices, strict=True)
        ]
        parts = split(z, [n * height * width for n, height, width in shapes])
        return tuple(part.unflatten(-1, shape) for part, shape in zip(parts, shapes, strict=True))

    def bias(self, x: Tensor) -> Tensor:
        first = super().bias(x).flatten(1)
        sizes = zip(self.channels[1:], self.lattices[1:], strict=True)
        return functional.pad(first, (0, sum(n * at.height * at.width for n, at in sizes)))

    def weight(self) -> Tensor:
        """The kernels of W_ii + S_iᵀS_i, then of S_i, then of A_i but the first, as one vector."""
        for part in self.children():
            if isinstance(part, nn.ParameterList):
                prepare(part)
        A = [amplitude(g) * normalized(A) for g, A in zip(self.g, self.A, strict=True)]
        S = [amplitude(g) * normalized(S) for g, S in zip(self.gs, self.S, strict=True)]
        B = [h * normalized(B) for h, B in zip(self.h, self.B, strict=True)]
        W = [monotone_kernel(gram(a), b, self.m) for a, b in zip(A, B, strict=True)]
        return torch.cat([kernel.flatten() for kernel in (*W, *S, *A[1:])])

    def _kernels(self, weight: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """The kernels of W_ii + S_iᵀS_i, of S_i, and of A_i but the first."""
        k, n = self.kernel_size, self.channels
        shapes = [
            *((i, i, 2 * k - 1, 2 * k - 1) for i in n),
            *((after, i, k, k) for i, after in pairwise(n)),
            *((i, i, k, k) for i in n[1:]),
        ]
        parts = split(weight, [math.prod(shape) for shape in shapes])
        kernels = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        return self._by_kind(kernels)

    def _by_kind(self, parts: list[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Those of each tier, of each but the last, and of each but the first."""
        tiers = len(self.channels)
        return parts[:tiers], parts[tiers : 2 * tiers - 1], parts[2 * tiers - 1 :]

    def _operator(self, weight: Tensor) -> TieredConvolution:
        """I − W of a weight, differentiable in it."""
        W, S, A = self._kernels(weight)
        strided = [
            at.spectrum(s, strided=True) for at, s in zip(self.lattices[:-1], S, strict=True)
        ]
        carried = [2 * at.spectrum(a).mH for at, a in zip(self.lattices[1:], A, strict=True)]
        D = [at.spectrum(identity_kernel(w) - w) for at, w in zip(self.lattices, W, strict=True)]
        for i, s in enumerate(strided):
            D[i] = D[i] + s.mH @ s
        diagonal = [CircularConvolution(d, at) for d, at in zip(D, self.lattices, strict=True)]
        return TieredConvolution(diagonal, strided, carried, strong_monotonicity=self.m)

    def multiply(self, W: Tensor, z: Tensor) -> Tensor:
        return z - self._operator(W)(z)

    def multiply_transpose(self, W: Tensor, v: Tensor) -> Tensor:
        return v - self._operator(W).adjoint(v)

    def outer(self, W: Tensor, p: Tensor, z: Tensor) -> Tensor:
        """Of ⟨p, Wz⟩ = Σ ⟨p_i, K_i z_i⟩ − ⟨S_i p_i, S_i z_i⟩ − 2⟨A_{i+1}p_{i+1}, E S_i z_i⟩."""
        M, k = self._operator(W), self.kernel_size
        spectra: list[Tensor] = []
        for part in slices(z):
            found = self._cross_spectra(M, p[part], z[part])
            spectra = [a + b for a, b in zip(spectra, found, strict=True)] if spectra else found
        of_K, of_back, of_A = self._by_kind(spectra)
        of_S = [
            -S.conj() @ (Γ + Γ.mH) - 2 * Δ
            for S, Γ, Δ in zip(M.strided, of_K, of_back, strict=False)
        ]
        taps = [
            *(at.taps(Γ, 2 * k - 1) for at, Γ in zip(self.lattices, of_K, strict=True)),
            *(at.taps(Γ, k, strided=True) for at, Γ in zip(self.lattices, of_S, strict=False)),
            *(at.taps(-2 * Γ, k) for at, Γ in zip(self.lattices[1:], of_A, strict=True)),
        ]
        return torch.cat([each.flatten() for each in taps])

    def _cross_spectra(self, M: TieredConvolution, p: Tensor, z: Tensor) -> list[Tensor]:
        """Of p_i and z_i; of EᵀA_{i+1}p_{i+1} and z_i; of E S_i z_i and p_{i+1}."""
        P, Z = M.transform(p), M.transform(z)
        of_back, of_A = [], []
        for i in range(len(M.strided)):
            at, after = Lattice(*self.lattices[i].coarse), self.lattices[i + 1]
            Ap = after.inverse(P[i + 1] @ (0.5 * M.carried[i]).conj())
            back = at.transform(Ap[:, :, : at.height, : at.width])
            of_back.append(cross_spectrum(back, Z[i]))
            of_A.append(cross_spectrum(M.descend(i, Z[i]), P[i + 1]))
        return [*map(cross_spectrum, P, Z), *of_back, *of_A]

    def confine(self, activation: Activation) -> Activation:
        """The activation inside the borders.

        Raises
        ------
        ValueError
            It is not elementwise: the tiers are flattened, and have no axes for it to act along.
        """
        if not activation.elementwise:
            raise ValueError(
                f"activation = {activation!r} is not elementwise, which tiers need: give another"
            )
        return super().confine(activation)

    def lipschitz_bounds(
        self, activation: Activation, rows: Tensor, differences: Tensor, **search: Any
    ) -> LipschitzBounds:
        """By one multiplier λᵢ for each tier, λ₀ = 1 and λᵢ₊₁ = cᵢ²λᵢ. For y = Λ^½z, S and w are
        S̃ = Λ^{−½}(ΛM + MᵀΛ)Λ^{−½}, in which M_{i+1,i} is multiplied by cᵢ, and Λ^{−½}w; U is as it
        was, since the first tier alone is fed. Of

            ⟨y, S̃y⟩ = 2Σ m‖yᵢ‖² + ‖Aᵢyᵢ‖² + ‖Sᵢyᵢ‖² + 2cᵢ⟨Aᵢ₊₁yᵢ₊₁, ESᵢyᵢ⟩

        the last term is part of a square with ‖Aᵢ₊₁yᵢ₊₁‖² + cᵢ²‖Sᵢyᵢ‖², so that S̃ ⪰ 2(1 − θ)mI for
        cᵢ² = 1 + θm/‖Sᵢ‖², and

            ‖S̃^{−½}U‖² ≤ ½ max over ω of ‖Û*(m + Â₀*Â₀ + (1 − c₀²)Ŝ₀*Ŝ₀)⁻¹Û‖.

        The best of a few θ counts, for each row by itself; Λ = I is one of them.
        """
        found: list[LipschitzBounds] = []
        shares = TIGHTER if search.get("steps", 1) else TIGHTER[:1]
        watch: Watch = search.pop("watch", unwatched)
        with torch.no_grad():
            M, gain = self.operator(exact=True), self.input_norm()
            parts = split(rows.detach(), M.sizes)
            for k, theta in enumerate(shares):
                weighted, roots, reach = self._weighted(M, theta)
                scaled = [part / root for part, root in zip(parts, roots, strict=True)]

                def shown(done: int, of: int, k: int = k) -> None:
                    watch(k * of + done, len(shares) * of)

                found.append(
                    scalar_bounds(
                        weighted,
                        gain,
                        activation.mask,
                        torch.cat(scaled, dim=1),
                        differences,
                        math.prod(self.input_shape),
                        reach=reach,
                        watch=shown,
                        **search,
                    )
                )
        l2, linf = (torch.stack([getattr(each, n) for each in found]).amin(0) for n in NORMS)
        return replace(found[0], l2=l2, linf=linf)

    def _weighted(
        self, M: TieredConvolution, theta: float
    ) -> tuple[TieredConvolution, list[float], float]:
        """Λ^½MΛ^{−½} for M = I − W, the roots of Λ, and a bound of ‖S̃^{−½}U‖²."""
        at = self.lattices[0]
        A, U = (
            at.spectrum(kernel)
            for kernel in (
                amplitude(self.g[0]) * normalized(self.A[0]),
                self.input_kernel(exact=True),
            )
        )
        sizes = [float(torch.linalg.matrix_norm(S, 2).max()) ** 2 / self.m for S in M.strided]
        ratios = [math.sqrt(1 + theta / max(size, LEAST)) for size in sizes]
        carried = [c * each for c, each in zip(ratios, M.carried, strict=True)]
        m = self.m * (1 - theta)
        weighted = TieredConvolution(M.diagonal, M.strided, carried, strong_monotonicity=m)
        T = A.mH @ A + self.m * torch.eye(A.shape[-1]).to(A)
        for c, S in zip(ratios[:1], M.strided, strict=False):
            T = T + (1 - c**2) * S.mH @ S
        half = torch.linalg.solve_triangular(torch.linalg.cholesky(T), U, upper=False)
        reach = float(torch.linalg.matrix_norm(half, 2).max()) ** 2 / 2 * (1 + MARGIN)
        return weighted, list(itertools.accumulate(ratios, operator.mul, initial=1.0)), reach

    def operator(self, W: Tensor | None = None, *, exact: bool) -> TieredConvolution:
        """I − W; m is the parametrization's, and L an upper bound, the sharper one if exact."""
        with torch.no_grad():
            M = self._operator(self.weight() if W is None else W)
            return M if exact else M.with_cheap_norm(frobenius_bound)
