"""Conic programs beside SCS: how many are solved, and how fast.

    python benchmarks/conic.py
    python benchmarks/conic.py FOLDER --peers scs --json table.json

Programs of every cone, made here from fixed seeds, or of FOLDER the semidefinite programs in
SDPA's format (.dat-s, as in SDPLIB), are given to each solver as they stand, with the tolerance
1e-8 and otherwise default options, but for 100,000 iterations of SCS. Clarabel, at 1e-10, says
what is right: an answer is wrong by the largest of the relative difference of its objective, what
its rows are outside of the cones beside max |b|, and what is left of Px + c + Aᵀy beside max(|c|,
|Aᵀy|). Times are of the processor, in one thread, the least of ``--repeats`` runs in turns.
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
import scipy.sparse as sp
from beside import end, show

sys.path.insert(0, str(Path(__file__).parent.parent))

from splitkit.functions import ExponentialCone, PowerCone
from splitkit.problems import ConicProgram, read_sdpa

ROOT2 = 2**0.5
Program = ConicProgram
Found = tuple[Any, Any, int]  # x, y and iterations


def svec(*matrices: Any) -> Any:
    """The lower triangles of symmetric matrices, column by column, as the columns of a matrix."""
    columns, rows = np.triu_indices(matrices[0].shape[0])
    factor = np.where(rows == columns, 1.0, ROOT2)
    return np.stack([M[rows, columns] * factor for M in matrices], axis=1)


def robust_least_squares(rng: Any) -> Program:
    """min ‖Ax − b‖ + ρ‖x‖, two long second-order cones."""
    m, n = 300, 120
    A, b = rng.normal(size=(m, n)), rng.normal(size=m)
    rows = sp.block_array([
        [None, sp.csr_array([[-1.0, 0.0]])], [sp.csr_array(A), sp.csr_array((m, 2))],
        [None, sp.csr_array([[0.0, -1.0]])], [-sp.eye_array(n), sp.csr_array((n, 2))],
    ])  # fmt: skip
    c = np.concatenate((np.zeros(n), [1.0, 0.5]))
    cones = [("second-order", m + 1), ("second-order", n + 1)]
    return ConicProgram(None, c, rows, np.concatenate(([0.0], b, np.zeros(n + 1))), cones)


def group_lasso(rng: Any) -> Program:
    """min ½‖Ax − b‖² + λ Σ‖x_g‖, 60 short second-order cones and a quadratic objective."""
    groups, size, m = 60, 4, 150
    n = groups * size
    A = rng.normal(size=(m, n))
    b = A[:, : 3 * size] @ rng.normal(size=3 * size) + 0.1 * rng.normal(size=m)
    P = sp.block_diag((sp.csr_array(A.T @ A), sp.csr_array((groups, groups))))
    norms = 0.3 * np.abs(A.T @ b).max() * np.ones(groups)
    rows = []
    for g in range(groups):
        pick = np.zeros((size + 1, n + groups))
        pick[0, n + g] = -1.0
        pick[1 + np.arange(size), g * size + np.arange(size)] = -1.0
        rows.append(sp.csr_array(pick))
    c = np.concatenate((-A.T @ b, norms))
    cones = [("second-order", size + 1)] * groups
    return ConicProgram(P, c, sp.vstack(rows), np.zeros(groups * (size + 1)), cones)


def least_time(rng: Any) -> Program:
    """A path of 200 steps of a mass with bounded forces, 400 cones of three rows."""
    steps, h = 200, 0.1
    n = 6 * steps  # position, velocity, force, each in the plane
    eye = sp.eye_array(2 * steps)
    shift = sp.kron(sp.eye_array(steps, k=-1), sp.eye_array(2))
    x = sp.hstack((eye - shift, -h * shift, sp.csr_array((2 * steps, 2 * steps))))
    v = sp.hstack((sp.csr_array((2 * steps, 2 * steps)), eye - shift, -h * eye))
    last = sp.hstack(
        (sp.csr_array((2, 2 * steps - 2)), sp.eye_array(2), sp.csr_array((2, 4 * steps)))
    )
    start = np.concatenate((rng.normal(size=2), np.zeros(2 * steps - 2)))
    b = np.concatenate((start, np.zeros(2 * steps), np.zeros(2)))
    # ‖force‖ ≤ t, and ‖velocity‖ ≤ 1
    tops = sp.hstack((sp.csr_array((steps, n)), -sp.eye_array(steps)))
    cones: list[tuple[Any, ...]] = [("zero", 4 * steps + 2)]
    blocks = [sp.hstack((sp.vstack((x, v, last)), sp.csr_array((4 * steps + 2, steps))))]
    for k in range(steps):
        for at, top in (
            (4 * steps + 2 * k, tops[[k]]),
            (2 * steps + 2 * k, sp.csr_array((1, n + steps))),
        ):
            pick = sp.csr_array(([-1.0, -1.0], ([0, 1], [at, at + 1])), shape=(2, n + steps))
            blocks.append(sp.vstack((top, pick)))
            b = np.concatenate((b, [0.0 if at >= 4 * steps else 1.0, 0.0, 0.0]))
            cones.append(("second-order", 3))
    c = np.concatenate((np.zeros(n), np.ones(steps)))
    return ConicProgram(None, c, sp.vstack(blocks), b, cones)


def max_cut(rng: Any) -> Program:
    """min ⟨C, X⟩ with X positive semidefinite of order 30, its diagonal 1."""
    k = 30
    C = np.triu(rng.random((k, k)) < 0.3, 1) * rng.random((k, k))
    C = C + C.T
    diagonal = svec(*[np.diag(e) for e in np.eye(k)]).T
    size = k * (k + 1) // 2
    A = sp.vstack((sp.csr_array(diagonal), -sp.eye_array(size)))
    b = np.concatenate((np.ones(k), np.zeros(size)))
    return ConicProgram(None, svec(C)[:, 0], A, b, [("zero", k), ("psd", k)])


def theta(rng: Any) -> Program:
    """Lovász's number of a graph of 25 nodes: min t, tI + Σ xᵢⱼEᵢⱼ − 11ᵀ positive semidefinite."""
    k = 25
    edges = [(i, j) for i in range(k) for j in range(i) if rng.random() < 0.4]
    terms = [np.eye(k)]
    for i, j in edges:
        E = np.zeros((k, k))
        E[i, j] = E[j, i] = 1.0
        terms.append(E)
    c = np.concatenate(([1.0], np.zeros(len(edges))))
    b = -svec(np.ones((k, k)))[:, 0]
    return ConicProgram(None, c, sp.csr_array(-svec(*terms)), b, [("psd", k)])


