"""What solves with sums and products of structured maps: the dense solve, by the factorization that
fits each structure."""

import numpy as np
import pytest
import scipy.sparse

import splitkit as sk
from splitkit.backend import to_numpy
from splitkit.linear import (
    BlockColumn,
    BlockDiagonalMap,
    BlockMatrix,
    BlockRow,
    Convolution,
    DenseMatrix,
    Diagonal,
    Gradient,
    Kronecker,
    PlusLowRank,
    ScaledIdentity,
    SecondDifferences,
    Sparse,
    Stacked,
)
from splitkit.linear.fourier import FourierMultiplier
from splitkit.linear.wrapped import wrap
from tests.functions.namespaces import every_library, maker
from tests.linear.test_maps import matrix

N = 12
RNG = np.random.default_rng(5)
TALL, WIDE, SQUARE = (RNG.standard_normal((m, N)) for m in (20, 3, N))
WEIGHTS = {m: RNG.uniform(0.5, 2.0, m) for m in (3, 20, N)}
HOLES = RNG.standard_normal((15, N)) * (RNG.random((15, N)) < 0.2)
FULL_ROW = np.vstack([np.eye(N), np.ones((1, N))])
KERNEL = RNG.standard_normal(4)


def structures(asarray, dtype="float64"):
    """(name, map, shape of its points, the kind that it becomes, what it is solved by)."""

    def sparse(M):
        return Sparse(scipy.sparse.csr_array(M.astype(dtype)))

    T, W, S = (DenseMatrix(asarray(M)) for M in (TALL, WIDE, SQUARE))
    D, C = Diagonal(asarray(WEIGHTS[N])), Convolution(asarray(KERNEL), N)
    G = sparse(HOLES)
    K = Kronecker(asarray(TALL[:4, :3]), asarray(SQUARE[:5, :4]))
    column = BlockColumn((T, W, D))
    row = BlockRow((S, D))
    stacked = Stacked(DenseMatrix(asarray(SQUARE)), (5, N - 5))
    pair = (5,), (N - 5,)
    return [
        ("tall", T.T @ T, (N,), DenseMatrix, "Cholesky of 12"),
        ("wide", W.T @ W, (N,), PlusLowRank, "Cholesky of 3"),
        ("weighted", T.T @ Diagonal(asarray(WEIGHTS[20])) @ T, (N,), DenseMatrix, "Cholesky"),
        ("wide, weighted", W.T @ Diagonal(asarray(WEIGHTS[3])) @ W, (N,), PlusLowRank, "Woodbury"),
        ("sparse", G.T @ G, (N,), Sparse, "sparse LU of 12"),
        ("convolution", C.T @ C, (N,), FourierMultiplier, "FFT"),
        ("Kronecker", K.T @ K, (3, 4), Kronecker, "eigenvectors"),
        ("dense + diagonal", T.T @ T + D, (N,), DenseMatrix, "Cholesky"),
        ("diagonal + low rank", W.T @ W + D, (N,), PlusLowRank, "entry by entry"),
        ("two low ranks", W.T @ W + 2.0 * (W @ C).T @ (W @ C), (N,), None, ""),
        ("sparse + low rank", G.T @ G + W.T @ W + 0.1 * D, (N,), PlusLowRank, "sparse LU"),
        ("convolution + low rank", C.T @ C + W.T @ W, (N,), PlusLowRank, "FFT"),
        ("convolution + identity", C.T @ C + ScaledIdentity(0.5), (N,), FourierMultiplier, "FFT"),
        ("convolution + diagonal", C.T @ C + D, (N,), None, None),
        ("column", column.T @ column, (N,), DenseMatrix, "Cholesky"),
        ("row", row.T @ row, ((N,), (N,)), BlockMatrix, "Cholesky of 24"),
        ("blocks", BlockDiagonalMap((T.T @ T, C.T @ C)), ((N,), (N,)), BlockDiagonalMap, "FFT"),
        ("stacked", stacked.T @ stacked, pair, Stacked, "Cholesky"),
        ("difference", T.T @ T + -0.01 * D, (N,), DenseMatrix, "Cholesky"),
    ]


IDS = [name for name, *_ in structures(maker("numpy"))]


@pytest.mark.parametrize("i", range(len(IDS)), ids=IDS)
@every_library
def test_shifted_inverses_of_structures_are_those_of_their_matrices(i, asarray, dtype):
    tol = {"float64": 1e-11, "float32": 3e-4}[dtype]
    _, L, shape, kind, solver = structures(asarray, dtype)[i]
    assert kind is None or isinstance(L.merged, kind)
    assert L.solver is None if solver is None else solver in (L.solver or "")
    M = matrix(L, shape, asarray)
    np.testing.assert_allclose(matrix(L.merged, shape, asarray), M, atol=tol * np.abs(M).max())
    for alpha in (1e-3, 1.0, 50.0):
        expected = np.linalg.inv(np.eye(len(M)) + alpha * M.astype(np.float64))
        found = matrix(L.shifted_inverse(alpha), shape, asarray)
        np.testing.assert_allclose(found, expected, atol=tol)


@pytest.mark.parametrize("i", range(len(IDS)), ids=IDS)
def test_inverses_of_structures_are_those_of_their_matrices(i):
    _, L, shape, _, _ = structures(maker("numpy"))[i]
    M = matrix(L, shape)
    if np.linalg.cond(M) > 1e10:
        with pytest.raises((np.linalg.LinAlgError, TypeError), match=r"singular|strongly monotone"):
            L.inverted()
        return
    V = matrix(L.inverted(), shape)
    rounding = 20 * len(M) * np.finfo(float).eps  # of sums and products that were formed, too
    np.testing.assert_allclose(M @ V, np.eye(len(M)), atol=rounding * np.linalg.cond(M))


