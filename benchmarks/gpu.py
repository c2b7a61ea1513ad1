"""Training steps of the paper's models on a GPU, beside its floor and beside other code.

    python benchmarks/gpu.py [--data DIR] [--reference DIR] [--only NAME] [--repeats 20]

It prints, in Markdown: the machine with its bandwidth (a copy) and its peak (a real product),
measured in this run; for each model of the paper's tables the time of a training step (forward,
cross-entropy, backward, on one batch of noise in float32, Peaceman-Rachford with α = 1 at the
paper's tolerance 1e-2), its iterations, and the same step with the solve in CuPy over the same
memory, with torchdeq on the same cell, and by the paper's released code (``--reference``: where it
lies) with the same weights; the time of an iteration beside its floor, the sum over its kernels of
the larger of bytes/bandwidth and operations/peak, by formula; how far equilibria and gradients are
from those on the CPU; and an epoch of CIFAR-10 (``--data``: where the data lie).

Ways are interleaved, after a warm-up; figures are medians of CUDA events. TF32 is left as torch has
it, off. ``--device cpu --quick`` runs all of it on small models where there is no GPU: a rehearsal,
whose times mean nothing.
"""

from __future__ import annotations

import argparse
import copy
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import splitkit as sk
import splitkit_nn as sknn
from splitkit.backend import Space
from splitkit_nn.layers.exchange import find_library
from splitkit_nn.linear.lattice import Lattice
from splitkit_nn.training.recipes import find_recipe
from splitkit_nn.training.trainer import Trainer

sys.path.insert(0, str(Path(__file__).parent))  # where this directory is not the script's
import released

TOL, MAX_ITER = 1e-2, 300
LIMITS = {torch.float32: 1e-5, torch.float64: 1e-11}  # of the distance to the CPU's numbers
ALMOST = {torch.float32: 1e-6, torch.float64: 1e-13}  # the tolerance at which they are compared


@dataclass(frozen=True)
class Row:
    """A model of the paper's tables."""

    name: str
    kind: str
    in_channels: int
    side: int
    sizes: tuple[int, ...]

    def make(self, tol: float = TOL) -> sknn.Classifier:
        """The model, on the CPU."""
        torch.manual_seed(0)
        given: dict[str, Any] = {"tol": tol, "max_iter": MAX_ITER}
        model: sknn.Classifier
        if self.kind == "dense":
            inputs = self.in_channels * self.side**2
            model = sknn.DenseClassifier(inputs, self.sizes[0], 10, **given)
        elif self.kind == "conv":
            model = sknn.ConvClassifier(self.in_channels, self.sizes[0], self.side, 10, **given)
        else:
            model = sknn.MultiTierClassifier(self.in_channels, self.sizes, self.side, 10, **given)
        model.layer.method = sk.PeacemanRachford(alpha=1.0)
        return model

    def batch(self, size: int) -> Tensor:
        """Noise, on the CPU."""
        generator = torch.Generator().manual_seed(1)
        return torch.randn(size, self.in_channels, self.side, self.side, generator=generator)


ROWS = (
    Row("MNIST dense 87", "dense", 1, 28, (87,)),
    Row("MNIST conv 54", "conv", 1, 28, (54,)),
    Row("MNIST multi-tier 16/32/32", "multi-tier", 1, 28, (16, 32, 32)),
    Row("CIFAR-10 conv 81", "conv", 3, 32, (81,)),
    Row("CIFAR-10 conv 200", "conv", 3, 32, (200,)),
    Row("CIFAR-10 multi-tier 16/32/60", "multi-tier", 3, 32, (16, 32, 60)),
    Row("CIFAR-10 multi-tier 64/128/128", "multi-tier", 3, 32, (64, 128, 128)),
)
QUICK = (
    Row("dense 8", "dense", 1, 8, (8,)),
    Row("conv 4", "conv", 3, 8, (4,)),
    Row("multi-tier 2/3/4", "multi-tier", 3, 8, (2, 3, 4)),
)


# -- time and floor -------------------------------------------------------------------------------


def seconds(run: Callable[[], object], device: torch.device) -> float:
    """What a run takes on the device's stream; of the CPU, on the clock."""
    if device.type != "cuda":
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize(device)
    begin.record()
    run()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3


