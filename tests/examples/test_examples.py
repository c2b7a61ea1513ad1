"""Every example runs and agrees with its independent solver to 1e-8."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


def test_there_are_examples():
    assert {"lasso", "simplex_qp", "matrix_game", "box_least_squares"} <= {p.stem for p in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_agrees_with_an_independent_solver(path, capsys):
    differences = runpy.run_path(str(path))["main"]()
    assert differences
    for name, difference in differences.items():
        assert 0 <= difference <= 1e-8, name
    assert "met the tolerance" in capsys.readouterr().out
