"""aI + bDᵀD for finite differences D, with a, b ≥ 0."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import scipy.fft

from splitkit.arguments import NON_NEGATIVE, check_parameter
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    differentiating,
    from_numpy,
    is_traced,
    lincomb,
    namespace,
    on_host,
    scale,
)
from splitkit.linear.base import LinearOperator, SymmetricMap, is_samplewise, require_number
from splitkit.linear.gradient import Gradient
from splitkit.linear.iterative import Iterative
from splitkit.meshes import is_cut_along, is_scattered
from splitkit.properties import Properties


class SecondDifferences(SymmetricMap):
    """x ↦ ax + bDᵀDx.

    aI + bDᵀD for finite differences D, with a, b ≥ 0: solved with by the cosine transform, or by
    Fourier's on a periodic grid.

    DᵀD multiplies by λ = Σ 4sin²(πkₐ/2Nₐ), kₐ < Nₐ, in the basis of the cosine transform DCT-II,
    where the last differences are 0 (Neumann), and by λ = Σ 4sin²(πkₐ/Nₐ) in Fourier's on a
    periodic grid. Libraries without a cosine transform take Fourier's of points that are mirrored
    along each axis.

    Source: Strang, *The Discrete Cosine Transform* (1999).

    Parameters
    ----------
    D : Gradient
    a, b : float, default 0 and 1
        Non-negative.

    Examples
    --------
    >>> L = sk.linear.SecondDifferences(sk.linear.Gradient(axes=(-1,)), a=1.0)
    >>> x = np.array([0.0, 1.0, 0.0])
    >>> print(L(x), L.inverted()(L(x)))
    [-1.  3. -1.] [ 0.  1.  0.]
    """

    formula = r"<a*>I + <b*>D^\top D"
    acts_on_complex = True

    def __init__(self, D: Gradient, a: float = 0.0, b: float = 1.0) -> None:
        self.D = D
        self.a = check_parameter("a", a, NON_NEGATIVE)
        self.b = check_parameter("b", b, NON_NEGATIVE)
        self.norm = self.a + self.b * D.norm**2
        self.least_gain = self.a

    @property
    def solver(self) -> str:
        return "FFT" if self.D.boundary == "periodic" else "the cosine transform"

    @cached_property
    def properties(self) -> Properties:
        return self.square_properties(self.a, symmetric=True)

    def __call__(self, x: Point) -> Point:
        second = self.D.adjoint(self.D(x))
        return lincomb(self.a, x, self.b, second) if self.a else scale(self.b, second)

    def inverted(self) -> LinearOperator:
        if not self.a > 0:
            raise np.linalg.LinAlgError(f"{self!r} is singular: constants are mapped to 0")
        return InverseDifferences(self)

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        if is_samplewise(alpha):
            return self.samplewise_inverse(alpha)
        require_number(alpha, self)
        return InverseDifferences(SecondDifferences(self.D, 1 + alpha * self.a, alpha * self.b))

    def eigenvalues(self, lines: Iterable[tuple[int, int, int]]) -> Any:
        """a + bΣ 4sin²(πk/N), of so many k along each axis, for triples (axis, N, so many)."""
        total = np.zeros(())
        for axis, N, count in lines:
            line = 4 * np.sin(math.pi * np.arange(count) / N) ** 2
            total = total + line.reshape((-1,) + (1,) * (-axis - 1))
        return self.a + self.b * total

    def check_space(self, space: Space, name: str = "axes") -> None:
        self.D.check_space(space, name)

    def __repr__(self) -> str:
        return f"({self.a:g} I + {self.b:g} {self.D!r}ᵀ{self.D!r})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [
            (cls(Gradient()), (3, 4), (3, 4)),
            (cls(Gradient(boundary="periodic"), 0.5, 2.0), (2, 3, 4), (2, 3, 4)),
            (cls(Gradient(-1, shape=(5,)), 1.0, 3.0), (2, 5), (2, 5)),
        ]


class InverseDifferences(SymmetricMap):
    """(aI + bDᵀD)⁻¹, a > 0."""

    by_parts = acts_on_complex = True

    def __init__(self, of: SecondDifferences) -> None:
        self.of, self.norm, self.least_gain = of, 1 / of.a, 1 / of.norm
        self._gains: dict[Any, Any] = {}

    @cached_property
    def properties(self) -> Properties:
        return self.square_properties(self.least_gain, symmetric=True)

    def __call__(self, x: Point) -> Point:
        if is_scattered(x) and any(is_cut_along(x, axis) for axis in self.of.D.axes):
            return Iterative(self.of).inverted()(x)  # which asks neighbours alone
        if is_traced(x) or differentiating(x):
            return self._applied(x)  # by transforms that the library differentiates
        return on_host(self._applied, x)

    def inverted(self) -> LinearOperator:
        return self.of

    def _applied(self, x: Array) -> Array:
        axes, gains = self.of.D.axes, self._gains_for(x)
        if self.of.D.boundary == "neumann" and isinstance(x, np.ndarray):
            transformed = scipy.fft.dctn(x, axes=axes, norm="ortho")
            transformed *= gains
            return scipy.fft.idctn(transformed, axes=axes, norm="ortho", overwrite_x=True)
        xp, y = namespace(x), x
        if self.of.D.boundary == "neumann":
            for axis in axes:
                y = xp.concat((y, xp.flip(y, axis=axis)), axis=axis)
        sizes = [y.shape[axis] for axis in axes]
        transformed = xp.fft.rfftn(y, axes=axes) * gains
        y = xp.fft.irfftn(transformed, s=sizes, axes=axes)
        if self.of.D.boundary == "neumann":
            for axis in axes:
                index = [slice(None)] * y.ndim
                index[axis] = slice(x.shape[axis])
                y = y[tuple(index)]
        return y

    def _gains_for(self, x: Array) -> Array:
        """1/(a + bλ) of the axes of x, in the basis that is taken for it; kept as NumPy's, which
        outlives a function that is compiled.
        """
        D, by_cosines = self.of.D, isinstance(x, np.ndarray)
        sizes = tuple(int(x.shape[axis]) for axis in D.axes)
        key = sizes, x.dtype if by_cosines else None
        if key not in self._gains:
            mirrored = D.boundary == "neumann"
            by_cosines = by_cosines and mirrored
            whole = [2 * n if mirrored else n for n in sizes]  # of Fourier's transform
            counts = [*sizes] if by_cosines else [*whole[:-1], whole[-1] // 2 + 1]
            gains = 1 / self.of.eigenvalues(zip(D.axes, whole, counts, strict=True))
            self._gains[key] = gains if key[1] is None else gains.astype(x.dtype)
        gains = self._gains[key]
        return gains if isinstance(x, np.ndarray) else from_numpy(gains, x)

    def check_space(self, space: Space, name: str = "axes") -> None:
        self.of.check_space(space, name)

    def __repr__(self) -> str:
        return f"{self.of!r}⁻¹"
