"""The Fourier transform of an array at frequencies that lie on no grid (NUFFT)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from splitkit.arguments import check_sizes
from splitkit.backend import (
    Array,
    Point,
    Shape,
    Space,
    from_numpy,
    is_traced,
    join,
    namespace,
    to_numpy,
    with_adjoint,
)
from splitkit.linear.base import LinearOperator
from splitkit.properties import Properties

LARGE = 2**22  # numbers of the matrix, from which on the fast transform is faster
SMALL = 2**16  # of them, up to which its norm is computed from them
SLACK = 1e-4  # of ‖L‖ in single precision, 1e-10 in double: what the transform may be off by


class NonuniformFourier(LinearOperator):
    """x ↦ (N^{−1/2} Σₖ xₖ exp(−i⟨ωⱼ, k − ⌊n/2⌋⟩))ⱼ of the last axes of a complex array, or of a
    pair (real part, imaginary part) of real ones; k from 0 to n − 1 along each axis.

    With ω on the grid 2π(0, …, n − 1)/n it is ``Fourier`` up to phases. The adjoint is matched. LᵀL
    is convolution with N⁻¹Σⱼ exp(i⟨ωⱼ, k⟩), |kₐ| < nₐ, a block of a circulant matrix of twice the
    size, whose greatest modulus of an eigenvalue bounds ‖L‖²; of small matrices it is exact.

    Source: Dutt, Rokhlin, *Fast Fourier transforms for nonequispaced data* (1993); Barnett,
    Magland, af Klinteberg, *A parallel nonuniform fast Fourier transform library based on an
    "exponential of semicircle" kernel* (2019); Fessler, Lee, Olafsson, Shi, Noll, *Toeplitz-based
    iterative image reconstruction for MRI with correction for magnetic field inhomogeneity* (2005)
    for LᵀL.

    Parameters
    ----------
    points : array, shape (M, d), d from 1 to 3
        ωⱼ in radians, of any size; real and finite, with dtype and device of x's parts.
    shape : int or tuple of int
        n, the last axes of x, as many as the points have columns.

    Raises
    ------
    TypeError, ValueError
        The points are no real floating array of shape (M, 1), (M, 2) or (M, 3), or the shape does
        not fit them.

    Notes
    -----
    O(MN) by sums axis after axis, on every library; with ``finufft`` (``pip install
    splitkit[nufft]``) large arrays of NumPy, and others through NumPy, take O(N log N + M), to
    10⁻⁶ in single precision and 10⁻¹² in double.

    Examples
    --------
    >>> L = sk.linear.NonuniformFourier(np.array([[0.0], [np.pi / 2]]), 3)
    >>> x = np.array([1.0, 2.0, 1.0], dtype=complex)
    >>> print(np.round(np.sqrt(3) * L(x), 6))
    [4.+0.j 2.+0.j]
    >>> print(L.norm <= 2**0.5)  # of two rows of length 1
    True
    """

    formula = r"\mathcal{F}_\omega"
    acts_on_complex = True
    properties = Properties(linear=True)

    def __init__(self, points: Array, shape: int | Sequence[int]) -> None:
        space = Space.of(points, name="points")
        if space.is_complex:
            raise TypeError(f"points has dtype {points.dtype}: give real frequencies")
        if points.ndim != 2 or points.shape[1] not in (1, 2, 3) or 0 in points.shape:
            raise ValueError(
                f"points has shape {tuple(points.shape)}: give (M, 1), (M, 2) or (M, 3)"
            )
        self.points, self.dimensions = points, int(points.shape[1])
        self.shape: Shape = check_sizes("shape", shape, 1, self.dimensions)
        self.values: Shape = (int(points.shape[0]),)

    @cached_property
    def costly(self) -> bool:
        return True

    @cached_property
    def _waves(self) -> tuple[Array, ...]:
        """exp(−iωk) of each axis, one row for each frequency, with N^{−1/2} in the first."""
        return self._waves_on(self.shape, self.points)

    def _waves_on(self, shape: Shape, points: Array) -> tuple[Array, ...]:
        xp, found = namespace(points), []
        for a, n in enumerate(shape):
            k = from_numpy(np.arange(n) - n // 2, points)
            angle = points[:, a : a + 1] * xp.astype(k, points.dtype)
            size = math.prod(self.shape) ** -0.5 if a == 0 else 1.0
            found.append(join(size * xp.cos(angle), -size * xp.sin(angle), xp))
        return tuple(found)

    def _sums(self, x: Array) -> Array:
        """Lx, axis after axis from the last."""
        *waves, last = self._waves
        xp = namespace(x)
        y = x @ last.T
        for wave in reversed(waves):
            y = xp.sum(y * wave.T, axis=-2)
        return y

    def _sums_back(self, y: Array, waves: tuple[Array, ...] | None = None) -> Array:
        """Lᵀy, the first axis first."""
        *first, last = self._waves if waves is None else waves
        conj = namespace(y).conj
        for wave in first:
            y = y[..., None, :] * conj(wave).T
        return y @ conj(last)

    @cached_property
    def _fast(self) -> Any:
        """finufft, where it is installed and worth it; else None."""
        if math.prod(self.shape) * self.values[0] < LARGE:
            return None
        try:
            return import_module("finufft")
        except ImportError:
            return None

    @cached_property
    def _columns(self) -> list[Any]:
        """The points of each axis, as NumPy's."""
        return [np.ascontiguousarray(column) for column in to_numpy(self.points).T]

    def _transformed(self, x: Array, out: Shape, kind: int) -> Array:
        """By finufft: type 2 is L, type 1 its adjoint, both without N^{−1/2}."""
        single = self._columns[0].dtype == np.float32
        of = self.shape if kind == 2 else self.values
        batch = x.shape[: x.ndim - len(of)]
        values = to_numpy(x).reshape(math.prod(batch), *of)
        values = np.ascontiguousarray(values, dtype=np.complex64 if single else np.complex128)
        found = np.empty((len(values), *out), dtype=values.dtype)
        transform = getattr(self._fast, f"nufft{self.dimensions}d{kind}")
        options = {"isign": -1 if kind == 2 else 1, "eps": 1e-6 if single else 1e-12}
        sizes = () if kind == 2 else (out if self.dimensions > 1 else out[0],)
        for one, value in zip(found, values, strict=True):
            one[...] = transform(*self._columns, value, *sizes, **options)
        return from_numpy(found.reshape(*batch, *out) * math.prod(self.shape) ** -0.5, x)

    def _ahead(self, x: Array) -> Array:
        if self._fast is None or is_traced(x):
            return self._sums(x)
        return with_adjoint(lambda z: self._transformed(z, self.values, 2), self._back, x)

    def _back(self, y: Array) -> Array:
        if self._fast is None or is_traced(y):
            return self._sums_back(y)
        return with_adjoint(lambda z: self._transformed(z, self.shape, 1), self._ahead, y)

    def __call__(self, x: Point) -> Point:
        return self._of_parts(self._ahead, x)

    def adjoint(self, y: Point) -> Point:
        return self._of_parts(self._back, y)

    def _of_parts(self, apply: Any, x: Point) -> Point:
        if not isinstance(x, tuple):
            return apply(x)
        xp = namespace(x[0])
        z = apply(join(x[0], x[1], xp))
        return xp.real(z), xp.imag(z)

    @cached_property
    def norm(self) -> float:
        single = namespace(self.points).finfo(self.points.dtype).eps > 1e-10
        slack = 1 + (SLACK if single else 1e-10)
        points = to_numpy(self.points).astype(np.float64)
        if self.values[0] * math.prod(self.shape) <= SMALL:
            rows = np.eye(self.values[0], dtype=complex)
            whole = self._sums_back(rows, self._waves_on(self.shape, points))
            return float(np.linalg.norm(whole.reshape(len(rows), -1), 2)) * slack
        twice = tuple(2 * n for n in self.shape)
        ones, size = np.ones(self.values, dtype=complex), math.prod(self.shape) ** -0.5
        if self._fast is None:
            gram = size * self._sums_back(ones, self._waves_on(twice, points))
        else:
            gram = size * self._transformed(ones, twice, 1)
        for a, n in enumerate(self.shape):  # lags from −n, which no pair has, to n − 1
            index = [slice(None)] * len(twice)
            index[a] = slice(0, 1)
            gram[tuple(index)] = 0.0
            gram = np.roll(gram, -n, axis=a)
        greatest = float(np.abs(np.fft.fftn(gram)).max())
        return math.sqrt(greatest) * slack

    def check_space(self, space: Space, name: str = "L") -> None:
        self._batch(space, self.shape, name)

    def range_space(self, space: Space) -> Space:
        return self._space(space, self.shape, self.values, "L")

    def domain_space(self, space: Space) -> Space:
        return self._space(space, self.values, self.shape, "the transpose of L")

    def _space(self, space: Space, of: Shape, to: Shape, name: str) -> Space:
        whole = (*self._batch(space, of, name), *to)
        return replace(space, shapes=(whole,) * len(space.shapes))

    def _batch(self, space: Space, wanted: Shape, name: str) -> Shape:
        shapes, shape = space.shapes, space.shapes[0]
        pair = space.is_tuple and len(shapes) == 2 and shapes[0] == shapes[1]
        batch = shape[: len(shape) - len(wanted)]
        takes = not space.is_tuple if space.is_complex else pair
        if not takes or shape != (*batch, *wanted):
            raise ValueError(
                f"{name} = {self!r} acts on complex arrays, or pairs (real part, imaginary part) "
                f"of real arrays, whose last axes are {wanted}, got {space.dtype} of shapes "
                f"{shapes}"
            )
        space.check_array(self.points, "points")
        return batch

    def __repr__(self) -> str:
        return f"NonuniformFourier({'×'.join(map(str, self.shape))} → {self.values[0]})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        line = cls(asarray([[0.3], [-2.0], [4.0]]), 4)
        image = cls(asarray([[0.3, 1.0], [-2.0, 0.5], [3.0, -3.0], [0.1, 0.2]]), (2, 3))
        return [(line, ((4,), (4,)), ((3,), (3,))), (image, ((2, 3),) * 2, ((4,), (4,)))]
