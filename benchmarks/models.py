"""Models by default, beside the loops that the field writes for them by hand.

    python benchmarks/models.py
    python benchmarks/models.py --size 200

Robust principal components beside the inexact augmented Lagrangian method (Lin, Chen, Ma 2010),
matrix completion beside soft-impute (Mazumder, Hastie, Tibshirani 2010), total variation deblurring
beside Chambolle and Pock's method with the best of nine fixed steps. Stated as one would, with
default arguments. Counted are, until the answer is as near as 1e-3, 1e-5 and 1e-6 to one that was
found to 1e-11, the decompositions (of singular values, or of a Gram matrix) of the first two
models, those of planning and of a spectral norm among them, with the processor seconds until 1e-6,
and the iterations of the last.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import splitkit as sk
from splitkit import functions as f
from splitkit.linear import BlockRow, Convolution, Gradient, Mask, ScaledIdentity

Matrix = Any  # a NumPy array
LEVELS = (1e-3, 1e-5, 1e-6)
LIMIT = 3_000


def shrunk(x: Matrix, by: float) -> Matrix:
    """The prox of by·‖·‖₁."""
    return np.sign(x) * np.maximum(abs(x) - by, 0.0)


def thresholded(x: Matrix, by: float) -> Matrix:
    """The prox of by·‖·‖*."""
    U, s, V = np.linalg.svd(x, full_matrices=False)
    return U * np.maximum(s - by, 0.0) @ V


class Decompositions:
    """Counts those that NumPy makes while it is entered, of singular values or of eigenvalues."""

    def __init__(self) -> None:
        self.made, self._own = 0, {name: getattr(np.linalg, name) for name in ("svd", "eigh")}

    def _counted(self, decompose: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self.made += 1
            return decompose(*args, **options)

        return counted

    def __enter__(self) -> Decompositions:
        for name, decompose in self._own.items():
            setattr(np.linalg, name, self._counted(decompose))
        return self

    def __exit__(self, *_: object) -> None:
        for name, decompose in self._own.items():
            setattr(np.linalg, name, decompose)


def decompositions(
    points: Iterator[Matrix], answer: Matrix
) -> tuple[list[int | None], float | None]:
    """After how many of them the points are as near as each level, and of the last the seconds."""
    start = time.process_time()
    with Decompositions() as counted:
        found = counts(points, answer, lambda _: counted.made)
    return found, None if found[-1] is None else time.process_time() - start


def counts(
    points: Iterator[Matrix], answer: Matrix, cost: Callable[[int], int] = lambda k: k
) -> list[int | None]:
    """The costs of the first iterations whose points are as near as each level."""
    found: list[int | None] = [None] * len(LEVELS)
    for k, x in enumerate(points, 1):
        far = np.linalg.norm(x - answer) / np.linalg.norm(answer)
        pairs = zip(found, LEVELS, strict=True)
        found = [cost(k) if at is None and far <= level else at for at, level in pairs]
        if found[-1] is not None or k >= LIMIT:
            break
    return found


def by_default(
    objective: Any, x0: Any, of: Callable[[Any], Matrix], method: sk.Method | None = None
) -> Iterator[Matrix]:
    """What ``minimize`` finds, iteration after iteration."""
    inclusion = sk.Subdifferential(objective)
    for state in sk.iterate(inclusion, x0, method, tol=1e-14, max_iter=LIMIT):
        yield of(state.x)


def components(n: int) -> tuple[Any, Any, Callable[[Any], Matrix], Iterator[Matrix], str]:
    """A matrix of rank n/20 with a twentieth of its entries spoiled."""
    rng = np.random.default_rng(0)
    low = rng.normal(size=(n, n // 20)) @ rng.normal(size=(n // 20, n))
    M = low + 10 * rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.05)
    weight = 1 / np.sqrt(n)

    def lagrangian() -> Iterator[Matrix]:
        largest = np.linalg.svd(M, compute_uv=False)[0]
        Y = M / max(largest, abs(M).max() / weight)
        mu, most, S = 1.25 / largest, 1e7 * 1.25 / largest, np.zeros_like(M)
        while True:
            L = thresholded(M - S + Y / mu, 1 / mu)
            S = shrunk(M - L + Y / mu, weight / mu)
            Y, mu = Y + mu * (M - L - S), min(1.5 * mu, most)
            yield L

    both = f.SeparableSum((f.NuclearNorm(), f.L1Norm(weight)))
    equality = f.Singleton(M) @ BlockRow([ScaledIdentity(), ScaledIdentity()])
    return both + equality, (M, 0 * M), lambda x: x[0], lagrangian(), "IALM"


def completion(n: int) -> tuple[Any, Any, Callable[[Any], Matrix], Iterator[Matrix], str]:
    """Half of the entries of a matrix of rank n/20, with noise."""
    rng = np.random.default_rng(1)
    low = rng.normal(size=(n, n // 20)) @ rng.normal(size=(n // 20, n))
    known = rng.random((n, n)) < 0.5
    given = (low + 0.1 * rng.normal(size=(n, n)))[known]
    weight = 0.1 * np.sqrt(n)

    def impute() -> Iterator[Matrix]:
        X = np.zeros((n, n))
        while True:
            filled = X.copy()
            filled[known] = given
            X = thresholded(filled, weight)
            yield X

    objective = f.SquaredL2(center=given) @ Mask(known) + f.NuclearNorm(weight)
    return objective, np.zeros((n, n)), lambda x: x, impute(), "soft-impute"


def deblurring(n: int) -> tuple[Any, Any, Callable[[Any], Matrix], dict[str, sk.Method]]:
    """A square, blurred, with noise; and the fixed steps."""
    rng = np.random.default_rng(2)
    picture = np.zeros((n, n))
    picture[n // 4 : -n // 4, n // 3 : -n // 3] = 1.0
    K = Convolution(np.ones((5, 5)) / 25, (n, n))
    blurred = K(picture) + 0.01 * rng.normal(size=(n, n))
    D = Gradient(shape=(n, n))
    objective = f.SquaredL2(center=blurred) @ K + 1e-3 * f.GroupL2Norm() @ D
    taus = 4.0 ** np.arange(-3, 6)
    fixed = {
        f"tau = {tau:g}": sk.ChambollePock(tau=tau, sigma=0.99 / (tau * D.norm**2)) for tau in taus
    }
    return objective, blurred, lambda x: x, fixed


def row(name: str, found: list[int | None], seconds: float | None = None) -> None:
    """Print a line."""
    cells = ["–" if k is None else str(k) for k in found]
    cells.append("" if seconds is None else f"{seconds:.3f}")
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=100)
    n = parser.parse_args().size
    print("| model, by | to 1e-3 | to 1e-5 | to 1e-6 | seconds |\n|---|---|---|---|---|")
    for name, made in (("robust components", components), ("completion", completion)):
        objective, x0, of, peer, label = made(n)
        exact = sk.minimize(objective, x0, tol=1e-11, max_iter=20_000, on_failure="return")
        ours = decompositions(by_default(objective, x0, of), of(exact.x))
        row(f"{name}, {exact.method.label}", *ours)
        row(f"{name}, {label}", *decompositions(peer, of(exact.x)))
    objective, x0, of, fixed = deblurring(max(16, n // 2))
    exact = sk.minimize(objective, x0, tol=1e-9, max_iter=100_000, on_failure="return")
    row(f"deblurring, {exact.method.label}", counts(by_default(objective, x0, of), of(exact.x)))
    every = {m: counts(by_default(objective, x0, of, fixed[m]), of(exact.x)) for m in fixed}
    best = min(every, key=lambda m: [LIMIT if k is None else k for k in every[m][::-1]])
    row(f"deblurring, Chambolle-Pock with {best}", every[best])


if __name__ == "__main__":
    main()
