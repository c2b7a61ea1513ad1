"""What solves say in other units: a cut of ``benchmarks/units.py --quick``.

What ``solve`` chooses, in some of the units of each problem that is not slow; and every guaranteed
method where rows, limits and columns are far apart.
"""

from functools import cache

import pytest

from tests.collection.judge import ONE, methods, rows, solved
from tests.collection.scales import cases

ALL = {case.name: case for case in cases() if not (case.slow or case.name == "deblurring")}
FAR_APART = [
    ("HS51 with x₁ ≤ 100", None),
    ("duopoly with a shared limit of 100", None),
    ("lasso of diag(1e4, 1)", 1e-4),
    ("lasso of diag(1e4, 1) in turned rows", 1e-4),
]
NEVER_BIND = [
    ("HS51 with x₁ ≤ 1e+20", None),
    ("rows of 1e20", None),
    ("duopoly with a shared limit of 1e+08", None),
    ("duopoly with a shared limit of 1e+08", 1e-4),
]
WRONG = ("false", "failed")
named = pytest.mark.parametrize


@cache
def chosen(name):
    return list(rows(ALL[name], "few", only="chosen by solve", max_iter=1500))


@named("name", ALL)
def test_what_solve_chooses_is_never_wrong(name):
    assert [str(row) for row in chosen(name) if row.verdict in WRONG] == []


@named("name", ALL)
def test_units_change_iterations_by_a_factor_two_at_most(name):
    assert [str(row) for row in chosen(name) if row.ratio < 0.5 or row.ratio > 2] == []


@named("pair", [(1e8, 1.0), (1.0, 1e8)])
@named("bound", ["100", "1e+08"])
def test_a_row_that_never_binds_is_solved_alike_in_other_units(bound, pair):
    """Its singular quadratic shows its rounding to long steps, and these measure no step."""
    case = ALL[f"HS51 with x₁ ≤ {bound}"]
    good, other = (solved(case, "", None, each, max_iter=800) for each in (ONE, pair))
    assert good.verdict == other.verdict == "right"
    assert other.iterations <= 2 * good.iterations <= 4 * other.iterations


@named(("name", "tol"), FAR_APART)
def test_large_rows_do_not_hide_small_ones(name, tol):
    case = ALL[name]
    found = [solved(case, *each, ONE, tol=tol, max_iter=800) for each in methods(case)]
    assert [str(row) for row in found if row.verdict in WRONG] == []
    # the small rows are not lost to all methods, either
    assert sum(row.verdict == "right" for row in found) > len(found) / 4


@named(("name", "tol"), NEVER_BIND)
def test_rows_that_never_bind_cost_no_method_its_answer(name, tol):
    case = ALL[name]
    found = [solved(case, *each, ONE, tol=tol, max_iter=800) for each in methods(case)]
    assert [str(row) for row in found if row.verdict != "right"] == []