def truss(rng: Any) -> Program:
    """The lightest truss of 12 nodes that carries a load: [[c, fᵀ], [f, Σ tᵢKᵢ]] ⪰ 0, t ≥ 0."""
    nodes = np.array([(i, j) for i in range(4) for j in range(3)], dtype=float)
    free = np.repeat(nodes[:, 0] > 0, 2)
    terms, lengths = [], []
    for a in range(len(nodes)):
        for b in range(a):
            along = nodes[a] - nodes[b]
            length = float(np.linalg.norm(along))
            if 0 < length < 1.9 and max(nodes[a, 0], nodes[b, 0]) > 0:
                way = np.zeros(2 * len(nodes))
                way[2 * a : 2 * a + 2], way[2 * b : 2 * b + 2] = along / length, -along / length
                way = np.concatenate(([0.0], way[free]))
                terms.append(np.outer(way, way) / length**2)
                lengths.append(length)
    load = np.zeros(int(free.sum()))
    load[-1], load[-3] = -1.0, -0.5
    fixed = np.zeros((load.size + 1, load.size + 1))
    fixed[0, 0], fixed[0, 1:], fixed[1:, 0] = 10.0, load, load
    A = sp.vstack((-sp.eye_array(len(terms)), sp.csr_array(-svec(*terms))))
    b = np.concatenate((np.zeros(len(terms)), svec(fixed)[:, 0]))
    cones = [("nonnegative", len(terms)), ("psd", load.size + 1)]
    return ConicProgram(None, np.array(lengths), A, b, cones)


def nearest_correlation(rng: Any) -> Program:
    """min ½‖X − C‖² with X positive semidefinite of order 25, its diagonal 1."""
    k = 25
    C = rng.normal(size=(k, k))
    C = np.clip((C + C.T) / 2, -1.0, 1.0)
    diagonal = svec(*[np.diag(e) for e in np.eye(k)]).T
    size = k * (k + 1) // 2
    A = sp.vstack((sp.csr_array(diagonal), -sp.eye_array(size)))
    b = np.concatenate((np.ones(k), np.zeros(size)))
    cones = [("zero", k), ("psd", k)]
    return ConicProgram(sp.eye_array(size), -svec(C)[:, 0], A, b, cones)


