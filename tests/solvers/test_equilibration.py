"""Problems with rows, columns and blocks in units of their own are solved as in good units."""

import copy
import pickle

import array_api_strict
import numpy as np
import pytest
import torch

import splitkit as sk
from splitkit import functions as f
from splitkit.backend import Space, blocks, to_numpy
from splitkit.solvers.equilibration import equilibration
from splitkit.solvers.inclusion import Inclusion
from splitkit.solvers.methods.equilibrated import Equilibrated
from tests.collection.judge import solved
from tests.collection.problems import PROBLEMS, inclusion
from tests.collection.scales import of_collection

N, ROWS = 8, 12
RNG = np.random.default_rng(3)
A, NOISE = RNG.normal(size=(ROWS, N)), 0.1 * RNG.normal(size=ROWS)
B = A @ RNG.normal(size=N) + NOISE
LABELS = np.sign(RNG.normal(size=ROWS))
P = RNG.normal(size=(N, N))
P = P @ P.T / N + 0.2 * np.eye(N)
TURN = RNG.normal(size=(N, N))
Q = RNG.normal(size=N)
E = RNG.normal(size=(3, N))
H = E @ RNG.uniform(0.2, 1.0, N)
COST = E.T @ RNG.normal(size=3) + RNG.uniform(0.1, 1.0, N)


def columns(u):
    """x = u ⊙ x̃ is what solves the problem in good units."""
    return np.outer(u, u)


def lasso(u, e):
    return sk.Subdifferential(f.LeastSquares(A * u, B)) + sk.Subdifferential(f.L1Norm(0.5 * u))


def sparse_lasso(u, e):
    import scipy.sparse

    return sk.Subdifferential(
        f.LeastSquares(scipy.sparse.csr_array(A * u), B)
    ) + sk.Subdifferential(f.L1Norm(0.5 * u))


def logistic(u, e):
    return sk.Subdifferential(f.Logistic(LABELS) @ (A * u)) + sk.Subdifferential(f.L1Norm(0.3 * u))


def box(u, e):
    return sk.Subdifferential(f.Quadratic(P * columns(u), Q * u)) + sk.NormalCone(
        f.Box(-0.5 / u, 0.5 / u)
    )


def complementarity(u, e):
    return sk.LCP((P + TURN - TURN.T) * columns(u), Q * u)


def deviations(u, e):
    """Rows of |Ax − b|, whose weights make up for their units."""
    L = e[:, None] * A * u
    return sk.Subdifferential(f.L1Norm(1 / e).translate(B * e) @ L) + sk.Subdifferential(
        f.SquaredL2(weight=u**2)
    )


def quadratic_program(u, e):
    return sk.KKT(
        f.Quadratic(P * columns(u), Q * u), e[:3, None] * E * u, e[:3] * H, C=f.NonNegative()
    )


def linear_program(u, e):
    zero = np.zeros((N, N))
    return sk.KKT(f.Quadratic(zero, COST * u), e[:3, None] * E * u, e[:3] * H, C=f.NonNegative())


MADE = {
    make.__name__: make
    for make in (
        lasso,
        sparse_lasso,
        logistic,
        box,
        complementarity,
        deviations,
        quadratic_program,
        linear_program,
    )
}
PAIRS = {"quadratic_program", "linear_program"}
ONES = np.ones(N), np.ones(ROWS)


def units(seed, span=6.0):
    rng = np.random.default_rng(seed)
    return 10.0 ** rng.uniform(-span, span, N), 10.0 ** rng.uniform(-span, span, ROWS)


def start(name):
    return (np.zeros(N), np.zeros(3)) if name in PAIRS else np.zeros(N)


def scales(A, x0, batch_ndim=0):
    return equilibration(Inclusion.of(A).operators, x0, Space.of(x0, batch_ndim))


def first(x):
    return x[0] if isinstance(x, tuple) else x


# -- d -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MADE)
def test_units_are_undone(name):
    """d ⊙ u, and of multipliers d/e, depends little on the units u and e."""
    found = []
    for seed in (1, 2):
        u, e = units(seed)
        d = blocks(scales(MADE[name](u, e), start(name)))
        found.append((d[0] * u, *(y / (1 / e[:3]) for y in d[1:])))
    for one, other in zip(*found, strict=True):
        ratio = one / other
        assert ratio.max() / ratio.min() < 3


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_what_is_well_scaled_is_left_as_it_is(problem):
    d = scales(inclusion(problem), problem.x0)
    if problem.name == "quadratic program by its KKT operator":  # x and y are not comparable
        means = [np.exp(np.log(block).mean()) for block in d]
        assert means[0] / means[1] > 2
        assert max(block.max() / block.min() for block in d) < 3
    else:
        assert d is None


