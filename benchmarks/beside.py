"""Solvers beside each other on programs: a line each, with the keys ``program``, ``solver``,
``wrong``, ``iterations``, ``seconds`` and perhaps ``error``; then how many are right, and ratios.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def show(line: Line) -> None:
    """Print a line."""
    print(
        f"{line['program']:20} {line['solver']:9} wrong by {line['wrong']:8.1e}  "
        f"{line['iterations']:6} iterations  {line['seconds']:8.3f} s  {line.get('error', '')}",
        flush=True,
    )


def end(lines: list[Line], solvers: list[str], file: Path | None) -> None:
    """Print the summary, and write the lines to a file, if one is given."""
    summary(lines, solvers)
    if file is not None:
        file.write_text(json.dumps(lines, indent=1))


def summary(lines: list[dict[str, Any]], solvers: list[str]) -> None:
    """How many are right, and the ratios of times where both are."""
    by = {(line["program"], line["solver"]): line for line in lines}
    names = sorted({line["program"] for line in lines})
    for solver in solvers:
        mine = [by[name, solver] for name in names]
        right = [sum(line["wrong"] <= ε for line in mine) for ε in (1e-4, 1e-6)]
        print(f"{solver}: {right[0]} of {len(mine)} right to 1e-4, {right[1]} to 1e-6")
        if solver == solvers[0]:
            continue
        pairs = [(by[name, solvers[0]], by[name, solver]) for name in names]
        both = [(a, b) for a, b in pairs if max(a["wrong"], b["wrong"]) <= 1e-6]
        for title, some in (
            ("", both),
            (" that take either more than 5 ms", [p for p in both if p[1]["seconds"] > 5e-3]),
        ):
            if some:
                times = [math.log(a["seconds"] / max(b["seconds"], 1e-6)) for a, b in some]
                steps = [
                    math.log(max(a["iterations"], 1) / max(b["iterations"], 1)) for a, b in some
                ]
                print(
                    f"    {solvers[0]} beside it on the {len(some)} right to 1e-6 by both{title}: "
                    f"{math.exp(sum(times) / len(times)):.3g} × its time, "
                    f"{math.exp(sum(steps) / len(steps)):.3g} × its iterations (geometric means)"
                )
