"""Circular convolutions on a grid by frequencies; a stride is a change of channels.

(Kz)_o(x) = Σ_{i,d} K_oid z_i(x + d), with |d| ≤ (k − 1)/2 in both directions and x on the torus:
the convention of ``torch.nn.Conv2d``.

With a stride r, x = rX + a and x + d = rD + c: the r² phases of n channels are r²n channels on the
coarse grid of the X, and every map that commutes with shifts by r is an ordinary circular
convolution between them. On the half spectrum of the real DFT it has the blocks

    K̂(ω)_{(o,a),(i,c)} = Σ_d K_oid [(a + d) mod r = c] exp(iω·⌊(a + d)/r⌋).

A strided convolution keeps the rows a = 0 alone. The r² frequencies of the fine grid that alias to
ω are the DFT of the r² phases, so that nothing has to be said of aliases.

Arrays of any library; differentiable by Torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from splitkit.arguments import check_integer
from splitkit.backend import Array, device, namespace

SHORT = 20  # to this side, products with two matrices take a CPU half as long as an FFT


@dataclass(frozen=True)
class Lattice:
    """A torus of height × width points with its phases modulo ``stride``.

    Parameters
    ----------
    height, width : int
        Multiples of the stride.
    stride : int
        r; with 1 there is one phase, and the coarse grid is the grid itself.
    """

    height: int
    width: int
    stride: int = 1

    @property
    def coarse(self) -> tuple[int, int]:
        """Height and width of the grid of every r-th point."""
        return self.height // self.stride, self.width // self.stride

    @property
    def phases(self) -> int:
        """r²."""
        return self.stride**2

    @cached_property
    def frequencies(self) -> int:
        """The number of blocks in the half spectrum."""
        height, width = self.coarse
        return height * (width // 2 + 1)

    @cached_property
    def multiplicity(self) -> Any:
        """How many frequencies of the whole spectrum each block stands for: 1 or 2."""
        height, width = self.coarse
        return np.tile(_counts(width), height)

    def transform(self, z: Array) -> Array:
        """The blocks ẑ(ω), shape (frequencies, batch, r²n), of z, shape (batch, n, height, width).

        Their sum of squares, times the multiplicity, is ‖z‖² times the size of the coarse grid.
        """
        xp = namespace(z)
        batch, channels = z.shape[:2]
        (height, width), r = self.coarse, self.stride
        points = batch * channels * r * r
        if r > 1:
            z = xp.reshape(z, (batch, channels, height, r, width, r))
            z = xp.permute_dims(z, (0, 1, 3, 5, 2, 4))
        z = xp.reshape(z, (points, height, width))
        if self._is_short_on(z):
            rows, columns = self._matrices(z, _forward)
            along_rows = rows @ xp.permute_dims(xp.astype(z, rows.dtype), (1, 2, 0))
            Z = columns @ xp.reshape(along_rows, (height, -1))
        else:
            Z = _swapped(xp.fft.rfftn(z, axes=(-2, -1)), points)
        return xp.reshape(Z, (self.frequencies, batch, channels * r * r))

    def inverse(self, Z: Array) -> Array:
        """z with the blocks Z; what is not Hermitian in Z counts by its Hermitian part."""
        xp = namespace(Z)
        batch = Z.shape[1]
        (height, width), r = self.coarse, self.stride
        channels = Z.shape[2] // self.phases
        half, points = width // 2 + 1, batch * channels * r * r
        if self._is_short_on(Z):
            rows, columns = self._matrices(Z, _backward)
            along_columns = columns @ xp.reshape(Z, (height, half * points))
            along_columns = xp.reshape(along_columns, (height, half, points))
            z = xp.permute_dims(along_columns, (0, 2, 1)) @ rows
            z = xp.permute_dims(xp.real(z), (1, 0, 2))
        else:
            Z = xp.reshape(_swapped(Z, self.frequencies), (points, height, half))
            z = xp.fft.irfftn(Z, s=(height, width), axes=(-2, -1))
        if r > 1:
            z = xp.reshape(z, (batch, channels, r, r, height, width))
            z = xp.permute_dims(z, (0, 1, 4, 2, 5, 3))
        return xp.reshape(z, (batch, channels, self.height, self.width))

    def _is_short_on(self, like: Array) -> bool:
        """Whether the transforms of this array are products with two matrices."""
        return max(self.coarse) <= SHORT and str(device(like)) == "cpu"

    def _matrices(self, like: Array, make: Any) -> Iterator[Array]:
        """What ``make`` gives of the coarse grid, in complex, with the precision of an array."""
        xp = namespace(like)
        single = _complex(like) == xp.complex64
        for matrix in make(*self.coarse, np.complex64 if single else np.complex128):
            yield xp.asarray(matrix, device=device(like))

    def spectrum(self, kernel: Array, *, strided: bool = False) -> Array:
        """The blocks K̂(ω), shape (frequencies, rows, r²n), of a kernel of shape (n₂, n, k, k).

        There are r²n₂ rows, or n₂ if strided.
        """
        xp = namespace(kernel)
        outputs, inputs, k, _ = kernel.shape
        waves = self._waves(kernel, strided)
        flat = xp.reshape(xp.permute_dims(kernel, (2, 3, 0, 1)), (k * k, outputs * inputs))
        rows = 1 if strided else self.phases
        K = xp.reshape(
            waves @ xp.astype(flat, waves.dtype),
            (self.frequencies, rows, self.phases, outputs, inputs),
        )
        K = xp.permute_dims(K, (0, 3, 1, 4, 2))
        return xp.reshape(K, (self.frequencies, outputs * rows, inputs * self.phases))

    def taps(self, Γ: Array, size: int, *, strided: bool = False) -> Array:
        """The derivative of ⟨p, Kz⟩ in the kernel K of side ``size``, of the cross spectrum
        of p and z: the transpose of ``spectrum``.
        """
        xp = namespace(Γ)
        rows = 1 if strided else self.phases
        outputs, inputs = Γ.shape[1] // rows, Γ.shape[2] // self.phases
        waves = self._waves(Γ, strided, size)
        weights = xp.asarray(self.multiplicity / math.prod(self.coarse), device=device(Γ))
        weights = xp.reshape(xp.astype(weights, Γ.dtype), (self.frequencies, 1, 1))
        waves = xp.reshape(waves, (self.frequencies, -1, size * size)) * weights
        waves = xp.reshape(waves, (-1, size * size))
        Γ = xp.reshape(Γ, (self.frequencies, outputs, rows, inputs, self.phases))
        Γ = xp.reshape(xp.permute_dims(Γ, (0, 2, 4, 1, 3)), (waves.shape[0], outputs * inputs))
        taps = xp.reshape(xp.real(waves.T @ Γ), (size, size, outputs, inputs))
        return xp.permute_dims(taps, (2, 3, 0, 1))

    def _waves(self, like: Array, strided: bool, size: int | None = None) -> Array:
        """exp(iω·⌊(a + d)/r⌋) [(a + d) mod r = c], rows (ω, a, c), columns d, in complex."""
        xp = namespace(like)
        size = like.shape[-1] if size is None else size
        waves = xp.asarray(_waves(self, size, strided), device=device(like))
        return xp.astype(waves, _complex(like))


def cross_spectrum(P: Array, Z: Array) -> Array:
    """Σ p̂(ω)*ẑ(ω) over the batch, of the blocks P and Z: a matrix for each frequency."""
    xp = namespace(P, Z)
    return xp.conj(xp.permute_dims(P, (0, 2, 1))) @ Z


def _swapped(Z: Array, rows: int) -> Array:
    """The transpose of Z taken as a matrix of so many rows, laid out anew, as a vector: products of
    blocks would otherwise copy each block by itself.
    """
    xp = namespace(Z)
    return xp.reshape(xp.permute_dims(xp.reshape(Z, (rows, -1)), (1, 0)), (-1,))


def _complex(like: Array) -> Any:
    """The complex dtype with the precision of an array."""
    xp = namespace(like)
    return xp.complex64 if like.dtype in (xp.float32, xp.complex64) else xp.complex128


@lru_cache(maxsize=64)
def _forward(height: int, width: int, dtype: Any) -> tuple[Any, Any]:
    """The half DFT along rows, and that along columns, for products from the left."""
    half = width // 2 + 1
    return _dft(width)[:half].astype(dtype), _dft(height).astype(dtype)


@lru_cache(maxsize=64)
def _backward(height: int, width: int, dtype: Any) -> tuple[Any, Any]:
    """Their inverses, that along rows for a product from the right, whose real part counts: there a
    frequency stands for its conjugate too.
    """
    counts = _counts(width)[:, None]
    rows = np.conj(_dft(width)[: len(counts)]) * counts / width
    return rows.astype(dtype), (np.conj(_dft(height)) / height).astype(dtype)


def _counts(width: int) -> Any:
    """How many frequencies of a whole row each of its half stands for."""
    return np.where((2 * np.arange(width // 2 + 1)) % width == 0, 1.0, 2.0)


def _dft(n: int) -> Any:
    """exp(−2πi jk/n)."""
    j = np.arange(n)
    return np.exp(-2j * np.pi / n * (np.outer(j, j) % n))


@lru_cache(maxsize=64)
def _waves(lattice: Lattice, size: int, strided: bool) -> Any:
    r = lattice.stride
    offsets = np.arange(size) - (size - 1) // 2
    first = np.arange(1 if strided else r)

    def along(length: int, frequencies: int) -> Any:
        """Axes ω, a, c, d of one direction."""
        target = first[:, None] + offsets
        wave = np.exp(2j * np.pi / length * np.arange(frequencies)[:, None, None] * (target // r))
        return wave[:, :, None] * (target[:, None] % r == np.arange(r)[:, None])

    height, width = lattice.coarse
    rows, columns = along(height, height), along(width, width // 2 + 1)
    waves = np.einsum("xacp,ybeq->xyabcepq", rows, columns)
    return waves.reshape(-1, size * size)


def check_grid(name: str, side: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a side given as an int or a pair."""
    remedy = "give an integer ≥ 1, or a pair (height, width) of them"
    height, width = side if isinstance(side, (tuple, list)) and len(side) == 2 else (side, side)
    return check_integer(name, height, 1, remedy), check_integer(name, width, 1, remedy)
