"""Random steps that are proved, confronted with operators that try to contradict the proof.

    python benchmarks/proofs.py --programs 10000 --draws 20
    python benchmarks/proofs.py --programs 120 --units 1e-8 3e-4 1e5 1e8

Prints how the attempts ended, how long they took, and every contradiction: a member of the classes
of the operators that exceeds what was proved by more than 1e-6. Exits with 1 if there is one. With
``--units`` each step is proved in those units instead, and every attempt that ends otherwise there,
or with another value, is printed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from tests.proofs.random_programs import TOLERANCE, RandomStep, differ


def confront(seed: int, draws: int) -> tuple[str, float, float]:
    """How the attempt ended, the greatest excess, and the seconds of the proof."""
    rng = np.random.default_rng(seed)
    step = RandomStep.draw(rng)
    start = time.process_time()
    proof = step.prove()
    seconds = time.process_time() - start
    if proof is None:
        return "no program", -np.inf, seconds
    excess = step.excess(proof, rng, draws) if proof.holds else -np.inf
    return str(proof.outcome), excess, seconds


def compare(seed: int, units: list[float]) -> list[str]:
    """The units in which the attempt ends otherwise."""
    step = RandomStep.draw(np.random.default_rng(seed))
    here = step.prove()
    there = [(s, step.in_units(s).prove()) for s in units]
    return [f"DIFFERS: seed {seed} in units {s:g}" for s, each in there if differ(here, each)]


def main() -> int:
    """Confront them all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--draws", type=int, default=20, help="operators against each proof")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--units", type=float, nargs="+", help="s, of s(m, L, 1/β, 1/α)")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.programs)
    if options.units:
        with ProcessPoolExecutor(options.jobs) as pool:
            compared = list(pool.map(partial(compare, units=options.units), seeds))
        lines = [line for each in compared for line in each]
        print(*lines, sep="\n")
        count = len(seeds) * len(options.units)
        print(f"{count - len(lines)} of {count} comparisons hold")
        return bool(lines)
    with ProcessPoolExecutor(options.jobs) as pool:
        work = partial(confront, draws=options.draws)
        found = list(pool.map(work, seeds, chunksize=50))
    ends = Counter(end for end, _, _ in found)
    against = [(s, excess) for s, (_, excess, _) in zip(seeds, found, strict=True)]
    against = [(s, excess) for s, excess in against if excess > TOLERANCE]
    seconds = sorted((t, s) for s, (_, _, t) in zip(seeds, found, strict=True))
    for end, count in ends.most_common():
        print(f"{count:6} {end}")
    (median, _), (longest, at) = seconds[len(seconds) // 2], seconds[-1]
    print(f"median {median:.4f} s, longest {longest:.2f} s (seed {at})")
    for seed, excess in against:
        print(f"CONTRADICTED: seed {seed} by {excess:.3g}")
    print(f"{len(against)} contradictions in {len(found)} programs")
    return bool(against)


if __name__ == "__main__":
    sys.exit(main())
