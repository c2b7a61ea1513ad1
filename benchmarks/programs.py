"""Quadratic and linear programs from files: how many are solved, and beside whom.

    python benchmarks/programs.py FOLDER
    python benchmarks/programs.py FOLDER --largest 600 --peers osqp pdlp --json table.json

FOLDER holds .mat files of the Maros-Mészáros set (P, q, A, l, u, as in
github.com/qpsolvers/maros_meszaros_qpbenchmark), or .mps and .qps files, which HiGHS reads. Every
solver is given the program as it stands, with default options but for its tolerance and limits:
1e-8 and 10,000 iterations. An answer (x, y) is judged by the same three numbers, in the units of
the program: what the rows are missed by beside ‖Ax‖∞ and their bounds, what is left of Px + q + Aᵀy
beside what cancels in it, and the duality gap beside the terms of both objectives; right to 1e-4 is
an answer of which the largest is at most 1e-4. Times are of the processor, in one thread.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import scipy.sparse as sp
from beside import end, show

sys.path.insert(0, str(Path(__file__).parent.parent))

from splitkit.problems import QP, read_qps

Found = tuple[Any, Any, int]  # x, y and iterations
INF = 1e20


class Program:
    """minimize ½⟨x, Px⟩ + ⟨q, x⟩ subject to l ≤ Ax ≤ u, the bounds of x being the last rows."""

    def __init__(self, name: str, P: Any, q: Any, A: Any, l: Any, u: Any) -> None:  # noqa: E741
        self.name, self.P, self.q, self.A = name, sp.csc_array(P), q, sp.csc_array(A)
        self.l, self.u = np.where(l <= -INF, -np.inf, l), np.where(u >= INF, np.inf, u)

    def wrong(self, x: Any, y: Any) -> float:
        """The largest of the three numbers."""
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            return math.inf
        y = np.where((y > 0) & (self.u == np.inf) | (y < 0) & (self.l == -np.inf), 0.0, y)
        Ax, Px, pull = self.A @ x, self.P @ x, self.A.T @ y
        z = np.clip(Ax, self.l, self.u)
        terms = float(x @ Px), float(self.q @ x)
        support = float(np.sum(y * np.where(y > 0, self.u, np.where(y < 0, self.l, 0.0))))
        largest = [float(np.max(abs(a), initial=0.0)) for a in (Ax, z, Px, self.q, pull)]
        tiny = 1e-9
        return max(
            float(np.max(abs(Ax - z), initial=0.0)) / max(*largest[:2], tiny),
            float(np.max(abs(Px + self.q + pull))) / max(*largest[2:], tiny),
            abs(sum(terms) + support) / max(*map(abs, terms), abs(support), tiny),
        )


def programs(folder: Path, largest: int) -> Iterator[Program]:
    """Those with so many variables at most."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".mat":
            data = scipy.io.loadmat(path)
            P, q, A, l, u = (data[k] for k in ("P", "q", "A", "l", "u"))  # noqa: E741
            q, l, u = (v.ravel().astype(float) for v in (q, l, u))  # noqa: E741
        elif path.suffix in (".mps", ".qps"):
            problem = read_qps(path)
            n = problem.q.size
            P, q = problem.P, problem.q
            A = sp.vstack((problem.A, sp.eye_array(n)))
            l = np.concatenate((problem.l, problem.bounds[0]))  # noqa: E741
            u = np.concatenate((problem.u, problem.bounds[1]))
        else:
            continue
        if q.size <= largest:
            yield Program(path.stem, P, q, A, l, u)


def by_splitkit(p: Program) -> Found:
    """The proximal method of multipliers."""
    solution = QP(p.P, p.q, p.A, p.l, p.u).solve(on_failure="return")
    return solution.x, solution.y, solution.iterations


def by_osqp(p: Program) -> Found:
    """ADMM of OSQP."""
    import osqp

    solver = osqp.OSQP()
    solver.setup(
        sp.csc_matrix(sp.triu(p.P)), p.q, sp.csc_matrix(p.A), p.l, p.u,
        verbose=False, eps_abs=1e-8, eps_rel=1e-8, max_iter=10_000,
    )  # fmt: skip
    found = solver.solve()
    return np.array(found.x, dtype=float), np.array(found.y, dtype=float), found.info.iter


def by_pdlp(p: Program) -> Found:
    """The primal-dual method of HiGHS, without presolve; for linear programs."""
    import highspy

    n, solver, lp = p.q.size, highspy.Highs(), highspy.HighsLp()
    solver.setOptionValue("output_flag", False)
    for name, value in (("solver", "pdlp"), ("presolve", "off"), ("pdlp_iteration_limit", 10_000)):
        solver.setOptionValue(name, value)
    solver.setOptionValue("pdlp_optimality_tolerance", 1e-8)
    rows = p.A[:-n].tocsc()
    lp.num_col_, lp.num_row_, lp.col_cost_ = n, rows.shape[0], p.q
    lp.row_lower_, lp.row_upper_, lp.col_lower_, lp.col_upper_ = (
        p.l[:-n],
        p.u[:-n],
        p.l[-n:],
        p.u[-n:],
    )
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = rows.indptr, rows.indices
    lp.a_matrix_.value_ = rows.data
    solver.passModel(lp)
    solver.run()
    found = solver.getSolution()
    count = solver.getInfo().pdlp_iteration_count
    y = -np.concatenate((found.row_dual, found.col_dual))
    return np.array(found.col_value), y, count


SOLVERS: dict[str, Callable[[Program], Found]] = {
    "splitkit": by_splitkit,
    "osqp": by_osqp,
    "pdlp": by_pdlp,
}


def measured(p: Program, solver: str) -> dict[str, Any]:
    """One line: how wrong the answer is, the iterations and the seconds."""
    start = time.process_time()
    error = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x, y, iterations = SOLVERS[solver](p)
        wrong = p.wrong(x, y)
    except (ValueError, RuntimeError) as found:
        iterations, wrong, error = 0, math.inf, str(found)[:80]
    seconds = time.process_time() - start
    return {
        "program": p.name, "solver": solver, "wrong": wrong, "iterations": iterations,
        "seconds": seconds, "error": error,
    }  # fmt: skip


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--largest", type=int, default=600, help="variables of a program")
    parser.add_argument("--peers", nargs="*", choices=sorted(SOLVERS)[:2], default=[])
    parser.add_argument("--only", default="", help="programs whose names have this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    solvers = ["splitkit", *options.peers]
    lines = []
    for program in programs(options.folder, options.largest):
        if options.only.lower() not in program.name.lower():
            continue
        for solver in solvers:
            line = measured(program, solver)
            lines.append(line)
            show(line)
    end(lines, solvers, options.json)


if __name__ == "__main__":
    main()
