"""Runs of the command line in processes of their own that share one start-up: importing Torch takes
most of the time of a short training. A server imports it once, and forks for each run.
"""

import multiprocessing
import os
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch

from splitkit_nn.__main__ import main
from splitkit_nn.training import train

SERVER = multiprocessing.get_context("forkserver")


def start(arguments: list[str], errors: Path) -> ForkServerProcess:
    """A process that ends with the command's exit status; its standard error goes to a file."""
    SERVER.set_forkserver_preload([__name__])
    process = SERVER.Process(target=_run, args=(arguments, errors))
    process.start()
    return process


def _run(arguments: list[str], errors: Path) -> None:
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND), sys.stderr.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    torch.set_num_threads(1)
    train._draw = lambda trainer, run: []
    sys.exit(main(arguments))
