"""How the time of an iteration grows with n, batch, channels and side.

    OMP_NUM_THREADS=1 python benchmarks/scaling.py [--quick] [--only batch] [--memory 8]

Of each family the sizes double until the arrays that a solve holds would exceed the memory allowed,
in GiB. An exponent p says that the time grew as (size)^p from the size before; mathematics has 2
for a matrix's side, 1 for the batch, 1 for the pixels (and their logarithm, from the transforms),
and 1 for the channels where transforms dominate, 2 where the products do. Below the sizes that fill
a processor's cache the calls themselves are what takes time, and exponents are less; where a
working set leaves the cache they may be more. The time is CPU time between the engine's checks, so
that set-up, a factorization say, is left out; the least of the runs.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from stopwatch import timed

import splitkit as sk
import splitkit_nn as sknn

Run = Callable[[], float]  # CPU seconds of an iteration
GIB = 2.0**30


def per_iteration(
    inclusion: sk.Operator, x0: Any, method: sk.Method, count: int, batch_ndim: int = 0
) -> float:
    """CPU seconds of one of so many iterations."""
    return float(timed(inclusion, x0, method, count, batch_ndim)[0]) / count


@dataclass(frozen=True)
class Family:
    """A problem of every size.

    Attributes
    ----------
    mathematics : str
        How an iteration's cost grows.
    arrays : callable
        Bytes of what a solve holds at a size, about.
    make : callable
        The run at a size.
    sizes : range of exponents of 2
    """

    name: str
    mathematics: str
    arrays: Callable[[int], float]
    make: Callable[[int], Run]
    sizes: tuple[int, int]

    def at(self, memory: float, quick: bool) -> Iterator[int]:
        """The sizes that fit."""
        first, last = self.sizes
        for exponent in range(first, min(last, first + 2) + 1 if quick else last + 1):
            if self.arrays(2**exponent) <= memory * GIB:
                yield 2**exponent


def iterations(work: float) -> int:
    """Enough of them for about half a second, at a gigaflop a second, and for checks to be rare."""
    return int(min(2000, max(32, 5e8 / work)))


def lasso(method: Callable[[float], sk.Method]) -> Callable[[int], Run]:
    """min ½‖Mx − b‖² + w‖x‖₁ with a square M: the norm of M is a bound, not computed."""

    def make(n: int) -> Run:
        rng = np.random.default_rng(0)
        M, b = rng.normal(size=(n, n)), rng.normal(size=n)
        M /= 2.1 * math.sqrt(n)  # ‖M‖ is near 2√n before: now at most 1
        G = sk.Subdifferential(sk.functions.L1Norm(0.1))
        chosen = method(1.0)
        F: sk.Operator
        if isinstance(chosen, sk.FISTA):
            L = sk.DenseMatrix(M, lipschitz=1.0)
            F = sk.Subdifferential(sk.functions.SquaredL2(center=b) @ L)
        else:  # M + Mᵀ + 2I in the place of MᵀM, which would take n³
            M += M.T
            M.flat[:: n + 1] += 2.0
            F = sk.Affine(M, b, strong_monotonicity=0.0, lipschitz=4.0)
        return lambda: per_iteration(F + G, np.zeros(n), chosen, iterations(4.0 * n * n))

    return make


def total_variation(side: int) -> Run:
    """Chambolle-Pock on a square image."""
    image = np.random.default_rng(0).normal(size=(side, side))
    F = sk.Subdifferential(sk.functions.SquaredL2(center=image))
    G = sk.Subdifferential(sk.functions.GroupL2Norm(0.1)).pullback(sk.linear.Gradient())
    method = sk.ChambollePock(tau=0.35, sigma=1 / (8 * 0.35))
    return lambda: per_iteration(
        F + G, np.zeros_like(image), method, iterations(60.0 * side * side)
    )


def layer_run(parametrization: sknn.MonotoneDense, x: torch.Tensor, work: float) -> Run:
    """Peaceman-Rachford on a layer's own inclusion."""
    layer = sknn.MonDEQ(parametrization)
    F, G = layer.inclusion(x)
    method = sk.PeacemanRachford(alpha=0.5)
    start = torch.zeros(*F.q.shape)
    return lambda: per_iteration(F + G, start, method, iterations(work), batch_ndim=1)


