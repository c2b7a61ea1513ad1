"""What an iteration costs beside the same one written by hand in NumPy, as ratios in one run.

    python benchmarks/iteration.py [--repeats 7] [--only ISTA]
    python benchmarks/iteration.py --wrapped

All iterate a fixed number of times; what is made before is left out: the engine's clock runs from
its first check to its last one, and of the others the time of one iteration is taken off that of
many. By hand, an iteration is plain NumPy expressions and ends with the norm of its step; the
engine measures at its checks. "steps" are the engine's iterations without its checks, and without
the norm. pyproximal runs the same problem where it is installed. Runs are
interleaved, and ratios are medians: of the process's CPU time, which others on the machine disturb
little, and of wall time. With ``--wrapped`` a product by ``sk.linear.wrap(op)``, prepared as in a
solve and called from outside, stands beside one by the SciPy operator alone, in turns.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator
from stopwatch import now, timed

import splitkit as sk
from splitkit.backend import Space, solving
from splitkit.looks import known_points
from splitkit.solvers.explain import choose
from splitkit.solvers.inclusion import Inclusion

try:
    import pylops
    import pyproximal
except ImportError:
    pyproximal = None

Run = Callable[[int], Any]  # so many iterations
WEIGHT = 0.1


@dataclass(frozen=True)
class Solve:
    """The engine's iterations, after the first: CPU and wall seconds of so many."""

    inclusion: sk.Operator
    x0: np.ndarray
    method: sk.Method

    def __call__(self, count: int) -> np.ndarray:
        """With its checks."""
        return timed(self.inclusion, self.x0, self.method, count)

    def steps(self, count: int) -> np.ndarray:
        """Without."""
        option = choose(Inclusion.of(self.inclusion), self.method)
        iteration = option.method.bind(*option.terms or ())
        with solving(self.x0), known_points():
            state = iteration.step(iteration.begin(self.x0, Space.of(self.x0)))
            start = now()
            for _ in range(count):
                state = iteration.step(state)
            return now() - start


@dataclass(frozen=True)
class Case:
    """One problem and method: three ways of the same iteration."""

    name: str
    size: str
    run: Solve
    by_hand: Run
    peer: Run | None


def lasso(A: np.ndarray, b: np.ndarray) -> tuple[sk.Operator, sk.Operator]:
    """Both terms of min ½‖Ax − b‖² + w‖x‖₁."""
    norm = float(np.linalg.norm(A, 2))
    F = sk.Affine(A.T @ A, A.T @ b, strong_monotonicity=0.0, lipschitz=norm**2)
    return F, sk.Subdifferential(sk.functions.L1Norm(WEIGHT))


def shrink(y: np.ndarray, threshold: float) -> np.ndarray:
    """The soft threshold."""
    return np.sign(y) * np.maximum(np.abs(y) - threshold, 0)


def ista(A: np.ndarray, b: np.ndarray) -> Case:
    """Forward-backward on the lasso."""
    n = A.shape[1]
    alpha = 1 / np.linalg.norm(A, 2) ** 2
    F = sk.Subdifferential(sk.functions.SquaredL2(center=b) @ A)
    G = sk.Subdifferential(sk.functions.L1Norm(WEIGHT))

    def by_hand(count: int) -> np.ndarray:
        x = np.zeros(n)
        for _ in range(count):
            new = shrink(x - alpha * (A.T @ (A @ x - b)), alpha * WEIGHT)
            np.linalg.norm(new - x)
            x = new
        return x

    run = Solve(F + G, np.zeros(n), sk.ForwardBackward(alpha=alpha))
    return Case("ISTA", f"{n}", run, by_hand, proximal_gradient(A, b, alpha, None))


