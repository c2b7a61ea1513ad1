"""The orthonormal discrete cosine transform."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.fft

from splitkit.arguments import check_integer
from splitkit.backend import Array, Point, Space, from_numpy, namespace
from splitkit.linear.base import LinearOperator
from splitkit.linear.last_axes import part
from splitkit.properties import Properties


class CosineTransform(LinearOperator):
    """x ↦ its discrete cosine transform DCT-II over the last axes, scaled to be orthogonal.

    (Lx)ₖ = cₖ Σᵢ xᵢ cos(πk(2i + 1)/2N), c₀ = √(1/N), cₖ = √(2/N); L⁻¹ = Lᵀ is the DCT-III.

    Source: Strang, *The Discrete Cosine Transform* (1999).

    Parameters
    ----------
    dimensions : int, default 1
        Over how many axes; those before are transformed one by one.

    Raises
    ------
    TypeError, ValueError
        It is no positive integer.

    Notes
    -----
    O(N log N): SciPy's transform for arrays of NumPy, elsewhere Fourier's of lines that are
    mirrored, of twice their length.

    Examples
    --------
    >>> L = sk.linear.CosineTransform()
    >>> x = np.array([1.0, 1.0, 1.0, 1.0])
    >>> print(L(x), L.T(L(x)))
    [2. 0. 0. 0.] [1. 1. 1. 1.]
    """

    formula = r"\mathcal{C}"
    norm = least_gain = gram = 1.0
    properties = Properties.of(lipschitz=1.0, linear=True)
    by_parts = acts_on_complex = True

    def __init__(self, dimensions: int = 1) -> None:
        self.dimensions = check_integer("dimensions", dimensions, 1)
        self._axes = tuple(range(-self.dimensions, 0))

    def __call__(self, x: Point) -> Point:
        if isinstance(x, np.ndarray):
            return scipy.fft.dctn(x, axes=self._axes, norm="ortho")
        xp = namespace(x)
        for axis in self._axes:
            N = int(x.shape[axis])
            mirrored = xp.concat((x, xp.flip(x, axis=axis)), axis=axis)
            turned = xp.fft.rfft(mirrored, axis=axis)[part(axis, 0, N)]
            cosine, sine = (_along(values, axis, x) for values in _factors(N, 0.5))
            x = (cosine * xp.real(turned) + sine * xp.imag(turned)) / math.sqrt(2 * N)
        return x

    def adjoint(self, y: Point) -> Point:
        if isinstance(y, np.ndarray):
            return scipy.fft.idctn(y, axes=self._axes, norm="ortho")
        xp = namespace(y)
        for axis in self._axes:
            N = int(y.shape[axis])
            cosine, sine = (_along(values, axis, y) for values in _factors(N, 2.0))
            last = xp.zeros_like(y[part(axis, 0, 1)])  # of the frequency N
            real, imaginary = (xp.concat((f * y, last), axis=axis) for f in (cosine, sine))
            turned = real + 1j * imaginary
            mirrored = xp.fft.irfft(turned, n=2 * N, axis=axis) * math.sqrt(2 * N)
            y = mirrored[part(axis, 0, N)]
        return y

    def check_space(self, space: Space, name: str = "L") -> None:
        if space.is_tuple or len(space.shapes[0]) < self.dimensions or 0 in space.shapes[0]:
            raise ValueError(
                f"{name} = {self!r} acts on one array with at least {self.dimensions} axes that "
                f"have entries, got {space.shapes}"
            )

    def __repr__(self) -> str:
        return f"CosineTransform({self.dimensions})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [(cls(), (2, 5), (2, 5)), (cls(2), (2, 3), (2, 3))]


def _factors(N: int, first: float) -> tuple[Any, Any]:
    """Cosines and sines of πk/2N, those of k = 0 times the root of a number."""
    angles = np.arange(N) * (math.pi / (2 * N))
    scale = np.where(angles > 0, 1.0, math.sqrt(first))
    return scale * np.cos(angles), scale * np.sin(angles)


def _along(values: Any, axis: int, like: Array) -> Array:
    return from_numpy(values.reshape((-1,) + (1,) * (-axis - 1)), like)
