"""Several seeds in one command: a run for each, and their mean ± standard deviation."""

import statistics
from pathlib import Path

import pytest

from splitkit_nn.__main__ import main
from splitkit_nn.training.run import read_metrics
from splitkit_nn.training.seeds import Spread


@pytest.mark.usefixtures("undrawn")
def test_each_seed_has_its_run_and_the_summary_their_mean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    arguments = ["train", "digits", "--out", str(out), "--epochs", "1", "--no-progress"]
    assert main([*arguments, "--seeds", "3", "1"]) == 0
    found = [
        100 * read_metrics(out / f"seed-{seed}" / "metrics.csv")[-1].test_accuracy
        for seed in (3, 1)
    ]
    mean, deviation = statistics.mean(found), statistics.stdev(found)
    line = f"test accuracy: {mean:.2f} ± {deviation:.2f} % over 2 seeds"
    assert line in capsys.readouterr().out.splitlines()
    assert f"- {line}\n" in (out / "summary.md").read_text()
    # One more seed goes on beside those that are finished.
    assert main([*arguments, "--seeds", "3", "1", "2", "--resume"]) == 0
    assert "seed-3 is finished" in capsys.readouterr().out
    assert "over 3 seeds" in (out / "summary.md").read_text()
    assert main([*arguments, "--seeds", "3"]) == 2
    assert "exists and is never overwritten" in capsys.readouterr().err


def test_a_single_value_has_no_deviation() -> None:
    assert f"{Spread.of([98.125]):.2f}" == "98.12"
    assert f"{Spread.of([98.0, 99.0]):.1f}" == "98.5 ± 0.7"
