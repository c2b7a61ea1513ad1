"""Run by test_processes.py: problems whose data or points Torch cuts over processes, beside the
same problems in one. Prints as JSON how 2 processes end where one of them fails, or is killed at so
many moments, what 2 found, and 4 of the problems named; or what 2 found of all that is registered.
"""

import io
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.debug import CommDebugMode

import splitkit as sk
from splitkit import meshes
from splitkit.backend import Space, solving
from splitkit.linear import dense
from splitkit.looks import known_points
from splitkit.meshes import gathered
from splitkit.testing import registered
from splitkit.testing.strategies import make_array

f = sk.functions
EACH, ROWS, COLUMNS = Replicate(), Shard(0), Shard(1)
generator = torch.Generator().manual_seed(0)


def normal(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=generator)


class LocalLeastSquares(sk.Operator):
    """The gradient of Σᵢ ½‖Aᵢxᵢ − bᵢ‖², of which each process has its own terms."""

    properties = sk.Properties.of(monotone=True, maximal=True, gradient=True)

    def __init__(self, A, b):
        self.A, self.b = self._own(A), self._own(b)

    def make_resolvent(self, alpha):
        A, b = self.A, self.b
        gram = torch.eye(A.shape[-1], dtype=A.dtype) + alpha * A.mT @ A
        moved = alpha * (A.mT @ b[..., None])

        def resolvent(y):
            x = torch.linalg.solve(gram, self._own(y)[..., None] + moved)[..., 0]
            if not isinstance(y, DTensor):
                return x
            return DTensor.from_local(x, y.device_mesh, y.placements, run_check=False)

        return resolvent

    def _own(self, x):
        return x.to_local() if isinstance(x, DTensor) else x


class Slowed(sk.Operator):
    """An operator that takes its time, on each process another."""

    def __init__(self, F, rank):
        self.F, self.waits, self.properties = F, random.Random(rank), F.properties

    def __call__(self, x):
        time.sleep(self.waits.uniform(0.0, 2e-3))
        return self.F(x)


class Cournot(sk.Operator):
    """Each row of x is a player's output of some goods, whose prices fall with the sum of them."""

    properties = sk.Properties.of(strong_monotonicity=1.0, lipschitz=6.0)

    def __init__(self, q):
        self.q = q

    def __call__(self, x):
        return x + x.sum(0, keepdim=True) + self.q


A, b, zero = normal(40, 12), normal(40), torch.zeros(12, dtype=torch.float64)
M = normal(12, 12)
M = M @ M.T / 12 + torch.eye(12, dtype=torch.float64) + M - M.T
IMAGE = torch.kron(normal(4, 2), torch.ones(4, 6, dtype=torch.float64)) + 0.1 * normal(16, 12)
AGENTS, TARGETS, FOURS = normal(4, 10, 6), normal(4, 10), torch.zeros(4, 6, dtype=torch.float64)
BATCH = normal(8, 12)


def lasso(A, b):
    return f.SquaredL2(center=b) @ A + f.L1Norm(0.5)


def box(M, q):
    return sk.Affine(M, q) + sk.NormalCone(f.Box(0.0, 1.0))


