"""Every problem of the collection against its independent solver.

The ordinary run takes the method that ``solve`` takes and two others that are guaranteed, in
rotation, in NumPy's float64, and one other library or dtype a problem. All guaranteed methods and
all libraries and dtypes are run in the thorough profile, in a minute:

    python -m pytest tests/collection --hypothesis-profile=splitkit-thorough
"""

import pytest
from hypothesis import settings

import splitkit as sk
from splitkit.backend import to_numpy
from splitkit.solvers.methods import METHODS
from tests.collection.problems import PROBLEMS, answer, asarray, guaranteed, inclusion, start

THOROUGH = settings().max_examples >= 1000
ACCURACY = {"float64": 1e-6, "float32": 1e-3}
OTHERS = [
    ("numpy", "float32"),
    ("torch", "float64"),
    ("torch", "float32"),
    ("strict", "float64"),
    ("strict", "float32"),
]
SAMPLE = [
    pytest.param(problem, *other, id="-".join((problem.name, *other)))
    for i, problem in enumerate(PROBLEMS)
    for j, other in enumerate(OTHERS)
    if THOROUGH or j == i % len(OTHERS)
]


def _falls_as_1_over_k(option):
    """Kim's method without strong monotonicity: optimal, and on a rotation no faster than 1/k."""
    (first, *_) = option.operators
    return isinstance(option.method, sk.AcceleratedProximalPoint) and not first.strong_monotonicity


def methods(problem):
    """What ``solve`` takes, and the others whose turn it is."""
    chosen, *others = (o.method for o in guaranteed(problem) if not _falls_as_1_over_k(o))
    if len(others) < 2:  # a third way: constant steps, without balance
        others.append(type(others[0])(balance=False))
    if THOROUGH:
        return (chosen, *others)
    turn, n = PROBLEMS.index(problem), len(others)
    return (chosen, *(others[k] for k in sorted({turn % n, (turn + n // 2) % n})))


def check(problem, solution, dtype, label):
    if problem.reference is None:
        assert solution.status == "infeasible", f"{label}: {solution.message}"
        return
    # where every term vanishes at the solution, ‖r‖ may be rounding beside nothing
    exact = solution.status == "precision" and float(solution.residual) <= 1e-15
    assert solution.converged or exact, f"{label}: {solution.message}"
    x = solution.x
    found = tuple(map(to_numpy, x)) if isinstance(x, tuple) else to_numpy(x)
    errors = problem.errors(found, answer(problem))
    assert max(errors.values()) <= ACCURACY[dtype], f"{label}: {errors}"


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_agrees_with_an_independent_solver(problem):
    ways = methods(problem)
    assert len(ways) >= 3
    for method in ways:
        solution = sk.solve(
            inclusion(problem),
            problem.x0,
            method,
            tol=problem.tol,
            max_iter=100_000,
            on_failure="return",
        )
        check(problem, solution, "float64", method.label)


@pytest.mark.parametrize(("problem", "library", "dtype"), SAMPLE)
def test_other_libraries_and_single_precision(problem, library, dtype):
    array = asarray(library, dtype)
    x0 = start(problem, array)
    tol = problem.tol if dtype == "float64" else problem.single_tol
    solution = sk.solve(
        problem.inclusion(array), x0, tol=tol, max_iter=100_000, on_failure="return"
    )
    first = solution.x[0] if isinstance(x0, tuple) else solution.x
    assert type(first) is type(array(0.0))
    assert first.dtype == array(0.0).dtype
    check(problem, solution, dtype, solution.method.label)


def test_every_method_is_guaranteed_somewhere():
    used = {type(option.method) for problem in PROBLEMS for option in guaranteed(problem)}
    assert used == {*METHODS, sk.Restarted}


def test_each_problem_has_three_ways_to_be_solved():
    fewer = {problem.name for problem in PROBLEMS if len(guaranteed(problem)) < 3}
    # PD3O and Condat-Vũ alone take those: the third way is one of them with constant steps
    assert fewer <= {"deblurring", "quadratic program"}
    assert len({problem.name for problem in PROBLEMS}) == len(PROBLEMS) >= 30
