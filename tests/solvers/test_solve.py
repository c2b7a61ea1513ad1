"""``solve`` finds what it should, says what it did, and refuses what it cannot."""

import itertools
import math

import numpy as np
import pytest
import torch

import splitkit as sk
from splitkit.backend import to_numpy
from tests.sampling import sampled

METHODS = [
    sk.ForwardBackward(),
    sk.PeacemanRachford(),
    sk.DouglasRachford(),
    sk.DouglasRachford(relaxation=1.7),
]


@sampled(lambda given: [None, *METHODS].index(given["method"]))
@pytest.mark.parametrize("method", [None, *METHODS], ids=repr)
def test_known_solution_and_certificate(xp, method, strongly_monotone, non_negative):
    M, q, exact = (xp.asarray(a) for a in strongly_monotone)
    x0 = xp.zeros_like(q)
    F = sk.Affine(M, q)
    for tol in (1e-3, 1e-11):
        solution = sk.solve(F + non_negative, x0, method, tol=tol, batch_ndim=1)
        error = np.linalg.norm(to_numpy(solution.x - exact), axis=1)
        assert solution.converged
        assert solution.status == "converged"
        assert np.all(error <= to_numpy(solution.error_bound))
        assert tuple(solution.residual.shape) == (5,)
        assert solution.x.dtype == x0.dtype
    assert np.max(error) < 1e-8
    assert not np.any(to_numpy(x0))


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_guaranteed_rate_is_not_exceeded(method, strongly_monotone, non_negative):
    M, q, _ = strongly_monotone
    inclusion = sk.Affine(M, q) + non_negative
    fixed = sk.solve(inclusion, 0 * q, method, tol=1e-14, batch_ndim=1).u
    points = [0 * q]
    solution = sk.solve(
        inclusion,
        0 * q,
        method,
        tol=1e-8,
        batch_ndim=1,
        callback=lambda state: points.append(state.u),
    )
    distance = [np.linalg.norm(u - fixed, axis=1) for u in points]
    assert 0 < solution.rate < 1
    assert len(points) > 10
    for before, after in itertools.pairwise(distance):
        assert np.all(after <= solution.rate * before + 1e-11)


def test_a_batch_element_is_solved_as_if_alone(strongly_monotone, non_negative):
    M, q, _ = strongly_monotone
    q = q * np.logspace(-4, 4, 5)[:, None]
    together = sk.solve(sk.Affine(M, q) + non_negative, 0 * q, tol=1e-9, batch_ndim=1)
    assert len(set(together.iterations.tolist())) > 1
    for i, row in enumerate(q):
        alone = sk.solve(sk.Affine(M, row) + non_negative, 0 * row, tol=1e-9)
        assert isinstance(alone.iterations, int)
        assert np.linalg.norm(together.x[i] - alone.x) <= 1e-7 * np.linalg.norm(alone.x)


def test_a_nan_element_does_not_spoil_the_others(strongly_monotone, non_negative):
    M, q, exact = strongly_monotone

    def f(x):
        value = x @ M.T - q
        value[2] = np.nan
        return value

    F = sk.Operator.from_callable(f, strong_monotonicity=0.5, lipschitz=np.linalg.norm(M, 2))
    with pytest.raises(sk.NotConvergedError, match="NaN or Inf") as caught:
        sk.solve(F + non_negative, 0 * q, tol=1e-10, batch_ndim=1)
    solution = caught.value.solution
    assert solution.status == "nonfinite"
    assert not solution.converged
    others = [0, 1, 3, 4]
    np.testing.assert_allclose(solution.x[others], exact[others], atol=1e-8)


def test_divergence_is_no_success():
    rotation = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    method = sk.ForwardBackward(alpha=1.0, check=False)
    solution = sk.solve(
        rotation + sk.NormalCone(sk.functions.Box(-math.inf, math.inf)),
        np.ones(2),
        method,
        max_iter=5000,
        on_failure="return",
    )
    assert not solution.converged
    assert solution.status in {"nonfinite", "iteration_limit"}


def test_on_failure(strongly_monotone, non_negative):
    M, q, _ = strongly_monotone
    inclusion = sk.Affine(M, q) + non_negative
    options = {"tol": 1e-12, "max_iter": 3, "batch_ndim": 1}
    with pytest.raises(sk.NotConvergedError, match="max_iter = 3") as caught:
        sk.solve(inclusion, 0 * q, **options)
    with pytest.warns(sk.NotConvergedWarning, match="max_iter = 3"):
        warned = sk.solve(inclusion, 0 * q, on_failure="warn", **options)
    returned = sk.solve(inclusion, 0 * q, on_failure="return", **options)
    for solution in (caught.value.solution, warned, returned):
        assert solution.status == "iteration_limit"
        assert not solution.converged
        assert np.array_equal(solution.x, returned.x)


