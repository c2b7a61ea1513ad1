"""Sums, products and multiples of linear maps as one map that is inverted directly.

``SUMS`` and ``PRODUCTS`` say which kinds meet and what becomes of them, the first that fits; what
no row takes stays apart. LᵀL of a matrix with fewer rows than columns becomes ``PlusLowRank``:
nothing is ever made that holds more numbers than the parts do, but for the fill-in of sparse
products, which is estimated before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, cast

import numpy as np
import scipy.sparse

from splitkit.backend import (
    Array,
    adjoint_of,
    conjugated,
    device,
    from_numpy,
    is_array,
    namespace,
    products,
    times,
    to_numpy,
)
from splitkit.linear.algebra import LinearMultiple, LinearProduct, LinearSum
from splitkit.linear.base import Adjoint, LinearOperator
from splitkit.linear.block import BlockColumn, BlockDiagonalMap, BlockMatrix, BlockRow
from splitkit.linear.coupling import Coupling
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.diagonal import Diagonal
from splitkit.linear.fourier import FourierMultiplier
from splitkit.linear.gradient import Gradient
from splitkit.linear.identity import ScaledIdentity
from splitkit.linear.kronecker import Kronecker
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.low_rank import PlusLowRank
from splitkit.linear.mask import Mask
from splitkit.linear.second_differences import SecondDifferences
from splitkit.linear.sparse import Sparse, hermitian
from splitkit.linear.stacked import Stacked
from splitkit.meshes import is_cut_along, is_scattered

Rule = Callable[[Any, Any], LinearOperator | None]

DIFFERENCES = "differences"  # what maps of differences are called among kinds
FEW_MORE = 4  # times the numbers that the blocks of a saddle matrix hold
FILL = 16  # times the entries of a sparse A that AᵀA may have; beyond, its full rows are set apart


# -- multiples and transposes ---------------------------------------------------------------------


def fused_multiple(c: float, L: LinearOperator) -> LinearOperator:
    """cL, L being merged."""
    if c == 1:
        return L
    if isinstance(L, ScaledIdentity):
        return ScaledIdentity(c * L.c)
    if isinstance(L, Diagonal):
        return Diagonal(c * L.d)
    if isinstance(L, FourierMultiplier):
        return L.like(c * L.spectrum, skew=L.skew)
    if isinstance(L, DenseMatrix):
        return DenseMatrix.of_finite(c * L.matrix)
    if isinstance(L, Sparse):
        return Sparse(L.matrix * L.matrix.dtype.type(c))
    if isinstance(L, PlusLowRank) and c > 0:
        return PlusLowRank(fused_multiple(c, L.base), fused_multiple(c**0.5, L.U))
    if isinstance(L, BlockDiagonalMap):
        return BlockDiagonalMap([fused_multiple(c, K) for K in L.maps])
    if isinstance(L, BlockMatrix):
        return BlockMatrix([[fused_multiple(c, K) for K in row] for row in L.rows])
    if isinstance(L, Stacked):
        return Stacked(fused_multiple(c, L.L), L.sizes)
    if isinstance(L, Kronecker):
        return Kronecker(fused_multiple(c, L.A), L.B)
    if isinstance(L, SecondDifferences) and c > 0:
        return SecondDifferences(L.D, c * L.a, c * L.b)
    return LinearMultiple.of(c, L)


def transposed(L: LinearOperator) -> LinearOperator | None:
    """Lᵀ as a map of L's kind; None: it has none."""
    if isinstance(L, (ScaledIdentity, SecondDifferences)):
        return L
    if isinstance(L, Diagonal):
        return L if L.symmetric else Diagonal(conjugated(L.d))
    if isinstance(L, FourierMultiplier):
        conjugate = namespace(L.spectrum).conj(L.spectrum)
        return L.like(conjugate, skew=L.skew)
    if isinstance(L, DenseMatrix):
        return DenseMatrix.of_finite(adjoint_of(L.matrix))
    if isinstance(L, Sparse):
        return Sparse(hermitian(L.matrix))
    if isinstance(L, Stacked):
        within = transposed(L.L)
        return None if within is None else Stacked(within, L.sizes)
    if isinstance(L, Kronecker):
        parts = [transposed(K.merged) for K in L.maps]
        return None if None in parts else Kronecker(*parts)
    if isinstance(L, BlockColumn):
        return BlockRow([K.T for K in L.maps])
    if isinstance(L, BlockRow):
        return BlockColumn([K.T for K in L.maps])
    if isinstance(L, BlockDiagonalMap):
        return BlockDiagonalMap([K.T for K in L.maps])
    if isinstance(L, BlockMatrix):
        return BlockMatrix([[K.T for K in column] for column in L.columns])
    return None