def test_diagonals_of_a_batch_are_part_of_no_matrix():
    """Each sample has an inverse of its own: ((n, 1) would also broadcast to a matrix)."""
    U = np.random.default_rng(0).normal(size=(2, 4))
    d = np.array([[0.5], [1.0], [2.0], [4.0]])
    whole = (PlusLowRank(0.0, U) + Diagonal(d)).merged
    assert not isinstance(whole, (PlusLowRank, DenseMatrix))
    x = np.random.default_rng(1).normal(size=(4, 4))
    np.testing.assert_allclose(whole(x), d * x + x @ U.T @ U)


@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [((5, 6), (-2, -1)), ((2, 5, 1), (-1, -2)), ((3, 4), (-1,)), ((3, 4), (-2,)),
     ((3, 4, 5), (-3, -2, -1))],
)  # fmt: skip
def test_second_differences_are_solved_with_by_their_eigenvectors(boundary, shape, axes):
    rng = np.random.default_rng(0)
    D, x = Gradient(axes, boundary=boundary), rng.normal(size=shape)
    M = (0.5 * ScaledIdentity(1.0) + 3.0 * (D.T @ D) + 2.0 * (D.T @ D)).merged
    assert (type(M), M.a, M.b) == (SecondDifferences, 0.5, 5.0)
    for inverse, of in ((M.inverted(), M(x)), (M.shifted_inverse(0.7), x + 0.7 * M(x))):
        np.testing.assert_allclose(inverse(of), x, atol=1e-12)
        strict = pytest.importorskip("array_api_strict")
        mirrored = to_numpy(inverse(strict.asarray(of)))  # without a cosine transform
        np.testing.assert_allclose(mirrored, x, atol=1e-12)
    with pytest.raises(np.linalg.LinAlgError, match="constants are mapped to 0"):
        (D.T @ D).merged.inverted()


@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
def test_a_blur_and_differences_are_one_multiplier_on_a_periodic_grid(boundary):
    rng = np.random.default_rng(1)
    K, D = Convolution(rng.normal(size=(3, 2)), (5, 6)), Gradient(boundary=boundary)
    M = (K.T @ K + 2.0 * (D.T @ D)).merged
    assert isinstance(M, FourierMultiplier) == (boundary == "periodic")
    x = rng.normal(size=(5, 6))
    np.testing.assert_allclose(M(x), K.adjoint(K(x)) + 2 * D.adjoint(D(x)), atol=1e-12)


def test_denoising_takes_no_iterative_solves():
    rng = np.random.default_rng(2)
    noisy = rng.normal(size=(12, 9))
    f = sk.functions
    problem = f.SquaredL2(center=noisy) + 0.3 * f.GroupL2Norm() @ Gradient()
    by_admm = sk.minimize(problem, 0 * noisy, sk.ADMM(), tol=1e-10, max_iter=50_000).x
    other = sk.minimize(problem, 0 * noisy, sk.ChambollePock(), tol=1e-10, max_iter=50_000).x
    np.testing.assert_allclose(by_admm, other, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_maps_of_deficient_rank_have_no_gain(dtype):
    """As little as rounding leaves of a least singular value 0 is no strong convexity."""
    M = np.outer(np.arange(1.0, 5.0), np.arange(1.0, 4.0)).astype(dtype)
    maps = (
        sk.linear.DenseMatrix(M),
        sk.linear.DenseMatrix(M[:3]),
        sk.linear.Sparse(scipy.sparse.csr_array(M)),
        sk.linear.Resize((4, 3), (7, 2), dtype=dtype),
        sk.linear.ChannelConvolution(np.full((3, 2, 1), 0.3, dtype), 4),
    )
    for L in maps:
        assert L.least_gain == 0
        assert (sk.functions.SquaredL2() @ L).strong_convexity == 0
    small = 1e3 * float(np.finfo(dtype).eps)
    assert sk.linear.DenseMatrix(np.diag([1.0, small]).astype(dtype)).least_gain >= 0.99 * small


@pytest.mark.parametrize("M", [WIDE, scipy.sparse.csr_array(HOLES)])
def test_a_gram_product_is_known_by_its_array(M):
    gram, rows = wrap(M).T @ wrap(M), wrap(M) @ wrap(M).T
    assert all(L.properties.monotone for L in (gram, rows))
    assert not (wrap(1.0 * M).T @ wrap(M)).properties.monotone
    found = (gram + ScaledIdentity(1.0)).shifted_inverse(1.0)(np.ones(N))
    assert np.allclose(2 * found + M.T @ (M @ found), 1.0)


def test_least_squares_of_a_kronecker_product_take_eigenvectors_of_its_factors():
    A, B, b, y = (RNG.standard_normal(shape) for shape in ((2, 3), (5, 4), (2, 5), (3, 4)))
    f = sk.functions.SquaredL2(center=b) @ Kronecker(A, B)
    assert sk.Subdifferential(f).resolved_by == "eigenvectors of both factors"
    x, K = sk.Subdifferential(f).resolvent(0.5)(y), np.kron(A, B)
    assert np.allclose((x - y).ravel() + 0.5 * K.T @ (K @ x.ravel() - b.ravel()), 0.0, atol=1e-12)
