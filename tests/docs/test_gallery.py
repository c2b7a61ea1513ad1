"""Each example has its page, its picture, what it printed, and a notebook that runs by itself."""

import ast
import json
import re

import pytest

from tests.docs.hooks import hook

GALLERY = hook("_gallery")
NAMED = pytest.mark.parametrize("name", GALLERY.NAMES)


def test_there_are_many():
    assert len(GALLERY.NAMES) >= 34


@NAMED
def test_an_example_is_shown_with_what_it_drew_and_printed(name):
    page = GALLERY.page(name)
    assert page.startswith(f"# {GALLERY.said(name)[0]}")
    assert "met the tolerance" in (GALLERY.SHOWN / f"{name}.txt").read_text(encoding="utf-8")
    assert (GALLERY.SHOWN / f"{name}.png").exists() == GALLERY.draws(name)
    assert f"gallery/{name}.md" in GALLERY.grid()


def test_nothing_else_is_kept():
    kept = {path.stem for path in GALLERY.SHOWN.iterdir()}
    assert kept == set(GALLERY.NAMES)
    assert sum(path.stat().st_size for path in GALLERY.SHOWN.iterdir()) < 2_000_000


@NAMED
def test_whether_it_draws_is_told_from_its_arguments(name, monkeypatch):
    code = ast.parse(GALLERY.source(name))
    main = next(each for each in code.body if getattr(each, "name", "") == "main")
    assert GALLERY.draws(name) == ("picture" in {each.arg for each in main.args.args})


@NAMED
def test_a_notebook_has_what_it_needs(name):
    cells = json.loads(GALLERY.notebook(name))["cells"]
    assert cells[0]["cell_type"] == "markdown"
    code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    own = "from pictures import", f"import {name}"
    written = sum(source.startswith("%%writefile ") for source in code)
    assert written == sum(each in GALLERY.source(name) for each in own)
    for source in code:
        ast.parse(re.sub(r"\A%%writefile \w+\.py\n", "", source))
    assert "__main__" not in code[-2]


def test_a_notebook_runs(capsys):
    cells = json.loads(GALLERY.notebook("lasso"))["cells"]
    names = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(cell["source"], names)
    assert "met the tolerance" in capsys.readouterr().out