# -- sums -----------------------------------------------------------------------------------------


def _vector(L: Any, n: int, like: Array) -> Array | None:
    """The diagonal of a map of vectors of n entries, as an array of the library of ``like``."""
    if isinstance(L, ScaledIdentity):
        return from_numpy(np.full(n, L.c), like)
    d = L.d
    if d.ndim != 1 or d.shape[0] not in (1, n):
        return None
    if is_array(like) and namespace(like) is not namespace(d):
        d = from_numpy(to_numpy(d), like)
    return namespace(d).broadcast_to(d, (n,))


def _on_diagonal(L: DenseMatrix, D: Any) -> LinearOperator | None:
    M, n = L.matrix, L.domain_shape[0]
    d = _vector(D, n, M)
    if d is None or not L.is_square:
        return None
    identity = L.xp.eye(n, dtype=M.dtype, device=device(M))
    return DenseMatrix.of_finite(M + identity * d)


def _on_sparse_diagonal(L: Sparse, D: Any) -> LinearOperator | None:
    d = _vector(D, L.domain_shape[0], L.matrix.data)
    if d is None or not L.is_square:
        return None
    return Sparse(L.matrix + scipy.sparse.diags_array(d))


def _dense_and_sparse(L: DenseMatrix, K: Sparse) -> LinearOperator:
    return DenseMatrix.of_finite(L.matrix + from_numpy(K.matrix.toarray(), L.matrix))


def _in_one_basis(
    L: FourierMultiplier, K: FourierMultiplier
) -> tuple[FourierMultiplier, FourierMultiplier] | None:
    """Both on half the spectrum, or on all of it if a kernel is complex."""
    if L.shape != K.shape:
        return None
    return (L, K) if L.by_parts and K.by_parts else (L.whole, K.whole)


def _two_spectra(L: FourierMultiplier, K: FourierMultiplier) -> LinearOperator | None:
    pair = _in_one_basis(L, K)
    if pair is None:
        return None
    A, B = pair
    symmetric, skew = A.symmetric and B.symmetric, A.skew and B.skew
    return A.like(A.spectrum + B.spectrum, symmetric=symmetric, skew=skew)


def _spectra_multiplied(L: FourierMultiplier, K: FourierMultiplier) -> LinearOperator | None:
    pair = _in_one_basis(L, K)
    if pair is None:
        return None
    A, B = pair
    return A.like(A.spectrum * B.spectrum, symmetric=A.symmetric and B.symmetric)


def _raised(L: SecondDifferences, K: ScaledIdentity) -> LinearOperator | None:
    return SecondDifferences(L.D, L.a + K.c, L.b) if L.a + K.c >= 0 else None


def _two_differences(L: SecondDifferences, K: SecondDifferences) -> LinearOperator | None:
    if (L.D.axes, L.D.boundary) != (K.D.axes, K.D.boundary):
        return None
    return SecondDifferences(L.D if K.D.shape is None else K.D, L.a + K.a, L.b + K.b)


def _on_spectrum(L: FourierMultiplier, K: SecondDifferences) -> LinearOperator | None:
    """On the periodic grid of L, of which K takes all axes."""
    axes = range(-len(L.shape), 0)
    if K.D.boundary != "periodic" or sorted(K.D.axes) != [*axes]:
        return None
    eigenvalues = K.eigenvalues(zip(axes, L.shape, L.counts, strict=True))
    return L.like(L.spectrum + from_numpy(eigenvalues, L.real))


def _of_samples(L: LinearOperator) -> bool:
    """Whether it is a diagonal of more axes than vectors have: no matrix, as samples differ."""
    return isinstance(L, Diagonal) and L.d.ndim != 1


