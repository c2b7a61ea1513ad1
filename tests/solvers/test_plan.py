"""A plan computes once what does not depend on where a solve starts, and runs again and again."""

import threading
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import splitkit as sk
from splitkit.solvers.inclusion import Inclusion
from splitkit.solvers.methods import METHODS
from splitkit.solvers.rewrites import flatten

few = settings(max_examples=25, deadline=None, derandomize=True, database=None)
f = sk.functions
M = np.array([[2.0, 1.0], [-1.0, 1.0]])
Q = np.array([3.0, -1.0])
ORTHANT = sk.NormalCone(f.NonNegative())
INCLUSIONS = {
    "affine": sk.Affine(M, Q) + ORTHANT,
    "smooth": sk.Subdifferential(f.SquaredL2(center=Q)) + sk.Subdifferential(f.L1Norm(0.1)),
    "composed": sk.Subdifferential(f.SquaredL2(center=Q))
    + sk.Subdifferential(f.L1Norm(0.3) @ np.array([[1.0, -1.0], [2.0, 0.5], [0.0, 1.0]])),
    "three": sk.Affine(M, Q) + ORTHANT + sk.NormalCone(f.Box(-1.0, 0.5)),
}


@pytest.fixture(params=INCLUSIONS)
def inclusion(request):
    return INCLUSIONS[request.param]


def test_a_plan_solves_as_solve_does(inclusion):
    for x0 in (np.zeros(2), np.array([5.0, -3.0])):
        at_once = sk.solve(inclusion, x0)
        planned = sk.plan(inclusion, x0)
        for again in (planned.solve(), planned.solve(x0)):
            np.testing.assert_array_equal(again.x, at_once.x)
            assert again.iterations == at_once.iterations
            assert again.method == at_once.method == planned.method
            assert again.rate == planned.guarantee.rate


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.label)
def test_runs_of_a_plan_do_not_know_of_each_other(kind):
    """From another start, interrupted and resumed, step by step: as a plan made anew would."""
    fitting = [
        A for A in INCLUSIONS.values() if any(o.runnable for o in options(Inclusion(A), kind()))
    ]
    for A in fitting:
        planned = sk.plan(A, np.zeros(2), kind(check=False))
        method = planned.method  # its steps may be measured where the plan was made
        starts = np.random.default_rng(0).normal(size=(3, 2))
        for x0 in starts:
            steps = planned.iterate(x0, max_iter=7, tol=0)
            first = next(steps)
            other = planned.solve(starts[0], max_iter=5, on_failure="return")
            fresh = sk.solve(A, starts[0], method, max_iter=5, on_failure="return")
            np.testing.assert_array_equal(other.x, fresh.x)
            seen = [first.x, *(state.x for state in steps)]
            expected = [state.x for state in sk.iterate(A, x0, method, max_iter=7, tol=0)]
            np.testing.assert_array_equal(seen, expected)


def options(inclusion, method):
    from splitkit.solvers.explain import options_of

    return list(options_of(inclusion, method))


def test_what_is_prepared_once_is_prepared_once(monkeypatch):
    """Constants, guarantees and factorizations are asked for when a plan is made, and not again."""
    asked = Counter()
    inverse, theorem = sk.DenseMatrix.shifted_inverse, sk.DouglasRachford.theorem

    def counted_inverse(self, alpha):
        asked["inverse"] += 1
        return inverse(self, alpha)

    def counted_theorem(self, *terms):
        asked["theorem"] += 1
        return theorem(self, *terms)

    monkeypatch.setattr(sk.DenseMatrix, "shifted_inverse", counted_inverse)
    monkeypatch.setattr(sk.DouglasRachford, "theorem", counted_theorem)
    A = sk.Affine(sk.DenseMatrix(M), Q) + ORTHANT
    planned = sk.plan(A, np.zeros(2), sk.DouglasRachford(alpha=0.7))
    planned.solve()
    made = dict(asked)
    for x0 in np.eye(2):
        planned.solve(x0)
        list(planned.iterate(x0))
    assert dict(asked) == made
    assert made["theorem"] <= 2  # F + G and G + F


