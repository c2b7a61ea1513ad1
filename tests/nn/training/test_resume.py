"""A training that is broken off at any moment comes to the same parameters as one that is not."""

import errno
import io
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import torch
from torch import Tensor

from splitkit_nn.__main__ import main
from splitkit_nn.data import load_digits
from splitkit_nn.training.config import Config
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import find_recipe
from splitkit_nn.training.run import RunDirectory, claim
from splitkit_nn.training.schedule import OneCycle
from splitkit_nn.training.train import train
from splitkit_nn.training.trainer import Step, Trainer
from tests.nn.training.commands import start
from tests.sampling import is_thorough

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")
DIGITS = load_digits()
FEW = replace(DIGITS, train_x=DIGITS.train_x[:300], train_y=DIGITS.train_y[:300])
pytestmark = pytest.mark.usefixtures("undrawn")
RECIPE = replace(find_recipe("digits"), epochs=4, validation=0.2)


def unwatched(epoch: int, step: Step) -> None:
    pass


def tensors(path: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(path, weights_only=True)
    return found


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def run_here(out: Path, recipe: Recipe = RECIPE, *, resume: bool = False) -> None:
    train(Config(recipe, None), FEW, out, CPU, progress=False, resume=resume)


@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        replace(RECIPE, schedule=OneCycle(peak=0.02, rise=0.4), precision="float64"),
        replace(RECIPE, momentum="one-cycle:0.4", schedule="constant"),
    ],
    ids=["cosine", "one-cycle in float64", "momentum of its own"],
)
@pytest.mark.parametrize("after", [1, 3])
def test_a_restored_trainer_goes_on_bit_for_bit(recipe: Recipe, after: int) -> None:
    straight, first = Trainer(recipe, FEW, CPU), Trainer(recipe, FEW, CPU)
    for _ in range(4):
        straight.run_epoch(unwatched)
    for _ in range(after):
        first.run_epoch(unwatched)
    content = io.BytesIO()
    torch.save(first.state(), content)
    content.seek(0)
    second = Trainer(replace(recipe, lr=1.0), FEW, CPU)  # the optimizer's own is restored
    second.restore(torch.load(content, weights_only=True))
    for _ in range(4 - after):
        second.run_epoch(unwatched)
    assert same(straight.model.state_dict(), second.model.state_dict())
    times = dict.fromkeys(("seconds", "forward_seconds", "backward_seconds"), 0.0)
    seen, expected = ([replace(m, **times) for m in t.history] for t in (second, straight))
    assert seen == expected


def break_at(monkeypatch: pytest.MonkeyPatch, name: str, after: int, error: BaseException) -> None:
    """Let the ``after``-th writing of the file ``name`` fail when its bytes are to be stored."""
    whole, left = RunDirectory.write, [after]

    def fails(descriptor: int) -> None:
        raise error

    def write(self: RunDirectory, file: str, content: bytes) -> Path:
        left[0] -= file == name
        with monkeypatch.context() as patch:
            if file == name and left[0] == 0:
                patch.setattr("splitkit_nn.training.run.os.fsync", fails)
            return whole(self, file, content)

    monkeypatch.setattr(RunDirectory, "write", write)


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()], ids=["disk full", "Ctrl-C"])
@pytest.mark.parametrize("name", ["model.pt", "metrics.csv", "checkpoint.pt"])
def test_a_write_that_fails_loses_nothing_before_it(
    tmp_path: Path, name: str, error: BaseException
) -> None:
    run_here(tmp_path / "straight")
    with pytest.MonkeyPatch.context() as patch:
        break_at(patch, name, 3, error)
        with pytest.raises(type(error)):
            run_here(tmp_path / "broken")
    assert len(tensors(tmp_path / "broken" / "checkpoint.pt")["history"]) == 2
    assert not [*(tmp_path / "broken").glob(".*.tmp")]
    run_here(tmp_path / "broken", resume=True)
    for model in ("model.pt", "best.pt"):
        assert same(tensors(tmp_path / "straight" / model), tensors(tmp_path / "broken" / model))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system refuses to write more into any file, as on a disk that fills up there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_at_any_size_loses_nothing(tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=2, validation=0.0)
    run_here(tmp_path / "straight", recipe)
    out = tmp_path / "full"
    with claim(out) as run:
        trainer = Trainer(recipe, FEW, CPU)
        trainer.run_epoch(unwatched)
        run.write_config(Config(recipe, None))
        run.write_epoch(trainer)
    whole = (out / "checkpoint.pt").read_bytes()
    sizes = [int(len(whole) * k / 13) for k in range(13)]
    for size in sizes:
        with files_of_at_most(size), pytest.raises(OSError, match=str(out)):
            run_here(out, recipe, resume=True)
        assert (out / "checkpoint.pt").read_bytes() == whole
        assert not [*out.glob(".*.tmp")]
    run_here(out, recipe, resume=True)
    assert same(tensors(tmp_path / "straight" / "model.pt"), tensors(out / "model.pt"))


def test_a_full_disk_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_at(monkeypatch, "checkpoint.pt", 2, FULL)
    out = tmp_path / "run"
    assert main(["train", "digits", "--epochs", "2", "--no-progress", "--out", str(out)]) == 1
    printed = capsys.readouterr().err
    assert f"error: [Errno 28] No space left on device: '{out / 'checkpoint.pt'}'" in printed
    assert "--resume goes on from there" in printed
    assert main(["evaluate", str(out)]) == 0


