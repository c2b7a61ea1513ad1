"""Of 10,308 certified radii none is broken by five attacks from 100 points of each ball: a thorough
run takes all of them, as docs/results/robustness.md shows them.
"""

import argparse

import pytest

from benchmarks.robustness import MODELS, rows_of
from tests.sampling import is_thorough

RADII = {
    "dense, 100 units": 1797,
    "infinity": 1797,
    "stem and head": 1160,
    "two layers": 200,
    "convolution": 120,
    "three tiers": 40,
    "dense, 520 units": 40,
}


def test_all_models_are_attacked() -> None:
    assert RADII.keys() == MODELS.keys()
    assert 2 * sum(RADII.values()) == 10_308


@pytest.mark.skipif(not is_thorough(), reason="takes the better part of an hour: thorough")
@pytest.mark.parametrize("name", RADII)
def test_no_radius_is_broken(name: str) -> None:
    options = argparse.Namespace(samples=RADII[name], restarts=100, digits=True, parts=None)
    rows = list(rows_of(name, options))
    assert [row["radii"] for row in rows] == [RADII[name]] * 2
    assert [row["broken"] for row in rows] == [0, 0]
    assert all(0.1 < float(row["at most"]) < 1 for row in rows)
