"""Every method of the registry: it finds the solution, by itself and in batches, on every backend;
its residual is what it says; it refuses what its theorem does not cover.
"""

import math

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import to_numpy
from splitkit.solvers.methods import METHODS
from tests.sampling import on_jax, sampled

f = sk.functions
RNG = np.random.default_rng(5)
S = RNG.normal(size=(4, 4))
GENERAL = np.eye(4) + 0.7 * (S - S.T)
SYMMETRIC = S @ S.T / 4 + np.eye(4)
Q = RNG.normal(size=(3, 4))
D = np.eye(4)[1:] - np.eye(4)[:-1]
WEIGHT = 0.3

GRADIENTS = (sk.FISTA, sk.AdaptiveProximalGradient)
COMPOSED = tuple(kind for kind in METHODS if sk.Role.COMPOSED in kind.roles)
ONE = (sk.ProximalPoint, sk.AcceleratedProximalPoint)
# of the others JAX's iterates are compared with NumPy's (test_compiled)
ON_JAX = (*ONE, sk.PeacemanRachford, sk.ForwardBackwardHalfForward)


def problem(kind, xp, dtype, q):
    """An inclusion for this kind of method."""
    array = lambda a: xp.asarray(a, dtype=dtype)  # noqa: E731
    M = SYMMETRIC if kind in GRADIENTS or kind in COMPOSED else GENERAL
    F = sk.Affine(array(M), array(q))
    if kind in ONE:
        return F
    if kind in COMPOSED:
        inner = sk.Subdifferential(f.L1Norm(WEIGHT))
        composed = inner.pullback(sk.DenseMatrix(array(D)))
        return F + composed
    if kind is sk.ForwardBackwardHalfForward:
        cocoercive, skew = (M + M.T) / 2, (M - M.T) / 2
        F = sk.Affine(array(cocoercive), array(q)) + sk.Affine(array(skew))
        return F + sk.NormalCone(f.Box(-0.2, 0.4))
    return F + sk.NormalCone(f.Box(-0.2, 0.4)) if len(kind.roles) < 3 else (
        F + sk.NormalCone(f.Box(-0.2, math.inf)) + sk.NormalCone(f.Box(-math.inf, 0.4))
    )  # fmt: skip


def violation(kind, x, q):
    """How far x is from satisfying the optimality conditions, by plain NumPy."""
    M = SYMMETRIC if kind in GRADIENTS or kind in COMPOSED else GENERAL
    value = x @ M.T - q
    if kind in ONE:
        return np.max(np.abs(value))
    if kind in COMPOSED:
        # −value = Dᵀy, so that y is the running sum of value; y ∈ WEIGHT ∂|Dx| is a fixed point
        y = np.cumsum(value, axis=-1)[..., :-1]
        at_jumps = np.abs(y - np.clip(y + x @ D.T, -WEIGHT, WEIGHT))
        return max(at_jumps.max(), np.abs(np.sum(value, axis=-1)).max())
    return np.max(np.abs(x - np.clip(x - value, -0.2, 0.4)))


ALL = pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.label)


def on_jax_too(library, double, position):
    return METHODS[position] in ON_JAX or on_jax(library, double, position)


@sampled(lambda given: METHODS.index(given["kind"]), on_jax_too)
@ALL
def test_finds_the_solution_in_a_batch(kind, xp_backend, xp):
    x0 = xp.zeros((3, 4), dtype=xp.float64)
    inclusion = problem(kind, xp, xp.float64, Q)
    s = sk.solve(inclusion, x0, kind(), tol=1e-9, max_iter=100_000, batch_ndim=1)
    assert s.converged
    assert violation(kind, to_numpy(s.x), Q) < 1e-7
    assert tuple(s.iterations.shape) == (3,)
    assert s.x.dtype == x0.dtype
    assert not np.any(to_numpy(x0))


