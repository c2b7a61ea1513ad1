"""What the structure of a quadratic saves: for one step size, and for each application of

    (I + αLᵀL)⁻¹

by the factorization that fits L (``(L.T @ L).solver``), beside conjugate gradients on the same map.

    python benchmarks/quadratics.py [--scale 1.0] [--repeats 5]

Times are the least of all repeats, in milliseconds of wall time; the ratio is generic/structured of
an application, "pays after" how many applications the preparation has paid for itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np
import scipy.sparse

from splitkit.backend import Point, blocks, subtract
from splitkit.linear import (
    BlockRow,
    Convolution,
    DenseMatrix,
    Diagonal,
    Iterative,
    Kronecker,
    LinearOperator,
    PlusLowRank,
    Sparse,
)

ALPHA = 3.0


def problems(scale: float) -> Iterator[tuple[str, Callable[[], LinearOperator], Any]]:
    """(name, what makes a positive semidefinite map, the shapes of its points)."""
    rng = np.random.default_rng(0)

    def size(n: int) -> int:
        return max(8, round(n * scale))

    def gram(L: LinearOperator) -> Callable[[], LinearOperator]:
        return lambda: L.T @ L

    n, side = size(800), size(256)
    tall, wide = rng.standard_normal((2 * n, n)), rng.standard_normal((size(80), 5 * n))
    yield "tall", gram(DenseMatrix(tall)), (n,)
    yield "wide", gram(DenseMatrix(wide)), (5 * n,)
    holes = scipy.sparse.random_array((3 * n, 4 * n), density=1.5 / n, rng=rng, format="csr")
    yield "sparse", gram(Sparse(holes)), (4 * n,)
    blur = Convolution(np.ones((9, 9)) / 81, (side, side))
    yield "blur", gram(blur), (side, side)
    d = rng.uniform(0.0, 1.0, 5 * n)
    yield "diagonal + low rank", lambda: PlusLowRank(d, wide), (5 * n,)
    A, B = (rng.standard_normal((size(120), size(120))) for _ in range(2))
    yield "Kronecker", gram(Kronecker(A, B)), (size(120), size(120))
    row = BlockRow((DenseMatrix(tall[:n]), Diagonal(d[:n])))
    yield "blocks", gram(row), ((n,), (n,))


def least_time(way: Callable[[], object], repeats: int) -> float:
    """Milliseconds."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        way()
        times.append(1e3 * (perf_counter() - start))
    return min(times)


def point(shapes: Any) -> Point:
    """One drawn at random."""
    rng = np.random.default_rng(1)
    if isinstance(shapes[0], tuple):
        return tuple(rng.standard_normal(shape) for shape in shapes)
    return rng.standard_normal(shapes)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    columns = f"{'prepared':>10}{'applied':>10}{'generic':>10}{'ratio':>8}{'pays after':>12}"
    print(f"{'':<20}{'solver':<52}{columns}{'difference':>12}")
    for name, make, shapes in problems(options.scale):
        x = point(shapes)
        prepared = least_time(lambda make=make: make().shifted_inverse(ALPHA), 1)
        V = make().shifted_inverse(ALPHA)
        generic = Iterative(make()).shifted_inverse(ALPHA)
        applied = least_time(lambda V=V, x=x: V(x), options.repeats)
        iterated = least_time(lambda V=generic, x=x: V(x), options.repeats)
        apart = subtract(V(x), generic(x))
        off = max(float(abs(b).max()) for b in blocks(apart))
        pays = prepared / (iterated - applied) if iterated > applied else float("inf")
        print(
            f"{name:<20}{make().solver:<52}{prepared:10.2f}{applied:10.3f}{iterated:10.2f}"
            f"{iterated / applied:8.1f}{pays:12.1f}{off:12.1e}"
        )


if __name__ == "__main__":
    main()
