"""Linear, quadratic and conic programs, transport and projections, against HiGHS and Clarabel."""

import numpy as np
from scipy.optimize import linprog

import splitkit as sk
from splitkit import functions as f
from tests.collection.conic import conic
from tests.collection.problem import Problem, Reference, minimized, outside, unequal

rng = np.random.default_rng(13)

# -- portfolio: least variance at a required return -----------------------------------------------

ASSETS = 8
FACTORS = rng.normal(size=(ASSETS, 3))
COVARIANCE = FACTORS @ FACTORS.T / 3 + np.diag(rng.uniform(0.1, 0.5, ASSETS))
RETURNS = rng.uniform(0.0, 1.0, ASSETS)
WANTED = 0.6


def variance(x):
    return 0.5 * x @ COVARIANCE @ x


def portfolio_reference():
    rows = np.vstack([-RETURNS, -np.eye(ASSETS)])
    right = np.concatenate([[-WANTED], np.zeros(ASSETS)])
    budget = (np.ones((1, ASSETS)), np.ones(1), "=")
    x = conic(COVARIANCE, np.zeros(ASSETS), [budget, (rows, right, "<")])
    return Reference(variance(x), x)


def portfolio(array):
    enough = f.HalfSpace(array(-RETURNS), -WANTED)
    return minimized(f.Quadratic(array(COVARIANCE)), f.Simplex(), enough)


def unbalanced(x):
    return max(abs(x.sum() - 1), outside(x, 0, np.inf), WANTED - RETURNS @ x)


# -- quadratic programs ---------------------------------------------------------------------------

ROOT = rng.normal(size=(10, 10))
P, Q = ROOT @ ROOT.T / 10 + 0.1 * np.eye(10), rng.normal(size=10)
E, D = rng.normal(size=(3, 10)), 0.3 * rng.normal(size=3)
G, H = rng.normal(size=(6, 10)), rng.uniform(0.1, 0.5, 6)


def quadratic(x):
    return 0.5 * x @ P @ x + Q @ x


def box_reference():
    rows, right = np.vstack([np.eye(10), -np.eye(10)]), np.full(20, 0.5)
    x = conic(P, Q, [(rows, right, "<")])
    return Reference(quadratic(x), x)


def box_program(array):
    return minimized(f.Quadratic(array(P), array(Q)), f.Box(-0.5, 0.5))


def rows_reference():
    x = conic(P, Q, [(E, D, "="), (G, H, "<")])
    return Reference(quadratic(x), x)


def rows_program(array):
    limits = f.NonPositive().translate(array(H)) @ array(G)
    return minimized(f.Quadratic(array(P), array(Q)), f.AffineSet(array(E), array(D)), limits)


def beyond_rows(x):
    equations = np.linalg.pinv(E) @ (E @ x - D)  # to the nearest point that meets them
    return max(unequal(equations, 0 * x), outside(G @ x - H, -np.inf, 0))


def kkt_program(array):
    return sk.KKT(f.Quadratic(array(P), array(Q)), array(E), array(D), G=array(G), h=array(H))


# One affine operator: equations M = [P Eᵀ; −E 0], whose solution is one of linear algebra.
SADDLE = np.block([[P, E.T], [-E, np.zeros((3, 3))]])
SADDLE_RIGHT = np.concatenate([-Q, -D])


def saddle_value(z):
    return np.linalg.norm(SADDLE @ z - SADDLE_RIGHT) / np.linalg.norm(SADDLE_RIGHT)


def saddle_reference():
    return Reference(0.0, np.linalg.solve(SADDLE, SADDLE_RIGHT))


# -- linear and second-order cone programs --------------------------------------------------------

M = rng.normal(size=(4, 9))
RIGHT = M @ rng.uniform(0.2, 1.0, 9)
COST = M.T @ rng.normal(size=4) + rng.uniform(0.1, 1.0, 9)


def linear_reference():
    x = linprog(COST, A_eq=M, b_eq=RIGHT).x
    return Reference(float(COST @ x), x)


