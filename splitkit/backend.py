"""Points of a Hilbert space over any array library of the Array API standard.

A *point* is an array, or a tuple of arrays (a block vector). H carries ⟨x, y⟩ = Σ xᵢyᵢ, summed over
every axis but the leading ``batch_ndim`` ones, so that a batch of problems is solved at once. Of
complex arrays it is the real space of their real and imaginary parts: ⟨x, y⟩ = Re Σ x̄ᵢyᵢ.
This is the only file of the package that knows array libraries; it imports none of them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial, reduce
from inspect import signature
from numbers import Real
from typing import Any, NamedTuple, TypeAlias

import array_api_compat
import numpy as np

from splitkit.fates import shared_fate
from splitkit.meshes import (
    folding as folding,
    gathered,
    is_cut,
    mesh_of,
    on_each,
    require_taken,
    rolled,
    spread,
    whole_sums,
)

Array: TypeAlias = Any
Point: TypeAlias = Any  # Array | tuple[Array, ...]
Scalar: TypeAlias = Any  # a Python number, or an array of the batch's shape
Shape: TypeAlias = tuple[int, ...]


# of the types met so far: their namespace, whether they are arrays, and whether their attribute is
# their device; all depend on the type
_NAMESPACES: dict[type, Any] = {}
_ARRAYS: dict[type, bool] = {}
_OWN_DEVICE: dict[type, bool] = {}


class _ByDtype(dict[Any, bool]):
    """Of dtypes met so far, whether they are complex: one look-up, that of any dtype is found."""

    def __missing__(self, dtype: Any) -> bool:
        found = self[dtype] = getattr(dtype, "kind", "") == "c" or "complex" in str(dtype)
        return found


COMPLEX = _ByDtype()


def namespace(*points: Point) -> Any:
    """The Array API namespace that the arrays of these points share."""
    kind = type(points[0])
    if len(points) > 1 or kind is tuple:
        arrays = (array for point in points for array in blocks(point))
        return array_api_compat.array_namespace(*arrays)
    if kind not in _NAMESPACES:
        _NAMESPACES[kind] = array_api_compat.array_namespace(points[0])
    return _NAMESPACES[kind]


def is_array(x: object) -> bool:
    """Whether x is an array of a known library. NumPy's float64 scalars are numbers; its masked
    arrays and matrices are none, as their sums and products are others.
    """
    kind = type(x)
    if kind not in _ARRAYS:
        others = (float, np.ma.MaskedArray, np.matrix)
        _ARRAYS[kind] = not isinstance(x, others) and bool(array_api_compat.is_array_api_obj(x))
    return _ARRAYS[kind]


def floating(x: Point) -> Point:
    """x, its arrays of integers in their library's default floating-point dtype."""
    if isinstance(x, tuple):
        return tuple(map(floating, x))
    if isinstance(x, np.generic):
        x = np.asarray(x)
    if not is_array(x) or not namespace(x).isdtype(x.dtype, "integral"):
        return x
    return namespace(x).astype(x, _default_dtype(x))


def _default_dtype(x: Array) -> Any:
    info = namespace(x).__array_namespace_info__()
    return info.default_dtypes(device=device(x))["real floating"]


def is_traced(x: Array) -> bool:
    """Whether JAX or Torch only traces x: it has no values."""
    return hasattr(x, "_trace") or hasattr(x, "fake_mode")


def _is_traced_by_jax(x: Array) -> bool:
    return hasattr(x, "_trace")


def holds(mask: Array) -> bool:
    """Whether all entries of a mask are true, read by the host; of what is traced nothing can be
    read, and nothing is said against it.
    """
    if hasattr(mask, "device_mesh"):
        with whole_sums():
            return bool(mask.all())
    return is_traced(mask) or bool(
        mask.all() if hasattr(mask, "all") else namespace(mask).all(mask)
    )


def integer_dtype(x: Array) -> Any:
    """int64, or int32 where JAX is asked for no longer numbers."""
    xp = namespace(x)
    jax = sys.modules["jax"] if array_api_compat.is_jax_namespace(xp) else None
    return xp.int64 if jax is None or jax.config.jax_enable_x64 else xp.int32


def as_float(x: Any) -> float | None:
    """A scalar as a Python float: a ``numbers.Real``, or a real array without axes. None for what
    is none: a bool too, and an array by which its library differentiates, which a float would end.
    NaN, which lies in no range, for what is finite and too large for a float.
    """
    if isinstance(x, bool) or not (isinstance(x, Real) or _is_plain_scalar(x)):
        return None
    try:
        number = float(x)
        return math.nan if math.isinf(number) and x != number else number
    except OverflowError:
        return math.nan
    except TypeError:  # JAX knows no value of what it traces
        return None


def _is_plain_scalar(x: Any) -> bool:
    return (
        is_array(x)
        and x.ndim == 0
        and namespace(x).isdtype(x.dtype, ("integral", "real floating"))
        and not getattr(x, "requires_grad", False)
    )


def device(x: Array) -> Any:
    """The device on which an array lives; of one that JAX shards over a mesh of devices the mesh,
    as the sharding of what each of them holds whole.
    """
    kind = type(x)
    if kind not in _OWN_DEVICE:
        own = getattr(x, "device", None)  # what JAX traces has none
        _OWN_DEVICE[kind] = own is not None and array_api_compat.device(x) == own
    found = x.device if _OWN_DEVICE[kind] else array_api_compat.device(x)
    return _mesh_of(found) if hasattr(found, "mesh") else found


@cache
def _mesh_of(sharding: Any) -> Any:
    """What is the same for all arrays on a mesh, which can be combined however each is cut."""
    explicit = [
        name
        for name, kind in zip(sharding.mesh.axis_names, sharding.mesh.axis_types, strict=True)
        if kind.name == "Explicit"
    ]
    if explicit:
        raise ValueError(
            f"an array is sharded over the Explicit axes {explicit} of a mesh, of which each "
            "operation would have to be told how to cut its result: make the mesh with "
            "axis_types=(jax.sharding.AxisType.Auto, …)"
        )
    return type(sharding)(sharding.mesh, type(sharding.spec)(), memory_kind=sharding.memory_kind)


def _together(x: Array, there: Any) -> bool:
    """Whether an array lives on a device; what is traced has none, and is everywhere."""
    here = device(x)
    return bool(here == there) or here is None or there is None


