"""What solutions are worth: objectives and duality gaps, and values that settle as a rule."""

import pickle

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f
from splitkit.backend import to_numpy
from tests.collection.problems import PROBLEMS, answer, asarray, guaranteed, inclusion, start

RNG = np.random.default_rng(5)
A, B = RNG.normal(size=(20, 8)), RNG.normal(size=20)
D = np.diff(np.eye(8), axis=0)


def objective():
    return f.LeastSquares(A, B) + f.L1Norm(2.0) + f.L1Norm(0.5) @ D


def value(x):
    return 0.5 * np.sum((A @ x - B) ** 2) + 2 * np.abs(x).sum() + 0.5 * np.abs(D @ x).sum()


# of operators, which have no function, and trend filtering's without its constant
VALUED = [
    p
    for p in PROBLEMS
    if p.reference is not None
    and answer(p).value
    and p.name != "trend filtering"
    and sk.solve(inclusion(p), p.x0, max_iter=1, on_failure="return").objective is not None
]


@pytest.mark.parametrize("problem", VALUED, ids=lambda p: p.name)
def test_the_gap_of_a_solution_is_small_and_its_objective_that_of_the_answer(problem):
    every = [option.method for option in guaranteed(problem)]
    for method in (None, every[len(every) // 2]):
        found = sk.solve(inclusion(problem), problem.x0, method, max_iter=100_000)
        size = abs(answer(problem).value)
        assert float(found.objective) == pytest.approx(answer(problem).value, abs=1e-6 * size)
        assert abs(float(found.duality_gap)) <= 1e-6 * size, found.method.label


@pytest.mark.parametrize("library", ["torch", "strict"])
def test_other_libraries(library):
    problem = next(p for p in PROBLEMS if p.name == "lasso")
    array = asarray(library, "float32")
    found = sk.solve(problem.inclusion(array), start(problem, array))
    assert found.objective.dtype == found.x.dtype
    expected = answer(problem).value
    assert float(to_numpy(found.objective)) == pytest.approx(expected, rel=1e-4)
    assert abs(float(to_numpy(found.duality_gap))) <= 1e-4 * expected


@pytest.mark.parametrize("iterations", [3, 10, 30, 100])
@pytest.mark.parametrize("method", [sk.CondatVu(), sk.ADMM(), None], ids=repr)
def test_a_gap_bounds_what_is_left_from_early_on(iterations, method):
    least = value(sk.minimize(objective(), np.zeros(8), tol=1e-12, max_iter=100_000).x)
    found = sk.minimize(objective(), np.zeros(8), method, max_iter=iterations, on_failure="return")
    assert float(found.objective) == pytest.approx(value(found.x), rel=1e-12)
    left = value(found.x) - least
    assert left <= float(found.duality_gap) * (1 + 1e-6) + 1e-9 * least


def test_in_units_that_a_solve_changes():
    scales = np.logspace(-6, 6, 8)
    F = sk.Subdifferential(f.LeastSquares(A * scales, B) + f.L1Norm(1.0))
    found = sk.solve(F, np.zeros(8))
    x = found.x
    expected = 0.5 * np.sum((A * scales @ x - B) ** 2) + np.abs(x).sum()
    assert "equilibration" in found.method.label
    assert float(found.objective) == pytest.approx(expected, rel=1e-12)
    assert abs(float(found.duality_gap)) <= 1e-6 * expected
    stopped = sk.solve(F, np.zeros(8), tol=sk.Gap(1e-6))
    assert stopped.converged
    assert float(stopped.objective) <= (1 + 2e-6) * expected
    assert stopped.iterations < found.iterations


def test_each_sample_has_its_own():
    both = f.LeastSquares(A, np.stack([B, 10 * B]), batch_ndim=1) + f.L1Norm(2.0, batch_ndim=1)
    found = sk.minimize(both, np.zeros((2, 8)), batch_ndim=1, record_objective=True)
    assert found.objective.shape == found.duality_gap.shape == (2,)
    for k, scale in enumerate((1, 10)):
        alone = sk.minimize(f.LeastSquares(A, scale * B) + f.L1Norm(2.0), np.zeros(8))
        assert float(found.objective[k]) == pytest.approx(float(alone.objective), rel=1e-7)
        assert abs(float(found.duality_gap[k])) <= 1e-6 * float(alone.objective)
    assert all(each.shape == (2,) for each in found.history.objective)


def test_nothing_is_computed_unless_it_is_asked_for():
    calls = []

    class Counted(f.L1Norm):
        def __call__(self, x):
            calls.append(1)
            return super().__call__(x)

    both = f.LeastSquares(A, B) + Counted(2.0)
    found = sk.minimize(both, np.zeros(8))
    assert calls == []
    assert found.history.objective == []
    for _ in range(3):
        assert float(found.objective) > 0
    assert len(calls) == 1
    recorded = sk.minimize(both, np.zeros(8), record_objective=True)
    assert len(recorded.history.objective) == len(recorded.history.iteration)
    assert float(recorded.history.objective[-1]) == float(recorded.objective)
    assert float(recorded.history.objective[-1]) == float(found.objective)
    seen = []
    sk.minimize(both, np.zeros(8), callback=lambda s: seen.append(float(s.objective)))
    assert seen[-1] == pytest.approx(float(found.objective))


def test_a_pickled_copy_holds_the_numbers():
    found = sk.minimize(objective(), np.zeros(8))
    again = pickle.loads(pickle.dumps(found))
    assert float(again.objective) == float(found.objective)
    assert float(again.duality_gap) == float(found.duality_gap)


def test_what_has_no_value_has_none():
    turn = sk.Affine(np.array([[1.0, 1.0], [-1.0, 1.0]]), np.ones(2)) + sk.NormalCone(
        f.NonNegative()
    )
    found = sk.solve(turn, np.zeros(2))
    assert found.objective is None
    assert found.duality_gap is None
    with pytest.raises(TypeError, match="record_objective = True"):
        sk.solve(turn, np.zeros(2), record_objective=True)
    with pytest.raises(TypeError, match=r"ObjectiveChange\(…\) needs functions"):
        sk.solve(turn, np.zeros(2), tol=sk.ObjectiveChange(1e-3))
    with pytest.raises(TypeError, match="record_objective"):
        sk.solve(turn, np.zeros(2), record_objective=1)


@pytest.mark.parametrize("tol", [1e-2, 1e-5, 1e-8])
@pytest.mark.parametrize("method", [None, sk.CondatVu(), sk.LinearizedADMM()], ids=repr)
def test_values_that_have_settled(tol, method):
    least = value(sk.minimize(objective(), np.zeros(8), tol=1e-12, max_iter=100_000).x)
    found = sk.minimize(objective(), np.full(8, 10.0), method, tol=sk.ObjectiveChange(tol))
    assert found.converged
    assert found.iterations >= 10
    assert value(found.x) - least <= 3 * tol * least


def test_a_slow_method_is_not_taken_for_settled():
    """One step changes the value by 1e-5 of itself while a fifth of it is still to go."""
    P = np.diag(np.logspace(-5, 0, 6))
    slow = sk.Subdifferential(f.Quadratic(P, -np.ones(6)))
    least = -0.5 * float(np.sum(1 / np.diag(P)))
    for tol in (1e-1, 1e-2):
        found = sk.solve(
            slow, np.zeros(6), sk.ForwardBackward(alpha=1.0), tol=sk.ObjectiveChange(tol),
            max_iter=10**6,
        )  # fmt: skip
        assert float(found.objective) - least <= tol * abs(least)


def test_constraints_count_as_well():
    """At the start the objective is 0 for ever, and the constraints are not met."""
    both = f.L2Ball(1.0) + f.HalfSpace(np.array([1.0, 1.0]), -1.0)
    found = sk.minimize(both, np.full(2, 100.0), tol=sk.ObjectiveChange(1e-6))
    assert found.x.sum() <= -1 + 1e-5
    assert np.linalg.norm(found.x) <= 1 + 1e-5
    assert repr(sk.ObjectiveChange(1e-6)) == "ObjectiveChange(tol=1e-06)"
    with pytest.raises(ValueError, match="tol"):
        sk.ObjectiveChange(0.0)