def entropy(rng: Any) -> Program:
    """The largest entropy of 450 probabilities with five moments, 450 exponential cones."""
    n = 450
    moments, p = rng.normal(size=(5, n)), rng.random(n)
    eye = sp.eye_array(n)
    rows = sp.kron(eye, [[0.0], [-1.0], [0.0]])
    tops = sp.kron(eye, [[-1.0], [0.0], [0.0]])
    A = sp.block_array([[sp.csr_array(np.vstack((np.ones(n), moments))), None], [rows, tops]])
    b = np.concatenate(([1.0], moments @ (p / p.sum()), np.tile([0.0, 0.0, 1.0], n)))
    c = np.concatenate((np.zeros(n), -np.ones(n)))
    return ConicProgram(None, c, A, b, [("zero", 6), ("exponential", n)])


def logistic(rng: Any) -> Program:
    """Logistic regression of 200 samples with ½‖w‖², 400 exponential cones."""
    m, n = 200, 15
    X = rng.normal(size=(m, n))
    signs = np.sign(X @ rng.normal(size=n) + rng.normal(size=m))
    # u + v ≤ 1, u ≥ exp(−t), v ≥ exp(−s⟨x, w⟩ − t): variables w, t, u, v
    N = n + 3 * m
    P = sp.block_diag((sp.eye_array(n), sp.csr_array((3 * m, 3 * m))))
    c = np.concatenate((np.zeros(n), np.ones(m), np.zeros(2 * m)))
    eye, zero = sp.eye_array(m), sp.csr_array((m, m))
    sums = sp.hstack((sp.csr_array((m, n)), zero, eye, eye))
    first = [sp.hstack((sp.csr_array((m, n)), eye, zero, zero)), sp.csr_array((m, N)),
             sp.hstack((sp.csr_array((m, n)), zero, -eye, zero))]  # fmt: skip
    second = [sp.hstack((sp.csr_array(signs[:, None] * X), eye, zero, zero)), sp.csr_array((m, N)),
              sp.hstack((sp.csr_array((m, n)), zero, zero, -eye))]  # fmt: skip
    order = np.arange(3 * m).reshape(3, m).T.ravel()
    cone_rows = [sp.csr_array(sp.vstack(part))[order] for part in (first, second)]
    A = sp.vstack((sums, *cone_rows))
    b = np.concatenate((np.ones(m), np.tile([0.0, 1.0, 0.0], 2 * m)))
    return ConicProgram(P, c, A, b, [("nonnegative", m), ("exponential", 2 * m)])


def geometric_mean(rng: Any) -> Program:
    """max Σ xᵢᵃyᵢ¹⁻ᵃ of 200 goods under three budgets, 200 power cones of different shares."""
    n = 200
    shares = rng.uniform(0.2, 0.8, n)
    prices = rng.uniform(0.5, 2.0, size=(3, n))
    budget = sp.hstack([sp.csr_array(np.kron(prices, [1.0, 1.0, 0.0]))])
    A = sp.vstack((budget, -sp.eye_array(3 * n)))
    b = np.concatenate((np.full(3, float(n)), np.zeros(3 * n)))
    c = np.tile([0.0, 0.0, -1.0], n)
    return ConicProgram(None, c, A, b, [("nonnegative", 3), ("power", shares)])


def p_norm(rng: Any) -> Program:
    """min ‖Ax − b‖₃ of 120 residuals, as many power cones with t the third power's share."""
    m, n = 120, 20
    X, target = rng.normal(size=(m, n)), rng.normal(size=m)
    # |r| ≤ u^(1/3) t^(2/3), Σu = t: variables x, u, t
    N = n + m + 1
    rows = np.zeros((3 * m, N))
    rows[0::3, n : n + m] = -np.eye(m)
    rows[1::3, -1] = -1.0
    rows[2::3, :n] = X
    total = np.concatenate((np.zeros(n), np.ones(m), [-1.0]))[None]
    b = np.zeros(3 * m + 1)
    b[3::3] = target
    A = sp.csr_array(np.vstack((total, rows)))
    c = np.concatenate((np.zeros(n + m), [1.0]))
    return ConicProgram(None, c, A, b, [("zero", 1), ("power", np.full(m, 1 / 3))])


