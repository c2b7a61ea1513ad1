"""What the library guarantees of methods with a linear map is proved: their metric holds Lx."""

import json
from dataclasses import replace

import numpy as np
import pytest

import splitkit as sk
from splitkit.proofs import Outcome, attempt, checker
from splitkit.proofs.program import least_value
from tests.proofs.random_programs import never


def operator(**properties):
    return sk.Operator.from_callable(never, resolvent=never, name="A", **properties)


A = operator(monotone=True, maximal=True)
B = operator(monotone=True, maximal=True)
C = operator(cocoercivity=0.8)
MAP = sk.linear.wrap(np.random.default_rng(0).normal(size=(4, 5)))
SQUARE = MAP.norm**2
TERMS = (A, B.pullback(MAP))

PROVED = {
    "Chambolle-Pock": lambda part: (sk.ChambollePock(tau=0.3, sigma=part / (0.3 * SQUARE)), TERMS),
    "Condat-Vũ": lambda part: (
        sk.CondatVu(tau=0.5, sigma=part * (2 - 0.625) / SQUARE),
        (*TERMS, C),
    ),
    "PD3O": lambda part: (sk.PD3O(tau=1.0, sigma=part / SQUARE), (*TERMS, C)),
    "linearized ADMM": lambda part: (sk.LinearizedADMM(tau=0.5, rho=2 * part / SQUARE), TERMS),
}


@pytest.mark.parametrize("part", [0.5, 0.9])
@pytest.mark.parametrize("case", PROVED)
def test_within_the_steps_of_the_theorem(case, part):
    method, terms = PROVED[case](part)
    assert method.guarantee(*terms).holds
    proof = method.proof(*terms)
    assert proof.holds
    assert proof.multipliers is not None
    assert proof.residual() > -1e-6


IN_UNITS = {  # of s for the operators, so that primal and dual steps are τ/s and sσ
    "Chambolle-Pock": lambda s: sk.ChambollePock(tau=0.3 / s, sigma=0.9 * s / (0.3 * SQUARE)),
    "linearized ADMM": lambda s: sk.LinearizedADMM(tau=0.5 / s, rho=1.8 * s / SQUARE),
    "Condat-Vũ": lambda s: sk.CondatVu(tau=0.5 / s, sigma=0.9 * 1.375 * s / SQUARE),
    "PD3O": lambda s: sk.PD3O(tau=1 / s, sigma=0.9 * s / SQUARE),
}


@pytest.mark.parametrize("s", [1e-8, 3e-5, 1e4, 1e8])
@pytest.mark.parametrize("case", IN_UNITS)
def test_units_do_not_matter(case, s):
    """‖L‖ is no operator's constant: the residual's dual parts stay, its primal ones are of s."""
    terms = (
        TERMS
        if case in ("Chambolle-Pock", "linearized ADMM")
        else (
            *TERMS,
            operator(cocoercivity=0.8 / s),
        )
    )
    proof = IN_UNITS[case](s).proof(*terms)
    assert proof.outcome is Outcome.PROVED
    assert proof.value == pytest.approx(1.0, rel=1e-6)
    assert checker.check(json.loads(proof.to_json())) == []


@pytest.mark.parametrize("case", ["Chambolle-Pock", "linearized ADMM"])
def test_beyond_what_any_theorem_allows(case):
    """τσ‖L‖² = 1.4 > 4/3."""
    method, terms = PROVED[case](1.4)
    proof = method._with(check=False).proof(*terms)
    assert proof.outcome is Outcome.INEXPRESSIBLE
    assert "no quadratic function" in proof.reason


def test_a_solver_that_ends_elsewhere_has_not_shown_that_there_is_no_function(monkeypatch):
    def ended(claim, units=None):
        return replace(least_value(claim, units), status="InsufficientProgress")

    monkeypatch.setattr(attempt, "least_value", ended)
    method, terms = PROVED["Chambolle-Pock"](1.4)
    proof = method._with(check=False).proof(*terms)
    assert proof.outcome is Outcome.FAILED
    assert "InsufficientProgress" in proof.reason
