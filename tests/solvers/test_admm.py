"""ADMM for every first term that can be solved with, and any number of compositions."""

import math

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import linprog
from sklearn.linear_model import Lasso

import splitkit as sk
from splitkit import functions as f
from splitkit.backend import Space, to_numpy
from splitkit.linear import BlockColumn, Gradient, ScaledIdentity
from splitkit.solvers.methods import admm
from splitkit.solvers.methods.admm import STIFF, stiffness
from tests.collection.conic import conic
from tests.sampling import sampled

RNG = np.random.default_rng(8)
A, B = RNG.normal(size=(20, 8)), RNG.normal(size=20)
WEIGHT = 3.0
METHODS = (sk.ADMM(), sk.ADMM(relaxation=1.6), sk.Anderson(sk.ADMM()), sk.SuperMann(sk.ADMM()))


def lasso():
    """min ½‖Ax − b‖² + w‖x‖₁, by scikit-learn."""
    found = Lasso(alpha=WEIGHT / len(B), fit_intercept=False, tol=1e-12, max_iter=100_000)
    return found.fit(A, B).coef_


FORMS = {
    "l1 resolved, L = I": lambda a: f.LeastSquares(a(A), a(B)) + f.L1Norm(WEIGHT),
    "l1 composed with I": lambda a: (
        f.LeastSquares(a(A), a(B)) + f.L1Norm(WEIGHT) @ ScaledIdentity()
    ),
    "a sum of quadratics": lambda a: (
        f.SquaredL2(center=a(B)) @ sk.DenseMatrix(a(A)) + f.SquaredL2(0.0) + f.L1Norm(WEIGHT)
    ),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_lasso_in_every_form(form, method):
    x = sk.minimize(form(np.asarray), np.zeros(8), method, tol=1e-10).x
    np.testing.assert_allclose(x, lasso(), atol=1e-7)


def test_lasso_on_every_backend(xp):
    a = lambda v: xp.asarray(v, dtype=xp.float64)  # noqa: E731
    s = sk.minimize(FORMS["a sum of quadratics"](a), a(np.zeros(8)), sk.ADMM(), tol=1e-10)
    np.testing.assert_allclose(to_numpy(s.x), lasso(), atol=1e-7)


def test_the_proximal_map_of_any_function_solves_where_the_columns_are_orthogonal():
    """Basis pursuit, min ‖x‖₁ with Ax = b: f = ‖·‖₁, L = I, g the affine set."""
    M, b = A[:4], A[:4] @ np.r_[1.0, np.zeros(6), -2.0]
    problem = f.L1Norm() + f.AffineSet(M, b)
    program = linprog(np.ones(16), A_eq=np.hstack([M, -M]), b_eq=b)
    for method in METHODS:
        s = sk.minimize(problem, np.zeros(8), method, tol=1e-10, max_iter=50_000)
        np.testing.assert_allclose(np.abs(s.x).sum(), program.fun, rtol=1e-7)
        np.testing.assert_allclose(M @ s.x, b, atol=1e-7)


SIDE = 10
IMAGE = np.zeros((SIDE, SIDE))
IMAGE[2:7, 3:8] = 1.0
IMAGE += 0.1 * RNG.normal(size=IMAGE.shape)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_denoising_by_total_variation(method):
    """The dual point y proves it: Lᵀy = b − x and g(Lx) = ⟨y, Lx⟩."""
    L, g = Gradient(shape=(SIDE, SIDE)), f.GroupL2Norm(0.1)
    s = sk.minimize(f.SquaredL2(center=IMAGE) + g @ L, IMAGE, method, tol=1e-9, max_iter=20_000)
    np.testing.assert_allclose(L.T(s.dual), IMAGE - s.x, atol=1e-7)
    np.testing.assert_allclose(np.sum(s.dual * L(s.x)), g(L(s.x)), rtol=1e-6)


def program(array=np.asarray, n=12, s=1.0, t=1.0):
    """min ½⟨x, Px⟩ + ⟨q, x⟩, l ≤ Ax ≤ u with four equations, with P, A, l, u and the function, in
    units x/s and f·t.
    """
    rng = np.random.default_rng(4)
    S, rows = rng.normal(size=(n, n // 2)), rng.normal(size=(4 + n, n))
    inside = rows @ rng.normal(size=n)
    low = np.where(np.arange(4 + n) < 4, inside, inside - rng.exponential(size=4 + n))
    high = np.where(np.arange(4 + n) < 4, inside, inside + rng.exponential(size=4 + n))
    low[5::3] = -np.inf
    P, q = t * S @ S.T / s**2, t * rng.normal(size=n) / s
    rows = rows / s
    box = f.Box(array(low), array(high)) @ sk.DenseMatrix(array(rows))
    return (P, q, rows, low, high), f.Quadratic(array(P), array(q)) + box


@sampled(1)  # JAX has the lasso above
@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_a_quadratic_program_with_equations(method, xp):
    (P, q, rows, low, high), problem = program(lambda a: xp.asarray(a, dtype=xp.float64))
    x0 = xp.zeros(12, dtype=xp.float64)
    s = sk.minimize(problem, x0, method, tol=1e-9)
    upper, lower = np.isfinite(high), np.isfinite(low)
    exact = conic(
        P, q, [(np.vstack([rows[upper], -rows[lower]]), np.r_[high[upper], -low[lower]], "<")]
    )
    np.testing.assert_allclose(to_numpy(s.x), exact, atol=1e-6)
    np.testing.assert_allclose(P @ to_numpy(s.x) + q + rows.T @ to_numpy(s.dual), 0, atol=1e-6)


@pytest.mark.parametrize(("s", "t"), [(1e-6, 1.0), (1.0, 1e8), (1e5, 1e-5)])
def test_units_change_neither_the_answer_nor_the_work(s, t):
    plain, there = (
        sk.minimize(program(s=a, t=b)[1], np.zeros(12), sk.ADMM(), tol=1e-9)
        for a, b in ((1.0, 1.0), (s, t))
    )
    np.testing.assert_allclose(there.x / s, plain.x, atol=1e-6)
    assert abs(there.iterations - plain.iterations) <= 10 + plain.iterations // 5


def test_equations_are_stiffer_than_inequalities():
    """The rows of a box with l = u, in a column beside a norm, and not where all of them are."""
    box = sk.NormalCone(f.Box(np.array([0.0, 1.0, -1.0]), np.array([1.0, 1.0, np.inf])))
    R = stiffness(box, sk.DenseMatrix(A[:3]))
    np.testing.assert_array_equal(R(np.ones(3)), [1.0, STIFF, 1.0])
    assert stiffness(sk.NormalCone(f.Box(1.0, 1.0)), sk.DenseMatrix(A)) is None
    assert stiffness(sk.Subdifferential(f.L1Norm()), sk.DenseMatrix(A)) is None
    both = sk.BlockDiagonal([box, sk.Subdifferential(f.L1Norm()), sk.NormalCone(f.ZeroCone())])
    L = BlockColumn([sk.DenseMatrix(A[:3]), sk.DenseMatrix(A[:2]), sk.DenseMatrix(A[:2])])
    at = stiffness(both, L)((np.ones(3), np.ones(2), np.ones(2)))
    np.testing.assert_array_equal(np.concatenate(at), [1, STIFF, 1, 1, 1, STIFF, STIFF])
    batch = sk.NormalCone(
        f.Box(np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 0.0]]))
    )
    np.testing.assert_array_equal(stiffness(batch, sk.DenseMatrix(A[:2]))(np.ones(2)), [1.0, STIFF])


