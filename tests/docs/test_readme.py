"""The README's Python runs as it stands, block after block, and says what it should."""

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def names():
    names = {}
    for block in BLOCKS:
        exec(block, names)
    return names


def test_it_is_short_and_has_a_block_for_each_way_in():
    assert len(TEXT.splitlines()) < 120
    assert len(BLOCKS) == 4


def test_the_inclusion_is_solved(names):
    x, F = names["solution"].x, names["F"]
    np.testing.assert_allclose(x, np.clip(x - F(x), -1, 1), atol=1e-7)
    assert names["solution"].converged


def test_the_program_answers_in_its_words(names):
    found = names["portfolio"]
    assert found.x.sum() == pytest.approx(1, abs=1e-7)
    slope = names["risk"] @ found.x - 0.5 * names["returns"]
    np.testing.assert_allclose(slope + found.y + found.bound_multipliers, 0, atol=1e-7)
    assert found.duality_gap <= 1e-7


def test_the_layer_has_gradients(names):
    assert all(float(p.grad.abs().sum()) > 0 for p in names["model"].parameters())
    assert names["layer"].last_solve.backward.converged


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    missing = [link for link in links if not link.startswith("http") and not (ROOT / link).exists()]
    assert missing == []