def all_cones(rng: Any) -> Program:
    """A quadratic objective of 40 variables, and cones of every kind around a point."""
    n = 40
    M = rng.normal(size=(6, 6))
    M = M @ M.T + np.eye(6)
    inside = [
        np.zeros(5), rng.random(20), np.concatenate(([1.0], rng.uniform(-0.5, 0.5, 10))),
        np.concatenate(([6.0], rng.normal(size=12))), svec(M)[:, 0], np.tile([-1.0, 1.0, 1.5], 8),
        np.tile([1.0, 1.0, 0.3], 8),
    ]  # fmt: skip
    b = np.concatenate(inside)
    A = rng.normal(size=(b.size, n))
    b = b + A @ rng.normal(size=n)
    B = rng.normal(size=(n, n))
    cones = [
        ("zero", 5), ("nonnegative", 20), ("box", np.full(10, -1.0), np.full(10, 2.0)),
        ("second-order", 13), ("psd", 6), ("exponential", 8), ("power", np.full(8, 0.4)),
    ]  # fmt: skip
    return ConicProgram(B @ B.T / n, rng.normal(size=n), A, b, cones)


MADE = (
    robust_least_squares, group_lasso, least_time, max_cut, theta, truss, nearest_correlation,
    entropy, logistic, geometric_mean, p_norm, all_cones,
)  # fmt: skip


def programs(folder: Path | None) -> Iterator[tuple[str, Program]]:
    """Those made here, or those of the folder."""
    if folder is None:
        for make in MADE:
            yield make.__name__, make(np.random.default_rng(0))
        return
    for path in sorted(folder.glob("*.dat-s*")):
        yield path.name.split(".")[0], read_sdpa(path)


def data(p: Program) -> tuple[Any, ...]:
    """P, c, A and b, sparse."""
    n = p.c.size
    P = sp.csc_matrix((n, n)) if p.P is None else sp.csc_matrix(p.P)
    return P, p.c, sp.csc_matrix(p.A), p.b


def by_splitkit(p: Program) -> Found:
    """The proximal method of multipliers, with all that is prepared for it."""
    again = ConicProgram(p.P, p.c, p.A, p.b, p.cones)
    solution = again.solve(on_failure="return")
    return solution.x, solution.y, solution.iterations


SIZES: dict[str, tuple[str, Callable[[Any], list[Any]]]] = {
    "second-order": ("q", lambda size: [size]),
    "psd": ("s", lambda order: [order]),
    "power": ("p", lambda shares: np.ravel(shares).tolist()),
}
ORDER = ("zero", "nonnegative", "box", "second-order", "psd", "exponential", "power")


def by_scs(p: Program) -> Found:
    """ADMM of SCS, which wants the kinds in an order of its own."""
    import scs

    kinds = [cone[0] for cone in p.cones]
    assert kinds == sorted(kinds, key=ORDER.index), "write the cones in the order of SCS"
    cones: dict[str, Any] = {}
    for kind, *what in p.cones:
        if kind == "box":
            cones["bl"], cones["bu"] = (np.asarray(bound).tolist() for bound in what)
        elif kind in SIZES:
            name, sizes = SIZES[kind]
            cones[name] = cones.get(name, []) + sizes(what[0])
        else:
            name = {"zero": "z", "nonnegative": "l", "exponential": "ep"}[kind]
            cones[name] = cones.get(name, 0) + what[0]
    P, c, A, b = data(p)
    options = {"eps_abs": 1e-8, "eps_rel": 1e-8, "max_iters": 100_000, "verbose": False}
    solver = scs.SCS({"P": sp.triu(P, format="csc"), "A": A, "b": b, "c": c}, cones, **options)
    found = solver.solve()
    return found["x"], found["y"], found["info"]["iter"]


def by_clarabel(p: Program) -> Found:
    """The interior-point method of Clarabel: boxes by inequalities, upper triangles by columns."""
    import clarabel

    P, c, A, b = data(p)
    A, at = sp.csr_array(A), 0
    rows: list[Any] = []
    right: list[Any] = []
    cones: list[Any] = []
    for kind, *what in p.cones:
        size = rows_of(kind, what)
        part, of = A[at : at + size], b[at : at + size]
        at += size
        if kind == "psd":
            k = what[0]
            place = np.zeros((k, k), dtype=int)
            low, high = np.triu_indices(k)
            place[low, high] = place[high, low] = np.arange(size)
            turn = place[np.tril_indices(k)]
            part, of = part[turn], of[turn]
            cones.append(clarabel.PSDTriangleConeT(k))
        elif kind == "box":
            lower, upper = (np.asarray(bound) for bound in what)
            first, eye = np.zeros((size - 1, 1)), np.eye(size - 1)
            turn = sp.csr_array(np.vstack((
                np.eye(1, size), np.hstack((first - lower[:, None], eye)),
                np.hstack((first + upper[:, None], -eye)),
            )))  # fmt: skip
            part, of = turn @ part, turn @ of
            cones.append(clarabel.NonnegativeConeT(turn.shape[0]))
        elif kind == "power":
            cones += [clarabel.PowerConeT(a) for a in np.ravel(what[0]).tolist()]
        elif kind == "exponential":
            cones += [clarabel.ExponentialConeT()] * what[0]
        else:
            name = {"zero": "Zero", "nonnegative": "Nonnegative", "second-order": "SecondOrder"}[
                kind
            ]
            cones.append(getattr(clarabel, f"{name}ConeT")(size))
        rows.append(part)
        right.append(of)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    solver = clarabel.DefaultSolver(
        sp.triu(P, format="csc"), c, sp.csc_matrix(sp.vstack(rows)), np.concatenate(right), cones,
        settings,
    )  # fmt: skip
    found = solver.solve()
    return np.array(found.x), np.array(found.z), found.iterations


