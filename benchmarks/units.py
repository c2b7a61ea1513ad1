"""Verdicts of ``solve`` over problems × units × methods: right, limit, false, failed.

    python benchmarks/units.py --quick --markdown
    python benchmarks/units.py --problems lasso --methods Anderson --json table.json

The problems, with what their answers are measured by, are those of ``tests/collection/scales.py``;
units (s, t) multiply x by s and the operators' values by t. Methods have all options open. A line
has the largest measure of the answer beside the tolerance (10·tol is where *converged* counts as
false), the relative distance to the solution, and the iterations beside those in units (1, 1). Only
lines that are not right, or take more than twice or less than half as many, are printed, unless
``--all`` is given.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.collection.judge import Extent, Row, rows
from tests.collection.scales import Case, cases

VERDICTS = ("right", "limit", "false", "failed")


def all_cases(seeds: int, problems: str) -> list[Case]:
    """Those whose name has a part of the comma-separated ``problems``."""
    parts = [part.strip().lower() for part in problems.split(",")]
    return [case for case in cases(seeds) if any(part in case.name.lower() for part in parts)]


def run(
    index: int, *, seeds: int, problems: str, methods: str, quick: bool, max_iter: int, tol: float
) -> list[Row]:
    """The lines of one problem, which a process makes for itself."""
    case = all_cases(seeds, problems)[index]
    tols = None if not tol else (tol,)
    extent: Extent = "quick" if quick else "full"
    return list(rows(case, extent, only=methods, max_iter=max_iter, tols=tols))


def changed(row: Row) -> bool:
    """Whether the units change the number of iterations by more than a factor 2."""
    return row.ratio > 2 or row.ratio < 0.5


def summary(table: list[Row], key: Callable[[Row], str], title: str, *, markdown: bool) -> None:
    """Verdicts by what ``key`` says, the worst first."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in table:
        groups[key(row)].append(row)
    heads = (*VERDICTS, "×2", "worst", "distance")
    if markdown:
        print(f"\n| {title} | {' | '.join(heads)} |\n|{'---|' * 8}")
    else:
        print(f"\n{title:<52}" + "".join(f"{each:>9}" for each in heads))
    count = {name: Counter(row.verdict for row in group) for name, group in groups.items()}
    for name in sorted(groups, key=lambda n: (-count[n]["false"], -count[n]["failed"], n)):
        group = groups[name]
        said = [row for row in group if row.status == "converged"]
        worst = max((row.measured for row in said if row.measured == row.measured), default=0.0)
        far = max((row.distance for row in said if row.distance == row.distance), default=math.nan)
        counts = [str(count[name][v]) for v in VERDICTS]
        known = "" if math.isnan(far) else f"{far:.0e}"
        cells = [*counts, str(sum(map(changed, group))), f"{worst:.2g}", known]
        if markdown:
            print(f"| {name} | {' | '.join(cells)} |")
        else:
            print(f"{name:<52}" + "".join(f"{cell:>9}" for cell in cells))


def report(table: list[Row], *, markdown: bool = False) -> None:
    """The summaries, and one line at the end. The worst measure is in units of the tolerance."""
    summed = partial(summary, table, markdown=markdown)
    summed(lambda row: row.method, "method")
    summed(lambda row: row.problem, "problem")
    summed(lambda row: f"{row.s:.0e}, {row.t:.0e} in {row.dtype}", "units")
    summed(lambda row: f"{row.tol:.1e}", "tolerance")
    count = Counter(row.verdict for row in table)
    verdicts = ", ".join(f"{count[v]} {v}" for v in VERDICTS)
    slow = sum(map(changed, table))
    unlike = sum(row.disagrees for row in table)
    print(
        f"\n{len(table)} solves: {verdicts}; iterations changed beyond a factor 2 in {slow}, "
        f"is_solution disagrees in {unlike}"
    )


def kept(path: Path | None) -> list[Row]:
    """The lines that a file has."""
    if path is None or not path.exists():
        return []
    numbers = {field.name for field in fields(Row) if field.type == "float"}
    return [
        Row(**{k: float(v) if k in numbers else v for k, v in line.items()})
        for line in json.loads(path.read_text())
    ]


def main() -> None:
    """Print the table and its summaries."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--problems", default="", help="parts of names, separated by commas")
    parser.add_argument("--methods", default="", help="a part of the method's name")
    parser.add_argument("--quick", action="store_true", help="few units and tolerances")
    parser.add_argument("--tol", type=float, default=0.0, help="this tolerance alone")
    parser.add_argument("--seeds", type=int, default=1, help="random problems of each kind")
    parser.add_argument("--max-iter", type=int, default=None, help="1500 if quick, else 20000")
    parser.add_argument("--all", action="store_true", help="print every line")
    parser.add_argument("--markdown", action="store_true", help="print the summaries as Markdown")
    parser.add_argument(
        "--json", type=Path,
        help="write the lines to a file, problem by problem; what it has is not solved again",
    )  # fmt: skip
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    chosen = all_cases(given.seeds, given.problems)
    table = kept(given.json)
    known = {row.problem for row in table}
    todo = [i for i, case in enumerate(chosen) if case.name not in known]
    limit = given.max_iter or (1500 if given.quick else 20_000)
    one = partial(
        run, seeds=given.seeds, problems=given.problems, methods=given.methods, quick=given.quick,
        max_iter=limit, tol=given.tol,
    )  # fmt: skip
    began = time.process_time()
    pool = ProcessPoolExecutor(given.processes) if given.processes > 1 else None
    results: Iterable[list[Row]] = (pool.map if pool else map)(one, todo)
    for index, lines in zip(todo, results, strict=True):
        case = chosen[index]
        table += lines
        if given.json:
            given.json.write_text(json.dumps([row.as_json() for row in table], indent=0))
        for row in lines:
            if given.all or row.verdict in ("false", "failed") or changed(row):
                print(row)
        wrong = sum(row.verdict == "false" for row in lines)
        seconds = time.process_time() - began
        progress = (
            f"-- {case.name}: {len(lines)} solves, {wrong} false, {seconds:.0f} s of CPU so far"
        )
        print(progress, file=sys.stderr, flush=True)
    if pool:
        pool.shutdown()
    report(table, markdown=given.markdown)


if __name__ == "__main__":
    main()
