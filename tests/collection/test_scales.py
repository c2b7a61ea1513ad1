"""That the judge is right: solutions measure nothing, wrong points much, units move a problem."""

from dataclasses import replace

import numpy as np
import pytest

import splitkit as sk
from splitkit.solvers.inclusion import Inclusion
from tests.collection.judge import FEW, ONE, compared, default_tol, rows, solved
from tests.collection.problem import flat
from tests.collection.problems import asarray
from tests.collection.scales import GENEROSITY, cases
from tests.collection.units import in_units, inverse, moved

ALL = list(cases())
SOLVABLE = [case for case in ALL if case.measure is not None]
KNOWN = [case for case in SOLVABLE if case.answer is not None]
BY_NAME = {case.name: case for case in ALL}
rng = np.random.default_rng(17)
named = pytest.mark.parametrize


def beside(x, size):
    """x moved by a random direction, of this size relative to each block."""

    def one(block):
        d = rng.normal(size=np.shape(block))
        return block + size * max(np.linalg.norm(block), 0.1) * d / np.linalg.norm(d)

    return tuple(map(one, x)) if isinstance(x, tuple) else one(x)


@named("case", KNOWN, ids=lambda case: case.name)
def test_a_solution_measures_nothing(case):
    assert max(case.judged(case.answer).values()) <= 1e-9
    assert case.distance(case.answer) == pytest.approx(0.0, abs=1e-15)


@named("case", KNOWN, ids=lambda case: case.name)
def test_the_measures_have_no_units(case):
    for s, t in ((1e8, 1e-12), (1e-12, 1e4)):
        there = moved(case.answer, case.lengths(s, t))
        assert max(case.judged(case.back(there, s, t)).values()) <= 1e-9


@named("case", SOLVABLE, ids=lambda case: case.name)
def test_wrong_points_measure_much(case):
    """An answer that is 20 % off is false at each tolerance that is asked for."""
    around = case.x0 if case.answer is None else case.answer
    worst = max(default_tol("float32"), *(tol or 0.0 for tol in case.tols if tol != 1e-3))
    for _ in range(5):
        assert max(case.judged(beside(around, 0.2)).values()) > GENEROSITY * worst
    nothing = moved(around, 0.0)
    if flat(around).any() and case.answer is not None:
        assert max(case.judged(nothing).values()) > GENEROSITY * worst


@named(("s", "t"), [(1e3, 1e-2), (1e3, 1e3)])
@named("case", ALL, ids=lambda case: case.name)
def test_each_term_is_the_same_map_in_other_units(case, s, t):
    """D A′(Dx) = c A(x), and R_{αA′}(Dx) = D R_{A}(x) for D a number and αc = D²."""
    A, x = case.posed(1.0, 1.0, asarray())
    x = beside(moved(x, 1e-4) if np.abs(flat(x)).max() > 10 else x, 0.5)
    D, c = case.lengths(s, t), s * t
    terms, others = Inclusion.of(A).operators, Inclusion.of(in_units(A, D, c)).operators
    assert len(terms) == len(others)
    for term, other in zip(terms, others, strict=True):
        assert (term.has_evaluation, term.has_resolvent) == (
            other.has_evaluation,
            other.has_resolvent,
        )
        if term.has_evaluation:
            there = flat(moved(moved(other(moved(x, D)), D), 1 / c))
            np.testing.assert_allclose(there, flat(term(x)), rtol=1e-9, atol=1e-9)
        if term.has_resolvent and (s == t or not isinstance(D, tuple)):
            there = other.make_resolvent(s**2 / c)(moved(x, D))
            here = term.make_resolvent(1.0)(x)
            np.testing.assert_allclose(flat(moved(there, inverse(D))), flat(here), atol=1e-7)


def test_planted_faults_are_false():
    lasso, apart = BY_NAME["lasso"], BY_NAME["a ball and a half-space apart"]
    elsewhere = replace(lasso, measure=lambda x: {"distance": lasso.distance(1.001 * x)})
    assert solved(lasso, "", None, ONE).verdict == "right"
    assert solved(elsewhere, "", None, ONE).verdict == "false"
    assert solved(lasso, "", None, ONE, max_iter=1).verdict == "limit"
    assert solved(apart, "", None, ONE).verdict == "right"
    assert (
        solved(replace(apart, measure=lambda x: {"distance": 0.0}), "", None, ONE).verdict
        == "false"
    )
    solvable = replace(lasso, measure=None)  # converged where there is said to be no solution
    assert solved(solvable, "", None, ONE).verdict == "false"
    raising = replace(lasso, inclusion=lambda array: sk.Identity() + 1 / 0)
    assert solved(raising, "", None, ONE).verdict == "failed"
    unknown = replace(lasso, measure=lambda x: {"distance": float("nan")})
    assert solved(unknown, "", None, ONE).verdict == "false"


def test_ratios_of_iterations():
    base = replace(solved(BY_NAME["lasso"], "", None, ONE), iterations=200)
    limit = replace(base, verdict="limit", iterations=3000)
    assert compared(replace(base, iterations=500), base, 3000).ratio == 2.5
    assert compared(limit, base, 3000).ratio == np.inf
    assert compared(base, limit, 3000).ratio == 0.0
    assert np.isnan(compared(limit, base, 300).ratio)  # it needed more than half of the limit
    assert compared(replace(base, iterations=1), replace(base, iterations=FEW), 300).ratio == 1.0


def test_a_quick_run_has_every_guaranteed_method():
    case = BY_NAME["affine variational inequality"]
    methods = {row.method for row in rows(case, max_iter=2)}
    assert "Anderson(Douglas-Rachford)" in methods
    assert len(methods) > 10
    few = list(rows(case, "few", max_iter=2))
    assert len(few) < len(list(rows(case, max_iter=2))) / 2