def test_a_solve_in_good_units_is_not_another():
    method = sk.plan(box(*ONES), np.zeros(N)).method
    assert not isinstance(method, Equilibrated)
    assert not isinstance(sk.plan(box(3 * ONES[0], None), np.zeros(N)).method, Equilibrated)


def test_what_couples_entries_gets_one_unit():
    u, _ = units(1, 2.0)
    quadratic = sk.Subdifferential(f.Quadratic(P * columns(u), Q * u))
    assert scales(quadratic + sk.NormalCone(f.Simplex()), np.zeros(N)) is None
    pair = sk.BlockDiagonal((quadratic, 1e8 * sk.Subdifferential(f.SquaredL2())))
    sets = sk.NormalCone(f.SeparableSum((f.Simplex(), f.L2Ball(1.0))))
    x, y = scales(pair + sets, (np.zeros(N), np.zeros(2)))
    for d in (x, y):
        assert np.all(d == d[0])
        assert np.all(np.frexp(d)[0] == 0.5)  # a power of 2
    assert x[0] / y[0] > 8


def test_blocks_that_one_operator_couples_share_a_unit():
    K = sk.linear.MatrixFree(lambda x: x @ E.T, lambda y: y @ E, (N,), (3,), norm=6.0)
    problem = sk.Affine(sk.linear.Coupling(K)) + sk.Subdifferential(
        f.SeparableSum((f.SquaredL2(weight=1e8), f.SquaredL2()))
    )
    x, y = scales(problem, (np.zeros(N), np.zeros(3)))
    assert np.all(x == x[0])
    assert np.all(y == y[0])
    whole = sk.linear.Stacked(sk.linear.wrap(_Opaque(P)), (5, 3))
    both = sk.Affine(whole) + sk.BlockDiagonal(
        (sk.Subdifferential(f.SquaredL2(weight=1e8)), sk.Subdifferential(f.SquaredL2()))
    )
    assert scales(both, (np.zeros(5), np.zeros(3))) is None


class _Opaque:
    """A matrix of which nobody sees the entries."""

    def __init__(self, M):
        self.M, self.shape = M, M.shape

    def matvec(self, x):
        return self.M @ x

    def rmatvec(self, y):
        return self.M.T @ y


def test_rows_that_never_bind_do_not_set_the_units():
    G = np.eye(N)[:3]
    plain = sk.KKT(f.Quadratic(P, Q), G=G, h=np.ones(3))
    never = sk.KKT(f.Quadratic(P, Q), G=G, h=np.array([1.0, 1.0, 1e20]))
    x0 = np.zeros(N), np.zeros(3)
    (x, y), (other_x, other_y) = scales(plain, x0), scales(never, x0)
    np.testing.assert_array_equal(other_x, x)
    np.testing.assert_array_equal(other_y[:2], y[:2])
    assert 0.1 < other_y[2] * 1e20 / np.max(x * abs(Q)) <= 1  # its constant is as large as others
    # one that 0 does not satisfy is not far from binding, nor an equation
    for more in ({"G": G, "h": np.array([1.0, 1.0, -1e20])}, {"A": G, "b": np.full(3, 1e20)}):
        assert scales(sk.KKT(f.Quadratic(P, Q), **more), x0)[1].min() > 1e-3


@pytest.mark.parametrize("far", [1e7, 1e16])
@pytest.mark.parametrize("start", [np.zeros(2), np.ones(2), np.array([1.0, 0.0])])
def test_a_row_that_never_binds_leaves_a_start_where_it_is(far, start):
    """In the units that bring its constant near any x but 0 would be far away."""
    F = sk.Affine(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([1.0, -far]))
    solution = sk.solve(F + sk.NormalCone(f.NonNegative()), start)
    assert solution.iterations < 50
    np.testing.assert_allclose(solution.x, [0.5, 0.0], atol=1e-6)


@pytest.mark.parametrize("method", [None, sk.DouglasRachford(), sk.FISTA()])
def test_a_row_that_never_binds_is_none_at_a_solution_either(method):
    F = sk.Affine(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([-1.0, -1e20]))
    solution = sk.solve(F + sk.NormalCone(f.NonNegative()), np.zeros(2), method)
    assert solution.iterations < 100
    np.testing.assert_allclose(solution.x, 0.0, atol=1e-6)


# -- constants that are rounding -----------------------------------------------------------------


