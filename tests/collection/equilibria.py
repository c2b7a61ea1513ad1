"""Games, traffic, complementarity and variational inequalities: none has an objective.

Their value is the natural residual ‖x − P_C(x − F(x))‖, relative to F(x). Solutions come from
HiGHS (matrix games), closed forms, or all ways in which entries can be at their bounds.
"""

import itertools

import numpy as np
from scipy.optimize import linprog

import splitkit as sk
from splitkit import functions as f
from tests.collection.problem import Problem, Reference, flat

rng = np.random.default_rng(14)


def residual(F, project):
    """x ↦ ‖x − P_C(x − F(x))‖ / max(1, ‖F(x)‖) of the entries in one vector."""

    def value(x):
        x = flat(x)
        return np.linalg.norm(x - project(x - F(x))) / max(1.0, np.linalg.norm(F(x)))

    return value


def onto_simplex(y, total):
    """By bisection for the level."""
    low, high = y.min() - total, y.max()
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if np.maximum(y - level, 0).sum() > total else (low, level)
    return np.maximum(y - level, 0)


def in_box(M, q, lower, upper):
    """The solution of ⟨Mx + q, y − x⟩ ≥ 0 on a box: every entry at a bound, or its equation."""
    sides = [
        [0] + [-1] * bool(np.isfinite(low)) + [1] * bool(np.isfinite(high))
        for low, high in zip(lower, upper, strict=True)
    ]
    for pattern in itertools.product(*sides):
        at = np.array(pattern)
        x = np.where(at < 0, lower, np.where(at > 0, upper, 0.0))
        free = at == 0
        x[free] = np.linalg.solve(
            M[np.ix_(free, free)], -q[free] - M[np.ix_(free, ~free)] @ x[~free]
        )
        w = M @ x + q
        rounding = 1e-10
        inside = np.all(x >= lower - rounding) and np.all(x <= upper + rounding)
        if inside and np.all(w[at < 0] >= -rounding) and np.all(w[at > 0] <= rounding):
            return x
    raise AssertionError("a strongly monotone problem has a solution")


def on_simplices(M, q, totals):
    """Flows in groups (size, total): each used path of a group costs the same, no other less."""
    n, k = len(q), len(totals)
    groups = np.repeat(np.arange(k), [size for size, _ in totals])
    amounts = np.array([total for _, total in totals])
    for pattern in itertools.product((False, True), repeat=n):
        used = np.array(pattern)
        if len(set(groups[used])) < k:
            continue
        member = (groups[used][:, None] == np.arange(k)).astype(float)
        rows = np.block([[M[np.ix_(used, used)], -member], [member.T, np.zeros((k, k))]])
        solved = np.linalg.solve(rows, np.concatenate([-q[used], amounts]))
        x = np.zeros(n)
        x[used] = solved[: used.sum()]
        costs = solved[used.sum() :]
        if x.min() >= -1e-10 and np.all(M @ x + q >= costs[groups] - 1e-9):
            return x
    raise AssertionError("an equilibrium exists")


# -- matrix games ---------------------------------------------------------------------------------

PAYOFF = rng.normal(size=(5, 7))
PENNIES = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])


def game_value(K):
    """(Kx)ᵢ at its largest less (Kᵀy)ⱼ at its least, plus what is missing from strategies."""

    def gap(z):
        x, y = z
        wrong = sum(abs(s.sum() - 1) + np.linalg.norm(np.minimum(s, 0)) for s in z)
        return abs(np.max(K @ x) - np.min(K.T @ y)) + wrong

    return gap


def game_reference(K):
    """Both strategies and the value by linear programs; the gap at an equilibrium is 0."""
    m, n = K.shape
    least = linprog(
        np.r_[np.zeros(n), 1],
        A_ub=np.c_[K, -np.ones(m)],
        b_ub=np.zeros(m),
        A_eq=np.r_[np.ones(n), 0][None],
        b_eq=[1],
        bounds=[(0, None)] * n + [(None, None)],
    )
    most = linprog(
        np.r_[np.zeros(m), -1],
        A_ub=np.c_[-K.T, np.ones(n)],
        b_ub=np.zeros(n),
        A_eq=np.r_[np.ones(m), 0][None],
        b_eq=[1],
        bounds=[(0, None)] * m + [(None, None)],
    )
    return Reference(0.0, (least.x[:n], most.x[:m]))