@ALL
def test_a_batch_element_takes_the_iterations_that_it_takes_alone(kind):
    inclusion = problem(kind, np, np.float64, Q)
    options = {"tol": 0, "max_iter": 9}
    together = sk.solve(inclusion, np.zeros((3, 4)), kind(), batch_ndim=1, **options)
    for i, q in enumerate(Q):  # with the steps that all share, where they were measured
        inclusion = problem(kind, np, np.float64, q)
        alone = sk.solve(inclusion, np.zeros(4), together.method, **options)
        np.testing.assert_allclose(together.x[i], alone.x, atol=1e-11)
        np.testing.assert_allclose(together.residual[i], alone.residual, atol=1e-10)


@sampled(lambda given: METHODS.index(given["kind"]))
@ALL
def test_single_precision_stays_single(kind, xp_backend, xp):
    x0 = xp.zeros(4, dtype=xp.float32)
    s = sk.solve(problem(kind, xp, xp.float32, Q[0]), x0, kind(), tol=1e-4, max_iter=100_000)
    assert s.x.dtype == xp.float32
    assert s.residual.dtype == xp.float32
    assert violation(kind, to_numpy(s.x).astype(float), Q[0]) < 1e-2


@ALL
def test_resuming_and_pickling_change_nothing(kind):
    import pickle

    inclusion = problem(kind, np, np.float64, Q)
    options = {"tol": 1e-12, "batch_ndim": 1, "on_failure": "return"}
    first = sk.solve(inclusion, np.zeros((3, 4)), kind(), max_iter=7, **options)
    again = pickle.loads(pickle.dumps(first))
    second = sk.solve(inclusion, np.zeros((3, 4)), max_iter=14, resume=again, **options)
    whole = sk.solve(inclusion, np.zeros((3, 4)), kind(), max_iter=21, **options)
    np.testing.assert_array_equal(second.x, whole.x)
    np.testing.assert_array_equal(second.residual, whole.residual)
    np.testing.assert_array_equal(second.iterations, whole.iterations)
    assert 1 <= first.checkpoint.iteration <= 7


@ALL
def test_starting_at_the_solution_ends_at_once(kind):
    inclusion = problem(kind, np, np.float64, Q[0])
    x = sk.solve(inclusion, np.zeros(4), kind(), tol=1e-13, max_iter=100_000, on_failure="return").x
    s = sk.solve(inclusion, x, kind(), tol=1e-6)
    # the governing sequence may end elsewhere than at x
    assert s.iterations <= 500
    np.testing.assert_allclose(s.x, x, atol=1e-5)


@ALL
def test_the_residual_vanishes_only_at_a_solution(kind):
    """At any time ‖r‖ small means an optimality violation that is small too."""
    inclusion = problem(kind, np, np.float64, Q[0])
    seen = []
    sk.solve(
        inclusion, np.array([3.0, -4.0, 1.0, 5.0]), kind(), tol=1e-10, max_iter=100_000,
        callback=lambda s: seen.append((float(s.residual), violation(kind, s.x, Q[0]))),
    )  # fmt: skip
    residual, gap = np.array(seen).T
    scale = 1 + np.abs(SYMMETRIC).sum() + np.abs(GENERAL).sum()
    assert np.all(gap[residual < 1e-3] <= 100 * scale * residual[residual < 1e-3] + 1e-9)


NEGATIVE = sk.Affine(-np.eye(4))


@ALL
def test_operators_that_are_not_monotone_are_refused(kind):
    if kind in ONE:
        inclusion = NEGATIVE
    elif kind in COMPOSED:
        inner = sk.Subdifferential(f.L1Norm())
        inclusion = NEGATIVE + inner.pullback(sk.DenseMatrix(D))
    else:
        inclusion = NEGATIVE + sk.NormalCone(f.NonNegative())
        if len(kind.roles) > 2 and sk.Role.EVALUATED not in kind.roles:
            inclusion = inclusion + sk.NormalCone(f.Box(-1.0, 1.0))
    with pytest.raises(sk.NoGuaranteeError, match="known"):
        sk.solve(inclusion, np.ones(4), kind())