def fista(A: np.ndarray, b: np.ndarray) -> Case:
    """The same with Nesterov's momentum; the engine's also restarts it."""
    n = A.shape[1]
    alpha = 1 / np.linalg.norm(A, 2) ** 2
    F = sk.Subdifferential(sk.functions.SquaredL2(center=b) @ A)
    G = sk.Subdifferential(sk.functions.L1Norm(WEIGHT))

    def by_hand(count: int) -> np.ndarray:
        x = y = np.zeros(n)
        t = 1.0
        for _ in range(count):
            new = shrink(y - alpha * (A.T @ (A @ y - b)), alpha * WEIGHT)
            step = new - x
            np.linalg.norm(step)
            if (y - new) @ step > 0:
                t, y = 1.0, new
            else:
                later = (1 + math.sqrt(1 + 4 * t * t)) / 2
                t, y = later, new + (t - 1) / later * step
            x = new
        return x

    run = Solve(F + G, np.zeros(n), sk.FISTA())
    peer = proximal_gradient(A, b, alpha, "fista")
    return Case("FISTA", f"{n}", run, by_hand, peer)


def proximal_gradient(
    A: np.ndarray, b: np.ndarray, alpha: float, acceleration: str | None
) -> Run | None:
    """pyproximal's, on the lasso."""
    if pyproximal is None:
        return None
    f, g = pyproximal.L2(Op=pylops.MatrixMult(A), b=b), pyproximal.L1(sigma=WEIGHT)
    x0 = np.zeros(A.shape[1])
    return lambda count: pyproximal.optimization.primal.ProximalGradient(
        f, g, x0=x0, tau=alpha, niter=count, acceleration=acceleration
    )


def douglas_rachford(A: np.ndarray, b: np.ndarray) -> Case:
    """On the lasso, with one matrix for the quadratic term."""
    n, alpha = A.shape[1], 1.0
    F, G = lasso(A, b)
    V, q = np.linalg.inv(np.eye(n) + alpha * A.T @ A), A.T @ b

    def by_hand(count: int) -> np.ndarray:
        u = np.zeros(n)
        for _ in range(count):
            x = shrink(u, alpha * WEIGHT)
            step = V @ (2 * x - u + alpha * q) - x
            np.linalg.norm(step)
            u = u + step
        return u

    run = Solve(F + G, np.zeros(n), sk.DouglasRachford(alpha=alpha))
    peer = None
    if pyproximal is not None:
        f = pyproximal.L2(Op=pylops.MatrixMult(A), b=b, densesolver="factorize")
        g = pyproximal.L1(sigma=WEIGHT)
        x0 = np.zeros(n)

        def peer(count: int) -> object:
            return pyproximal.optimization.primal.DouglasRachfordSplitting(
                f, g, x0=x0, tau=alpha, niter=count
            )

    return Case("Douglas-Rachford", f"{n}", run, by_hand, peer)


def peaceman_rachford(M: np.ndarray, q: np.ndarray) -> Case:
    """On affine complementarity."""
    n, alpha = len(q), 1.0
    F, G = sk.Affine(M, q, strong_monotonicity=1.0), sk.NormalCone(sk.functions.NonNegative())
    V = np.linalg.inv(np.eye(n) + alpha * M)

    def by_hand(count: int) -> np.ndarray:
        u = np.zeros(n)
        for _ in range(count):
            x = np.maximum(u, 0)
            step = V @ (2 * x - u + alpha * q) - x
            np.linalg.norm(step)
            u = u + 2 * step
        return u

    run = Solve(F + G, np.zeros(n), sk.PeacemanRachford(alpha=alpha))
    return Case("Peaceman-Rachford", f"{n}", run, by_hand, None)


def admm(A: np.ndarray, b: np.ndarray, L: np.ndarray) -> Case:
    """min ½‖Ax − b‖² + w‖Lx‖₁ with Lx = z; the linear system is solved by its inverse."""
    n, rho = A.shape[1], 1.0
    F, G = lasso(A, b)
    inverse, q = np.linalg.inv(A.T @ A + rho * L.T @ L), A.T @ b

    def by_hand(count: int) -> np.ndarray:
        z = u = np.zeros(len(L))
        x = np.zeros(n)
        for _ in range(count):
            x = inverse @ (q + rho * (L.T @ (z - u)))
            Lx = L @ x
            z = shrink(Lx + u, WEIGHT / rho)
            step = Lx - z
            np.linalg.norm(step)
            u = u + step
        return x

    run = Solve(F + G.pullback(sk.DenseMatrix(L)), np.zeros(n), sk.ADMM(rho=rho))
    # pyproximal's with a matrix solves each system by conjugate gradients: another iteration
    return Case("ADMM", f"{n}", run, by_hand, None)