# -- Cournot's and other games --------------------------------------------------------------------

COSTS = np.array([1.0, 2.0, 3.0, 4.0, 9.5])
SLOPE, CHOKE = 1.0, 10.0


def cournot_matrix():
    return SLOPE * (np.ones((5, 5)) + np.eye(5)), COSTS - CHOKE


def cournot(array):
    one = array([[1.0]])
    Q = [[2.0 * one if i == j else one for j in range(5)] for i in range(5)]
    F = sk.PseudoGradient.quadratic(Q, [array([c - CHOKE]) for c in COSTS])
    return sk.NashGame(F, [f.NonNegative() for _ in COSTS])


def cournot_reference():
    """Firms whose cost is below the price sell (a + Σc)/(k + 1) − cᵢ; the others nothing."""
    for k in range(5, 0, -1):
        price = (CHOKE + COSTS[:k].sum()) / (k + 1)
        if price > COSTS[k - 1]:
            sales = np.maximum(price - COSTS, 0) / SLOPE
            return Reference(0.0, tuple(sales[:, None]))
    raise AssertionError("one firm sells")


OWN = [np.array([[3.0, 0.5], [0.5, 2.0]]), np.array([[2.5, -0.4], [-0.4, 3.0]])]
CROSS = [rng.normal(size=(2, 2)), rng.normal(size=(2, 2))]
LINEAR = [rng.normal(size=2), rng.normal(size=2)]
NASH = np.block([[OWN[0], CROSS[0]], [CROSS[1], OWN[1]]])


def nash(array):
    Q = [[array(OWN[0]), array(CROSS[0])], [array(CROSS[1]), array(OWN[1])]]
    F = sk.PseudoGradient.quadratic(Q, [array(2 * q) for q in LINEAR])
    return sk.NashGame(F, [f.Box(-0.3, 0.4), f.Box(-0.5, 0.2)])


NASH_LOW, NASH_HIGH = np.array([-0.3, -0.3, -0.5, -0.5]), np.array([0.4, 0.4, 0.2, 0.2])


def nash_reference():
    x = in_box(NASH, 2 * np.concatenate(LINEAR), NASH_LOW, NASH_HIGH)
    return Reference(0.0, (x[:2], x[2:]))


LIMIT = 3.0


def shared_cournot(array):
    """Two firms, whose sales together are at most 3."""
    one = array([[1.0]])
    F = sk.PseudoGradient.quadratic(
        [[2.0 * one, one], [one, 2.0 * one]], [array([-9.0]), array([-8.0])]
    )
    return sk.GeneralizedNashGame(F, [f.NonNegative()] * 2, [one, one], array([LIMIT]))


def shared_cournot_reference():
    """2x₁ + x₂ + λ = 9, x₁ + 2x₂ + λ = 8, x₁ + x₂ = 3."""
    x = np.linalg.solve([[2.0, 1, 1], [1, 2, 1], [1, 1, 0]], [9.0, 8, LIMIT])
    return Reference(0.0, tuple(x[:, None]))


# -- traffic --------------------------------------------------------------------------------------

PATHS = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]], dtype=float)
BRAESS, FREE = np.diag([10.0, 1.0, 1.0, 10.0, 1.0]), np.array([0.0, 50.0, 50.0, 0.0, 10.0])
ASYMMETRIC = BRAESS + rng.uniform(0.0, 0.6, size=(5, 5)) * (1 - np.eye(5))
DEMAND = 6.0


def traffic(links):
    def inclusion(array):
        costs = sk.Affine(array(links), array(-FREE)).pullback(sk.DenseMatrix(array(PATHS)))
        return sk.VI(costs, f.Simplex(DEMAND))

    return inclusion


def traffic_reference(links):
    M, q = PATHS.T @ links @ PATHS, PATHS.T @ FREE
    return Reference(0.0, on_simplices(M, q, [(3, DEMAND)]))


def traffic_value(links):
    def costs(h):
        return PATHS.T @ (links @ (PATHS @ h) + FREE)

    return residual(costs, lambda y: onto_simplex(y, DEMAND))