def linear_program(array):
    # ⟨c, x⟩ on the orthant is a Lipschitz gradient, whose constant is 0
    cost = sk.Affine(0.0 * sk.linear.ScaledIdentity(), array(-COST))
    constraints = minimized(f.NonNegative(), f.AffineSet(array(M), array(RIGHT)))
    return cost + constraints


def misfit(x):
    return max(unequal(M @ x, RIGHT), outside(x, 0, np.inf))


# complementary points of the cone and its dual: the first is optimal, and unique
DIRECTION = rng.normal(size=5)
DIRECTION /= np.linalg.norm(DIRECTION)
ON_CONE, ON_DUAL = 2.0 * np.r_[1.0, DIRECTION], 0.5 * np.r_[1.0, -DIRECTION]
C = rng.normal(size=(2, 6))
C_RIGHT = C @ ON_CONE
CONE_COST = ON_DUAL + C.T @ rng.normal(size=2)


def cone_reference():
    x = conic(None, CONE_COST, [(C, C_RIGHT, "="), (-np.eye(6), np.zeros(6), "soc")])
    return Reference(float(CONE_COST @ x), ON_CONE)


def cone_program(array):
    cost = sk.Affine(0.0 * sk.linear.ScaledIdentity(), array(-CONE_COST))
    return cost + minimized(f.SecondOrderCone(), f.AffineSet(array(C), array(C_RIGHT)))


def off_cone(x):
    return max(unequal(C @ x, C_RIGHT), float(max(0.0, np.linalg.norm(x[1:]) - x[0])))


# -- optimal transport ----------------------------------------------------------------------------

SUPPLY, WANT = np.array([0.4, 0.25, 0.2, 0.15]), np.array([0.3, 0.3, 0.15, 0.15, 0.1])
DISTANCE = np.abs(rng.normal(size=(4, 1)) - rng.normal(size=5)) + 0.1 * rng.uniform(size=(4, 5))


def transport_reference():
    rows = np.kron(np.eye(4), np.ones(5))
    columns = np.kron(np.ones(4), np.eye(5))
    right = np.concatenate([SUPPLY, WANT])
    x = linprog(DISTANCE.ravel(), A_eq=np.vstack([rows, columns]), b_eq=right).x
    return Reference(float(DISTANCE.ravel() @ x), x.reshape(4, 5))


def transport(array):
    cost = sk.Affine(0.0 * sk.linear.ScaledIdentity(), array(-DISTANCE))
    return cost + minimized(f.TransportPolytope(array(SUPPLY), array(WANT)))


def transport_by_marginals(array):
    """The rows on scaled simplices, the columns in an affine set of the flattened plan."""
    cost = sk.Affine(0.0 * sk.linear.ScaledIdentity(), array(-DISTANCE.ravel()))
    marginals = np.vstack([np.kron(np.eye(4), np.ones(5)), np.kron(np.ones(4), np.eye(5))[:-1]])
    right = np.concatenate([SUPPLY, WANT[:-1]])
    return cost + minimized(f.NonNegative(), f.AffineSet(array(marginals), array(right)))


def unshipped(x):
    plan = x.reshape(4, 5)
    wrong = unequal(plan.sum(axis=1), SUPPLY) + unequal(plan.sum(axis=0), WANT)
    return max(wrong, outside(plan, 0, np.inf))


# -- projection onto an intersection, consensus, feasibility --------------------------------------

POINT = 2.0 * rng.normal(size=6)
NORMALS = rng.normal(size=(2, 6))


def distance(x):
    return 0.5 * np.sum((x - POINT) ** 2)


def projection_reference():
    ball = np.vstack([np.zeros(6), -np.eye(6)]), np.concatenate([[1.0], np.zeros(6)]), "soc"
    slabs = NORMALS, np.array([-0.3, 0.2]), "<"
    x = conic(np.eye(6), -POINT, [ball, slabs])
    return Reference(distance(x), x)


