"""When a solve looks at its tolerance: no later than a tenth of its iterations after they met it,
also where the residual swings, and no more often than that takes.
"""

import math

import numpy as np
import pytest

import splitkit as sk
from splitkit.solvers.engine import SHORT, Schedule
from tests.collection.judge import left_open
from tests.collection.problems import PROBLEMS, asarray, guaranteed, inclusion, start


def run(ratio):
    """Iterations taken and needed, checks and peeks, of a solve whose ratio is ratio(k)."""
    schedule, checks, peeks = Schedule(), 0, 0
    needed = next(k for k in range(1, 100_000) if ratio(k) <= 1)
    while True:
        k = schedule.due
        if k < schedule.next_check:
            peeks += 1
            if ratio(k) > 1:
                schedule.peeked(k, ratio(k))
                continue
        checks += 1
        if ratio(k) <= 1:
            return k, needed, checks, peeks
        schedule.plan(k, ratio(k), peeks=True)


def swinging(seed):
    """ρᵏ|cos(ωk + φ)| beside a part that does not swing, as of a spiral seen from the side."""
    rng = np.random.default_rng(seed)
    per_step, turn, phase = rng.uniform(0.004, 0.1), rng.uniform(0.02, 0.5), rng.uniform(0, 6)
    size, flat = 10 ** rng.uniform(2, 8), rng.uniform(0.1, 0.5)
    return lambda k: size * math.exp(-per_step * k) * math.hypot(math.cos(turn * k + phase), flat)


def test_a_swinging_residual_is_seen_to_meet_its_tolerance():
    runs = np.array([run(swinging(seed)) for seed in range(300)])
    late = runs[:, 0] - 1.1 * runs[:, 1]
    assert late.max() <= SHORT
    assert np.mean(late > 5) < 0.02
    checks, peeks = runs[:, 2].sum(), runs[:, 3].sum()
    assert peeks < 1.2 * checks  # each a fifth of a check


@pytest.mark.parametrize("per_step", [0.003, 0.02, 0.2])
def test_a_steady_residual_is_peeked_at_once_after_a_check(per_step):
    taken, needed, checks, peeks = run(lambda k: 1e6 * math.exp(-per_step * k))
    assert taken <= needed + 1
    assert peeks <= checks


def by(name, method):
    problem = next(p for p in PROBLEMS if p.name == name)
    option = next(o for o in guaranteed(problem) if o.method.label == method)
    A, x0 = inclusion(problem), start(problem, asarray())
    return sk.plan(A, x0, left_open(option.method)), problem.tol


SWINGING = [
    ("support vector machine", "Chambolle-Pock", 1.0),
    ("linear program", "projective splitting", 1.0),
    ("least absolute deviations", "restarts of Chambolle-Pock", 1e4),  # falls steadily in between
]


@pytest.mark.parametrize(("name", "method", "times"), SWINGING)
def test_solves_end_where_the_tolerance_is_met(name, method, times):
    plan, tol = by(name, method)
    tol *= times
    needed = sum(1 for _ in plan.iterate(tol=tol))
    assert plan.solve(tol=tol).iterations <= 1.1 * needed + SHORT


@pytest.mark.parametrize("left", [1, 2, 3, 5, 17, 90, 139, 152])  # at peeks and between them
def test_a_resumed_solve_looks_where_it_would_have_looked(left):
    plan, tol = by(*SWINGING[0][:2])
    whole = plan.solve(tol=tol, max_iter=1000)
    limit = whole.iterations - left
    begun = by(*SWINGING[0][:2])[0].solve(tol=tol, max_iter=limit, on_failure="return")
    assert begun.status == sk.Status.ITERATION_LIMIT
    ended = plan.solve(tol=tol, max_iter=1000, resume=begun)
    assert ended.iterations == whole.iterations
    np.testing.assert_array_equal(ended.x, whole.x)
