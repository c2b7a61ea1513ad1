"""Type checkers accept what users write, and refuse what is marked: pyright here, mypy in lint."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USER = ROOT / "tests" / "packaging" / "typed_user.py"


def test_mypy_is_given_what_users_write():
    files = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]["files"]
    assert str(USER.relative_to(ROOT)) in files


def test_pyright_takes_what_users_write(tmp_path):
    pytest.importorskip("pyright")
    settings = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT)]}
    settings |= {"include": [USER.name], "reportUnnecessaryTypeIgnoreComment": "error"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    (tmp_path / USER.name).write_text(USER.read_text())
    command = ["pyright", "-p", str(tmp_path), "--pythonpath", sys.executable]
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
