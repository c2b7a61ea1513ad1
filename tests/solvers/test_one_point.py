"""Resolvent splittings know their residual at one point, if one term alone cannot be evaluated."""

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f

rng = np.random.default_rng(31)
B = rng.normal(size=(4, 4))
M, Q = B @ B.T + np.eye(4) + (B - B.T), rng.normal(size=4)  # 1-strongly monotone
MORE = rng.normal(size=4)
METHODS = [sk.Ryu, sk.MalitskyTam, sk.ProductSpace, sk.ProjectiveSplitting, sk.DavisYin]


def inclusion(first):
    """(M + I)x − q + N_C(x), in one of the orders."""
    terms = [sk.Affine(M, Q), sk.Subdifferential(f.SquaredL2(center=MORE))]
    terms.insert(first, sk.NormalCone(f.NonNegative()))
    return terms[0] + terms[1] + terms[2]


@pytest.fixture(scope="module")
def answer():
    return sk.solve(inclusion(0), np.zeros(4), sk.Tseng(), tol=1e-13).x


@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
def test_the_residual_bounds_the_error_from_the_first_iteration_on(method, first, answer):
    bounds = []
    for state in method().iterate(inclusion(first), np.zeros(4), tol=1e-10, max_iter=2000):
        assert (state.x >= 0).all()
        assert np.linalg.norm(state.x - answer) <= state.error_bound + 1e-12
        bounds.append(float(state.error_bound))
    assert bounds[-1] < 1e-8 * bounds[0]


def test_with_two_terms_that_cannot_be_evaluated_their_points_must_meet():
    A = sk.Affine(M, Q) + sk.NormalCone(f.NonNegative()) + sk.NormalCone(f.L2Ball(0.1))
    for method in METHODS:
        solution = sk.solve(A, np.zeros(4), method(), tol=1e-9, max_iter=5000)
        assert solution.error_bound is None
        assert np.linalg.norm(solution.x) <= 0.1 * (1 + 1e-8)
        assert (solution.x >= -1e-9).all()


def test_a_residual_that_is_rounding_is_not_called_small():
    """At α = 1e-30 every step is lost in x, and nothing of Mx − q is seen."""
    A = sk.Affine(M, Q) + sk.NormalCone(f.NonNegative())
    method = sk.DouglasRachford(alpha=1e-30)
    solution = sk.solve(A, np.ones(4), method, max_iter=60, on_failure="return")
    assert not solution.converged