def _onto_base(L: PlusLowRank, K: LinearOperator) -> LinearOperator | None:
    base = fused_sum(L.base, K)
    if base is None or _of_samples(base):
        return None
    if isinstance(base, DenseMatrix):  # there is an n×n matrix already
        return PlusLowRank(base, L.U).as_matrix()
    if isinstance(base, Sparse) and isinstance(L.U, Sparse) and not _fills(L.U.matrix):
        return PlusLowRank(base, L.U).as_matrix()
    return PlusLowRank(base, L.U)


def _two_low_ranks(L: PlusLowRank, K: PlusLowRank) -> LinearOperator | None:
    base = fused_sum(L.base, K.base)
    if base is None or _of_samples(base):
        return None
    U, V = L.U, K.U
    if isinstance(U, Sparse) and isinstance(V, Sparse):
        rows: Any = scipy.sparse.vstack([U.matrix, V.matrix], format="csr")
    else:
        dense = U.matrix if isinstance(U, DenseMatrix) else V.matrix
        parts = [
            from_numpy(W.matrix.toarray(), dense) if isinstance(W, Sparse) else W.matrix
            for W in (U, V)
        ]
        rows = namespace(dense).concat(parts)
    return _low_rank(base, rows)


def _low_rank(base: LinearOperator, rows: Any) -> LinearOperator:
    """base + UᵀU, as a matrix where U has as many rows as columns."""
    found = PlusLowRank(base, rows)
    return found if rows.shape[0] < rows.shape[1] else found.as_matrix()


def _blockwise(L: BlockDiagonalMap, K: LinearOperator) -> LinearOperator | None:
    others = K.diagonal_blocks(len(L.maps))
    if others is None:
        return None
    return BlockDiagonalMap([(A + B).merged for A, B in zip(L.maps, others, strict=True)])


def _blocks_added(L: BlockMatrix, K: LinearOperator) -> LinearOperator | None:
    if isinstance(K, BlockMatrix):
        pairs = [list(zip(*rows, strict=True)) for rows in zip(L.rows, K.rows, strict=True)]
        return BlockMatrix([[(A + B).merged for A, B in row] for row in pairs])
    others = K.diagonal_blocks(len(L.rows))
    if others is None:
        return None
    return BlockMatrix(
        [
            [(A + others[i]).merged if i == j else A for j, A in enumerate(row)]
            for i, row in enumerate(L.rows)
        ]
    )


def _coupled(L: Coupling, K: LinearOperator) -> LinearOperator | None:
    """[A Kᵀ; −K B] of matrices, where that holds few numbers more than its parts do."""
    others = K.diagonal_blocks(2)
    if others is None:
        return None
    A, B = others
    parts = [each.merged for each in (A, B, L.K)]
    held = sum(math_size(M.matrix.shape) for M in parts if isinstance(M, DenseMatrix))
    if held and isinstance(parts[2], LastAxesMap):
        (rows,), (columns,) = parts[2].range_shape[:1], parts[2].domain_shape[:1]
        if (rows + columns) ** 2 > FEW_MORE * held:
            return None
    return joined(BlockMatrix([[A, L.K.T], [-L.K, B]]))


def _stacked_sum(L: Stacked, K: LinearOperator) -> LinearOperator | None:
    if isinstance(K, Stacked):
        within = fused_sum(L.L, K.L) if L.sizes == K.sizes else None
    elif isinstance(K, ScaledIdentity):
        within = fused_sum(L.L, K)
    else:
        other = joined(K, L.sizes)
        return None if other is None else _stacked_sum(L, other)
    return None if within is None else Stacked(within, L.sizes)


