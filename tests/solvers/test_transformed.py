"""Solves inside of jit, vmap and grad are the solves outside, and have the derivatives of what they
solve: those that differences of solves show.
"""

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f, tracing
from splitkit.backend import to_numpy
from splitkit.derivatives import traced as traced_roots
from splitkit.solvers.methods.substituted import Substituted

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
jax.config.update("jax_enable_x64", True)  # as splitkit.testing.backends does

RNG = np.random.default_rng(0)
A, b = jnp.asarray(RNG.normal(size=(8, 5))), jnp.asarray(RNG.normal(size=8))
STEP = 1e-5


def lasso(A, b, weight):
    return f.LeastSquares(A, b) + f.L1Norm(weight)


def solution(A, b, weight, **options):
    return sk.minimize(lasso(A, b, weight), 0.0 * A[0], **options)


def on_host(*values):
    """NumPy's, with which a solve outside takes a fraction of the time."""
    return [to_numpy(value) for value in values]


def test_known_constants_are_used_and_every_problem_of_a_batch_stops_by_itself():
    several = RNG.normal(size=(6, 8))
    inside = jax.jit(jax.vmap(lambda b: solution(A, b, 0.5)))(jnp.asarray(several))
    outside = [solution(to_numpy(A), each, 0.5) for each in several]
    assert to_numpy(inside.iterations).tolist() == [s.iterations for s in outside]
    assert len(set(to_numpy(inside.iterations).tolist())) > 1
    for x, s in zip(inside.x, outside, strict=True):
        np.testing.assert_allclose(to_numpy(x), s.x, rtol=1e-12, atol=1e-14)
    assert sk.check(inside) is inside


def test_gradients_in_all_data_agree_with_differences_of_solves():
    def square(A, b, weight):
        method = sk.DouglasRachford(alpha=0.5)
        return (solution(A, b, weight, method=method, tol=1e-13).x ** 2).sum()

    found = jax.jit(jax.grad(square, (0, 1, 2)))(A, b, 0.5)
    at = [*on_host(A, b), 0.5]
    for i, direction in enumerate((RNG.normal(size=(8, 5)), RNG.normal(size=8), 1.0)):
        ahead, behind = (
            square(*at[:i], at[i] + t * direction, *at[i + 1 :]) for t in (STEP, -STEP)
        )
        along = float(np.sum(to_numpy(found[i]) * direction))
        np.testing.assert_allclose(along, (ahead - behind) / (2 * STEP), rtol=1e-7)


def test_second_derivatives_and_both_modes():
    def x(b):
        return solution(A, b, 0.5, method=sk.DouglasRachford(alpha=0.5), tol=1e-13).x

    forward, reverse, H = jax.jit(
        lambda b: (jax.jacfwd(x)(b), jax.jacrev(x)(b), jax.hessian(lambda b: (x(b) ** 2).sum())(b))
    )(b)
    np.testing.assert_allclose(forward, reverse, atol=1e-13)
    # the active set stays as it is nearby: x is affine in b, and J constant
    np.testing.assert_allclose(H, 2 * forward.T @ forward, atol=1e-12)


def test_a_method_of_one_map_is_differentiated_by_it():
    K, c, d = RNG.normal(size=(6, 5)), RNG.normal(size=5), RNG.normal(size=5)

    def x(K, c):
        problem = f.SquaredL2(center=c) + f.L1Norm(0.3) @ K
        return sk.minimize(problem, 0.0 * c, sk.ADMM(rho=1.0), tol=1e-12).x

    _, along = jax.jvp(
        jax.jit(lambda c: x(jnp.asarray(K), c)), (jnp.asarray(c),), (jnp.asarray(d),)
    )
    difference = (x(K, c + STEP * d) - x(K, c - STEP * d)) / (2 * STEP)
    np.testing.assert_allclose(along, difference, atol=1e-7)


def test_a_plan_runs_inside_and_keeps_no_trace():
    plan = sk.plan(lasso(A, b, 0.5), jnp.zeros(5), sk.DouglasRachford(alpha=0.5))
    starts = jnp.asarray(RNG.normal(size=(2, 5)))
    inside = jax.jit(plan.solve)(starts[0])
    after = plan.solve(starts[1])
    assert after.converged
    np.testing.assert_allclose(to_numpy(inside.x), to_numpy(after.x), atol=1e-7)


