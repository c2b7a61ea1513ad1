"""How an iteration grows over processes: measured on 1, 2 and 4 of one machine, computed beyond.

    OMP_NUM_THREADS=1 python benchmarks/scale_out.py [--quick] [--write docs/results/scale_out.md]

Of each family the time of an iteration, its collectives and the bytes that a process gives to them.
Strong: the same problem on more processes; weak: a problem that grows with them. On a machine of c
cores p > c processes take turns, so that a time cannot fall below p/c of one process' share: what
it shows is that the answers agree and what is exchanged. The second table is no measurement: it
puts the counted exchanges and the bytes that an iteration reads into

    t(p) = bytes read / (p × memory bandwidth) + Σ (2 log₂p × latency + 2 (1 − 1/p) bytes / network)

of a ring or tree for each collective, with figures of hardware that are printed with it.
"""

import argparse
import math
import os
import platform
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils._python_dispatch import TorchDispatchMode

import splitkit as sk
import splitkit_nn as sknn
from splitkit.backend import solving
from splitkit.looks import known_points

f = sk.functions
EACH, ROWS, COLUMNS = Replicate(), Shard(0), Shard(1)
PROCESSES = (1, 2, 4)
MEMORY, NETWORK, LATENCY = 3.35e12, 5.0e10, 5e-6  # bytes/s, bytes/s, s
HARDWARE = (
    "one H100 SXM a process, 3.35 TB/s (NVIDIA's data sheet); one 400 Gb/s InfiniBand port for "
    "each, 50 GB/s; 5 µs a hop, assumed"
)