def primal_dual(c: np.ndarray, L: np.ndarray) -> Case:
    """Chambolle-Pock on min ½‖x − c‖² + w‖Lx‖₁."""
    n = len(c)
    norm = float(np.linalg.norm(L, 2))
    tau = sigma = 1 / norm
    F = sk.Subdifferential(sk.functions.SquaredL2(center=c))
    G = sk.Subdifferential(sk.functions.L1Norm(WEIGHT)).pullback(sk.DenseMatrix(L, lipschitz=norm))

    def by_hand(count: int) -> np.ndarray:
        x, y = np.zeros(n), np.zeros(len(L))
        for _ in range(count):
            new = (x - tau * (L.T @ y) + tau * c) / (1 + tau)
            y = np.clip(y + sigma * (L @ (2 * new - x)), -WEIGHT, WEIGHT)
            np.linalg.norm(new - x)
            x = new
        return x

    method = sk.ChambollePock(tau=tau, sigma=sigma)
    peer = None
    if pyproximal is not None:
        f, g = pyproximal.L2(b=c), pyproximal.L1(sigma=WEIGHT)
        map_L, x0 = pylops.MatrixMult(L), np.zeros(n)

        def peer(count: int) -> object:
            return pyproximal.optimization.primaldual.PrimalDual(
                f, g, map_L, x0=x0, tau=tau, mu=sigma, niter=count
            )

    run = Solve(F + G, np.zeros(n), method)
    return Case("primal-dual", f"{n}", run, by_hand, peer)


def total_variation(image: np.ndarray) -> Case:
    """Chambolle-Pock on min ½‖x − image‖² + w Σ‖(Dx)ᵢⱼ‖."""
    side, tau = image.shape[0], 0.35
    sigma = 1 / (8 * tau)
    F = sk.Subdifferential(sk.functions.SquaredL2(center=image))
    G = sk.Subdifferential(sk.functions.GroupL2Norm(WEIGHT)).pullback(sk.linear.Gradient())

    def by_hand(count: int) -> np.ndarray:
        x, rows, columns = (np.zeros_like(image) for _ in range(3))
        for _ in range(count):
            # the last differences, and so the last multipliers, are 0
            pull = -rows - columns
            pull[1:] += rows[:-1]
            pull[:, 1:] += columns[:, :-1]
            new = (x - tau * pull + tau * image) / (1 + tau)
            ahead = 2 * new - x
            rows[:-1] += sigma * (ahead[1:] - ahead[:-1])
            columns[:, :-1] += sigma * (ahead[:, 1:] - ahead[:, :-1])
            size = np.maximum(1, np.sqrt(rows * rows + columns * columns) / WEIGHT)
            rows, columns = rows / size, columns / size
            np.linalg.norm(new - x)
            x = new
        return x

    method = sk.ChambollePock(tau=tau, sigma=sigma)
    peer = None
    if pyproximal is not None:
        f = pyproximal.L2(b=image.ravel())
        g = pyproximal.L21(ndim=2, sigma=WEIGHT)
        D = pylops.Gradient(dims=image.shape, edge=False, kind="forward")
        x0 = np.zeros(image.size)

        def peer(count: int) -> object:
            return pyproximal.optimization.primaldual.PrimalDual(
                f, g, D, x0=x0, tau=tau, mu=sigma, niter=count
            )

    run = Solve(F + G, np.zeros_like(image), method)
    return Case("TV, primal-dual", f"{side}²", run, by_hand, peer)


def after_the_first(run: Run, count: int) -> np.ndarray:
    """CPU and wall seconds of so many iterations after the first."""

    def seconds(count: int) -> np.ndarray:
        start = now()
        with contextlib.redirect_stdout(io.StringIO()):
            run(count)
        return now() - start

    return seconds(count + 1) - seconds(1)


