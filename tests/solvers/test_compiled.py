"""Steps compiled between two looks are the steps as they stand, and NumPy's, to rounding."""

from functools import partial
from types import ModuleType

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f, tracing
from splitkit.backend import is_traced, to_numpy
from splitkit.solvers import glance, watch
from splitkit.solvers.compiled import WORTH, Compiled

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
jax.config.update("jax_enable_x64", True)  # as splitkit.testing.backends does

SMOOTH = (
    sk.ForwardBackward(),
    sk.FISTA(),
    sk.DouglasRachford(),
    sk.DavisYin(),
    sk.Ryu(),
    sk.MalitskyTam(),
    sk.ProductSpace(),
    sk.ProjectiveSplitting(),
    sk.Tseng(),
    sk.ForwardReflectedBackward(),
    sk.Extragradient(),
    sk.PastExtragradient(),
    sk.ADMM(),
)
COMPOSED = (sk.ChambollePock(), sk.CondatVu(), sk.PD3O(), sk.LinearizedADMM(), sk.ADMM(rho=1.0))


def lasso(seed: int, composed: bool = False, xp: ModuleType = jnp) -> f.Function:
    """½‖Ax − b‖² + 0.1‖x‖₁, or ‖Kx‖₁."""
    rng = np.random.default_rng(seed)
    A, b, K = (xp.asarray(rng.normal(size=shape)) for shape in ((6, 12), 6, (8, 12)))
    return f.LeastSquares(A, b) + (f.L1Norm(0.1) @ K if composed else f.L1Norm(0.1))


def both(problem: f.Function, x0: object, method: sk.Method, **options: object):
    """The solution by compiled steps, and as they stand."""
    given = {"tol": 0, "max_iter": 150, **options}
    return [sk.minimize(problem, x0, method, compile=way, **given) for way in (True, False)]


EAGERLY = ("Douglas-Rachford", "Chambolle-Pock", "golden ratio")


def compiled_and_not(seed: int, method: sk.Method, composed: bool = False, **options: object):
    """The solution by compiled steps, and as they stand: on JAX, which compiles each operation of
    these, of the first problem by a few methods; else by NumPy.
    """
    x0 = jnp.zeros(12)
    if seed == 0 and method.label in EAGERLY:
        return both(lasso(seed, composed), x0, method, **options)
    s = sk.minimize(lasso(seed, composed), x0, method, compile=True, tol=0, **options)
    return s, sk.minimize(lasso(seed, composed, np), np.zeros(12), method, tol=0, **options)


@pytest.mark.parametrize(
    ("method", "composed"),
    [*((m, False) for m in SMOOTH), *((m, True) for m in COMPOSED)],
    ids=lambda case: getattr(case, "label", None),
)
def test_the_iterates_are_the_same_and_programs_are_kept_by_structure(method, composed):
    for seed in range(2):
        kept = len(tracing._PROGRAMS)
        s, plain = compiled_and_not(seed, method, composed, max_iter=80)
        assert s.history.eager == ""
        assert s.iterations == plain.iterations
        eps = float(jnp.finfo(s.x.dtype).eps)
        scale = float(np.max(np.abs(to_numpy(plain.x))))
        np.testing.assert_allclose(to_numpy(s.x), to_numpy(plain.x), atol=1e4 * eps * scale)
    assert len(tracing._PROGRAMS) == kept  # other data of the same shapes compile nothing


@pytest.mark.parametrize(
    "method",
    [
        sk.GoldenRatio(),
        sk.AdaptiveProximalGradient(),
        sk.TsengLineSearch(),
        sk.Anderson(sk.ForwardBackward(alpha=0.05), memory=2),
        sk.SuperMann(sk.ForwardBackward(alpha=0.05), memory=2),
        sk.Halpern(sk.ForwardBackward(alpha=0.05)),
        sk.Restarted(sk.DouglasRachford(alpha=0.4)),
    ],
    ids=lambda method: method.label,
)
def test_steps_that_are_found_on_the_way_are_compiled_with_their_searches(method):
    made = []
    for seed in range(2):
        s, plain = compiled_and_not(seed, method, max_iter=14)
        assert s.history.eager == ""
        assert s.iterations == plain.iterations
        scale = float(np.max(np.abs(to_numpy(plain.x))))
        np.testing.assert_allclose(to_numpy(s.x), to_numpy(plain.x), atol=1e-9 * scale)
        made.append(compilations())
    assert made[0] == made[1]  # no number of a search within is part of its program