def same_kind(x: Point, y: Point) -> bool:
    """Whether two points agree in library, shapes, dtype and device."""
    if isinstance(x, tuple) or isinstance(y, tuple):
        a, b = blocks(x), blocks(y)
        return len(a) == len(b) and all(map(same_kind, a, b))
    return (
        (type(x) is type(y) or (is_array(y) and namespace(x) is namespace(y)))
        and x.shape == y.shape
        and x.dtype == y.dtype
        # what JAX traces has no device, and takes milliseconds to say so
        and (
            hasattr(x, "_trace")
            or hasattr(y, "_trace")
            or getattr(x, "device", None) == getattr(y, "device", None)
            or device(x) == device(y)
        )
        and getattr(x, "device_mesh", None) == getattr(y, "device_mesh", None)
    )


def blocks(x: Point) -> tuple[Array, ...]:
    """The arrays of a point: itself alone, or its blocks; those of a pair of points are both's."""
    if not isinstance(x, tuple):
        return (x,)
    return tuple(array for block in x for array in blocks(block))


def align(c: Scalar, x: Array) -> Scalar:
    """Give an array of batch shape trailing axes of length 1: it multiplies x samplewise."""
    if type(c) is float:
        return c
    if isinstance(c, (int, float)):
        return float(c)
    if c.ndim in (0, x.ndim):
        return c
    return namespace(c).reshape(c, tuple(c.shape) + (1,) * (x.ndim - c.ndim))


def scale(c: Scalar, x: Point) -> Point:
    """c x."""
    if isinstance(x, tuple):
        return tuple(scale(c, block) for block in x)
    return (c if type(c) is float else align(c, x)) * x


def add(x: Point, y: Point) -> Point:
    """x + y."""
    if isinstance(x, tuple):
        return tuple(add(a, b) for a, b in zip(x, y, strict=True))
    return x + y


def subtract(x: Point, y: Point) -> Point:
    """x − y."""
    if isinstance(x, tuple):
        return tuple(subtract(a, b) for a, b in zip(x, y, strict=True))
    return x - y


def lincomb(a: Scalar, x: Point, b: Scalar, y: Point) -> Point:
    """a x + b y."""
    if isinstance(x, tuple):
        return tuple(lincomb(a, p, b, q) for p, q in zip(x, y, strict=True))
    # no pass over the arrays for factors of ±1, none too many where the factors agree; in one
    # expression NumPy writes into its own intermediate results
    plain_a, plain_b = type(a) is float, type(b) is float
    a, b = a if plain_a else align(a, x), b if plain_b else align(b, x)
    if plain_b and b == -1.0:
        return x - y if plain_a and a == 1.0 else a * x - y
    if plain_a and a == 1.0:
        return x + b * y
    return a * (x + y) if plain_a and plain_b and a == b else a * x + b * y


def inner(x: Point, y: Point, batch_ndim: int) -> Array:
    """⟨x, y⟩, summed over every axis but the leading ``batch_ndim``."""
    if not isinstance(x, tuple):
        return _dot(x, y, batch_ndim)
    terms = [_dot(a, b, batch_ndim) for a, b in zip(blocks(x), blocks(y), strict=True)]
    return sum(terms[1:], start=terms[0])


def is_complex(x: Array) -> bool:
    """Whether an array is complex."""
    return COMPLEX[x.dtype]


def as_real(x: Array) -> Array:
    """A complex array as a real one, of pairs along a last axis: a view where its library has
    one.
    """
    if isinstance(x, np.ndarray):
        return x[..., None].view(x.real.dtype)
    if array_api_compat.is_torch_array(x):
        return sys.modules["torch"].view_as_real(x.resolve_conj())
    xp = namespace(x)
    return xp.stack((xp.real(x), xp.imag(x)), axis=-1)


def like(value: Array, x: Array) -> Array:
    """A value, complex where x is."""
    return namespace(x).astype(value, x.dtype) if value.dtype != x.dtype else value


def as_complex(pairs: Array) -> Array:
    """The complex array of which ``as_real`` makes these pairs."""
    if array_api_compat.is_torch_array(pairs):
        return sys.modules["torch"].view_as_complex(pairs.contiguous())
    xp = namespace(pairs)
    return join(pairs[..., 0], pairs[..., 1], xp)


def _complex_beside(dtype: Any, xp: Any) -> Any:
    """The complex dtype whose parts are of a real one."""
    return xp.complex64 if dtype == xp.float32 else xp.complex128


def join(real: Array, imaginary: Array, xp: Any) -> Array:
    """real + i·imaginary, of real arrays."""
    dtype = _complex_beside(real.dtype, xp)
    return xp.astype(real, dtype) + 1j * xp.astype(imaginary, dtype)


def complexified(x: Array) -> Array:
    """x as a complex array."""
    xp = namespace(x)
    return x if is_complex(x) else xp.astype(x, _complex_beside(x.dtype, xp))


def real_part(x: Array) -> Array:
    """Re x; a real x itself."""
    return namespace(x).real(x) if is_complex(x) else x


def real_point(x: Point) -> Point:
    """Re x of a point."""
    return tuple(map(real_point, x)) if isinstance(x, tuple) else real_part(x)


def conjugated(x: Array) -> Array:
    """The complex conjugate of x; a real x itself."""
    return namespace(x).conj(x) if is_complex(x) else x


def adjoint_of(M: Array) -> Array:
    """Mᴴ of a matrix; Mᵀ of a real one."""
    return namespace(M).conj(M.T) if is_complex(M) else M.T


def times(x: Array, M: Array) -> Array:
    """xM, where one may be complex and the other real: Torch multiplies no such two arrays."""
    if COMPLEX[x.dtype] == COMPLEX[M.dtype] or not array_api_compat.is_torch_array(x):
        return x @ M
    xp = namespace(x)
    if COMPLEX[M.dtype]:
        return join(x @ xp.real(M), x @ xp.imag(M), xp)
    return join(xp.real(x) @ M, xp.imag(x) @ M, xp)


def real_matrix(M: Array) -> Array:
    """A complex matrix as the real one of (Re x, Im x), stacked; a real one itself. Its singular
    values, and its eigenvalues where it is Hermitian, are those of M, twice.
    """
    if not is_complex(M):
        return M
    xp = namespace(M)
    real, imaginary = xp.real(M), xp.imag(M)
    above = xp.concat([real, -imaginary], axis=1)
    return xp.concat([above, xp.concat([imaginary, real], axis=1)], axis=0)


