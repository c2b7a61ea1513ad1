"""The page on problems runs as it stands, block after block, and says what it should."""

import re
from pathlib import Path

import numpy as np
import pytest

import splitkit as sk
from splitkit.testing import check_operator

PAGE = (Path(__file__).parents[2] / "docs" / "problems.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def names():
    names = {}
    for block in BLOCKS:
        exec(block, names)
    return names


def test_every_section_has_its_block():
    assert len(BLOCKS) == len(re.findall("^## ", PAGE, re.MULTILINE)) + 1


def test_what_is_solved_is_solved(names):
    assert names["lcp"].is_solution(names["z"])
    np.testing.assert_allclose(
        [names["x1"], names["x2"], names["price"]], [[2], [1], [4]], atol=1e-6
    )
    x = names["x"]
    np.testing.assert_allclose(x @ [1.0, 2.0], 3.0, atol=1e-6)
    np.testing.assert_allclose(x, [1.0, 1.0], atol=1e-6)


def test_regressions_are_what_they_are_called(names):
    ceiling, y = names["ceiling"], names["y"]
    assert np.mean(y <= ceiling.predict(names["X"])) == pytest.approx(0.9, abs=0.02)
    assert np.all(names["robust"].coef_ >= 0)
    assert names["along"].coef.shape == (10, 3, 13)
    assert names["along"].converged


def test_gradients_of_ones_own_are_those_of_the_matrices(names):
    point = (np.array([1.0]), np.array([-2.0]))
    for mine, theirs in zip(names["own"](point), names["F"](point), strict=True):
        np.testing.assert_allclose(mine, theirs)


def test_operators_of_ones_own_keep_what_they_declare(names):
    check_operator(names["Rotation"](), (2,))
    check_operator(names["R"], (2,))


def test_expressions_print_as_the_page_says(names):
    R = names["R"]
    assert repr(sk.Identity() - 0.5 * R @ R) == "I − 0.5 R R"
