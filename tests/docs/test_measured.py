"""A page of results names the command of its figures, and the day; the site adds the version."""

import re
from pathlib import Path

import pytest

import splitkit
from tests.docs.hooks import hook

RESULTS = Path(__file__).parents[2] / "docs" / "results"
PAGES = [page for page in sorted(RESULTS.glob("*.md")) if page.stem != "gpu"]  # has no figure yet


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_figures_have_a_command_and_a_day(page):
    text = page.read_text()
    assert re.search(r"python (-m \w|benchmarks/)", text)
    assert hook("_measured").DAY.search(text)
    assert f"version {splitkit.__version__}" in hook("_measured").note(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_are_there(page):
    for file in set(re.findall(r"\bbenchmarks/\w+\.py", page.read_text())):
        assert (RESULTS.parents[1] / file).exists(), file