def test_the_best_model_is_that_of_the_best_epoch_on_held_out_samples(tmp_path: Path) -> None:
    run_here(tmp_path / "run")
    trainer = Trainer(RECIPE, FEW, CPU)
    states, accuracies = [], []
    for _ in range(RECIPE.epochs):
        metrics = trainer.run_epoch(unwatched)
        states.append({key: value.clone() for key, value in trainer.model.state_dict().items()})
        accuracies.append(metrics.valid_accuracy or 0.0)
    best = accuracies.index(max(accuracies))
    assert trainer.best_epoch == best + 1
    assert same(states[best], tensors(tmp_path / "run" / "best.pt"))


def run_apart(out: Path, *more: str) -> ForkServerProcess:
    arguments = ["train", "digits", "--out", str(out), "--epochs", "4", "--no-progress", *more]
    return start(arguments, out.with_suffix(".errors"))


def wait_for(what: Callable[[], bool], lives: Callable[[], bool]) -> None:
    while not what() and lives():
        time.sleep(0.001)


def finish(out: Path, *more: str) -> None:
    process = run_apart(out, *more)
    process.join()
    assert process.exitcode == 0, out.with_suffix(".errors").read_text()


def test_killed_at_any_moment_it_resumes_to_the_same_parameters(tmp_path: Path) -> None:
    """Also while it saves. The environment's SPLITKIT_KILLS says how many moments; by default 2, in
    a thorough run 13.
    """
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    finish(straight)
    moments, kills = random.Random(0), "13" if is_thorough() else "2"
    for kill in range(int(os.environ.get("SPLITKIT_KILLS", kills))):
        process = run_apart(killed, "--resume")
        if kill % 2:  # while it saves
            wait_for(lambda: bool([*killed.glob(".*.tmp")]), process.is_alive)
        else:
            wait_for((killed / "config.json").exists, process.is_alive)
            time.sleep(moments.uniform(0, 0.5))
        process.kill()
        process.join()
    finish(killed, "--resume")
    assert same(tensors(straight / "model.pt"), tensors(killed / "model.pt"))
    assert not [*killed.glob(".*.tmp")]


def test_a_run_in_use_is_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    with claim(out) as run:
        run.write_config(Config(RECIPE, None))
        before = sorted(out.iterdir())
        assert main(["train", "digits", "--epochs", "4", "--out", str(out), "--resume"]) == 1
        printed = capsys.readouterr().err
        assert f"{out} is in use by process {os.getpid()}: wait until it ends" in printed
        assert sorted(out.iterdir()) == before
        run.write("report.md", b"done")
    assert RunDirectory(out).finished


def test_a_finished_run_is_left_as_it_is_and_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "digits", "--epochs", "1", "--no-progress", "--out", str(tmp_path / "r")]
    assert main(arguments) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "r").iterdir() if path.is_file()}
    capsys.readouterr()
    assert main([*arguments, "--resume"]) == 0
    assert f"{tmp_path / 'r'} is finished" in capsys.readouterr().out
    assert before == {path: path.read_bytes() for path in before}


def test_without_a_checkpoint_it_starts_over(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    begun = tmp_path / "begun"
    begun.mkdir()
    RunDirectory(begun).write_config(Config(RECIPE, None))
    for out in (tmp_path / "none", tmp_path / "empty", begun):
        run_here(out, resume=True)
        assert same(tensors(out / "model.pt"), tensors(tmp_path / "none" / "model.pt"))


def test_a_run_goes_on_only_as_what_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    RunDirectory(out).write_config(Config(replace(RECIPE, epochs=1), None))
    arguments = ["train", "digits", "--resume", "--no-progress", "--out", str(out)]
    assert main([*arguments, "--lr", "0.5"]) == 2
    assert f"lr = 0.5, but {out} was begun with 0.005" in capsys.readouterr().err
    assert main([*arguments, "--epochs", "1"]) == 0  # the saved validation share is kept
    assert "best epoch on held-out samples: 1" in capsys.readouterr().out


def test_what_is_no_run_is_not_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert main(["train", "digits", "--resume", "--out", str(tmp_path)]) == 2
    assert "is not a run, so it cannot go on" in capsys.readouterr().err
    with pytest.raises(FileExistsError, match="is not a run"), claim(tmp_path, resume=True):
        pytest.fail("claimed")


def test_a_new_run_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "misspelt"
    arguments = ["train", "digits", "--epochs", "1", "--no-progress", "--out", str(out)]
    assert main([*arguments, "--resume"]) == 0
    assert f"{out} holds no run to go on with: a new one begins" in capsys.readouterr().err


def test_asked_to_terminate_it_ends_as_by_ctrl_c(tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ["train", "digits", "--out", str(out), "--epochs", "100", "--no-progress"]
    process = subprocess.Popen(
        [sys.executable, "-m", "splitkit_nn", *arguments], cwd=ROOT, stderr=subprocess.PIPE
    )
    wait_for((out / "metrics.csv").exists, lambda: process.poll() is None)
    process.terminate()
    _, error = process.communicate()
    assert process.returncode == 130
    assert f"kept: {out}".encode() in error or b"nothing was saved" in error
    assert b"interrupted" in error


def test_a_damaged_checkpoint_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_here(tmp_path / "run", replace(RECIPE, epochs=1))
    (tmp_path / "run" / "report.md").unlink()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"no zip archive")
    with pytest.raises(ValueError, match=r"checkpoint\.pt: not a checkpoint of this run's recipe"):
        run_here(tmp_path / "run", replace(RECIPE, epochs=1), resume=True)
    arguments = ["train", "digits", "--no-progress", "--out", str(tmp_path / "run")]
    assert main([*arguments, "--resume"]) == 1
    printed = capsys.readouterr().err
    assert "train again" in printed
    assert "kept" not in printed
