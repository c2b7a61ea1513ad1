"""What solves with sums and products of structured maps: the dense solve, by the factorization that
fits each structure."""

import math

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
from splitkit.linear.fourier import ComplexFourierMultiplier, FourierMultiplier
from splitkit.linear.wrapped import wrap
from tests.functions.namespaces import NAMESPACES, every_library, maker
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


# -- convolutions with complex kernels -------------------------------------------------------------


def _complex_case(library, grid):
    """Convolutions with a complex, another complex, a Hermitian and a real kernel, their matrices,
    and a point; ``a`` makes arrays of the library.
    """
    rng = np.random.default_rng(len(grid) + grid[-1])
    a = NAMESPACES[library].asarray
    h, k = rng.standard_normal((2, *grid)) + 1j * rng.standard_normal((2, *grid))
    mirrored = np.conj(np.roll(np.flip(h), 1, axis=tuple(range(h.ndim))))
    kernels = h, k, h + mirrored, rng.standard_normal(grid)
    maps = [Convolution(a(kernel), grid, origin=(0,) * len(grid)) for kernel in kernels]
    points = np.eye(math.prod(grid), dtype=complex).reshape(-1, *grid)
    matrices = [
        np.stack([fft_product(kernel, x).ravel() for x in points], axis=1) for kernel in kernels
    ]
    y = rng.standard_normal(grid) + 1j * rng.standard_normal(grid)
    return a, maps, matrices, y


def fft_product(kernel, x):
    return np.fft.ifftn(np.fft.fftn(kernel) * np.fft.fftn(x))


GRIDS = pytest.mark.parametrize("grid", [(8,), (5,), (2,), (1,), (4, 2), (3, 4)], ids=str)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@GRIDS
def test_what_is_made_of_complex_kernels_is_one_multiplier(library, grid):
    a, (C, K, H, R), (c, k, h, r), y = _complex_case(library, grid)
    D = Gradient(tuple(range(-len(grid), 0)), boundary="periodic", shape=grid)
    d = np.stack([to_numpy((D.T @ D)(e)).ravel() for e in np.eye(y.size).reshape(-1, *grid)], 1)
    one, many = np.eye(y.size), a(np.stack([y, 2j * y]))
    for made, M in (
        (2.0 * C, 2 * c),
        (C + K, c + k),
        (C + R, c + r),
        (R + 2.0 * C.T, r + 2 * c.conj().T),
        (C @ K.T, c @ k.conj().T),
        (R @ C, r @ c),
        (C.T @ C, c.conj().T @ c),
        (R.T @ R + 0.5 * C.T @ C, r.T @ r + 0.5 * c.conj().T @ c),
        (H - R.T @ R, h - r.T @ r),
        (C + 3.0 * ScaledIdentity(), c + 3 * one),
        (C.T @ C + D.T @ D, c.conj().T @ c + d),
    ):
        L = made.merged
        assert isinstance(L, ComplexFourierMultiplier)
        np.testing.assert_allclose(to_numpy(L(a(y))).ravel(), M @ y.ravel(), atol=1e-11)
        np.testing.assert_allclose(
            to_numpy(L.T(many))[1].ravel(), 2j * M.conj().T @ y.ravel(), atol=1e-11
        )
        assert L.symmetric <= np.allclose(M, M.conj().T)
        assert L.skew <= np.allclose(M, -M.conj().T)
        m = np.linalg.eigvalsh((M + M.conj().T) / 2)[0]
        assert (L.properties.strong_monotonicity or m) == pytest.approx(m, abs=1e-9)
        found = to_numpy(L.shifted_inverse(0.1)(a(y))).ravel()
        np.testing.assert_allclose(found, np.linalg.solve(one + 0.1 * M, y.ravel()), atol=1e-9)
    assert (C.T @ C).merged.properties.gradient
    assert (H + 2.0 * R.T @ R).merged.symmetric
    G = (C.T @ C).merged.samplewise_inverse(a(np.array([0.5, 2.0])))
    for value, step, x in zip(to_numpy(G(many)), (0.5, 2.0), (y, 2j * y), strict=True):
        expected = np.linalg.solve(one + step * c.conj().T @ c, x.ravel())
        np.testing.assert_allclose(value.ravel(), expected, atol=1e-9)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@GRIDS