@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("method", [sk.FISTA(), sk.ForwardBackward(), sk.DouglasRachford(), None])
def test_a_constant_that_is_but_rounding_is_no_unit_of_its_row(method, unit):
    """Aᵀb = 0 in exact numbers for an odd column and an even b; no ‖r‖ is small beside 1e-15."""
    t = np.linspace(-1.0, 1.0, 50)
    A, b = np.vander(t, 3), unit * np.cos(t)
    assert 0 < abs((A.T @ b)[1]) < 1e-13 * unit
    weight, kept = 0.1 * unit, [0, 2]
    for fit in (f.LeastSquares(A, b), f.SquaredL2(center=b) @ A):
        solution = sk.minimize(fit + f.L1Norm(weight), np.zeros(3), method)
        assert solution.iterations < 500
        signs = np.sign(solution.x[kept])
        expected = np.linalg.solve(A[:, kept].T @ A[:, kept], A[:, kept].T @ b - weight * signs)
        np.testing.assert_allclose(solution.x[kept], expected, rtol=1e-5)
        assert abs(solution.x[1]) < 1e-6 * unit


# -- solves --------------------------------------------------------------------------------------

METHODS = {
    "lasso": [
        sk.ForwardBackward(),
        sk.FISTA(),
        sk.DouglasRachford(),
        sk.Tseng(),
        sk.GoldenRatio(),
        sk.Anderson(sk.DouglasRachford()),
        sk.Ryu(),
    ],
    "sparse_lasso": [sk.FISTA()],
    "logistic": [sk.FISTA(), sk.ForwardBackward(), sk.Extragradient()],
    "box": [sk.PeacemanRachford(), sk.FISTA(), sk.ForwardReflectedBackward()],
    "complementarity": [sk.DouglasRachford(), sk.Tseng(), sk.MalitskyTam()],
    "deviations": [sk.CondatVu(), sk.PD3O()],
    "quadratic_program": [sk.Tseng(), sk.GoldenRatio()],
    "linear_program": [sk.TsengLineSearch() if hasattr(sk, "TsengLineSearch") else sk.Tseng()],
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("name", "method"), [(name, m) for name in METHODS for m in (None, *METHODS[name])]
)
def test_units_change_neither_the_answer_nor_the_work(name, method, seed):
    make, x0 = MADE[name], start(name)
    u, e = units(seed)
    options = {"max_iter": 50_000}
    good = sk.solve(make(*ONES), x0, method, **options)
    bad = sk.solve(make(u, e), x0, method, **options)
    assert isinstance(bad.method, Equilibrated)
    x, found = first(good.x), first(bad.x) * u
    np.testing.assert_allclose(found, x, atol=3e-6 * np.linalg.norm(x))
    assert type(bad.method.method) is type(good.method)
    assert bad.iterations <= 2 * good.iterations + 10


@pytest.mark.parametrize("unit", [1e-8, 1e-4, 1e4, 1e8])
def test_units_of_blocks_change_neither_the_answer_nor_the_work(unit):
    """x and its multipliers in other units: the rows show P no more beside E."""
    u, e = np.full(N, unit), np.full(ROWS, 1 / unit)
    x0 = start("quadratic_program")
    for method in (None, sk.GoldenRatio(), sk.Tseng()):
        good = sk.solve(quadratic_program(*ONES), x0, method)
        other = sk.solve(quadratic_program(u, e), x0, method)
        assert isinstance(other.method, Equilibrated)
        np.testing.assert_allclose(other.x[0] * unit, good.x[0], atol=1e-6)
        np.testing.assert_allclose(other.x[1] / unit, good.x[1], atol=1e-5)
        assert other.iterations <= 2 * good.iterations + 10


@pytest.mark.parametrize("asarray", ["strict", "torch", "float32"])
def test_every_library_and_dtype(asarray):
    u, _ = units(4, 2.0)
    make = {
        "strict": array_api_strict.asarray,
        "torch": torch.tensor,
        "float32": lambda a: np.asarray(a, dtype=np.float32),
    }[asarray]
    problem = sk.Subdifferential(f.Quadratic(make(P * columns(u)), make(Q * u))) + sk.NormalCone(
        f.Box(make(-0.5 / u), make(0.5 / u))
    )
    solution = sk.solve(problem, make(np.zeros(N)))
    assert isinstance(solution.method, Equilibrated)
    assert type(solution.x) is type(make(np.zeros(N)))
    expected = sk.solve(box(*ONES), np.zeros(N)).x
    rtol = 1e-4 if asarray == "float32" else 1e-6
    np.testing.assert_allclose(to_numpy(solution.x) * u, expected, atol=rtol)


