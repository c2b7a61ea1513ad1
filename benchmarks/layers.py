"""Time, iterations, error and memory of the paper's models, beside other ways to solve them.

    OMP_NUM_THREADS=1 python benchmarks/layers.py [--reference DIR] [--tol 1e-2] [--only conv]

A training step is forward, cross-entropy and backward on one batch of noise, in float32, after the
parameters have changed; an evaluation records nothing, and what was factored is still there. The
ways, all at the same weights and the same nominal tolerance, each in its own norm:

    splitkit        the layer, with certificates and a stop for each sample
    … at a tol      where its error is above that of the released code, or of the paper's algorithm
                    where that is not given: the layer, its tolerance halved until it is not; no
                    row where rounding prevents that
    released code   with --reference (see benchmarks/README.md)
    paper           a rendering of the paper's algorithms (paper_algorithm.py)
    torchdeq        fixed point and Anderson on the cell z ↦ σ(Wz + Ux + b), exact gradient
    explicit        two layers with the same maps, without a solve

Figures are medians of CPU time over interleaved turns, and their ratios to the layer's; in a turn a
step is repeated for TURN seconds, as a training repeats it. The error is relative, to a solve in
float64 to 1e-10, on the first samples. For memory each way runs once alone,
in a process of its own: the peak of a training step over what the process held before.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import math
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paper_algorithm
import released
import torch
from torch import Tensor, nn
from torch.nn import functional

import splitkit as sk
from splitkit_nn.linear import MonotoneConv2d, MonotoneMultiTier, Parametrization
from splitkit_nn.models import Classifier, ConvClassifier, DenseClassifier, MultiTierClassifier

SAMPLES = 16  # on which errors are measured
TURN = 0.1  # seconds of each way before the next: the code of a short step is then at hand
MODELS = {  # (channels of the image, side); units or channels; and the same for --quick
    "dense": (((1, 28), (87,)), ((1, 8), (20,))),
    "conv": (((3, 32), (81,)), ((3, 8), (8,))),
    "multi-tier": (((3, 32), (16, 32, 60)), ((3, 8), (4, 8, 8))),
}


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    quick: bool
    repeats: int
    tol: float
    reference: Path | None


@dataclass
class Way:
    """A way to logits; ``run`` notes the equilibrium and how many iterations it took."""

    module: nn.Module
    run: Callable[[Tensor], Tensor]
    z: Tensor | None = None
    iterations: Callable[[], list[Any]] = field(default=list)
    trained: list[Any] = field(default_factory=list)  # iterations of the latest training step

    def train(self, x: Tensor) -> None:
        """Forward and backward; the gradients stay in the parameters."""
        self.module.train().zero_grad()
        functional.cross_entropy(self.run(x), torch.arange(len(x)) % 10).backward()
        self.trained = list(self.iterations())

    def evaluate(self, x: Tensor) -> None:
        """Forward, with nothing recorded."""
        self.module.eval()
        with torch.no_grad():
            self.run(x)


def make(name: str, options: Options) -> tuple[Classifier, nn.Module | None, Tensor]:
    """A model of the paper with random weights, the released code's with the same, and a batch."""
    torch.manual_seed(0)
    (colours, side), sizes = MODELS[name][options.quick]
    model: Classifier
    if name == "dense":
        model = DenseClassifier(colours * side**2, sizes[0], 10, tol=options.tol)
    elif name == "conv":
        model = ConvClassifier(colours, sizes[0], side, 10, tol=options.tol)
    else:
        model = MultiTierClassifier(colours, sizes, side, 10, tol=options.tol)
    theirs: nn.Module | None = None
    if options.reference is not None:
        modules = released.load(options.reference)
        theirs = released.make(
            modules, name, colours, side, sizes, tol=options.tol, max_iter=paper_algorithm.MAX_ITER
        )
        model.load_state_dict(released.same_weights(theirs, name, side).state_dict())
    batch = 32 if options.quick else 128
    shape = (colours * side**2,) if name == "dense" else (colours, side, side)
    return model, theirs, torch.randn(batch, *shape)