@pytest.mark.parametrize(
    "kind", [sk.AdaptiveProximalGradient, sk.GoldenRatio, sk.PastExtragradient]
)
def test_a_resumed_solve_begins_nothing_anew(kind):
    """An iteration that evaluates F when it begins does not when it goes on."""
    count = Counter()

    def gradient(x):
        count["F"] += 1
        return np.array([1.0, 0.2]) * x - abs(Q)

    F = sk.Operator.from_callable(gradient, strong_monotonicity=0.2, lipschitz=1.0, gradient=True)
    options = {"tol": 0, "callback": lambda state: None}  # a look at every iteration
    planned = sk.plan(F + ORTHANT, np.ones(2), kind())
    whole = planned.solve(max_iter=10, **options)
    at_once = count.pop("F")
    half = planned.solve(max_iter=6, **options)
    again = planned.solve(max_iter=4, resume=half, **options)
    np.testing.assert_array_equal(again.x, whole.x)
    assert count["F"] == at_once
    assert whole.iterations == again.iterations == 10


def test_a_plan_says_what_it_does():
    text = str(sk.plan(2 * (sk.Affine(M, Q) + ORTHANT) + sk.Identity(), np.zeros(2)))
    assert "a multiple of a sum is the sum of multiples: " in text
    assert "resolved: " in text
    assert "rate 0." in text
    assert "returns x" in text


def test_points_of_another_space_are_refused():
    planned = sk.plan(INCLUSIONS["affine"], np.zeros(2))
    with pytest.raises(ValueError, match=r"x0 has shape \(3,\)"):
        planned.solve(np.zeros(3))
    with pytest.raises(TypeError, match="x0 has dtype float32"):
        planned.solve(np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="NaN or infinite"):
        planned.solve(np.array([np.nan, 1.0]))
    with pytest.raises(ValueError, match="max_iter"):
        planned.solve(max_iter=0)
    with pytest.raises(sk.NoGuaranteeError, match="Peaceman-Rachford"):
        sk.plan(ORTHANT + ORTHANT, np.zeros(2), sk.PeacemanRachford())


def test_a_warning_points_at_its_caller():
    A, options = INCLUSIONS["affine"], {"max_iter": 1, "on_failure": "warn"}
    for solve in (
        lambda: sk.solve(A, np.zeros(2), **options),
        lambda: sk.plan(A, np.zeros(2)).solve(**options),
    ):
        with pytest.warns(sk.NotConvergedWarning) as caught:
            solve()
        assert caught[0].filename == __file__


def test_a_plan_runs_in_threads():
    planned, found = sk.plan(INCLUSIONS["affine"], np.zeros(2)), {}
    starts = np.random.default_rng(0).normal(size=(8, 2))

    def run(i):
        found[i] = planned.solve(starts[i], tol=1e-12).x

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(starts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, x0 in enumerate(starts):
        np.testing.assert_array_equal(found[i], planned.solve(x0, tol=1e-12).x)


def test_a_wrapper_gives_terms_to_the_slots_of_its_method():
    """Relaxed, of a method with two evaluated terms: a skew one is none that is cocoercive."""
    inner = sk.ForwardBackwardHalfForward()
    wrapped = sk.Relaxed(inner)
    skew = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    assert inner.evaluated_slot(skew) == wrapped.evaluated_slot(skew) == 1


# -- flattening ---------------------------------------------------------------------------------


@few
@given(st.floats(-2, 2), st.floats(0.1, 2), st.floats(0.1, 3))
def test_the_terms_add_up_to_the_inclusion(a, b, c):
    g, h = f.Huber(0.5), f.SquaredL2(2.0)
    A = a * sk.Identity() + b * (sk.Affine(M, Q) + c * (sk.Subdifferential(g + h) + sk.Affine(M.T)))
    terms, rewrites = flatten(A)
    x = np.array([0.3, -2.0])
    expected = a * x + b * (M @ x - Q + c * (g.gradient(x) + h.gradient(x) + M.T @ x))
    np.testing.assert_allclose(sum(term(x) for term in terms), expected, rtol=1e-12, atol=1e-12)
    assert len(terms) == 4
    assert all(len(str(each).split(": ")) == 2 for each in rewrites)


def test_sums_within_blocks_are_sums_of_blocks():
    """Each block is solved as alone, with a composition in one of them."""
    c = np.array([2.0, 0.5])
    first = f.L1Norm() @ np.array([[1.0, 2.0], [0.0, 1.0]]) + f.SquaredL2(center=c)
    second = f.Simplex() + f.NegativeEntropy() + f.Linear(c)
    both = f.SeparableSum((first, second))
    terms, rewrites = flatten(sk.Subdifferential(both))
    assert [each.rule for each in rewrites].count("a product of sums is the sum of products") == 1
    assert len(terms) == 3
    solution = sk.minimize(both, (np.zeros(2), np.full(2, 0.5)), tol=1e-9)
    alone = sk.minimize(first, np.zeros(2), tol=1e-9).x
    np.testing.assert_allclose(solution.x[0], alone, atol=1e-7)
    np.testing.assert_allclose(solution.x[1], np.exp(-c) / np.exp(-c).sum(), atol=1e-7)


def test_many_terms_are_given_roles_in_linear_time():
    """The ways tried do not multiply: counted for every method, at 20 terms and at 200."""
    counts = []
    for k in (20, 200):
        terms = [sk.Subdifferential(f.L1Norm())]
        terms += [sk.Subdifferential(f.SquaredL2(1.0 + i)) for i in range(k)]
        inclusion = Inclusion(sk.operators.sum.Sum(tuple(terms)))
        ways = [inclusion.ways(kind()) for kind in METHODS]
        counts.append(sum(len(each) for each in ways))
        for each in (way for found in ways for way in found):
            x = np.array([0.5])
            joined = [A for t in each for A in getattr(t.operator, "operators", [t.operator])]
            total = sum(A(x) if A.has_evaluation else np.sign(x) for A in joined)
            np.testing.assert_allclose(total, 1 + 0.5 * sum(1.0 + i for i in range(k)))
    assert counts[1] <= counts[0]


def test_a_sum_with_many_terms_is_solved():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(60, 3))
    total = f.L1Norm(0.5)
    for each in centres:
        total = total + f.SquaredL2(center=each)
    x = sk.minimize(total, np.zeros(3)).x
    mean = centres.mean(axis=0)
    expected = np.sign(mean) * np.maximum(abs(mean) - 0.5 / 60, 0)
    np.testing.assert_allclose(x, expected, atol=1e-7)


