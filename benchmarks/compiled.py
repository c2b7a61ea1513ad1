"""What compiled steps save on JAX arrays: ratios in one run, one thread, double precision.

    XLA_FLAGS=--xla_cpu_multi_thread_eigen=false python benchmarks/compiled.py [--n 100]
    … python benchmarks/compiled.py --batch 1000

"by hand" is the loop that one would write for this one problem in ``jax.lax.fori_loop``; "a step"
is what so many compiled steps of splitkit take, over it; "eager" are the same steps one by one,
over the compiled ones. A whole solve to 1e-8 is by one plan with ``compile=True`` and False, looks
and all, its programs made before; "anew" is that of a new plan, which is traced again, over the
eager one; "first" is the first of all less the later ones, in seconds: what was compiled.
Times are the least of all repeats.

``--batch`` solves so many lassos of 50 × 100, with data of their own, inside of ``jit``: as one
batch (``vmap``), and one after another.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import splitkit as sk
from splitkit import functions as f
from splitkit.backend import solving
from splitkit.looks import known_points
from splitkit.solvers.compiled import Compiled

WEIGHT, COUNT, EAGER = 0.1, 5_000, 50
Step = Callable[[Any], Any]


def least(way: Callable[[], Any], repeats: int) -> float:
    """Seconds, the result waited for; a call before them is not counted."""
    jax.block_until_ready(way())
    best = float("inf")
    for _ in range(repeats):
        start = perf_counter()
        jax.block_until_ready(way())
        best = min(best, perf_counter() - start)
    return best


def shrink(y: Any, threshold: float) -> Any:
    """The soft threshold."""
    return jnp.sign(y) * jnp.maximum(jnp.abs(y) - threshold, 0)


def cases(n: int) -> dict[str, tuple[f.Function, sk.Method, Step, Any]]:
    """A function, a method, its step by hand and where that starts."""
    rng = np.random.default_rng(0)
    A, b = jnp.asarray(rng.normal(size=(n // 2, n)) / n**0.5), jnp.asarray(rng.normal(size=n // 2))
    K, c = jnp.asarray(rng.normal(size=(n, n)) / n**0.5), jnp.asarray(rng.normal(size=n))
    alpha = float(1 / jnp.linalg.norm(A, 2) ** 2)
    V = jnp.linalg.inv(jnp.eye(n) + A.T @ A)
    norm = float(jnp.linalg.norm(K, 2))
    lasso = f.LeastSquares(A, b) + f.L1Norm(WEIGHT)
    x0 = jnp.zeros(n)

    def ista(x: Any) -> Any:
        return shrink(x - alpha * (A.T @ (A @ x - b)), alpha * WEIGHT)

    def douglas_rachford(u: Any) -> Any:
        x = V @ (u + A.T @ b)
        return u + shrink(2 * x - u, WEIGHT) - x

    def chambolle_pock(state: Any) -> Any:
        x, y = state
        new = (x - (K.T @ y) / norm + c / norm) / (1 + 1 / norm)
        return new, jnp.clip(y + (K @ (2 * new - x)) / norm, -WEIGHT, WEIGHT)

    steps = sk.ChambollePock(tau=1 / norm, sigma=1 / norm)
    composed = f.SquaredL2(center=c) + f.L1Norm(WEIGHT) @ K
    return {
        "ISTA": (lasso, sk.ForwardBackward(alpha=alpha), ista, x0),
        "Douglas-Rachford": (lasso, sk.DouglasRachford(alpha=1.0), douglas_rachford, x0),
        "Chambolle-Pock": (composed, steps, chambolle_pock, (x0, x0)),
    }


def row(name: str, case: tuple[f.Function, sk.Method, Step, Any], n: int, repeats: int) -> str:
    """The times of one method."""
    problem, method, step, start = case
    x0 = jnp.zeros(n)
    by_hand = jax.jit(lambda s: lax.fori_loop(0, COUNT, lambda _, s: step(s), s))
    hand = least(lambda: by_hand(start), repeats) / COUNT
    planned = sk.plan(problem, x0, method)
    iteration = method.bind(*planned.terms)
    compiled = Compiled(iteration, asked=True)
    with solving(x0), known_points():
        state = iteration.begin(x0, planned.space)

        def eager() -> Any:
            now = state
            for _ in range(EAGER):
                now = iteration.step(now)
            return now

        one = least(lambda: compiled.run(state, COUNT), repeats) / COUNT
        plain = least(eager, repeats) / EAGER

    def solve(way: bool, plan: sk.Plan) -> Any:  # from another x0, as it knows where that ended
        return plan.solve(x0 + 0, tol=1e-8, max_iter=100_000, compile=way).x

    before = perf_counter()
    jax.block_until_ready(solve(True, planned))
    first = perf_counter() - before
    fast = least(lambda: solve(True, planned), repeats)
    anew = least(lambda: solve(True, sk.plan(problem, x0, method)), repeats)
    slow = least(lambda: solve(False, planned), 1)
    return (
        f"{name:<18}{n:>6}{1e6 * hand:>10.2f}{one / hand:>8.2f}{plain / one:>8.1f}"
        f"{1e3 * fast:>12.1f}{slow / fast:>8.1f}{slow / anew:>8.1f}{max(0.0, first - anew):>8.2f}"
    )


def batch(count: int, repeats: int) -> str:
    """The times of many lassos as one batch, and one after another."""
    rng = np.random.default_rng(1)
    A, b = jnp.asarray(rng.normal(size=(count, 50, 100))), jnp.asarray(rng.normal(size=(count, 50)))

    def solve(A: Any, b: Any) -> sk.ArraySolution:
        lasso = f.LeastSquares(A, b) + f.L1Norm(1.0)
        return sk.minimize(lasso, jnp.zeros(100), sk.DouglasRachford(alpha=0.02), tol=1e-6)

    together, alone = jax.jit(jax.vmap(solve)), jax.jit(solve)
    iterations = sk.check(together(A, b)).iterations
    at_once = least(lambda: together(A, b), repeats)
    in_turn = least(lambda: [alone(*each) for each in zip(A, b, strict=True)], 1)
    span = f"{int(iterations.min())} to {int(iterations.max())} iterations"
    return (
        f"{count} lassos of 50 × 100, {span}: "
        f"{at_once:.2f} s as one batch, {in_turn:.2f} s one after another ({in_turn / at_once:.1f})"
    )


def main() -> None:
    """Print a row for each method."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=0)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    if options.batch:
        print(batch(options.batch, options.repeats))
        return
    print(f"JAX {jax.__version__}; µs of a step by hand, ms of a solve")
    print(f"{'method':<18}{'n':>6}{'by hand':>10}{'a step':>8}{'eager':>8}", end="")
    print(f"{'solve':>12}{'eager':>8}{'anew':>8}{'first':>8}")
    for name, case in cases(options.n).items():
        print(row(name, case, options.n, options.repeats), flush=True)


if __name__ == "__main__":
    main()
