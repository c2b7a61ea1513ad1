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


@pytest.mark.parametrize(
    ("smooth", "m", "at_1", "best", "at_best"),
    [
        (operator(monotone=True, lipschitz=1.0), 0.5, 0.860380, 0.644175, 0.841302),
        (operator(cocoercivity=1.0), 0.1, 0.909091, 10**0.5, 0.782671),
    ],
)
def test_the_best_step_of_known_constants(smooth, m, at_1, best, at_best):
    A = strong(m)

    def rate(alpha):
        return sk.DouglasRachford(alpha=alpha).guarantee(A, smooth).rate

    assert rate(1.0) == pytest.approx(at_1, abs=1e-6)
    assert rate(best) == pytest.approx(at_best, abs=1e-6)
    assert rate(best) <= min(rate(0.99 * best), rate(1.01 * best))
    proof = sk.DouglasRachford(alpha=best).proof(A, smooth)
    assert proof.rate == pytest.approx(at_best, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.3, 0.644175, 0.691, 1.0])
def test_two_turns_of_the_plane_attain_the_rate_of_lipschitz_terms(alpha):
    """A = i, which is 1-Lipschitz, and B = ½ + iw for the worst w: no smaller factor is true, not
    at α = 0.691 either, where it is 0.8418.
    """
    B = 0.5 + 1j * np.linspace(-50.0, 50.0, 200_001)
    R_A, R_B = 1 / (1 + alpha * 1j), 1 / (1 + alpha * B)
    slowest = np.abs(1 - R_B + R_A * (2 * R_B - 1)).max()
    assert with_lipschitz(0.5 * alpha, alpha, 1.0) == pytest.approx(slowest, abs=1e-6)
    if alpha == 0.691:
        assert slowest == pytest.approx(0.841798, abs=1e-6)


@pytest.mark.parametrize(("m", "L", "relaxation"), [(100.0, 0.3, 0.3), (30.0, 0.01, 0.5)])
def test_the_rarer_cases_of_lipschitz_terms(m, L, relaxation):
    proof = sk.DouglasRachford(alpha=1.0, relaxation=relaxation).proof(
        strong(m), operator(monotone=True, lipschitz=L)
    )
    assert proof.rate == pytest.approx(with_lipschitz(m, L, relaxation), abs=1e-6)


def test_a_measured_step_follows_the_movements():
    """A box so thin that the natural step of the norm is far too long."""
    rng = np.random.default_rng(0)
    M = rng.standard_normal((12, 2)) @ rng.standard_normal((2, 8))
    f = sk.functions.NuclearNorm() + sk.functions.Box(M - 1e-3, M + 1e-3)
    found = sk.minimize(f, 0 * M)
    stays = sk.DouglasRachford(balance=False)
    constant = sk.minimize(f, 0 * M, stays, max_iter=2 * found.iterations, on_failure="return")
    assert found.method.label == "Douglas-Rachford"
    assert found.converged
    assert not constant.converged
    assert float(found.objective) == pytest.approx(float(constant.objective), rel=1e-4)
    assert not sk.plan(sk.Subdifferential(f), 0 * M, sk.DouglasRachford(alpha=1.0)).method.balance
    assert sk.DouglasRachford().steady().balance is False
