"""An equation that gives one block of two by the other: the same solution, in one block."""

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f
from splitkit.linear import BlockRow, ScaledIdentity

RNG = np.random.default_rng(0)
SIDE = 20
LOW = np.outer(RNG.standard_normal(SIDE), RNG.standard_normal(SIDE))
SPOILED = LOW + 10 * (RNG.random((SIDE, SIDE)) < 0.05)


def inclusion(first, second, c1, c2, right):
    equation = f.Singleton(right) @ BlockRow([ScaledIdentity(c1), ScaledIdentity(c2)])
    return sk.Subdifferential(f.SeparableSum(first, second) + equation)


PAIRS = {
    "robust components": (f.NuclearNorm(), f.L1Norm(SIDE**-0.5)),
    "multiples": (f.L1Norm(SIDE**-0.5), 2.0 * f.NuclearNorm()),
    "balls": (f.SpectralBall(30.0), f.L1Norm()),
}
# by the numbers of iterations in both blocks, at most
THIN = {1e-2: 45, 1e-4: 137}
IN_BOTH = {
    "smooth": (f.SquaredL2(center=LOW), f.NuclearNorm(), 1.0),
    "smooth and steep": (f.L1Norm(1e-6), f.SquaredL2(1e6, center=LOW), 1.0),
    "cheap": (f.L1Norm(0.3), f.Box(-1.0, 2.0), 1.0),
    "unlike": (f.NuclearNorm(), f.L1Norm(SIDE**-0.5), 1e-3),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(("c1", "c2"), [(1.0, 1.0), (2.0, -3.0)])
def test_the_solution_is_that_of_both_blocks(name, c1, c2):
    problem = inclusion(*PAIRS[name], c1, c2, SPOILED)
    start = SPOILED / c1, 0.0 * SPOILED
    found = sk.solve(problem, start, tol=1e-10)
    assert found.method.label.endswith("in one block")
    x, z = found.x
    assert np.max(abs(c1 * x + c2 * z - SPOILED)) < 1e-12 * np.max(abs(SPOILED))
    other = sk.solve(problem, start, sk.DouglasRachford(), tol=1e-10, max_iter=50_000)
    assert found.objective == pytest.approx(other.objective, rel=1e-7)
    assert abs(found.duality_gap) <= 1e-6 * abs(found.objective)


@pytest.mark.parametrize("name", IN_BOTH)
def test_both_blocks_are_iterated_where_steps_are_cheap_or_digits_would_be_lost(name):
    first, second, c2 = IN_BOTH[name]
    problem = inclusion(first, second, 1.0, c2, SPOILED)
    found = sk.solve(problem, (SPOILED, 0.0 * SPOILED))
    assert found.converged
    assert "in one block" not in found.method.label


@pytest.mark.parametrize("width", THIN)
def test_thin_boxes_are_met_by_a_measured_step(width):
    one = np.ones(3)
    problem = inclusion(f.Box(0.0, width), f.Box(-width, 1.0), 1.0, 1.0, one)
    found = sk.solve(problem, (one, one))
    assert found.converged
    assert found.iterations <= THIN[width]


def test_a_method_in_one_block_is_that_of_both_where_no_equation_gives_one():
    given = inclusion(*PAIRS["robust components"], 1.0, 1.0, SPOILED)
    method = sk.solve(given, (SPOILED, 0 * SPOILED)).method
    apart = sk.Subdifferential(f.SeparableSum(f.NuclearNorm(), f.L1Norm()))
    found = sk.solve(apart, (LOW, LOW), method)
    assert found.converged
    assert "in one block" not in found.method.label


def test_the_elements_at_the_solution_are_in_the_subdifferentials():
    first, second = PAIRS["robust components"]
    plan = sk.plan(inclusion(first, second, 1.0, -2.0, SPOILED), (SPOILED, 0 * SPOILED))
    run = plan._iteration
    state = run.begin(plan.x0, plan.space)
    for _ in range(200):
        state, trace = run.advance(state)
    reading = run.read(trace)
    (x, z), ((a, b), (y, w)) = reading.x, reading.terms
    assert np.allclose(w, -2.0 * y)
    for g, at, slope in ((first, x, a), (second, z, b)):
        assert sk.Subdifferential(g).contains(at, slope, tol=1e-6)


def test_a_solve_goes_on_from_its_solution_and_by_its_method():
    problem = inclusion(*PAIRS["robust components"], 1.0, 1.0, SPOILED)
    plan = sk.plan(problem, (SPOILED, 0 * SPOILED))
    found = plan.solve(tol=1e-6)
    assert plan.solve(found, tol=1e-6).iterations <= 3
    resumed = plan.solve(resume=found, tol=1e-10)
    again = sk.solve(problem, found.x, found.method, tol=1e-10)
    for other in (resumed, again):
        assert np.allclose(other.x[0], found.x[0], atol=1e-4)


def test_no_decomposition_is_made_but_for_iterations_and_three(monkeypatch):
    made, svd = [], np.linalg.svd
    monkeypatch.setattr(np.linalg, "svd", lambda *a, **o: made.append(1) or svd(*a, **o))
    problem = inclusion(*PAIRS["robust components"], 1.0, 1.0, SPOILED)
    found = sk.solve(problem, (SPOILED, 0 * SPOILED))
    assert len(made) <= found.iterations + 3


def test_a_problem_without_solution_is_told():
    far = np.diag(np.full(3, 5.0))
    apart = inclusion(f.SpectralBall(), f.Box(0.0, 1.0), 1.0, 1.0, far)
    found = sk.solve(apart, (0 * far, 0 * far), on_failure="return")
    assert "in one block" in found.method.label
    assert found.status == "infeasible"