# -- several evaluated terms ----------------------------------------------------------------------


@few
@given(st.integers(0, 99), st.floats(0.05, 5), st.floats(0.0, 5))
def test_half_forward_steps_up_to_its_bound_never_go_away(seed, beta, lipschitz):
    """‖x − x*‖ does not grow for α below χ, with C and B at the limits of their constants."""
    rng = np.random.default_rng(seed)
    d = rng.normal(size=(4, 4))
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    skew = np.kron(np.eye(2), [[0.0, -1.0], [1.0, 0.0]])
    C = sk.Subdifferential(f.SquaredL2(1 / beta, center=d[0]))
    B = sk.Affine(lipschitz * turn @ skew @ turn.T, d[1])
    A = sk.NormalCone(f.Box(-0.5, 0.7))
    chi = 4 * beta / (1 + np.sqrt(1 + 16 * beta**2 * lipschitz**2))
    method = sk.ForwardBackwardHalfForward(alpha=0.999 * chi)
    assert method.guarantee(C, B, A).holds
    assert not sk.ForwardBackwardHalfForward(alpha=1.001 * chi).guarantee(C, B, A).holds
    end = sk.solve(C + B + A, np.zeros(4), sk.ForwardBackwardHalfForward(), tol=1e-12).x
    distances = [
        np.linalg.norm(state.u - end)
        for state in sk.iterate(C + B + A, 3 * d[2], method, max_iter=50)
    ]
    assert all(np.diff(distances) <= 1e-9 * (1 + distances[0]))


def test_terms_that_are_evaluated_go_where_their_constants_count():
    C = sk.Subdifferential(f.Huber(0.5))
    B = sk.Affine(np.array([[0.0, 4.0], [-4.0, 0.0]]), Q)
    for inclusion in (C + B + ORTHANT, B + ORTHANT + C):
        planned = sk.plan(inclusion, np.zeros(2), sk.ForwardBackwardHalfForward())
        assert [repr(t) for t in planned.terms] == [repr(C), repr(B), repr(ORTHANT)]
        assert sk.Tseng().chosen(C + B, ORTHANT).alpha < planned.method.alpha
        expected = sk.solve(inclusion, np.zeros(2), sk.Tseng(), tol=1e-11).x
        np.testing.assert_allclose(planned.solve(tol=1e-11).x, expected, atol=1e-9)