def test_a_search_within_halves_as_the_host_would():
    """x³ is much steeper where a step leads than where it begins."""
    F = sk.Operator.from_callable(lambda x: x**3 - 1, monotone=True)
    problem, x0 = F + sk.NormalCone(f.Box(-9.0, 9.0)), jnp.asarray([0.01, 3.0, -8.0])
    found = [
        sk.solve(problem, x0, sk.TsengLineSearch(), tol=1e-9, compile=way) for way in (True, False)
    ]
    assert found[0].iterations == found[1].iterations
    np.testing.assert_allclose(to_numpy(found[0].x), 1.0, rtol=1e-8)


def compilations() -> int:
    """Of all programs that are kept."""
    return sum(program._cache_size() for _, program in tracing._PROGRAMS.values())


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64], ids=["float32", "float64"])
def test_looks_are_compiled_once_and_read_in_one_transfer(dtype, monkeypatch):
    """``asked`` counts what is read: seven numbers a look."""
    asked: list[int] = []
    monkeypatch.setattr(glance, "to_numpy", lambda a: asked.append(a.size) or to_numpy(a))
    method, x0, made = sk.DouglasRachford(alpha=0.4), jnp.zeros(9, dtype), []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        A, b = (jnp.asarray(rng.normal(size=shape), dtype) for shape in ((5, 9), 5))
        problem = f.LeastSquares(A, b) + f.L1Norm(0.1 + 0.1 * seed)
        asked.clear()
        s, plain = both(problem, x0, method, tol=None, max_iter=1000)
        assert s.converged
        assert s.history.eager == ""
        assert len(s.history.iteration) == len(asked) < s.iterations
        assert set(asked) == {7}
        if dtype == jnp.float64:
            assert s.history.iteration == plain.history.iteration
            for name in ("residual", "fixed_point_residual"):
                pair = (np.array([float(r) for r in vars(p.history)[name]]) for p in (s, plain))
                np.testing.assert_allclose(*pair, rtol=1e-5)
        made.append(compilations())
    assert made[0] == made[1]


def test_looks_end_as_they_do_where_they_are_not_compiled():
    A = jnp.asarray([[1.0, 1.0], [1.0, 1.0]])
    x0, exact = jnp.asarray([3.0, -2.0]), {"tol": 1e-17, "max_iter": 2000, "on_failure": "return"}
    cases = {
        sk.Status.PRECISION: (f.LeastSquares(A, A @ x0) + f.L1Norm(0.1), sk.ForwardBackward()),
        sk.Status.INFEASIBLE: (
            f.Hyperplane(jnp.ones(2), 1.0) + f.Box(2.0, 3.0),
            sk.DouglasRachford(alpha=1.0),
        ),
    }
    for status, (problem, method) in cases.items():
        s, plain = both(problem, x0, method, **exact)
        assert s.status is plain.status is status
        assert s.history.eager == ""