SUMS: tuple[tuple[type, type, Rule], ...] = (
    (ScaledIdentity, ScaledIdentity, lambda L, K: ScaledIdentity(L.c + K.c)),
    (Diagonal, ScaledIdentity, lambda L, K: Diagonal(L.d + K.c)),
    (Diagonal, Diagonal, lambda L, K: Diagonal(L.d + K.d)),
    (FourierMultiplier, ScaledIdentity, lambda L, K: L.like(L.spectrum + K.c)),
    (FourierMultiplier, FourierMultiplier, _two_spectra),
    (FourierMultiplier, SecondDifferences, _on_spectrum),
    (SecondDifferences, ScaledIdentity, _raised),
    (SecondDifferences, SecondDifferences, _two_differences),
    (DenseMatrix, DenseMatrix, lambda L, K: DenseMatrix.of_finite(L.matrix + K.matrix)),
    (DenseMatrix, Sparse, _dense_and_sparse),
    (DenseMatrix, ScaledIdentity, _on_diagonal),
    (DenseMatrix, Diagonal, _on_diagonal),
    (Sparse, Sparse, lambda L, K: Sparse(L.matrix + K.matrix)),
    (Sparse, ScaledIdentity, _on_sparse_diagonal),
    (Sparse, Diagonal, _on_sparse_diagonal),
    (PlusLowRank, PlusLowRank, _two_low_ranks),
    (PlusLowRank, LinearOperator, _onto_base),
    (Stacked, LinearOperator, _stacked_sum),
    (BlockMatrix, LinearOperator, _blocks_added),
    (BlockDiagonalMap, LinearOperator, _blockwise),
    (Coupling, LinearOperator, _coupled),
)


def fused_sum(L: LinearOperator, K: LinearOperator) -> LinearOperator | None:
    """L + K as one map, both being merged; None: no row takes them."""
    for left, right in ((L, K), (K, L)):
        for first, second, rule in SUMS:
            if isinstance(left, first) and isinstance(right, second):
                found = rule(left, right)
                if found is not None:
                    return found
    return None


# -- products -------------------------------------------------------------------------------------


def _matrices(L: Any, K: Any) -> LinearOperator | None:
    """The product of two matrices, dense if one is, unless it is larger than both together."""
    left, right = L.matrix, K.matrix
    if left.dtype != right.dtype:
        return None  # one is complex
    if isinstance(L, Sparse) and isinstance(K, Sparse):
        return Sparse(left @ right)
    if left.shape[0] * right.shape[1] > sum(
        math_size(M.shape) for M in (left, right) if is_array(M)
    ):
        return None
    if isinstance(L, Sparse):
        return DenseMatrix.of_finite(from_numpy(left @ to_numpy(right), right))
    if isinstance(K, Sparse):
        return DenseMatrix.of_finite(from_numpy((right.T @ to_numpy(left).T).T, left))
    return DenseMatrix.of_finite(times(left, right))


def math_size(shape: Sequence[int]) -> int:
    """The number of a matrix's entries."""
    return int(np.prod(shape))


def _rows_scaled(D: Diagonal, L: Any) -> LinearOperator | None:
    d = _vector(D, L.range_shape[0], L.matrix if isinstance(L, DenseMatrix) else L.matrix.data)
    return None if d is None else L.scaled(rows=Diagonal(d))


def _columns_scaled(L: Any, D: Diagonal) -> LinearOperator | None:
    d = _vector(D, L.domain_shape[0], L.matrix if isinstance(L, DenseMatrix) else L.matrix.data)
    return None if d is None else L.scaled(columns=Diagonal(d))


def _kroneckers(L: Kronecker, K: Kronecker) -> LinearOperator | None:
    pairs = zip(L.maps, K.maps, strict=True)
    return Kronecker(*[(A @ B).merged for A, B in pairs])


def _block_products(L: LinearOperator, K: LinearOperator) -> LinearOperator | None:
    left, right = _rows_of(L), _rows_of(K)
    if left is None or right is None or len(left[0]) != len(right):
        return None
    columns = list(zip(*right, strict=True))
    products = [[_row_times_column(row, column) for column in columns] for row in left]
    from_array, to_array = isinstance(K, BlockColumn), isinstance(L, BlockRow)
    if from_array and to_array:
        return products[0][0]
    if from_array:
        return BlockColumn([row[0] for row in products])
    return BlockRow(products[0]) if to_array else BlockMatrix(products)


def _rows_of(L: LinearOperator) -> list[Sequence[LinearOperator]] | None:
    """The blocks of a map of tuples, or to tuples."""
    if isinstance(L, BlockMatrix):
        return list(L.rows)
    if isinstance(L, BlockColumn):
        return [(K,) for K in L.maps]
    return [L.maps] if isinstance(L, BlockRow) else None