LIPSCHITZ = [
    (sk.Tseng, 1.0),
    (sk.ForwardReflectedBackward, 0.5),
    (sk.Extragradient, 1.0),
    (sk.PastExtragradient, 0.5),
    (sk.FISTA, 1.0),
    (sk.ForwardBackward, 2.0),
]


@pytest.mark.parametrize(("kind", "longest"), LIPSCHITZ)
def test_steps_beyond_the_theorem_are_refused(kind, longest):
    F, G = sk.Affine(np.diag([1.0, 2.0, 2.5, 4.0])), sk.NormalCone(f.NonNegative())
    assert kind(alpha=0.99 * longest / 4).guarantee(F, G).holds
    guarantee = kind(alpha=1.01 * longest / 4).guarantee(F, G)
    assert not guarantee.holds
    assert "too long" in guarantee.reason


@pytest.mark.parametrize(
    ("method", "holds"),
    [
        (sk.ChambollePock(tau=0.5, sigma=0.5), True),
        (sk.ChambollePock(tau=0.8, sigma=0.8), False),
        (sk.CondatVu(tau=0.3, sigma=0.3), True),
        (sk.CondatVu(tau=0.4, sigma=0.5), False),
        (sk.PD3O(tau=0.4, sigma=0.6), True),
        (sk.PD3O(tau=0.51, sigma=0.1), False),
        (sk.LinearizedADMM(rho=0.5, tau=0.4), True),
        (sk.LinearizedADMM(rho=1.0, tau=0.4), False),
    ],
    ids=repr,
)
def test_primal_dual_conditions(method, holds):
    """‖D‖ < 2 on four points, β = 1/4."""
    A = sk.NormalCone(f.NonNegative())
    B = sk.Subdifferential(f.L1Norm()).pullback(sk.DenseMatrix(D, lipschitz=2.0))
    C = sk.Affine(np.diag([1.0, 2.0, 3.0, 4.0]))
    operators = (A, B, C) if len(method.roles) == 3 else (A, B)
    guarantee = method.guarantee(*operators)
    if method.label == "Chambolle-Pock" and holds:
        assert 0.5 * 0.5 * 4 <= 1
    assert guarantee.holds == holds, guarantee.reason


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sk.DouglasRachford(relaxation="1"), "relaxation = '1': give a number"),
        (lambda: sk.ProductSpace(relaxation=None), "relaxation = None"),
        (lambda: sk.Relaxed(sk.DouglasRachford(), relaxation=True), "relaxation = True"),
        (lambda: sk.Inertial(sk.DouglasRachford(), inertia="0"), "inertia = '0'"),
        (lambda: sk.Anderson(sk.DouglasRachford(), regularization="0"), "regularization = '0'"),
        (lambda: sk.ChambollePock(tau=np.ones(3)), "tau = array"),
        (lambda: sk.LinearizedADMM(tau="1"), "tau = '1'"),
        (lambda: sk.ADMM(rho=np.ones(3)), "rho = array"),
    ],
)
def test_options_that_are_no_numbers(make, says):
    with pytest.raises(TypeError, match=says):
        make()


def test_no_sigma_is_recommended_where_tau_alone_is_too_long():
    B = sk.Subdifferential(f.L1Norm()).pullback(sk.DenseMatrix(D))
    operators = sk.NormalCone(f.NonNegative()), B, sk.Affine(np.eye(4))
    for method in (sk.CondatVu(tau=5.0), sk.PD3O(tau=5.0)):
        guarantee = method.guarantee(*operators)
        assert not guarantee.holds
        assert "tau must be below 2β = 2" in guarantee.reason


def test_davis_yin_takes_a_step_for_each_element_of_a_batch():
    C = sk.Affine(SYMMETRIC, np.ones(4))
    inclusion = sk.NormalCone(f.NonNegative()) + sk.Subdifferential(f.L1Norm(0.1)) + C
    one = sk.solve(inclusion, np.zeros(4), sk.DavisYin()).x
    alpha = np.array([0.5, 1.0, 1.9]) * C.cocoercivity
    each = sk.solve(inclusion, np.zeros((3, 4)), sk.DavisYin(alpha=alpha), batch_ndim=1).x
    np.testing.assert_allclose(each, np.stack([one] * 3), atol=1e-6)
    refused = sk.DavisYin(alpha=1.1 * alpha).guarantee(sk.Zero(), sk.NormalCone(f.NonNegative()), C)
    assert not refused.holds
    assert "below 2β" in refused.reason


