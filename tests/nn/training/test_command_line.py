"""The command line end to end: train, evaluate, certify, and every way to be refused."""

import csv
import io
import json
import re
import runpy
import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import torch

from splitkit_nn.__main__ import main
from splitkit_nn.data import Source
from splitkit_nn.training.recipes import find_recipe
from splitkit_nn.training.trainer import EpochMetrics, Step, Trainer
from tests.nn.data.idx_files import write_mnist

QUICK = ("--epochs", "2", "--no-progress")


def train(recipe: str, out: Path, *more: str) -> int:
    return main(["train", recipe, "--out", str(out), *more])


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of two epochs on the digits, and what was printed."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    with redirect_stdout(io.StringIO()) as printed:
        assert train("digits", out, *QUICK) == 0
    return out, printed.getvalue()


def test_a_run_holds_its_files_and_no_other(digits_run: tuple[Path, str]) -> None:
    found = {path.name for path in digits_run[0].iterdir()}
    files = {"config.json", "checkpoint.pt", "metrics.csv", "model.pt", "report.md"}
    pictures = {"convergence.png", "history.png"}
    assert found - {"events"} == files | pictures | {".lock"}


def test_the_report_says_what_there_is_to_know_in_order(digits_run: tuple[Path, str]) -> None:
    out, printed = digits_run
    labels = [line.split(":")[0] for line in printed.splitlines()]
    assert labels == [
        "recipe",
        "parameters",
        "training",
        "machine",
        "train accuracy",
        "test accuracy",
        "solver iterations",
        "distance to the true equilibrium",
        "strong monotonicity m",
        "contraction an iteration",
        "model",
        "pictures",
        "TensorBoard events",
    ]
    assert re.search(r"^test accuracy: \d+\.\d\d %$", printed, re.MULTILINE)
    for line in printed.splitlines():
        assert f"- {line}\n" in (out / "report.md").read_text()
    for picture in ("convergence.png", "history.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG\r\n")
        assert f"]({picture})" in (out / "report.md").read_text()