def medians(
    runs: dict[str, Callable[[], object]], device: torch.device, repeats: int
) -> dict[str, float]:
    """The median time of each, interleaved, after two rounds that do not count."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for k in range(repeats + 2):
        for name, run in runs.items():
            spent = seconds(run, device)
            if k >= 2:
                times[name].append(spent)
    return {name: statistics.median(each) for name, each in times.items()}


@dataclass(frozen=True)
class Machine:
    """Bytes and operations a second, in float32."""

    bandwidth: float
    peak: float

    @classmethod
    def measured(cls, device: torch.device) -> Machine:
        """By a copy, and by a product of real matrices."""
        n, side = (2**28, 8192) if device.type == "cuda" else (2**20, 512)
        a, b = torch.zeros(n, device=device), torch.empty(n, device=device)
        M = torch.randn(side, side, device=device)
        found = medians({"copy": lambda: b.copy_(a), "product": lambda: M @ M}, device, 10)
        return cls(2 * 4 * n / found["copy"], 2 * side**3 / found["product"])

    def floor(self, kernels: list[tuple[float, float]]) -> float:
        """The least time of kernels of so many operations and bytes, one after the other."""
        return sum(max(flops / self.peak, size / self.bandwidth) for flops, size in kernels)


Kernels = list[tuple[float, float]]  # operations, and bytes read or written once


def transform(at: Lattice, batch: int, channels: int) -> Kernels:
    """A real Fourier transform, or its inverse: 2.5 N log₂ N operations."""
    (height, width), images = at.coarse, batch * channels * at.phases
    size = height * width
    spectrum = 8 * images * height * (width // 2 + 1)
    return [(2.5 * images * size * math.log2(size), 4 * images * size + spectrum)]


def product(frequencies: int, batch: int, rows: int, columns: int) -> Kernels:
    """Complex blocks from the right, at every frequency."""
    flops = 8 * frequencies * batch * rows * columns
    return [(flops, 8 * frequencies * (batch * (rows + columns) + rows * columns))]


def kernels(P: sknn.Parametrization, batch: int) -> Kernels:
    """Of a step u ← c + C|u| of Peaceman-Rachford, each array read and written once."""
    if isinstance(P, sknn.MonotoneDense):
        n = P.features
        return [(2 * batch * n * n, 4 * (3 * batch * n + n * n))]
    if isinstance(P, sknn.MonotoneConv2d):
        lattices, channels = (P.grid,), (P.channels,)
    else:
        assert isinstance(P, sknn.MonotoneMultiTier)
        lattices, channels = P.lattices, P.channels
    work: Kernels = []
    for i, (at, n) in enumerate(zip(lattices, channels, strict=True)):
        work += 2 * transform(at, batch, n)
        work += product(at.frequencies, batch, n * at.phases, n * at.phases)
        work += [(0.0, 4 * 3 * batch * n * at.height * at.width)]  # |u|, + c
        if i + 1 < len(lattices):  # down to the next tier, and through its carried convolution
            after, m = lattices[i + 1], channels[i + 1]
            coarse = Lattice(*at.coarse)
            work += product(at.frequencies, batch, n * at.phases, m)
            work += transform(coarse, batch, m) + transform(after, batch, m)
            work += product(after.frequencies, batch, m * after.phases, m * after.phases)
    return work


def iteration(model: sknn.Classifier, x: Tensor) -> Callable[[], object]:
    """Twenty steps of the forward solve, without a poll."""
    P = model.layer.parametrization
    with torch.no_grad():
        F = sk.Affine(P.operator(exact=False), P.bias(model.inputs(x)))
        steps = model.layer.method.bind(F, model.layer.activation.operator)
    assert F.q is not None
    start = steps.begin(0 * F.q, Space.of(F.q, 1))

    def run() -> None:
        state = start
        with torch.no_grad():
            for _ in range(20):
                state = steps.step(state)

    return run


# -- ways -----------------------------------------------------------------------------------------


def train_step(
    model: nn.Module, logits: Callable[[Tensor], Tensor], x: Tensor, labels: Tensor
) -> None:
    """Forward and backward; then a new value of the parameters, so that nothing cached holds."""
    model.zero_grad()
    functional.cross_entropy(logits(x), labels).backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1 + 1e-6)


def by_torchdeq(model: sknn.Classifier) -> Callable[[Tensor], Tensor]:
    """The same cell, its equilibrium by torchdeq's Anderson and its gradient by torchdeq's."""
    from torchdeq import get_deq

    options = {"max_iter": 30, "tol": TOL, "stop_mode": "rel", "solver": "anderson"}
    deq = get_deq(ift=True, **{f"{side}_{k}": v for side in "fb" for k, v in options.items()})
    layer, P = model.layer, model.layer.parametrization

    def logits(x: Tensor) -> Tensor:
        W, bias = P.weight(), P.bias(model.inputs(x))
        found, _ = deq(lambda z: layer.activation(P.multiply(W, z) + bias), torch.zeros_like(bias))
        return model.readout(found[-1])

    return logits


def ways(
    row: Row, x: Tensor, library: str | None, reference: Any
) -> Iterator[tuple[str, nn.Module, Callable[[Tensor], Tensor], Callable[[], Any]]]:
    """(name, module, logits, iterations of the latest step) of each way that there is here."""
    model = row.make().to(x.device)
    if reference is not None:
        other = released.make(
            reference, row.kind, row.in_channels, row.side, row.sizes, tol=TOL, max_iter=MAX_ITER
        )
        model = released.same_weights(other, row.kind, row.side).to(x.device)
        model.layer.method, model.layer.max_iter = sk.PeacemanRachford(alpha=1.0), MAX_ITER
        model.layer.tol = TOL
    model.train()
    yield "splitkit", model, model, lambda: solver_iterations(model)
    if library is not None:
        elsewhere = copy.deepcopy(model)
        elsewhere.layer.solve_in = find_library(library)
        yield f"in {library}", elsewhere, elsewhere, lambda: solver_iterations(elsewhere)
    try:
        same = copy.deepcopy(model)
        yield "torchdeq", same, by_torchdeq(same), lambda: None
    except ImportError:
        pass
    if reference is not None:
        other = other.to(x.device)
        yield "released", other, other, lambda: released.iterations(other)


def solver_iterations(model: sknn.Classifier) -> tuple[int, int] | None:
    """Forward and backward, of the latest step."""
    last = model.layer.last_solve
    if last.forward is None or last.backward is None:
        return None
    return last.forward.iterations, last.backward.iterations


# -- tables ---------------------------------------------------------------------------------------


def table(*columns: str) -> None:
    """The head of a Markdown table."""
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)


def cells(*values: object) -> None:
    """A row of it."""
    print(f"| {' | '.join(map(str, values))} |", flush=True)


def report_machine(device: torch.device, library: str | None) -> Machine:
    """Name it, with its versions, and measure it."""
    name = platform.processor() or platform.machine()
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    machine = Machine.measured(device)
    print(f"{name}; torch {torch.__version__}, CUDA {torch.version.cuda}", end="")
    if library is not None:
        print(f", {library} {sys.modules[library].__version__}", end="")
    print(f"; TF32 {'on' if torch.backends.cuda.matmul.allow_tf32 else 'off'}")
    print(f"copy {machine.bandwidth / 1e9:.0f} GB/s, product {machine.peak / 1e12:.2f} TFLOP/s")
    return machine


def report_steps(
    rows: tuple[Row, ...], batch: int, device: torch.device, options: argparse.Namespace
) -> None:
    """Time and iterations of a training step, in each way."""
    reference = None if options.reference is None else released.load(options.reference)
    table("model", "way", "step, ms", "of splitkit's", "iterations", "peak memory, MiB")
    for row in rows:
        x = row.batch(batch).to(device)
        labels = torch.arange(batch, device=device) % 10
        found = list(ways(row, x, options.library, reference))
        runs = {
            name: partial(train_step, model, logits, x, labels) for name, model, logits, _ in found
        }
        times = medians(runs, device, options.repeats)
        for name, _, _, counted in found:
            iterations = counted()
            count = "" if iterations is None else f"{iterations[0]} + {iterations[1]}"
            ratio = f"{times[name] / times['splitkit']:.2f}"
            memory = peak_memory(runs[name], device)
            cells(row.name, name, f"{1e3 * times[name]:.2f}", ratio, count, memory)


def peak_memory(run: Callable[[], object], device: torch.device) -> str:
    """Of torch's allocator, above what is held; CuPy has a pool of its own."""
    if device.type != "cuda":
        return ""
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    run()
    return f"{(torch.cuda.max_memory_allocated(device) - before) / 2**20:.0f}"