# -- complementarity and variational inequalities -------------------------------------------------

S = rng.normal(size=(7, 7))
LCP_MATRIX = S @ S.T / 7 + 0.3 * np.eye(7) + 0.5 * (S - S.T)
LCP_RIGHT = rng.normal(size=7)
T = rng.normal(size=(6, 6))
VI_MATRIX = 0.5 * np.eye(6) + T - T.T
VI_RIGHT = 2 * rng.normal(size=6)


def lcp_reference():
    return Reference(0.0, in_box(LCP_MATRIX, LCP_RIGHT, np.zeros(7), np.full(7, np.inf)))


def lcp(array):
    return sk.LCP(array(LCP_MATRIX), array(LCP_RIGHT))


def affine_vi(array):
    return sk.VI(sk.Affine(array(VI_MATRIX), array(-VI_RIGHT)), f.Box(-1.0, 1.0))


def vi_reference():
    return Reference(0.0, in_box(VI_MATRIX, VI_RIGHT, -np.ones(6), np.ones(6)))


ROOTS = np.array([0.7, -0.4, 1.1, -1.3])


def cubic(array):
    """x + x³ = r + r³ on a box: an operator without a resolvent, whose root r may lie outside."""
    right = array(ROOTS + ROOTS**3)
    F = sk.Operator.from_callable(
        lambda x: x + x**3 - right, strong_monotonicity=1.0, lipschitz=13.0, name="x + x³ − y"
    )
    return sk.VI(F, f.Box(-2.0, 1.0))


def natural(M, q, lower, upper):
    return residual(lambda x: M @ x + q, lambda y: np.clip(y, lower, upper))


def uniform(size, total=1.0):
    return np.full(size, total / size)


COURNOT_M, COURNOT_Q = cournot_matrix()
PROBLEMS = [
    Problem("matrix game", lambda a: sk.MatrixGame(a(PAYOFF)), (uniform(7), uniform(5)),
            game_value(PAYOFF), lambda: game_reference(PAYOFF)),
    Problem("rock, paper, scissors", lambda a: sk.MatrixGame(a(PENNIES)),
            (np.array([1.0, 0, 0]), np.array([0.5, 0.5, 0])), game_value(PENNIES),
            lambda: Reference(0.0, (uniform(3), uniform(3)))),
    Problem("Cournot's oligopoly", cournot, (np.zeros(1),) * 5,
            natural(COURNOT_M, COURNOT_Q, 0.0, np.inf), cournot_reference),
    Problem("Nash game with quadratic costs", nash, (np.zeros(2), np.zeros(2)),
            natural(NASH, 2 * np.concatenate(LINEAR), NASH_LOW, NASH_HIGH), nash_reference),
    Problem("Cournot's duopoly with a shared limit", shared_cournot, (np.zeros(1),) * 3,
            natural(np.array([[2.0, 1, 1], [1, 2, 1], [-1, -1, 0]]), np.array([-9.0, -8, LIMIT]),
                    0.0, np.inf), shared_cournot_reference),
    Problem("Braess's network", traffic(BRAESS), np.array([DEMAND, 0.0, 0.0]),
            traffic_value(BRAESS), lambda: traffic_reference(BRAESS)),
    Problem("traffic with asymmetric costs", traffic(ASYMMETRIC), np.array([DEMAND, 0.0, 0.0]),
            traffic_value(ASYMMETRIC), lambda: traffic_reference(ASYMMETRIC), single_tol=2e-6),
    Problem("linear complementarity", lcp, np.zeros(7), natural(LCP_MATRIX, LCP_RIGHT, 0.0, np.inf),
            lcp_reference),
    Problem("affine variational inequality", affine_vi, np.zeros(6),
            natural(VI_MATRIX, VI_RIGHT, -1.0, 1.0), vi_reference),
    Problem("nonlinear variational inequality", cubic, np.zeros(4),
            residual(lambda x: x + x**3 - ROOTS - ROOTS**3, lambda y: np.clip(y, -2.0, 1.0)),
            lambda: Reference(0.0, np.minimum(ROOTS, 1.0)), single_tol=2e-6),
]  # fmt: skip
