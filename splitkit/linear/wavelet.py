"""The wavelet transform of a periodic signal or image, and its adjoint, which is matched."""

from __future__ import annotations

import math
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from splitkit.arguments import check_integer, check_number, check_sizes
from splitkit.backend import Array, Point, Shape, namespace
from splitkit.linear.base import LinearOperator
from splitkit.linear.last_axes import LastAxesMap, part
from splitkit.properties import Properties

Filters = tuple[tuple[float, ...], tuple[float, ...]]  # low-pass, high-pass


class Wavelet(LastAxesMap):
    """x ↦ its wavelet coefficients over the last axes, on a periodic grid, in an array like x.

    A level takes x along each axis to aᵢ = Σⱼ hⱼ x_{2i + s − j} in the first half and
    dᵢ = Σⱼ gⱼ x_{2i + s − j} in the second, s half the filters' length; the next level does so with
    what is the first half along all axes. LLᵀ = LᵀL = I where the wavelet is orthogonal; else the
    extreme singular values of a level are those of its 2 × 2 matrices of Fourier coefficients, and
    ‖L‖ is at most the product over levels, an image's level counting once for each axis.

    Source: Mallat, *A Wavelet Tour of Signal Processing* (2009), §7.3, §7.4, §7.7.

    Parameters
    ----------
    shape : int or tuple of int
        The last axes of x, each divisible by 2 for each level.
    wavelet : str, sequence of float, or object with ``dec_lo``, ``dec_hi``, ``rec_lo``, ``rec_hi``
        A name that PyWavelets knows (``pip install splitkit[wavelets]``), "haar" without it; the
        low-pass filter h of an orthogonal wavelet, hence gⱼ = (−1)^{j+1} h_{F−1−j}; or its like of
        PyWavelets.
    levels : int, optional
        None: as many as sizes that stay even, and no shorter than the filter, allow; one at least.

    Raises
    ------
    TypeError, ValueError
        The filter is not orthogonal, or of odd length; a size does not allow for the levels.
    ImportError
        A name other than "haar" without PyWavelets.

    Notes
    -----
    O(FN) for filters of F entries. The coefficients are those of PyWavelets' ``wavedecn`` with
    ``mode="periodization"``, laid out by ``coeffs_to_array``. ``inverted()`` is the synthesis.

    Examples
    --------
    >>> L = sk.linear.Wavelet(4, "haar", 2)
    >>> x = np.array([1.0, 1.0, 3.0, 3.0])
    >>> print(L(x), L.T(L(x)))
    [ 4. -2.  0.  0.] [1. 1. 3. 3.]
    """

    formula = r"\mathcal{W}"
    by_parts = acts_on_complex = True

    def __init__(
        self,
        shape: int | Shape,
        wavelet: Any = "haar",
        levels: int | None = None,
    ) -> None:
        sizes = check_sizes("shape", shape)
        self.domain_shape = self.range_shape = sizes
        self.name, self.filters, self.dual = _filters(wavelet)
        length = len(self.filters[0])
        most = min(_halvings(n, length) for n in sizes)
        self.levels = max(most, 1) if levels is None else check_integer("levels", levels, 0)
        if any(n % 2**self.levels for n in sizes):
            raise ValueError(
                f"shape = {shape}: each size must be divisible by 2^levels = {2**self.levels}"
            )
        self.is_orthogonal = self.filters == self.dual
        self.properties = Properties.of(lipschitz=self.norm, linear=True)

    @cached_property
    def _gains(self) -> tuple[float, float]:
        """Bounds of ‖Lx‖/‖x‖ from below and above."""
        if self.is_orthogonal:
            return 1.0, 1.0
        low = high = 1.0
        for level in range(self.levels):
            lines = [_extremes(self.filters, n >> level) for n in self.domain_shape]
            # what a level does not split keeps its size
            kept = [1.0] if level else []
            low *= min([*kept, math.prod(least for least, _ in lines)])
            high *= max([*kept, math.prod(greatest for _, greatest in lines)])
        return low, high

    @cached_property
    def norm(self) -> float:
        return self._gains[1]

    @cached_property
    def least_gain(self) -> float:
        return self._gains[0]

    @cached_property
    def gram(self) -> float | None:
        return 1.0 if self.is_orthogonal else None

    def __call__(self, x: Point) -> Point:
        return self._analysed(x, self.levels)

    def adjoint(self, y: Point) -> Point:
        return self._joined(y, self.levels)

    def _axes(self) -> range:
        return range(-len(self.domain_shape), 0)

    def _analysed(self, x: Array, levels: int) -> Array:
        if not levels:
            return x
        for axis in self._axes():
            x = _split(x, axis, self.filters)
        return self._with_low(x, self._analysed(self._low(x), levels - 1))

    def _joined(self, y: Array, levels: int) -> Array:
        if not levels:
            return y
        y = self._with_low(y, self._joined(self._low(y), levels - 1))
        for axis in self._axes():
            y = _split_adjoint(y, axis, self.filters)
        return y

    def _low(self, x: Array) -> Array:
        """The first half along all axes."""
        return x[(..., *(slice(0, x.shape[axis] // 2) for axis in self._axes()))]

    def _with_low(self, x: Array, low: Array) -> Array:
        """x with the first half along all axes replaced."""
        for axis in reversed(self._axes()):
            halves = [slice(0, x.shape[a] // 2) for a in range(-len(self.domain_shape), axis)]
            rest = (..., *halves, *part(axis, x.shape[axis] // 2, None)[1:])
            low = namespace(x).concat((low, x[rest]), axis=x.ndim + axis)
        return low

    def inverted(self) -> LinearOperator:
        """L⁻¹, the synthesis: the adjoint of the transform by the dual wavelet."""
        if self.is_orthogonal:
            return self.T
        unity = np.zeros(self.domain_shape)
        unity.flat[0] = 1.0
        dual = Wavelet(self.domain_shape, _Pair(self.dual, self.filters), self.levels)
        if not np.allclose(dual.adjoint(self(unity)), unity, atol=1e-9):
            raise np.linalg.LinAlgError(f"{self!r}: the synthesis by its filters is not L⁻¹")
        return dual.T

    def __repr__(self) -> str:
        return f"Wavelet({'×'.join(map(str, self.domain_shape))}, {self.name}, {self.levels})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        r = math.sqrt(3.0)
        daubechies = [c / (4 * math.sqrt(2.0)) for c in (1 - r, 3 - r, 3 + r, 1 + r)]
        q = math.sqrt(2.0) / 8
        low, high = (0.0, -q, 2 * q, 6 * q, 2 * q, -q), (0.0, 2 * q, -4 * q, 2 * q, 0.0, 0.0)
        spline = _Pair(
            (low, high), ((0.0, 0.0, 2 * q, 4 * q, 2 * q, 0.0), (q, 2 * q, -6 * q, 2 * q, q, 0.0))
        )
        return [
            (cls((4, 2), "haar", 1), (4, 2), (4, 2)),
            (cls(8, daubechies, 2), (8,), (8,)),
            (cls((2, 4), spline, 1), (2, 4), (2, 4)),
        ]


class _Pair:
    """Filters of a wavelet and of its dual, under the names that PyWavelets gives them."""

    def __init__(self, filters: Filters, dual: Filters) -> None:
        self.dec_lo, self.dec_hi = filters
        self.rec_lo, self.rec_hi = (each[::-1] for each in dual)
        self.name = "dual"


def _filters(wavelet: Any) -> tuple[str, Filters, Filters]:
    """The name, the filters and those of the dual wavelet; of an orthogonal one these are equal."""
    name = wavelet if isinstance(wavelet, str) else str(getattr(wavelet, "name", "own"))
    if name == "haar":
        wavelet = (math.sqrt(0.5), math.sqrt(0.5))
    elif isinstance(wavelet, str):
        try:
            wavelet = import_module("pywt").Wavelet(wavelet)
        except ImportError as error:
            raise ImportError(
                f'wavelet = "{wavelet}" is looked up by PyWavelets: pip install '
                "splitkit[wavelets], or give its low-pass filter"
            ) from error
    if hasattr(wavelet, "dec_lo"):
        own = tuple(wavelet.dec_lo), tuple(wavelet.dec_hi)
        dual = tuple(wavelet.rec_lo[::-1]), tuple(wavelet.rec_hi[::-1])
        return name, own, own if np.allclose(own, dual, rtol=0.0, atol=1e-10) else dual
    low = tuple(check_number("wavelet", h) for h in wavelet)
    if len(low) % 2 or not _is_orthonormal(low):
        raise ValueError(
            f"wavelet = {wavelet}: Σₖ hₖhₖ₊₂ₘ is not 1 for m = 0 and 0 else, as of an orthogonal "
            "one: give the name of one, or an object with the filters of another and of its dual"
        )
    own = low, tuple((-1.0) ** (j + 1) * h for j, h in enumerate(low[::-1]))
    return name, own, own


def _is_orthonormal(h: tuple[float, ...]) -> bool:
    """To the digits to which filters are printed."""
    products = np.correlate(h, h, "full")[len(h) - 1 :: 2]
    products[0] -= 1
    return bool(np.abs(products).max() <= 1e-10)


def _halvings(size: int, length: int) -> int:
    """How often it can be halved while the line is even and no shorter than the filter."""
    count = 0
    while size % 2 == 0 and size >= length:
        size, count = size // 2, count + 1
    return count


def _offsets(filters: Filters) -> list[tuple[int, int, float, float]]:
    """(parity, shift, h, g): that so much of x_{2(i + shift) + parity} is in aᵢ and dᵢ."""
    half = len(filters[0]) // 2
    pairs = enumerate(zip(*filters, strict=True))
    return [((half - j) % 2, (half - j) // 2, h, g) for j, (h, g) in pairs]


def _split(x: Array, axis: int, filters: Filters) -> Array:
    """(a, d) along an axis."""
    xp = namespace(x)
    phases = _phases(x, axis)
    low = high = 0.0 * phases[0]
    for parity, shift, h, g in _offsets(filters):
        moved = xp.roll(phases[parity], -shift, axis=axis)
        low, high = low + h * moved, high + g * moved
    return xp.concat((low, high), axis=x.ndim + axis)


def _split_adjoint(y: Array, axis: int, filters: Filters) -> Array:
    xp, half = namespace(y), y.shape[axis] // 2
    low, high = y[part(axis, 0, half)], y[part(axis, half, None)]
    phases = [0.0 * low, 0.0 * low]
    for parity, shift, h, g in _offsets(filters):
        phases[parity] = phases[parity] + xp.roll(h * low + g * high, shift, axis=axis)
    woven = xp.stack(phases, axis=y.ndim + axis + 1)
    return xp.reshape(woven, y.shape)


def _phases(x: Array, axis: int) -> tuple[Array, Array]:
    """The entries of even and of odd places."""
    shape = (*x.shape[: x.ndim + axis], x.shape[axis] // 2, 2, *x.shape[x.ndim + axis + 1 :])
    pairs, after = namespace(x).reshape(x, shape), (slice(None),) * (-axis - 1)
    return pairs[(..., 0, *after)], pairs[(..., 1, *after)]


def _extremes(filters: Filters, size: int) -> tuple[float, float]:
    """The extreme singular values of one level along a line of this size."""
    symbols = np.zeros((2, 2, size // 2))
    for parity, shift, *both in _offsets(filters):
        for row, value in enumerate(both):
            symbols[row, parity, shift % (size // 2)] += value
    blocks = np.moveaxis(np.fft.fft(symbols), -1, 0)
    gains = np.linalg.svd(blocks, compute_uv=False)
    return float(gains.min()), float(gains.max())
