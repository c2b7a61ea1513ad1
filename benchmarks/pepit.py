"""PEPit's examples, as ``Setting`` proves them, and beside them what PEPit says in the same run.

    pip install PEPit==0.5.1 cvxpy    # optional: without it, our column alone
    python benchmarks/pepit.py --write docs/results/proofs.md

Every bound of ours is verified in rational numbers, and its file read by ``checker.py``. A row has
both values, the one of the theorem in PEPit's example, and the seconds of both, and says where they
differ by more than 1e-5. The arguments are those of ``tests/proofs/settings.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import io
import json
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from splitkit.proofs import Outcome, checker
from tests.proofs.settings import EXAMPLES, Example

AGREE = 1e-5  # beside 1, or the value
FIXED, CONVEX = "fixed_point_problems", "composite_convex_minimization"
UNCONSTRAINED = "unconstrained_convex_minimization"
INCLUSIONS = "monotone_inclusions_variational_inequalities"
REASONS = {  # of what is said of a row
    f"{FIXED}.inconsistent_halpern_iteration": "**differ**: its solver ends before; 1",
    f"{CONVEX}.improved_interior_algorithm": "**differ**: its solver ends before; 2/27",
    f"{UNCONSTRAINED}.gradient_descent_lc": "**differ**: its solver ends before",
    f"{UNCONSTRAINED}.inexact_accelerated_gradient": "theirs is of exact gradients",
    f"{INCLUSIONS}.douglas_rachford_splitting_2#": "**false**: 1/μ once too often",
    f"{INCLUSIONS}.douglas_rachford_splitting_2##": "**false**: αβ for β/α, and that 1/μ",
}
RENAMED = {"information_theoretic_exact_method": "information_theoretic"}


@dataclass(frozen=True)
class Row:
    """An example: values and seconds of both, and what their theorem says."""

    name: str
    ours: float
    verified: bool
    seconds: float
    theirs: float | None = None
    theorem: float | None = None
    their_seconds: float | None = None

    @property
    def differs(self) -> bool:
        return self.theirs is not None and not near(self.ours, self.theirs)

    def __str__(self) -> str:
        def number(value: float | None, digits: str = ".6f") -> str:
            return "–" if value is None else f"{value:{digits}}"

        name = short(self.name)
        said = ""
        if self.differs:
            said = "**differ**"
        elif self.theorem is not None and not near(self.theorem, self.ours):
            said = "no tight one" if self.theorem > self.ours else "**false theorem**"
        if said:
            said = REASONS.get(self.name, said)
        return (
            f"| {name.replace('_', ' ')} | {number(self.ours)}{'' if self.verified else ' (!)'} "
            f"| {number(self.theirs)} | {number(self.theorem)} | {said} "
            f"| {number(self.seconds, '.2f')} | {number(self.their_seconds, '.2f')} |"
        )


def short(name: str) -> str:
    """Without its group, and what tells two rows of an example apart."""
    return name.split(".")[1].rstrip("#")


def near(a: float, b: float) -> bool:
    """Whether both are one value to the accuracy that is claimed."""
    return abs(a - b) <= AGREE * max(1.0, abs(a))


def run(example: Example, with_theirs: bool) -> Row:
    """Both proofs."""
    start = time.perf_counter()
    proof = example.prove()
    seconds = time.perf_counter() - start
    verified = proof.outcome is Outcome.PROVED and not checker.check(json.loads(proof.to_json()))
    if not with_theirs:
        return Row(example.name, proof.value, verified, seconds)
    name = short(example.name)
    module = importlib.import_module(f"PEPit.examples.{example.name.rstrip('#')}")
    function = getattr(module, f"wc_{RENAMED.get(name, name)}")
    arguments = {**example.arguments, **example.only_theirs, "verbose": -1}
    if "wrapper" in function.__code__.co_varnames[: function.__code__.co_argcount]:
        arguments |= {"wrapper": "cvxpy", "solver": "CLARABEL"}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        theirs, theorem = function(**arguments)
        theirs_seconds = time.perf_counter() - start
    known = None if theorem is None else float(theorem)
    return Row(example.name, proof.value, verified, seconds, float(theirs), known, theirs_seconds)


def table(rows: list[Row]) -> str:
    """By the groups of PEPit."""
    lines: list[str] = []
    for group in dict.fromkeys(row.name.split(".")[0] for row in rows):
        lines += ["", f"## {group.replace('_', ' ').capitalize()}", ""]
        lines += ["| example | here | PEPit | its theorem | | s | PEPit s |"]
        lines += ["|---|---|---|---|---|---|---|"]
        lines += [str(row) for row in rows if row.name.split(".")[0] == group]
    return "\n".join(lines)


def main() -> int:
    """Run them all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of names")
    parser.add_argument("--write", type=Path, help="put the tables in this page, after its marker")
    options = parser.parse_args()
    chosen = [
        e for e in EXAMPLES.values() if not options.names or any(w in e.name for w in options.names)
    ]
    there = importlib.util.find_spec("PEPit") is not None
    rows = []
    for example in chosen:
        rows.append(run(example, there))
        print(rows[-1], flush=True)
    differ = [row.name for row in rows if row.differs]
    unverified = [row.name for row in rows if not row.verified]
    theirs = sum(row.their_seconds or 0.0 for row in rows)
    summary = (
        f"{len(rows)} examples, {len(rows) - len(unverified)} verified in rational numbers, "
        f"{len(differ)} differ from PEPit; {sum(row.seconds for row in rows):.0f} s here"
        + (f", {theirs:.0f} s there." if there else ".")
    )
    print(summary, *differ, sep="\n")
    if options.write:
        page = options.write.read_text(encoding="utf-8").partition(MARKER)[0]
        options.write.write_text(f"{page}{MARKER}\n\n{summary}\n{table(rows)}\n", encoding="utf-8")
    return bool(unverified)


MARKER = "<!-- tables: benchmarks/pepit.py -->"

if __name__ == "__main__":
    sys.exit(main())
