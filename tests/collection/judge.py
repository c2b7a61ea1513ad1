"""The verdict of a solve in given units: right, limit, false, or failed.

right   it says *converged* and every measure is at most GENEROSITY · tol (``scales.py`` says why),
        or *infeasible* where there is no solution
limit   it says that it did not get there
false   it says something that is wrong: converged too far from a solution, infeasible or
        contradicted where a solution exists, converged where there is none
failed  it raised, or ended with numbers that are not finite
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

import splitkit as sk
from tests.collection.problems import asarray
from tests.collection.scales import GENEROSITY, Case, Pair

NO_SOLUTION = {"infeasible", "unbounded"}
CLAIMS = {*NO_SOLUTION, "contradicted"}
HONEST = {"iteration_limit", "time_limit", "precision", "stopped"}
Extent = Literal["few", "quick", "full"]
Named = tuple[str, sk.Method | None]
FEW = 10  # iterations below which no ratio is taken
ONE: Pair = (1.0, 1.0)
QUICK: tuple[Pair, ...] = ((1e8, 1.0), (1e-8, 1.0), (1.0, 1e8), (1.0, 1e-8))
QUICK_SINGLE: tuple[Pair, ...] = ((1e4, 1e-4), (1e-4, 1.0))
EXPONENTS, SINGLE = (-12, -8, -4, 4, 8, 12), (-4, 4)


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes
    ----------
    problem, method : str
    s, t : float
        The units of x and of the operators' values.
    dtype : str
    tol : float
        What was asked for.
    status : str
        How the solve ended; the name of an exception.
    verdict : str
    iterations : int
    measured : float
        The largest measure, in units of tol: up to GENEROSITY is what the tolerance promises.
    which : str
        The name of that measure.
    distance : float
        To the nearest solution, relative; NaN: not unique.
    ratio : float
        Iterations beside those in units (1, 1) in the same dtype, where both are right; inf where
        only one of them got there, in at most half of the limit.
    disagrees : bool
        At the defaults of both, ``is_solution`` of a variational inequality denies a right answer,
        or passes a false one.
    """

    problem: str
    method: str
    s: float
    t: float
    dtype: str
    tol: float
    status: str
    verdict: str
    iterations: int
    measured: float
    which: str
    distance: float
    ratio: float = math.nan
    disagrees: bool = False

    def __str__(self) -> str:
        units = f"{self.s:.0e} {self.t:.0e} {self.dtype[5:]}"
        error = f"{self.measured:9.1e}·tol {self.which:<9} {self.distance:9.1e}"
        end = f"{self.verdict:<6} {self.status:<16}{self.iterations:>7}"
        ratio = f"{self.ratio:7.2f}" if self.ratio == self.ratio else ""
        return f"{self.problem:<46}{self.method:<40}{units:>15} {self.tol:.0e} {end} {error}{ratio}"

    def as_json(self) -> dict[str, Any]:
        """Numbers that JSON lacks become text."""
        return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v
                for k, v in asdict(self).items()}  # fmt: skip


