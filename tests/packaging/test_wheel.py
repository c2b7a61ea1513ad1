"""The wheel holds both packages and works in a clean environment that has no extras."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from splitkit import __version__

ROOT = Path(__file__).parents[2]
INFO = f"splitkit-{__version__}.dist-info"

SOLVE = """
import sys
import numpy as np
import splitkit as sk

loaded = {"torch", "cupy"} & set(sys.modules)
assert not loaded, loaded
inclusion = sk.Affine(np.eye(2) * 2.0, np.array([1.0, -1.0])) + sk.NormalCone(
    sk.functions.NonNegative()
)
solution = sk.solve(inclusion, np.zeros(2))
np.testing.assert_allclose(solution.x, [0.5, 0.0], atol=1e-6)
"""

IMPORT_WITHOUT_TORCH = """
import numpy as np
import splitkit_nn as sknn
layer = sknn.ArrayMonDEQ(0 * np.eye(2), np.eye(2), np.zeros(2))
assert np.allclose(layer(np.ones((1, 2))), 1)
try:
    sknn.MonDEQ
except ImportError as error:
    assert "splitkit[nn]" in str(error), str(error)
else:
    raise AssertionError("MonDEQ was found without torch")
"""


def run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


def install(wheel: Path, folder: Path) -> Path:
    """The interpreter of a new environment that holds the wheel and its hard dependencies."""
    venv.create(folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--no-compile", "-c", ROOT / "constraints.txt", wheel)
    return python


def test_wheel_holds_both_typed_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0] for name in names} == {
        "splitkit",
        "splitkit_nn",
        INFO,
    }
    assert {"splitkit/__init__.py", "splitkit/py.typed"} <= names
    assert {"splitkit_nn/__init__.py", "splitkit_nn/__main__.py", "splitkit_nn/py.typed"} <= names
    assert f"{INFO}/licenses/LICENSE" in names


def test_wheel_without_extras_solves_and_says_what_networks_need(
    wheel: Path, tmp_path: Path
) -> None:
    clean_python = install(wheel, tmp_path / "clean")
    run(clean_python, "-I", "-c", SOLVE)
    run(clean_python, "-I", "-c", IMPORT_WITHOUT_TORCH)
    run(clean_python, "-I", "-m", "splitkit")