def test_the_steps_of_the_golden_ratio_method_grow_where_the_operator_is_flat():
    """x ↦ x³ + Jx: its curvature at the start is that at the solution times 5000."""
    F = sk.Operator.from_callable(
        lambda x: x**3 + np.stack([x[1], -x[0]]) - 1.0, monotone=True, name="F"
    )
    G = sk.NormalCone(f.Box(-100.0, 100.0))
    solution = sk.solve(F + G, np.array([50.0, -30.0]), sk.GoldenRatio(), max_iter=1000)
    np.testing.assert_allclose(F(solution.x), 0.0, atol=1e-6)


def test_the_steps_of_the_line_search_stay_finite_where_the_operator_is_constant():
    """F = 1 on x ≤ 0 has no zero: steps that grew without end made x = −10³⁰⁸ and r = 0 of it."""
    F, G = sk.Affine(np.zeros((2, 2)), -np.ones(2)), sk.NormalCone(f.NonPositive())
    solution = sk.solve(
        F + G, np.zeros(2), sk.TsengLineSearch(), max_iter=8000, on_failure="return"
    )
    assert not solution.converged
    np.testing.assert_allclose(solution.residual, 2**0.5, rtol=1e-6)


SEVERAL = (sk.ChambollePock(), sk.PD3O(), sk.CondatVu(), sk.LinearizedADMM(), None)


@sampled(lambda given: SEVERAL.index(given["method"]))
@pytest.mark.parametrize("method", SEVERAL, ids=repr)
def test_several_compositions_are_one_of_columns(method, xp_backend, xp):
    """min ½⟨Mx, x⟩ − Σx + ‖Lx‖₁ + 0.3‖Kx‖₁ over a box, by its optimality conditions."""
    array = lambda a: xp.asarray(a, dtype=xp.float64)  # noqa: E731
    K = np.eye(4)[::-1] + 2 * np.eye(4)
    first = sk.Subdifferential(f.L1Norm()).pullback(sk.DenseMatrix(array(D)))
    second = sk.Subdifferential(f.L1Norm(0.3)).pullback(sk.DenseMatrix(array(K)))
    box, F = sk.NormalCone(f.Box(-0.1, 0.2)), sk.Affine(array(SYMMETRIC), array(np.ones(4)))
    s = sk.solve(F + first + second + box, array(np.zeros(4)), method, tol=1e-10, max_iter=50_000)
    x, (y, z, *_) = to_numpy(s.x), map(to_numpy, s.dual)
    np.testing.assert_allclose(y, np.clip(y + D @ x, -1, 1), atol=1e-7)
    np.testing.assert_allclose(z, np.clip(z + K @ x, -0.3, 0.3), atol=1e-7)
    slope = SYMMETRIC @ x - 1 + D.T @ y + K.T @ z
    np.testing.assert_allclose(x, np.clip(x - slope, -0.1, 0.2), atol=1e-7)


def test_an_operator_that_cannot_be_resolved_besides_is_composed_with_the_identity():
    """Three sets and a composition, for a method that resolves one term."""
    L = sk.DenseMatrix(D)
    sets = [f.Box(-1.0, 0.5), f.HalfSpace(np.ones(4), 1.0), f.L2Ball(0.8)]
    inclusion = sk.Affine(SYMMETRIC, np.ones(4)) + sk.Subdifferential(f.L1Norm(0.1)).pullback(L)
    for C in sets:
        inclusion = inclusion + sk.NormalCone(C)
    found = [
        sk.solve(inclusion, np.zeros(4), kind(), tol=1e-10, max_iter=50_000).x
        for kind in (sk.ChambollePock, sk.PD3O)
    ]
    np.testing.assert_allclose(*found, atol=1e-8)
    for C in sets:
        np.testing.assert_allclose(C.project(found[0]), found[0], atol=1e-8)


