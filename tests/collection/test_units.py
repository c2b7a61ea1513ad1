"""What solves say in other units: a cut of ``benchmarks/units.py --quick``.

What ``solve`` chooses, on the whole collection but for its slow problems; and rows, limits and
columns that are far apart, by every guaranteed method.
"""

from functools import cache

import pytest

from tests.collection.judge import Row, rows
from tests.collection.scales import cases

LIMIT = 1500
ALL = [case for case in cases() if not case.slow]
# In its own units each of them is well scaled, and in others it is solved by other steps.
OTHER_STEPS = {"HS51", "trend filtering"}
FAR_APART = [
    case
    for case in ALL
    if case.name.startswith(("HS51 with", "duopoly", "rows of 1e20", "lasso of diag"))
]


@cache
def chosen(name: str) -> list[Row]:
    (case,) = (case for case in ALL if case.name == name)
    return list(rows(case, only="chosen by solve", max_iter=LIMIT))


def wrong(found: list[Row]) -> str:
    """The lines that are false or failed."""
    return "\n".join(str(row) for row in found if row.verdict in ("false", "failed"))


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_what_solve_chooses_is_never_wrong(case):
    assert wrong(chosen(case.name)) == ""


@pytest.mark.parametrize(
    "case", [case for case in ALL if case.name not in OTHER_STEPS], ids=lambda case: case.name
)
def test_units_change_iterations_by_a_factor_two_at_most(case):
    changed = [
        str(row)
        for row in chosen(case.name)
        if not 0.5 <= row.ratio <= 2.0 == (row.ratio == row.ratio)
    ]
    assert changed == []


@pytest.mark.parametrize("case", FAR_APART, ids=lambda case: case.name)
def test_rows_that_never_bind_hide_no_others(case):
    """By each guaranteed method, at the first of its tolerances."""
    assert wrong(list(rows(case, "few", tols=case.tols[:1], max_iter=LIMIT))) == ""