def test_numbers_of_numpy_are_numbers(strongly_monotone, non_negative):
    M, q, _ = strongly_monotone
    inclusion = sk.Affine(M, q) + non_negative
    options = {"tol": np.float32(1e-4), "max_iter": np.int64(200), "batch_ndim": 1}
    assert sk.solve(inclusion, 0 * q, **options).converged


def test_rules_are_joined_to_rules_only():
    for join in (lambda: sk.Relative(1e-3) | 1e-3, lambda: sk.Relative(1e-3) & 1e-3):
        with pytest.raises(TypeError):
            join()


def test_zero_tolerance_runs_to_the_limit(strongly_monotone, non_negative):
    M, q, _ = strongly_monotone
    solution = sk.solve(sk.Affine(M, q) + non_negative, 0 * q, tol=0, max_iter=17, batch_ndim=1)
    assert solution.history.iteration[-1] == 17
    assert not solution.converged


def test_history_callback_and_stop(strongly_monotone, non_negative):
    M, q, _ = strongly_monotone
    seen = []

    def callback(state):
        seen.append(state)
        return state.iteration == 7

    solution = sk.solve(sk.Affine(M, q) + non_negative, 0 * q, batch_ndim=1, callback=callback)
    assert solution.status == "stopped"
    assert [state.iteration for state in seen] == list(range(1, 8))
    assert solution.history.iteration == list(range(1, 8))
    assert np.array_equal(solution.x, seen[-1].x)
    assert np.array_equal(solution.history.residual[-1], seen[-1].residual)
    assert len(solution.history.fixed_point_residual) == 7


def test_callback_exceptions_pass_through(non_negative):
    def callback(state):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        sk.solve(sk.Affine(np.eye(2)) + non_negative, np.ones(2), callback=callback)


def test_resume_continues_the_iteration(strongly_monotone, non_negative):
    M, q, _ = strongly_monotone
    inclusion, method = sk.Affine(M, q[0]) + non_negative, sk.PeacemanRachford(alpha=0.2)
    first = sk.solve(inclusion, 0 * q[0], method, tol=0, max_iter=10)
    resumed = sk.solve(inclusion, 0 * q[0], method, tol=0, max_iter=10, resume=first)
    whole = sk.solve(inclusion, 0 * q[0], method, tol=0, max_iter=20)
    assert np.array_equal(resumed.u, whole.u)


def test_stopping_rules(strongly_monotone, non_negative):
    M, q, exact = strongly_monotone
    inclusion = sk.Affine(M, q) + non_negative
    certified = sk.solve(inclusion, 0 * q, tol=sk.CertifiedError(1e-4), batch_ndim=1)
    assert np.all(certified.error_bound <= 1e-4)
    assert np.all(np.linalg.norm(certified.x - exact, axis=1) <= 1e-4)
    absolute = sk.solve(inclusion, 0 * q, tol=sk.Absolute(1e-5), batch_ndim=1)
    assert np.all(absolute.residual <= 1e-5)
    either = sk.solve(inclusion, 0 * q, tol=sk.Absolute(1e-5) | sk.Relative(0.1), batch_ndim=1)
    both = sk.solve(inclusion, 0 * q, tol=sk.Absolute(1e-5) & sk.Relative(0.1), batch_ndim=1)
    assert np.all(either.iterations <= absolute.iterations)
    assert np.all(both.residual <= 1e-5)


def test_certified_rule_needs_strong_monotonicity(non_negative):
    skew = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    with pytest.raises(ValueError, match="strongly monotone"):
        sk.solve(skew + non_negative, np.ones(2), tol=sk.CertifiedError(1e-3))


def test_tuple_points_and_matrix_game(xp, rng):
    """min over x, max over y of ⟨Kx, y⟩ on two simplices: no player gains by deviating."""
    K = rng.normal(size=(4, 3))
    game = sk.Saddle(
        sk.NormalCone(sk.functions.Simplex()), sk.NormalCone(sk.functions.Simplex()), xp.asarray(K)
    )
    start = (xp.ones(3, dtype=xp.float64) / 3, xp.ones(4, dtype=xp.float64) / 4)
    x, y = (to_numpy(block) for block in sk.solve(game, start, tol=1e-10, max_iter=100_000).x)
    assert np.max(K @ x) - np.min(K.T @ y) == pytest.approx(0, abs=1e-8)