def test_compositions_of_tuples_are_refused_in_words():
    L, K = (sk.linear.BlockDiagonalMap([sk.DenseMatrix(c * D)] * 2) for c in (1.0, 2.0))
    norms = sk.BlockDiagonal([sk.Subdifferential(f.L1Norm())] * 2)
    inclusion = norms.pullback(L) + norms.pullback(K) + norms
    with pytest.raises(sk.NoGuaranteeError, match="these are tuples"):
        sk.solve(inclusion, (np.zeros(4), np.zeros(4)), sk.ChambollePock())


def test_admm_is_refused_where_its_linear_system_is_singular():
    """M = 0 and differences: constants are in the kernel of M + ρLᵀL, and all solutions add one."""
    A = sk.Affine(np.zeros((3, 3)), np.array([1.0, 0.0, -1.0]))
    L = sk.DenseMatrix(np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]]))
    B = sk.Subdifferential(f.SquaredL2()).pullback(L)
    guarantee = sk.ADMM().guarantee(A, B)
    assert not guarantee.holds
    assert "singular" in guarantee.reason
    x = sk.solve(A + B, np.zeros(3)).x
    np.testing.assert_allclose(x - x[1], [1.0, 0.0, -1.0], atol=1e-6)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sk.Tseng(alpha=-1.0), "alpha = -1.0"),
        (lambda: sk.ChambollePock(tau=0.0), "tau = 0.0"),
        (lambda: sk.PD3O(sigma=math.inf), "sigma = inf"),
        (lambda: sk.ADMM(rho=-2.0), r"rho = -2\.0"),
        (lambda: sk.LinearizedADMM(tau=-1.0), r"tau = -1\.0"),
        (lambda: sk.ADMM(relaxation=2.0), r"relaxation = 2\.0"),
        (lambda: sk.Ryu(relaxation=1.0), r"relaxation = 1\.0"),
        (lambda: sk.ProximalPoint(relaxation=0.0), r"relaxation = 0\.0"),
        (lambda: sk.Anderson(sk.DouglasRachford(), memory=0), "memory = 0"),
        (lambda: sk.Anderson(sk.DouglasRachford(), kind="III"), "kind = 'III'"),
        (lambda: sk.Inertial(sk.DouglasRachford(), inertia=1.0), r"inertia = 1\.0"),
        (lambda: sk.Relaxed(sk.DouglasRachford(), relaxation=-1), "relaxation = -1"),
        (lambda: sk.TimeLimit(0.0), r"seconds = 0\.0"),
    ],
)
def test_options_out_of_range(make, says):
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize("make", [sk.Halpern, sk.Anderson, sk.Relaxed, sk.Inertial])
def test_accelerators_take_methods_only(make):
    with pytest.raises(TypeError, match="method = 3"):
        make(3)


ACCELERATED = [
    sk.Anderson(sk.DouglasRachford()),
    sk.Anderson(sk.DouglasRachford(), kind="I", memory=3),
    sk.Anderson(sk.ForwardBackward()),
    sk.Anderson(sk.DavisYin()),
    sk.Anderson(sk.MalitskyTam()),
    sk.SuperMann(sk.DouglasRachford()),
    sk.SuperMann(sk.ForwardBackward(), memory=3),
    sk.SuperMann(sk.MalitskyTam()),
    sk.Inertial(sk.DouglasRachford(), inertia=0.2),
    sk.Relaxed(sk.DouglasRachford(), relaxation=1.2),
    sk.Relaxed(sk.ProximalPoint(), relaxation=1.9),
    sk.Anderson(sk.ChambollePock()),
    sk.Anderson(sk.ChambollePock(), kind="I", memory=3),
    sk.SuperMann(sk.ChambollePock()),
    sk.Relaxed(sk.ChambollePock(), relaxation=1.8),
    sk.Inertial(sk.ChambollePock(), inertia=0.2),
]


