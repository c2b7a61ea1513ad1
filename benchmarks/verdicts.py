"""What accelerations say of random problems, and all methods of problems without a solution.

    python benchmarks/verdicts.py [--problems 1000] [--impossible 5] [--max-iter 1500]

*Accelerations*: random logistic, hinge, least-absolute-deviations and linear problems and games,
three tolerances, three units, by ``Anderson``, ``SuperMann`` and ``Restarted`` around the first
methods that bear it, in turn. *Impossible*: random problems that are infeasible or unbounded by a
certificate that was drawn first, each in the forms of several families of methods, in five units,
by every guaranteed method. Verdicts are those of ``benchmarks/units.py``; a right one of an
impossible problem has a certificate, which ``solve`` has verified, and a false one converged. That
a problem with a solution is called impossible, ``units.py`` counts as false, too.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import splitkit as sk
from splitkit import functions as f

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.collection.judge import Named, Row, methods, solved
from tests.collection.problem import Asarray, minimized
from tests.collection.problems import asarray
from tests.collection.scales import Case, Pair, linear, random_cases

VERDICTS = ("right", "limit", "false", "failed")
WRAPPERS = (sk.Anderson, sk.SuperMann, sk.Restarted)
FIRST = 3  # methods that are wrapped
KINDS = 5  # of random problems
UNITS: tuple[Pair, ...] = ((1.0, 1.0), (1e8, 1.0), (1e-8, 1.0), (1.0, 1e8), (1.0, 1e-8))


def accelerated(case: Case) -> list[Named]:
    """The accelerations that are guaranteed of the first methods that have some."""
    A, x0 = case.posed(1.0, 1.0, asarray())
    found: list[Named] = []
    for option in sk.explain(A).best_of_each():
        before = len(found)
        for wrapper in WRAPPERS if option.guarantee.holds else ():
            try:
                method = wrapper(type(option.method)())
                sk.plan(A, x0, method)
            except (TypeError, ValueError, sk.NoGuaranteeError):
                continue  # its map is not averaged
            found.append((f"{wrapper.__name__}({option.method.label})", method))
        if len(found) > before and len(found) >= FIRST * len(WRAPPERS):
            break
    return found


def accelerations(problems: int, max_iter: int) -> Iterator[tuple[str, Row]]:
    """Lines of so many random problems, by the kind of problem."""
    for seed in range(-(-problems // KINDS)):
        for case in random_cases(seed):
            choices = accelerated(case)
            chosen = choices[seed % len(choices)]
            for tol in case.tols:
                for pair in ((1.0, 1.0), *(case.pairs or ())):
                    row = solved(case, *chosen, pair, tol=tol, max_iter=max_iter)
                    yield case.name.rsplit(" ", 1)[0], row


# -- problems without a solution -------------------------------------------------------------------


def infeasible(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A, b with Aᵀy ≥ 0 > ⟨b, y⟩ for some y, so that no x ≥ 0 has Ax = b."""
    A, y = rng.normal(size=(3, 5)), rng.normal(size=3)
    A += np.outer(y, rng.uniform(0.1, 1.0, 5) - y @ A) / (y @ y)
    b = rng.normal(size=3)
    return A, b - y * (b @ y + rng.uniform(0.2, 1.0)) / (y @ y)


def unbounded(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A, b, c with a feasible x > 0, and Ad = 0, d ≥ 0, ⟨c, d⟩ < 0 for some d."""
    A, d = rng.normal(size=(3, 5)), rng.uniform(0.1, 1.0, 5)
    A -= np.outer(A @ d, d) / (d @ d)
    c = rng.normal(size=5)
    c -= d * (c @ d + rng.uniform(0.2, 1.0)) / (d @ d)
    return A, A @ rng.uniform(0.2, 1.0, 5), c


def impossible(seed: int) -> list[Case]:
    """The same infeasible and unbounded program as a sum, composed, and as a KKT operator."""
    rng = np.random.default_rng([24, seed])
    A, b = infeasible(rng)
    B, r, c = unbounded(rng)
    point, multipliers = np.zeros(5), np.zeros(3)

    def rows(array: Asarray) -> sk.Operator:
        return minimized(f.SquaredL2(), f.NonNegative(), f.AffineSet(array(A), array(b)))

    def composed(array: Asarray) -> sk.Operator:
        return minimized(f.SquaredL2(), f.NonNegative(), f.Box(array(b), array(b)) @ array(A))

    def sets(array: Asarray) -> sk.Operator:
        return minimized(f.NonNegative(), f.AffineSet(array(A), array(b)))

    def kkt(array: Asarray) -> sk.Operator:
        return sk.KKT(f.SquaredL2(), array(A), array(b), C=f.NonNegative())

    def ray(array: Asarray) -> sk.Operator:
        return linear(array, c) + minimized(f.NonNegative(), f.AffineSet(array(B), array(r)))

    def ray_composed(array: Asarray) -> sk.Operator:
        rows = f.Box(array(r), array(r)) @ array(B)
        return linear(array, c) + minimized(f.NonNegative(), rows)

    def ray_fit(array: Asarray) -> sk.Operator:
        fit = f.Huber().translate(array(r)) @ array(B)
        return linear(array, c) + minimized(f.NonNegative(), fit)

    def ray_kkt(array: Asarray) -> sk.Operator:
        objective = f.Quadratic(array(np.zeros((5, 5))), array(c))
        return sk.KKT(objective, array(B), array(r), C=f.NonNegative())

    pair = point, multipliers
    return [
        Case("infeasible: sum of three", rows, point, None),
        Case("infeasible: composition", composed, point, None),
        Case("infeasible: two sets", sets, point, None),
        Case("infeasible: KKT", kkt, pair, None, blocks="xy"),
        Case("unbounded: sum of three", ray, point, None),
        Case("unbounded: composition", ray_composed, point, None),
        Case("unbounded: fit without end", ray_fit, point, None),
        Case("unbounded: KKT", ray_kkt, pair, None, blocks="xy"),
    ]


def without_solution(seeds: int, max_iter: int) -> Iterator[tuple[str, Row]]:
    """Lines of the impossible problems, by the kind of problem."""
    for seed in range(seeds):
        for case in impossible(seed):
            for name, method in methods(case):
                for pair in UNITS:
                    yield case.name, solved(case, name, method, pair, max_iter=max_iter)


# -- tables ----------------------------------------------------------------------------------------


def report(title: str, lines: Iterator[tuple[str, Row]]) -> None:
    """Verdicts by kind of problem and by method, each wrong line as it comes."""
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    by_method: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, row in lines:
        by_kind[kind][row.verdict] += 1
        by_method[row.method][row.verdict] += 1
        if row.verdict in ("false", "failed"):
            print(row, flush=True)
    print(f"\n{title:<44}" + "".join(f"{verdict:>8}" for verdict in VERDICTS))
    total: Counter[str] = sum(by_kind.values(), Counter())
    for name, count in (*by_kind.items(), *sorted(by_method.items()), ("all", total)):
        print(f"{name:<44}" + "".join(f"{count[verdict]:>8}" for verdict in VERDICTS))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=1000, help="random ones, accelerated")
    parser.add_argument("--impossible", type=int, default=5, help="seeds of impossible ones")
    parser.add_argument("--max-iter", type=int, default=1500)
    given = parser.parse_args()
    report("accelerations", accelerations(given.problems, given.max_iter))
    report("without a solution", without_solution(given.impossible, given.max_iter))


if __name__ == "__main__":
    main()