def _row_times_column(
    row: Sequence[LinearOperator], column: Sequence[LinearOperator]
) -> LinearOperator:
    parts = [A @ B for A, B in zip(row, column, strict=True)]
    return reduce(LinearSum.of, parts).merged


PRODUCTS: tuple[tuple[type, type, Rule], ...] = (
    (ScaledIdentity, LinearOperator, lambda L, K: fused_multiple(L.c, K)),
    (LinearOperator, ScaledIdentity, lambda L, K: fused_multiple(K.c, L)),
    (Diagonal, Diagonal, lambda L, K: Diagonal(L.d * K.d)),
    (FourierMultiplier, FourierMultiplier, _spectra_multiplied),
    (Diagonal, DenseMatrix, _rows_scaled),
    (DenseMatrix, Diagonal, _columns_scaled),
    (Diagonal, Sparse, _rows_scaled),
    (Sparse, Diagonal, _columns_scaled),
    (DenseMatrix, DenseMatrix, _matrices),
    (DenseMatrix, Sparse, _matrices),
    (Sparse, DenseMatrix, _matrices),
    (Sparse, Sparse, _matrices),
    (Kronecker, Kronecker, _kroneckers),
    (
        BlockDiagonalMap,
        BlockDiagonalMap,
        lambda L, K: BlockDiagonalMap(
            [(A @ B).merged for A, B in zip(L.maps, K.maps, strict=True)]
        ),
    ),
    (LinearOperator, LinearOperator, _block_products),
)


def fused_product(L: LinearOperator, K: LinearOperator) -> LinearOperator | None:
    """L K as one map, both being merged; None: no row takes them."""
    for first, second, rule in PRODUCTS:
        if isinstance(L, first) and isinstance(K, second):
            found = rule(L, K)
            if found is not None:
                return found
    return None


# -- LᵀWL -----------------------------------------------------------------------------------------


def gram(L: LinearOperator, W: LinearOperator | None = None) -> LinearOperator | None:
    """LᵀWL as one map, L and the diagonal map W ≥ 0 being merged; None: it stays a product."""
    if W is not None:
        if isinstance(W, ScaledIdentity):
            found = gram(L)
            return None if found is None else fused_multiple(W.c, found)
        if isinstance(L, Mask) and isinstance(W, Diagonal):
            w = _vector(W, L.count, W.d)
            return None if w is None else Diagonal(L.adjoint(w))
        if isinstance(L, (BlockColumn, BlockDiagonalMap)):
            parts = W.diagonal_blocks(len(L.maps))
            if parts is None:
                return None
            grams = [K.T @ V @ K for K, V in zip(L.maps, parts, strict=True)]
            if isinstance(L, BlockDiagonalMap):
                return BlockDiagonalMap([G.merged for G in grams])
            return reduce(LinearSum.of, grams).merged
        if not isinstance(W, Diagonal):
            return None
        root = fused_product(Diagonal(namespace(W.d).sqrt(W.d)), L)
        return None if root is None else gram(root)
    if isinstance(L, ScaledIdentity):
        return ScaledIdentity(L.c * L.c)
    if isinstance(L, Diagonal):
        return Diagonal(products(L.d, L.d))
    if isinstance(L, Gradient):
        return SecondDifferences(L) if L.has_transform else None
    if isinstance(L, FourierMultiplier):
        squares = namespace(L.real).abs(L.spectrum) ** 2 + 0.0j
        return L.like(squares, symmetric=True)
    if isinstance(L, DenseMatrix):
        return _gram_of_matrix(L) if _may_be_multiplied(L) else None
    if isinstance(L, Sparse):
        return _gram_of_sparse(L.matrix)
    if isinstance(L, Stacked):
        within = gram(L.L)
        return None if within is None else Stacked(within, L.sizes)
    if isinstance(L, BlockDiagonalMap):
        return BlockDiagonalMap([(K.T @ K).merged for K in L.maps])
    if isinstance(L, BlockColumn):
        return reduce(LinearSum.of, [K.T @ K for K in L.maps]).merged
    if isinstance(L, Kronecker):
        return Kronecker(*[_as_matrix((K.T @ K).merged) for K in L.maps])
    if isinstance(L, (BlockRow, BlockMatrix)):
        other = transposed(L)
        return None if other is None else _block_products(other, L)
    return None


