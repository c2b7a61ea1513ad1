"""Run by test_processes.py: trainings by one process and by two, and one of which a process dies.

The processes are forks of this one, with the environment that torchrun gives them.
"""

import json
import os
import signal
import socket
import sys
from multiprocessing import get_context
from pathlib import Path

import torch

from splitkit_nn.__main__ import main as command
from splitkit_nn.training import train, trainer

train._draw = lambda *_: []  # pictures take longer than the training


def free_port():
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return str(opened.getsockname()[1])


def work(rank, count, port, out, dies_in, arguments):
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    log = os.open(out.with_suffix(f".{rank}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if rank and dies_in:
        step, taken = trainer.Trainer._step, []

        def dying(*given):
            taken.append(1)
            if len(taken) == dies_in:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*given)

        trainer.Trainer._step = dying
    sys.exit(command(["train", "digits", "--out", str(out), "--no-progress", *arguments]))


def run(out, count, *arguments, dies_in=0):
    """The exit statuses, and what each process said."""
    context, port = get_context("fork"), free_port()
    workers = [
        context.Process(target=work, args=(rank, count, port, out, dies_in, arguments))
        for rank in range(count)
    ]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    said = [out.with_suffix(f".{rank}").read_text() for rank in range(count)]
    return [each.exitcode for each in workers], said


def apart(a, b):
    """The greatest distance of the parameters of two runs."""
    first, second = (torch.load(run / "model.pt") for run in (a, b))
    names = [name for name in first if name.startswith(("layer.parametrization.", "head."))]
    return max(float((first[name] - second[name]).abs().max()) for name in names)


def main():
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    alone, two, broken = (folder / name for name in ("alone", "two", "broken"))
    settings = ["--epochs", "2", "--batch-size", "480", "--tol", "1e-9", "--precision", "float64"]
    found = {"alone": run(alone, 1, *settings), "two": run(two, 2, *settings)}
    found["broken"] = run(broken, 2, *settings, dies_in=4)
    found["resumed"] = run(broken, 2, *settings, "--resume")
    seeds = run(folder / "seeds", 2, *settings, "--epochs", "1", "--seeds", "1", "2")
    found["seeds"] = seeds
    found["refused"] = run(two, 2, *settings)
    found["apart"] = {"two": apart(alone, two), "resumed": apart(two, broken)}
    found["files"] = sorted(each.name for each in two.iterdir())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
