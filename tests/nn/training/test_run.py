"""A run directory is claimed once, written whole, and given up if nothing was saved in it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from splitkit_nn.training.config import Config
from splitkit_nn.training.recipes import find_recipe
from splitkit_nn.training.run import RunDirectory, claim

CONFIG = Config(find_recipe("digits"), None)


def contents(path: Path) -> list[str]:
    return sorted(found.name for found in path.iterdir())


def test_what_exists_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    (tmp_path / "b").mkdir()
    for path in (tmp_path / "a", tmp_path / "b"):
        with pytest.raises(FileExistsError, match=f"{path} exists.*another --out"), claim(path):
            pytest.fail("claimed")
    assert (tmp_path / "a").read_text() == "mine"
    assert contents(tmp_path) == ["a", "b"]


def break_off(path: Path, error: BaseException, before: Callable[[RunDirectory], object]) -> None:
    """Claim a run, do something in it, and fail."""
    with claim(path) as run:
        before(run)
        raise error


@pytest.mark.parametrize("error", [ValueError("stop"), KeyboardInterrupt("stop")])
def test_a_failure_before_the_first_model_leaves_nothing(
    tmp_path: Path, error: BaseException
) -> None:
    with pytest.raises(type(error), match="stop"):
        break_off(tmp_path / "new" / "run", error, lambda run: run.write_config(CONFIG))
    assert contents(tmp_path) == []


def test_a_new_parent_that_others_use_by_then_stays(tmp_path: Path) -> None:
    theirs = tmp_path / "new" / "theirs"
    with pytest.raises(ValueError, match="stop"):
        break_off(tmp_path / "new" / "run", ValueError("stop"), lambda run: theirs.touch())
    assert contents(tmp_path / "new") == ["theirs"]


def test_a_failure_after_the_first_checkpoint_keeps_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"):
        break_off(
            tmp_path / "run", ValueError("stop"), lambda run: run.write("checkpoint.pt", b"some")
        )
    assert contents(tmp_path / "run") == [".lock", "checkpoint.pt"]


def test_a_write_that_fails_keeps_the_old_file_and_leaves_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    run = RunDirectory(tmp_path)
    run.write("report.md", b"old")
    monkeypatch.setattr("splitkit_nn.training.run.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run.write("report.md", b"new")
    assert (tmp_path / "report.md").read_bytes() == b"old"
    assert contents(tmp_path) == ["report.md"]


def test_the_model_comes_back_and_is_plain_weights(tmp_path: Path) -> None:
    saved, loaded = nn.Linear(3, 2), nn.Linear(3, 2)
    RunDirectory(tmp_path).write_model(saved)
    RunDirectory(tmp_path).read_model(loaded)
    assert torch.equal(saved.weight, loaded.weight)
    assert set(torch.load(tmp_path / "model.pt", weights_only=True)) == {"weight", "bias"}


def test_a_damaged_or_foreign_model_is_refused(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"holds no model\.pt"):
        run.read_model(nn.Linear(3, 2))
    run.write_model(nn.Linear(4, 2))
    with pytest.raises(ValueError, match="not the parameters of this run's recipe"):
        run.read_model(nn.Linear(3, 2))
    whole = run.model_path.read_bytes()
    for content in (b"", b"no zip archive", whole[: len(whole) // 2]):
        run.model_path.write_bytes(content)
        with pytest.raises(ValueError, match="not the parameters of this run's recipe"):
            run.read_model(nn.Linear(4, 2))


def test_the_configuration_comes_back(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.write_config(CONFIG)
    assert run.read_config() == CONFIG


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"recipe": "digits"}', "\x00"])
def test_a_damaged_configuration_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match=r"config\.json: not a run's configuration"):
        RunDirectory(tmp_path).read_config()


def test_a_directory_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"is not a run: it has no config\.json"):
        RunDirectory(tmp_path / "nothing").read_config()
