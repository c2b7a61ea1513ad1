"""Time and peak memory of a training step of the paper's models, beside the paper's algorithm.

    OMP_NUM_THREADS=1 python benchmarks/layers.py [--quick] [--repeats 5] [--only dense]

A step is forward, cross-entropy and backward on one batch of noise, in float32. The rendering of
the paper's algorithm (not of multi-tier) runs the same model at the same tolerance with α = 1: both
half steps of Peaceman-Rachford spelled out, complex blocks over the full spectrum, the inverse made
anew at every step, and an error over the whole batch that the host reads after each iteration. The
explicit network has the same maps, with one product with W. Runs are interleaved; figures are
medians of CPU time. For memory each way runs once alone, in a process of its own: the peak over
what the process held before.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from splitkit_nn import layers
from splitkit_nn.models import Classifier, ConvClassifier, DenseClassifier, MultiTierClassifier

TOL, MAX_ITER = 1e-2, 300
WAYS = ("splitkit", "paper", "explicit")
Map = Callable[[Tensor], Tensor]


def make(name: str, quick: bool) -> tuple[Classifier, Tensor]:
    """A model of the paper, or a small one like it, and a batch."""
    torch.manual_seed(0)
    if name == "dense":
        inputs, units, batch = (64, 20, 32) if quick else (784, 87, 128)
        return DenseClassifier(inputs, units, 10), torch.randn(batch, inputs)
    side, batch = (8, 16) if quick else (32, 128)
    x = torch.randn(batch, 3, side, side)
    if name == "conv":
        return ConvClassifier(3, 8 if quick else 81, side, 10), x
    return MultiTierClassifier(3, (4, 8, 8) if quick else (16, 32, 60), side, 10), x


def resolvent(W: Tensor, shape: torch.Size) -> tuple[Map, Map]:
    """V and Vᵀ for V = (I + I − W)⁻¹: a matrix, or blocks over the full spectrum of a kernel."""
    if W.ndim == 2:
        V = torch.linalg.inv(2 * torch.eye(len(W)) - W)
        return (lambda z: z @ V.T), (lambda z: z @ V)
    height, width = shape[-2:]
    size, channels = W.shape[-1], len(W)
    padded = torch.zeros(channels, channels, height, width)
    centre = torch.arange(size) - size // 2
    padded.index_put_(
        (
            torch.arange(channels)[:, None, None, None],
            torch.arange(channels)[None, :, None, None],
            (centre % height)[:, None],
            centre % width,
        ),
        W,
        accumulate=True,
    )
    blocks = torch.fft.fft2(padded).conj().permute(2, 3, 0, 1)
    Vb = torch.linalg.inv(2 * torch.eye(channels, dtype=blocks.dtype) - blocks)

    def apply(z: Tensor, right: Tensor) -> Tensor:
        Z = torch.fft.fft2(z).permute(2, 3, 0, 1) @ right
        return torch.fft.ifft2(Z.permute(2, 3, 0, 1)).real

    return (lambda z: apply(z, Vb.mT)), (lambda z: apply(z, Vb.conj()))


def iterate(prox: Map, V: Map, bias: Tensor | float, like: Tensor) -> Tensor:
    """Peaceman-Rachford as the paper's algorithms have it."""
    z = u = torch.zeros_like(like)
    for _ in range(MAX_ITER):
        half = 2 * z - u
        u = 2 * V(half + bias) - half
        after = prox(u)
        error = float((after - z).norm() / (1e-6 + after.norm()))
        z = after
        if error < TOL:
            break
    return z


def paper_equilibrium(model: Classifier, x: Tensor) -> Tensor:
    """z by the paper's Algorithm 2; its gradient by Algorithm 4 through one tracked application."""
    P, sigma = model.layer.parametrization, model.layer.activation
    W, bias = P.weight(), P.bias(x)
    with torch.no_grad():
        V, VT = resolvent(W, bias.shape)
        z = iterate(sigma, V, bias, bias)
        j = sigma.derivative(P.multiply(W, z) + bias)
        d = (1 - j) / j
        singular = j == 0

    def solve(v: Tensor) -> Tensor:
        def prox(u: Tensor) -> Tensor:
            result = (u + v) / (1 + d)
            result[singular] = 0
            return result

        with torch.no_grad():
            return v + P.multiply_transpose(W, iterate(prox, VT, 0.0, v))

    tracked = sigma(P.multiply(W, z) + bias)
    if tracked.requires_grad:
        tracked.register_hook(solve)
    return tracked