def _dot(a: Array, b: Array, batch_ndim: int) -> Array:
    """⟨a, b⟩ of two arrays, without forming their product where the library can do that."""
    if COMPLEX[a.dtype]:
        a, b = as_real(a), as_real(b)
    if a.ndim == 1 and batch_ndim == 0:
        return a @ b
    if isinstance(a, np.ndarray):
        if batch_ndim == 0 and a.strides == b.strides:
            return np.vdot(a.ravel(order="K"), b.ravel(order="K"))  # entries as they lie in memory
        vectors = (*a.shape[:batch_ndim], math.prod(a.shape[batch_ndim:]))
        return np.vecdot(a.reshape(vectors), b.reshape(vectors))
    if a.ndim == batch_ndim + 1:
        return namespace(a).vecdot(a, b)
    return sum_of(a * b, batch_ndim)


def norm(x: Point, batch_ndim: int = 0) -> Array:
    """‖x‖, over every axis but the leading ``batch_ndim``; see ``lengths``. Of Torch it is the
    library's own, in double precision, unless it is recorded: iterations wait for no value, but
    where x itself is in double precision and in the host's memory.
    """
    if type(x) is np.ndarray and x.ndim == 1 and batch_ndim == 0:
        square = x.dot(x)  # without a look at what else x might be: vectors are short
        kind = type(square)
        if kind not in _LEAST_SQUARE_OF:
            return norm(as_real(x)) if is_complex(x) else lengths(x, (0,))
        size = float(square)
        if _LEAST_SQUARE_OF[kind] < size < math.inf or (size == 0 and not x.any()):
            return kind(math.sqrt(size))  # of single precision rounded once, too
        return lengths(x, (0,), squares=square)
    if isinstance(x, tuple):
        if _starts_slowly(blocks(x)[0]):
            return _compiled(norm)(x, batch_ndim)
        each = [norm(block, batch_ndim) for block in x]
        return norm(namespace(x).stack(each, axis=-1), batch_ndim)
    if COMPLEX[x.dtype]:
        x = as_real(x)
    axes = tuple(range(batch_ndim, x.ndim))
    if axes and hasattr(x, "device_mesh"):
        with whole_sums():
            return lengths(x.double(), axes).to(x.dtype)
    xp = _NAMESPACES.get(type(x)) or namespace(x)
    if axes and xp.__name__.endswith("torch") and not (x.requires_grad and xp.is_grad_enabled()):
        size = xp.linalg.vector_norm(x, axis=axes, dtype=xp.float64)
        in_range = x.dtype != xp.float64 or type(size) is not xp.Tensor
        if in_range or not _has_values_on_host(size) or _is_plain(size * size, xp):
            return size.to(x.dtype)
        return lengths(x, axes)
    if _starts_slowly(x):
        return _compiled(norm)(x, batch_ndim)
    return lengths(x, axes, squares=inner(x, x, batch_ndim))


def _starts_slowly(x: Array) -> bool:
    """Whether x is an array of JAX with values, of which each operation takes the host about 100
    microseconds, and a compiled function of many of them 5.
    """
    return bool(array_api_compat.is_jax_array(x)) and not is_traced(x)


@cache
def _compiled(f: Callable[..., Array]) -> Callable[..., Array]:
    """f of a point and numbers, compiled by JAX."""
    _, *numbers = signature(f).parameters
    compiled: Callable[..., Array] = sys.modules["jax"].jit(f, static_argnames=numbers)
    return compiled


def _least_square(xp: Any, dtype: Any) -> float:
    """Above which a sum of squares has lost no digits."""
    info = xp.finfo(dtype)
    return float(info.smallest_normal) / float(info.eps) ** 2


_LEAST_SQUARE_OF = {each: _least_square(np, each) for each in (np.float32, np.float64)}
_LEAST_SQUARE = {np.dtype(kind): least for kind, least in _LEAST_SQUARE_OF.items()}


def lengths(
    x: Array,
    axes: Shape,
    *,
    keepdims: bool = False,
    squares: Array | None = None,
    beneath: float = 0.0,
) -> Array:
    """‖x‖ along some axes, of every size that the dtype can hold, with the derivative 0 at 0.

    Where a square over- or underflows, entries are first divided by the greatest of them. Whether
    one does is looked at where that costs no wait for a device: NumPy, and Torch on the CPU. On
    CUDA devices squares are plain, elsewhere entries are always divided.

    Parameters
    ----------
    squares : array, optional
        Their sums, where they are known already.
    beneath : float
        Of lengths up to this one it need only be known that they are no longer.
    """
    xp = namespace(x)
    if squares is None:
        if COMPLEX[x.dtype]:
            x = abs(x)
        if _starts_slowly(x):
            return _compiled(lengths)(x, axes, keepdims=keepdims)
        squares = xp.sum(x * x, axis=axes, keepdims=keepdims)
    if _is_plain(squares, xp, beneath):
        return root(squares)
    if 0 in x.shape:
        return root(squares)
    largest = xp.max(abs(held_fixed(x)), axis=axes, keepdims=True)
    if isinstance(x, np.ndarray):
        low = _LEAST_SQUARE.get(squares.dtype, math.inf)
        exact = (low < squares) & (squares < math.inf)
        if (exact | (largest.reshape(squares.shape) == 0)).all():
            return np.sqrt(squares)  # where it is no normal number, all entries are 0
    usable = (largest > 0) & (largest < math.inf)
    # a library may multiply by the reciprocal, which near the end of its range is 0 for it
    halves = xp.where(largest > 1, 0.25, xp.ones_like(largest))
    unit = (halves * x) / xp.where(usable, halves * largest, 1.0)
    size = xp.where(usable, largest, 1.0) * root(xp.sum(unit * unit, axis=axes, keepdims=True))
    return xp.reshape(size, squares.shape)


def _is_plain(squares: Array, xp: Any, beneath: float = 0.0) -> bool:
    """Whether sums of squares are known to be exact to rounding, or need not be."""
    if isinstance(squares, (np.ndarray, np.floating)):
        low = _LEAST_SQUARE.get(squares.dtype, math.inf)
        if squares.ndim == 0:
            return bool(low < squares < math.inf)
        if squares.size == 0:
            return True
        if beneath * beneath <= low and not squares.min() > low:
            return False
        return bool(squares.max() < math.inf)
    if array_api_compat.is_torch_array(squares):
        if squares.device.type != "cpu":
            return True
        if is_cut(squares):
            return False  # of samples, of which processes have their own: they exchange nothing
        if is_traced(squares) or _is_mapped(squares):
            return False  # no values to look at
    elif array_api_compat.is_cupy_array(squares):
        return True
    elif array_api_compat.is_jax_array(squares):
        return False
    if 0 in squares.shape:
        return True
    low, squares = _least_square(xp, squares.dtype), held_fixed(squares)
    if squares.ndim == 0:
        return low < float(squares) < math.inf
    if beneath * beneath <= low and not float(xp.min(squares)) > low:
        return False
    return float(xp.max(squares)) < math.inf


