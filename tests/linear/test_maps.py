"""Each linear map is its matrix: values, adjoint, constants, inverses; and what is refused."""

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg

import splitkit as sk
from splitkit import backend, linear
from splitkit.backend import Space
from splitkit.linear import (
    BlockColumn,
    BlockDiagonalMap,
    BlockMatrix,
    BlockRow,
    Circulant,
    Convolution,
    DenseMatrix,
    Diagonal,
    Fourier,
    Gradient,
    Iterative,
    Kronecker,
    LinearMultiple,
    LinearSum,
    Mask,
    MatrixFree,
    ScaledIdentity,
    Sparse,
    Stacked,
    wrap,
)
from tests.functions.namespaces import every_library, maker

rng = np.random.default_rng(0)
A, B = rng.standard_normal((3, 4)), rng.standard_normal((2, 3))
S = rng.standard_normal((4, 4))
P, K = S @ S.T / 4, S - S.T
numpy_array = maker("numpy")


def matrix(L, shape, asarray=numpy_array):
    """The matrix of a map, points of this shape taken row by row."""
    tuples = isinstance(shape[0], tuple)
    shapes = shape if tuples else (shape,)
    sizes = [math.prod(s) for s in shapes]
    columns = []
    for e in np.eye(sum(sizes)):
        parts = np.split(e, np.cumsum(sizes)[:-1])
        x = tuple(asarray(p.reshape(s)) for p, s in zip(parts, shapes, strict=True))
        value = L(x if tuples else x[0])
        columns.append(
            np.concatenate([np.ravel(backend.to_numpy(b)) for b in backend.blocks(value)])
        )
    return np.stack(columns, axis=1)


def difference(n, periodic):
    D = np.roll(np.eye(n), 1, axis=1) - np.eye(n)
    if not periodic:
        D[-1] = 0
    return D


def differences(n, k, periodic):
    """Both differences of each entry of an n×k grid, one after the other."""
    down = np.kron(difference(n, periodic), np.eye(k))
    across = np.kron(np.eye(n), difference(k, periodic))
    return np.stack([down, across], axis=1).reshape(2 * n * k, n * k)


def gram(L):
    return L.T @ L


def convolution(h, shape, origin):
    """By the definition, entry by entry."""
    M = np.zeros((*shape, *shape))
    for i in np.ndindex(*shape):
        for k in np.ndindex(*h.shape):
            j = tuple((a - b + o) % n for a, b, o, n in zip(i, k, origin, shape, strict=True))
            M[(*i, *j)] += h[k]
    return M.reshape(math.prod(shape), -1)


h1, h2 = rng.standard_normal(3), rng.standard_normal((2, 4))
h3 = np.random.default_rng(3).standard_normal((2, 3, 2))
kept = np.array([[1, 0, 1], [0, 1, 0]]) > 0
K12 = rng.standard_normal((2, 4))

