"""Two processes train the model of one, save it once, and end together when one dies."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[object]]]:
    script = Path(__file__).with_name("on_processes.py")
    ran = subprocess.run(
        [sys.executable, str(script), str(tmp_path_factory.mktemp("runs"))],
        env=dict(os.environ, OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, list[list[object]]] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def test_two_processes_train_the_model_of_one(found):
    assert found["alone"][0] == [0]
    assert found["two"][0] == [0, 0]
    assert found["apart"]["two"] <= 1e-7  # solves end at 1e-9, batches of other samples otherwise


def test_the_first_alone_writes_and_reports(found):
    first, second = found["two"][1]
    assert "test accuracy" in first
    assert second == ""
    assert {"checkpoint.pt", "model.pt", "report.md"} <= set(found["files"])


def test_a_process_that_dies_ends_the_other_which_says_how_to_go_on(found):
    (status, dead), (said, _) = found["broken"]
    assert (status, dead) == (1, -signal.SIGKILL)
    assert "--resume" in said
    assert "with the model of the last full epoch" in said


def test_resumed_it_comes_to_the_same_parameters_bit_for_bit(found):
    assert found["resumed"][0] == [0, 0]
    assert found["apart"]["resumed"] == 0.0


def test_several_seeds_are_trained_one_after_the_other(found):
    statuses, (first, second) = found["seeds"]
    assert statuses == [0, 0]
    assert "over 2 seeds" in first
    assert second == ""


def test_a_mistake_ends_all_processes_before_they_join(found):
    assert found["refused"][0] == [2, 2]
    assert all("never overwritten" in said for said in found["refused"][1])