class Exchanged(TorchDispatchMode):
    """Counts collectives and the bytes that this process gives to them."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.bytes = 0, 0

    def __torch_dispatch__(self, f: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = f.name()
        if f.namespace == "_c10d_functional" and not ("wait" in name or "wrap" in name):
            self.add(args[0][0] if isinstance(args[0], list) else args[0])
        return f(*args, **(kwargs or {}))

    def add(self, given: torch.Tensor) -> None:
        """One more collective, of this."""
        self.count += 1
        self.bytes += given.numel() * given.element_size()


class LocalLeastSquares(sk.Operator):
    """The gradient of Σᵢ ½‖Aᵢxᵢ − bᵢ‖², of which each process has its own terms."""

    properties = sk.Properties.of(monotone=True, maximal=True, gradient=True)

    def __init__(self, A: DTensor, b: DTensor) -> None:
        self.A, self.b = A.to_local(), b.to_local()

    def make_resolvent(self, alpha: Any) -> Callable[[Any], Any]:
        gram = torch.eye(self.A.shape[-1], dtype=self.A.dtype) + alpha * self.A.mT @ self.A
        factor = torch.linalg.cholesky(gram)
        moved = alpha * (self.A.mT @ self.b[..., None])

        def resolvent(y: DTensor) -> DTensor:
            x = torch.cholesky_solve(y.to_local()[..., None] + moved, factor)[..., 0]
            return DTensor.from_local(x, y.device_mesh, y.placements, run_check=False)

        return resolvent


@dataclass(frozen=True)
class Case:
    """What is iterated on a mesh: so many iterations, and the exchanges of one."""

    many: Callable[[int], None]
    exchanged: Callable[[], Exchanged]


def normal(*shape: int) -> torch.Tensor:
    """The same on every process."""
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def solve_case(inclusion: sk.Operator, x0: DTensor, method: sk.Method) -> Case:
    """Iterations of a solve that never ends by itself."""
    planned = sk.plan(inclusion, x0, method)

    def many(count: int) -> None:
        planned.solve(tol=0.0, max_iter=count, on_failure="return")

    with solving(x0), known_points():
        iteration = planned.method.bind(*planned.terms)
        state = iteration.step(iteration.begin(x0, planned.space))

    def exchanged() -> Exchanged:
        with solving(x0), known_points(), Exchanged() as counted:
            iteration.step(state)
        return counted

    return Case(many, exchanged)


def lasso_by_rows(mesh: Any, m: int, n: int = 400) -> Case:
    """FISTA, A by rows."""
    A, b = (distribute_tensor(normal(*s), mesh, [ROWS]) for s in ((m, n), (m,)))
    x0 = distribute_tensor(torch.zeros(n, dtype=torch.float64), mesh, [EACH])
    problem = sk.Subdifferential(f.SquaredL2(center=b) @ A + f.L1Norm(1.0))
    return solve_case(problem, x0, sk.FISTA())


def lasso_by_columns(mesh: Any, n: int, m: int = 400) -> Case:
    """Chambolle-Pock, A by columns."""
    A = distribute_tensor(normal(m, n), mesh, [COLUMNS])
    b = distribute_tensor(normal(m), mesh, [EACH])
    x0 = distribute_tensor(torch.zeros(n, dtype=torch.float64), mesh, [ROWS])
    problem = sk.Subdifferential(f.SquaredL2(center=b) @ A + f.L1Norm(1.0))
    return solve_case(problem, x0, sk.ChambollePock(balance=False))


def consensus(mesh: Any, agents: int, n: int = 200) -> Case:
    """Douglas-Rachford, some agents a process."""
    A, b = (distribute_tensor(normal(*s), mesh, [ROWS]) for s in ((agents, 300, n), (agents, 300)))
    x0 = distribute_tensor(torch.zeros(agents, n, dtype=torch.float64), mesh, [ROWS])
    problem = LocalLeastSquares(A, b) + sk.Consensus(agents)
    return solve_case(problem, x0, sk.DouglasRachford(alpha=0.1))


def training(mesh: Any, samples: int) -> Case:
    """A training step of a dense MonDEQ under DDP, samples by process."""
    torch.manual_seed(0)
    layer = sknn.MonDEQ(sknn.MonotoneDense(784, 87))
    model = DistributedDataParallel(nn.Sequential(layer, nn.Linear(87, 10)))
    x = normal(samples, 784).float()[mesh.get_rank() :: mesh.size()]

    counted = Exchanged()

    def hook(_: object, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
        counted.add(bucket.buffer())
        return allreduce_hook(mesh.get_group(), bucket)

    model.register_comm_hook(None, hook)

    def many(count: int) -> None:
        for _ in range(count):
            model(x).square().mean().backward()

    def exchanged() -> Exchanged:
        counted.count = counted.bytes = 0
        many(1)
        return counted

    return Case(many, exchanged)


FAMILIES: dict[str, tuple[Callable[..., Case], int, int]] = {  # maker, size, iterations
    "lasso by rows, FISTA": (lasso_by_rows, 16000, 40),
    "lasso by columns, Chambolle-Pock": (lasso_by_columns, 16000, 40),
    "consensus of agents, Douglas-Rachford": (consensus, 16, 100),
    "training step, dense 87": (training, 512, 20),
}


def work(rank: int, processes: int, port: str, quick: bool, sender: Any) -> None:
    """Time every family on a mesh of so many processes."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(processes)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (processes,))
    found = {}
    for name, (make, size, count) in FAMILIES.items():
        size, count = (max(size // 100, 16), 2) if quick else (size, count)
        for kind, total in (("strong", size), ("weak", size // 4 * processes)):
            case = make(mesh, total)
            case.many(3)
            took = []
            for _ in range(3):
                dist.barrier()
                began = time.perf_counter()
                case.many(count)
                middle = time.perf_counter()
                case.many(3 * count)
                took.append((time.perf_counter() - middle - (middle - began)) / (2 * count))
            counted = case.exchanged()
            found[name, kind] = min(took), counted.count, counted.bytes
    if rank == 0:
        sender.send(found)
    dist.barrier()
    dist.destroy_process_group()


def measured(quick: bool) -> dict[int, dict[tuple[str, str], tuple[float, int, int]]]:
    """Of each number of processes what ``work`` found."""
    found, context = {}, get_context("fork")
    for processes in PROCESSES:
        with socket.socket() as opened:
            opened.bind(("127.0.0.1", 0))
            port = str(opened.getsockname()[1])
        receiver, sender = context.Pipe(duplex=False)
        workers = [
            context.Process(target=work, args=(rank, processes, port, quick, sender))
            for rank in range(processes)
        ]
        for each in workers:
            each.start()
        sender.close()
        found[processes] = receiver.recv()
        for each in workers:
            each.join()
    return found


# what an iteration of a problem that fills many machines reads, and gives to each collective; bytes
LARGE: dict[str, tuple[str, float, list[float]]] = {
    "lasso by rows": ("10⁹ × 10⁴, single precision", 2 * 4e13, [4e4]),
    "lasso by columns": ("10⁵ × 10⁹, single precision", 2 * 4e14, [4e5]),
    "consensus": ("4,096 agents of 10⁴ unknowns, factored", 4096 * 4e8, [4e4]),
    "training step": ("batch 65,536, dense 87, 30 iterations", 30 * 65536 * 87 * 8.0, [3e5]),
}


def computed(read: float, given: list[float], p: int) -> float:
    """Seconds of an iteration on p processes, by the formula above."""
    hops = 2 * math.log2(p) * LATENCY
    return read / (p * MEMORY) + sum(hops + 2 * (1 - 1 / p) * each / NETWORK for each in given)


def page(found: dict[int, dict[tuple[str, str], tuple[float, int, int]]]) -> str:
    """Both tables."""
    lines = [
        "# More machines",
        "",
        "```sh",
        "OMP_NUM_THREADS=1 python benchmarks/scale_out.py --write docs/results/scale_out.md",
        "```",
        "",
        f"Measured {date.today()} on {os.cpu_count()} cores ({platform.machine()}), Torch",
        f"{torch.__version__}, gloo, one thread a process: milliseconds of an iteration, with its",
        "collectives and the bytes that a process gives to them. With more processes than cores",
        "they take turns: the last column can show what is exchanged, no speed.",
        "",
        "| family | scaling | 1 process | 2 | 4 | collectives | bytes |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, kind in found[1]:
        times = [f"{1e3 * found[p][name, kind][0]:.3g}" for p in PROCESSES]
        _, count, size = found[2][name, kind]
        lines.append(f"| {name} | {kind} | {' | '.join(times)} | {count} | {size:,} |")
    lines += [
        "",
        "Strong: the same problem on more processes. Weak: a quarter of it for each.",
        "",
        "## Computed, not measured",
        "",
        "t(p) = bytes read / (p × memory bandwidth) + Σ (2 log₂p × latency + 2 (1 − 1/p) bytes /",
        f"network) for {HARDWARE}. Milliseconds of an iteration:",
        "",
        "| problem | size | " + " | ".join(f"p = {4**k:,}" for k in range(2, 7)) + " |",
        "|---|---|" + "---:|" * 5,
    ]
    for name, (size, read, given) in LARGE.items():
        times = [f"{1e3 * computed(read, given, 4**k):.3g}" for k in range(2, 7)]
        lines.append(f"| {name} | {size} | {' | '.join(times)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, compute, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--write", type=Path, help="the page to write")
    options = parser.parse_args()
    text = page(measured(options.quick))
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
