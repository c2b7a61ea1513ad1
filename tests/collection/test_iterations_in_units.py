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