# what is solved, of data; the data and where it lies; x0 and where it lies; the method; options
PROBLEMS = {
    "rows": (lasso, (A, b), (ROWS, ROWS), zero, EACH, sk.FISTA(), {}),
    "least squares": (
        lambda A, b: f.LeastSquares(A, b) + f.L1Norm(0.5),
        *((A, b), (ROWS, ROWS), zero, EACH, sk.ForwardBackward(), {}),
    ),
    "logistic": (
        lambda A, y: f.Logistic(y) @ A + f.L1Norm(0.5),
        *((A, b.sign()), (ROWS, ROWS), zero, EACH, None, {}),
    ),
    "columns": (
        lasso,
        *((A, b), (COLUMNS, EACH), zero, ROWS, sk.ChambollePock(balance=False), {}),
    ),
    "rows of a dual": (
        lasso,
        *((A, b), (ROWS, ROWS), zero, EACH, sk.ChambollePock(balance=False), {}),
    ),
    "ADMM": (lasso, (A, b), (ROWS, ROWS), zero, EACH, sk.ADMM(), {}),
    "affine": (box, (M, b[:12]), (ROWS, ROWS), zero, ROWS, None, {}),
    "Tseng": (box, (M, b[:12]), (ROWS, ROWS), zero, ROWS, sk.Tseng(), {}),
    "Anderson": (
        box,
        *((M, b[:12]), (ROWS, ROWS), zero, ROWS, sk.Anderson(sk.DouglasRachford()), {}),
    ),
    "strips": (
        lambda p: f.SquaredL2(center=p) + f.L1Norm(0.2) @ sk.linear.Gradient((-2, -1)),
        *((IMAGE,), (ROWS,), torch.zeros_like(IMAGE), ROWS),
        *(sk.ChambollePock(balance=False), {"tol": 1e-2}),
    ),
    "consensus": (
        lambda A, b: LocalLeastSquares(A, b) + sk.Consensus(4),
        *((AGENTS, TARGETS), (ROWS, ROWS), FOURS, ROWS, sk.DouglasRachford(alpha=0.1), {}),
    ),
    "batch": (
        lambda c: f.SquaredL2(center=c) + f.L2Norm(0.3, batch_ndim=1) + f.L1Norm(0.1),
        *((BATCH,), (ROWS,), torch.zeros_like(BATCH), ROWS, None, {"batch_ndim": 1}),
    ),
    "players": (
        lambda q: Cournot(q) + sk.NormalCone(f.Box(0.0, 1.0)),
        *((BATCH[:4],), (ROWS,), torch.zeros_like(BATCH[:4]), ROWS, sk.Tseng(), {}),
    ),
}


def solved(make, data, x0, method, options):
    inclusion = make(*data)
    if isinstance(inclusion, f.Function):
        inclusion = sk.Subdifferential(inclusion)
    return inclusion, sk.solve(inclusion, x0, method, **{"tol": 1e-3} | options)


def exchanged(inclusion, x0, method, options):
    """How often processes exchange something in an iteration, by kind, and how much at the most."""
    planned = sk.plan(inclusion, x0, method, batch_ndim=options.get("batch_ndim", 0))
    with solving(x0), known_points():
        iteration = planned.method.bind(*planned.terms)
        state = iteration.step(iteration.begin(x0, planned.space))
        with CommDebugMode() as counted:
            iteration.step(state)
    return {str(kind).rsplit(".", 1)[-1]: n for kind, n in counted.get_comm_counts().items()}


