"""Periodic convolution on a grid in one, two or three dimensions, diagonal in Fourier's basis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.arguments import check_sizes
from splitkit.backend import (
    Array,
    Point,
    Space,
    from_numpy,
    is_array,
    is_complex,
    namespace,
    roll,
    to_numpy,
)
from splitkit.linear.base import LinearOperator
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.multiplier import Multiplier


def placed(kernel: Array, origin: tuple[int, ...], grid: tuple[int, ...]) -> Array:
    """Its last axes on a periodic grid, around which they wrap, with the origin at 0."""
    values = to_numpy(kernel)
    count = values.ndim - len(grid)
    h = np.zeros((*values.shape[:count], *grid), dtype=values.dtype)
    ends = zip(values.shape[count:], origin, grid, strict=True)
    along = [(np.arange(k) - o) % n for k, o, n in ends]
    np.add.at(h, np.ix_(*map(np.arange, values.shape[:count]), *along), values)
    return from_numpy(h, kernel)


class FourierMultiplier(Multiplier, LastAxesMap):
    """x ↦ F⁻¹(ĥ ⊙ Fx) on the last axes of x, F the real discrete Fourier transform.

    Parameters
    ----------
    spectrum : complex array
        ĥ on the half spectrum that ``rfftn`` gives for a grid of this shape.
    shape : tuple of int
        The grid: one, two or three sizes.
    symmetric, skew : bool
        Whether ĥ is real or imaginary.
    """

    by_parts = acts_on_complex = True

    def __init__(
        self,
        spectrum: Array,
        shape: tuple[int, ...],
        *,
        symmetric: bool = False,
        skew: bool = False,
    ) -> None:
        self.spectrum, self.shape = spectrum, shape
        self.domain_shape = self.range_shape = shape
        self.symmetric, self.skew = symmetric, skew
        self._axes = tuple(range(-len(shape), 0))

    solver = "FFT"

    @cached_property
    def real(self) -> Array:
        return namespace(self.spectrum).real(self.spectrum)

    @cached_property
    def rounding(self) -> float:
        eps = float(namespace(self.real).finfo(self.real.dtype).eps)
        return 4 * eps * math.prod(self.shape) * self.norm

    @property
    def whole(self) -> ComplexFourierMultiplier:
        """The same map of complex points, by ĥ on the whole spectrum: ĥ₋ₖ is conjugate to ĥₖ."""
        xp, n = namespace(self.spectrum), self.shape[-1]
        beyond = xp.flip(self.spectrum[..., 1 : (n + 1) // 2], axis=self._axes)
        for axis in self._axes[:-1]:
            beyond = roll(beyond, 1, axis)
        spectrum = xp.concat((self.spectrum, xp.conj(beyond)), axis=-1)
        return ComplexFourierMultiplier(
            spectrum, self.shape, symmetric=self.symmetric, skew=self.skew
        )

    @property
    def counts(self) -> tuple[int, ...]:
        """How many frequencies there are along each axis."""
        return tuple(self.spectrum.shape[-len(self.shape) :])

    def like(
        self, spectrum: Array, *, symmetric: bool | None = None, skew: bool = False
    ) -> FourierMultiplier:
        """The map that multiplies by these numbers, in the same basis and on the same half of the
        spectrum or all; symmetric as this one, unless it is said.
        """
        if symmetric is None:
            symmetric = self.symmetric
        return self._basis(spectrum, self.shape, symmetric=symmetric, skew=skew)

    @property
    def _basis(self) -> type[FourierMultiplier]:
        return FourierMultiplier

    def _multiply(self, spectrum: Array, x: Array) -> Array:
        fft = namespace(x).fft
        transformed = fft.rfftn(x, axes=self._axes)
        return fft.irfftn(spectrum * transformed, s=self.shape, axes=self._axes)

    def __call__(self, x: Point) -> Point:
        return self._multiply(self.spectrum, x)

    def adjoint(self, y: Point) -> Point:
        return self._multiply(namespace(y).conj(self.spectrum), y)

    def check_kind(self, space: Space, name: str) -> None:
        space.check_array(self.real, "the kernel")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'×'.join(map(str, self.shape))})"


class ComplexFourierMultiplier(FourierMultiplier):
    """x ↦ F⁻¹(ĥ ⊙ Fx) on the last axes of complex x, F the complex discrete Fourier transform, ĥ on
    its whole spectrum.
    """

    by_parts = False

    @property
    def whole(self) -> ComplexFourierMultiplier:
        return self

    @property
    def _basis(self) -> type[FourierMultiplier]:
        return ComplexFourierMultiplier

    def _multiply(self, spectrum: Array, x: Array) -> Array:
        fft = namespace(x).fft
        return fft.ifftn(spectrum * fft.fftn(x, axes=self._axes), axes=self._axes)

    def __call__(self, x: Point) -> Point:
        return self._multiply(self.spectrum, x)

    def adjoint(self, y: Point) -> Point:
        return self._multiply(namespace(y).conj(self.spectrum), y)

    def check_kind(self, space: Space, name: str) -> None:
        space.check_array(self.spectrum, "the kernel")


class Convolution(FourierMultiplier):
    """x ↦ h ∗ x on a periodic grid, on the last axes of x: (h ∗ x)ᵢ = Σₖ hₖ xᵢ₋ₖ₊ₒ.

    Periodic convolution on a grid in one, two or three dimensions, diagonal in Fourier's basis:

    x̂ ↦ ĥ ⊙ x̂, a multiplier by ĥ.

    Of a real kernel half the spectrum suffices, and complex points are convolved by parts; with a
    complex one points are complex. All constants are exact.
    Source: Golub, Van Loan, *Matrix Computations* (2013), §4.8.

    Parameters
    ----------
    kernel : array, shape (k,), (k₁, k₂) or (k₁, k₂, k₃)
        h, finite; dtype and device of x, or of its parts. Any size: it wraps around the grid.
    shape : int or tuple of int
        The grid's sizes, as many as the kernel has axes.
    origin : int or tuple of int, optional
        o, the index of the kernel's entry that leaves a point in its place. None: its middle,
        ``size // 2``.

    Raises
    ------
    TypeError, ValueError
        The kernel is no floating array of one to three axes, or the grid or the origin does not fit
        it.

    Examples
    --------
    >>> L = sk.linear.Convolution(np.array([0.5, 0.5]), shape=(4,))
    >>> x = np.array([1.0, 0.0, 0.0, 0.0])
    >>> y = L(x)
    >>> print(y, L.T(y))
    [0.5 0.  0.  0.5] [0.5  0.25 0.   0.25]
    >>> print(L.norm)
    1.0
    """

    formula = "H"

    def __new__(
        cls,
        kernel: Array,
        shape: int | Sequence[int],
        *,
        origin: int | Sequence[int] | None = None,
    ) -> Convolution:
        return super().__new__(_OfComplex if is_array(kernel) and is_complex(kernel) else cls)

    def __getnewargs__(self) -> tuple[Array, tuple[int, ...]]:
        return self.kernel, self.shape

    def __init__(
        self,
        kernel: Array,
        shape: int | Sequence[int],
        *,
        origin: int | Sequence[int] | None = None,
    ) -> None:
        Space.of(kernel, name="kernel")
        if kernel.ndim not in (1, 2, 3) or 0 in kernel.shape:
            raise ValueError(
                f"kernel has shape {tuple(kernel.shape)}: give one to three axes with entries"
            )
        middle = tuple(size // 2 for size in kernel.shape)
        self.origin = middle if origin is None else check_sizes("origin", origin, 0, kernel.ndim)
        grid = check_sizes("shape", shape, 1, kernel.ndim)
        self.kernel = kernel
        h = to_numpy(placed(kernel, self.origin, grid))
        mirrored = np.conj(np.roll(np.flip(h), 1, axis=tuple(range(h.ndim))))  # h̄₋ᵢ
        fft = namespace(kernel).fft
        spectrum = (fft.fftn if is_complex(kernel) else fft.rfftn)(from_numpy(h, kernel))
        super().__init__(
            spectrum, grid, symmetric=bool((h == mirrored).all()), skew=bool((h == -mirrored).all())
        )

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        blur = asarray([[0.0, 0.5, 0.0], [0.5, 2.0, 0.5], [0.0, 0.5, 0.0]])
        return [
            (cls(asarray([1.0, 3.0, -0.5]), 5), (2, 5), (2, 5)),
            (cls(asarray([-0.5, 0.0, 0.5]), 6), (6,), (6,)),
            (cls(asarray([0.0, 1.0]), 4, origin=0), (4,), (4,)),
            (cls(blur, (4, 5)), (4, 5), (4, 5)),
            (cls(asarray([[1.0, 2.0, 3.0], [0.5, 4.0, 1.0]]), (3, 2)), (2, 3, 2), (2, 3, 2)),
        ]


class _OfComplex(ComplexFourierMultiplier, Convolution):
    """With a complex kernel."""

    def __repr__(self) -> str:
        return f"Convolution({'×'.join(map(str, self.shape))})"


def Circulant(column: Array) -> Convolution:
    """The circulant matrix with this first column, acting on the last axis of x.

    Parameters
    ----------
    column : array, shape (n,)
        The first column, real or complex.

    Examples
    --------
    >>> L = sk.linear.Circulant(np.array([2.0, -1.0, 0.0, -1.0]))
    >>> x = np.array([1.0, 0.0, 0.0, 0.0])
    >>> y = L(x)
    >>> print(y, L.T(y))
    [ 2. -1.  0. -1.] [ 6. -4.  2. -4.]
    >>> print(L.norm)
    4.0
    """
    Space.of(column, name="column")
    if column.ndim != 1:
        raise ValueError(f"column has shape {tuple(column.shape)}: give a vector")
    return Convolution(column, int(column.shape[0]), origin=0)