def test_no_derivative_is_made_up_where_there_is_none():
    """A singular system has the shortest of its solutions, or none."""
    M = jnp.asarray([[1.0, 1.0], [2.0, 2.0]])

    def solved(b):
        return to_numpy(traced_roots._verified(lambda w: w @ M.T, jnp.asarray([b]))[0])

    # along the kernel rounding is as large as that of the damped system
    rounding = np.finfo(float).eps / traced_roots.SMALL
    np.testing.assert_allclose(solved([1.0, 2.0]), [0.5, 0.5], atol=10 * rounding)
    np.testing.assert_allclose(solved([1.0, 2.0]).sum(), 1.0, rtol=1e-10)
    assert np.isnan(solved([1.0, 1.0])).all()


def test_each_problem_of_a_batch_has_its_own_system():
    M = jnp.asarray([[[2.0, 0.0], [0.0, 4.0]], [[1.0, 1.0], [2.0, 2.0]]])
    right = jnp.asarray([[2.0, 2.0], [1.0, 1.0]])
    found = to_numpy(traced_roots._verified(lambda w: (M @ w[:, :, None])[:, :, 0], right))
    np.testing.assert_allclose(found[0], [1.0, 0.5], rtol=1e-12)
    assert np.isnan(found[1]).all()


def test_how_it_ended_is_an_array():
    s = jax.jit(lambda b: solution(A, b, 0.5, method=sk.FISTA(), max_iter=3))(b)
    assert list(sk.Status)[int(s.status)] is sk.Status.ITERATION_LIMIT
    with pytest.raises(sk.NotConvergedError, match="of 1 solves 1 iteration_limit"):
        sk.check(s)
    with pytest.raises(TypeError, match="check is for outside of jit"):
        jax.eval_shape(lambda b: sk.check(solution(A, b, 0.5)).x, b)


def traced(solve, *data):
    return jax.eval_shape(lambda *d: solve(*d).x, *data)


def test_methods_that_need_no_constants_remain_for_traced_data():
    def smooth(matrix):
        F = sk.Operator.from_callable(lambda x: matrix.T @ jnp.tanh(matrix @ x), monotone=True)
        return sk.solve(F + sk.NormalCone(f.NonNegative()), jnp.ones(5))

    assert traced(smooth, A).shape == (5,)


def test_a_traced_matrix_game_is_solved():
    K = jnp.asarray([[3.0, -1.0], [-2.0, 1.0]])

    def strategies(K):
        return sk.solve(sk.MatrixGame(K), (jnp.zeros(2), jnp.zeros(2)), tol=1e-9).x

    x, y = jax.jit(strategies)(K)
    np.testing.assert_allclose(to_numpy(x), [2 / 7, 5 / 7], atol=1e-6)
    np.testing.assert_allclose(to_numpy(y), [3 / 7, 4 / 7], atol=1e-6)


def test_units_far_apart_are_made_good_where_slopes_have_values_or_a_metric_is_named():
    """Else such a lasso runs to its limit, far from the solution."""
    scales = np.asarray([1e-4, 1.0, 1e4, 1e2, 1e-2])
    M, d = to_numpy(A) * scales, RNG.normal(size=8)
    of_jax = jnp.asarray(M)

    def known(b):
        return solution(of_jax, b, 0.5)

    s, along = jax.jit(lambda b: jax.jvp(known, (b,), (jnp.asarray(d),)))(b)
    plain = solution(M, to_numpy(b), 0.5)
    assert int(s.iterations) == plain.iterations < 1000
    np.testing.assert_allclose(to_numpy(s.x), plain.x, rtol=1e-10)
    ahead, behind = (solution(M, to_numpy(b) + t * d, 0.5, tol=1e-12).x for t in (STEP, -STEP))
    np.testing.assert_allclose(scales * along.x, scales * (ahead - behind) / (2 * STEP), atol=1e-6)
    method = sk.Preconditioned(sk.DouglasRachford())
    traced = jax.jit(lambda M: solution(M, b, 0.5, method=method))(of_jax)
    np.testing.assert_allclose(sk.check(traced).x, plain.x, rtol=1e-5)


