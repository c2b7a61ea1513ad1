"""Iterations, and the word that a solve ends with, do not depend on units."""

import numpy as np
import pytest

import splitkit as sk
from tests.collection.judge import methods, solved
from tests.collection.scales import cases

UNITS = ((1.0, 1.0), (1e8, 1.0), (1e-8, 1.0), (1.0, 1e8), (1.0, 1e-8))


def ends(name, label):
    case = next(case for case in cases() if case.name == name)
    method = dict(methods(case))[label]
    return [solved(case, label, method, pair, max_iter=300) for pair in UNITS]


@pytest.mark.parametrize(
    ("name", "label", "why"),
    [
        ("quadratic program with equations", "Tseng with line search", "F = 0 and x₀ = 0"),
        ("rock, paper, scissors", "ADMM", "all that cancels vanishes before r does"),
    ],
)
def test_a_solve_converges_alike_in_all_units(name, label, why):
    found = ends(name, label)
    assert {row.status for row in found} == {"converged"}, why
    counts = [max(row.iterations, 10) for row in found]
    assert max(counts) <= 2 * min(counts)


def test_the_first_step_is_found_where_only_the_resolved_term_moves():
    A = sk.Affine(1e-12 * np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1e-12, 2e-12]))
    for method in (sk.TsengLineSearch(), sk.GoldenRatio(), sk.AdaptiveProximalGradient()):
        solution = sk.solve(sk.Zero() + A, np.zeros(2), method)
        assert solution.iterations <= 50  # means of 2/3 of what was, by the golden ratio


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", [sk.PeacemanRachford(), sk.DouglasRachford()])
def test_x_is_no_rounding_of_a_governing_point_far_away(dtype, method):
    S = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [0.5, 0.0, 0.0]])
    flat = 1e-8 if dtype == np.float32 else 1e-17  # F is q but for rounding
    F = sk.Affine((flat * (np.eye(3) + S - S.T)).astype(dtype), np.array([3, -2, 1], dtype=dtype))
    x = sk.solve(F + sk.NormalCone(sk.functions.L2Ball(1.0)), np.zeros(3, dtype), method).x
    exact = np.array([3, -2, 1]) / 14**0.5
    np.testing.assert_allclose(x, exact, atol=2e-5 if dtype == np.float32 else 2e-8)
