"""The split rates of Douglas-Rachford are those of the program, in every one of their cases."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.solvers.methods.douglas_rachford_rates import with_cocoercive, with_lipschitz

pytest.importorskip("clarabel")


def operator(**properties):
    def unused(*_):
        raise AssertionError("only its properties are used")

    return sk.Operator.from_callable(unused, resolvent=unused, name="A", **properties)


def strong(m):
    return operator(strong_monotonicity=m, maximal=True)


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("kind", ["cocoercive", "Lipschitz"])
def test_the_formula_is_the_program_s(kind, seed):
    rng = np.random.default_rng(seed)
    m, constant = 10 ** rng.uniform(-1.3, 1.3, 2)
    relaxation, alpha = rng.uniform(0.1, 1.9), 10 ** rng.uniform(-2, 2)
    A = strong(m / alpha)
    if kind == "cocoercive":
        B, expected = operator(cocoercivity=constant * alpha), with_cocoercive
    else:
        B, expected = operator(monotone=True, lipschitz=constant / alpha), with_lipschitz
    terms = (A, B) if seed % 2 else (B, A)
    method = sk.DouglasRachford(alpha=alpha, relaxation=relaxation)
    proof = method.proof(*terms)
    rate = expected(m, constant, relaxation)
    assert (proof.rate or 1.0) == pytest.approx(rate, abs=1e-6)
    assert method.guarantee(*terms).rate == pytest.approx(rate, abs=1e-12)


@pytest.mark.parametrize(
    "smooth", [operator(cocoercivity=1.0), operator(monotone=True, lipschitz=1.0)]
)
def test_the_step_that_is_left_open_is_the_best(smooth):
    A = strong(0.1)
    chosen = sk.DouglasRachford().guarantee(A, smooth).rate
    for alpha in np.geomspace(1e-3, 1e3, 61):
        assert chosen <= sk.DouglasRachford(alpha=alpha).guarantee(A, smooth).rate + 1e-6


@pytest.mark.parametrize(("m", "L", "relaxation"), [(100.0, 0.3, 0.3), (30.0, 0.01, 0.5)])
def test_the_rarer_cases_of_lipschitz_terms(m, L, relaxation):
    proof = sk.DouglasRachford(alpha=1.0, relaxation=relaxation).proof(
        strong(m), operator(monotone=True, lipschitz=L)
    )
    assert proof.rate == pytest.approx(with_lipschitz(m, L, relaxation), abs=1e-6)
