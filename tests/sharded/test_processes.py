"""Points and data that Torch cuts over processes are solved as in one, the same on each of them,
and exchange no more than they must.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.sampling import THOROUGH

FEW = ["rows", "strips"]  # a sum, and neighbours on both sides
# an iteration needs one sum over the processes for Aᵀ(Ax − b) of rows, for Ax of columns, for a
# mean; for a row of the image on each side of a cut both ways; and none for what is samplewise or
# has its factors everywhere
LEAST = {
    "rows": {"all_reduce": 1},
    "least squares": {"all_reduce": 1},
    "logistic": {"all_reduce": 1},
    "columns": {"all_reduce": 1},
    "rows of a dual": {"all_reduce": 1},
    "ADMM": {},
    "affine": {"all_reduce": 1},
    "Tseng": {"all_gather_into_tensor": 2},
    "strips": {"all_gather_into_tensor": 2},
    "consensus": {"all_reduce": 1},
    "batch": {},
    "players": {"all_reduce": 2},
}


def run(*arguments):
    script = Path(__file__).with_name("on_processes.py")
    here = dict(os.environ, OMP_NUM_THREADS="1")
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env=here,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="module")
def found():
    """The environment's SPLITKIT_KILLS says at how many moments one is killed, by default 2."""
    ran = run(os.environ.get("SPLITKIT_KILLS", "2"), *FEW)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", [*LEAST, "Anderson"])
def test_two_processes_solve_as_one(found, name):
    case = found["2"][name]
    assert case["converged"]
    assert case["distance"] <= 1e-10 * case["size"]
    assert case["kept"]


@pytest.mark.parametrize("name", FEW)
def test_four_processes_solve_as_one(found, name):
    case = found["4"][name]
    assert case["distance"] <= 1e-10 * case["size"]
    assert case["exchanged"] == LEAST[name]


@pytest.mark.parametrize("name", LEAST)
def test_an_iteration_exchanges_no_more_than_it_must(found, name):
    assert found["2"][name]["exchanged"] == LEAST[name]


def test_products_of_differences_are_asked_for_once(found):
    """The map, ‖r‖, ‖Δu‖, ⟨r, Δu⟩, the norm of the step, and five products of Δr and of r each."""
    assert found["2"]["Anderson"]["exchanged"] == {"all_reduce": 15}


@pytest.mark.parametrize("processes", ["2", "4"])
def test_all_processes_find_the_same(found, processes):
    assert found[processes]["alike"]


def test_numbers_that_the_host_reads_are_those_of_the_whole(found):
    assert found["2"]["numbers"] == pytest.approx([1.0] * len(found["2"]["numbers"]), rel=1e-12)


def test_what_lies_on_no_mesh_or_another_is_refused(found):
    plain, start = found["2"]["refused"]["plain"], found["2"]["refused"]["start"]
    assert "L lies on no mesh of processes" in plain
    assert "distribute_tensor" in plain
    assert "x0 on no mesh of processes" in start


def test_a_sum_that_is_not_taken_is_refused_by_name(found):
    assert "q is a sum over the processes that is not yet taken" in found["2"]["refused"]["sum"]


@pytest.mark.parametrize(
    ("what", "path"),
    [
        ("weight", "inclusion"),
        ("start of its own", "x0"),
        ("method", "method"),
        ("tolerance", "tol"),
        ("a callback", "has_callback"),
    ],
)
def test_processes_that_are_given_different_things_are_told_so(found, what, path):
    said = found["2"]["refused"][what]
    assert "were given different problems" in said
    assert path in said


def test_the_page_runs(found):
    assert found["2"]["page"] == ["converged", 7]


def test_what_would_be_gathered_is_refused_with_its_size_unless_allowed(found):
    assert "2 MiB" in found["2"]["refused"]["gathered"]
    assert "splitkit.gathering()" in found["2"]["refused"]["gathered"]
    assert found["2"]["gathered"] <= 1e-12


def test_a_process_that_fails_ends_the_other_with_a_word(found):
    case = found["faults"]
    assert "the data of this process are missing; in forward-backward" in case["raise"]["1"]
    ended = "process 1 of the mesh ended with: the data of this process are missing; in forward"
    assert ended in case["raise"]["0"]
    assert case["nan"]["0"] == case["nan"]["1"]
    assert "met NaN or Inf" in case["nan"]["0"]
    assert "Faulty on process 1 returned it" in case["nan"]["0"]
    assert all("process 1 of the mesh left no word" in said for said in case["kill"])
    assert max(case["took"]) < 60.0  # the time that the process group waits


@pytest.mark.skipif(settings().max_examples < THOROUGH, reason="takes half a minute: thorough")
def test_what_is_registered_is_right_or_refused_on_a_cut_point():
    ran = run("registry")
    assert ran.returncode == 0, ran.stderr
    case = json.loads(ran.stdout.splitlines()[-1])["2"]
    assert case["wrong"] == []
    # rows that cannot be cut evenly, for which Torch has no rule
    assert {name.split("-")[0] for name in case["failed"]} <= {"Kronecker"}
    assert case["right"] >= 900


def test_what_one_process_decides_all_do_together(found):
    assert found["2"]["alike"]
    assert found["2"]["limited"][0] == "time_limit"
    assert found["2"]["stopped"] == ["stopped", 7]


def test_processes_that_are_slow_at_random_decide_as_others(found):
    assert found["2"]["slowed"] == [0, 0.0]