def report_floor(
    rows: tuple[Row, ...], batch: int, device: torch.device, machine: Machine, repeats: int
) -> None:
    """The time of an iteration, and which share of it the floor is."""
    table("model", "iteration, µs", "floor, µs", "floor's share", "GFLOP", "MB")
    for row in rows:
        model, x = row.make().to(device), row.batch(batch).to(device)
        spent = medians({"": iteration(model, x)}, device, repeats)[""] / 20
        work = kernels(model.layer.parametrization, batch)
        floor, flops = machine.floor(work), sum(each for each, _ in work)
        share = f"{floor / spent:.0%}"
        size = sum(each for _, each in work)
        numbers = (f"{1e6 * spent:.1f}", f"{1e6 * floor:.1f}", share)
        cells(row.name, *numbers, f"{flops / 1e9:.3f}", f"{size / 1e6:.2f}")


def derivatives(model: sknn.Classifier, x: Tensor) -> list[Tensor]:
    """The equilibrium and the gradients of a smooth function of it, on the CPU."""
    model.zero_grad()
    z = model.layer(model.inputs(x))
    z.square().mean().backward()
    parameters = model.layer.parametrization.parameters()
    return [t.detach().double().cpu() for t in (z, *(p.grad for p in parameters)) if t is not None]


def report_agreement(
    rows: tuple[Row, ...], batch: int, device: torch.device, library: str | None
) -> bool:
    """The largest distance to the CPU's numbers, relative to the largest number; whether all hold.

    The CPU's are those of float64 at the tolerance of float64.
    """
    table("model", "precision", "solve in", "distance to the CPU", "at most")
    good = True
    for row in rows:
        x = row.batch(batch)
        exact = derivatives(row.make(ALMOST[torch.float64]).double(), x.double())
        for dtype, limit in LIMITS.items():
            for name in (None, library) if library is not None else (None,):
                model = row.make(ALMOST[dtype]).to(device, dtype)
                model.layer.max_iter = 2000
                model.layer.solve_in = find_library(name)
                found = derivatives(model, x.to(device, dtype))
                pairs = zip(found, exact, strict=True)
                gap = max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)
                good = good and gap <= limit
                precision = str(dtype).removeprefix("torch.")
                cells(row.name, precision, name or "torch", f"{gap:.1e}", f"{limit:g}")
    return good


