"""Quadratics of every structure: their sums are one, and their prox is the zero of what it solves;
on affine sets it satisfies the conditions of Karush, Kuhn and Tucker.
"""

from functools import partial

import numpy as np
import pytest
import scipy.sparse
from array_api_compat.numpy import linalg

import splitkit as sk
from splitkit import functions
from splitkit.linear import (
    BlockColumn,
    Convolution,
    DenseMatrix,
    Diagonal,
    Kronecker,
    MatrixFree,
    PlusLowRank,
    Sparse,
)
from tests.functions.namespaces import every_library, maker

N = 10
RNG = np.random.default_rng(8)
TALL, WIDE = RNG.standard_normal((15, N)), RNG.standard_normal((3, N))
D = RNG.uniform(0.5, 2.0, N)
C, Q = RNG.standard_normal(15), RNG.standard_normal(N)
KERNEL = RNG.standard_normal(3)


def quadratics(asarray, dtype="float64", batch_ndim=0):
    """(function, shape of its points)."""
    batch = {"batch_ndim": batch_ndim}
    T, W, K = DenseMatrix(asarray(TALL)), DenseMatrix(asarray(WIDE)), asarray(KERNEL)
    c, q = asarray(C), asarray(Q)
    holes = Sparse(scipy.sparse.csr_array((TALL * (abs(TALL) > 1)).astype(dtype)))
    L = Convolution(K, N)
    pair = Kronecker(asarray(TALL[:3, :2]), asarray(TALL[:4, :5]))
    square = partial(functions.SquaredL2, **batch)
    least_squares = partial(functions.LeastSquares, **batch)
    quadratic = partial(functions.Quadratic, **batch)
    return {
        "tall": (square(1.0, c) @ T, (N,)),
        "wide": (square(asarray(D[:3]), c[:3]) @ W, (N,)),
        "sparse": (square(0.5, c) @ holes, (N,)),
        "convolution": (square(center=q) @ L, (N,)),
        "stacked": (square() @ T + square(2.0) @ W + square(1.0, q), (N,)),
        "of sums": (least_squares(W, c[:3]) + 0.5 * square(asarray(D)), (N,)),
        "convolution + ridge": (least_squares(L, q) + square(0.3, q), (N,)),
        "low rank": (quadratic(PlusLowRank(asarray(D), asarray(WIDE)), q), (N,)),
        "Kronecker": (least_squares(pair, asarray(TALL[:3, :4])), (2, 5)),
        "moved": ((square() @ T).translate(q) + quadratic(asarray(np.diag(D))), (N,)),
        "column": (least_squares(BlockColumn((T, W)), (c, c[:3])), (N,)),
    }


@pytest.mark.parametrize("name", quadratics(maker("numpy")))
@every_library
def test_the_prox_is_the_zero_of_the_gradient(name, asarray, dtype):
    f, shape = quadratics(asarray, dtype)[name]
    eps = np.finfo(dtype).eps
    assert f.has_prox
    for size in (1e-8, 1.0, 1e8) if dtype == "float64" else (1.0, 1e4):
        y = asarray(size * RNG.standard_normal(shape))
        for alpha in (1e-6, 0.7, 1e6 if dtype == "float64" else 1e3):
            x = f.prox(y, alpha)
            slope = f.gradient(x)
            value = np.asarray(y - x - alpha * slope)
            L = f.smoothness or 1e3
            moved = np.linalg.norm(np.asarray(y)) + (1 + alpha * L) * np.linalg.norm(np.asarray(x))
            offset = np.linalg.norm(np.asarray(f.gradient(0.0 * y)))
            assert np.linalg.norm(value) <= 300 * eps * (moved + alpha * offset)


@pytest.mark.parametrize("name", ["convolution", "convolution + ridge", "tall", "of sums"])
def test_each_sample_has_its_own_step(name):
    f, shape = quadratics(maker("numpy"), batch_ndim=1)[name]
    y, alpha = RNG.standard_normal((4, *shape)), np.array([1e-3, 0.5, 2.0, 100.0])
    together = f.prox(y, alpha)
    for i in range(4):
        np.testing.assert_allclose(
            together[i], f.prox(y[i : i + 1], float(alpha[i]))[0], rtol=1e-9, atol=1e-11
        )


def test_sums_of_quadratics_are_one_term():
    f = quadratics(maker("numpy"))["stacked"][0] + functions.L1Norm(0.1)
    terms = sk.Subdifferential(f).terms
    assert len(terms) == 2
    assert isinstance(terms[0], sk.Affine)
    x = RNG.standard_normal(N)
    np.testing.assert_allclose(
        terms[0](x), sum(part.gradient(x) for part in f.terms[:-1]), rtol=1e-12
    )


@pytest.mark.parametrize("axes", [(-2, -1), (-1, -2)])
def test_convolutions_and_differences_of_a_periodic_grid_are_one_by_fft(axes):
    rng = np.random.default_rng(0)
    K = sk.linear.Convolution(rng.standard_normal((3, 3)), (6, 5))
    D = sk.linear.Gradient(axes, boundary="periodic")
    f = sk.functions.SquaredL2(center=rng.standard_normal((6, 5))) @ K
    f = f + sk.functions.SquaredL2(0.1) @ D
    assert sk.Subdifferential(f).resolved_by == "FFT"
    y = rng.standard_normal((6, 5))
    x = f.prox(y, 2.0)
    np.testing.assert_allclose(x + 2.0 * f.gradient(x), y, atol=1e-12)
    assert not (f + sk.functions.SquaredL2() @ sk.linear.Gradient(axes)).has_prox