def test_its_map_is_averaged_in_its_metric():
    """‖Tu − Tv‖² ≤ ⟨Tu − Tv, u − v⟩ in ⟨·, R·⟩ for λ = 1, with equations among the rows."""
    method = sk.ADMM(rho=0.3)
    box = sk.NormalCone(f.Box(np.array([0.0, 1.0]), np.array([0.0, 2.0])))
    terms = method.terms(sk.Affine(A.T @ A), box.pullback(sk.DenseMatrix(A[:2])))
    iteration = method.chosen(*terms).iteration(*terms).as_map()
    iteration.enter(Space.of(np.zeros(8)))
    rng = np.random.default_rng(0)
    for u, v in rng.normal(size=(50, 2, 2)):
        moved = iteration.step(u) - iteration.step(v)
        assert iteration.product(moved, moved) <= iteration.product(moved, u - v) + 1e-9
    assert method.chosen(*terms).averagedness(*terms) == 0.5


def test_the_map_of_one_point_is_the_same_iteration():
    _, problem = program()
    inclusion = sk.Subdifferential(problem)
    plain = sk.solve(inclusion, np.zeros(12), sk.ADMM(rho=2.0), tol=0, max_iter=30)
    relaxed = sk.Relaxed(sk.ADMM(rho=2.0), relaxation=1.0)
    found = sk.solve(inclusion, np.zeros(12), relaxed, tol=0, max_iter=31)
    for one, other in zip(found.u[1:], plain.u[1:], strict=True):
        assert one.shape == other.shape
    np.testing.assert_allclose(found.dual, found.u[-1])