def _as_matrix(L: LinearOperator) -> LinearOperator:
    """A factor whose eigenvectors are taken: they are as many as its columns anyhow."""
    return L.as_matrix() if isinstance(L, PlusLowRank) else L


def _gram_of_matrix(L: DenseMatrix) -> LinearOperator:
    M, (rows, columns) = L.matrix, L.matrix.shape
    if rows < columns:
        return PlusLowRank(ScaledIdentity(0.0), M)
    G = adjoint_of(M) @ M
    return DenseMatrix.of_finite((G + adjoint_of(G)) / 2)


def _fills(A: Any) -> bool:
    """Whether AᵀA may have many more entries than A."""
    counts = np.diff(A.indptr).astype(float)
    return bool(counts @ counts > FILL * max(A.nnz, *A.shape))


def _gram_of_sparse(A: Any) -> LinearOperator:
    """AᵀA; of a wide A, or of its full rows, by Woodbury's identity."""
    (m, n), counts = A.shape, np.diff(A.indptr).astype(float)
    beside = np.bincount(A.indices, minlength=n).astype(float)
    if m < n and beside @ beside <= counts @ counts:
        return PlusLowRank(ScaledIdentity(0.0), A)
    if not _fills(A):
        return Sparse(hermitian(A) @ A)
    order = np.argsort(-counts)
    rest = counts @ counts - np.cumsum(counts[order] ** 2)
    full = 1 + int(np.searchsorted(-rest, -FILL * max(A.nnz, n)))
    if full > n // 8:  # it is dense all over
        return PlusLowRank(ScaledIdentity(0.0), A) if m < n else Sparse(hermitian(A) @ A)
    kept = np.sort(order[full:])
    of_kept = Sparse(hermitian(A[kept]) @ A[kept])
    return PlusLowRank(of_kept, A[np.sort(order[:full])].toarray())


def weighted_gram(terms: Sequence[tuple[Any, LinearOperator]]) -> LinearOperator:
    """Σ ρᵢLᵢᵀLᵢ in its simplest form.

    Parameters
    ----------
    terms : sequence of (rho, L)
        ρ ≥ 0, a number or, for the entries of Lx, an array like it; then LᵀDiag(ρ)L.

    Raises
    ------
    TypeError, ValueError
        A weight is no number, or the maps act on different points.

    Examples
    --------
    >>> H = sk.linear.weighted_gram([(2.0, sk.DenseMatrix(np.array([[1.0, 1.0]])))])
    >>> print(H(np.array([1.0, 0.0])))
    [2. 2.]
    """
    parts = []
    for rho, L in terms:
        if is_array(rho) and rho.ndim:
            parts.append(L.T @ Diagonal(rho) @ L)
        else:
            parts.append(float(rho) * _gram(L))
    return reduce(LinearSum.of, parts).merged


def _gram(L: LinearOperator) -> LinearOperator:
    """LᵀL, which is LLᵀ where L is a multiple of an orthogonal map."""
    if isinstance(L, LastAxesMap) and L.domain_shape == L.range_shape and L.gram is not None:
        return ScaledIdentity(L.gram)
    return L.T @ L


# -- what the maps of algebra.py and block.py call ------------------------------------------------


def merged_sum(L: LinearSum) -> LinearOperator:
    """A sum of as few maps as the rules allow; L itself if they find nothing."""
    parts: list[LinearOperator] = []
    for term in L.maps:
        parts = _with(parts, term.merged)
    if len(parts) == len(L.maps) and all(a is b for a, b in zip(parts, L.maps, strict=True)):
        return L
    return parts[0] if len(parts) == 1 else _final(LinearSum(parts))


def _with(parts: list[LinearOperator], term: LinearOperator) -> list[LinearOperator]:
    """The parts and one more, fused with what takes it."""
    if isinstance(term, LinearSum):
        return reduce(_with, term.maps, parts)
    for i, part in enumerate(parts):
        found = fused_sum(part, term)
        if found is not None:
            return _with([*parts[:i], *parts[i + 1 :]], found)
    return [*parts, term]


