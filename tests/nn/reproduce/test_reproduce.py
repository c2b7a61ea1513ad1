"""The tables hold what the runs measured, beside what the paper printed; a missing run is said."""

from dataclasses import replace
from pathlib import Path

import pytest

from splitkit_nn.__main__ import main
from splitkit_nn.reproduce.found import FoundRun, find_runs, group
from splitkit_nn.reproduce.paper import ROWS
from splitkit_nn.reproduce.tables import NOT_RUN, tables
from splitkit_nn.training.config import Config
from splitkit_nn.training.recipes import find_recipe
from splitkit_nn.training.run import RunDirectory
from splitkit_nn.training.trainer import EpochMetrics, initial_model
from tests.nn.data.idx_files import write_mnist

EPOCHS = 40


def history(accuracy: float, epochs: int = EPOCHS) -> list[EpochMetrics]:
    """A made-up training that ends with this accuracy."""
    return [
        EpochMetrics(
            epoch=epoch,
            learning_rate=1e-3,
            train_loss=1 / epoch,
            train_accuracy=0.9,
            forward_iterations=6.0 + epoch / EPOCHS,
            backward_iterations=5.0,
            alpha=0.3,
            valid_accuracy=None,
            test_accuracy=accuracy * epoch / epochs,
            seconds=2.0,
        )
        for epoch in range(1, epochs + 1)
    ]


def make_run(path: Path, data: Path, found: list[EpochMetrics], **changes: object) -> None:
    recipe = replace(find_recipe("mnist-dense"), **changes)  # type: ignore[arg-type]
    path.mkdir(parents=True)
    run = RunDirectory(path)
    run.write_config(Config(recipe, data))
    run.write_metrics(found)
    run.write_model(initial_model(recipe))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two seeds of mnist-dense as it is, one with a fixed step size, one not finished."""
    data, runs = tmp_path / "data", tmp_path / "runs"
    write_mnist(data)
    make_run(runs / "dense" / "seed-0", data, history(0.981))
    make_run(runs / "dense" / "seed-1", data, history(0.983), seed=1)
    make_run(runs / "fixed", data, history(0.97), alpha=1.0)
    make_run(runs / "begun", data, history(0.5, 7), seed=2)
    return runs


def line(text: str, *words: str) -> str:
    """The only line with all the words."""
    (found,) = [each for each in text.splitlines() if all(word in each for word in words)]
    return found


def test_repetitions_are_averaged_and_changed_settings_stand_apart(runs: Path) -> None:
    own, fixed = group(find_runs(runs))
    assert (len(own.runs), own.changed) == (2, "")
    assert f"{own.accuracy:.2f}" == "98.20 ± 0.14"
    assert f"{own.forward:.1f}" == "7.0 ± 0.0"
    assert (len(fixed.runs), fixed.changed) == (1, "alpha = 1.0")
    assert own.seconds.mean == 2.0 * EPOCHS


def test_the_measured_stands_beside_the_printed(runs: Path) -> None:
    page = tables(find_runs(runs))
    row = line(page, "fully connected")
    for cell in ("84,313 | 84,313", "98.1 ± 0.1 | 98.20 ± 0.14", "7.0 ± 0.0 / 5.0 ± 0.0", "80 ± 0"):
        assert cell in row
    assert "97.00 | 1 |" in line(page, "alpha = 1.0", "|")
    assert "epoch 7 of 40" in line(page, "seed 2")
    assert page.count(NOT_RUN) == len(ROWS) - 1 + 7


def test_the_command_prints_the_tables_and_draws(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("splitkit_nn.training.convergence.ALPHAS", (0.25, 1.0))
    assert main(["reproduce", "--runs", str(runs)]) == 0
    printed = capsys.readouterr().out
    out = runs / "reproduced"
    assert (out / "tables.md").read_text() in printed
    pictures = {path.name for path in out.glob("*.png")}
    assert pictures == {
        "mnist-accuracy.png",
        "mnist-forward.png",
        "mnist-backward.png",
        "mnist-dense-convergence.png",
    }
    for picture in pictures:
        assert (out / picture).read_bytes().startswith(b"\x89PNG\r\n")
        assert str(out / picture) in printed


def test_missing_data_is_said_and_the_rest_drawn(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs.parent / "data").rename(runs.parent / "moved")
    assert main(["reproduce", "--runs", str(runs), "--out", str(runs.parent / "new")]) == 0
    assert "not drawn, since its data is missing" in capsys.readouterr().out
    assert (runs.parent / "new" / "mnist-accuracy.png").exists()


def test_no_runs_and_no_directory_are_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", "--runs", str(tmp_path)]) == 2
    assert f"{tmp_path} holds no run of an epoch or more: train one" in capsys.readouterr().err
    assert tables([]).count(NOT_RUN) == len(ROWS) + 7
    assert main(["reproduce", "--runs", str(tmp_path / "nowhere")]) == 2
    assert "nowhere is no directory" in capsys.readouterr().err


def test_a_run_without_an_epoch_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    RunDirectory(tmp_path / "run").write_config(Config(find_recipe("digits"), None))
    assert find_runs(tmp_path) == []


def test_labels_name_what_differs() -> None:
    recipe = replace(find_recipe("digits"), lr=0.1, seed=4)
    run = FoundRun(Path(), Config(recipe, None), history(0.9, 2))
    assert run.label == "digits, lr = 0.1, seed 4"
    assert not run.whole
    assert run.seconds == 4
