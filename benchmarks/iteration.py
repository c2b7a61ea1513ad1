"""What an iteration costs beside the same one written by hand in NumPy, as ratios in one run.

    python benchmarks/iteration.py

Both iterate a fixed number of times. The hand-written loop computes the norm of its step after
each iteration; the engine measures at its checks. Runs are interleaved; the table shows medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

import splitkit as sk

Run = Callable[[], object]


def ista(A: np.ndarray, b: np.ndarray, weight: float, count: int) -> tuple[Run, Run]:
    """Forward-backward on the lasso."""
    n = A.shape[1]
    alpha = 1 / np.linalg.norm(A, 2) ** 2
    F = sk.Subdifferential(sk.functions.SquaredL2(center=b) @ A)
    G = sk.Subdifferential(sk.functions.L1Norm(weight))
    method = sk.ForwardBackward(alpha=alpha)

    def by_hand() -> np.ndarray:
        x = np.zeros(n)
        for _ in range(count):
            y = x - alpha * (A.T @ (A @ x - b))
            new = np.sign(y) * np.maximum(np.abs(y) - alpha * weight, 0)
            np.linalg.norm(new - x)
            x = new
        return x

    return lambda: solve(F + G, n, method, count), by_hand


def reflected(M: np.ndarray, q: np.ndarray, relaxation: float, count: int) -> tuple[Run, Run]:
    """Douglas-Rachford (relaxation 1) or Peaceman-Rachford (2) on affine complementarity."""
    n, alpha = len(q), 1.0
    inclusion = sk.Affine(M, q, strong_monotonicity=1.0) + sk.NormalCone(sk.functions.NonNegative())
    method = (
        sk.DouglasRachford(alpha=alpha) if relaxation == 1 else sk.PeacemanRachford(alpha=alpha)
    )

    V = np.linalg.inv(np.eye(n) + alpha * M)

    def by_hand() -> np.ndarray:
        u = np.zeros(n)
        for _ in range(count):
            x = np.maximum(u, 0)
            step = V @ (2 * x - u + alpha * q) - x
            np.linalg.norm(step)
            u = u + relaxation * step
        return u

    return lambda: solve(inclusion, n, method, count), by_hand


def solve(inclusion: sk.Operator, n: int, method: sk.Splitting, count: int) -> sk.Solution:
    """A fixed number of iterations."""
    return sk.solve(inclusion, np.zeros(n), method, tol=0, max_iter=count, progress=False)


def median_ratio(run: Run, peer: Run, repeats: int = 7) -> tuple[float, float]:
    """Median seconds of the peer, and the median ratio to it, runs interleaved after a warm-up."""
    run(), peer()
    times = [(clock(run), clock(peer)) for _ in range(repeats)]
    return statistics.median(t for _, t in times), statistics.median(a / b for a, b in times)


def clock(run: Run) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    print(f"{'method':<20}{'n':>6}{'by hand, µs/iteration':>24}{'splitkit / by hand':>22}")
    for n, count in ((100, 5000), (2000, 200)):
        A, b = rng.normal(size=(n // 2, n)), rng.normal(size=n // 2)
        S = rng.normal(size=(n, n)) / np.sqrt(n)
        M, q = np.eye(n) + S - S.T, rng.normal(size=n)
        cases = {
            "forward-backward": ista(A, b, 0.1, count),
            "Douglas-Rachford": reflected(M, q, 1, count),
            "Peaceman-Rachford": reflected(M, q, 2, count),
        }
        for name, (run, peer) in cases.items():
            seconds, ratio = median_ratio(run, peer)
            print(f"{name:<20}{n:>6}{1e6 * seconds / count:>24.1f}{ratio:>22.2f}")


if __name__ == "__main__":
    main()
