"""Seconds of CPU that proofs take, beside those of another version of the library.

    git worktree add ../before 1f6da5b    # before proofs were verified
    python benchmarks/proving.py --against ../before

Each program is proved anew ``--repeats`` times by each version, and its least time counts; (no):
not proved.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, os.environ.get("OF", str(Path(__file__).parent.parent)))

import numpy as np

import splitkit as sk
from splitkit.proofs import program

I = sk.Identity()  # noqa: E741
MAP = sk.linear.wrap(np.random.default_rng(0).normal(size=(4, 5)))
SQUARE = MAP.norm**2


def never(*_: Any) -> Any:
    """No operator."""
    raise AssertionError("a proof never applies the operator")


def operator(**known: Any) -> sk.Operator:
    """Known by its properties alone."""
    return sk.Operator.from_callable(never, resolvent=never, name="A", **known)


A, B, C = (
    sk.Operator.from_callable(None, resolvent=never, name="A", monotone=True, maximal=True)
    for _ in range(3)
)
F = operator(strong_monotonicity=0.3, lipschitz=2.0)
GRADIENT = operator(strong_monotonicity=0.3, lipschitz=2.0, gradient=True)
MONOTONE = operator(monotone=True, lipschitz=1.0)
STRONG = operator(strong_monotonicity=0.2, maximal=True)
COCOERCIVE = operator(cocoercivity=0.8)


def relaxed(A: sk.Operator, B: sk.Operator, alpha: float, share: float) -> sk.Operator:
    """Of Douglas and Rachford."""
    return (1 - share) * I + share * (A.cayley(alpha) @ B.cayley(alpha))


def tseng(F: Any, G: Any) -> Any:
    """Its step, as one writes it."""
    R = G.resolvent(0.4)

    def step(x: Any) -> Any:
        y = R(x - 0.4 * F(x))
        return y - 0.4 * F(y) + 0.4 * F(x)

    return step


PROGRAMS: dict[str, Callable[[], Any]] = {
    "resolvent": lambda: sk.prove(A.resolvent(0.5)),
    "forward": lambda: sk.prove(I - 0.1 * F),
    "forward-backward": lambda: sk.prove(A.resolvent(0.1) @ (I - 0.1 * F)),
    "of a gradient": lambda: sk.prove(A.resolvent(0.1) @ (I - 0.1 * GRADIENT)),
    "Douglas-Rachford's rate": lambda: sk.prove(relaxed(MONOTONE, STRONG, 1.3, 0.45)),
    "its decrease": lambda: sk.prove(relaxed(A, B, 1.7, 0.75)),
    "Peaceman-Rachford": lambda: sk.prove(F.cayley(0.6) @ A.cayley(0.6)),
    "Tseng's step": lambda: sk.prove(tseng, F, A),
    "a refusal": lambda: sk.prove(I - 0.5 * MONOTONE),
    "another": lambda: sk.prove(A.cayley(1.0)),
    "best_step": lambda: sk.best_step(lambda a: F.cayley(a) @ A.cayley(a)),
    "ForwardBackward": lambda: sk.ForwardBackward(alpha=0.5).proof(COCOERCIVE, A),
    "DouglasRachford": lambda: sk.DouglasRachford(alpha=1.3).proof(A, B),
    "DavisYin": lambda: sk.DavisYin(alpha=0.5).proof(A, B, COCOERCIVE),
    "Tseng": lambda: sk.Tseng(alpha=0.3).proof(MONOTONE, A),
    "ForwardReflectedBackward": lambda: sk.ForwardReflectedBackward(alpha=0.3).proof(MONOTONE, A),
    "Ryu": lambda: sk.Ryu(alpha=1.0).proof(A, B, C),
    "MalitskyTam": lambda: sk.MalitskyTam(alpha=1.0).proof(A, B, C),
    "ChambollePock": lambda: sk.ChambollePock(tau=0.3, sigma=3 / SQUARE).proof(A, B.pullback(MAP)),
    "CondatVu": lambda: sk.CondatVu(tau=0.5, sigma=1.2 / SQUARE).proof(
        A, B.pullback(MAP), COCOERCIVE
    ),
    "PD3O": lambda: sk.PD3O(tau=1.0, sigma=0.9 / SQUARE).proof(A, B.pullback(MAP), COCOERCIVE),
    "LinearizedADMM": lambda: sk.LinearizedADMM(tau=0.5, rho=1.8 / SQUARE).proof(
        A, B.pullback(MAP)
    ),
}


def measured(name: str, repeats: int) -> tuple[float, bool]:
    """The least seconds, and whether it is proved."""
    prove, seconds = PROGRAMS[name], []
    found = prove()
    for _ in range(repeats):
        program._solve.cache_clear()
        start = time.process_time()
        prove()
        seconds.append(time.process_time() - start)
    proof = found[1] if isinstance(found, tuple) else found
    return min(seconds), bool(proof.holds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--against", type=Path, help="a checkout of another version")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="for the run of the other version")
    options = parser.parse_args()
    if options.json:
        print(json.dumps({name: measured(name, options.repeats) for name in PROGRAMS}))
        return
    versions = [Path(__file__).parent.parent, *([options.against] if options.against else [])]
    found = []
    for path in versions:
        command = [sys.executable, __file__, "--json", "--repeats", str(options.repeats)]
        given = {**os.environ, "OF": str(path.resolve()), "PYTHONPATH": str(path.resolve())}
        run = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
        found.append(json.loads(run.stdout))
    ratios = []
    print("| program | ms | before | ratio |" if options.against else "| program | ms |")
    for name in PROGRAMS:
        cells = [f"{1e3 * each[name][0]:.2f}{'' if each[name][1] else ' (no)'}" for each in found]
        if options.against:
            ratios.append(found[0][name][0] / found[1][name][0])
            cells.append(f"{ratios[-1]:.2f}")
        print("|", name, "|", " | ".join(cells), "|")
    if ratios:
        print(f"geometric mean {np.exp(np.mean(np.log(ratios))):.2f}, largest {max(ratios):.2f}")


if __name__ == "__main__":
    main()