def ways(model: Classifier, theirs: nn.Module | None, tol: float) -> dict[str, Way]:
    """All ways but the one at another's error."""
    found = {"splitkit": layer_way(model, tol)}
    if theirs is not None:
        found["released code"] = released_way(theirs)
    found["paper"] = paper_way(model, tol)
    for solver in ("fixed_point_iter", "anderson"):
        way = torchdeq_way(model, tol, solver)
        if way is not None:
            found[f"torchdeq {solver[:8]}"] = way
    found["explicit"] = explicit_way(model)
    return found


def layer_way(model: Classifier, tol: float) -> Way:
    """The layer itself."""

    def run(x: Tensor) -> Tensor:
        model.layer.tol = tol
        way.z = model.layer(model.inputs(x))
        return model.readout(way.z)

    def iterations() -> list[Any]:
        last = model.layer.last_solve
        return [each.iterations for each in (last.forward, last.backward) if each is not None]

    way = Way(model, run, iterations=iterations)
    return way


def released_way(theirs: Any) -> Way:
    """The released code."""

    def note(module: nn.Module, inputs: Any, z: tuple[Tensor, ...]) -> None:
        way.z = torch.cat([tier.flatten(1) for tier in z], dim=1)

    theirs.mon.register_forward_hook(note)
    stats = theirs.mon.stats
    way = Way(theirs, theirs, iterations=lambda: [stats.fwd_iters.val, stats.bkwd_iters.val])
    return way


def paper_way(model: Classifier, tol: float) -> Way:
    """The rendering of the paper's algorithms."""

    def run(x: Tensor) -> Tensor:
        way.z, iterations = paper_algorithm.equilibrium(model, model.inputs(x), tol)
        way.iterations = lambda: iterations
        return model.readout(way.z)

    way = Way(model, run)
    return way


def product(P: Parametrization, W: Tensor) -> Callable[[Tensor], Tensor]:
    """z ↦ Wz, with the spectrum of W made once."""
    if isinstance(P, MonotoneMultiTier):
        M = P._operator(W)
        return lambda z: z - M(z)
    if isinstance(P, MonotoneConv2d):
        blocks = P.grid.spectrum(W).mT
        return lambda z: P.grid.inverse(P.grid.transform(z) @ blocks)
    return lambda z: P.multiply(W, z)


def torchdeq_way(model: Classifier, tol: float, solver: str) -> Way | None:
    """torchdeq on the same cell; None where it is not installed."""
    try:
        from torchdeq import get_deq
    except ImportError:
        return None
    forward = {"f_solver": solver, "f_tol": tol, "f_max_iter": 300, "f_stop_mode": "rel"}
    backward = {"b_solver": solver, "b_tol": tol, "b_max_iter": 300, "b_stop_mode": "rel"}
    deq = get_deq(ift=True, **forward, **backward)

    def run(x: Tensor) -> Tensor:
        P, sigma = model.layer.parametrization, model.layer.activation
        apply, bias = product(P, P.weight()), P.bias(model.inputs(x))
        deq.train(model.training)
        found, info = deq(lambda z: sigma(apply(z) + bias), torch.zeros_like(bias))
        way.z, steps = found[-1], int(info["nstep"].max())
        way.iterations = lambda: [steps]
        return model.readout(way.z)

    way = Way(model, run)
    return way


def explicit_way(model: Classifier) -> Way:
    """Two layers with the same maps, without a solve."""

    def run(x: Tensor) -> Tensor:
        P, sigma = model.layer.parametrization, model.layer.activation
        bias = P.bias(model.inputs(x))
        return model.readout(sigma(P.multiply(P.weight(), sigma(bias)) + bias))

    return Way(model, run)


def exact(model: Classifier, x: Tensor) -> Tensor:
    """The equilibrium of each sample, in float64."""
    layer = copy.deepcopy(model.layer).double().eval()
    layer.tol, layer.max_iter = 1e-10, 10_000
    with torch.no_grad():
        return layer(model.inputs(x).double()).flatten(1)


def error(way: Way, x: Tensor, z: Tensor) -> float:
    """‖found − z‖/‖z‖; NaN for a way that finds no equilibrium."""
    way.evaluate(x)
    if way.z is None:
        return math.nan
    return float((way.z.double().flatten(1) - z).norm() / z.norm())


