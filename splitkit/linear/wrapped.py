"""What acts as a matrix, of any kind, as a linear map."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import scipy.sparse

from splitkit.arguments import check_choice
from splitkit.backend import Array, Shape, Space, from_numpy, is_array, to_numpy, with_adjoint
from splitkit.linear.base import LinearOperator
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.estimate import estimate_norm
from splitkit.linear.matrix_free import MatrixFree
from splitkit.linear.sparse import Sparse
from splitkit.operators.pullback import as_map

SELDOM = 1e-9  # of an estimated norm that is asked for by name


def is_map(op: Any) -> bool:
    """Whether ``wrap`` makes a linear map of it, and it can be no point."""
    if isinstance(op, LinearOperator) or as_scipy(op) is not None:
        return True
    return op.ndim == 2 if is_array(op) else hasattr(op, "matvec")


def as_scipy(op: Any) -> Any:
    """A sparse matrix of SciPy, JAX or Torch, or of what converts itself, as one of SciPy; None: it
    is none.
    """
    if scipy.sparse.issparse(op):
        return op
    if hasattr(op, "to_scipy_sparse"):
        return op.to_scipy_sparse()
    if is_array(op) and str(getattr(op, "layout", "")).startswith("torch.sparse"):
        entries = op.detach().to_sparse_coo().coalesce().cpu()
        at = entries.indices().numpy()
        return scipy.sparse.coo_array((entries.values().numpy(), tuple(at)), tuple(op.shape))
    if type(op).__module__.startswith("jax.experimental.sparse"):
        entries = op.to_bcoo() if hasattr(op, "to_bcoo") else op
        at = np.asarray(entries.indices).T
        return scipy.sparse.coo_array((np.asarray(entries.data), tuple(at)), tuple(op.shape))
    return None


def wrap(op: Any, *, argument: str = "op", **declared: Any) -> LinearOperator:
    """A matrix, a SciPy or PyLops operator or their like as a linear map on the last axis of x, or
    on its last axes where it has ``dims``.

    Parameters
    ----------
    op : array, sparse array of SciPy, Torch or JAX, LinearOperator, or another object
        A matrix becomes a ``DenseMatrix`` or ``Sparse``; a ``splitkit.LinearOperator`` stays what
        it is. Of another object ``shape`` (rows, columns), ``matvec`` and ``rmatvec`` on
        vectors of NumPy are used, one vector after the other: points of other libraries pass
        through NumPy, those on another device through the host. If its ``dtype`` is complex, so
        are points, and ``rmatvec`` is the adjoint, as SciPy and PyLops have it. The shapes that
        PyLops calls ``dims`` and ``dimsd`` are those of x and of Lx.
    argument : str
        Its name, for messages.
    **declared
        What is known of it, as the class that it becomes takes it; ``MatrixFree`` for other
        objects: norm, strong_monotonicity, symmetric, …. For those ``norm="estimate"`` takes the
        upper bound of ``estimate_norm``, at most a tenth too large, for ‖L‖: some 40 applications
        now, of which the bound fails with probability 1e-9. A solve compares it with what it sees.

    Raises
    ------
    TypeError
        ``op`` is none of these, or lacks its transpose; constants are declared of a map
        that has its own.

    Examples
    --------
    >>> L = sk.linear.wrap(np.array([[1.0, 2.0]]))
    >>> print(L(np.array([1.0, 1.0])), L.norm)
    [3.] 2.2361
    """
    if isinstance(op, LinearOperator):
        if declared:
            raise TypeError(f"{', '.join(declared)}: {argument} = {op!r} has constants of its own")
        return op
    found = as_scipy(op)
    if found is not None:
        return Sparse(found, name=argument, **declared)
    if is_array(op):
        return DenseMatrix(op, name=argument, **declared)
    missing = [name for name in ("shape", "matvec", "rmatvec") if not hasattr(op, name)]
    if missing:
        raise TypeError(
            f"{argument} = {op!r} has no {', '.join(missing)}: give a matrix, a "
            "splitkit.LinearOperator (linear.MatrixFree makes one of two functions), or an "
            "operator of SciPy or PyLops"
        )
    is_complex = np.issubdtype(getattr(op, "dtype", None) or np.float64, np.complexfloating)
    rows, columns = map(int, op.shape)
    try:
        op.rmatvec(np.zeros(rows, dtype=complex if is_complex else float))
    except NotImplementedError as error:
        raise TypeError(
            f"{argument} = {op!r} does not know its transpose: define rmatvec"
        ) from error
    declared.setdefault("name", type(op).__name__)

    def through(apply: Callable[[Any], Any], shape: Shape, out: Shape) -> Callable[[Array], Array]:
        size = math.prod(out)
        of_vector, flat = _OfVector(apply, size), len(shape) == len(out) == 1

        def mapped(x: Array) -> Array:
            if (
                type(x) is np.ndarray
                and x.ndim == len(shape)
                and (is_complex or x.dtype.kind == "f")
            ):
                return of_vector(x) if flat else of_vector(x.reshape(-1)).reshape(out)
            batch = x.shape[: x.ndim - len(shape)]
            vectors = to_numpy(x).reshape(math.prod(batch), math.prod(shape))
            values = np.empty((len(vectors), size), dtype=vectors.dtype)
            for i, vector in enumerate(vectors):
                if is_complex or vector.dtype.kind == "f":
                    values[i] = apply(vector)
                else:  # what is real may know real vectors alone
                    values[i] = apply(vector.real.copy()) + 1j * apply(vector.imag.copy())
            return from_numpy(values.reshape(*batch, *out), x)

        return mapped

    shape, out = _shape(op, "dims", columns), _shape(op, "dimsd", rows)
    ahead, back = through(op.matvec, shape, out), through(op.rmatvec, out, shape)

    def forward(x: Array) -> Array:
        return with_adjoint(ahead, adjoint, x)

    def adjoint(y: Array) -> Array:
        return with_adjoint(back, forward, y)

    made = _OfComplex if is_complex else MatrixFree
    if isinstance(declared.get("norm"), str):
        check_choice("norm", declared.pop("norm"), ("estimate",))
        x_like = np.zeros(shape, dtype=complex if is_complex else float)
        L = made(forward, adjoint, shape, out, **declared)
        declared["norm"] = estimate_norm(L, x_like, probability=SELDOM, accuracy=0.1).upper_bound
    return made(forward, adjoint, shape, out, **declared)


def _shape(op: Any, name: str, size: int) -> Shape:
    """What the operator says of the shape of its vectors, where it says something."""
    dims = getattr(op, name, None)
    shape = tuple(map(int, dims)) if isinstance(dims, Iterable) else (size,)
    return shape if math.prod(shape) == size else (size,)


class _OfVector:
    """x ↦ apply(x) of NumPy's vectors, without copies but where the operator wants them: the first
    two calls show whether it writes into its argument, and whether one array takes all its values.
    """

    def __init__(self, apply: Callable[[Any], Any], size: int) -> None:
        self.apply, self.size = apply, size
        self.calls, self.writes, self.reuses, self.before = 0, False, False, None

    def __call__(self, x: Any) -> Any:
        given = x.copy() if self.writes or self.calls == 0 else x
        value = np.reshape(self.apply(given), (self.size,))
        if self.calls < 2 and np.any(x):  # what is written into 0 may be 0
            self._look(given, x, value)
        elif self.calls == 2 and not self.reuses and not np.may_share_memory(value, x):
            return value.astype(x.dtype, copy=False)
        return np.array(value, dtype=x.dtype)

    def _look(self, given: Any, x: Any, value: Any) -> None:
        if self.calls == 0:
            self.writes, self.before = not np.array_equal(given, x), value
        else:
            self.reuses, self.before = np.may_share_memory(value, self.before), None
        self.calls += 1


class _OfComplex(MatrixFree):
    """Of an operator whose values are complex."""

    def check_kind(self, space: Space, name: str) -> None:
        if not space.is_complex:
            raise TypeError(
                f"{name} = {self!r} is complex, but x0 has {space.dtype}: give a complex x0"
            )


@as_map.register(object)
def _of_pullback(L: Any) -> LinearOperator:
    return wrap(L, argument="L")
