"""Long work says how far it is: to a logger that listens, and on a terminal."""

import logging
import re
import sys

import numpy as np
import pytest

import splitkit as sk
from splitkit import progress
from splitkit.testing import check_operator

TURN = sk.Affine(np.array([[1.0, 9.0], [-9.0, 1.0]]), np.ones(2))


@pytest.fixture
def impatient(monkeypatch, caplog):
    """What would come after three seconds comes at once."""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    caplog.set_level(logging.INFO, "splitkit")
    caplog.set_level(logging.INFO, "splitkit_nn")
    return caplog


def test_a_solve_tells_its_logger(impatient, capsys):
    sk.solve(TURN, np.zeros(2), sk.Tseng())
    lines = [record.getMessage() for record in impatient.records if record.name == "splitkit"]
    pattern = r"iteration (\d+) of 10000: residual/tolerance ([\d.e+-]+)"
    found = [re.fullmatch(pattern, line) for line in lines]
    assert found
    assert all(found)
    assert float(found[-1][2]) <= 1
    assert capsys.readouterr() == ("", "")  # no terminal, no bar


def test_the_bar_names_what_the_rule_measures(impatient):
    sk.solve(TURN, np.zeros(2), sk.Tseng(), tol=sk.Gap(1e-6) | sk.TimeLimit(60.0))
    assert "gap/tolerance" in impatient.records[-1].getMessage()


def test_it_is_silent_where_it_is_asked_to_be(impatient):
    sk.solve(TURN, np.zeros(2), sk.Tseng(), progress=False)
    assert not impatient.records


def test_short_work_says_nothing(caplog, capsys):
    caplog.set_level(logging.INFO, "splitkit")
    sk.solve(TURN, np.zeros(2), sk.Tseng())
    assert not caplog.records
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_shown_where_it_is_wanted(capsys):
    pytest.importorskip("tqdm")
    with progress.Progress(True, 10, "steps") as bar:
        bar.step(4, 8)
        bar.bar.refresh()
    assert "steps:  50%" in capsys.readouterr().err


def test_a_notebook_has_a_bar_without_asking(impatient, capsys, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    with progress.Progress(None, 10, "steps") as bar:
        bar.step(4, 8)
        assert not bar.bar.disable
    assert "steps:" in capsys.readouterr().err


def test_a_search_for_the_best_step_counts_its_proofs(impatient):
    pytest.importorskip("clarabel")
    F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=1.0, lipschitz=2.0)
    sk.best_step(lambda a: sk.Identity() - a * F, bounds=(0.1, 1.0))
    lines = [record.getMessage() for record in impatient.records]
    assert [f"proof of a rate {k}" for k in range(1, 42)] == lines[:41]


def test_a_proof_counts_its_programs(impatient, capsys):
    pytest.importorskip("clarabel")
    # of no other test: a proof that is known is not sought again
    F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=1.0371, lipschitz=2.0)
    G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    sk.ForwardReflectedBackward(alpha=0.0971).linear_rate(F, G, accuracy=0.1)
    lines = [record.getMessage() for record in impatient.records]
    assert "programs of a proof 1" in lines
    assert capsys.readouterr() == ("", "")
    pytest.importorskip("tqdm")
    sk.prove(sk.Identity() - 0.123 * F, progress=True)
    assert "programs of a proof" in capsys.readouterr().err


def test_checks_count_what_they_hold(impatient, capsys):
    check_operator(sk.Identity(), (2,), max_examples=3)
    lines = [record.getMessage() for record in impatient.records]
    assert "properties held against a case 1" in lines
    assert capsys.readouterr() == ("", "")
    pytest.importorskip("tqdm")
    check_operator(sk.Identity(), (2,), max_examples=3, progress=True)
    assert "properties held against a case" in capsys.readouterr().err


def test_work_within_work_has_no_bar_of_its_own(impatient):
    with progress.telling(None, "checks"), progress.telling(None, "proofs"):
        progress.tell("checks")
        progress.tell("proofs")
        progress.tell("checks")
    assert [r.getMessage() for r in impatient.records] == ["checks 1", "checks 1", "checks 2"]


def test_a_certification_counts_its_steps(impatient):
    torch = pytest.importorskip("torch")
    import splitkit_nn as sknn

    model, x = sknn.DenseClassifier(4, 6, 3, tol=1e-6).eval(), torch.randn(3, 4)
    sknn.certify_robustness(model, x, torch.zeros(3).long(), steps=4)
    lines = [record.getMessage() for record in impatient.records if record.name == "splitkit_nn"]
    assert lines[-1] == "multipliers 8 of 8"


def test_a_certification_that_is_watched_makes_no_bar_of_its_own(impatient):
    torch = pytest.importorskip("torch")
    import splitkit_nn as sknn

    model, x, seen = sknn.DenseClassifier(4, 6, 3, tol=1e-6).eval(), torch.randn(3, 4), []
    labels = torch.zeros(3).long()
    sknn.certify_robustness(
        model, x, labels, steps=4, watch=lambda done, of: seen.append((done, of))
    )
    assert seen[-1] == (8, 8)
    assert not [record for record in impatient.records if record.name == "splitkit_nn"]
