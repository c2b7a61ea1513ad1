"""What a program is given, checked by name before any work."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array, eye_array, issparse
from scipy.sparse.linalg import ArpackError, eigsh, splu

from splitkit.arguments import check_number
from splitkit.backend import Array, from_numpy, is_array, namespace, to_numpy
from splitkit.problems.programs.rows import Vector

DOUBLE = float(np.finfo(float).eps)
SMALL = 300  # rows of a matrix of which all eigenvalues are computed


def vector(name: str, value: Any, size: int | None = None, like: Array | None = None) -> Array:
    """One axis of real numbers, none of them NaN; of the library of ``like``, where a number stands
    for one in each of the ``size`` places.
    """
    if like is not None and not is_array(value):
        number = as_number(name, value)
        return from_numpy(np.full(size, number), like)
    if not is_array(value) or not _is_real(value):
        raise TypeError(f"{name} = {value!r}: give an array of real numbers with one axis")
    if value.ndim != 1 or (size is not None and value.shape[0] != size):
        wanted = "(n,)" if size is None else f"({size},)"
        raise ValueError(f"{name} has shape {tuple(value.shape)}: give one of shape {wanted}")
    numbers = to_numpy(value).astype(float)
    if np.isnan(numbers).any():
        at = int(np.flatnonzero(np.isnan(numbers))[0])
        raise ValueError(f"{name} has NaN at {at}: give numbers")
    if like is None:
        xp = namespace(value)
        return value if xp.isdtype(value.dtype, "real floating") else _floating(value)
    return from_numpy(numbers, like)


def finite(name: str, value: Array) -> Array:
    """The same, if none of its entries is infinite."""
    infinite = np.flatnonzero(~np.isfinite(to_numpy(value)))
    if infinite.size:
        raise ValueError(f"{name} is infinite at {int(infinite[0])}: give finite numbers")
    return value


def as_number(name: str, value: Any) -> float:
    """A number, which may be infinite."""
    if value in (np.inf, -np.inf):
        return float(value)
    return check_number(name, value, remedy="give a number, or an array of one for each")


def interval(names: tuple[str, str], lower: Array, upper: Array) -> tuple[Vector, Vector]:
    """Bounds in NumPy's float64, of which the lower nowhere exceeds the upper."""
    low, high = (to_numpy(bound).astype(float) for bound in (lower, upper))
    for name, wrong, bad in (
        (names[0], "inf", np.flatnonzero(low == np.inf)),
        (names[1], "-inf", np.flatnonzero(high == -np.inf)),
    ):
        if bad.size:
            raise ValueError(f"{name} is {wrong} at {bad[0]}, which nothing meets: give a bound")
    crossed = np.flatnonzero(low > high)
    if crossed.size:
        i = int(crossed[0])
        raise ValueError(
            f"{names[0]} = {low[i]:g} exceeds {names[1]} = {high[i]:g} at {i}: no point lies "
            "between them; exchange or widen them"
        )
    return low, high


def matrix(name: str, value: Any, shape: tuple[int | None, int], like: Array) -> tuple[Any, Any]:
    """A matrix with real and finite entries as it is given, floating, and in SciPy's CSR."""
    if not (issparse(value) or is_array(value)):
        raise TypeError(f"{name} = {value!r}: give a matrix, an array or a sparse one of SciPy")
    if not (_is_real(value) if is_array(value) else value.dtype.kind in "iuf"):
        raise TypeError(f"{name} has dtype {value.dtype}: give real numbers")
    rows, columns = shape
    if value.ndim != 2 or value.shape[1] != columns or rows not in (None, value.shape[0]):
        wanted = f"({'m' if rows is None else rows}, {columns})"
        raise ValueError(f"{name} has shape {tuple(value.shape)}: give one of shape {wanted}")
    if issparse(value):
        kept = value.astype(_numpy_dtype(like))
        found = csr_array(value, dtype=float)
        found.sum_duplicates()
    else:
        found = csr_array(to_numpy(value).astype(float))
        kept = value if namespace(value).isdtype(value.dtype, "real floating") else _floating(value)
    if not np.isfinite(found.data).all():
        raise ValueError(f"{name} has entries that are NaN or infinite: give finite ones")
    return kept, found