def projection(array):
    halves = [f.HalfSpace(array(NORMALS[i]), b) for i, b in enumerate((-0.3, 0.2))]
    return minimized(f.SquaredL2(center=array(POINT)), f.L2Ball(1.0), *halves)


def outside_all(x):
    return max(0.0, np.linalg.norm(x) - 1, NORMALS[0] @ x + 0.3, NORMALS[1] @ x - 0.2)


AGENTS = [(rng.normal(size=(7, 4)), rng.normal(size=7)) for _ in range(4)]


def shared(x):
    return sum(0.5 * np.sum((A @ x - b) ** 2) for A, b in AGENTS)


def consensus_reference():
    A, b = (np.concatenate(parts) for parts in zip(*AGENTS, strict=True))
    x = np.linalg.lstsq(A, b, rcond=None)[0]
    return Reference(shared(x), (x,) * 4)


def consensus(array):
    agents = f.SeparableSum([f.LeastSquares(array(A), array(b)) for A, b in AGENTS])
    return minimized(agents) + sk.Consensus(4)


INSIDE = np.array([0.3, 0.4, 0.2, 0.1, 0.0])
LEVELS = rng.normal(size=(2, 5))


def feasible(array):
    return minimized(f.Simplex(), f.AffineSet(array(LEVELS), array(LEVELS @ INSIDE)))


def infeasible_distance(x):
    return max(unequal(LEVELS @ x, LEVELS @ INSIDE), abs(x.sum() - 1), outside(x, 0, np.inf))


def apart(array):
    """The unit ball and a half-space at the distance 1 from it."""
    return minimized(f.L2Ball(1.0), f.HalfSpace(array([-1.0, -1.0, 0.0]), -(8.0**0.5)))


def impossible_program(array):
    """A quadratic program whose equations have no non-negative solution."""
    sums = f.AffineSet(array([[1.0, 1.0, 1.0], [0.0, 1.0, 2.0]]), array([1.0, -0.5]))
    return minimized(f.SquaredL2(), f.NonNegative(), sums)


TEN = np.zeros(10)
PROBLEMS = [
    Problem("portfolio", portfolio, np.full(ASSETS, 1 / ASSETS), variance, portfolio_reference,
            unbalanced),
    Problem("quadratic program in a box", box_program, TEN, quadratic, box_reference,
            lambda x: outside(x, -0.5, 0.5)),
    Problem("quadratic program", rows_program, TEN, quadratic, rows_reference, beyond_rows),
    Problem("quadratic program by its KKT operator", kkt_program, (TEN, np.zeros(9)),
            lambda z: quadratic(z[0]), lambda: Reference(rows_reference().value),
            lambda z: beyond_rows(z[0])),
    Problem("quadratic program with equations", lambda a: sk.Affine(a(SADDLE), a(SADDLE_RIGHT)),
            np.zeros(13), saddle_value, saddle_reference),
    Problem("linear program", linear_program, np.zeros(9), lambda x: COST @ x, linear_reference,
            misfit),
    Problem("second-order cone program", cone_program, np.zeros(6), lambda x: CONE_COST @ x,
            cone_reference, off_cone),
    Problem("optimal transport", transport, np.outer(SUPPLY, WANT),
            lambda x: np.sum(DISTANCE * x), transport_reference, unshipped),
    Problem("optimal transport by marginals", transport_by_marginals,
            np.outer(SUPPLY, WANT).ravel(), lambda x: DISTANCE.ravel() @ x, transport_reference,
            unshipped),
    Problem("projection onto an intersection", projection, np.zeros(6), distance,
            projection_reference, outside_all),
    Problem("consensus", consensus, (np.zeros(4),) * 4, lambda x: shared(np.mean(x, axis=0)),
            consensus_reference),
    Problem("feasibility", feasible, np.zeros(5), lambda x: 0.0, lambda: Reference(0.0),
            infeasible_distance),
    Problem("a ball and a half-space apart", apart, np.zeros(3), np.linalg.norm, None),
    Problem("a quadratic program without feasible points", impossible_program, np.zeros(3),
            np.linalg.norm, None),
]  # fmt: skip
