"""Formulas on the pages become MathML."""

import re
from pathlib import Path

import pytest

from tests.docs.hooks import hook

DOCS = Path(__file__).parents[2] / "docs"
DOLLARS = re.compile(r"(?<!\$)\$([^$\n]+)\$(?!\$)")
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if DOLLARS.search(page.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_formulas_are_drawn(page):
    pytest.importorskip("latex2mathml")
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
    formulas = DOLLARS.findall(text)
    assert formulas
    drawn = hook("_formulas").on_page_content(
        "".join(rf'<span class="arithmatex">\({formula}\)</span>' for formula in formulas)
    )
    assert drawn.count("<math") == len(formulas)
    assert not re.search(r"\\[a-zA-Z]|arithmatex", drawn), "what is no LaTeX it knows stays"