def power_of_two(x: Array) -> Array:
    """That at x > 0 or just below, by which numbers are divided without rounding; 1 elsewhere."""
    xp = namespace(x)
    usable = (x > 0) & (x < math.inf)
    return xp.where(usable, 2.0 ** xp.floor(xp.log2(xp.where(usable, x, 1.0))), 1.0)


def held_fixed(x: Array) -> Array:
    """x, of which its library differentiates nothing."""
    if _is_traced_by_jax(x):
        return sys.modules["jax"].lax.stop_gradient(x)
    return x.detach() if hasattr(x, "detach") else x


def where(mask: Array, x: Point, y: Point) -> Point:
    """x on the samples that the mask (of batch shape) marks, y on the others; a number that all
    samples share is y.
    """
    if isinstance(x, tuple):
        return tuple(where(mask, p, q) for p, q in zip(x, y, strict=True))
    if not is_array(y) or y.ndim < mask.ndim:
        return y
    return namespace(x).where(align(mask, x), x, y)


def chosen(mask: Array, x: Point, y: Point) -> Point:
    """``where``, and x or y itself where the mask is one number of the host: NumPy's own costs ten
    times as much of it.
    """
    return (x if mask else y) if isinstance(mask, (bool, np.bool_)) else where(mask, x, y)


def shapes_of(x: Point) -> Any:
    """The shape of an array; of a tuple those of its blocks."""
    return tuple(map(shapes_of, x)) if isinstance(x, tuple) else ("array", *x.shape)


def isfinite(x: Array, *others: Array) -> bool:
    """Whether every entry of some arrays of a library and device is finite, read by the host; what
    is traced counts as finite.
    """
    xp = namespace(x)
    # a finite sum has finite terms; theirs may overflow
    total = sum(map(xp.sum, others), start=xp.sum(x))
    return (
        is_traced(total)
        or bool(xp.isfinite(total))
        or all(bool(xp.all(xp.isfinite(each))) for each in (x, *others))
    )


def greatest(arrays: Sequence[Array]) -> Array:
    """Of some arrays of one shape the greatest, entry by entry; NaN where one is."""
    first, *others = arrays
    if not others:
        return first
    if not isinstance(first, np.floating):
        return reduce(namespace(first).maximum, others, first)
    for each in others:  # NumPy's numbers compare at a tenth of the cost of its ``maximum``
        if each > first or each != each:
            first = each
    return first


def finite_part(x: Point) -> Point:
    """x, with 0 in the place of what is NaN or infinite."""
    if isinstance(x, tuple):
        return tuple(map(finite_part, x))
    xp = namespace(x)
    return xp.where(xp.isfinite(x), x, xp.zeros_like(x))


def clip(x: Array, low: Scalar = None, high: Scalar = None) -> Array:
    """min(max(x, low), high), entry by entry; None: no bound."""
    if isinstance(x, np.ndarray):
        xp: Any = np
    else:
        xp = namespace(x)
        recorded = getattr(x, "requires_grad", False) or getattr(high, "requires_grad", False)
        if recorded and low is not None and high is not None:
            # where the bounds meet, Torch's clip keeps x's derivative, and loses the lower bound's
            return xp.where(x <= low, low, xp.where(x >= high, high, x))
        if not array_api_compat.is_cupy_array(x):
            return xp.clip(x, low, high)
    # NumPy's own two passes take a tenth of the standard's clip on a hundred entries; CuPy's clip
    # picks entries by a mask, and has to wait for the device to say how many
    if low is not None:
        x = xp.maximum(x, low)
    return x if high is None else xp.minimum(x, high)


def extremes(x: Array) -> tuple[float, float]:
    """The least and the greatest entry, which the host waits for once; of what is traced only that
    they are numbers is known.
    """
    if is_traced(x):
        return -math.inf, math.inf
    if hasattr(x, "device_mesh"):
        with whole_sums():
            return float(x.min()), float(x.max())
    xp, x = namespace(x), x.detach() if getattr(x, "requires_grad", False) else x
    least, greatest = xp.min(x), xp.max(x)
    if str(device(x)) == "cpu":
        return float(least), float(greatest)
    least, greatest = to_numpy(xp.stack((least, greatest))).tolist()
    return least, greatest


def transposed(x: Array) -> Array:
    """Xᵀ of the last two axes, Xᴴ of complex ones; CuPy's arrays have no ``mT``."""
    xp = namespace(x)
    return xp.matrix_transpose(xp.conj(x) if COMPLEX[x.dtype] else x)


def solve_linear(A: Array, b: Array) -> Array:
    """A⁻¹b for stacks of matrices; of singular ones whatever comes out, without waiting for the
    device to say so where the library lets us."""
    linalg = namespace(A, b).linalg
    if hasattr(linalg, "solve_ex"):  # Torch's solve reads from the device whether it succeeded
        return linalg.solve_ex(A, b)[0]
    return linalg.solve(A, b)


def at_least(c: Scalar, low: float) -> Scalar:
    """max(c, low), of a number or an array."""
    return clip(c, low) if is_array(c) else max(c, low)


def root(x: Array) -> Array:
    """√x for x ≥ 0, with the derivative 0 at 0 where a library differentiates."""
    if isinstance(x, (np.ndarray, np.floating)):
        return np.sqrt(x)
    xp = namespace(x)
    nothing = x == 0
    positive = xp.where(nothing, xp.ones_like(x), x)
    return xp.where(nothing, xp.zeros_like(x), xp.sqrt(positive))


def zeros(shape: Shape, like: Array) -> Array:
    """0 of this shape, with the library, dtype and device of ``like``."""
    if isinstance(like, np.ndarray):
        return np.zeros(shape, like.dtype)
    made = namespace(like).zeros(shape, dtype=like.dtype, device=device(like))
    return on_each(made, like)


