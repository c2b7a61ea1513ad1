"""Periodic convolution that mixes channels: a matrix for each frequency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from splitkit.arguments import check_sizes
from splitkit.backend import Array, Point, Space, extremes, namespace
from splitkit.linear.base import LinearOperator, rounded
from splitkit.linear.fourier import placed
from splitkit.linear.last_axes import LastAxesMap
from splitkit.properties import Properties


class ChannelConvolution(LastAxesMap):
    """(Lx)ₒ = Σ_c hₒ_c ∗ x_c on a periodic grid, x of shape (…, channels, *grid).

    With x̂ the discrete Fourier transform over the grid, (Lx)^(ω) = ĥ(ω) x̂(ω) for a matrix ĥ(ω) of
    output by input channels: ‖L‖ and the least gain are the greatest and the least singular value
    of these matrices, m the least eigenvalue of their Hermitian parts; all exact.

    ``LinearConvolution`` makes of it convolutions that do not wrap around, with strides and with
    channels last. Source: Sedghi, Gupta, Long, *The singular values of convolutional layers*
    (2019).

    Parameters
    ----------
    kernel : array, shape (outputs, inputs, k), (…, k₁, k₂) or (…, k₁, k₂, k₃)
        h, real and finite; dtype and device of x. A convolution: kernels of networks, which are
        correlated with x, are flipped, and their origin is counted from the other end.
    shape : int or tuple of int
        The grid's sizes.
    origin : int or tuple of int, optional
        The index of the kernel's entry that leaves a point in its place. None: its middle.

    Raises
    ------
    TypeError, ValueError
        The kernel is no real floating array with two axes more than the grid.

    Notes
    -----
    O(C N log N + C² N) for N points of the grid and C channels.

    Examples
    --------
    >>> L = sk.linear.ChannelConvolution(np.array([[[1.0, 2.0], [0.0, 1.0]]]), 3, origin=0)
    >>> x = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # two channels
    >>> print(L(x))
    [[2. 2. 0.]]
    """

    formula = "H"
    by_parts = acts_on_complex = True

    def __init__(
        self,
        kernel: Array,
        shape: int | Sequence[int],
        *,
        origin: int | Sequence[int] | None = None,
    ) -> None:
        if Space.of(kernel, name="kernel").is_complex:
            raise TypeError(f"kernel has dtype {kernel.dtype}: give a real one")
        count = kernel.ndim - 2
        if count not in (1, 2, 3) or 0 in kernel.shape:
            raise ValueError(
                f"kernel has shape {tuple(kernel.shape)}: give outputs, inputs, and one to three "
                "axes, with entries"
            )
        sizes = tuple(int(k) for k in kernel.shape[2:])
        middle = tuple(size // 2 for size in sizes)
        self.origin = middle if origin is None else check_sizes("origin", origin, 0, count)
        self.shape, self.kernel = check_sizes("shape", shape, 1, count), kernel
        self.domain_shape = (int(kernel.shape[1]), *self.shape)
        self.range_shape = (int(kernel.shape[0]), *self.shape)
        self._axes = tuple(range(-count, 0))
        xp = namespace(kernel)
        spectrum = xp.fft.rfftn(placed(kernel, self.origin, self.shape), axes=self._axes)
        self._half = tuple(spectrum.shape[2:])
        matrices = xp.reshape(spectrum, (*kernel.shape[:2], math.prod(self._half)))
        self.spectrum = xp.permute_dims(matrices, (2, 0, 1))  # ĥ(ω), ω first

    def _multiply(self, matrices: Array, x: Array) -> Array:
        xp, count = namespace(x), len(self._axes)
        before, inputs = x.shape[: -count - 1], x.shape[-count - 1]
        transformed = xp.fft.rfftn(x, axes=self._axes)
        columns = xp.reshape(transformed, (math.prod(before), inputs, math.prod(self._half)))
        product = matrices @ xp.permute_dims(columns, (2, 1, 0))
        product = xp.permute_dims(product, (2, 1, 0))
        product = xp.reshape(product, (*before, product.shape[1], *self._half))
        return xp.fft.irfftn(product, s=self.shape, axes=self._axes)

    def __call__(self, x: Point) -> Point:
        return self._multiply(self.spectrum, x)

    def adjoint(self, y: Point) -> Point:
        xp = namespace(self.spectrum)
        return self._multiply(xp.conj(xp.matrix_transpose(self.spectrum)), y)

    @cached_property
    def _rounding(self) -> float:
        eps = float(namespace(self.kernel).finfo(self.kernel.dtype).eps)
        return 4 * eps * math.prod(self.domain_shape) * self.norm

    @cached_property
    def _gains(self) -> tuple[float, float]:
        return extremes(namespace(self.spectrum).linalg.svdvals(self.spectrum))

    @cached_property
    def norm(self) -> float:
        return self._gains[1]

    @cached_property
    def least_gain(self) -> float:
        wide = self.range_shape[0] < self.domain_shape[0]
        return 0.0 if wide else rounded(self._gains[0], self._rounding)

    @cached_property
    def gram(self) -> float | None:
        least, greatest = self._gains
        wide = self.range_shape[0] <= self.domain_shape[0]
        return least * greatest if wide and greatest - least <= self._rounding else None

    @cached_property
    def properties(self) -> Properties:
        if not self.is_square:
            return Properties(linear=True)
        xp = namespace(self.spectrum)
        turned = xp.conj(xp.matrix_transpose(self.spectrum))
        eigenvalues = xp.linalg.eigvalsh((self.spectrum + turned) / 2)
        return self.square_properties(rounded(extremes(eigenvalues)[0], self._rounding))

    def check_kind(self, space: Space, name: str) -> None:
        space.check_array(self.kernel, "the kernel")

    def __repr__(self) -> str:
        sizes = "×".join(map(str, self.shape))
        return f"ChannelConvolution({self.domain_shape[0]} → {self.range_shape[0]}, {sizes})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        wide = [[[1.0, 3.0, -0.5], [0.5, 0.0, 1.0]]]
        square = [[[[2.0, 0.5]], [[0.3, 0.0]]], [[[0.0, -0.7]], [[3.0, 0.5]]]]
        return [
            (cls(asarray(wide), 4), (2, 2, 4), (2, 1, 4)),
            (cls(asarray(square), (2, 3)), (2, 2, 3), (2, 2, 3)),
        ]