def test_declared_constants_are_compared_at_compiled_looks(monkeypatch):
    """``asked`` says of comparisons whether they were traced: where nothing is wrong, all are."""
    asked: list[bool] = []
    plain = watch._inequalities
    monkeypatch.setattr(
        watch, "_inequalities", lambda c, *rest: asked.append(is_traced(c[3])) or plain(c, *rest)
    )

    def solved(lipschitz, way):
        matrix = sk.DenseMatrix(jnp.diag(jnp.asarray([3.0, 1.0])), lipschitz=lipschitz)
        problem = sk.Affine(matrix, jnp.ones(2)) + sk.Subdifferential(f.L1Norm(0.1))
        asked.clear()
        method = sk.DouglasRachford(alpha=0.1)
        return sk.solve(problem, jnp.ones(2), method, compile=way, on_failure="return")

    right = solved(3.0, True)
    assert (right.converged, right.history.eager) == (True, "")
    assert asked
    assert all(asked)
    for way in (True, False):
        wrong = solved(1.5, way)
        assert wrong.status is sk.Status.CONTRADICTED
        assert "DenseMatrix(2×2) − q: 2.25‖Δx‖²" in wrong.message
    F = sk.Operator.from_callable(lambda x: 3 * x - 3, lipschitz=1.0, monotone=True)
    G = sk.NormalCone(f.Box(-2.0, 2.0))
    method = sk.ForwardReflectedBackward(alpha=0.1)
    s = sk.solve(F + G, jnp.zeros(3), method, compile=True, on_failure="return")
    assert s.status is sk.Status.CONTRADICTED


def test_lengths_out_of_range_are_measured_as_they_stand():
    A, b = jnp.asarray(np.random.default_rng(2).normal(size=(5, 9))), 1e-200 * jnp.ones(5)
    problem = f.LeastSquares(A, b) + f.L1Norm(1e-201)
    s, plain = both(problem, jnp.zeros(9), sk.DouglasRachford(alpha=0.4), tol=1e-8, max_iter=1000)
    assert s.iterations == plain.iterations
    np.testing.assert_allclose(to_numpy(s.x), to_numpy(plain.x), rtol=1e-6, atol=1e-208)


def test_rules_that_compare_looks_leave_them_to_the_host():
    rule = {"tol": sk.ObjectiveChange(1e-9), "max_iter": 2000}
    s, plain = both(lasso(0), jnp.zeros(12), sk.DouglasRachford(alpha=0.4), **rule)
    assert "compares looks of the host" in s.history.eager
    assert s.iterations == plain.iterations
    timed = sk.Relative(1e-9) | sk.TimeLimit(600.0)
    s = sk.minimize(lasso(0), jnp.zeros(12), sk.DouglasRachford(alpha=0.4), tol=timed, compile=True)
    assert (s.converged, s.history.eager) == (True, "")


def test_a_small_difference_of_governing_points_is_read_anew():
    def inclusion(asarray):
        A = sk.Affine(asarray([[2.0, 1.0], [-1.0, 2.0]]), asarray([1e9, -1e9]))
        return A + sk.NormalCone(sk.functions.Box(-1e-3, 1e-3))

    def solved(there, start, **options):
        return sk.solve(there, start, sk.PeacemanRachford(alpha=1.0), tol=1e-12, **options).x

    expected = solved(inclusion(np.asarray), np.zeros(2))
    there, start = inclusion(jnp.asarray), jnp.zeros(2)
    np.testing.assert_allclose(solved(there, start, compile=True), expected, rtol=1e-10)
    np.testing.assert_allclose(jax.jit(partial(solved, there))(start), expected, rtol=1e-10)


def test_a_batch_stops_sample_by_sample():
    b = jnp.asarray(np.random.default_rng(0).normal(size=(4, 12)))
    problem = f.SquaredL2(center=b, batch_ndim=1) + f.L1Norm(0.1, batch_ndim=1)
    problem = problem + f.Box(-1.0, 1.0, batch_ndim=1)
    s, plain = both(problem, jnp.zeros((4, 12)), sk.DavisYin(alpha=0.1), tol=1e-5, batch_ndim=1)
    assert s.converged
    assert to_numpy(s.iterations).tolist() == to_numpy(plain.iterations).tolist()
    last, of_plain = (to_numpy(each.history.residual[-1]) for each in (s, plain))
    np.testing.assert_allclose(last, of_plain, rtol=1e-3)  # of all samples, done or not