# name: (map from asarray, shape, its matrix, is the norm exact, is the least gain exact)
MAPS = {
    "product": (lambda a: DenseMatrix(a(B)) @ DenseMatrix(a(A)), (4,), B @ A, False, False),
    "sum": (lambda a: DenseMatrix(a(P)) + DenseMatrix(a(K)), (4,), P + K, False, False),
    "multiple": (lambda a: -2.0 * DenseMatrix(a(A)), (4,), -2 * A, True, True),
    "difference": (lambda a: DenseMatrix(a(P)) - DenseMatrix(a(K)), (4,), P - K, False, False),
    "adjoint": (lambda a: DenseMatrix(a(A)).T, (3,), A.T, True, False),
    "gram": (lambda a: gram(DenseMatrix(a(A))), (4,), A.T @ A, True, True),
    "nested": (
        lambda a: (DenseMatrix(a(B)) @ (2.0 * DenseMatrix(a(A)))).T, (2,), 2 * A.T @ B.T,
        False, False,
    ),
    "identity": (lambda a: ScaledIdentity(-0.5), (2, 3), -0.5 * np.eye(6), True, True),
    "identity plus": (
        lambda a: 2.0 * ScaledIdentity() + DenseMatrix(a(P)), (4,), 2 * np.eye(4) + P,
        True, False,
    ),
    "diagonal": (
        lambda a: Diagonal(a([3.0, -1.0, 0.5])), (3,), np.diag([3, -1, 0.5]), True, True,
    ),
    "mask": (lambda a: Mask(a(kept * 1.0) > 0), (2, 3), np.eye(6)[[0, 2, 4]], True, True),
    "convolution": (
        lambda a: Convolution(a(h1), 5), (5,), convolution(h1, (5,), (1,)), True, True,
    ),
    "long kernel": (
        lambda a: Convolution(a(h1), 2, origin=0), (2,), convolution(h1, (2,), (0,)), True, True,
    ),
    "convolution 2-D": (
        lambda a: Convolution(a(h2), (3, 6)), (3, 6), convolution(h2, (3, 6), (1, 2)), True, True,
    ),
    "convolution 3-D": (
        lambda a: Convolution(a(h3), (3, 2, 3)), (3, 2, 3),
        convolution(h3, (3, 2, 3), (1, 1, 1)), True, True,
    ),
    "circulant": (
        lambda a: Circulant(a(A[0])), (4,), scipy.linalg.circulant(A[0]), True, True,
    ),
    "differences": (
        lambda a: Gradient(-1, shape=(5,)), (5,), difference(5, False), True, True,
    ),
    "differences, periodic": (
        lambda a: Gradient(-1, boundary="periodic", shape=(5,)), (5,), difference(5, True),
        True, True,
    ),
    "gradient": (
        lambda a: Gradient(shape=(3, 4)), (3, 4),
        differences(3, 4, False),
        True, True,
    ),
    "periodic gradient of even and odd sizes": (
        lambda a: Gradient(boundary="periodic", shape=(3, 4)), (3, 4),
        differences(3, 4, True),
        True, True,
    ),
    "differences, 0 beyond": (
        lambda a: Gradient(-1, boundary="dirichlet", shape=(5,)), (5,),
        np.eye(5, k=1) - np.eye(5), True, True,
    ),
    "gradient, 0 beyond": (
        lambda a: Gradient(boundary="dirichlet", shape=(3, 4)), (3, 4),
        np.stack([np.kron(np.eye(3, k=1) - np.eye(3), np.eye(4)),
                  np.kron(np.eye(3), np.eye(4, k=1) - np.eye(4))], axis=1).reshape(24, 12),
        True, True,
    ),
    "differences to −c": (
        lambda a: Gradient(-1, boundary="antisymmetric", shape=(5,)), (5,),
        np.eye(5, k=1) - np.diag([1.0, 1.0, 1.0, 1.0, 2.0]), False, False,
    ),
    "differences to b": (
        lambda a: Gradient(-1, boundary="reflect"), (3,),
        np.array([[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0], [0.0, 1.0, -1.0]]), False, True,
    ),
    "differences to 2c − b": (
        lambda a: Gradient(-1, boundary="linear", shape=(3,)), (3,),
        np.array([[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0], [0.0, -1.0, 1.0]]), False, True,
    ),
    "kronecker": (lambda a: Kronecker(a(A), a(B)), (4, 3), np.kron(A, B), True, True),
    "sparse": (
        lambda a: Sparse(scipy.sparse.csr_array(backend.to_numpy(a(A)))), (4,), A, True, True,
    ),
    "blocks": (
        lambda a: BlockMatrix([[DenseMatrix(a(A)), DenseMatrix(a(B)).T],
                               [DenseMatrix(a(K12)), DenseMatrix(a(np.eye(2)))]]),
        ((4,), (2,)), np.block([[A, B.T], [K12, np.eye(2)]]), False, False,
    ),
    "column": (
        lambda a: BlockColumn([DenseMatrix(a(A)), DenseMatrix(a(S))]), (4,), np.vstack([A, S]),
        False, False,
    ),
    "row": (
        lambda a: BlockRow([DenseMatrix(a(A)), DenseMatrix(a(B)).T]), ((4,), (2,)),
        np.hstack([A, B.T]), False, False,
    ),
    "block diagonal": (
        lambda a: BlockDiagonalMap([DenseMatrix(a(A.T)), DenseMatrix(a(S))]), ((3,), (4,)),
        scipy.linalg.block_diag(A.T, S), True, True,
    ),
    "wrapped": (
        lambda a: wrap(scipy.sparse.linalg.aslinearoperator(A), norm=9.0), (4,), A, False, False,
    ),
}  # fmt: skip
every_map = pytest.mark.parametrize("name", MAPS)


