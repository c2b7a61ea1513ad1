"""Type checkers accept what users write, and refuse what is marked: mypy and pyright."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USER = ROOT / "tests" / "packaging" / "typed_user.py"


def checked(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_takes_what_users_write():
    pytest.importorskip("mypy")
    checked(sys.executable, "-m", "mypy", str(USER))  # with the cache of `make lint`


def test_pyright_takes_what_users_write(tmp_path):
    pytest.importorskip("pyright")
    settings = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT)]}
    settings |= {"include": [USER.name], "reportUnnecessaryTypeIgnoreComment": "error"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    (tmp_path / USER.name).write_text(USER.read_text())
    checked(sys.executable, "-m", "pyright", "-p", str(tmp_path), "--pythonpath", sys.executable)