def test_a_batch_has_one_unit():
    u, _ = units(5)
    q = RNG.normal(size=(4, N))
    problem = sk.Affine(P * columns(u), q * u) + sk.NormalCone(f.NonNegative(batch_ndim=1))
    together = sk.solve(problem, np.zeros((4, N)), batch_ndim=1)
    assert isinstance(together.method, Equilibrated)
    assert together.method.scales.shape == (N,)
    for x, right in zip(together.x, q, strict=True):
        alone = sk.solve(sk.Affine(P, right) + sk.NormalCone(f.NonNegative()), np.zeros(N))
        np.testing.assert_allclose(x * u, alone.x, atol=1e-6)


# -- what is returned ----------------------------------------------------------------------------


def test_residual_and_bound_are_those_of_the_user():
    u, _ = units(6, 2.0)
    M, q = P * columns(u), Q * u
    half = sk.Affine(M / 2, q)
    problem = half + sk.Affine((M / 2 + (M / 2).T) / 2)
    states = []
    solution = sk.solve(problem, np.zeros(N), sk.ForwardBackward(), callback=states.append)
    assert isinstance(solution.method, Equilibrated)
    gradient = np.linalg.norm(M @ solution.x - q)
    assert abs(solution.residual - gradient) <= 1e-9 * np.linalg.norm(q)
    exact = np.linalg.solve(M, q)
    for state in states:
        assert state.error_bound >= np.linalg.norm(state.x - exact) * (1 - 1e-9)
        np.testing.assert_allclose(state.residual, np.linalg.norm(M @ state.x - q), atol=1e-6)
    rule = sk.Absolute(1e-3)
    stopped = sk.solve(problem, np.zeros(N), sk.ForwardBackward(), tol=rule)
    assert np.linalg.norm(M @ stopped.x - q) <= 1e-3


@pytest.mark.parametrize("method", [sk.ChambollePock(), sk.LinearizedADMM(), sk.PD3O()], ids=repr)
def test_the_dual_is_that_of_the_user(method):
    u, e = units(7, 3.0)
    L = e[:, None] * A * u
    ridge, loss = f.SquaredL2(weight=u**2), f.L1Norm(1 / e).translate(B * e)
    solution = sk.solve(f_sum(ridge, loss, L), np.zeros(N), method, max_iter=50_000)
    assert isinstance(solution.method, Equilibrated)
    assert solution.u[0].shape == (N,)
    gap = f.duality_gap(ridge, loss, solution.x, solution.dual, sk.DenseMatrix(L))
    assert abs(gap) <= 1e-5 * loss(L @ solution.x)


def f_sum(ridge, loss, L):
    return sk.Subdifferential(ridge) + sk.Subdifferential(loss).pullback(L)


def test_it_resumes_bit_for_bit_and_says_its_units():
    u, e = units(8)
    problem, x0 = quadratic_program(u, e), start("quadratic_program")
    whole = sk.solve(problem, x0, tol=0, max_iter=40, on_failure="return")
    half = sk.solve(problem, x0, tol=0, max_iter=15, on_failure="return")
    again = pickle.loads(pickle.dumps(half))
    resumed = sk.solve(
        quadratic_program(u, e), x0, resume=again, tol=0, max_iter=25, on_failure="return"
    )
    for a, b in zip(whole.x, resumed.x, strict=True):
        assert np.array_equal(a, b)
    plan = sk.plan(problem, x0)
    assert "rows and columns are comparable in other units" in str(plan)
    assert "x = Dx̂" in plan.guarantee.sequence


def test_steps_and_metrics_that_are_given_are_those_of_x():
    u, e = units(9, 2.0)
    problem = box(u, e)
    L = np.linalg.norm(P * columns(u), 2)
    for method in (
        sk.ForwardBackward(alpha=1 / L),
        sk.Preconditioned(sk.FISTA(), diagonal=1 / u**2),
        sk.Relaxed(sk.DouglasRachford(alpha=2.0), relaxation=1.2),
    ):
        assert not isinstance(sk.plan(problem, np.zeros(N), method).method, Equilibrated)