def test_the_metrics_have_a_line_an_epoch(digits_run: tuple[Path, str]) -> None:
    with (digits_run[0] / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert list(rows[0]) == list(EpochMetrics.__dataclass_fields__)
    assert float(rows[1]["train_loss"]) < float(rows[0]["train_loss"])
    assert 0.5 < float(rows[1]["test_accuracy"]) <= 1


def test_evaluate_finds_the_accuracy_that_training_reported(
    digits_run: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, printed = digits_run
    assert main(["evaluate", str(out)]) == 0
    line = capsys.readouterr().out
    assert re.fullmatch(r"test accuracy: \d+\.\d\d %\n", line)
    assert line in printed


def test_certify_prints_what_training_certified(
    digits_run: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, printed = digits_run
    assert main(["certify", str(out), "--steps", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("ℓ2 radius   certified") for line in lines)
    for label in ("distance to the true equilibrium", "strong monotonicity m"):
        reported = next(line for line in printed.splitlines() if line.startswith(label))
        assert reported in lines


@pytest.mark.usefixtures("undrawn")
def test_the_command_line_overrides_the_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "seed": 5,
        "batch_size": 500,
        "lr": 0.002,
        "tol": 0.05,
        "m": 0.5,
        "max_iter": 100,
        "alpha": 0.25,
        "validation": 0.1,
        "precision": "float64",
        "schedule": "step:1:0.5",
        "momentum": "one-cycle:0.25:0.9:0.8",
        "activation": "tanh",
        "method": "anderson",
        "gradient": "truncated",
        "on_failure": "damp",
        "backward_tol": 0.01,
    }
    flags = [word for k, v in given.items() for word in ("--" + k.replace("_", "-"), str(v))]
    assert train("digits", tmp_path / "run", *QUICK, *flags) == 0
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert settings == {"epochs": 2, "compile": False, **given}
    model = torch.load(tmp_path / "run" / "model.pt", weights_only=True)
    assert model["head.weight"].dtype == torch.float64
    assert "at tolerance 0.05" in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn")
def test_a_seed_gives_the_same_model_again(tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert train("digits", tmp_path / name, *QUICK, "--seed", seed) == 0
    a, b, c = (torch.load(tmp_path / n / "model.pt", weights_only=True) for n in "abc")
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not all(torch.equal(a[key], c[key]) for key in a)


@pytest.mark.usefixtures("undrawn")
def test_mnist_remembers_its_data_and_follows_when_it_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_mnist(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    assert train("mnist-dense", tmp_path / "run", *QUICK, "--data", "data") == 0
    assert "parameters: 84,313" in capsys.readouterr().out
    monkeypatch.chdir("/")
    assert main(["evaluate", str(tmp_path / "run")]) == 0
    (tmp_path / "data").rename(tmp_path / "moved")
    assert main(["evaluate", str(tmp_path / "run")]) == 2
    assert "data is no directory" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(tmp_path / "moved")]) == 0


@pytest.mark.usefixtures("undrawn")
def test_what_the_directory_lacks_is_downloaded_only_if_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fetched: list[Source] = []

    def download(source: Source, directory: Path) -> None:
        fetched.append(source)
        write_mnist(directory)

    monkeypatch.setattr("splitkit_nn.training.command.download", download)
    data = ("--data", str(tmp_path / "data"))
    assert train("mnist-dense", tmp_path / "run", *QUICK, *data) == 2
    assert "--download" in capsys.readouterr().err
    assert train("mnist-dense", tmp_path / "run", *QUICK, *data, "--download") == 0
    assert train("mnist-dense", tmp_path / "again", *QUICK, *data, "--download") == 0
    assert fetched == [find_recipe("mnist-dense").source]


REFUSED = {
    "unknown recipe": (["digit"], "unknown recipe 'digit': did you mean digits?"),
    "no data": (["mnist-dense"], "with --data DIR"),
    "missing data": (["mnist-dense", "--data", "nowhere"], "nowhere is no directory"),
    "empty data": (["mnist-dense", "--data", "."], "holds none of train-images-idx3-ubyte"),
    "data not wanted": (["digits", "--data", "."], "leave --data out"),
    "m": (["digits", "--m", "0"], "m = 0.0: give a positive"),
    "tol": (["digits", "--tol", "-1"], "tol = -1.0: give a number in (0, 1)"),
    "loose tol": (["digits", "--tol", "2"], "tol = 2.0: give a number in (0, 1)"),
    "seed twice": (["digits", "--seeds", "1", "1"], "--seeds 1 1: give each of them once"),
    "validation": (["digits", "--validation", "1"], "validation = 1.0: give a number in [0, 1)"),
    "precision": (["digits", "--precision", "int8"], "precision = 'int8': give \"float32\" or"),
    "seed and seeds": (["digits", "--seed", "1", "--seeds", "2"], "exclude each other"),
    "epochs": (["digits", "--epochs", "0"], "epochs = 0: give an integer ≥ 1"),
    "device": (["digits", "--device", "abacus"], "--device abacus: not usable here"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_mistake_ends_with_status_2_one_line_and_no_directory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *arguments, "--out", "new/run"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert message in printed.err
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_existing_directory_is_refused(
    digits_run: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (digits_run[0] / "model.pt").read_bytes()
    assert train("digits", digits_run[0], *QUICK) == 2
    assert "never overwritten; give another --out" in capsys.readouterr().err
    assert (digits_run[0] / "model.pt").read_bytes() == before


@pytest.mark.parametrize("command", ["evaluate", "certify", "figures"])
def test_no_run_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, str(tmp_path)]) == 2
    assert "is not a run" in capsys.readouterr().err


def test_no_command_is_told_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "{train,evaluate,certify,figures,reproduce}" in capsys.readouterr().err


def test_divergence_is_told_with_its_place_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("digits", tmp_path / "run", "--alpha", "1e9") == 1
    printed = capsys.readouterr().err
    assert "did not meet the tolerance" in printed
    assert "in epoch 1, batch 1; a smaller learning rate (--lr) may help" in printed


def test_the_package_is_a_program_that_shows_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``python -m splitkit_nn``; tests/nn/training/test_resume.py runs it as one."""
    monkeypatch.setattr(sys, "argv", ["splitkit_nn", "evaluate", str(tmp_path)])
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.delitem(sys.modules, "splitkit_nn.__main__")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("splitkit_nn", run_name="__main__")
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert "Traceback" not in printed


def stop_at(monkeypatch: pytest.MonkeyPatch, stop: int, error: BaseException) -> None:
    """Let training break at an epoch."""
    whole = Trainer.run_epoch

    def broken(self: Trainer, watch: Callable[[int, Step], None]) -> EpochMetrics:
        if len(self.history) + 1 == stop:
            raise error
        return whole(self, watch)

    monkeypatch.setattr(Trainer, "run_epoch", broken)


BREAKS = {
    "interrupted": (KeyboardInterrupt(), 130, "interrupted"),
    "no memory": (MemoryError("no room"), 1, "error: no room\nthe memory is too small: give"),
    "bad loss": (FloatingPointError("the loss is nan"), 1, "error: the loss is nan"),
}


@pytest.mark.parametrize(("error", "status", "message"), BREAKS.values(), ids=BREAKS.keys())
def test_a_break_keeps_the_last_full_epoch(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    message: str,
) -> None:
    stop_at(monkeypatch, 2, error)
    assert train("digits", tmp_path / "run", *QUICK) == status
    printed = capsys.readouterr().err
    assert message in printed
    assert f"kept: {tmp_path / 'run'}" in printed
    assert main(["evaluate", str(tmp_path / "run")]) == 0


@pytest.mark.parametrize(("error", "status", "message"), BREAKS.values(), ids=BREAKS.keys())
def test_a_break_in_the_first_epoch_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    message: str,
) -> None:
    stop_at(monkeypatch, 1, error)
    assert train("digits", tmp_path / "run", *QUICK) == status
    printed = capsys.readouterr().err
    assert message in printed
    assert "nothing was saved" in printed
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_run_is_whole_but_for_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [*sys.modules]:
        if name.startswith("matplotlib"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert train("digits", tmp_path / "run", *QUICK) == 0
    assert "pip install 'splitkit[plot]'" in capsys.readouterr().out
    assert "![" not in (tmp_path / "run" / "report.md").read_text()


@pytest.mark.usefixtures("undrawn")
def test_the_progress_bar_tells_where_training_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("digits", tmp_path / "run", "--epochs", "1", "--progress") == 0
    shown = capsys.readouterr().err
    words = ("epoch 1/1", "22/22", "loss", "accuracy", "forward", "backward", "alpha 0.", "rate")
    for word in words:
        assert word in shown


@pytest.mark.usefixtures("undrawn")
def test_training_talks_to_the_log_and_not_to_what_is_no_terminal(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("splitkit_nn.training.progress.PATIENCE", 0.0)
    with caplog.at_level("INFO", logger="splitkit_nn"):
        assert train("digits", tmp_path / "run", "--epochs", "1") == 0
    assert "22/22" not in capsys.readouterr().err
    assert "epoch 1 of 1: loss" in caplog.text