def test_torch_records_nothing():
    M = torch.eye(3, dtype=torch.float64, requires_grad=True)
    F = sk.Affine(2 * M, torch.ones(3, dtype=torch.float64))
    G, x0 = sk.NormalCone(sk.functions.NonNegative()), torch.zeros(3, dtype=torch.float64)
    with pytest.raises(TypeError, match="M requires gradients, but a solve records none"):
        sk.solve(F + G, x0)
    with torch.no_grad():
        assert not sk.solve(F + G, x0).x.requires_grad
    assert not sk.solve(sk.Affine(2 * M.detach(), F.q) + G, x0.requires_grad_()).x.requires_grad


def test_minimize_is_the_same():
    f = 2.0 * sk.functions.L1Norm() + sk.functions.SquaredL2(center=np.array([3.0, -1.0]))
    solution = sk.minimize(f, np.zeros(2), tol=1e-12)
    np.testing.assert_allclose(solution.x, [1.0, 0.0], atol=1e-10)
    with pytest.raises(TypeError, match="f = "):
        sk.minimize(lambda x: x, np.zeros(2))


ZERO = sk.NormalCone(sk.functions.NonNegative())
IDENTITY = sk.Affine(np.eye(2))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        ((IDENTITY, [0.0, 0.0]), {}, TypeError, "x0 is a list"),
        ((IDENTITY, np.zeros(2, dtype=int)), {}, TypeError, "x0 has dtype int64"),
        (
            (IDENTITY + sk.NormalCone(sk.functions.NonNegative()), np.zeros(2, dtype=complex)),
            {},
            TypeError,
            "NonNegative.* acts on real points, and x0 is complex",
        ),
        ((IDENTITY, np.array([0.0, np.nan])), {}, ValueError, "x0 has entries that are NaN"),
        ((IDENTITY, np.zeros(3)), {}, ValueError, r"M = .*length 2"),
        ((IDENTITY, np.zeros(2, dtype=np.float32)), {}, TypeError, "float32"),
        ((IDENTITY, torch.zeros(2).double()), {}, TypeError, "torch"),
        ((IDENTITY, (np.zeros(2), np.zeros(2))), {}, (TypeError, ValueError), "tuple|array"),
        ((lambda x: x, np.zeros(2)), {}, TypeError, "is no operator"),
        ((IDENTITY, np.zeros(2), "dr"), {}, TypeError, "method = 'dr'"),
        ((IDENTITY, np.zeros(2)), {"max_iter": 0}, ValueError, "max_iter = 0"),
        ((IDENTITY, np.zeros(2)), {"tol": -1.0}, ValueError, r"tol = -1\.0"),
        ((IDENTITY, np.zeros(2)), {"tol": "small"}, TypeError, "tol = 'small'"),
        ((IDENTITY, np.zeros(2)), {"batch_ndim": 2}, ValueError, "batch_ndim = 2"),
        ((IDENTITY, np.zeros(2)), {"on_failure": "stop"}, ValueError, "on_failure = 'stop'"),
        ((IDENTITY, np.zeros(2)), {"callback": 3}, TypeError, "callback = 3"),
        (
            (sk.NormalCone(sk.functions.Simplex()), np.zeros((2, 3))),
            {"batch_ndim": 1},
            ValueError,
            "batch_ndim=1",
        ),
        (
            (sk.Subdifferential(sk.functions.L1Norm(np.ones(3))), np.zeros(2)),
            {},
            ValueError,
            "weight",
        ),
    ],
)
def test_bad_arguments(arguments, options, error, match):
    with pytest.raises(error, match=match):
        sk.solve(*arguments, **options)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: sk.PeacemanRachford(alpha=0.0), ValueError, r"alpha = 0\.0"),
        (lambda: sk.ForwardBackward(alpha=-1), ValueError, "alpha = -1"),
        (lambda: sk.DouglasRachford(alpha=math.nan), ValueError, "alpha = nan"),
        (lambda: sk.DouglasRachford(alpha="1"), TypeError, "alpha = '1'"),
        (lambda: sk.DouglasRachford(relaxation=2.0), ValueError, r"relaxation = 2\.0"),
        (lambda: IDENTITY.resolvent(0), ValueError, "alpha = 0"),
        (lambda: sk.Affine(np.ones((2, 3))), ValueError, "2×3"),
        (lambda: sk.Affine("M"), TypeError, "M = 'M'"),
        (lambda: sk.Affine(np.array([[np.inf]])), ValueError, "M has entries"),
        (lambda: sk.NormalCone(sk.functions.L1Norm()), TypeError, "give a set"),
        (lambda: math.inf * IDENTITY, ValueError, "c = inf"),
    ],
)
def test_bad_constructions(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_an_operator_that_changes_the_point_is_named():
    wider = sk.Operator.from_callable(lambda x: np.stack([x, x]), cocoercivity=1.0)
    with pytest.raises(ValueError, match=r"an operator changed the point.*\(2, 3\)"):
        sk.solve(wider + sk.Subdifferential(sk.functions.SquaredL2()), np.ones(3))
