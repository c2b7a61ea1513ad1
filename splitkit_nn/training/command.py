"""The command ``train RECIPE --out RUN``: what it takes, and what it does with it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from splitkit_nn.data import Dataset, download
from splitkit_nn.training.config import Config
from splitkit_nn.training.paths import check_writable, path_argument
from splitkit_nn.training.processes import is_first, joined
from splitkit_nn.training.recipe import SETTINGS
from splitkit_nn.training.recipes import RECIPES, find_recipe
from splitkit_nn.training.run import (
    REPORT,
    DamagedFileError,
    RunDirectory,
    check_free,
    is_run,
)
from splitkit_nn.training.seeds import summarize
from splitkit_nn.training.subject import Work
from splitkit_nn.training.train import train

INTEGERS = {"epochs", "batch_size", "max_iter", "seed"}
WORDS = {
    "precision",
    "schedule",
    "momentum",
    "activation",
    "method",
    "gradient",
    "on_failure",
}


def add_train(commands: Any) -> None:
    """The command ``train``."""
    command = commands.add_parser("train", help="train a recipe into a directory")
    command.set_defaults(prepare=prepare_train)
    command.add_argument("recipe", metavar="RECIPE", help=f"one of {', '.join(RECIPES)}")
    command.add_argument(
        "--out", type=path_argument, metavar="RUN", required=True, help="its directory"
    )
    command.add_argument("--resume", action="store_true", help="go on with RUN where it stands")
    command.add_argument(
        "--data", type=path_argument, metavar="DIR", help="where the data files lie"
    )
    command.add_argument("--download", action="store_true", help="fetch what --data DIR lacks")
    command.add_argument("--device", help="cpu, cuda, cuda:1, … (default: cpu)")
    command.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="a progress bar; by default on a terminal",
    )
    command.add_argument(
        "--seeds", type=int, nargs="+", metavar="N", help="a run RUN/seed-N for each, and the mean"
    )
    for key, help_text in SETTINGS.items():
        flag, help_text = "--" + key.replace("_", "-"), f"{help_text} (recipe's own)"
        if key == "compile":
            command.add_argument(flag, action=argparse.BooleanOptionalAction, help=help_text)
        else:
            kind = int if key in INTEGERS else str if key in WORDS else float
            command.add_argument(flag, type=kind, metavar="X", help=help_text)


def prepare_train(options: argparse.Namespace) -> Work:
    """Check recipe, device, run directories and data; return the training."""
    configs = _configs(options)
    unfinished = {out: config for out, config in configs.items() if not RunDirectory(out).finished}
    datasets: list[Dataset] = []
    for out, config in unfinished.items():
        check_writable(out)
        usable_device(config.device)
        datasets = datasets or [_load(config, options.download)]

    def work() -> None:
        device = torch.device(next(iter(configs.values())).device)
        with joined(device) as processes:
            left = processes.of_the_first(list(unfinished))  # as its disk has them
            for out, config in configs.items():
                if out in left:
                    config = Config.from_json(processes.of_the_first(config.to_json()))
                    dataset = datasets[0] if datasets else _load(config, options.download)
                    _train(config, dataset, out, options)
                elif processes.leads:
                    print(f"{out} is finished; {out / REPORT} says:")
                    print((out / REPORT).read_text(encoding="utf-8"))
            if options.seeds and processes.leads:
                recipe = next(iter(configs.values())).recipe
                print("\n".join(summarize(recipe, options.out, list(configs))))

    return work


def _configs(options: argparse.Namespace) -> dict[Path, Config]:
    """For each run that is asked for, its directory and its configuration."""
    given = {key: getattr(options, key) for key in SETTINGS if getattr(options, key) is not None}
    if not options.seeds:
        return {options.out: _config(options, options.out, given)}
    if "seed" in given:
        raise ValueError("--seed and --seeds exclude each other: give one of them")
    if len(set(options.seeds)) < len(options.seeds):
        raise ValueError(f"--seeds {' '.join(map(str, options.seeds))}: give each of them once")
    if is_run(options.out):
        raise FileExistsError(f"{options.out} is a single run: give --seeds another --out")
    return {
        options.out / f"seed-{seed}": _config(
            options, options.out / f"seed-{seed}", {**given, "seed": seed}
        )
        for seed in options.seeds
    }


def _config(options: argparse.Namespace, out: Path, given: dict[str, Any]) -> Config:
    """A new configuration; or the one that the run at ``out`` has, if it may go on."""
    check_free(out, resume=options.resume)
    if not is_run(out):
        if options.resume:
            print(f"{out} holds no run to go on with: a new one begins", file=sys.stderr)
        recipe = replace(find_recipe(options.recipe), **given)
        return Config(recipe, options.data, options.device or "cpu")
    saved = RunDirectory(out).read_config()
    settings = {"recipe": saved.recipe.name, **saved.recipe.settings}
    asked = {"recipe": options.recipe, **replace(saved.recipe, **given).settings}
    for key, value in asked.items():
        if settings[key] != value:
            raise ValueError(
                f"{key} = {value}, but {out} was begun with {settings[key]}: "
                "leave it out to go on with that run, or give another --out"
            )
    return Config(saved.recipe, options.data or saved.data, options.device or saved.device)


def _load(config: Config, may_download: bool) -> Dataset:
    """The recipe's data; what the directory lacks is downloaded only if the user said so."""
    recipe, directory = config.recipe, config.data
    try:
        return recipe.load(directory)
    except FileNotFoundError:
        if not may_download or recipe.source is None or directory is None:
            raise
    download(recipe.source, directory)
    return recipe.load(directory)


def _train(config: Config, dataset: Dataset, out: Path, options: argparse.Namespace) -> None:
    device = torch.device(config.device)
    try:
        report = train(
            config,
            dataset,
            out,
            device,
            progress=options.progress,
            resume=options.resume,
        )
    except (BlockingIOError, DamagedFileError):
        raise
    except BaseException:
        kept = f"kept: {out} with the model of the last full epoch; --resume goes on from there"
        nothing = "nothing was saved: no epoch was complete"
        if is_first():
            print(kept if RunDirectory(out).has_checkpoint else nothing, file=sys.stderr)
        raise
    if report:
        print("\n".join(report))


def usable_device(name: str) -> torch.device:
    """The device; ValueError if torch can't work on it here."""
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"--device {name}: not usable here ({reason}); try cpu") from error
    return torch.device(name)
