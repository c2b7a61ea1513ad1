"""Builds the wheel and the sdist, and tries each in clean environments.

``python tests/packaging/release.py [--python 3.11 …] [--torch]``, or ``make release``: on every
Python that is there the wheel with the lowest versions (``lowest.txt``) and with the newest, and
the sdist with the newest. Without ``--torch`` the core alone: no gigabytes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
CORE = """
import sys
import splitkit as sk
from splitkit.testing import registered

things = registered()
for thing in things:
    thing.check(max_examples=2)
print(sk.__version__, "of", sk.__file__)
print(len(things), "registered things hold")
assert not {"torch", "cupy"} & set(sys.modules)
F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=1.0, lipschitz=2.0)
assert sk.prove(sk.Identity() - 0.25 * F).holds
"""
NETWORKS = """
import torch
import splitkit_nn as sknn
from splitkit_nn.activations import ACTIVATIONS
from splitkit_nn.testing import check_activation, check_layer

torch.manual_seed(0)
layer = sknn.MonDEQ(sknn.MonotoneDense(3, 4), tol=1e-7).double()
check_layer(layer, max_examples=2)
for activation in ACTIVATIONS.values():
    check_activation(activation(), max_examples=2)
model, x = sknn.DenseClassifier(4, 8, 3, tol=1e-6).eval(), torch.randn(5, 4)
print(sknn.certify(model, x), sknn.certify_robustness(model, x, model(x).argmax(-1), steps=5))
"""


def interpreters(wanted: list[str]) -> Iterator[tuple[str, str]]:
    """(version, its interpreter) of each Python that is there; pyenv's too."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in wanted:
        there = sorted(pyenv.glob(f"{version}.*/bin/python"))
        found = str(there[-1]) if there else shutil.which(f"python{version}")
        if found is None:
            print(f"Python {version}: not here")
        else:
            yield version, found


def run(*command: str | Path) -> str:
    """What it prints; RuntimeError if it fails."""
    words = [str(word) for word in command]
    here = {**os.environ, "OMP_NUM_THREADS": "1"}
    here.pop("PYTHONPATH", None)
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=tempfile.gettempdir(), env=here, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist, and the wheel that is built from it."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def tried(built: Path, python: str, lowest: bool, torch: bool) -> str:
    """What a clean environment with it says."""
    extras = "nn,proofs,testing" if torch else "proofs,testing"
    with tempfile.TemporaryDirectory() as folder:
        run(python, "-m", "venv", folder)
        own = Path(folder, "bin", "python")
        pins = ["-c", ROOT / "lowest.txt"] if lowest else []
        run(own, "-m", "pip", "install", "-q", *pins, f"{built}[{extras}]")
        said = [run(own, "-I", "-m", "splitkit").partition("\n\n")[0]]
        said.append(run(own, "-I", "-W", "error::DeprecationWarning:splitkit", "-c", CORE))
        if torch:
            said.append(run(own, "-I", "-c", NETWORKS))
    return "\n".join(said)


def main() -> int:
    """Try all of them; 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", nargs="+", default=list(PYTHONS), metavar="VERSION")
    parser.add_argument("--torch", action="store_true", help="the layers too")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        sdist, wheel = build(Path(folder))
        for version, python in interpreters(options.python):
            for built, lowest in ((wheel, True), (wheel, False), (sdist, False)):
                kind = "wheel" if built is wheel else "sdist"
                which = f"Python {version}, {kind}, {'lowest' if lowest else 'newest'} versions"
                try:
                    said = tried(built, python, lowest, options.torch)
                except RuntimeError as error:
                    said, failed = f"FAILED {error}", failed + 1
                print(f"== {which}\n{said}\n", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