def renewed(name: str, value: Any, kept: Any, known: Any, like: Array) -> tuple[Any, Any]:
    """New values of a matrix: a matrix of the same pattern, or of a sparse one its ``data``."""
    if issparse(kept) and is_array(value) and value.ndim == 1:
        if value.shape != kept.data.shape:
            raise ValueError(
                f"{name} has {value.shape[0]} values: give the {kept.data.shape[0]} of its "
                "data, or a matrix"
            )
        changed = kept.copy()
        changed.data = to_numpy(value).astype(kept.dtype)
        value = changed
    if issparse(value) != issparse(kept):
        kinds = ("sparse", "an array")
        was, now = kinds if issparse(kept) else kinds[::-1]
        raise TypeError(f"{name} was {was} and is now {now}: give it as it was")
    again, found = matrix(name, value, known.shape, like)
    if issparse(kept) and not (
        np.array_equal(found.indptr, known.indptr) and np.array_equal(found.indices, known.indices)
    ):
        raise ValueError(
            f"{name} has other places of nonzero entries than before: an update changes values "
            "only; store zeros where entries come and go, or make a new problem"
        )
    return again, found


def convex(P: Any, like: Array) -> Any:
    """P in CSR, symmetric to the last bit, if it is positive semidefinite up to the rounding of the
    dtype that it was given in.
    """
    n, eps = P.shape[0], float(np.finfo(_numpy_dtype(like)).eps)
    if not P.nnz:
        return P
    largest = float(abs(P.data).max())
    difference = P - P.T
    skew = float(abs(difference.data).max()) if difference.nnz else 0.0
    if skew > 4 * n * eps * largest:
        half = " (of P = triu(P) alone: P + Pᵀ less the diagonal)" if _is_triangle(P) else ""
        raise ValueError(
            f"P is not symmetric, max |P − Pᵀ| = {skew:.2g}: give (P + Pᵀ)/2, which has the same "
            f"½xᵀPx{half}"
        )
    if skew:
        P = csr_array((P + P.T) / 2)
    least = _negative_eigenvalue(P, max(4 * n * eps, 1e-13))
    if least is not None:
        raise ValueError(
            f"P has the eigenvalue {least:.3g}: the program is convex only if P is positive "
            "semidefinite; for a maximum, negate the objective"
        )
    return _lifted(P) if eps > DOUBLE and n <= SMALL else P


def _lifted(P: Any) -> Any:
    """P with as much more on the diagonal as its least eigenvalue is below 0 for the rounding of a
    lower precision: along its vector the objective would fall without bound in double precision.
    """
    least = float(np.linalg.eigvalsh(P.toarray())[0])
    return csr_array(P - 2 * least * eye_array(P.shape[0])) if least < 0 else P


def _negative_eigenvalue(P: Any, rounding: float) -> float | None:
    """One of P's, beyond this relative rounding; None: there is none."""
    n = P.shape[0]
    size = float(abs(P).sum(axis=1).max())
    rounding *= size
    diagonal = P.diagonal()
    if P.nnz == np.count_nonzero(diagonal) or diagonal.min() < -rounding:
        least = float(diagonal.min())
        if least < -rounding and P.nnz != np.count_nonzero(diagonal) and n <= SMALL:
            least = float(np.linalg.eigvalsh(P.toarray())[0])
        return least if least < -rounding else None
    if n <= SMALL or P.nnz > 0.2 * n * n:
        try:
            np.linalg.cholesky(P.toarray() + rounding * np.eye(n))
        except np.linalg.LinAlgError:
            least = float(np.linalg.eigvalsh(P.toarray())[0])
            return least if least < -rounding else None
        return None
    shifted = (P + diags_array(np.full(n, rounding))).tocsc()
    try:  # without exchanges of rows U has as many negative pivots as P eigenvalues (Sylvester)
        lu = splu(
            shifted,
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
        if np.array_equal(lu.perm_r, lu.perm_c) and bool((lu.U.diagonal() > 0).all()):
            return None
    except RuntimeError:  # a pivot is 0
        pass
    try:
        least = float(eigsh(P, k=1, which="SA", return_eigenvectors=False, tol=1e-6)[0])
    except ArpackError:
        return None
    return least if least < -max(rounding, 1e-9 * size) else None


def _is_triangle(P: Any) -> bool:
    coo = P.tocoo()
    i, j = coo.coords
    return bool((i <= j).all())


def _is_real(x: Any) -> bool:
    return bool(namespace(x).isdtype(x.dtype, ("integral", "real floating")))


def _floating(x: Array) -> Array:
    xp = namespace(x)
    return xp.astype(x, xp.float64)


def _numpy_dtype(like: Array) -> Any:
    return to_numpy(like).dtype


def nothing_else(owner: Any, others: dict[str, Any], names: str) -> None:
    """Raise TypeError if an update names what is no number of a program: it has ``names``."""
    for name, value in others.items():
        raise TypeError(
            f"{name} = {value!r}: {type(owner).__name__}.update takes {names}; for anything else "
            "make a new problem"
        )