def test_what_has_no_factorization_together_stays_apart():
    T = MatrixFree(lambda x: x @ TALL.T, lambda y: y @ TALL, (N,), (15,), norm=10.0)
    f = functions.LeastSquares(T, C) + functions.LeastSquares(Convolution(KERNEL, N), Q)
    assert len(sk.Subdifferential(f).terms) == 2
    assert not (functions.SquaredL2() @ T).has_prox


CONSTRAINED = {
    "dense": functions.Quadratic(TALL.T @ TALL, Q),
    "singular": functions.LeastSquares(WIDE, C[:3]),
    "sparse": functions.Quadratic(scipy.sparse.csr_array(np.diag(D)), Q),
    "diagonal": functions.Quadratic(Diagonal(D), Q),
    "convolution": functions.SquaredL2(center=Q) @ Convolution(KERNEL, N),
    "sum": functions.LeastSquares(WIDE, C[:3]) + functions.SquaredL2(D),
}


@pytest.mark.parametrize("name", CONSTRAINED)
@pytest.mark.parametrize("rows", ["independent", "dependent"])
def test_quadratics_on_affine_sets(name, rows):
    q, E = CONSTRAINED[name], RNG.standard_normal((3, N))
    if rows == "dependent":
        E[2] = E[0] - 2 * E[1]
    e = E @ Q
    f = q + functions.AffineSet(E, e)
    along = np.eye(N) - np.linalg.pinv(E) @ E
    y = RNG.standard_normal((2, N))
    for alpha in (1e-4, 0.5, 1e4):
        x = f.prox(y, alpha)
        np.testing.assert_allclose(x @ E.T, np.tile(e, (2, 1)), atol=1e-12)
        slope = (y - x) / alpha - q.gradient(x)  # normal to the set
        size = np.linalg.norm(slope) + np.linalg.norm(y) / alpha + np.linalg.norm(x)
        assert np.linalg.norm(slope @ along) <= 1e-12 * size * (1 + alpha)


def test_a_constrained_quadratic_is_solved_for_one_step():
    q = functions.Quadratic(TALL.T @ TALL, batch_ndim=1)
    f = q + functions.AffineSet(WIDE, C[:3], batch_ndim=1)
    with pytest.raises(TypeError, match="alpha is an array"):
        f.prox(RNG.standard_normal((2, N)), np.ones(2))


def test_explain_names_the_factorization():
    f = functions.SquaredL2(center=Q) @ Convolution(KERNEL, N)
    known = str(sk.explain(f + functions.SquaredL2(0.1) + functions.NonNegative()))
    assert "is resolved by FFT" in known


def test_one_factorization_serves_a_step_and_eigenvectors_many(monkeypatch):
    counts = {"inv": 0, "eigh": 0}
    for name in counts:
        known = getattr(linalg, name)

        def counted(*args, known=known, name=name, **options):
            counts[name] += 1
            return known(*args, **options)

        monkeypatch.setattr(linalg, name, counted)
    f = functions.Quadratic(TALL.T @ TALL, Q)
    for _ in range(5):
        f.prox(Q, 0.3)
    assert counts == {"inv": 1, "eigh": 0}
    for alpha in np.linspace(0.1, 1.0, 40):
        f.prox(Q, alpha)
    assert counts["eigh"] == 1
    assert counts["inv"] <= 12


@pytest.mark.parametrize("alpha", [1e6, 1e15, 1e16, 1e100])
@pytest.mark.parametrize("off", [0.0, 1.0])
def test_what_a_singular_quadratic_leaves_as_it_is_is_not_lost(alpha, off):
    """P = vvᵀ, z in its kernel: x = z + v/2 goes to (1 − α off)z + (1/2 − α)/(1 + 6α)v."""
    v, z = np.array([1.0, 2.0, -1.0]), np.array([1.0, 0.0, 1.0])
    P, q = np.outer(v, v), off * z + v
    along, other = (0.5 / alpha - 1) / (1 / alpha + 6), 1 - alpha * off
    right = other * z + along * v
    f, A = sk.functions.Quadratic(P, q), sk.Affine(P, -q)
    x = z + 0.5 * v
    close = partial(np.testing.assert_allclose, rtol=1e-14, atol=1e-14 * abs(other))
    close(f.prox(x, alpha), right)
    close(A.resolvent(alpha)(x), right)
    close(0.5 * (A.cayley(alpha)(x) + x), right)
    several = sk.functions.Quadratic(P, q, batch_ndim=1).prox(
        np.stack([x, x]), np.array([alpha, 1e-200])
    )
    close(several, np.stack([right, x]))


def test_a_matrix_of_rows_in_units_of_their_own_has_no_kernel():
    """The eigenvalue 1 is rounding of 10²⁰, and no rounding of its row."""
    f = sk.functions.Quadratic(np.diag([1e20, 1.0]))
    np.testing.assert_allclose(f.prox(np.ones(2), 1e3), [1e-23, 1 / 1001], rtol=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("alpha", [1e6, 1e20, 1e200, 1e300])
def test_a_fit_of_one_row_is_met_by_the_longest_steps(alpha):
    """½(⟨a, x⟩ − c)² with ‖a‖² = 6: x + (c − ⟨a, x⟩)a/(6 + 1/α)."""
    a, x, c = np.array([1.0, 2.0, -1.0]), np.array([0.3, -0.2, 0.7]), 3.0
    right = x + (c - a @ x) / (6 + 1 / alpha) * a
    center, row = np.array([c]), a[None]
    for f in (
        functions.SquaredL2(center=center) @ row,
        functions.LeastSquares(row, center),
        functions.SquaredL2().translate(center) @ row,
    ):
        np.testing.assert_allclose(f.prox(x, alpha), right, rtol=1e-14)