def measure(case: Case, count: int, repeats: int) -> str:
    """A line of the table, from interleaved runs after a warm-up."""
    ways = [partial(after_the_first, case.by_hand), case.run, case.run.steps]
    if case.peer is not None:
        ways.append(partial(after_the_first, case.peer))
    times = np.array([[way(count) for way in ways] for _ in range(repeats + 1)])[1:]
    hand = np.median(times[:, 0, 0]) / count
    ratios = np.median(times / times[:, :1], axis=0)
    cells = [f"{f'{cpu:.2f} ({wall:.2f})':>14}" for cpu, wall in ratios[1:]]
    return f"{case.name:<20}{case.size:>6}{1e6 * hand:>16.1f}{''.join(cells)}"


def rows() -> Iterator[tuple[partial[Case], int]]:
    """Each case, made when its turn comes, and how many iterations it runs."""
    rng = np.random.default_rng(0)
    for n, count in ((100, 5000), (2000, 1000)):
        A, b = rng.normal(size=(n // 2, n)) / np.sqrt(n), rng.normal(size=n // 2)
        L, c = rng.normal(size=(n, n)) / np.sqrt(n), rng.normal(size=n)
        yield partial(ista, A, b), count
        yield partial(fista, A, b), count
        yield partial(douglas_rachford, A, b), count
        yield partial(peaceman_rachford, np.eye(n) + L - L.T, c), count
        yield partial(admm, A, b, L), count
        yield partial(primal_dual, c, L), count
    for side, count in ((10, 5000), (512, 500)):
        square = np.zeros((side, side))
        square[side // 4 : -side // 4, side // 4 : -side // 4] = 1
        yield partial(total_variation, square + 0.1 * rng.normal(size=square.shape)), count


class Forward(LinearOperator):
    """Forward differences of a vector, of which the last is 0."""

    def __init__(self, n: int) -> None:
        super().__init__(np.float64, (n, n))

    def _matvec(self, x: Any) -> Any:
        y = np.zeros_like(x)
        np.subtract(x[1:], x[:-1], out=y[:-1])
        return y

    def _rmatvec(self, y: Any) -> Any:
        x = np.zeros_like(y)
        x[1:] += y[:-1]
        x[:-1] -= y[:-1]
        return x


def wrapped() -> None:
    """Print the table of wrapped operators."""
    print(f"{'n':>9}{'product':>10}{'alone, µs CPU':>16}{'prepared':>10}{'called':>10}")
    for n in (10**4, 10**5, 10**6):
        op, x = Forward(n), np.random.default_rng(0).normal(size=n)
        L = sk.linear.wrap(op)
        for name, alone, prepared, called in (
            ("Lx", op.matvec, L.make_evaluation(), L),
            ("Lᵀy", op.rmatvec, L.T.make_evaluation(), L.T),
        ):
            seconds: list[list[float]] = [[], [], []]
            for _ in range(max(50, 4 * 10**7 // n)):
                for way, taken in zip((alone, prepared, called), seconds, strict=True):
                    start = time.process_time()
                    way(x)
                    taken.append(time.process_time() - start)
            by_hand, *ours = (float(np.median(taken)) for taken in seconds)
            ratios = "".join(f"{each / by_hand:>10.2f}" for each in ours)
            print(f"{n:>9}{name:>10}{1e6 * by_hand:>16.1f}{ratios}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=7, help="interleaved runs of each")
    parser.add_argument("--only", default="", help="rows of the functions whose name has this")
    parser.add_argument("--wrapped", action="store_true", help="products of wrapped operators")
    options = parser.parse_args()
    if options.wrapped:
        wrapped()
        return
    warnings.simplefilter("ignore")
    peer = "not installed" if pyproximal is None else pyproximal.__version__
    print(f"CPU (wall) time over that of the loop by hand; pyproximal: {peer}")
    head = (f"{name:>14}" for name in ("splitkit", "its steps", "pyproximal"))
    print(f"{'method':<20}{'n':>6}{'by hand, µs CPU':>16}{''.join(head)}")
    for make, count in rows():
        if options.only in make.func.__name__:
            print(measure(make(), count, options.repeats), flush=True)


if __name__ == "__main__":
    main()