def test_nothing_that_is_given_changes():
    u, e = units(10)
    data = [P * columns(u), Q * u, e[:3, None] * E * u, e[:3] * H]
    before = copy.deepcopy(data)
    x0 = np.full(N, 0.5), np.zeros(3)
    sk.solve(sk.KKT(f.Quadratic(*data[:2]), *data[2:]), x0)
    for a, b in zip(data, before, strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(x0[0], np.full(N, 0.5))
    assert np.array_equal(x0[1], np.zeros(3))


def test_the_displacement_is_that_of_the_user():
    """Two boxes apart: the gap between them, in units of x."""
    u, _ = units(11, 2.0)
    apart = (
        sk.Subdifferential(f.Quadratic(np.diag(u**2), np.zeros(N)))
        + sk.NormalCone(f.Box(2 / u, 3 / u))
        + sk.NormalCone(f.Box(-1 / u, 1 / u))
    )
    solution = sk.solve(apart, np.zeros(N), sk.DavisYin(), on_failure="return")
    assert isinstance(solution.method, Equilibrated)
    assert solution.status == "infeasible"
    good = sk.solve(
        sk.Subdifferential(f.Quadratic(np.eye(N), np.zeros(N)))
        + sk.NormalCone(f.Box(2 * ONES[0], 3 * ONES[0]))
        + sk.NormalCone(f.Box(-ONES[0], ONES[0])),
        np.zeros(N),
        sk.DavisYin(),
        on_failure="return",
    )
    step = np.abs(solution.displacement) * u
    np.testing.assert_allclose(step / step[0], 1.0, rtol=0.3)
    assert np.all(np.sign(solution.displacement) == np.sign(good.displacement))


def test_parameters_of_single_samples_are_equilibrated_by_their_mean():
    """A batch of problems of its own weights each, in units of x that they share."""
    A = np.random.default_rng(3).normal(size=(30, 4)) * np.geomspace(1e-3, 1e3, 4)
    b = A @ (np.ones(4) / np.geomspace(1e-3, 1e3, 4))
    weights = np.array([[0.1], [1.0], [10.0]])
    data = f.SquaredL2(center=b, batch_ndim=1) @ A
    together = sk.minimize(data + f.ElasticNet(weights, weights), np.zeros((3, 4)), batch_ndim=1)
    for weight, x in zip(weights[:, 0], together.x, strict=True):
        alone = sk.minimize(
            f.SquaredL2(center=b) @ A + f.ElasticNet(weight, weight), np.zeros(4), tol=1e-10
        )
        np.testing.assert_allclose(x, alone.x, atol=1e-6 * np.abs(alone.x).max())


PROGRAM = "quadratic program by its KKT operator"


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_an_operator_that_is_no_composition_stays_none_in_other_units(unit):
    """Of 0 ∈ A(x) + B(x) as A + IᵀBI, in units d: DAD + Iᵀ(DBD)I, and not DAD + DᵀBD, with blocks
    of x that are 10⁸ times as large as others.
    """
    (case,) = (of_collection(p) for p in PROBLEMS if p.name == PROGRAM)
    row = solved(case, "ADMM", sk.ADMM(), (unit, 1.0), max_iter=300)
    assert row.verdict == "right", row


@pytest.mark.parametrize("unit", [1.0, 1e2, 1e4])
def test_a_matrix_is_brought_to_the_units_of_correlations(unit):
    """−log det X + ⟨C, X⟩ + λ|X| for variables in units far apart: X = diag(t) X̂ diag(t)."""
    f, n = sk.functions, 8
    C = np.cov(np.random.default_rng(0).standard_normal((40, n)).T)
    units = np.geomspace(1 / unit, unit, n)
    both = np.outer(units, units)

    def lasso(C, weights):
        return f.NegativeLogDet() + f.Linear(C) + f.L1Norm(weights)

    plain = sk.minimize(lasso(C, 0.1), np.zeros((n, n)))
    found = sk.minimize(lasso(C * both, 0.1 * both), np.zeros((n, n)))
    assert found.iterations <= 2 * plain.iterations
    np.testing.assert_allclose(found.x * both, plain.x, atol=1e-6)
    shift = 2 * np.log(units).sum()
    assert float(found.objective) == pytest.approx(float(plain.objective) + shift, abs=1e-5)


def test_matrices_keep_their_kind_in_the_units_of_a_congruence_alone():
    f, t = sk.functions, np.array([0.5, 2.0, 1.0])
    X = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 1.0]])
    S = sk.linear.Diagonal(np.outer(t, t))
    assert float(f.NegativeLogDet(2.0).in_metric(S)(X)) == pytest.approx(
        float(f.NegativeLogDet(2.0)(S(X)))
    )
    cone = f.PositiveSemidefinite()
    assert cone.in_metric(S) is cone
    other = sk.linear.Diagonal(np.outer(t, t) + np.eye(3))
    assert f.NegativeLogDet().in_metric(other) is None
    assert f.PositiveSemidefinite().in_metric(other) is None