def rows_of(kind: str, what: list[Any]) -> int:
    """How many rows a cone has, or those of its kind."""
    match kind:
        case "psd":
            return int(what[0] * (what[0] + 1) // 2)
        case "exponential":
            return 3 * int(what[0])
        case "power":
            return 3 * np.size(what[0])
        case "box":
            return 1 + np.size(what[0])
    return int(what[0])


def outside(kind: str, what: list[Any], s: Any) -> float:
    """How far the rows of one cone, or of those of its kind, are outside of it."""
    match kind:
        case "zero":
            return float(np.max(np.abs(s), initial=0.0))
        case "nonnegative":
            return float(np.max(-s, initial=0.0))
        case "second-order":
            return float(max(np.linalg.norm(s[1:]) - s[0], 0.0))
        case "box":
            lower, upper = (s[0] * np.asarray(bound) for bound in what)
            return float(max(np.max(lower - s[1:]), np.max(s[1:] - upper), -s[0], 0.0))
        case "psd":
            k = what[0]
            columns, rows = np.triu_indices(k)
            X = np.zeros((k, k))
            X[rows, columns] = X[columns, rows] = s / np.where(rows == columns, 1.0, ROOT2)
            return float(max(-np.linalg.eigvalsh(X)[0], 0.0))
    points = s.reshape(-1, 3)
    cone = ExponentialCone() if kind == "exponential" else PowerCone(np.reshape(what[0], (-1, 1)))
    return float(np.max(np.linalg.norm(points - cone.project(points), axis=1)))


def wrong(p: Program, x: Any, y: Any, right: float) -> float:
    """The largest of the three numbers."""
    P, c, A, b = data(p)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return math.inf
    objective, s, pull, at = float(x @ (P @ x)) / 2 + float(c @ x), b - A @ x, A.T @ y, 0
    missed = 0.0
    for kind, *what in p.cones:
        size = rows_of(kind, what)
        missed = max(missed, outside(kind, what, s[at : at + size]))
        at += size
    left = np.abs(P @ x + c + pull).max()
    return max(
        abs(objective - right) / max(1.0, abs(right)),
        missed / max(1.0, np.abs(b).max()),
        left / max(1.0, np.abs(c).max(), np.abs(pull).max()),
    )


SOLVERS: dict[str, Callable[[Program], Found]] = {"splitkit": by_splitkit, "scs": by_scs}


def measured(name: str, p: Program, solvers: list[str], repeats: int) -> list[dict[str, Any]]:
    """A line a solver: how wrong its answer is, the iterations and the seconds."""
    x = by_clarabel(p)[0]
    P, c, _, _ = data(p)
    right = float(x @ (P @ x)) / 2 + float(c @ x)
    lines = []
    for solver in solvers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.process_time()
            x, y, iterations = SOLVERS[solver](p)
            seconds = time.process_time() - start
        lines.append({
            "program": name, "solver": solver, "wrong": wrong(p, x, y, right),
            "iterations": iterations, "seconds": seconds,
        })  # fmt: skip
    for _ in range(repeats - 1):
        for line in lines:
            start = time.process_time()
            SOLVERS[line["solver"]](p)
            line["seconds"] = min(line["seconds"], time.process_time() - start)
    return lines


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--peers", nargs="*", choices=["scs"], default=["scs"])
    parser.add_argument("--only", default="", help="programs whose names have this")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    solvers = ["splitkit", *options.peers]
    lines: list[dict[str, Any]] = []
    for name, program in programs(options.folder):
        if options.only not in name:
            continue
        for line in measured(name, program, solvers, options.repeats):
            lines.append(line)
            show(line)
    end(lines, solvers, options.json)


if __name__ == "__main__":
    main()
