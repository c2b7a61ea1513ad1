"""Convex programs by their KKT operator: minimizers and multipliers against an interior point."""

import clarabel
import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

import splitkit as sk
from splitkit.functions import Box, L1Norm, NonNegative, Quadratic

RNG = np.random.default_rng(5)
S = RNG.normal(size=(5, 5))
P, Q = S @ S.T / 5 + 0.1 * np.eye(5), RNG.normal(size=5)
A, B = RNG.normal(size=(2, 5)), RNG.normal(size=2)
G, H = RNG.normal(size=(3, 5)), np.array([0.1, 0.5, -0.2])


def interior_point(rows, rights, cones):
    """Minimizer and multipliers of ½xᵀPx + qᵀx, rows x + s = rights, s in the cones."""
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    solver = clarabel.DefaultSolver(
        sparse.triu(P, format="csc"), Q, sparse.csc_matrix(rows), rights, cones, settings
    )
    solution = solver.solve()
    return np.array(solution.x), np.array(solution.z)


def test_equations():
    problem = sk.KKT(Quadratic(P, Q), A, B)
    x, y = sk.solve(problem, (np.zeros(5), np.zeros(2)), tol=1e-12).x
    zero = np.zeros((2, 2))
    expected = np.linalg.solve(np.block([[P, A.T], [A, zero]]), np.concatenate([-Q, B]))
    np.testing.assert_allclose(np.concatenate([x, y]), expected, atol=1e-8)
    assert all(float(v) <= 1e-8 for v in problem.violations((x, y)).values())


def test_equations_and_inequalities_with_their_multipliers():
    problem = sk.KKT(Quadratic(P, Q), A, B, G=G, h=H)
    start = (np.zeros(5), np.zeros(5))
    x, y = sk.solve(problem, start, tol=1e-12, max_iter=200_000).x
    cones = [clarabel.ZeroConeT(2), clarabel.NonnegativeConeT(3)]
    best, multipliers = interior_point(np.vstack([A, G]), np.concatenate([B, H]), cones)
    np.testing.assert_allclose(x, best, atol=1e-7)
    np.testing.assert_allclose(y, multipliers, atol=1e-6)
    assert np.count_nonzero(y[2:] > 1e-6) > 0
    assert all(float(v) <= 1e-7 for v in problem.violations((x, y)).values())
    zero = (np.zeros(5), np.zeros(5))
    assert bool(problem.contains((x, y), zero, 1e-6))
    assert not bool(problem.contains((x + 0.1, y), zero, 1e-6))


def test_violations_are_those_of_the_constraints():
    problem = sk.KKT(Quadratic(P, Q), A, B, G=G, h=H)
    x, y = np.ones(5), np.array([1.0, -1.0, -0.5, 2.0, 0.0])
    excess = G @ x - H
    expected = [
        np.linalg.norm(A @ x - B),
        np.linalg.norm(np.maximum(excess, 0)),
        0.5,
        abs(y[2:] @ excess),
    ]
    assert [float(v) for v in problem.violations((x, y)).values()] == pytest.approx(expected)


def test_terms_that_are_not_smooth_share_a_block_with_the_multipliers():
    f = Quadratic(P, Q) + L1Norm()
    problem = sk.KKT(f, G=G, h=H)
    set_valued = [term for term in problem.terms if not term.has_evaluation]
    assert len(set_valued) == 1
    assert "L1Norm" in repr(set_valued[0])
    assert "Box" in repr(set_valued[0])


def test_a_set_beside_the_constraints():
    b = A @ np.array([1.0, 0.0, 2.0, 0.0, 0.5])
    problem = sk.KKT(Quadratic(P, Q), A, b, C=NonNegative())
    rows, rights = np.vstack([A, -np.eye(5)]), np.concatenate([b, np.zeros(5)])
    cones = [clarabel.ZeroConeT(2), clarabel.NonnegativeConeT(5)]
    x, multipliers = interior_point(rows, rights, cones)
    zero = (np.zeros(5), np.zeros(2))
    found = sk.solve(problem, zero, tol=1e-11, max_iter=100_000).x
    np.testing.assert_allclose(found[0], x, atol=1e-7)
    np.testing.assert_allclose(found[1], multipliers[:2], atol=1e-6)
    assert bool(problem.contains((x, multipliers[:2]), zero, 1e-6))
    assert not bool(problem.contains((x, multipliers[:2] + 0.1), zero, 1e-6))


@pytest.mark.parametrize(
    "kind", [lambda K: sk.DenseMatrix(K.T.copy()).T, sparse.csr_array, aslinearoperator]
)
@pytest.mark.parametrize("make", [lambda K: sk.KKT(Quadratic(P, Q), K, B), sk.MatrixGame])
def test_problems_take_what_acts_as_a_matrix(make, kind):
    z = (RNG.normal(size=5), RNG.normal(size=2))
    K = A - A.mean()  # a game subtracts it of what is dense
    problem, dense = make(kind(K)), make(K)
    for mine, theirs in zip(problem.terms[-2:], dense.terms[-2:], strict=True):
        resolved = mine.resolvent(0.5)(z), theirs.resolvent(0.5)(z)
        for found, expected in zip(*resolved, strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-9)
    with pytest.raises(ValueError, match="2 rows"):
        sk.KKT(L1Norm(), sparse.csr_array(A), H)


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda: sk.KKT(L1Norm()), TypeError, "no constraint"),
        (lambda: sk.KKT(L1Norm(), A), TypeError, "A, b one is missing"),
        (lambda: sk.KKT(L1Norm(), A, B, h=H), TypeError, "G, h one is missing"),
        (lambda: sk.KKT(abs, A, B), TypeError, "f = "),
        (lambda: sk.KKT(L1Norm(), A, H), ValueError, "2 rows"),
        (lambda: sk.KKT(L1Norm(), sk.DenseMatrix(A), B, G=G, h=H), TypeError, "linear maps"),
        (lambda: sk.KKT(L1Norm(), A, B, C=L1Norm()), TypeError, "give a set"),
        (
            lambda: sk.KKT(Box(0.0, 1.0), A, B).check_space(sk.backend.Space.of(np.ones(5))),
            TypeError,
            "tuple",
        ),
    ],
)
def test_errors_name_the_argument_and_the_remedy(wrong, error, says):
    with pytest.raises(error, match=says):
        wrong()