def fresh_copy(x: Array) -> Array:
    """A copy, for ``add_parts``."""
    if array_api_compat.is_torch_array(x):
        return x.clone()
    return x.copy(order="K") if isinstance(x, np.ndarray) else namespace(x).asarray(x, copy=True)


class InMemoryOrder(NamedTuple):
    """An array whose axes lie in another order in memory, which NumPy's pickle would not keep."""

    transpose: Array
    axes: tuple[int, ...]


def keeping_layout(x: Any) -> Any:
    """x, an array or nested tuples that hold some, such that pickle keeps the axes' order in memory
    (in which sums are taken, so that they round otherwise without it).
    """
    if isinstance(x, np.ndarray) and not x.flags.c_contiguous:
        axes = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
        return InMemoryOrder(x.transpose(axes), tuple(np.argsort(axes).tolist()))
    return _mapped(keeping_layout, x)


def laid_out(x: Any) -> Any:
    """What ``keeping_layout`` was given."""
    if isinstance(x, InMemoryOrder):
        return x.transpose.transpose(x.axes)
    return _mapped(laid_out, x)


def _mapped(change: Callable[[Any], Any], x: Any) -> Any:
    if not isinstance(x, tuple):
        return x
    parts = map(change, x)
    return x._make(parts) if hasattr(x, "_make") else tuple(parts)


def add_parts(x: Array, *parts: tuple[tuple[Any, ...], float, Array]) -> Array:
    """x + Σ ±yₖ, each yₖ on the part of x that an index names, for triples (index, ±1, yₖ).

    x may be overwritten where its library allows that: give an array of your own. An index holds
    slices of step 1 and integers, after an ellipsis.
    """
    if not isinstance(x, np.ndarray) and not _is_mutable(x):
        for index, sign, y in parts:
            x = x + sign * _padded(y, index, x)
        return x
    for index, sign, y in parts:
        if sign > 0:
            x[index] += y
        else:
            x[index] -= y
    return x


def _is_mutable(x: Array) -> bool:
    if mesh_of(x) is not None:
        return False  # Torch writes into no part of an array that lies otherwise than it
    return hasattr(type(x), "__setitem__") and array_api_compat.is_writeable_array(x)


def _padded(y: Array, index: tuple[Any, ...], like: Array) -> Array:
    """y on the part of an array of zeros that the index names."""
    xp, named = namespace(like), index[1:]
    if _is_traced_by_jax(y) and not may_be_cut(like):  # of which its compiler makes fast loops
        return _padded_by_jax(y, named, like)
    for axis, place in enumerate(named, like.ndim - len(named)):
        size = like.shape[axis]
        if isinstance(place, int):
            y, place = xp.expand_dims(y, axis=axis), slice(place % size, place % size + 1)
        start, stop, _ = place.indices(size)
        ends = [(*y.shape[:axis], n, *y.shape[axis + 1 :]) for n in (start, size - stop)]
        y = xp.concat([zeros(ends[0], like), y, zeros(ends[1], like)], axis=axis)
    return y


def _padded_by_jax(y: Array, named: tuple[Any, ...], like: Array) -> Array:
    first = like.ndim - len(named)
    ends = [(0, 0, 0)] * first
    for axis, place in enumerate(named, first):
        size = like.shape[axis]
        if isinstance(place, int):
            y = sys.modules["jax"].numpy.expand_dims(y, axis)
            place = slice(place % size, place % size + 1)
        start, stop, _ = place.indices(size)
        ends.append((start, size - stop, 0))
    return sys.modules["jax"].lax.pad(y, np.zeros((), y.dtype), ends)


_SEVERAL: ContextVar[bool] = ContextVar("a solve is on several devices", default=False)


def may_be_cut(x: Array) -> bool:
    """Whether parts of x may lie on other processes or, inside of ``solving``, other devices."""
    return mesh_of(x) is not None or _SEVERAL.get()


def roll(x: Array, by: int, axis: int) -> Array:
    """x rolled by ±1 along an axis."""
    return namespace(x).roll(x, by, axis=axis) if mesh_of(x) is None else rolled(x, by, axis)


def sum_of(x: Array, batch_ndim: int) -> Array:
    """Sum over every axis but the leading ``batch_ndim``."""
    return namespace(x).sum(x, axis=tuple(range(batch_ndim, x.ndim)))


def products(a: Scalar, x: Array) -> Array:
    """Re āᵢxᵢ, entry by entry, for an a that broadcasts to x: their sum is ⟨a, x⟩."""
    if not COMPLEX[x.dtype]:
        return a * x
    if not is_array(a) or not COMPLEX[a.dtype]:
        return a * real_part(x)
    xp = namespace(x)
    return xp.real(a) * xp.real(x) + xp.imag(a) * xp.imag(x)


def pairing(a: Point, x: Point, batch_ndim: int) -> Array:
    """⟨a, x⟩ for an a that broadcasts to x."""
    if isinstance(x, tuple):
        parts = [pairing(p, q, batch_ndim) for p, q in zip(a, x, strict=True)]
        return sum(parts[1:], start=parts[0])
    alike = a.shape == x.shape and a.dtype == x.dtype
    return inner(a, x, batch_ndim) if alike else sum_of(products(a, x), batch_ndim)


@cache
def _keep_freed_memory() -> None:
    """Let the C library keep what arrays free for the next ones.

    glibc returns to the system every block longer than any that was freed before, up to 32 MiB; to
    take memory back costs more, page by page, than to add two arrays. So a block of nearly that
    length is freed, which nothing has touched; other libraries lose nothing by that.
    Source: mallopt(3), M_MMAP_THRESHOLD.
    """
    np.empty(2**25 - 2**16, np.uint8)


def solving(x: Point) -> AbstractContextManager[Any]:
    """A context in which x's library records nothing for differentiation, if it would, and else
    NumPy leaves it to the stopping rule to notice overflow and NaN.
    """
    _keep_freed_memory()
    if type(x) is np.ndarray:
        return np.errstate(all="ignore")
    no_grad: Callable[[], AbstractContextManager[Any]] | None
    no_grad = getattr(namespace(x), "no_grad", None)
    if no_grad is not None:
        first = blocks(x)[0] if type(x) is tuple else x
        mesh = getattr(first, "device_mesh", None)
        return no_grad() if mesh is None else _on_processes(no_grad(), mesh)
    over_devices = hasattr(device(blocks(x)[0]), "mesh")
    return _on_devices() if over_devices else np.errstate(all="ignore")