def refused(call):
    try:
        call()
    except (TypeError, ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def rank_of_rows(x):
    """0 in the first row and 1 in the second."""
    rows = torch.arange(2.0, dtype=torch.float64)[:, None]
    return distribute_tensor(rows, x.device_mesh, x.placements)


def questions(mesh, cut, rank):
    """What is asked apart from the problems, in a process of this rank."""
    there, start = cut(A, ROWS), cut(zero, ROWS)
    separate = f.SquaredL2(center=cut(b[:12], ROWS))
    dense.CERTIFIED_WORK = 0  # so that a norm is a bound by sums of entries

    def differing(f=separate, x0=start, method=None, **options):
        return refused(lambda: sk.minimize(f, x0, method, **options))

    def solve_on(**options):
        problem = lasso(there, cut(b, ROWS))
        solution = sk.minimize(
            problem, cut(zero, EACH), sk.FISTA(), max_iter=10**6, on_failure="return", **options
        )
        return solution.status, solution.iterations

    def projected():
        point = torch.ones(2**18, dtype=torch.float64)
        return f.Simplex().project(cut(point, ROWS)).full_tensor()

    with sk.gathering():
        allowed = projected()
    vi = sk.VI(sk.Affine(cut(M, ROWS), cut(b[:12], ROWS)), f.Box(0.0, 1.0))
    at, alone = zero + 0.5, sk.VI(sk.Affine(M, b[:12]), f.Box(0.0, 1.0))
    judged = [
        float(getattr(vi, name)(cut(at, ROWS))) / float(getattr(alone, name)(at))
        for name in ("gap", "natural_residual", "regularized_gap", "relative_residual")
    ]
    estimates = [
        sk.linear.estimate_norm(L, z).value
        for L, z in (
            (sk.linear.DenseMatrix(cut(A, COLUMNS)), start),
            (sk.linear.DenseMatrix(A), zero),
        )
    ]
    free, meshes.GATHERED_FREELY = meshes.GATHERED_FREELY, 100
    try:  # as of matrices of more than a mebibyte
        scattered = sk.linear.DenseMatrix(cut(M, ROWS), strong_monotonicity=0.5)
        inverses = scattered.shifted_inverse(0.5), scattered.inverted()
        solutions = [V(cut(b[:12], ROWS)).full_tensor() for V in inverses]
    finally:
        meshes.GATHERED_FREELY = free
    systems = torch.eye(12, dtype=torch.float64) + 0.5 * M, M
    multiplied = [
        (x, torch.linalg.solve(A, b[:12])) for x, A in zip(solutions, systems, strict=True)
    ]
    half = f.HalfSpace(b[:12], 0.3).project(b[:12])
    halved = f.HalfSpace(cut(b[:12], ROWS), 0.3).project(cut(b[:12], ROWS)).full_tensor()
    pair = distribute_tensor(torch.ones(2, 2**17, dtype=torch.float64), mesh, [ROWS])
    goods, bounds = Cournot(cut(BATCH[:4], ROWS)), sk.NormalCone(f.Box(0.0, 1.0))
    at_once, late = (
        sk.solve(F + bounds, cut(torch.zeros_like(BATCH[:4]), ROWS), sk.TsengLineSearch(), tol=1e-4)
        for F in (goods, Slowed(goods, rank))
    )
    mean = sk.Consensus(2).resolvent(1.0)(pair * (1.0 + rank_of_rows(pair)))
    tiny = float(f.L2Norm()(cut(1e-170 * b, ROWS))) / float(1e-170 * b.norm())
    own = float(rank)
    page = (Path(__file__).parents[2] / "docs" / "more_than_one.md").read_text()
    code = [block for block in re.findall(r"```py\n(.*?)```", page, re.S) if "jax" not in block]
    said = {}
    with redirect_stdout(io.StringIO()):
        exec("\n".join(code), said)
    return {
        "page": [str(said["solution"].status), len(code)],
        "slowed": [
            late.iterations - at_once.iterations,
            float((late.x - at_once.x).abs().max().full_tensor()),
        ],
        "gathered": float((2**18 * allowed - 1.0).abs().max()),
        "numbers": [
            *judged,
            estimates[0] / estimates[1],
            *(1.0 + float((found - right).norm() / right.norm()) for found, right in multiplied),
            float(halved @ half) / float(half @ half),
            float(mean.full_tensor()[0, 0]) / 1.5,
            tiny,
            sk.linear.DenseMatrix(there).norm / sk.linear.DenseMatrix(A).norm,
            float(f.L2Norm()(cut(b, ROWS))) / float(b.norm()),
            f.Quadratic(cut(M + M.T, ROWS)).strong_convexity
            / f.Quadratic(M + M.T).strong_convexity,
        ],
        "refused": {
            "sum": refused(
                lambda: sk.Affine(cut(M, ROWS), there.mT @ cut(b, ROWS)).check_space(
                    Space.of(start)
                )
            ),
            "a callback": differing(callback=[None, print][rank]),
            "plain": refused(lambda: sk.minimize(lasso(A, b), start)),
            "start": refused(lambda: sk.minimize(lasso(there, cut(b, ROWS)), zero)),
            "gathered": refused(projected),
            "weight": differing(separate + f.L1Norm(0.1 + own)),
            "start of its own": differing(x0=cut(zero, EACH) + own),
            "method": differing(method=[sk.ForwardBackward(), sk.FISTA()][rank]),
            "tolerance": differing(tol=10.0 ** (-4 - rank)),
        },
        # the clocks of processes differ, and so may what their callbacks say
        "limited": solve_on(tol=sk.Relative(1e-300) | sk.TimeLimit(0.05)),
        "stopped": solve_on(callback=lambda state: rank == 1 and state.iteration == 7),
    }


def registry(mesh):
    """Of everything registered what each map gives on a point that is cut along its first axis,
    with data that are whole on each process, and cut: which are wrong, which fail.
    """
    found = {"right": 0, "wrong": [], "failed": []}

    def asarray(values):
        return make_array(values, torch, torch.float64)

    def everywhere(values):
        return distribute_tensor(asarray(values), mesh, [EACH])

    def in_parts(values):
        return cut(asarray(values))

    def drawn(shape):
        return tuple(map(drawn, shape)) if shape and isinstance(shape[0], tuple) else normal(*shape)

    def cut(x):
        if isinstance(x, tuple):
            return tuple(map(cut, x))
        return distribute_tensor(x, mesh, [ROWS if x.ndim and len(x) > 1 else EACH])

    def entries(x):
        return [e for b in x for e in entries(b)] if isinstance(x, tuple) else [gathered(x)]

    for each in registered():
        thing, shape, *_ = each.examples(asarray)[each.index]
        x = drawn(shape)
        for name, call in calls(thing).items():
            try:
                expected = entries(call(thing, x))
            except (TypeError, ValueError):  # the point is not of its domain
                continue
            for data in (everywhere, in_parts):
                try:
                    there = entries(call(each.examples(data)[each.index][0], cut(x)))
                except (NotImplementedError, RuntimeError, TypeError, ValueError):
                    found["failed"].append(f"{each}: {name}, {data.__name__}")
                    continue
                pairs = zip(there, expected, strict=True)
                if all(torch.allclose(a, b, 1e-9, 1e-9, equal_nan=True) for a, b in pairs):
                    found["right"] += 1
                else:
                    found["wrong"].append(f"{each}: {name}, {data.__name__}")
    return found


def calls(thing):
    if isinstance(thing, f.Function):
        return {"prox": lambda g, x: g.prox(x, 0.5), "value": lambda g, x: g(x)}
    if isinstance(thing, sk.LinearOperator):
        return {"map": lambda L, x: L(x), "normal map": lambda L, x: L.T(L(x))}
    found = {"resolvent": lambda A, x: A.resolvent(0.5)(x)} if thing.has_resolvent else {}
    return found | ({"value": lambda A, x: A(x)} if thing.has_evaluation else {})


class Faulty(sk.Operator):
    """x/100, but what one process has of it fails at some evaluation, if at all."""

    properties = sk.Properties.of(strong_monotonicity=0.01, lipschitz=0.01, gradient=True)

    def __init__(self, fault, at):
        self.fault, self.at, self.evaluations = fault, at, 0

    def __call__(self, x):
        self.evaluations += 1
        if self.evaluations >= self.at:
            if self.fault == "raise":
                raise ValueError("the data of this process are missing")
            if self.fault == "nan":
                own = torch.full_like(x.to_local(), float("nan"))
                return DTensor.from_local(own, x.device_mesh, x.placements, run_check=False)
        return 0.01 * x


def joined(rank, count, store, work, sender, arguments):
    """``work`` on a mesh of so many processes, of which this is one."""
    dist.init_process_group(
        "gloo",
        init_method=f"file://{store}",
        rank=rank,
        world_size=count,
        timeout=timedelta(seconds=60),
    )
    work(init_device_mesh("cpu", (count,)), rank, sender, *arguments)
    dist.barrier()
    dist.destroy_process_group()


@contextmanager
def forked(count, work, *arguments):
    """So many forks of this process that work together, and the end of a pipe to which they send;
    they are waited for.
    """
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as directory:
        store = os.path.join(directory, "store")
        workers = [
            context.Process(target=joined, args=(rank, count, store, work, sender, arguments))
            for rank in range(count)
        ]
        for each in workers:
            each.start()
        sender.close()
        yield workers, receiver
        for each in workers:
            each.join()


def suffer(mesh, rank, sender, fault):
    """Solve, until a fault of the second process ends it; say how."""
    x0 = distribute_tensor(torch.ones(12, dtype=torch.float64), mesh, [ROWS])
    F = Faulty(fault if rank else "none", at=30)
    sender.send((rank, "begun"))
    try:
        sk.solve(
            F + sk.NormalCone(f.Box(-1.0, 1.0)), x0, sk.ForwardBackward(alpha=1e-4), max_iter=10**7
        )
    except Exception as error:
        sender.send((rank, "; ".join([str(error), *getattr(error, "__notes__", ())])))
        os._exit(1)


def ended_by(fault, moment=0.0):
    """What each of two processes said at its end, and after how many seconds from the fault."""
    with forked(2, suffer, fault) as (workers, receiver):
        said = [receiver.recv(), receiver.recv()]
        time.sleep(moment)
        began = time.monotonic()
        if fault == "kill":
            os.kill(workers[1].pid, signal.SIGKILL)
        with suppress(EOFError):
            while True:
                said.append(receiver.recv())
    return {str(rank): text for rank, text in said}, time.monotonic() - began


def faults(kills):
    """Of each fault how the processes end; and of so many kills at random moments how long it took
    until the other had ended.
    """
    moments = random.Random(0)
    found = {fault: ended_by(fault)[0] for fault in ("raise", "nan")}
    killed = [ended_by("kill", moments.uniform(0.0, 0.5)) for _ in range(kills)]
    return found | {"kill": [said["0"] for said, _ in killed], "took": [t for _, t in killed]}


def compare(mesh, rank, sender, names):
    """What the processes of a mesh find of problems, beside what each finds alone."""

    def cut(x, place):
        return distribute_tensor(x, mesh, [place])

    found, of_all = {}, names == ["registry"]
    for name in [] if of_all else names or PROBLEMS:
        make, data, places, x0, place, method, options = PROBLEMS[name]
        _, alone = solved(make, data, x0, method, options)
        parts = [cut(x, p) for x, p in zip(data, places, strict=True)]
        inclusion, solution = solved(make, parts, cut(x0, place), method, options)
        found[name] = {
            "distance": float((solution.x.full_tensor() - alone.x).abs().max()),
            "size": float(alone.x.abs().max()),
            "kept": solution.x.placements == (place,),
            "converged": alone.status == solution.status == sk.Status.CONVERGED,
            "exchanged": exchanged(inclusion, cut(x0, place), solution.method, options),
        }
    if of_all:
        found = registry(mesh)
    elif not names:
        found |= questions(mesh, cut, rank)
    each_found = [None] * mesh.size()
    said = {name: each for name, each in found.items() if name != "refused"}
    dist.all_gather_object(each_found, json.dumps(said))
    found["alike"] = len(set(each_found)) == 1
    if rank == 0:
        sender.send(found)


def main():
    found = {}
    if sys.argv[1:] == ["registry"]:
        wanted = [(2, ["registry"])]
    else:
        kills, *names = sys.argv[1:]
        found["faults"] = faults(int(kills))
        wanted = [(2, []), (4, names)]
    for processes, names in wanted:
        with forked(processes, compare, names) as (_, receiver):
            found[processes] = receiver.recv()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