def test_a_plan_factors_once_for_each_penalty(monkeypatch):
    made = []
    from splitkit.operators.solvable import Solvable

    _, problem = program()
    plan = sk.plan(problem, np.zeros(12), sk.ADMM())
    first = plan.solve(tol=1e-9)
    plain = Solvable.__getattribute__

    def seen(self, name):
        if name == "make":
            made.append(self.how)
        return plain(self, name)

    monkeypatch.setattr(Solvable, "__getattribute__", seen)
    again = plan.solve(tol=1e-9)
    assert made == []
    np.testing.assert_array_equal(again.x, first.x)
    assert plan.solve(np.ones(12), tol=1e-9).converged
    assert len(made) <= 16


def test_sparse_and_periodic_maps():
    """A banded L, and a circulant one beside a circulant first term (by FFT), against each other as
    dense matrices.
    """
    D = scipy.sparse.csr_array(np.diff(np.eye(8), axis=0))
    for L, dense in (
        (sk.linear.Sparse(D), D.toarray()),
        (sk.linear.Circulant(np.r_[1.0, -1.0, np.zeros(6)]), None),
    ):
        if dense is None:
            dense = np.stack([L(e) for e in np.eye(8)], axis=1)
        g = f.L1Norm(0.5)
        fits = f.SquaredL2(center=B[:8])
        one, other = (
            sk.minimize(fits + g @ K, np.zeros(8), sk.ADMM(), tol=1e-10)
            for K in (L, sk.DenseMatrix(dense))
        )
        np.testing.assert_allclose(one.x, other.x, atol=1e-8)


def test_what_cannot_be_solved_with_is_refused_in_words():
    """A logistic loss has no resolvent in closed form with LᵀL of a general L."""
    problem = f.L2Norm() + f.L1Norm() @ sk.DenseMatrix(A)
    with pytest.raises(sk.NoGuaranteeError, match="cannot be solved for A = ∂L2Norm"):
        sk.minimize(problem, np.zeros(8), sk.ADMM())
    with pytest.raises(sk.NoGuaranteeError, match="not known to be a nonexpansive map"):
        sk.minimize(program()[1], np.zeros(12), sk.Anderson(sk.ADMM(balance=True)))
    with pytest.raises(TypeError, match="balance = 1"):
        sk.ADMM(balance=1)


def test_it_finds_out_that_there_is_no_solution():
    """x₁ = 0 and x₁ ≥ 1; and a linear objective without a bound."""
    rows = np.eye(2)[[0, 0]]
    apart = f.Box(np.array([0.0, 1.0]), np.array([0.0, math.inf])) @ sk.DenseMatrix(rows)
    for method in (sk.ADMM(), sk.Anderson(sk.ADMM())):
        s = sk.minimize(
            f.SquaredL2() + apart, np.zeros(2), method, max_iter=3000, on_failure="return"
        )
        assert s.status == "infeasible"


def test_the_penalty_stays_where_no_matrix_is_factored_at_another(monkeypatch):
    rng = np.random.default_rng(0)
    P, L = np.diag(10.0 ** rng.uniform(-3, 3, 8)), rng.standard_normal((5, 8))
    inclusion = sk.Affine(P, rng.standard_normal(8)) + sk.NormalCone(f.Box(-1.0, 1.0)).pullback(L)
    factor, tried = admm._factored, []

    def once(rho, *terms):
        tried.append(rho)
        if rho != tried[0]:
            raise np.linalg.LinAlgError("singular")
        return factor(rho, *terms)

    monkeypatch.setattr(admm, "_factored", once)
    solution = sk.solve(inclusion, np.zeros(8), sk.ADMM(rho=1e3, balance=True))
    assert len(set(tried)) == 2  # one other is tried
    monkeypatch.undo()
    expected = sk.solve(inclusion, np.zeros(8), sk.ADMM())
    np.testing.assert_allclose(solution.x, expected.x, rtol=1e-5, atol=1e-7)


def test_where_all_terms_are_affine_nothing_is_composed():
    """The KKT operator of a quadratic with equations, in blocks: its zero by a linear solve."""
    P, G, g = np.diag([2.0, 1.0, 0.0]), np.array([[1.0, 1, 1], [0, 1, -1]]), np.array([3.0, 0.0])
    problem = sk.KKT(f.Quadratic(P, np.array([-2.0, 0.0, 1.0])), G, g)
    whole = np.block([[P, G.T], [G, np.zeros((2, 2))]])
    expected = np.linalg.solve(whole, np.r_[2.0, 0.0, -1.0, g])
    for unit in (1e-8, 1.0, 1e8):
        scaled = sk.KKT(f.Quadratic(unit * P, unit * np.array([-2.0, 0.0, 1.0])), G, g)
        s = sk.solve(scaled, (np.zeros(3), np.zeros(2)), sk.ADMM(), tol=1e-10)
        np.testing.assert_allclose(s.x[0], expected[:3], atol=1e-8)
        np.testing.assert_allclose(s.x[1], unit * expected[3:], atol=1e-8 * unit)
    assert problem.is_solution((expected[:3], expected[3:]))


