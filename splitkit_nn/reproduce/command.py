"""The command ``reproduce --runs DIR``: the paper's tables and figures from the runs in DIR."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Any

from splitkit_nn.reproduce.figures import draw_figures
from splitkit_nn.reproduce.found import find_runs
from splitkit_nn.reproduce.tables import tables
from splitkit_nn.training.paths import check_writable, path_argument
from splitkit_nn.training.run import RunDirectory
from splitkit_nn.training.subject import Work
from splitkit_nn.training.train import NO_PICTURE

PAGE = "tables.md"


def add_reproduce(commands: Any) -> None:
    """The command ``reproduce``."""
    command = commands.add_parser(
        "reproduce", help="print the paper's tables and redraw its figures"
    )
    command.set_defaults(prepare=prepare_reproduce)
    command.add_argument(
        "--runs",
        type=path_argument,
        metavar="DIR",
        required=True,
        help="holds the runs, at any depth",
    )
    command.add_argument(
        "--out",
        type=path_argument,
        metavar="DIR",
        help="for tables and pictures (default: RUNS/reproduced)",
    )
    command.add_argument("--data", type=path_argument, metavar="DIR", help="if the data has moved")


def prepare_reproduce(options: argparse.Namespace) -> Work:
    """Read the runs; return the printing of the tables and the drawing of the figures."""
    runs = find_runs(options.runs)
    if not runs:
        raise FileNotFoundError(
            f"{options.runs} holds no run of an epoch or more: train one there, as by "
            f"`train mnist-dense --data DIR --out {options.runs / 'mnist-dense'}`"
        )
    out = options.out or options.runs / "reproduced"
    check_writable(out)

    def work() -> None:
        out.mkdir(parents=True, exist_ok=True)
        page = tables(runs)
        print(page)
        print(f"tables: {RunDirectory(out).write(PAGE, page.encode())}")
        if find_spec("matplotlib") is None:
            print(f"pictures: {NO_PICTURE}")
            return
        for line in draw_figures(runs, out, options.data):
            print(line)

    return work
