"""Proofs as files: another program checks them, and sees what is wrong with one."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import splitkit as sk
from splitkit.proofs import checker
from tests.proofs.random_programs import RandomStep, never

I = sk.Identity()  # noqa: E741


def operator(**properties):
    return sk.Operator.from_callable(never, resolvent=never, name="A", **properties)


A, B = operator(monotone=True, maximal=True), operator(monotone=True, maximal=True)
F = operator(strong_monotonicity=0.2, lipschitz=1.0)
TURN = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]))
MAP = sk.linear.wrap(np.random.default_rng(1).normal(size=(2, 3)))

PROOFS = {
    "a rate": lambda: sk.prove(0.5 * I + 0.5 * (F.cayley(1.3) @ B.cayley(1.3))),
    "a decrease": lambda: sk.prove(0.4 * I + 0.6 * (A.cayley(1.3) @ B.cayley(1.3))),
    "a skew operator": lambda: sk.prove(TURN.resolvent(2.0)),
    "a Lyapunov function": lambda: sk.ForwardReflectedBackward(alpha=0.3).proof(F, A),
    "a linear map": lambda: sk.ChambollePock(tau=0.2, sigma=4 / MAP.norm**2).proof(
        A, B.pullback(MAP)
    ),
}


def written(case):
    return json.loads(PROOFS[case]().to_json())


@pytest.mark.parametrize("case", PROOFS)
def test_the_checker_agrees(case):
    assert checker.check(written(case)) == []


def test_of_random_steps():
    count = 0
    for seed in range(40):
        proof = RandomStep.draw(np.random.default_rng(seed)).prove()
        if proof is not None and proof.holds:
            count += 1
            assert checker.check(json.loads(proof.to_json())) == []
    assert count > 5


@pytest.mark.parametrize("case", ["a rate", "a decrease", "a skew operator"])
def test_it_sees_a_value_that_is_better_than_true(case):
    proof = written(case)
    proof["value"] = str(Fraction(proof["value"]) - Fraction(1, 10_000))
    assert checker.check(proof)


@pytest.mark.parametrize("case", PROOFS)
def test_it_sees_other_multipliers(case):
    for what in ("inequalities", "adjoints"):
        for k in range(len(written(case)[what])):
            proof = written(case)
            each = proof[what][k]
            each["multiplier"] = str(Fraction(each["multiplier"]) * 1000 + 1000)
            assert checker.check(proof)


def test_it_sees_wrong_signs_and_forms():
    proof = written("a rate")
    proof["inequalities"][0]["multiplier"] = "-1/10"
    assert any("sign" in each for each in checker.check(proof))
    proof = written("a rate")
    proof["inequalities"][0]["form"] = {"terms": [["1", "x", "u"], ["1", "x", "x"]], "zero": []}
    assert any("form" in each for each in checker.check(proof))
    proof = written("a linear map")
    metric = proof["families"][-1]["multiplier"]
    metric[0][0] = str(-Fraction(metric[0][0]))
    assert any("not positive semidefinite" in each for each in checker.check(proof))


def test_it_runs_alone(tmp_path):
    """Nothing of the library is imported."""
    assert len(Path(checker.__file__).read_text().splitlines()) <= 100
    file = tmp_path / "proof.json"
    file.write_text(PROOFS["a rate"]().to_json(), encoding="utf-8")
    command = [sys.executable, "-S", "-E", checker.__file__, str(file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.stdout.strip() == "proved", run.stderr


def test_in_latex():
    text = PROOFS["a rate"]().to_latex()
    assert text.startswith(r"\begin{aligned}")
    assert text.count(r"\bigl(") == text.count(r"\bigr)") >= 3
    assert r"\rVert^2" in text


def test_what_is_not_proved_is_not_written():
    proof = sk.prove(I - 0.5 * operator(monotone=True, lipschitz=1.0))
    with pytest.raises(ValueError, match="nothing was proved: refuted"):
        proof.to_json()
    with pytest.raises(ValueError, match="nothing was proved"):
        proof.to_latex()