@contextmanager
def _on_processes(no_grad: AbstractContextManager[Any], mesh: Any) -> Iterator[None]:
    with shared_fate(mesh), no_grad, whole_sums():
        yield


@contextmanager
def _on_devices() -> Iterator[None]:
    token = _SEVERAL.set(True)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _SEVERAL.reset(token)


def differentiating(*points: Point) -> bool:
    """Whether a library records, to differentiate it, what is computed of one of these points, or
    numbers."""
    for point in points:
        if type(point) is tuple:
            recorded = differentiating(*point)
        else:
            recorded = getattr(point, "requires_grad", False) and (
                namespace(point).is_grad_enabled()
            )
        if recorded:
            return True
    return False


def may_record(x: Point) -> bool:
    """Whether x's library would record what is computed now, of arrays that ask for it."""
    is_grad_enabled = getattr(namespace(x), "is_grad_enabled", None)
    return is_grad_enabled is not None and is_grad_enabled()


def with_derivative(value: Point, inputs: tuple[Any, ...], formula: Callable[[], Point]) -> Point:
    """What an algorithm found of its inputs, with the derivative of a formula that gives the same.

    A search for what determines the value (an active set, a partition, a basis) is no function to
    differentiate; the formula is written with what was found held fixed. It is evaluated only where
    a library records or JAX traces; take the search out of the record by ``solving``, where it is
    long, or ``searched``.
    """
    if differentiating(*inputs):
        return _derived(value, formula())
    if any(map(_is_traced_by_jax, blocks(inputs))):
        return attached(value, formula())
    return value


def attached(value: Any, formula: Any) -> Any:
    """The value, which JAX differentiates as a formula that gives the same; trees of arrays."""
    return _attached()(value, formula)


@cache
def _attached() -> Any:
    jax = sys.modules["jax"]
    chosen: Any = jax.custom_jvp(lambda value, formula: value)
    chosen.defjvp(lambda primals, tangents: (chosen(*primals), tangents[1]))
    return chosen


def searched(
    f: Callable[..., Any], outcome: tuple[tuple[Shape, Any], ...], *arrays: Array
) -> tuple[Array, ...]:
    """f of arrays, which looks at their values and is no function to differentiate, and returns
    arrays of these shapes and dtypes. Nothing of it is recorded; of what JAX traces it is computed
    by NumPy, on the host.
    """
    if not any(map(_is_traced_by_jax, arrays)):
        with solving(arrays[0]):
            found: tuple[Array, ...] = f(*arrays)
            return found
    jax = sys.modules["jax"]

    def on_numpy(*values: Any) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            return tuple(map(np.asarray, f(*map(np.asarray, values))))

    like = tuple(jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in outcome)
    held = map(held_fixed, arrays)
    called: tuple[Array, ...] = jax.pure_callback(on_numpy, like, *held, vmap_method="sequential")
    return called


def _derived(value: Point, known: Point) -> Point:
    if isinstance(value, tuple):
        return tuple(_derived(*pair) for pair in zip(value, known, strict=True))
    return value.detach() + (known - known.detach())


def with_adjoint(
    apply: Callable[[Point], Point], adjoint: Callable[[Point], Point], x: Point
) -> Point:
    """apply(x) of a linear map, which the library of x does not see inside of; it differentiates by
    the adjoint, in x, and what that is made of.
    """
    if not differentiating(x):
        return apply(x)
    return _linear_function(namespace(x)).apply(apply, adjoint, isinstance(x, tuple), *blocks(x))


@cache
def _linear_function(xp: Any) -> Any:
    def forward(apply: Any, adjoint: Any, is_tuple: bool, *x: Array) -> Point:
        return apply(x if is_tuple else x[0])

    def setup_context(ctx: Any, inputs: tuple[Any, ...], image: Point) -> None:
        ctx.back, ctx.of_tuple = inputs[1], isinstance(image, tuple)

    def backward(ctx: Any, *v: Array) -> tuple[Any, ...]:
        return None, None, None, *blocks(ctx.back(v if ctx.of_tuple else v[0]))

    methods = {f.__name__: staticmethod(f) for f in (forward, setup_context, backward)}
    return type("LinearFunction", (xp.autograd.Function,), methods)


def sizes(x: Array) -> Array:
    """|x|, with the derivative 1 at 0 where a library differentiates."""
    return namespace(x).where(x < 0, -x, x) if getattr(x, "requires_grad", False) else abs(x)


def signs(x: Array) -> Array:
    """The signs of x, 1 at 0 where a library differentiates: ``sizes`` times them is x to it."""
    xp = namespace(x)
    if not getattr(x, "requires_grad", False):
        return xp.sign(x)
    one = xp.ones_like(x)
    return xp.where(x < 0, -one, one)


def to_numpy(x: Array) -> Any:
    """A NumPy copy of an array of any library, on any device."""
    if array_api_compat.is_torch_array(x):
        x = gathered(x.detach()).cpu().numpy()
    elif array_api_compat.is_cupy_array(x):
        x = x.get()
    elif not getattr(x, "is_fully_addressable", True):  # JAX's, of which other hosts have parts
        x = sys.modules["jax"].device_put(x, device(x))
    return np.array(x)


def from_numpy(values: Any, like: Array) -> Array:
    """NumPy's values as an array of the library, dtype and device of ``like``; of complex values
    the complex dtype of its precision.
    """
    xp, dtype = namespace(like), like.dtype
    if np.iscomplexobj(values) and not is_complex(like):
        dtype = _complex_beside(dtype, xp)
    made = xp.asarray(values, dtype=dtype, device=device(like))
    return on_each(made, like)


def on_host(f: Callable[..., Any], *arrays: Array) -> Any:
    """f of arrays, an array or a tuple, computed by NumPy where they lie in the host's memory, and
    have values there: its operations on a few entries take a fifth of other libraries', and it may
    look at them. Nothing of it is recorded.
    """
    first = arrays[0]
    if isinstance(first, (np.ndarray, np.floating)):
        return f(*arrays)
    if not _has_values_on_host(first):
        return f(*map(held_fixed, arrays))
    xp, found = namespace(first), f(*map(to_numpy, arrays))
    if isinstance(found, tuple):
        return tuple(xp.asarray(each, device=device(first)) for each in found)
    return xp.asarray(found, device=device(first))


def _is_mapped(x: Array) -> bool:
    """Whether Torch's vmap stands for x."""
    return bool(sys.modules["torch"]._C._functorch.is_functorch_wrapped_tensor(x))


