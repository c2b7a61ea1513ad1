"""The training examples learn what is there to be learned, each in 40 lines of code."""

import ast
import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "networks").glob("*.py"))
LEAST = {"tabular": 0.95, "images": 0.9}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_learns(path, capsys):
    accuracy = runpy.run_path(str(path))["main"]()
    assert accuracy["test"] >= LEAST[path.stem]
    assert "iterations" in capsys.readouterr().out


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_is_short_and_without_the_command_line(path):
    source = path.read_text("utf-8")
    lines = [line for line in source.splitlines() if line.strip() and '"""' not in line]
    assert len(lines) <= 40
    names = {
        name.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert "splitkit_nn" in names
    assert "splitkit_nn.training" not in source