def test_accelerated_and_restarted_methods_run_there_and_have_the_derivatives_of_their_map():
    """Of a linear program, by two resolvents: no other equation has its solution."""
    M, c, d = RNG.normal(size=(3, 5)), 0.1 + RNG.random(5), RNG.normal(size=3)
    start = np.array([1.0, 2.0, 0.5, 0.0, 0.0])
    cost = M.T @ RNG.normal(size=3) + c * (start == 0)  # which has it as its one solution

    def cheapest(b, method):
        problem = f.Tilted(f.NonNegative(), jnp.asarray(cost)) + f.AffineSet(jnp.asarray(M), b)
        return sk.minimize(problem, jnp.zeros(5), method, tol=1e-11)

    expected = np.linalg.solve(M[:, :3], d)
    method = sk.Restarted(sk.DouglasRachford())
    s, along = jax.jit(lambda b: jax.jvp(lambda b: cheapest(b, method), (b,), (jnp.asarray(d),)))(
        jnp.asarray(M @ start)
    )
    np.testing.assert_allclose(sk.check(s).x, start, atol=1e-8)
    np.testing.assert_allclose(along.x[:3], expected, rtol=1e-9)
    for other in (
        sk.Anderson(sk.DouglasRachford(alpha=1.0)),
        sk.Preconditioned(method, diagonal=jnp.ones(5)),
    ):
        assert traced(lambda b, other=other: cheapest(b, other), jnp.asarray(M @ start)).shape == (
            5,
        )
    plan = sk.plan(lasso(A, b, 0.5), jnp.zeros(5), method)
    assert traced(plan.solve, b[:5]).shape == (5,)


def test_what_cannot_run_there_says_so():
    one_block = Substituted(sk.DouglasRachford())
    with pytest.raises(TypeError, match=r"in one block cannot run .* take Douglas-Rachford"):
        traced(lambda b: solution(A, b, 0.5, method=one_block), b)
    with pytest.raises(sk.NoGuaranteeError, match="no known Lipschitz constant"):
        traced(lambda A: solution(A, b, 0.5, method=sk.ForwardBackward(alpha=0.1)), A)
    with pytest.raises(TypeError, match="iterate is for the host"):
        jax.jit(lambda b: [s.x for s in sk.iterate(sk.Subdifferential(lasso(A, b, 0.5)), b[:5])])(b)
    with pytest.raises(TypeError, match="record_objective is for the host"):
        traced(lambda b: solution(A, b, 0.5, record_objective=True), b)
    with pytest.raises(TypeError, match="compares looks of the host"):
        traced(lambda b: solution(A, b, 0.5, tol=sk.TimeLimit(1.0) | sk.Relative(1e-6)), b)

    with pytest.raises(TypeError, match=r"TotalVariation2D.* looks at values.* outside of jit"):
        jax.eval_shape(f.TotalVariation2D().prox, jnp.ones((3, 3)))

    def hesitant(x):
        return x if float(x[0]) > 0 else 2 * x  # the host decides

    F = sk.Operator.from_callable(hesitant, lipschitz=2.0, strong_monotonicity=1.0)
    with pytest.raises(TypeError, match="hesitant cannot be traced"):
        traced(lambda x: sk.solve(F + sk.NormalCone(f.Box(1.0, 2.0)), x, sk.Tseng()), jnp.ones(3))


def test_wide_matrices_of_each_problem_are_factored_inside(monkeypatch):
    """By the formula of Woodbury, of which nothing can be verified there; and problems of many
    entries are solved one after another.
    """
    apart = []
    monkeypatch.setattr(tracing, "ALONE", 1)
    merged = tracing._merged
    monkeypatch.setattr(tracing, "_merged", lambda *of: apart.append(of) or merged(*of))
    several = RNG.normal(size=(3, 3, 7))
    how = {"method": sk.DouglasRachford(alpha=0.2), "tol": 1e-9}
    inside = jax.jit(jax.vmap(lambda A: solution(A, A[:, 0], 0.5, **how)))(jnp.asarray(several))
    for x, A in zip(sk.check(inside).x, several, strict=True):
        np.testing.assert_allclose(x, solution(A, A[:, 0], 0.5, **how).x, atol=1e-8)
    assert apart


def test_loops_multiply_by_rows_and_make_no_transposes():
    M = jnp.asarray(RNG.normal(size=(5, 5)))

    def looped(M, x, n):
        return tracing.times(n, lambda x: 0.5 * x + 0.1 * ((x @ M.T) @ M), x)

    several, each = jnp.asarray(RNG.normal(size=(3, 5, 5))), jnp.ones(5)
    for function, given in ((looped, M), (jax.vmap(looped, (0, None, None)), several)):
        program = jax.make_jaxpr(function)(given, each, 3)
        (loop,) = (e for e in program.eqns if e.primitive.name in ("while", "scan"))
        inner = loop.params.get("body_jaxpr", loop.params.get("jaxpr")).jaxpr.eqns
        assert "transpose" not in {e.primitive.name for e in inner}
    N = 0.5 * np.eye(5) + 0.1 * to_numpy(M.T @ M)
    expected = np.linalg.matrix_power(N, 3) @ np.ones(5)
    np.testing.assert_allclose(to_numpy(looped(M, each, 3)), expected, rtol=1e-12)