def are_values_at_hand(x: Array) -> bool:
    """Whether one may look at x's values, and waits for no device: not where they are traced."""
    libraries = (
        array_api_compat.is_torch_array,
        array_api_compat.is_jax_array,
        array_api_compat.is_cupy_array,
    )
    return not any(is_of(x) for is_of in libraries) or _has_values_on_host(x)


def _has_values_on_host(x: Array) -> bool:
    if array_api_compat.is_torch_array(x):
        if hasattr(x, "device_mesh") or is_traced(x) or _is_mapped(x):
            return False  # but its own part, or none
        return x.device.type == "cpu" and not sys.modules["torch"].compiler.is_compiling()
    if array_api_compat.is_jax_array(x):
        return not is_traced(x) and getattr(x.device, "platform", None) == "cpu"
    return False


@dataclass(frozen=True)
class Space:
    """The space of a point: shapes of its blocks, what is batch, dtype, device and library.

    Attributes
    ----------
    shapes : tuple of shapes
        One for each block; a single one when points are plain arrays.
    is_tuple : bool
        Whether points are tuples of arrays.
    batch_ndim : int
        Leading axes that index independent problems; all blocks share them.
    dtype : dtype
        That of the blocks; where some are complex and others real, the complex one.
    mesh : DeviceMesh, optional
        Of processes, over which Torch cuts its arrays.
    dtypes : tuple of dtypes, optional
        Those of the blocks, where some are complex and others real.
    """

    shapes: tuple[Shape, ...]
    is_tuple: bool
    batch_ndim: int
    dtype: Any
    device: Any
    xp: Any
    mesh: Any = None
    dtypes: tuple[Any, ...] | None = None

    @classmethod
    def of(
        cls, x: Point, batch_ndim: int = 0, name: str = "x0", *, known_finite: bool = False
    ) -> Space:
        """The space in which x lies; x must be made of finite floating-point arrays.

        Raises
        ------
        TypeError
            Not an array or a tuple of arrays of one library, or not of floating point.
        ValueError
            Blocks differ in precision, device or batch shape; too few axes; NaN or Inf.
        """
        if isinstance(batch_ndim, bool) or not isinstance(batch_ndim, (int, np.integer)):
            raise TypeError(f"batch_ndim = {batch_ndim!r}: give the number of leading batch axes")
        arrays = blocks(x)
        if not arrays or not all(map(is_array, arrays)):
            kind = type(x).__name__
            raise TypeError(
                f"{name} is a {kind}: give an array (NumPy, Torch, CuPy, any Array API library) "
                "or a non-empty tuple of arrays"
            )
        xp = namespace(x)
        first = arrays[0]
        mesh = getattr(first, "device_mesh", None)
        for a in arrays if mesh is not None else ():
            require_taken(a, name)
        dtype = first.dtype
        for a in arrays:
            if not xp.isdtype(a.dtype, "real floating"):
                if not xp.isdtype(a.dtype, "complex floating"):
                    raise TypeError(
                        f"{name} has dtype {a.dtype}: convert it to a floating-point dtype"
                    )
                dtype = a.dtype
            itemsize = getattr(a.dtype, "itemsize", 0)
            if not getattr(a.dtype, "isnative", True) or itemsize > 8 + 8 * COMPLEX[a.dtype]:
                raise TypeError(
                    f"{name} has dtype {a.dtype}, which no factorization takes: convert it to "
                    "float64" + (" parts, complex128" if COMPLEX[a.dtype] else "")
                )
            if a is not first and not (
                _same_precision(a, first, xp) and _together(a, device(first))
            ):
                raise ValueError(
                    f"the blocks of {name} must share dtype and device, got {first.dtype} on "
                    f"{device(first)} and {a.dtype} on {device(a)}"
                )
            if a is not first and mesh_of(a) != mesh:
                raise ValueError(
                    f"the blocks of {name} must share a mesh, got {_mesh_said(mesh)} and "
                    f"{_mesh_said(mesh_of(a))}"
                )
            if not 0 <= batch_ndim <= a.ndim or a.shape[:batch_ndim] != first.shape[:batch_ndim]:
                raise ValueError(
                    f"batch_ndim = {batch_ndim} does not fit {name} with block shapes "
                    f"{[tuple(b.shape) for b in arrays]}: each block starts with the batch axes"
                )
        space = cls(
            tuple([tuple(a.shape) for a in arrays]),
            isinstance(x, tuple),
            batch_ndim,
            dtype,
            device(first),
            xp,
            mesh,
            tuple([a.dtype for a in arrays]) if any(a.dtype != dtype for a in arrays) else None,
        )
        if not (known_finite or space.isfinite(x)):
            raise ValueError(f"{name} has entries that are NaN or infinite: start from finite ones")
        return space

    @cached_property
    def least(self) -> float:
        """The smallest normal number."""
        return float(self.xp.finfo(self.dtype).smallest_normal)

    @cached_property
    def smallest(self) -> float:
        """The smallest number above 0 that sums keep; of JAX, or where the processor takes what is
        below it for 0, the smallest normal one.
        """
        below = self.least * self.eps
        kept = below > 0 and not array_api_compat.is_jax_namespace(self.xp)
        return below if kept and np.float32(2.0**-126) * np.float32(0.5) > 0 else self.least

    @property
    def batch_shape(self) -> Shape:
        """The shape of norms, residuals and step sizes."""
        return self.shapes[0][: self.batch_ndim]

    @cached_property
    def is_complex(self) -> bool:
        """Whether a block is complex."""
        return COMPLEX[self.dtype]

    @cached_property
    def real_dtype(self) -> Any:
        """The dtype of norms and steps."""
        return real_dtype(self.dtype, self.xp)

    def complexified(self) -> Space:
        """The space of complex points of these shapes."""
        kind = _complex_beside(self.real_dtype, self.xp)
        dtype = self.xp.empty(0, dtype=kind).dtype  # of NumPy a dtype, and no type
        return replace(self, dtype=dtype, dtypes=None)

    def has_dtype(self, x: Point) -> bool:
        """Whether the arrays of a point are of the space's dtype; beside others, as values of maps
        to real points are, also of that of its parts.
        """
        if type(x) is not tuple:
            return bool(x.dtype == self.dtype) or self.dtypes is not None
        allowed = (self.dtype, self.real_dtype)
        return self.dtypes is not None or all(block.dtype in allowed for block in blocks(x))

    def any(self, mask: Array) -> bool:
        """Whether a mask of batch shape marks an element, read by the host."""
        return bool(self.xp.any(mask) if self.batch_ndim else mask)

    def on_any(self, flag: bool, x: Point) -> bool:
        """A flag of the host, which processes that share the points set together."""
        return flag if self.mesh is None else any(spread([int(flag)], blocks(x)[0])[1])

    def isfinite(self, x: Point) -> bool:
        """Whether every entry of x is finite."""
        if self.mesh is None:
            return all(map(isfinite, blocks(x)))
        with shared_fate(self.mesh), whole_sums():
            return all(map(isfinite, blocks(x)))

    def inner(self, x: Point, y: Point) -> Array:
        """⟨x, y⟩, of batch shape."""
        return inner(x, y, self.batch_ndim)

    @cached_property
    def norm(self) -> Callable[[Point], Array]:
        """x ↦ ‖x‖, of batch shape."""
        return partial(norm, batch_ndim=self.batch_ndim) if self.batch_ndim else norm

    def norm_in_all(self, x: Point) -> Point:
        """‖x‖ in every entry of a point like x."""
        size = self.norm(x)

        def filled(block: Point) -> Point:
            if isinstance(block, tuple):
                return tuple(map(filled, block))
            return align(size, block) + 0.0 * block

        return filled(x)

    def norms(self, x: Point) -> list[Array]:
        """‖·‖ of each block of a point of any space with the batch axes of this one."""
        return [self.norm(block) for block in blocks(x)]

    def coupling_bounds(
        self, norm: float, x: Point, y: Point, Lx: Point, LTy: Point
    ) -> tuple[Array, ...]:
        """‖L‖‖y‖ for each block of x, then ‖L‖‖x‖ for each of y, as ‖Lᵀy‖ and ‖Lx‖ are at most;
        where ‖L‖ is not known, the largest gain that x and y show takes its place, which is less.
        """
        of_x, of_y = self.norm(y), self.norm(x)
        gain: Any = norm
        if norm == math.inf:
            gains = self.norm(Lx) / (of_y + self.smallest), self.norm(LTy) / (of_x + self.smallest)
            gain = self.xp.maximum(*gains)
        of_x, of_y = gain * of_x, gain * of_y
        return (of_x,) * len(blocks(x)) + (of_y,) * len(blocks(y))

    @cached_property
    def eps(self) -> float:
        """The relative rounding error, twice."""
        return float(self.xp.finfo(self.dtype).eps)

    def check_point(self, x: Point, name: str) -> None:
        """Raise unless x lies in this space: TypeError for a wrong kind, dtype or library,
        ValueError for a wrong shape or device.
        """
        for a, shape in self.pairs(x, name):
            if tuple(a.shape) != shape:
                raise ValueError(f"{name} has shape {tuple(a.shape)}, but x0 has {shape}")

    def pairs(
        self, x: Point, name: str, *, of_points: bool = True
    ) -> Iterator[tuple[Array, Shape]]:
        """The blocks of x with the shapes of the space's; raises if they are of another kind, or,
        of data, can't be combined with points.
        """
        arrays = blocks(x)
        if isinstance(x, tuple) != self.is_tuple or len(arrays) != len(self.shapes):
            wanted = f"a tuple of {len(self.shapes)} arrays" if self.is_tuple else "one array"
            raise TypeError(f"{name} must be {wanted} as x0 is, got {type(x).__name__}")
        dtypes = self.dtypes or (self.dtype,) * len(arrays)
        for a, shape, dtype in zip(arrays, self.shapes, dtypes, strict=True):
            self._check_kind(a, name, dtype if of_points else self._dtype_beside(a, dtype))
            yield a, shape

    def check_array(self, a: Array, name: str) -> None:
        """Raise unless an operator's array can be combined with points: same library, dtype (or,
        where points are complex, that of their parts) and device; TypeError if it is recorded for
        derivatives, which no solve has.
        """
        self._check_kind(a, name, self._dtype_beside(a, self.dtype))
        if differentiating(a):
            raise TypeError(
                f"{name} requires gradients, but a solve records none, so that its solution would "
                "be detached: detach it, solve within torch.no_grad(), or let "
                "splitkit_nn.ImplicitSolve differentiate the solution"
            )

    def _dtype_beside(self, a: Array, dtype: Any) -> Any:
        """What an array of data must have beside points of a dtype: it, or that of its parts."""
        if self.is_complex and is_array(a) and a.dtype == self.real_dtype:
            return self.real_dtype
        return dtype

    def _check_kind(self, a: Array, name: str, dtype: Any) -> None:
        if not is_array(a) or namespace(a) is not self.xp:
            raise TypeError(
                f"{name} is a {type(a).__module__}.{type(a).__name__}, but x0 belongs to "
                f"{self.xp.__name__}: convert one of them"
            )
        if a.dtype != dtype:
            raise TypeError(f"{name} has dtype {a.dtype}, but x0 has {dtype}: convert one")
        if not _together(a, self.device):
            raise ValueError(f"{name} is on {device(a)}, but x0 on {self.device}: move one of them")
        if getattr(a, "device_mesh", None) != self.mesh:
            raise ValueError(
                f"{name} lies on {_mesh_said(mesh_of(a))}, but x0 on {_mesh_said(self.mesh)}: let "
                "torch.distributed.tensor.distribute_tensor put both on one mesh, cut or replicated"
            )

    def block_spaces(self) -> tuple[Space, ...]:
        """The spaces of the blocks of a tuple point."""
        dtypes = self.dtypes or (self.dtype,) * len(self.shapes)
        return tuple(
            Space((s,), False, self.batch_ndim, dtype, self.device, self.xp, self.mesh)
            for s, dtype in zip(self.shapes, dtypes, strict=True)
        )


@cache
def real_dtype(dtype: Any, xp: Any) -> Any:
    """The dtype of the parts of a complex one; a real one itself."""
    if not COMPLEX[dtype]:
        return dtype
    return xp.float64 if float(xp.finfo(dtype).eps) < 1e-10 else xp.float32


def _same_precision(a: Array, b: Array, xp: Any) -> bool:
    if COMPLEX[a.dtype] or COMPLEX[b.dtype]:
        return bool(real_dtype(a.dtype, xp) == real_dtype(b.dtype, xp))
    return bool(a.dtype == b.dtype)


def _mesh_said(mesh: Any) -> str:
    return "no mesh of processes" if mesh is None else f"{mesh}"
