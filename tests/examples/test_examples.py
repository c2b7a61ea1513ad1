"""Every example runs and agrees with its independent solver, or its certificate, to 1e-8; images
with total variation, whose methods have no rate, to 3e-5. Those that draw write their picture.
"""

import inspect
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(p for p in FOLDER.glob("*.py") if p.stem != "pictures")
ACCURACY = dict.fromkeys(("ct", "deblur", "denoise", "inpaint", "mri", "mri_phase"), 3e-5)
ACCURACY["prove_a_rate"] = 1e-6  # rounded up, so that it holds in rational numbers


def test_there_are_examples():
    assert {"lasso", "simplex_qp", "matrix_game", "box_least_squares"} <= {p.stem for p in EXAMPLES}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_is_a_page(path):
    assert len(path.read_text().splitlines()) <= 80


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_agrees_with_an_independent_solver(path, capsys, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    main = runpy.run_path(str(path))["main"]
    picture = tmp_path / "picture.png"
    draws = "picture" in inspect.signature(main).parameters
    differences = main(picture) if draws else main()
    assert differences
    for name, difference in differences.items():
        assert 0 <= difference <= ACCURACY.get(path.stem, 1e-8), name
    said = capsys.readouterr().out
    assert "met the tolerance" in said
    if draws:
        assert f"picture: {picture}" in said
        assert imread(picture).std() > 0.01


def test_a_picture_goes_to_the_temporary_directory_unless_a_path_is_given(tmp_path):
    done = subprocess.run(
        [sys.executable, FOLDER / "portfolio.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(FOLDER.parent), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [path.name for path in tmp_path.iterdir()] == ["splitkit-portfolio.png"]
    assert "picture: " in done.stdout