def merged_product(L: LinearProduct) -> LinearOperator:
    """One map, where the rules make one; L itself if they do not."""
    half = L.half
    if half is not None:
        count = len(L.maps)
        middle = L.maps[count // 2].merged if count % 2 else None
        diagonal = middle is None or isinstance(middle, (ScaledIdentity, Diagonal))
        if diagonal or isinstance(middle, BlockDiagonalMap):
            known = middle is None or (middle.properties.strong_monotonicity or 0.0) >= 0
            found = gram(half.merged, middle) if known else None
            if found is not None:
                return found
    whole: LinearOperator | None = L.maps[-1].merged
    for left in reversed(L.maps[:-1]):
        whole = None if whole is None else fused_product(left.merged, whole)
    return L if whole is None else whole


def merged_multiple(L: LinearMultiple) -> LinearOperator:
    """A map of the kind of what is multiplied."""
    found = fused_multiple(L.c, L.L.merged)
    return L if type(found) is LinearMultiple else found


def merged_blocks(L: BlockMatrix) -> LinearOperator:
    """A matrix of all, where the blocks are; or the map of the diagonal, where all else is 0."""
    if not L.is_square:
        return L
    beside = [K for i, row in enumerate(L.rows) for j, K in enumerate(row) if i != j]
    if all(_is_zero(K) for K in beside):
        return BlockDiagonalMap([row[i] for i, row in enumerate(L.rows)]).merged
    return joined(L) or L


def merges_gram(L: LinearOperator) -> bool:
    """Whether ``gram`` finds a map for LᵀL, told by the kinds alone."""
    if isinstance(L, LinearProduct):
        return all(isinstance(K, (DenseMatrix, Diagonal, Sparse)) for K in L.maps)
    if isinstance(L, LinearMultiple):
        return merges_gram(L.L)
    if isinstance(L, Adjoint):
        return transposed(L.L) is not None and merges_gram(L.L)
    if isinstance(L, Gradient):
        return L.has_transform
    if isinstance(L, DenseMatrix):
        return _may_be_multiplied(L)
    matrices = ScaledIdentity, Diagonal, FourierMultiplier, Sparse
    if isinstance(L, matrices):
        return True
    if isinstance(L, Stacked):
        return merges_gram(L.L)
    if isinstance(L, Kronecker):
        return all(isinstance(K, DenseMatrix) for K in L.maps)
    return isinstance(L, BlockDiagonalMap) and all(merges_gram(K) for K in L.maps)


def _may_be_multiplied(L: DenseMatrix) -> bool:
    """Whether LᵀL is a sum over the processes that have rows of L, or no large exchange."""
    return not is_scattered(L.matrix) or is_cut_along(L.matrix, 0)


def adds_up(maps: Sequence[LinearOperator]) -> bool:
    """Whether a sum of such maps is merged to one, told by the kinds alone."""
    kinds = {_kind(L) for L in maps} - {"any"}
    dimensions = {len(kind) for kind in kinds if isinstance(kind, tuple) and kind[0] != DIFFERENCES}
    apart = {kind for kind in kinds if not _joins_grid(kind, dimensions)}
    return len(apart) <= 1 and None not in apart


def _joins_grid(kind: Any, dimensions: set[int]) -> bool:
    """Whether differences have the basis of a periodic grid with so many axes: all of them."""
    if not (isinstance(kind, tuple) and kind[0] == DIFFERENCES and kind[2] == "periodic"):
        return False
    return len(dimensions) == 1 and sorted(kind[1]) == [*range(-dimensions.copy().pop(), 0)]


def _kind(L: LinearOperator) -> Any:
    """What maps of one kind add up to; "any": adds to all."""
    if isinstance(L, ScaledIdentity):
        return "any"
    if isinstance(L, LinearMultiple):
        return _kind(L.L)
    if isinstance(L, LinearSum):
        kinds = {_kind(K) for K in L.maps} - {"any"}
        return kinds.pop() if len(kinds) == 1 else None
    if isinstance(L, FourierMultiplier):
        return L.shape
    if isinstance(L, (Gradient, SecondDifferences)):
        D = L.D if isinstance(L, SecondDifferences) else L
        return DIFFERENCES, D.axes, D.boundary
    if isinstance(L, Diagonal):
        return "matrix" if L.d.ndim == 1 else None
    if isinstance(L, (DenseMatrix, Sparse, PlusLowRank)):
        return "matrix"
    if isinstance(L, LinearProduct) and L.half is not None and L.is_direct:
        return _kind(L.half)
    if isinstance(L, LinearProduct):
        return "matrix" if all(_kind(K) == "matrix" for K in L.maps) else None
    return None


def _is_zero(L: LinearOperator) -> bool:
    return isinstance(L, (LinearMultiple, ScaledIdentity)) and not L.c


def _final(L: LinearSum) -> LinearSum:
    vars(L)["_other_form"] = None
    return L


def joined(L: LinearOperator, sizes: tuple[int, ...] | None = None) -> Stacked | None:
    """A map of tuples whose blocks are matrices of vectors, as one matrix."""
    if isinstance(L, BlockDiagonalMap):
        count = len(L.maps)
        rows: Any = [
            [K if i == j else ScaledIdentity(0.0) for j in range(count)]
            for i, K in enumerate(L.maps)
        ]
    elif isinstance(L, BlockMatrix):
        rows = L.rows
    else:
        return None
    rows = [[K.merged for K in row] for row in rows]
    found = _sizes(rows) if sizes is None else sizes
    if found is None or len(found) != len(rows):
        return None
    arrays: list[list[Any]] = []
    kinds = [K for row in rows for K in row]
    dense = next((K.matrix for K in kinds if isinstance(K, DenseMatrix)), None)
    sparse = next((K.matrix for K in kinds if isinstance(K, Sparse)), None)
    if len({K.matrix.dtype for K in kinds if isinstance(K, (DenseMatrix, Sparse))}) > 1:
        return None  # some are complex
    like = dense if dense is not None else None if sparse is None else sparse.data
    if like is None:
        return None
    for i, row in enumerate(rows):
        arrays.append([])
        for j, K in enumerate(row):
            block = _block(K, (found[i], found[j]), like, is_sparse=dense is None)
            if block is None:
                return None
            arrays[-1].append(block)
    if dense is None:
        whole: Any = Sparse(scipy.sparse.block_array(arrays, format="csr"))
    else:
        xp = namespace(dense)
        whole = DenseMatrix.of_finite(xp.concat([xp.concat(row, axis=1) for row in arrays]))
    return Stacked(whole, found)


def _sizes(rows: Sequence[Sequence[LinearOperator]]) -> tuple[int, ...] | None:
    """The lengths of the vectors that the blocks act on; None: not all are known."""
    known: dict[int, int] = {}
    for i, row in enumerate(rows):
        for j, K in enumerate(row):
            if isinstance(K, (DenseMatrix, Sparse, PlusLowRank)):
                for index, shape in ((i, K.range_shape), (j, K.domain_shape)):
                    if known.setdefault(index, shape[0]) != shape[0]:
                        return None
            elif isinstance(K, Diagonal) and K.d.ndim == 1 and K.d.shape[0] > 1:
                known.setdefault(i, int(K.d.shape[0]))
    return tuple(known[i] for i in range(len(rows))) if len(known) == len(rows) else None


def _block(K: LinearOperator, shape: tuple[int, int], like: Any, *, is_sparse: bool) -> Any:
    if isinstance(K, PlusLowRank):
        K = K.as_matrix()
    if isinstance(K, (DenseMatrix, Sparse)):
        if K.matrix.shape != shape:
            return None
        if is_sparse or isinstance(K, DenseMatrix):
            return K.matrix
        return from_numpy(K.matrix.toarray(), like)
    if _is_zero(K):
        empty = scipy.sparse.csr_array(shape, dtype=like.dtype) if is_sparse else None
        return empty if is_sparse else from_numpy(np.zeros(shape), like)
    if not isinstance(K, (ScaledIdentity, Diagonal)) or shape[0] != shape[1]:
        return None
    d = _vector(K, shape[0], like)
    if d is None:
        return None
    if is_sparse:
        return scipy.sparse.diags_array(d)
    return from_numpy(np.eye(shape[0]), like) * cast(Any, d)