def explicit_layer(model: Classifier, x: Tensor) -> Tensor:
    """Two layers with the same maps, without a solve."""
    P, sigma = model.layer.parametrization, model.layer.activation
    bias = P.bias(x)
    return sigma(P.multiply(P.weight(), sigma(bias)) + bias)


def step(model: Classifier, x: Tensor, way: str) -> None:
    """Forward and backward; the gradients stay in the parameters."""
    model.zero_grad()
    inputs = model.inputs(x)
    z = {
        "splitkit": lambda: model.layer(inputs),
        "paper": lambda: paper_equilibrium(model, inputs),
        "explicit": lambda: explicit_layer(model, inputs),
    }[way]()
    labels = torch.arange(len(x)) % 10
    functional.cross_entropy(model.readout(z), labels).backward()


def spoil(model: Classifier) -> None:
    """A new value of the parameters, as an optimizer's step gives it: nothing cached holds."""
    with torch.no_grad():
        for p in model.layer.parametrization.parameters():
            p.mul_(1 + 1e-6)


def clock(run: Callable[[], object]) -> float:
    """CPU seconds."""
    start = time.process_time()
    run()
    return time.process_time() - start


def breakdown(model: Classifier, x: Tensor) -> dict[str, float]:
    """CPU seconds of the parts of one step; what is left is tracked by autograd."""
    times: dict[str, float] = defaultdict(float)
    kept = []

    def timed(owner: Any, name: str, label: str) -> None:
        original = getattr(owner, name)
        kept.append((owner, name, original))

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            try:
                return original(*args, **kwargs)
            finally:
                times[label] += time.process_time() - start

        setattr(owner, name, wrapper)

    timed(layers.MonDEQ, "_operator", "operator")
    timed(layers, "solve_forward", "forward solve")
    timed(layers, "solve_adjoint", "backward solve")
    M = model.layer.parametrization.operator(exact=False)
    timed(type(getattr(M, "diagonal", (M,))[0]), "shifted_inverse", "inverse")
    total = clock(lambda: step(model, x, "splitkit"))
    for owner, name, original in kept:
        setattr(owner, name, original)
    # the inverse is made inside the forward solve, which uses it first
    times["forward solve"] -= times["inverse"]
    times["tracked part"] = total - sum(times.values())
    return dict(times)


def peak(name: str, quick: bool, way: str, results: Any) -> None:
    """Put the growth of the resident memory, in MiB, into the queue."""
    model, x = make(name, quick)
    before = high_water()
    step(model, x, way)
    results.put(high_water() - before)


def high_water() -> float:
    """The most memory that this process has held, in MiB; NaN where Linux does not say it."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return math.nan
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def memory(name: str, quick: bool, way: str) -> float:
    """The peak of a step in a process of its own."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=peak, args=(name, quick, way, results))
    process.start()
    found: float = results.get()
    process.join()
    return found


def report(name: str, quick: bool, repeats: int) -> None:
    """The rows of one model."""
    model, x = make(name, quick)
    ways = [way for way in WAYS if way != "paper" or name != "multi-tier"]
    for way in ways:
        step(model, x, way)
    rounds = []
    for _ in range(repeats):
        spoil(model)
        rounds.append([clock(lambda way=way: step(model, x, way)) for way in ways])
    times = np.array(rounds)
    seconds, ratios = np.median(times, axis=0), np.median(times / times[:, :1], axis=0)
    for way, each, ratio in zip(ways, seconds, ratios, strict=True):
        peak_mib = memory(name, quick, way)
        print(f"{name:<12}{way:<10}{1e3 * each:>10.1f} ms{ratio:>8.2f}{peak_mib:>10.0f} MiB")
    spoil(model)
    parts = breakdown(model, x)
    last = model.layer.last_solve
    print("  " + ", ".join(f"{part} {1e3 * s:.1f} ms" for part, s in parts.items()))
    print(f"  iterations {last.forward.iterations} + {last.backward.iterations}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small models")
    parser.add_argument("--repeats", type=int, default=5, help="interleaved steps of each")
    parser.add_argument("--only", default="", help="models whose name contains this")
    options = parser.parse_args()
    print(f"{'model':<12}{'way':<10}{'CPU, a step':>13}{'ratio':>8}{'peak growth':>14}")
    for name in ("dense", "conv", "multi-tier"):
        if options.only in name:
            report(name, options.quick, options.repeats)


if __name__ == "__main__":
    main()
