"""Corners of ``solve``: how terms find their roles, what is certified, scales, batches, NaN."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator

import splitkit as sk
from splitkit.backend import to_numpy
from splitkit.solvers.inclusion import Inclusion
from tests.sampling import pairwise, sampled

f = sk.functions
M = np.array([[2.0, 1.0], [-1.0, 1.0]])
Q = np.array([3.0, -1.0])
ROTATION = np.array([[0.0, 1.0], [-1.0, 0.0]])
L1 = sk.Subdifferential(f.L1Norm(0.5))
ORTHANT = sk.NormalCone(f.NonNegative())


class StronglyConvexNorm(f.L1Norm):
    """½‖x‖² + ‖x‖₁: strongly convex, and only its prox is known."""

    strong_convexity = 1.0

    def __call__(self, x):
        return super().__call__(x) + np.sum(x * x) / 2

    def prox(self, x, alpha=1.0):
        return super().prox(x / (1 + alpha), alpha / (1 + alpha))


# -- roles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inclusion", "matrix", "shift", "weight"),
    [
        (L1 + sk.Affine(M, Q) + sk.Identity(), M + np.eye(2), Q, 0.5),
        (2.0 * (L1 + sk.Affine(M, Q)), 2 * M, 2 * Q, 1.0),
        (sk.Identity() + 3.0 * (L1 + sk.Affine(M, Q)), 3 * M + np.eye(2), 3 * Q, 1.5),
        (0.5 * (sk.Identity() + 2.0 * (sk.Affine(M, Q) + L1)), M + np.eye(2) / 2, Q, 0.5),
        (sk.Affine(M) + L1 + sk.Affine(M, Q), 2 * M, Q, 0.5),
    ],
    ids=repr,
)
def test_sums_are_taken_apart_whatever_multiplies_them(inclusion, matrix, shift, weight):
    x = sk.solve(inclusion, np.zeros(2), tol=1e-12).x
    r = shift - matrix @ x  # ∈ weight ∂‖x‖₁
    np.testing.assert_allclose(r[x != 0], weight * np.sign(x[x != 0]), atol=1e-9)
    assert np.all(np.abs(r) <= weight + 1e-9)


def test_the_pairs_of_a_sum_add_up_to_it():
    a, b = sk.Affine(M, Q), sk.Affine(ROTATION)
    x = np.array([0.3, -2.0])
    for inclusion in (a, a + b, a + b + a, sk.Identity() - 0.5 * (a + b), 2 * (a + sk.Identity())):
        for F, G in Inclusion(inclusion).ways(sk.ForwardBackward()):
            np.testing.assert_allclose(F(x) + G(x), inclusion(x))


def test_every_assignment_has_all_terms():
    """The second order of the terms with a resolvent once lost the one that is evaluated."""
    smooth = [sk.Subdifferential(g) for g in (f.Huber(0.5), f.SquaredL2(2.0))]
    inclusion = sk.Affine(M, Q) + smooth[0] + smooth[1]
    x = np.array([0.3, -2.0])
    found = Inclusion(inclusion).ways(sk.DavisYin())
    for operators in found:
        np.testing.assert_allclose(sum(A(x) for A in operators), inclusion(x))
    assert len(found) > 6


def test_terms_that_can_only_be_evaluated_are_solved_together():
    a = sk.Operator.from_callable(lambda x: M @ x, cocoercivity=0.2)
    b = sk.Operator.from_callable(lambda x: x - Q, strong_monotonicity=1.0, lipschitz=1.0)
    x = sk.solve(a + b, np.zeros(2), tol=1e-12).x
    np.testing.assert_allclose(x, np.linalg.solve(M + np.eye(2), Q), atol=1e-10)


def test_one_term_is_enough():
    np.testing.assert_allclose(
        sk.solve(sk.Affine(M, Q), np.zeros(2), tol=1e-12).x, np.linalg.solve(M, Q), atol=1e-10
    )
    assert np.all(sk.solve(ORTHANT, -np.ones(2)).x >= 0)


# -- what is certified ----------------------------------------------------------------------------


def test_no_error_bound_where_the_solution_is_read_at_an_operator_without_values():
    class Monotone(sk.Affine):  # strongly monotone, but not known to be Lipschitz
        properties = sk.Properties.of(strong_monotonicity=1.0, maximal=True)

        def cayley_properties(self, alpha):
            return sk.Operator.cayley_properties(self, alpha)

    F = Monotone(np.array([[2.0]]), np.array([1.0]))
    G = sk.NormalCone(sk.functions.NonNegative())
    method = sk.PeacemanRachford(alpha=1e3)
    solution = sk.solve(F + G, np.zeros(1), method, max_iter=3, on_failure="return")
    assert solution.error_bound is None  # a + b with a ∈ F(x_F), but b ∈ G(x_G)


@pytest.mark.parametrize("alpha", [1e-9, 1e8, 1e15, 1e20, 1e30])
def test_extreme_steps_are_no_success_and_leave_the_bound_true(alpha):
    F = sk.Affine(np.array([[2.0]]), np.array([1.0]))
    G = sk.NormalCone(sk.functions.NonNegative())
    method = sk.PeacemanRachford(alpha=alpha)
    s = sk.solve(
        F + G, np.zeros(1), method, tol=sk.Absolute(1e-6), max_iter=50, on_failure="return"
    )
    assert abs(s.x[0] - 0.5) <= s.error_bound * (1 + 1e-12)
    assert not s.converged or abs(s.x[0] - 0.5) < 1e-6


def test_no_error_bound_where_no_element_of_the_sum_is_known():
    """Both set-valued: r = a + b with a and b at two points, and ‖r‖/m bounds nothing."""
    strong = sk.Subdifferential(StronglyConvexNorm())
    inclusion = strong.shift(np.array([3.0, -5.0])) + ORTHANT
    assert inclusion.strong_monotonicity == 1.0
    method = sk.DouglasRachford(alpha=2.0)
    solution = sk.solve(inclusion, np.zeros(2), method, tol=1e-10)
    np.testing.assert_allclose(solution.x, [2.0, 0.0], atol=1e-8)
    assert solution.error_bound is None
    with pytest.raises(ValueError, match="CertifiedError"):
        sk.solve(inclusion, np.zeros(2), method, tol=sk.CertifiedError(1e-3))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
@pytest.mark.parametrize(
    "method", [sk.ForwardBackward(), sk.PeacemanRachford(), sk.DouglasRachford()], ids=repr
)
def test_the_residual_is_an_element_and_the_bound_holds_at_any_time(method, count):
    inclusion = sk.Affine(M, Q) + ORTHANT
    exact = sk.solve(inclusion, np.zeros(2), tol=1e-14).x
    s = sk.solve(inclusion, np.array([-4.0, 7.0]), method, tol=0, max_iter=count)
    assert np.all(s.x >= 0)
    # r − (Mx − q) ∈ N(x): the least distance is attained by the best multiplier
    value = M @ s.x - Q
    least = np.where(s.x > 0, value, np.minimum(value, 0))
    assert np.linalg.norm(least) <= s.residual * (1 + 1e-12)
    assert np.linalg.norm(s.x - exact) <= s.error_bound * (1 + 1e-12)


def test_peaceman_rachford_with_only_the_second_term_strongly_monotone():
    """u need not converge, x = R_{αG}u does, and a set-valued strongly monotone G is enough."""
    strong = sk.Subdifferential(StronglyConvexNorm()).shift(np.array([3.0, -5.0]))
    method = sk.PeacemanRachford(alpha=0.5)
    guarantee = method.guarantee(ORTHANT, strong)
    assert guarantee.holds
    assert guarantee.rate is None
    assert "governing sequence need not" in guarantee.reason
    solution = sk.solve(ORTHANT + strong, np.ones(2), method, tol=1e-9)
    np.testing.assert_allclose(solution.x, [2.0, 0.0], atol=1e-7)


def test_peaceman_rachford_on_a_rotation_keeps_the_distance():
    norms = []
    sk.solve(
        sk.Affine(ROTATION), np.array([3.0, 4.0]), sk.PeacemanRachford(alpha=0.7, check=False),
        tol=0, max_iter=20, callback=lambda state: norms.append(np.linalg.norm(state.u)),
    )  # fmt: skip
    np.testing.assert_allclose(norms, 5.0, rtol=1e-12)


# -- scales ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-150, 1e-8, 1.0, 1e8, 1e150])
def test_zero_tolerance_runs_to_the_limit_at_every_scale(scale):
    F = sk.Affine(M, scale * Q)
    solution = sk.solve(F + ORTHANT, scale * np.ones(2), sk.DouglasRachford(), tol=0, max_iter=12)
    assert solution.status == "iteration_limit"
    assert solution.iterations == 12


@pytest.mark.parametrize(
    "tol",
    [
        0,
        sk.Relative(0.0),
        sk.Absolute(0),
        sk.CertifiedError(np.float32(0)),
        sk.Relative(0.0) | sk.Absolute(0.0),
        sk.Relative(0.0) & sk.Absolute(1e-3),
        sk.Relative(0.0) | sk.TimeLimit(3600),
        sk.TimeLimit(3600) | (sk.Relative(0.0) & sk.Relative(1e-2)),
    ],
    ids=str,
)
def test_a_tolerance_of_zero_ends_at_the_limit_however_it_is_written(tol):
    solution = sk.solve(
        sk.Affine(np.eye(2) + ROTATION, np.ones(2)), np.zeros(2), tol=tol, max_iter=3
    )
    assert solution.status is sk.Status.ITERATION_LIMIT
    assert not solution.converged


@pytest.mark.parametrize(
    "tol",
    [1e-300, sk.Relative(1e-300), sk.Relative(0.0) | sk.Absolute(1e-300), sk.TimeLimit(3600)],
    ids=str,
)
def test_a_tolerance_that_may_be_met_fails_at_the_limit(tol):
    A = sk.Affine(np.eye(2) + ROTATION, np.ones(2))
    with pytest.raises(sk.NotConvergedError):
        sk.solve(A, np.zeros(2), tol=tol, max_iter=3)


@pytest.mark.parametrize("scale", [1e-15, 1.0, 1e15])
@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_the_answer_does_not_depend_on_units(scale, unit):
    inclusion = sk.Affine(unit * M, scale * unit * Q) + ORTHANT
    solution = sk.solve(inclusion, np.zeros(2))
    reference = sk.solve(sk.Affine(M, Q) + ORTHANT, np.zeros(2), tol=1e-13).x
    np.testing.assert_allclose(solution.x, scale * reference, atol=1e-6 * scale)


@sampled(1)  # on JAX methods have a test of single precision
def test_single_precision_has_a_tolerance_that_it_can_meet(xp):
    F = sk.Affine(xp.asarray(M, dtype=xp.float32), xp.asarray(Q, dtype=xp.float32))
    solution = sk.solve(F + ORTHANT, xp.zeros(2, dtype=xp.float32))
    assert solution.x.dtype == xp.float32
    assert solution.residual.dtype == xp.float32
    np.testing.assert_allclose(to_numpy(solution.x), [4 / 3, 1 / 3], atol=1e-4)


# -- NaN ------------------------------------------------------------------------------------------


NAN = sk.Operator.from_callable(lambda x: x * math.nan, cocoercivity=1.0, name="NaN")


@pytest.mark.parametrize("tol", [1e-8, 0])
def test_nan_is_never_success(xp, tol):
    with pytest.raises(sk.NotConvergedError, match="NaN or Inf by iteration 1") as caught:
        sk.solve(NAN + ORTHANT, xp.ones(2, dtype=xp.float64), tol=tol, max_iter=5)
    solution = caught.value.solution
    assert solution.status == "nonfinite"
    assert not solution.converged
    assert solution.history.iteration == [1]


def test_nan_in_one_element_is_not_hidden_by_the_limit_of_another():
    """The first element never meets the tolerance 0; the second is NaN: not a wanted limit."""
    F = sk.Operator.from_callable(
        lambda x: x * np.array([[0.5], [math.nan]]) + 1.0, cocoercivity=1.0
    )
    options = {"tol": 0, "max_iter": 6, "batch_ndim": 1}
    with pytest.raises(sk.NotConvergedError, match="NaN"):
        sk.solve(F + ORTHANT, np.ones((2, 2)), **options)
    solution = sk.solve(F + ORTHANT, np.ones((2, 2)), on_failure="return", **options)
    assert solution.status == "nonfinite"
    assert np.all(np.isfinite(solution.x[0]))


def test_the_error_and_the_solution_can_be_sent_elsewhere():
    with pytest.raises(sk.NotConvergedError) as caught:
        sk.solve(sk.Affine(M, Q) + ORTHANT, np.ones(2), tol=1e-13, max_iter=2)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    np.testing.assert_array_equal(again.solution.x, caught.value.solution.x)
    assert copy.deepcopy(again.solution).status == "iteration_limit"


# -- batches and step sizes -----------------------------------------------------------------------


def test_an_empty_batch_is_solved(xp):
    F = sk.Affine(xp.asarray(M), xp.asarray(Q))
    solution = sk.solve(F + ORTHANT, xp.zeros((0, 2), dtype=xp.float64), batch_ndim=1)
    assert solution.converged
    assert tuple(solution.x.shape) == (0, 2)
    assert "converged" in solution.status


def test_a_step_size_for_each_element(xp):
    """With an array alpha each element takes the steps that it takes alone."""
    alphas = [0.3, 1.0, 4.0]
    G = sk.Subdifferential(f.SquaredL2(center=xp.asarray([1.0, -2.0], dtype=xp.float64))) + ORTHANT
    x0 = xp.ones((3, 2), dtype=xp.float64)
    together = sk.solve(
        G,
        x0,
        sk.DouglasRachford(alpha=xp.asarray(alphas, dtype=xp.float64)),
        tol=0,
        max_iter=7,
        batch_ndim=1,
    )
    for i, alpha in enumerate(alphas):
        alone = sk.solve(G, x0[i, ...], sk.DouglasRachford(alpha=alpha), tol=0, max_iter=7)
        np.testing.assert_allclose(to_numpy(together.u)[i], to_numpy(alone.u), atol=1e-12)


def test_a_forward_step_for_each_element():
    alphas, x0 = np.array([0.1, 0.4]), np.ones((2, 2))
    method = sk.ForwardBackward(alpha=alphas, check=False)
    F = sk.Affine(M, Q)
    together = sk.solve(F + ORTHANT, x0, method, tol=0, max_iter=5, batch_ndim=1)
    for i, alpha in enumerate(alphas.tolist()):
        method = sk.ForwardBackward(alpha=alpha, check=False)
        alone = sk.solve(F + ORTHANT, x0[i], method, tol=0, max_iter=5)
        np.testing.assert_allclose(together.x[i], alone.x, atol=1e-13)


@pytest.mark.parametrize("kind", [sk.DouglasRachford, sk.PeacemanRachford, sk.ForwardBackward])
def test_step_sizes_of_another_shape_are_refused(kind):
    F = sk.Subdifferential(f.SquaredL2())
    method = kind(alpha=np.ones(3), check=False)
    with pytest.raises(ValueError, match="alpha has shape"):
        sk.solve(F + ORTHANT, np.ones((2, 4)), method, batch_ndim=1)


def test_blocks_in_a_batch(xp):
    """Two games in one batch of pairs, each as if alone; its own value decides when it stops."""
    K = xp.asarray([[1.0, -1.0, 0.2], [-1.0, 2.0, 0.3]], dtype=xp.float64)
    saddle = sk.Saddle(
        sk.Subdifferential(f.SquaredL2(0.5, batch_ndim=1)),
        sk.NormalCone(f.Simplex(batch_ndim=1)), K,
    )  # fmt: skip
    x0 = (
        xp.ones((2, 3), dtype=xp.float64),
        xp.asarray([[1.0, 0.0], [50.0, 0.0]], dtype=xp.float64),
    )
    solution = sk.solve(saddle, x0, tol=1e-10, batch_ndim=1)
    x, y = map(to_numpy, solution.x)
    matrix = to_numpy(K)
    np.testing.assert_allclose(y.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(0.5 * x + y @ matrix, 0.0, atol=1e-7)
    np.testing.assert_allclose(x[0], x[1], atol=1e-7)
    assert tuple(solution.iterations.shape) == (2,)


# -- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"resume": np.ones(2)}, TypeError, "resume"),
        ({"batch_ndim": 1.5}, TypeError, "batch_ndim = 1.5"),
        ({"batch_ndim": -1}, ValueError, "batch_ndim = -1"),
        ({"max_iter": 2.5}, TypeError, "max_iter = 2.5"),
        ({"max_iter": True}, TypeError, "max_iter = True"),
        ({"tol": math.nan}, ValueError, "tol = nan"),
        ({"tol": math.inf}, ValueError, "tol = inf"),
        ({"tol": True}, TypeError, "tol = True"),
    ],
    ids=str,
)
def test_options_of_the_wrong_kind(options, error, says):
    with pytest.raises(error, match=says):
        sk.solve(sk.Affine(M, Q) + ORTHANT, np.ones(2), **options)


def test_a_solution_of_another_problem_is_not_resumed():
    other = sk.solve(sk.Affine(np.eye(3)) + ORTHANT, np.ones(3))
    with pytest.raises(ValueError, match=r"resume\.x has shape \(3,\)"):
        sk.solve(sk.Affine(M, Q) + ORTHANT, np.ones(2), resume=other)


def test_torch_leaves_record_nothing_and_keep_their_gradients():
    x0 = torch.ones(2, dtype=torch.float64, requires_grad=True)
    solution = sk.solve(sk.Affine(torch.tensor(M), torch.tensor(Q)) + ORTHANT, x0)
    assert not solution.x.requires_grad
    assert not solution.u.requires_grad
    assert x0.grad is None
    assert torch.equal(x0.detach(), torch.ones(2, dtype=torch.float64))


def test_the_start_is_not_changed_by_an_operator_that_needs_no_steps():
    x0 = np.zeros(2)
    solution = sk.solve(sk.Affine(M) + ORTHANT, x0)
    assert solution.iterations == 1
    solution.x[0] = 5.0
    assert np.array_equal(x0, np.zeros(2))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("bound", [10.0, 100.0, 300.0])
def test_a_solution_that_is_far_away_is_not_taken_for_none(bound, dtype):
    """⟨c, x⟩ on a large box: for long the governing sequence moves by the same step."""
    cost = np.array([0.1, 0.3, 0.7], dtype=dtype)
    inclusion = sk.Affine(0.0 * sk.linear.ScaledIdentity(), cost) + sk.NormalCone(
        sk.functions.Box(-1.0, bound)
    )
    method = sk.DouglasRachford(alpha=1 / 3)
    start = np.zeros(3, dtype=dtype)
    solution = sk.solve(inclusion, start, method, max_iter=50_000, on_failure="return")
    # (u − x)/α of a large x is rounded more than the tolerance of the small cost allows
    rounded = np.finfo(dtype).eps * bound * 3**0.5 / method.alpha > 1e-5 * np.linalg.norm(cost)
    assert solution.status == ("precision" if rounded else "converged")
    np.testing.assert_allclose(solution.x, bound, rtol=1e-4)


def test_only_the_inconsistent_elements_of_a_batch_are_given_up():
    """[0, 1]³ and {x ≥ b}, for b = 2, ½ and 1.01: the displacement is the gap between the sets."""
    lower = np.array([[2.0], [0.5], [1.01]])
    sets = sk.NormalCone(sk.functions.Box(0.0, 1.0)) + sk.NormalCone(
        sk.functions.Box(lower, math.inf)
    )
    start = np.zeros((3, 3))
    solution = sk.solve(sets, start, sk.DouglasRachford(), batch_ndim=1, on_failure="return")
    assert solution.status == "infeasible"
    gaps = np.linalg.norm(solution.displacement, axis=1)
    np.testing.assert_allclose(gaps, [3**0.5, 0.0, 0.01 * 3**0.5], atol=1e-9)
    assert np.all((solution.x[1] >= 0.5) & (solution.x[1] <= 1.0))


# -- divergence is no success ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "method",
    [
        None,
        sk.ForwardBackward(),
        sk.FISTA(),
        sk.Tseng(),
        sk.AdaptiveProximalGradient(),
        sk.GoldenRatio(),
        sk.DouglasRachford(),
        sk.Anderson(sk.DouglasRachford()),
    ],
    ids=repr,
)
@pytest.mark.parametrize("tol", [1e-2, 1e-3, None])
def test_an_unbounded_problem_is_never_solved(method, tol):
    """Maximize x₁ + x₂ over the orthant: ‖x‖ → ∞, beside which the residual √2 looks small."""
    inclusion = sk.Affine(np.zeros((2, 2)), np.ones(2)) + ORTHANT
    solution = sk.solve(inclusion, np.zeros(2), method, tol=tol, max_iter=3000, on_failure="return")
    assert not solution.converged
    assert solution.status == "unbounded"


def test_a_far_solution_is_still_found():
    inclusion = sk.Affine(0.01 * np.eye(2), np.full(2, 1e6)) + ORTHANT
    solution = sk.solve(inclusion, np.zeros(2), sk.ForwardBackward(alpha=5.0), tol=1e-9)
    np.testing.assert_allclose(solution.x, 1e8, rtol=1e-6)


def test_long_steps_do_not_pass_for_an_absolute_residual():
    """Of two set-valued terms r = (x − y)/α is small wherever α is large."""
    inclusion = sk.Subdifferential(f.L1Norm()) + sk.NormalCone(f.Box(1.0, 2.0))
    method = sk.DouglasRachford(alpha=1e6)
    solution = sk.solve(
        inclusion, np.full(3, 10.0), method, tol=sk.Absolute(1e-3), on_failure="return"
    )
    assert not solution.converged or np.allclose(solution.x, 1.0, atol=2e-3)


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda: sk.DouglasRachford(check="no"), "check = 'no': give True or False"),
        (lambda: sk.ADMM(check=0), "check = 0: give True or False"),
        (lambda: sk.Relaxed(sk.DouglasRachford(), check="no"), "check = 'no'"),
        (lambda: sk.Operator.from_callable(abs, monotone="yes"), "monotone = 'yes': give True"),
        (lambda: sk.plot_convergence(3), "solutions has 3: give what solve returned"),
        (lambda: sk.solve(sk.Affine(np.eye(2)), np.ones(2), progress="yes"), "progress = 'yes'"),
        (
            lambda: sk.solve(sk.Affine(sk.linear.ScaledIdentity(), (np.ones(2),) * 2), np.ones(2)),
            "q must be one array as x0 is, got ",
        ),
    ],
)
def test_flags_and_other_kinds_are_refused_by_name(act, says):
    with pytest.raises(TypeError, match=says):
        act()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda p: sk.Affine(torch.diag(p)), "M"),
        (lambda p: sk.Affine(torch.eye(2, dtype=p.dtype), p), "q"),
        (
            lambda p: sk.Affine(torch.eye(2, dtype=p.dtype)) + sk.Subdifferential(f.L1Norm(p)),
            "weight",
        ),
        (lambda p: sk.Affine(torch.eye(2, dtype=p.dtype)) + sk.NormalCone(f.Box(-p, p)), "lower"),
        (lambda p: sk.Subdifferential(f.SquaredL2(center=p)), "center"),
    ],
)
def test_a_solve_refuses_arrays_that_would_lose_their_gradients(make, name):
    p = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    x0 = torch.zeros(2, dtype=torch.float64)
    with pytest.raises(TypeError, match=rf"{name}.* requires gradients.*ImplicitSolve"):
        sk.solve(make(p), x0)
    with torch.no_grad():
        found = sk.solve(make(p), x0).x
    assert torch.equal(found, sk.solve(make(p.detach()), x0.requires_grad_()).x)
    assert not found.requires_grad


def test_an_operator_that_returns_nothing_is_named():
    F = sk.Operator.from_callable(lambda x: None, cocoercivity=1.0, name="forgetful")
    with pytest.raises(TypeError, match="forgetful returned a NoneType"):
        sk.solve(F + sk.NormalCone(f.NonNegative()), np.ones(2))


def test_numpy_numbers_are_step_sizes():
    for alpha in (np.float32(0.25), np.float64(0.25)):
        method = sk.Tseng(alpha=alpha)
        assert type(method.alpha) is float
        x = sk.solve(
            sk.Affine(np.eye(2), np.ones(2)) + sk.NormalCone(f.NonNegative()), np.zeros(2), method
        ).x
        np.testing.assert_allclose(x, 1.0, atol=1e-6)


STIFF = np.diag([1.0, 50.0, 7.0])  # its blocks (2, 1) are comparable
CONSTANTS = {"strong_monotonicity": 1.0, "lipschitz": 2.0}  # ‖M‖ is 50


@pytest.mark.parametrize(
    "F",
    [
        sk.Affine(sk.DenseMatrix(STIFF, **CONSTANTS)),
        sk.Affine(sk.linear.wrap(csr_array(STIFF), **CONSTANTS)),
        sk.Affine(sk.linear.wrap(aslinearoperator(STIFF), norm=2.0, strong_monotonicity=1.0)),
        sk.Affine(0.5 * (2.0 * sk.linear.ScaledIdentity() + sk.DenseMatrix(STIFF, **CONSTANTS))),
        sk.Affine(sk.linear.Stacked(sk.DenseMatrix(STIFF, **CONSTANTS), (2, 1))),
        sk.PseudoGradient([lambda x: x[0], lambda x: 50.0 * x[1]], **CONSTANTS),
    ],
    ids=["dense", "sparse", "wrapped", "sum", "stacked", "game"],
)
def test_a_declared_constant_that_values_contradict_is_named(F):
    on_tuples = not hasattr(F, "M") or isinstance(F.M, sk.linear.Stacked)
    x0 = (np.ones(2), np.ones(1)) if on_tuples else np.ones(3)
    cone = sk.functions.NonNegative()
    G = sk.NormalCone(sk.functions.SeparableSum((cone, cone)) if on_tuples else cone)
    with pytest.raises(sk.NotConvergedError, match="is not what it declares"):
        sk.solve(F + G, x0, sk.ForwardBackward(), max_iter=200)


def cubic(points, lipschitz=13.0):
    """x³ + x − q, which is 13-Lipschitz on [−2, 1] only; where it is evaluated is kept."""

    def F(x):
        points.append(x)
        return x**3 + x - np.array([0.5, -4.0, 10.0])

    declared = {"strong_monotonicity": 1.0, "lipschitz": lipschitz, "name": "F"}
    return sk.Operator.from_callable(F, **declared)


ON_A_SET = [
    sk.ForwardBackward(),
    sk.Relaxed(sk.ForwardBackward(), relaxation=1.2),
    sk.Inertial(sk.ForwardBackward(), check=False),
    sk.Halpern(sk.ForwardBackward()),
    sk.Anderson(sk.ForwardBackward()),
    sk.Anderson(sk.ForwardBackward(), kind="I"),
    sk.SuperMann(sk.ForwardBackward()),
    sk.Extragradient(),
]


@pytest.mark.parametrize("x0", [0.0, 5.0])
@pytest.mark.parametrize("method", ON_A_SET, ids=lambda m: m.label)
def test_what_is_declared_need_hold_on_the_set_only(method, x0):
    """There alone F is evaluated, after x₀; so nothing contradicts its constants."""
    points = []
    inclusion = cubic(points) + sk.NormalCone(sk.functions.Box(-2.0, 1.0))
    solution = sk.solve(inclusion, np.full(3, x0), method, tol=1e-6)
    exact = [brentq(lambda x: x**3 + x - 0.5, 0, 1), brentq(lambda x: x**3 + x + 4, -2, 0), 1.0]
    np.testing.assert_allclose(solution.x, exact, atol=1e-4)
    assert all(x.min() >= -2 and x.max() <= 1 for x in points if not np.all(x == x0))


def test_what_is_contradicted_on_the_set_is_named():
    inclusion = cubic([], 2.0) + sk.NormalCone(sk.functions.Box(-2.0, 1.0))
    for x0 in (-1.0, 5.0):
        solution = sk.solve(inclusion, np.full(3, x0), sk.ForwardBackward(), on_failure="return")
        assert solution.status == "contradicted"
        assert "F: 4" in solution.message


def test_a_method_that_leaves_the_set_says_that_constants_do_not_hold_there():
    def turn(x):  # a quarter turn on the box, and steep beside it
        beside = np.maximum(x - 1, 0) + np.minimum(x + 1, 0)
        return np.array([x[1] - 2, -x[0] - 2]) + 100 * beside

    F = sk.Operator.from_callable(turn, monotone=True, lipschitz=1.0, name="F")
    inclusion = F + sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    options = {"max_iter": 50, "on_failure": "return"}
    solution = sk.solve(inclusion, np.array([0.0, 1.0]), sk.Tseng(), **options)
    assert solution.status == "iteration_limit"
    assert "outside of the domains of the other terms F: " in solution.message


@pytest.mark.parametrize("x0", [20.0, 1000.0])
@pytest.mark.parametrize("declared", [{"lipschitz": np.e}, {}], ids=["lipschitz", "monotone"])
def test_a_start_outside_of_the_set_where_F_is_steeper_begins_on_it(x0, declared):
    """eˣ − q on [0, 1]: e^20 says nothing of it, and e^1000 overflows."""
    q = np.array([1.8, 0.5, 3.5])
    F = sk.Operator.from_callable(lambda x: np.exp(x) - q, monotone=True, **declared)
    inclusion = sk.VI(F, sk.functions.Box(0.0, 1.0))
    exact = np.clip(np.log(q), 0, 1)
    for option in sk.explain(inclusion).best_of_each():
        if option.guarantee.holds:
            solution = sk.solve(inclusion, np.full(3, x0), type(option.method)())
            np.testing.assert_allclose(solution.x, exact, atol=1e-6, err_msg=str(option.method))


SETS = (sk.functions.L2Ball(1.0), sk.functions.Simplex(), sk.functions.NonNegative())


@pytest.mark.parametrize(
    ("C", "x0", "margin"), pairwise(SETS, [0.0, 1e3, 1e9], [1.0, 1e3]), ids=repr
)
def test_an_element_of_a_normal_cone_is_no_scale(C, margin, x0):
    """(x₀ − x)/α at the first step is as large as x₀ is far, or the step short."""
    R = np.random.default_rng(0).normal(size=(4, 4))
    M, q = R @ R.T + np.eye(4) + R - R.T, np.array([0.4, -0.1, 1.0, -2.0])
    known = sk.Affine(M, q) + sk.Subdifferential(C)
    exact = sk.solve(known, np.full(4, 0.25), tol=1e-12, max_iter=100_000).x
    declared = {"strong_monotonicity": 1.0, "lipschitz": margin * np.linalg.norm(M, 2)}
    inclusion = sk.Operator.from_callable(lambda x: M @ x - q, **declared) + sk.Subdifferential(C)
    options = {"tol": 1e-4, "max_iter": 1500, "on_failure": "return"}
    for option in sk.explain(inclusion).best_of_each():
        if option.guarantee.holds:
            solution = sk.solve(inclusion, np.full(4, x0), type(option.method)(), **options)
            if solution.converged:
                error = np.linalg.norm(solution.x - exact)
                assert error < 5e-3, (option.method, solution.iterations)
