"""Values between the points of a grid, as a sparse matrix, whose transpose is matched."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import reduce
from typing import Any, Literal

import numpy as np
import scipy.sparse

from splitkit.arguments import check_choice, check_flag, check_reals, check_sizes
from splitkit.linear.base import LinearOperator
from splitkit.linear.rearranged import Reshape
from splitkit.linear.sparse import Sparse

KINDS = ("linear", "nearest")


def Interpolation(
    shape: int | Sequence[int],
    points: Any,
    kind: Literal["linear", "nearest"] = "linear",
    *,
    dtype: Literal["float64", "float32"] = "float64",
) -> LinearOperator:
    """An array on a grid ↦ its values at points between, multilinear or of the nearest neighbour.

    Beyond the ends x keeps its outermost value. The weights of a point are non-negative and sum to
    1; Lᵀ is the matched adjoint, which spreads a value over the neighbours.

    Source: Press et al., *Numerical Recipes* (2007), §3.6.

    Parameters
    ----------
    shape : int or tuple of int
        The last axes of x, the grid 0, 1, … along each.
    points : array, shape (m, axes)
        Coordinates, finite; for one axis also a vector.
    kind : "linear" or "nearest"
        A half way between is rounded upwards.
    dtype : "float64" or "float32"
        That of x.

    Raises
    ------
    TypeError, ValueError
        The points are no finite numbers, one for each axis.

    Notes
    -----
    At most 2^axes entries for each point; ``Sparse`` says what is known of it, and where it is
    computed.

    Examples
    --------
    >>> L = sk.linear.Interpolation(3, [0.5, 1.75])
    >>> print(L(np.array([0.0, 1.0, 3.0])), L.T(np.array([1.0, 0.0])))
    [0.5 2.5] [0.5 0.5 0. ]
    """
    sizes = check_sizes("shape", shape, 1)
    check_choice("kind", kind, KINDS)
    given = check_reals("points", points)
    given = given[:, None] if given.ndim == 1 and len(sizes) == 1 else given
    if given.ndim != 2 or given.shape[1] != len(sizes) or not np.isfinite(given).all():
        raise ValueError(
            f"points have shape {given.shape}: give finite coordinates, shape (m, {len(sizes)})"
        )
    matrix = _matrix(sizes, given.T, kind)
    return _of_matrix(matrix, sizes, (len(given),), dtype)


def Resize(
    shape: int | Sequence[int],
    sizes: int | Sequence[int],
    kind: Literal["linear", "nearest"] = "linear",
    *,
    corners: bool = False,
    dtype: Literal["float64", "float32"] = "float64",
) -> LinearOperator:
    """An array on a grid ↦ one on a grid of other sizes on the same box, by interpolation.

    Point i of a grid of n becomes (i + ½)N/n − ½ of the old one of N, as points are the middles of
    cells; or i(N − 1)/(n − 1), which keeps corners. No smoothing precedes a reduction. It is the
    Kronecker product of the maps of the axes.

    Parameters
    ----------
    shape : int or tuple of int
        The last axes of x.
    sizes : int or tuple of int
        Those of Lx, as many.
    kind : "linear" or "nearest"
    corners : bool
        Whether the outermost points stay in their places.
    dtype : "float64" or "float32"
        That of x.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer.

    Examples
    --------
    >>> L = sk.linear.Resize(2, 4)
    >>> print(L(np.array([0.0, 1.0])), L.T(np.ones(4)))
    [0.   0.25 0.75 1.  ] [2. 2.]
    """
    before = check_sizes("shape", shape, 1)
    after = check_sizes("sizes", sizes, 1, len(before))
    check_choice("kind", kind, KINDS)
    check_flag("corners", corners)
    parts = []
    for old, new in zip(before, after, strict=True):
        i = np.arange(new)
        at = i * ((old - 1) / max(new - 1, 1)) if corners else (i + 0.5) * (old / new) - 0.5
        parts.append(_matrix((old,), (at,), kind))
    return _of_matrix(reduce(scipy.sparse.kron, parts), before, after, dtype)


def _neighbors(n: int, at: Any, kind: str) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Along one axis of length n the places below and above, and their weights."""
    at = np.clip(at, 0.0, n - 1.0)
    below = np.minimum(np.floor(at), max(n - 2, 0)).astype(int)
    share = at - below
    if kind == "nearest":
        share = np.floor(share + 0.5)
    return (below, 1 - share), (np.minimum(below + 1, n - 1), share)


def _matrix(sizes: Sequence[int], points: Any, kind: str) -> Any:
    """The matrix of interpolation on a grid: a row has the corners around a point, each with the
    product of its weights along the axes.
    """
    axes = [_neighbors(n, at, kind) for n, at in zip(sizes, points, strict=True)]
    corners = list(itertools.product(*axes))
    columns = [np.ravel_multi_index([place for place, _ in each], sizes) for each in corners]
    entries = [math.prod(weight for _, weight in each) for each in corners]
    m = len(points[0])
    where = np.tile(np.arange(m), len(corners)), np.concatenate(columns)
    return scipy.sparse.csr_array((np.concatenate(entries), where), shape=(m, math.prod(sizes)))


def _of_matrix(matrix: Any, before: Any, after: Any, dtype: str) -> LinearOperator:
    check_choice("dtype", dtype, ("float64", "float32"))
    found = scipy.sparse.csr_array(matrix)
    found.eliminate_zeros()
    L: LinearOperator = Sparse(found.astype(dtype), name="interpolation")
    if len(after) > 1:
        L = Reshape((math.prod(after),), after) @ L
    return L @ Reshape(before, (math.prod(before),)) if len(before) > 1 else L