def with_matched(found: dict[str, Way], model: Classifier, x: Tensor, tol: float) -> dict[str, Way]:
    """The ways, and after the first the layer at the error of the released code or the paper."""
    x = x[:SAMPLES]
    z = exact(model, x)
    rival = found.get("released code", found["paper"])
    target, matched, nominal = error(rival, x, z), {}, tol
    if error(found["splitkit"], x, z) > target:
        with contextlib.suppress(sk.NotConvergedError):  # what is asked for, float32 cannot give
            while tol > 1e-3 * nominal:
                tol /= 2
                way = layer_way(model, tol)
                if error(way, x, z) <= target:
                    matched = {f"… at {tol:.1e}": way}
                    break
    return {"splitkit": found["splitkit"], **matched, **found}


def spoil(model: Classifier) -> None:
    """A new value of the parameters, as an optimizer's step gives it: nothing cached holds."""
    with torch.no_grad():
        for p in model.layer.parametrization.parameters():
            p.mul_(1 + 1e-6)


def clock(run: Callable[[], object]) -> float:
    """CPU seconds of a run, the mean over a turn whose first run is not counted if it is short."""
    start = time.process_time()
    run()
    first, runs = time.process_time() - start, 0
    if first > TURN:
        return first
    start = time.process_time()
    while (seconds := time.process_time() - start) < TURN:
        run()
        runs += 1
    return seconds / runs


def peak(name: str, options: Options, way: str, results: Any) -> None:
    """Put the growth of the resident memory, in MiB, into the queue."""
    model, theirs, x = make(name, options)
    each = ways(model, theirs, options.tol)[way]
    before = high_water()
    each.train(x)
    results.put(high_water() - before)


def high_water() -> float:
    """The most memory that this process has held, in MiB; NaN where Linux does not say it."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return math.nan
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def memory(name: str, options: Options, way: str) -> float:
    """The peak of a training step in a process of its own."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=peak, args=(name, options, way, results))
    process.start()
    found: float = results.get()
    process.join()
    return found


def medians(
    found: dict[str, Way], run: str, x: Tensor, repeats: int, before: Callable[[], None]
) -> dict[str, float]:
    """The median CPU time of each way over turns, after a run on few samples."""
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(repeats):
        for name, way in found.items():

            def step(way: Way = way) -> None:
                before()
                getattr(way, run)(x)

            if not times[name]:
                getattr(way, run)(x[:SAMPLES])
            times[name].append(clock(step))
    return {name: statistics.median(each or [math.nan]) for name, each in times.items()}


def report(name: str, options: Options) -> None:
    """The rows of one model."""
    model, theirs, x = make(name, options)
    found = with_matched(ways(model, theirs, options.tol), model, x, options.tol)
    evaluation = medians(found, "evaluate", x, options.repeats, lambda: None)
    training = medians(found, "train", x, options.repeats, lambda: spoil(model))
    z = exact(model, x[:SAMPLES])
    for way, each in found.items():
        if not options.repeats:
            each.train(x)
        iterations = "+".join(map(str, each.trained))
        skipped = way.startswith("…") or not options.repeats
        mib = math.nan if skipped else memory(name, options, way)
        print(
            f"{name:<11}{way:<18}{1e3 * training[way]:>10.1f} ms"
            f"{training[way] / training['splitkit']:>7.2f}{1e3 * evaluation[way]:>10.1f} ms"
            f"{evaluation[way] / evaluation['splitkit']:>7.2f}{iterations:>9}"
            f"{error(each, x[:SAMPLES], z):>10.1e}{mib:>9.0f} MiB",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small models")
    parser.add_argument(
        "--repeats", type=int, default=3, help="interleaved runs of each way; 0: no times"
    )
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument("--tol", type=float, default=1e-2, help="the nominal tolerance")
    parser.add_argument("--reference", type=Path, help="the folder of the paper's released code")
    given = parser.parse_args()
    options = Options(given.quick, given.repeats, given.tol, given.reference)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"tolerance {options.tol:g}, {torch.get_num_threads()} thread(s), load {load}")
    print(
        f"{'model':<11}{'way':<18}{'training step':>13}{'ratio':>7}{'evaluation':>13}{'ratio':>7}"
        f"{'iter.':>9}{'error':>10}{'peak':>13}"
    )
    for name in MODELS:
        if given.only in name:
            report(name, options)


if __name__ == "__main__":
    main()