@every_map
@every_library
def test_a_map_is_its_matrix(name, asarray, dtype):
    make, shape, expected, exact_norm, exact_gain = MAPS[name]
    L = make(asarray)
    tol = 1e-12 if dtype == "float64" else 2e-5
    M = matrix(L, shape, asarray)
    np.testing.assert_allclose(M, expected, atol=tol)
    values = np.linalg.svd(expected, compute_uv=False)
    least = values[-1] if expected.shape[0] >= expected.shape[1] else 0.0
    assert L.norm >= values[0] * (1 - tol)
    assert L.least_gain <= least + tol
    if exact_norm:
        assert L.norm == pytest.approx(values[0], rel=tol)
    if exact_gain:
        assert L.least_gain == pytest.approx(least, abs=tol)
    if L.gram is not None:
        np.testing.assert_allclose(expected @ expected.T, L.gram * np.eye(len(expected)), atol=tol)


@every_map
def test_the_adjoint_is_the_transpose(name):
    make, shape, expected, _, _ = MAPS[name]
    L = make(numpy_array)
    tuples = isinstance(shape[0], tuple)
    shapes = shape if tuples else (shape,)
    point = tuple(np.ones(s) for s in shapes)
    space = Space.of(point if tuples else point[0])
    range_ = L.range_space(space)
    assert L.domain_space(range_) == space
    assert L.T.range_space(range_) == space
    found = matrix(L.T, range_.shapes if range_.is_tuple else range_.shapes[0])
    np.testing.assert_allclose(found, expected.T, atol=1e-12)


def flat(x):
    return np.concatenate([np.ravel(block) for block in backend.blocks(x)])


def drawn(shapes, tuples):
    x = tuple(np.random.default_rng(1).standard_normal(s) for s in shapes)
    return x if tuples else x[0]


@every_map
def test_magnitudes_are_no_less_than_what_adds_up(name):
    make, shape, M, _, _ = MAPS[name]
    L = make(numpy_array)
    tuples = isinstance(shape[0], tuple)
    x = drawn(shape if tuples else (shape,), tuples)
    image = L.range_space(Space.of(x))
    y = drawn(image.shapes, image.is_tuple)
    there, back = flat(L.magnitudes(x, 0)), flat(L.adjoint_magnitudes(y, 0))
    exact, exact_back = np.abs(M) @ np.abs(flat(x)), np.abs(M.T) @ np.abs(flat(y))
    assert (there >= exact * (1 - 1e-12)).all()
    assert (back >= exact_back * (1 - 1e-12)).all()
    if L.squares() is not None and not isinstance(L, LinearSum):  # its entries are at hand
        np.testing.assert_allclose(there, exact, rtol=1e-12)
        np.testing.assert_allclose(back, exact_back, rtol=1e-12)


# -- constants -----------------------------------------------------------------------------------