def dense_layer(batch: int) -> Run:
    """87 units, as in the paper."""
    torch.manual_seed(0)
    x = torch.randn(batch, 64)
    return layer_run(sknn.MonotoneDense(64, 87), x, 2.0 * 87 * 87 * batch)


def conv_layer(batch: int, channels: int, side: int, border: int = 1) -> Run:
    """Three channels in."""
    torch.manual_seed(0)
    x = torch.randn(batch, 3, side, side)
    work = 1.0 * batch * side * side * channels * (channels + 40)
    return layer_run(sknn.MonotoneConv2d(3, channels, side, border=border), x, work)


def conv_bytes(batch: int, channels: int, side: int) -> float:
    """A dozen points in float32, and the spectral blocks of W, V and C."""
    pixels = (side + 2.0) ** 2
    return 4 * 12 * batch * channels * pixels + 8 * 8 * pixels / 2 * channels**2


FAMILIES = [
    Family(
        "lasso, FISTA: n", "n²", lambda n: 24.0 * n * n, lasso(lambda a: sk.FISTA(alpha=a)), (6, 14)
    ),
    Family(
        "lasso, Douglas-Rachford: n",
        "n²",
        lambda n: 80.0 * n * n,
        lasso(lambda a: sk.DouglasRachford(alpha=a)),
        (6, 12),
    ),
    Family("total variation: side", "side²", lambda s: 8 * 40.0 * s * s, total_variation, (4, 12)),
    Family("dense layer: batch", "batch", lambda b: 4 * 20.0 * 87 * b, dense_layer, (4, 18)),
    Family(
        "convolution: batch",
        "batch",
        lambda b: conv_bytes(b, 16, 14),
        lambda b: conv_layer(b, 16, 14),
        (2, 12),
    ),
    Family(
        "convolution: channels",
        "channels to channels²",
        lambda c: conv_bytes(16, c, 14),
        lambda c: conv_layer(16, c, 14),
        (2, 8),
    ),
    Family(
        "convolution: side",
        "side² log side",
        lambda s: conv_bytes(4, 8, s),
        lambda s: conv_layer(4, 8, s),
        (3, 9),
    ),
    Family(
        "convolution with a border of 2: side",
        "side² log side",
        lambda s: conv_bytes(4, 8, s),
        lambda s: conv_layer(4, 8, s, border=2),
        (3, 9),
    ),
]


def report(family: Family, memory: float, quick: bool, repeats: int) -> None:
    """The rows of one family, and its exponent over the upper half of the sizes."""
    print(f"{family.name} (mathematics: {family.mathematics})")
    found: list[tuple[int, float]] = []
    for size in family.at(memory, quick):
        run = family.make(size)
        seconds = min(run() for _ in range(repeats))
        growth = ""
        if found:
            before, its = found[-1]
            growth = f"{math.log(seconds / its) / math.log(size / before):>8.2f}"
        found.append((size, seconds))
        print(f"{size:>10}{1e6 * seconds:>14.1f} µs{growth}", flush=True)
    upper = np.log(np.array(found[len(found) // 2 :]))
    if len(upper) > 1:
        slope = np.polyfit(upper[:, 0], upper[:, 1], 1)[0]
        print(f"{'':10}exponent over the upper half {slope:.2f}\n")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the three least sizes of each")
    parser.add_argument("--only", default="", help="families whose name contains this")
    parser.add_argument("--memory", type=float, default=8.0, help="GiB that a solve may take")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    for family in FAMILIES:
        if options.only in family.name:
            report(family, options.memory, options.quick, options.repeats)


if __name__ == "__main__":
    main()