def lattice(case: Case, dtype: str, quick: bool) -> tuple[Pair, ...]:
    """The units in which a case is solved, besides (1, 1)."""
    special = case.pairs if dtype == "float64" else case.single
    if special is not None:
        return special[:: max(1, len(special) // 4)] if quick else special
    if quick:
        return QUICK if dtype == "float64" else QUICK_SINGLE
    found: list[Pair] = []
    for k in EXPONENTS if dtype == "float64" else SINGLE:
        u = 10.0**k
        found += [(u, 1.0), (1.0, u), (u, u), (u, 1 / u)]
    return tuple(found)


def default_tol(dtype: str) -> float:
    """What None stands for."""
    return max(1e-8, 100 * float(np.finfo(dtype).eps))


@cache
def methods(case: Case) -> tuple[Named, ...]:
    """What ``solve`` chooses, each guaranteed method with all options open, and Anderson and
    SuperMann around the first averaged one.
    """
    A, _ = case.posed(1.0, 1.0, asarray())
    found: list[Named] = [("chosen by solve", None)]
    averaged: list[sk.Method] = []
    for option in sk.explain(A).best_of_each():
        if not option.guarantee.holds:
            continue
        method = left_open(option.method)
        found.append((method.label, method))
        if option.method.averaged:
            averaged.append(method)
    if case.measure is None:  # averaged maps find out that there is none
        return tuple(found)
    for method in averaged[:1]:
        for wrapper in (sk.Anderson, sk.SuperMann):
            found.append((f"{wrapper.__name__}({method.label})", wrapper(method)))
    return tuple(found)


def left_open(method: sk.Method) -> sk.Method:
    """The same kind of method, with all options open."""
    if isinstance(method, sk.Restarted):
        return sk.Restarted(left_open(method.method))
    return type(method)()


def solved(
    case: Case,
    name: str,
    method: sk.Method | None,
    pair: Pair,
    *,
    tol: float | None = None,
    dtype: str = "float64",
    max_iter: int = 3000,
) -> Row:
    """Solve in these units, and judge."""
    asked = default_tol(dtype) if tol is None else tol
    known = {"problem": case.name, "method": name, "s": pair[0], "t": pair[1]}
    known |= {"dtype": dtype, "tol": asked}
    nothing = {"measured": math.nan, "which": "", "distance": math.nan}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            A, x0 = case.posed(*pair, asarray("numpy", dtype))
            solution = sk.solve(
                A, x0, method, tol=tol, max_iter=max_iter, on_failure="return", progress=False
            )
    except Exception as error:  # the table goes on, and shows it
        status = type(error).__name__
        return Row(**known, status=status, verdict="failed", iterations=0, **nothing)
    status, count = str(solution.status), int(solution.iterations)
    known |= {"status": status, "iterations": count}
    if case.measure is None:
        verdict = "right" if status in NO_SOLUTION else "false" if solution.converged else None
        return Row(**known, verdict=verdict or _otherwise(status), **nothing)
    x = case.back(solution.x, *pair)
    with np.errstate(all="ignore"):
        measures, distance = case.judged(x), case.distance(x)
    which = max(measures, key=measures.__getitem__)
    error = measures[which] / asked
    verdict = _otherwise(status)
    if solution.converged:
        verdict = "right" if error <= GENEROSITY else "false"
    elif status in CLAIMS:
        verdict = "false"
    disagrees = False
    if isinstance(A, sk.VI) and tol is None and solution.converged:
        disagrees = bool(A.is_solution(solution.x)) != (verdict == "right")
    return Row(
        **known,
        verdict=verdict,
        measured=error,
        which=which,
        distance=distance,
        disagrees=disagrees,
    )


def _otherwise(status: str) -> str:
    return "limit" if status in HONEST else "failed"


def compared(row: Row, base: Row, max_iter: int) -> Row:
    """With the ratio of iterations to those of the base."""
    ratio = math.nan
    if row.verdict == base.verdict == "right":
        ratio = max(row.iterations, FEW) / max(base.iterations, FEW)
    elif {row.verdict, base.verdict} == {"right", "limit"}:
        needed = min(row.iterations, base.iterations)
        if 2 * max(needed, FEW) < max_iter:
            ratio = math.inf if row.verdict == "limit" else 0.0
    return Row(**{**asdict(row), "ratio": ratio})


def rows(
    case: Case,
    extent: Extent = "quick",
    *,
    only: str = "",
    tols: tuple[float | None, ...] | None = None,
    max_iter: int = 1500,
) -> Iterator[Row]:
    """The lines of a case: all, or of a quick run, in which float32, tolerances that are not the
    default, and slow problems have few methods, or of few methods in few units alone.
    """
    every = [each for each in methods(case) if only.lower() in each[0].lower()]
    for dtype in ("float64", "float32"):
        if dtype == "float32" and case.single == ():
            continue
        pairs = lattice(case, dtype, extent != "full")
        for number, tol in enumerate(tols or case.tols):
            plain = dtype == "float64" and tol is None and not case.slow
            everything = extent == "full" or (extent == "quick" and plain)
            turn = number + (dtype == "float32") + len(case.name)
            for name, method in every if everything else in_turn(every, turn):
                options: dict[str, Any] = {"tol": tol, "dtype": dtype, "max_iter": max_iter}
                base = solved(case, name, method, ONE, **options)
                yield base
                few = extent != "full" and base.verdict == "limit"  # the others take as long
                for pair in pairs[turn % 2 :: 2] if few or extent == "few" else pairs:
                    yield compared(solved(case, name, method, pair, **options), base, max_iter)


def in_turn(every: list[Named], turn: int) -> list[Named]:
    """The first, and two others in rotation."""
    first, others = every[:1], every[1:]
    n = len(others)
    return first + [others[k] for k in sorted({turn % n, (turn + n // 2) % n})] if n else first