def first_of_its_kind(method):
    return next(each for each in ACCELERATED if type(each) is type(method))


@sampled(lambda given: int(given["method"] is not first_of_its_kind(given["method"])))
@pytest.mark.parametrize("method", ACCELERATED, ids=lambda m: m.label)
def test_accelerators_keep_the_solution(method, xp_backend, xp):
    kind = type(method.method)
    x0 = xp.zeros((3, 4), dtype=xp.float64)
    inclusion = problem(kind, xp, xp.float64, Q)
    s = sk.solve(inclusion, x0, method, tol=1e-9, max_iter=100_000, batch_ndim=1)
    assert s.converged
    assert violation(kind, to_numpy(s.x), Q) < 1e-7


def test_anderson_needs_fewer_iterations_where_the_map_is_slow():
    rng = np.random.default_rng(2)
    S = rng.normal(size=(30, 30))
    inclusion = sk.Affine(0.05 * np.eye(30) + S - S.T, rng.normal(size=30)) + sk.NormalCone(
        f.Box(-1.0, 1.0)
    )
    plain = sk.solve(inclusion, np.zeros(30), sk.DouglasRachford(), max_iter=100_000)
    fast = sk.solve(inclusion, np.zeros(30), sk.Anderson(sk.DouglasRachford()), max_iter=100_000)
    assert fast.iterations < plain.iterations
    np.testing.assert_allclose(fast.x, plain.x, atol=1e-5)


BADLY_SCALED = np.array([0.02, 7.0, 60.0, 0.3])


IN_METRICS = [sk.ForwardBackward(), sk.FISTA(), sk.PeacemanRachford(), sk.Tseng()]


@sampled(lambda given: IN_METRICS.index(given["method"]) + (not given["batch"]))
@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("method", IN_METRICS, ids=repr)
def test_a_diagonal_metric_makes_up_for_bad_scales(method, batch, xp_backend, xp):
    """The problem of SYMMETRIC in other units: the same iterations as in the good ones."""
    M = BADLY_SCALED[:, None] * BADLY_SCALED * SYMMETRIC
    q = BADLY_SCALED * Q[: len(batch) * 3].reshape(*batch, 4) if batch else BADLY_SCALED * Q[0]
    weight = xp.asarray(WEIGHT * BADLY_SCALED)
    inclusion = sk.Affine(xp.asarray((M + M.T) / 2), xp.asarray(q)) + sk.Subdifferential(
        f.L1Norm(weight, batch_ndim=len(batch))
    )
    x0 = xp.zeros((*batch, 4), dtype=xp.float64)
    options = {"tol": 1e-10, "batch_ndim": len(batch)}
    scaled = sk.Preconditioned(method, diagonal=xp.asarray(BADLY_SCALED**-2))
    s = sk.solve(inclusion, x0, scaled, **options)
    x = to_numpy(s.x)
    slope = x @ M.T - q
    threshold = WEIGHT * BADLY_SCALED
    moved = x - BADLY_SCALED**-2 * slope
    prox = np.sign(moved) * np.maximum(np.abs(moved) - BADLY_SCALED**-2 * threshold, 0)
    np.testing.assert_allclose(x * BADLY_SCALED, prox * BADLY_SCALED, atol=1e-7)
    good = sk.solve(
        sk.Affine(xp.asarray(SYMMETRIC), xp.asarray(q / BADLY_SCALED))
        + sk.Subdifferential(f.L1Norm(WEIGHT, batch_ndim=len(batch))), x0, method, **options,
    )  # fmt: skip
    assert np.max(to_numpy(s.iterations) if batch else s.iterations) <= 3 * np.max(
        to_numpy(good.iterations) if batch else good.iterations
    )