def test_a_resumed_solve_goes_on_bit_for_bit():
    problem, x0, method = lasso(0), jnp.zeros(12), sk.DouglasRachford(alpha=0.3)
    whole = sk.minimize(problem, x0, method, tol=0, max_iter=300, compile=True)
    part = sk.minimize(problem, x0, method, tol=0, max_iter=137, compile=True)
    again = sk.minimize(problem, x0, method, tol=0, max_iter=163, compile=True, resume=part)
    assert to_numpy(again.x).tobytes() == to_numpy(whole.x).tobytes()


def test_what_cannot_be_traced_runs_as_it_stands_and_is_named():
    def hesitant(x):
        return x if float(x[0]) > 0 else 2 * x  # the host decides

    F = sk.Operator.from_callable(hesitant, lipschitz=2.0, strong_monotonicity=1.0)
    problem, x0 = F + sk.NormalCone(f.Box(1.0, 2.0)), jnp.full(3, 5.0)
    method = sk.Tseng(alpha=0.001)
    s = sk.solve(problem, x0, method, tol=0, max_iter=150)
    assert "hesitant cannot be traced" in s.history.eager
    with pytest.raises(ValueError, match="compile = True: hesitant cannot be traced"):
        sk.solve(problem, x0, method, compile=True)


def test_what_a_step_keeps_is_not_of_its_trace():
    """The factors of least squares are made at their first proximal map."""
    plan = sk.plan(lasso(4), jnp.zeros(12), sk.DouglasRachford(alpha=0.7))
    iteration = plan.method.bind(*plan.terms)
    state = iteration.begin(plan.x0, plan.space)
    after = Compiled(iteration, asked=True).run(state, 3)
    for _ in range(3):
        state = iteration.step(state)
    np.testing.assert_allclose(to_numpy(after), to_numpy(state), atol=1e-12)


def test_short_solves_are_not_compiled_unless_asked():
    kept = len(tracing._PROGRAMS)
    rng = np.random.default_rng(3)
    problem = f.LeastSquares(jnp.asarray(rng.normal(size=(3, 11))), jnp.ones(3)) + f.L1Norm(0.1)
    sk.minimize(problem, jnp.zeros(11), tol=0, max_iter=WORTH - 1)
    assert len(tracing._PROGRAMS) == kept


def test_nan_is_found_and_blamed():
    def breaks(x):
        return jnp.where(x < 0.9, jnp.nan, x)

    F = sk.Operator.from_callable(breaks, lipschitz=1.0, strong_monotonicity=1.0)
    problem = F + sk.NormalCone(f.Box(-1.0, 2.0))
    method = sk.Tseng(alpha=0.01)
    s = sk.solve(problem, jnp.full(3, 2.0), method, compile=True, on_failure="return")
    assert s.status is sk.Status.NONFINITE
    assert "breaks" in s.message


def test_wrong_wishes_are_refused():
    problem = f.SquaredL2(center=np.ones(3)) + f.L1Norm()
    with pytest.raises(ValueError, match="compile = True: steps on ndarray are not compiled"):
        sk.minimize(problem, np.zeros(3), compile=True)
    with pytest.raises(TypeError, match="compile = 'yes'"):
        sk.minimize(problem, np.zeros(3), compile="yes")


def test_a_loop_multiplies_by_rows_and_makes_no_transposes():
    A, x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 5))), jnp.ones(5)
    closed = jax.make_jaxpr(lambda x: (x @ A.T) @ A)(x)

    def looped(n, constants, x):
        return tracing._repeated(closed.jaxpr, n, (constants, [], [x]))

    program = jax.make_jaxpr(looped)(3, closed.consts, x)
    (loop,) = (each for each in program.eqns if each.primitive.name == "while")
    inner = loop.params["body_jaxpr"].jaxpr.eqns
    assert "transpose" not in {each.primitive.name for each in inner}
    products = [each.params["dimension_numbers"] for each in inner if "dot" in str(each.primitive)]
    assert products == [(((1,), (0,)), ((), ()))] * 2
    found = looped(3, closed.consts, x)[0]
    expected = np.linalg.matrix_power(A.T @ A, 3) @ x
    np.testing.assert_allclose(to_numpy(found), expected, rtol=1e-12)