def test_complex_kernels_are_solved_with_as_their_matrices(library, grid):
    a, (C, K, _, _), (c, k, _, _), y = _complex_case(library, grid)
    one, v, F = np.eye(y.size), y.ravel(), sk.functions
    found = (F.SquaredL2(center=a(y)) @ C).prox(a(1j * y), 0.5)
    expected = np.linalg.solve(one + 0.5 * c.conj().T @ c, 1j * v + 0.5 * c.conj().T @ v)
    np.testing.assert_allclose(to_numpy(found).ravel(), expected, atol=1e-9)

    found = sk.Affine(K + C.T @ C, a(y)).resolvent(0.01)(a(1j * y))
    M = one + 0.01 * (k + c.conj().T @ c)
    np.testing.assert_allclose(
        to_numpy(found).ravel(), np.linalg.solve(M, (1j + 0.01) * v), atol=1e-9
    )


@pytest.mark.parametrize(
    ("library", "grid"), [("numpy", (4, 2)), ("torch", (5,)), ("numpy", (2,))], ids=str
)
def test_the_lasso_of_a_complex_kernel_is_that_of_its_matrix(library, grid):
    a, (C, *_), (c, *_), y = _complex_case(library, grid)
    F = sk.functions
    found = sk.minimize(F.SquaredL2(center=a(y)) @ C + F.L1Norm(0.5), a(np.zeros(grid, complex)))
    of_matrix = sk.minimize(F.LeastSquares(c, y.ravel()) + F.L1Norm(0.5), np.zeros(y.size, complex))
    np.testing.assert_allclose(to_numpy(found.x).ravel(), of_matrix.x, atol=1e-5)


def test_a_real_matrix_and_a_complex_sparse_one_keep_both_parts():
    rng = np.random.default_rng(3)
    A, x = rng.normal(size=(4, 4)), rng.normal(size=4) + 1j * rng.normal(size=4)
    K = scipy.sparse.csr_array(rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)))
    total = sk.DenseMatrix(A) + sk.linear.Sparse(K)
    np.testing.assert_allclose(total.merged(x), A @ x + K @ x)
    wide, other = sk.DenseMatrix(A[:2]), sk.linear.Sparse(K[:2])
    grams = (wide.T @ wide + other.T @ other).merged
    expected = A[:2].T @ (A[:2] @ x) + K[:2].conj().T @ (K[:2] @ x)
    np.testing.assert_allclose(grams(x), expected)


@pytest.mark.parametrize("library", sorted(NAMESPACES))
def test_each_step_inverts_a_matrix_in_units_of_its_rows(library):
    """Eigenvalues are exact to rounding of the largest, which is all of the least one here."""
    asarray = maker(library, "float64")
    M = np.array([[1e10, 1e-2], [1e-2, 1e-8]])
    L, y, steps = DenseMatrix(asarray(M)), np.ones(2), np.linspace(1e8, 4e8, 15)
    for step in map(float, steps):  # so many that the eigenvectors are at hand
        expected = np.linalg.solve(np.eye(2) + step * M, y)
        found = to_numpy(L.shifted_inverse(step)(asarray(y)))
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    expected = [np.linalg.solve(np.eye(2) + step * M, y) for step in steps]
    many = asarray(np.ones((15, 2)))
    found = to_numpy(L.samplewise_inverse(asarray(steps))(many))
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    f = sk.functions.Quadratic(asarray(M), batch_ndim=1)
    np.testing.assert_allclose(to_numpy(f.prox(many, asarray(steps))), expected, rtol=1e-9)


def test_each_sample_has_its_step_where_a_matrix_is_not_symmetric():
    M = np.array([[1.0, 2.0], [-2.0, 0.5]])
    G = DenseMatrix(M).samplewise_inverse(np.array([0.5, 3.0]))
    for step, row in zip((0.5, 3.0), G.adjoint(np.ones((2, 2))), strict=True):
        np.testing.assert_allclose(row, np.linalg.solve(np.eye(2) + step * M.T, np.ones(2)))


@pytest.mark.parametrize("library", sorted(NAMESPACES))
def test_a_step_beside_which_nothing_of_the_identity_is_left(library):
    asarray = maker(library, "float64")
    y = asarray(np.array([1.0, 2.0, 3.0]))
    for step in (1e17, 1e300):
        found = sk.functions.Quadratic(asarray(np.ones((3, 3)))).prox(y, step)
        np.testing.assert_allclose(to_numpy(found), [-1.0, 0.0, 1.0], atol=1e-14)
    skew = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
    with pytest.raises(np.linalg.LinAlgError, match=r"alpha = 1e\+30.*give a smaller alpha"):
        DenseMatrix(asarray(skew)).shifted_inverse(1e30)(y)