def test_accelerators_wrap_preconditioned_methods():
    M = BADLY_SCALED[:, None] * BADLY_SCALED * SYMMETRIC
    inclusion = sk.Affine((M + M.T) / 2, BADLY_SCALED * Q[0]) + sk.NormalCone(f.NonNegative())
    plain = sk.Preconditioned(sk.DouglasRachford(), diagonal=BADLY_SCALED**-2)
    x = sk.solve(inclusion, np.zeros(4), plain, tol=1e-11).x
    s = sk.solve(inclusion, np.zeros(4), sk.Anderson(plain), tol=1e-11)
    np.testing.assert_allclose(s.x * BADLY_SCALED, x * BADLY_SCALED, atol=1e-7)


ONE_BY_ONE = sk.Subdifferential(f.L1Norm(WEIGHT))


@pytest.mark.parametrize(
    "G",
    [
        ONE_BY_ONE.shift(Q[1]),
        ONE_BY_ONE.translate(Q[1]),
        ONE_BY_ONE.inverse,
        ONE_BY_ONE.yosida(0.7),
        ONE_BY_ONE.scale_argument(-2.0),
        sk.Identity() + ONE_BY_ONE,
        2.0 * ONE_BY_ONE,
        sk.Subdifferential(f.Tilted(f.L1Norm(WEIGHT).translate(Q[1]), Q[2], 0.4)),
        sk.Subdifferential(f.Quadratic(SYMMETRIC, Q[1])),
        2.0 * sk.Affine(SYMMETRIC).translate(Q[1]).shift(Q[2]),
        sk.Affine(SYMMETRIC, Q[1]).inverse,
    ],
    ids=repr,
)
def test_preconditioning_takes_what_is_made_of_elementwise_and_affine_operators(G):
    F = sk.Affine(SYMMETRIC, Q[0])
    method = sk.Preconditioned(sk.DouglasRachford(), diagonal=np.array([2.0, 1.0, 0.7, 0.1]))
    expected = sk.solve(F + G, np.zeros(4), sk.DouglasRachford(), tol=1e-11).x
    np.testing.assert_allclose(
        sk.solve(F + G, np.zeros(4), method, tol=1e-11).x, expected, atol=1e-9
    )


def test_preconditioning_says_what_it_cannot_do():
    with pytest.raises(ValueError, match="diagonal"):
        sk.Preconditioned(sk.FISTA(), diagonal=np.array([1.0, 0.0]))
    with pytest.raises(TypeError, match=r"diagonal = 2\.0: give an array"):
        sk.Preconditioned(sk.FISTA(), diagonal=2.0)
    short = sk.Preconditioned(sk.DouglasRachford(), diagonal=np.ones(3))
    with pytest.raises(ValueError, match=r"diagonal has shape \(3,\)"):
        sk.solve(sk.Affine(SYMMETRIC) + sk.NormalCone(f.NonNegative()), np.ones(4), short)
    method = sk.Preconditioned(sk.DouglasRachford(), diagonal=np.array([2.0, 1.0, 1.0, 0.5]))
    simplex = sk.NormalCone(f.Simplex())
    with pytest.raises(sk.NoGuaranteeError, match="no resolvent"):
        sk.solve(sk.Affine(SYMMETRIC) + simplex, np.ones(4), method)


def test_over_relaxation_and_inertia_beyond_their_theorems_are_refused():
    F, G = sk.Affine(GENERAL), sk.NormalCone(f.NonNegative())
    assert not sk.Relaxed(sk.DouglasRachford(), relaxation=2.5).guarantee(F, G).holds
    assert not sk.Inertial(sk.DouglasRachford(), inertia=0.4).guarantee(F, G).holds
    assert not sk.Halpern(sk.ForwardBackward(alpha=10.0)).guarantee(F, G).holds


def test_halpern_converges_where_peaceman_rachford_circles():
    """On a rotation C_F C_G only turns; anchored, it converges to the solution."""
    skew = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    free = sk.NormalCone(f.Box(-math.inf, math.inf))
    method = sk.Halpern(sk.PeacemanRachford(alpha=1.0))
    assert method.guarantee(skew, free).holds
    s = sk.solve(skew + free, np.ones(2), method, tol=0, max_iter=2000)
    assert np.linalg.norm(s.x) < 2e-3