@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
def test_a_default_is_not_refused_at_a_penalty_that_no_one_asked_for(unit):
    """In single precision I·unit + ρDᵀD is singular to rounding for ρ far above unit."""
    n = 24
    D = np.eye(n - 1, n, 1, dtype=np.float32) - np.eye(n - 1, n, dtype=np.float32)
    b = np.linspace(-1, 1, n, dtype=np.float32) ** 3
    problem = f.SquaredL2(unit, center=b) + f.L1Norm(0.1 * unit) @ D
    s = sk.minimize(problem, np.zeros(n, dtype=np.float32), sk.ADMM(), tol=1e-4)
    exact = f.TotalVariation1D(0.1).prox(b.astype(np.float64))
    np.testing.assert_allclose(s.x, exact, atol=1e-3)


ORTHOGONAL = np.linalg.qr(RNG.normal(size=(8, 8)))[0]
KNOWN_GRAMS = {  # LLᵀ = νI
    "identity matrix": np.eye(8),
    "orthogonal matrix": 2 * ORTHOGONAL,
    "mask": sk.linear.Mask(np.arange(8) % 3 > 0),
    "identity": ScaledIdentity(3.0),
}
COMPOSING = (sk.ADMM(), sk.LinearizedADMM(), sk.ChambollePock(), sk.CondatVu())


@pytest.mark.parametrize("method", COMPOSING, ids=lambda m: m.label)
@pytest.mark.parametrize("L", KNOWN_GRAMS.values(), ids=KNOWN_GRAMS)
def test_a_composition_with_a_known_gram_is_composed_as_any_other(L, method):
    """min ‖x − d‖₁ + ½‖Lx − e‖₁, as a linear program."""
    d = RNG.normal(size=8)
    matrix = L if isinstance(L, np.ndarray) else np.stack([L(row) for row in np.eye(8)]).T
    rows = len(matrix)
    e = RNG.normal(size=rows)
    bounds = np.block(
        [
            [np.eye(8), -np.eye(8), np.zeros((8, rows))],
            [-np.eye(8), -np.eye(8), np.zeros((8, rows))],
            [matrix, np.zeros((rows, 8)), -np.eye(rows)],
            [-matrix, np.zeros((rows, 8)), -np.eye(rows)],
        ]
    )
    cost = np.r_[np.zeros(8), np.ones(8), np.full(rows, 0.5)]
    least = linprog(cost, bounds, np.r_[d, -d, e, -e], bounds=(None, None)).fun
    h = f.L1Norm().translate(d) + (0.5 * f.L1Norm().translate(e)) @ L
    x = sk.minimize(h, np.zeros(8), method, tol=1e-9).x
    assert float(h(x)) == pytest.approx(least, rel=1e-6)


def test_a_penalty_that_krylovs_method_cannot_bear_is_taken_back():
    """Of an unbounded program the residuals stay apart at any ρ: ρ ends where ρI is rounding."""
    rng = np.random.default_rng(1)
    G, d, c = rng.normal(size=(3, 5)), rng.uniform(0.1, 1.0, 5), rng.normal(size=5)
    G -= np.outer(G @ d, d) / (d @ d)  # Gd = 0, d ≥ 0, ⟨c, d⟩ < 0
    c -= d * (c @ d + 0.5) / (d @ d)
    problem = sk.KKT(f.Quadratic(np.zeros((5, 5)), c), G, G @ d, C=f.NonNegative())
    x0 = np.ones(5), np.zeros(3)
    s = sk.solve(problem, x0, sk.ADMM(), max_iter=500, on_failure="return")
    assert s.status in ("unbounded", "iteration_limit")


@pytest.mark.parametrize(("s", "t"), [(1.0, 1.0), (1e8, 1.0), (1e-8, 1.0), (1.0, 1e-8)])
def test_a_residual_that_is_rounding_or_none_moves_the_penalty_alike(s, t):
    """Where no bound is met, z = Lx but for rounding, which depends on units, and ρ is to fall."""
    rng = np.random.default_rng(5)
    turn = rng.normal(size=(6, 6))
    M, x = np.eye(6) + turn - turn.T, rng.uniform(-0.5, 0.5, 6)
    problem = sk.Affine(t / s * M, t * (M @ x)) + sk.NormalCone(f.Box(-s, s))
    found = sk.solve(problem, np.zeros(6), sk.ADMM())
    np.testing.assert_allclose(found.x / s, x, atol=1e-7)
    assert found.iterations <= 30