def report_epoch(data: Path, device: torch.device) -> None:
    """An epoch of CIFAR-10's single convolution, as its recipe has it."""
    recipe = replace(find_recipe("cifar10-conv"), epochs=1)
    trainer = Trainer(recipe, recipe.load(data), device)
    done = trainer.run_epoch(lambda epoch, step: None)
    print(
        f"\nAn epoch of {recipe.name} ({len(trainer.dataset.train_x)} images, its test included): "
        f"{done.seconds:.1f} s, {done.forward_iterations:.1f} + {done.backward_iterations:.1f} "
        f"iterations, training accuracy {done.train_accuracy:.1%}, test {done.test_accuracy:.1%}"
    )


def usable(library: str | None, device: torch.device) -> str | None:
    """The library for solves elsewhere: the one given, else CuPy on a GPU if it is there."""
    if library is None:
        library = "cupy" if device.type == "cuda" else "numpy"
        try:
            find_library(library)
        except ImportError as error:
            print(f"{error}\n", file=sys.stderr)
            return None
    return library


def main(arguments: list[str] | None = None) -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, … or cpu (a rehearsal)")
    parser.add_argument("--quick", action="store_true", help="small models")
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument("--repeats", type=int, default=20, help="interleaved steps of each way")
    parser.add_argument("--library", help="where solves run beside torch (default: cupy)")
    parser.add_argument("--reference", type=Path, help="directory of the paper's released code")
    parser.add_argument("--data", type=Path, help="directory with CIFAR-10's binary version")
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit(
            "no CUDA device on this machine, or a torch without CUDA: run this where there is one; "
            "--device cpu --quick rehearses it on small models"
        )
    if device.type == "cuda":
        device = torch.device("cuda", device.index or 0)
        torch.cuda.set_device(device)
    options.library = usable(options.library, device)
    rows = tuple(row for row in (QUICK if options.quick else ROWS) if options.only in row.name)
    batch = 8 if options.quick else 128
    machine = report_machine(device, options.library)
    report_steps(rows, batch, device, options)
    report_floor(rows, batch, device, machine, options.repeats)
    good = report_agreement(rows, min(batch, 16), device, options.library)
    if options.data is not None:
        report_epoch(options.data, device)
    if not good:
        sys.exit("\nsome numbers are farther from the CPU's than they may be: see the table above")


if __name__ == "__main__":
    main()