h_symmetric = np.asarray([[0, 0.5, 0], [0.5, 3.0, 0.5], [0, 0.5, 0]])
SQUARE = {
    "convolution": (Convolution(h1, 5), (5,)),
    "symmetric convolution": (Convolution(h_symmetric, (4, 5)), (4, 5)),
    "skew convolution": (Convolution(np.asarray([-0.5, 0.0, 0.5]), 6), (6,)),
    "diagonal": (Diagonal(np.asarray([3.0, -1.0, 0.5])), (3,)),
    "identity": (ScaledIdentity(2.0), (3,)),
    "sparse": (Sparse(scipy.sparse.csr_array(P + K)), (4,)),
    "multiple": (-2.0 * DenseMatrix(P), (4,)),
    "identity plus": (2.0 * ScaledIdentity() + DenseMatrix(P), (4,)),
    "gram": (gram(DenseMatrix(S)), (4,)),
    "kronecker": (Kronecker(P, P[:2, :2] + np.eye(2)), (4, 2)),
    "block diagonal": (
        BlockDiagonalMap([DenseMatrix(P), Diagonal(np.asarray([2.0, 5.0]))]), ((4,), (2,)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SQUARE)
def test_constants_are_exact(name):
    L, shape = SQUARE[name]
    M = matrix(L, shape)
    p = L.properties
    assert p.strong_monotonicity == pytest.approx(np.linalg.eigvalsh((M + M.T) / 2)[0], abs=1e-12)
    assert p.lipschitz == pytest.approx(np.linalg.norm(M, 2), rel=1e-12)
    assert p.gradient == bool(np.allclose(M, M.T, atol=1e-14))
    assert p.skew == bool(np.allclose(M, -M.T, atol=1e-14))
    assert p.linear


def test_blocks_of_a_saddle_are_skew_or_monotone():
    saddle = BlockMatrix([[DenseMatrix(P), J.T], [-1.0 * J, DenseMatrix(np.eye(3))]])
    low = np.linalg.eigvalsh(P)[0]
    assert saddle.properties.strong_monotonicity == pytest.approx(min(low, 1.0), abs=1e-12)
    zero = 0.0 * DenseMatrix(P), 0.0 * DenseMatrix(np.eye(3))
    coupling = BlockMatrix([[zero[0], J.T], [-1.0 * J, zero[1]]])
    assert coupling.properties.skew
    symmetric = BlockMatrix([[DenseMatrix(P), J.T], [J, DenseMatrix(np.eye(3))]])
    assert symmetric.properties.gradient
    found = symmetric.properties.strong_monotonicity
    assert found <= np.linalg.eigvalsh(np.block([[P, A.T], [A, np.eye(3)]]))[0]


@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
def test_the_gradient_without_sizes_has_the_supremum_of_its_norms(boundary):
    L = Gradient(boundary=boundary)
    assert L.norm == pytest.approx(math.sqrt(8))
    assert Gradient(boundary=boundary, shape=(500, 500)).norm == pytest.approx(L.norm, rel=1e-5)
    assert Gradient(boundary=boundary, shape=(1, 1)).norm == 0
    x = rng.standard_normal((3, 5, 2))
    np.testing.assert_allclose(L.divergence(x), -L.adjoint(x))


# -- inverses ------------------------------------------------------------------------------------

J = DenseMatrix(A)
INVERTIBLE = {
    **{name: case for name, case in SQUARE.items() if case[0].properties.monotone},
    "gram of a wide map": (gram(J), (4,)),
    "pulled back": (J.T @ DenseMatrix(P[:3, :3] + K[:3, :3]) @ J, (4,)),
    "laplacian": (gram(Gradient()), (3, 4)),
    "sum": (DenseMatrix(P) + DenseMatrix(K), (4,)),
    "minus a skew map": (-1.0 * DenseMatrix(K), (4,)),
    "saddle": (
        BlockMatrix([[DenseMatrix(P), J.T], [-J, DenseMatrix(np.eye(3))]]), ((4,), (3,)),
    ),
    "matrix-free": (
        MatrixFree(lambda x: x @ (P + K).T, lambda y: y @ (P + K), (4,), (4,),
                   norm=float(np.linalg.norm(P + K, 2)), strong_monotonicity=0.0), (4,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("alpha", [0.01, 0.7, 30.0])
@pytest.mark.parametrize("name", INVERTIBLE)
def test_the_shifted_inverse_is_the_matrix_inverse(name, alpha):
    L, shape = INVERTIBLE[name]
    M = matrix(L, shape)
    V = np.linalg.inv(np.eye(len(M)) + alpha * M)
    found = L.shifted_inverse(alpha)
    np.testing.assert_allclose(matrix(found, shape), V, atol=1e-11)
    np.testing.assert_allclose(matrix(found.T, shape), V.T, atol=1e-11)
    C = 2 * V - np.eye(len(M))
    reflected = L.reflected_inverse(alpha)
    if reflected is not None:
        np.testing.assert_allclose(matrix(reflected, shape), C, atol=1e-11)
    norm = L.reflected_norm(alpha)
    if norm is not None:
        assert norm == pytest.approx(np.linalg.norm(C, 2), rel=1e-11)


@pytest.mark.parametrize("name", INVERTIBLE)
def test_affine_takes_every_map(name):
    L, shape = INVERTIBLE[name]
    tuples = isinstance(shape[0], tuple)
    drawn = tuple(rng.standard_normal(s) for s in (shape if tuples else (shape,)))
    q = drawn if tuples else drawn[0]
    F = sk.Affine(L, q)
    zero = backend.scale(0.0, q)
    F.check_space(Space.of(zero))
    x = F.resolvent(0.5)(zero)
    rest = backend.lincomb(1.0, x, 0.5, F(x))
    for block in backend.blocks(rest):
        np.testing.assert_allclose(block, 0, atol=1e-12)
    y = F.cayley(0.5)(q)
    expected = backend.lincomb(2.0, F.resolvent(0.5)(q), -1.0, q)
    for a, b in zip(backend.blocks(y), backend.blocks(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-11)


def test_a_subclass_may_invert_in_its_own_way():
    class ByIteration(DenseMatrix):
        def shifted_inverse(self, alpha):
            return Iterative(DenseMatrix(self.matrix)).shifted_inverse(alpha)

    M, u = np.eye(4) + K, rng.standard_normal(4)
    found = sk.Affine(ByIteration(M)).cayley(0.5)(u)
    np.testing.assert_allclose(found, sk.Affine(DenseMatrix(M)).cayley(0.5)(u), atol=1e-7)


def test_a_solve_with_a_sparse_map_and_a_convolution():
    n = 2000
    D = scipy.sparse.diags_array([2.1, -1.5, -0.5], offsets=[0, 1, -1], shape=(n, n)).tocsr()
    L = Sparse(D)
    q = rng.standard_normal(n)
    assert L.properties.strong_monotonicity == pytest.approx(0.1)  # Gershgorin
    assert L.norm <= 4.1 + 1e-12
    solution = sk.solve(
        sk.Affine(L, q) + sk.NormalCone(sk.functions.NonNegative()), np.zeros(n), tol=1e-10
    )
    x = solution.x
    F = D @ x - q
    assert x.min() >= 0
    assert F.min() >= -1e-8
    assert abs(x * F).max() < 1e-8
    blur = Convolution(np.asarray([0.25, 0.5, 0.25]), 8)
    f = sk.functions.SquaredL2(center=q[:8]) @ blur + sk.functions.L1Norm(0.1)
    found = sk.minimize(f, np.zeros(8), tol=1e-9).x
    slope = blur.adjoint(blur(found) - q[:8])
    assert abs(slope).max() <= 0.1 + 1e-7
    np.testing.assert_allclose(slope[found != 0], -0.1 * np.sign(found[found != 0]), atol=1e-7)


# -- the algebra's forms --------------------------------------------------------------------------


def test_expressions_are_kept_simple():
    L = DenseMatrix(A)
    assert isinstance(2.0 * (3.0 * L), LinearMultiple)
    assert (2.0 * (3.0 * L)).c == 6
    assert (0.5 * (2.0 * L)) is L
    assert (ScaledIdentity(2.0) @ L).c == 2
    assert isinstance(2.0 * ScaledIdentity(), ScaledIdentity)
    total = ScaledIdentity() + DenseMatrix(P) + ScaledIdentity(2.0)
    assert isinstance(total, LinearSum)
    assert [repr(t) for t in total.maps] == ["3 I", "DenseMatrix(4×4)"]
    assert isinstance(ScaledIdentity() - ScaledIdentity(), ScaledIdentity)
    assert repr(L.T @ L) == "DenseMatrix(3×4)ᵀ DenseMatrix(3×4)"
    assert repr(DenseMatrix(P) - DenseMatrix(K)) == "DenseMatrix(4×4) − DenseMatrix(4×4)"
    assert repr((2.0 * L).T) == "(2 DenseMatrix(3×4))ᵀ"
    assert (2.0 * ScaledIdentity() + L.T @ L).latex().startswith(r"2\,I + ")
    for wrong in (lambda: L + 1.0, lambda: L @ A, lambda: True * L, lambda: L - A):
        with pytest.raises(TypeError):
            wrong()


def test_a_sum_is_bounded_from_below_by_its_largest_term():
    L = Diagonal(np.asarray([5.0, 6.0])) + DenseMatrix(np.asarray([[0.0, 1.0], [1.0, 0.0]]))
    assert L.least_gain == pytest.approx(4.0)


def test_every_door_takes_what_acts_as_a_matrix():
    kinds = (P, scipy.sparse.csr_array(P), scipy.sparse.csc_matrix(P), DenseMatrix(P),
             scipy.sparse.linalg.aslinearoperator(P))  # fmt: skip
    x, X = rng.standard_normal(4), rng.standard_normal((4, 4))
    for op in kinds:
        np.testing.assert_allclose(wrap(op)(x), P @ x)
        np.testing.assert_allclose(sk.Affine(op)(x), P @ x)
        np.testing.assert_allclose(sk.Coupling(op)((x, x)), (P @ x, -P @ x))
        np.testing.assert_allclose(np.concatenate(Stacked(op, (1, 3))((x[:1], x[1:]))), P @ x)
        np.testing.assert_allclose(Kronecker(op, op)(X), P @ X @ P)
    assert wrap(kinds[3]) is kinds[3]
    assert wrap(kinds[1], lipschitz=50.0).norm == 50.0


# -- refusals ------------------------------------------------------------------------------------

nan = float("nan")
INVALID = [
    (lambda: ScaledIdentity(nan), ValueError, "c = nan"),
    (lambda: ScaledIdentity("2"), TypeError, "c = '2'"),
    (lambda: math.inf * DenseMatrix(A), ValueError, "c = inf"),
    (lambda: Diagonal(np.asarray([1.0, nan])), ValueError, "d has entries"),
    (lambda: Diagonal(np.asarray(1.0)), ValueError, "ScaledIdentity"),
    (lambda: Diagonal([1.0]), TypeError, "d is a list"),
    (lambda: Mask(np.asarray([1.0, 0.0])), TypeError, "boolean"),
    (lambda: Mask(np.asarray([False])), ValueError, "marks no entry"),
    (lambda: Convolution(np.ones((2,) * 4), (2,) * 4), ValueError, "one to three axes"),
    (lambda: Convolution(np.ones(3), (4, 4)), ValueError, r"shape = \(4, 4\)"),
    (lambda: Convolution(np.ones(3), 0), ValueError, "shape = 0"),
    (lambda: Convolution(np.ones(3), 4, origin=-1), ValueError, "origin = -1"),
    (lambda: Convolution(np.asarray([1, 2]), 4), TypeError, "kernel has dtype int64"),
    (lambda: Circulant(np.ones((2, 2))), ValueError, "give a vector"),
    (lambda: Gradient((0, 1)), ValueError, r"axes = \(0, 1\)"),
    (lambda: Gradient((-1, -1)), ValueError, "different negative"),
    (lambda: Gradient(boundary="robin"), ValueError, "'robin'"),
    (lambda: Gradient(shape=(3,)), ValueError, r"shape = \(3,\)"),
    (lambda: Sparse(A), TypeError, "numpy.ndarray.*scipy.sparse"),
    (lambda: Sparse(scipy.sparse.csr_array(np.eye(2, dtype=int))), TypeError, "dtype int64"),
    (lambda: Sparse(scipy.sparse.csr_array(nan * np.eye(2))), ValueError, "NaN"),
    (lambda: BlockMatrix([[DenseMatrix(A)], []]), TypeError, "a row"),
    (lambda: BlockMatrix([[DenseMatrix(A)], [DenseMatrix(A)] * 2]), ValueError, "equal length"),
    (lambda: BlockColumn([A]), TypeError, "maps ="),
    (lambda: Kronecker(A, 2.0), TypeError, "B = 2.0"),
    (lambda: MatrixFree(1, np.copy, (2,), (2,)), TypeError, "forward = 1"),
    (lambda: MatrixFree(np.copy, np.copy, (2,), (2,), norm=-1.0), ValueError, "norm = -1"),
    (lambda: MatrixFree(np.copy, np.copy, (2,), (3,), symmetric=True), ValueError, "differ"),
    (lambda: wrap(object()), TypeError, "shape, matvec, rmatvec"),
    (lambda: Kronecker(A, A[0]), ValueError, r"B has shape \(4,\)"),
    (lambda: sk.Affine(np.eye(2, dtype=int)), TypeError, "M has dtype int64"),
    (lambda: wrap(DenseMatrix(A), norm=3.0), TypeError, "norm: op = .* constants of its own"),
    (lambda: wrap(scipy.sparse.linalg.LinearOperator((2, 2), matvec=np.copy, dtype=float)),
     TypeError, "transpose: define rmatvec"),
    (lambda: wrap(scipy.sparse.linalg.aslinearoperator(1j * A))(A[0]), TypeError,
     "is complex, but x has float64"),
    (lambda: Iterative(A), TypeError, "L ="),
    (lambda: Iterative(DenseMatrix(P), tol=0.0), ValueError, "tol = 0"),
    (lambda: Iterative(DenseMatrix(P), max_iter=0), ValueError, "max_iter = 0"),
    (lambda: (-1.0 * DenseMatrix(P)).shifted_inverse(1.0), TypeError, "not known to be monotone"),
    (lambda: Diagonal(np.asarray([-2.0])).shifted_inverse(0.5), np.linalg.LinAlgError, "λ is 0"),
    (lambda: ScaledIdentity(-1.0).shifted_inverse(1.0), np.linalg.LinAlgError, "of −I"),
    (lambda: Circulant(np.asarray([-1.0, 0.0])).shifted_inverse(1.0), np.linalg.LinAlgError,
     "not monotone"),
    (lambda: Sparse(scipy.sparse.csr_array(-np.eye(2))).shifted_inverse(1.0),
     np.linalg.LinAlgError, "sparse LU"),
    (lambda: Circulant(A[0]).shifted_inverse(np.ones(2)), TypeError, "alpha is an array"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), INVALID)
def test_invalid_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


MISFITS = [
    (lambda: DenseMatrix(B) @ DenseMatrix(B), (3,), ValueError, "length 3, got shape"),
    (lambda: DenseMatrix(A) + DenseMatrix(B @ A), (4,), ValueError, "give one shape"),
    (lambda: DenseMatrix(A).T, (4,), ValueError, "transpose of L = DenseMatrix"),
    (lambda: Diagonal(np.ones(2)), (3,), ValueError, r"d has shape \(2,\)"),
    (lambda: Mask(kept), (3, 2), ValueError, r"last axes must be \(2, 3\)"),
    (lambda: Convolution(h1, 5), (4,), ValueError, "must have length 5"),
    (
        lambda: Convolution(h1.astype(np.float32), 5),
        (5,),
        TypeError,
        "the kernel has dtype float32",
    ),
    (Gradient, (3,), ValueError, "at least 2 axes"),
    (lambda: Gradient(shape=(3, 3)), (3, 4), ValueError, "shape of Gradient"),
    (lambda: Sparse(scipy.sparse.csr_array(A)), (3,), ValueError, "must have length 4"),
    (lambda: Sparse(scipy.sparse.csr_array(A, dtype=np.float32)), (4,), TypeError, "float32"),
    (lambda: BlockMatrix([[DenseMatrix(A)]]), (4,), TypeError, "a tuple of as many"),
    (lambda: Kronecker(A, B), (3,), ValueError, "two axes"),
    (lambda: MatrixFree(np.copy, np.copy, (2,), (2,)), (3,), ValueError, "must have length 2"),
    (lambda: Iterative(DenseMatrix(P), batch_ndim=1), (4,), ValueError, "batch_ndim=0"),
]


@pytest.mark.parametrize(("make", "shape", "error", "message"), MISFITS)
def test_spaces_that_do_not_fit_are_refused(make, shape, error, message):
    with pytest.raises(error, match=message):
        make().check_space(Space.of(np.ones(shape)))


def test_a_mask_and_a_kernel_of_another_library_are_refused():
    torch_array = maker("torch")
    space = Space.of(np.ones((2, 3)))
    for L in (Mask(torch_array(kept * 1.0) > 0), Convolution(torch_array(h2), (2, 3))):
        with pytest.raises(TypeError, match="torch"):
            L.check_space(space)


def test_an_operator_needs_a_square_map():
    with pytest.raises(ValueError, match="a space into itself"):
        sk.Affine(Gradient()).check_space(Space.of(np.ones((3, 3))))


def test_every_map_is_exported_where_it_is_looked_for():
    for name in ("Convolution", "Gradient", "Sparse", "wrap", "estimate_norm"):
        assert getattr(sk.linear, name) is getattr(linear, name)


@every_library
@pytest.mark.parametrize("name", ["differences", "differences, periodic", "sum", "mask"])
def test_add_to_is_the_sum_and_changes_nothing(name, asarray, dtype):
    make, shape, M, *_ = MAPS[name]
    L, x = make(asarray), asarray(np.arange(math.prod(shape)).reshape(shape) ** 2.0)
    y = L(asarray(np.ones(shape)))
    kept = backend.to_numpy(y)
    expected = kept.ravel() + M @ backend.to_numpy(x).ravel()
    np.testing.assert_allclose(backend.to_numpy(L.add_to(y, x)).ravel(), expected, rtol=1e-5)
    np.testing.assert_array_equal(backend.to_numpy(y), kept)


def test_immutable_arrays_have_the_same_differences():
    from tests.testing import toy

    values = rng.standard_normal((2, 3, 4))
    L, x = Gradient(), toy.asarray(values.tolist())
    y = L(x)
    np.testing.assert_array_equal(np.asarray(y), L(values))
    np.testing.assert_array_equal(np.asarray(L.T(y)), L.T(L(values)))
    np.testing.assert_array_equal(np.asarray(L.add_to(y, x)), 2 * L(values))


def test_fourier_is_numpys_transform_on_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 4, 5))
    for dimensions in (1, 2):
        z = np.fft.fftn(a + 1j * b, axes=tuple(range(-dimensions, 0)), norm="ortho")
        real, imaginary = Fourier(dimensions)((a, b))
        np.testing.assert_allclose(real + 1j * imaginary, z, atol=1e-14)
    L = Fourier() @ BlockColumn((ScaledIdentity(), ScaledIdentity(0.0)))
    np.testing.assert_allclose(L(a)[0] + 1j * L(a)[1], np.fft.fft(a, norm="ortho"), atol=1e-14)
    np.testing.assert_allclose(L.T(L(a)), a, atol=1e-14)
    for wrong, error in ((0, ValueError), (True, TypeError), (1.0, TypeError)):
        with pytest.raises(error, match="dimensions"):
            Fourier(wrong)
    with pytest.raises(ValueError, match="pairs"):
        Fourier(2).check_space(Space.of((np.ones(3), np.ones(3))))


def test_a_mask_of_an_empty_batch():
    torch = pytest.importorskip("torch")
    L = Mask(torch.tensor([[True, False, True], [False, True, False]]))
    assert L(torch.zeros(0, 2, 3)).shape == (0, 3)
    assert L.adjoint(torch.zeros(0, 3)).shape == (0, 2, 3)


@every_library
def test_a_sparse_matrix_of_low_rank_beside_a_diagonal_of_any_library(asarray, dtype):
    U, d = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]]), np.array([1.0, 2.0, 4.0])
    L = sk.linear.PlusLowRank(asarray(d), scipy.sparse.csr_array(backend.to_numpy(asarray(U))))
    x, whole = np.array([1.0, -1.0, 0.5]), np.diag(d) + U.T @ U
    tol = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(backend.to_numpy(L(asarray(x))), whole @ x, rtol=tol)
    found = backend.to_numpy(L.inverted()(asarray(x)))
    np.testing.assert_allclose(found, np.linalg.solve(whole, x), rtol=tol, atol=tol)
