"""Problems with known answers whose units matter, in units in which they are well scaled.

Cases take the collection's problems, and others: rows that never bind, one row or column in units
of its own, far starts, problems without a solution, random ones. A case measures an answer, mapped
back to the units of the case, by plain NumPy in float64.

What is measured, and how large it may be. Let r be an element of (A₁ + … + Aₙ)(x), S the size of
what cancels in it, X the size of the solution. *Converged* promises ‖r‖ ≤ tol·S, in each block.
Each measure below is 0 exactly at the solutions, and at most tol wherever that holds, up to the
factor ``GENEROSITY``; none but the last depends on the condition of the problem:

residual
    of F + ∂g: ‖x − prox_{g/L}(x − F(x)/L)‖ L/S. With r ∈ F(x) + ∂g(x) it is at most ‖r‖/S, because
    x = prox_{g/L}(x − (F(x) − r)/L) and the prox is nonexpansive. Of matrix games the gap.
value
    |f(x) − f*|/(S X): f(x) − f* ≤ ⟨r, x − x*⟩. For S X ≥ f(0) − f*, which holds by convexity as S
    is at least the size of an element of ∂f(0), the larger of |f*| and |f(0)| stands in, such as
    ½‖b‖² of a fit to b, in every problem without a cost of its own in ``SIZES``.
violation
    how far x is from the constraints, relative to their data; a method may know its elements at
    points that are tol·X apart.
distance
    to the nearest solution, relative block by block. It is judged only where the problem is well
    conditioned, such as in the units of single rows and columns: in these the promise is that of
    the same problem with these units removed. Elsewhere it is only shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from typing import Any

import numpy as np
from scipy.optimize import brentq, linprog

import splitkit as sk
from splitkit import functions as f
from tests.collection import equilibria as eq, programs as pr, regression as re
from tests.collection.problem import Arrays, Asarray, Problem, flat, minimized, outside, unequal
from tests.collection.problems import PROBLEMS
from tests.collection.units import Lengths, in_units, inverse, moved

GENEROSITY = 10.0  # a measure above GENEROSITY · tol contradicts "converged"
Measures = dict[str, float]
Pair = tuple[float, float]  # the units of x and of the operators' values


@dataclass(frozen=True, eq=False)
class Case:
    """A problem, its answer, and the units in which it is to be solved.

    Attributes
    ----------
    name : str
    inclusion : callable
        asarray ↦ the inclusion, its data made arrays by ``asarray``.
    x0 : array or tuple of arrays
    measure : callable or None
        x ↦ the judged measures by name; None: there is no solution.
    exact : callable
        () ↦ the solution, or None where it is not unique.
    blocks : str
        Whether each block of a tuple is of the kind of x, or of the kind y of multipliers, whose
        unit is that of the operators.
    tols : tuple of float
        Asked for besides the default (None).
    pairs, single : tuple of Pair, or None
        Units in float64 and in float32 that take the place of the general ones; () for none.
    slow : bool
        An iteration takes long, so that a quick run takes few methods.
    """

    name: str
    inclusion: Callable[[Asarray], sk.Operator]
    x0: Arrays
    measure: Callable[[Arrays], Measures] | None
    exact: Callable[[], Arrays | None] = lambda: None
    blocks: str = ""
    tols: tuple[float | None, ...] = (None, 1e-4)
    pairs: tuple[Pair, ...] | None = None
    single: tuple[Pair, ...] | None = None
    slow: bool = False

    @cached_property
    def answer(self) -> Arrays | None:
        return self.exact()

    def lengths(self, s: float, t: float) -> Lengths:
        """D."""
        if "y" not in self.blocks:
            return s
        return tuple(s if kind == "x" else t for kind in self.blocks)

    def posed(self, s: float, t: float, array: Asarray) -> tuple[sk.Operator, Arrays]:
        """The inclusion and x0 in these units."""
        D = self.lengths(s, t)
        x0 = tuple(map(array, self.x0)) if isinstance(self.x0, tuple) else array(self.x0)
        A = self.inclusion(array)
        if isinstance(A, sk.MatrixGame):  # which begins at the solution of its linear program
            A = sk.VI(A.F, A.C)
        return (A, x0) if s == t == 1 else (in_units(A, D, s * t), moved(x0, D))

    def back(self, x: Arrays, s: float, t: float) -> Arrays:
        """D⁻¹x in float64."""
        as_double = partial(np.asarray, dtype=float)
        double = tuple(map(as_double, x)) if isinstance(x, tuple) else as_double(x)
        return moved(double, inverse(self.lengths(s, t)))

    def judged(self, x: Arrays) -> Measures:
        """The measures; inf for NaN."""
        assert self.measure is not None
        found = {name: float(value) for name, value in self.measure(x).items()}
        return {name: value if value == value else np.inf for name, value in found.items()}

    def distance(self, x: Arrays) -> float:
        """max over blocks of ‖x − x*‖/‖x*‖ (of ‖x‖ where x* is 0); NaN: not unique."""
        if self.answer is None:
            return self.judged(x).get("distance", float("nan"))
        pairs = zip(x, self.answer, strict=True) if isinstance(x, tuple) else [(x, self.answer)]
        return max(float(np.linalg.norm(a - b) / (np.linalg.norm(b) or 1.0)) for a, b in pairs)


# -- measures -------------------------------------------------------------------------------------


def prox_residual(F: Callable[[Any], Any], prox: Callable[[Any], Any], L: float, S: float) -> Any:
    """x ↦ ‖x − prox(x − F(x)/L)‖ L/S."""

    def measure(x: np.ndarray) -> Measures:
        return {"residual": float(np.linalg.norm(x - prox(x - F(x) / L))) * L / S}

    return measure


def excess(value: float, best: float, at_zero: float) -> float:
    """(f(x) − f*)/max(|f*|, |f(0)|), for problems of which nothing else is said."""
    return abs(value - best) / max(abs(best), abs(at_zero))


def affine_residual(M: np.ndarray, q: np.ndarray, lower: Any, upper: Any) -> Any:
    """That of Mx + q on a box, of the entries in one vector."""
    L, S = float(np.linalg.norm(M, 2)), float(np.linalg.norm(q))
    measure = prox_residual(lambda x: M @ x + q, lambda y: np.clip(y, lower, upper), L, S)
    return lambda x: measure(flat(x))


def game_residual(K: np.ndarray) -> Any:
    """The gap of a matrix game beside its largest entry."""
    gap = eq.game_value(K)
    return lambda z: {"residual": gap(z) / np.abs(K).max()}


def soft(level: float) -> Callable[[np.ndarray], np.ndarray]:
    """Soft thresholding."""
    return lambda y: y - np.clip(y, -level, level)


def expit(x: np.ndarray) -> np.ndarray:
    """1/(1 + e⁻ˣ)."""
    return 0.5 * (1 + np.tanh(x / 2))


def sharp(name: str, inclusion: Any, x0: Any, exact: Any, **options: Any) -> Case:
    """A well-conditioned problem: the distance is what is judged."""
    case = Case(name, inclusion, x0, None, exact, **options)
    return replace(case, measure=lambda x: {"distance": case.distance(x)})


# -- the collection -------------------------------------------------------------------------------

G, TOP = re.A.T @ re.A, np.linalg.norm(re.A, 2) ** 2
DATA = float(np.linalg.norm(re.A.T @ re.B))
STEEP = np.linalg.norm(re.X, 2) ** 2 / 4
PULL = float(np.linalg.norm(np.abs(re.X).sum(axis=0)) / 2)


def data_gradient(x: np.ndarray) -> np.ndarray:
    return re.A.T @ (re.A @ x - re.B)


def loss_gradient(w: np.ndarray) -> np.ndarray:
    return -re.X.T @ (re.LABELS * expit(-re.LABELS * (re.X @ w)))


def consensus_measure(x: Arrays) -> Measures:
    """Σ ∇fᵢ at the mean, and how far apart the blocks are."""
    mean, size = np.mean(x, axis=0), np.linalg.norm(flat(x)) or 1.0
    pull = np.concatenate([A.T @ b for A, b in pr.AGENTS])
    total = sum(A.T @ (A @ mean - b) for A, b in pr.AGENTS)
    return {
        "residual": float(np.linalg.norm(total) / np.linalg.norm(pull)),
        "violation": float(np.linalg.norm(flat(x) - np.tile(mean, 4)) / size),
    }


STRICT: dict[str, Any] = {
    "consensus": consensus_measure,
    "lasso": prox_residual(data_gradient, soft(6.0 / TOP), TOP, DATA),
    "elastic net": prox_residual(
        data_gradient, lambda y: soft(4.0 / TOP)(y) / (1 + 5.0 / TOP), TOP, DATA
    ),
    "non-negative least squares": prox_residual(
        data_gradient, lambda y: np.maximum(y, 0), TOP, DATA
    ),
    "quadratic program in a box": prox_residual(
        lambda x: pr.P @ x + pr.Q,
        lambda y: np.clip(y, -0.5, 0.5),
        np.linalg.norm(pr.P, 2),
        float(np.linalg.norm(pr.Q)),
    ),
    "logistic regression": prox_residual(
        lambda w: 0.5 * w + loss_gradient(w), lambda y: y, STEEP + 0.5, PULL
    ),
    "matrix game": game_residual(eq.PAYOFF),
    "rock, paper, scissors": game_residual(eq.PENNIES),
    "Cournot's oligopoly": affine_residual(eq.COURNOT_M, eq.COURNOT_Q, 0.0, np.inf),
    "Nash game with quadratic costs": affine_residual(
        eq.NASH, 2 * np.concatenate(eq.LINEAR), eq.NASH_LOW, eq.NASH_HIGH
    ),
    "Cournot's duopoly with a shared limit": affine_residual(
        np.array([[2.0, 1, 1], [1, 2, 1], [-1, -1, 0]]),
        np.array([-9.0, -8, eq.LIMIT]),
        0.0,
        np.inf,
    ),
    "linear complementarity": affine_residual(eq.LCP_MATRIX, eq.LCP_RIGHT, 0.0, np.inf),
    "affine variational inequality": affine_residual(eq.VI_MATRIX, eq.VI_RIGHT, -1.0, 1.0),
    "nonlinear variational inequality": prox_residual(
        lambda x: x + x**3 - eq.ROOTS - eq.ROOTS**3,
        lambda y: np.clip(y, -2.0, 1.0),
        13.0,
        float(np.linalg.norm(eq.ROOTS + eq.ROOTS**3)),
    ),
    "sparse logistic regression": prox_residual(loss_gradient, soft(2.0 / STEEP), STEEP, PULL),
}
SIZES = {  # S X, of what has another than |f*| or |f(0)|
    "linear program": lambda x: np.linalg.norm(pr.COST) * np.linalg.norm(x),
    "second-order cone program": lambda x: np.linalg.norm(pr.CONE_COST) * np.linalg.norm(x),
    "optimal transport": lambda x: np.linalg.norm(pr.DISTANCE) * np.linalg.norm(x),
    "optimal transport by marginals": lambda x: np.linalg.norm(pr.DISTANCE) * np.linalg.norm(x),
    "quadratic program": lambda x: np.linalg.norm(pr.Q) * np.linalg.norm(x),
    "quadratic program by its KKT operator": (
        lambda x: np.linalg.norm(pr.Q) * np.linalg.norm(program_answer())
    ),
}
SLOW = {"optimal transport", "isotonic regression", "denoising of a signal by its prox"}
KINDS = {
    "quadratic program by its KKT operator": "xy",
    "Cournot's duopoly with a shared limit": "xxy",
}


def of_collection(problem: Problem) -> Case:
    """A problem of the collection, by the measures of ``STRICT`` or by its own."""
    blocks = KINDS.get(problem.name, "x" * len(problem.x0) * isinstance(problem.x0, tuple))
    if problem.reference is None:
        return Case(problem.name, problem.inclusion, problem.x0, None, blocks=blocks)
    reference = cache(problem.reference)

    at_zero = cache(lambda: float(problem.value(moved(problem.x0, 0.0))))

    def beside(value: float) -> float:
        best = reference()
        if problem.name in SIZES:
            return abs(value - best.value) / float(SIZES[problem.name](best.x))
        if best.value == 0.0:  # what is measured is a residual, or nothing is minimized
            return abs(value)
        return excess(value, best.value, at_zero())

    def measure(x: Arrays) -> Measures:
        return {"value": beside(problem.value(x)), "violation": problem.violation(x)}

    def exact() -> Arrays | None:
        x = reference().x
        return x if x is None or blocks else np.reshape(x, np.shape(problem.x0))

    return Case(
        problem.name,
        problem.inclusion,
        problem.x0,
        STRICT.get(problem.name, measure),
        exact,
        blocks,
        slow=problem.name in SLOW,
    )


# -- linear programs ------------------------------------------------------------------------------

LP_COST, LP_ROW = np.array([1.0, 2.0]), np.ones((1, 2))
LP_SIZES = tuple(10.0**k for k in (-8, -6, -4, -2, 2, 4, 6, 7, 8))


def linear(array: Asarray, cost: Any) -> sk.Operator:
    """⟨c, x⟩, as a Lipschitz gradient."""
    return sk.Affine(0.0 * sk.linear.ScaledIdentity(), array(-np.asarray(cost)))


def budget(array: Asarray) -> sk.Operator:
    """min x₁ + 2x₂ with x₁ + x₂ = 1, 0 ≤ x₁ ≤ 0.4, x₂ ≥ 0."""
    box = f.Box(0.0, array([0.4, np.inf]))
    return linear(array, LP_COST) + minimized(box, f.AffineSet(array(LP_ROW), array([1.0])))


def budget_kkt(array: Asarray) -> sk.Operator:
    return sk.KKT(
        f.Quadratic(array(np.zeros((2, 2))), array(LP_COST)),
        array(LP_ROW),
        array([1.0]),
        G=array([[1.0, 0.0]]),
        h=array([0.4]),
        C=f.NonNegative(),
    )


def lp_measure(cost: Any, A: Any, b: Any, lower: Any, upper: Any, value: float) -> Any:
    """Value and violation of ⟨c, x⟩, Ax = b, lower ≤ x ≤ upper."""
    cost = np.asarray(cost)

    def measure(x: np.ndarray) -> Measures:
        size = np.linalg.norm(cost) * max(np.linalg.norm(x), 1.0)
        return {
            "value": abs(cost @ x - value) / size,
            "violation": max(unequal(A @ x, b), outside(x, lower, upper)),
        }

    return measure


def allocation(array: Asarray) -> sk.Operator:
    """Returns over the simplex, at most 0.4 of each."""
    return linear(array, -GAINS) + minimized(f.Simplex(), f.Box(0.0, 0.4))


GAINS = np.array([0.3, 1.0, 0.7, -0.2, 0.5])
ALLOCATED = np.array([0.0, 0.4, 0.4, 0.0, 0.2])
RISK = np.diag([1.0, 2.0, 0.5, 1.5, 1.0]) + 0.2


def spread(array: Asarray) -> sk.Operator:
    return minimized(f.Quadratic(array(RISK), array(-GAINS)), f.Simplex())


def spread_solution() -> np.ndarray:
    return eq.on_simplices(RISK, -GAINS, [(5, 1.0)])


# -- rows that never bind -------------------------------------------------------------------------

# Hock-Schittkowski 51: (x₁ − x₂)² + (x₂ + x₃ − 2)² + (x₄ − 1)² + (x₅ − 1)²
HS_ROWS = np.array([[1.0, -1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]])
HS_DATA = np.array([0.0, 2.0, 1.0, 1.0])
HS_A = np.array([[1.0, 3, 0, 0, 0], [0, 0, 1, 1, -2], [0, 1, 0, 0, -1]])
HS_B = np.array([4.0, 0.0, 0.0])


def hs51(limit: float | None) -> Callable[[Asarray], sk.Operator]:
    def inclusion(array: Asarray) -> sk.Operator:
        quadratic = f.Quadratic(array(2 * HS_ROWS.T @ HS_ROWS), array(-2 * HS_ROWS.T @ HS_DATA))
        more = {} if limit is None else {"G": array(np.eye(5)[:1]), "h": array([limit])}
        return sk.KKT(quadratic, array(HS_A), array(HS_B), **more)

    return inclusion


def hs_measure(z: Arrays) -> Measures:
    """Strongly convex on the equations, all data about 1: the distance in x."""
    return {
        "distance": float(np.linalg.norm(z[0] - 1) / np.sqrt(5)),
        "violation": unequal(HS_A @ z[0], HS_B),
    }


def none_bounds(array: Asarray) -> sk.Operator:
    """½xᵀPx − ⟨q, x⟩, of least value −6 at (2, 2, 0), with bounds of ±1e20 for none."""
    return minimized(
        f.Quadratic(array(np.diag([1.0, 2.0, 4.0])), array([-2.0, -4.0, 0.0])), f.Box(-1e20, 1e20)
    )


def none_rows(array: Asarray) -> sk.Operator:
    eye = np.eye(3)
    return sk.KKT(
        f.Quadratic(array(np.diag([1.0, 2.0, 4.0])), array([-2.0, -4.0, 0.0])),
        G=array(np.vstack([eye, -eye])),
        h=array(np.full(6, 1e20)),
    )


def duopoly(limit: float) -> Callable[[Asarray], sk.Operator]:
    def inclusion(array: Asarray) -> sk.Operator:
        one = array([[1.0]])
        F = sk.PseudoGradient.quadratic(
            [[2.0 * one, one], [one, 2.0 * one]], [array([-9.0]), array([-8.0])]
        )
        return sk.GeneralizedNashGame(F, [f.NonNegative()] * 2, [one, one], array([limit]))

    return inclusion


def half_box(array: Asarray) -> sk.Operator:
    """The affine variational inequality of the collection, on x ≥ −1."""
    return sk.VI(sk.Affine(array(eq.VI_MATRIX), array(-eq.VI_RIGHT)), f.Box(-1.0, 1e20))


# -- a row, a column, a variable in units of its own ----------------------------------------------

OWN = np.array([1e4, 1, 1, 1e-3, 1, 1, 1.0])


def lcp_own(array: Asarray) -> sk.Operator:
    return sk.LCP(array(eq.LCP_MATRIX / np.outer(OWN, OWN)), array(eq.LCP_RIGHT / OWN))


def lcp_measure(x: np.ndarray) -> Measures:
    x = x / OWN
    w = eq.LCP_MATRIX @ x + eq.LCP_RIGHT
    return {"residual": float(np.linalg.norm(np.minimum(x, w)) / np.linalg.norm(eq.LCP_RIGHT))}


ROW_UNITS = np.array([1.0, 1e6, 1.0]), np.array([1.0, 1, 1e-4, 1, 1, 1])


def rows_own(array: Asarray) -> sk.Operator:
    e, g = ROW_UNITS
    return sk.KKT(
        f.Quadratic(array(pr.P), array(pr.Q)),
        array(e[:, None] * pr.E),
        array(e * pr.D),
        G=array(g[:, None] * pr.G),
        h=array(g * pr.H),
    )


def program_measure(z: Arrays) -> Measures:
    x, best = z[0], program_answer()
    size = np.linalg.norm(pr.Q) * np.linalg.norm(best)
    return {
        "value": abs(pr.quadratic(x) - pr.quadratic(best)) / size,
        "violation": pr.beyond_rows(x),
    }


@cache
def program_answer() -> np.ndarray:
    return pr.rows_reference().x


def tall(array: Asarray) -> sk.Operator:
    """½‖A(x − 1)‖² + 1e-9‖x‖₁ with A = diag(1e4, 1)."""
    A = array(np.diag([1e4, 1.0]))
    return minimized(f.SquaredL2(center=A @ array([1.0, 1.0])) @ A, f.L1Norm(1e-9))


TURN_ROWS = np.array([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5


def turned(array: Asarray) -> sk.Operator:
    """The same in rows that all have the large column."""
    A = array(TURN_ROWS @ np.diag([1e4, 1.0]))
    return minimized(f.SquaredL2(center=A @ array([1.0, 1.0])) @ A, f.L1Norm(1e-9))


COLUMNS = np.where(np.arange(12) == 0, 1e4, 1.0)


def lasso_own(array: Asarray) -> sk.Operator:
    """The lasso of the collection, with a column in other units."""
    return minimized(
        f.LeastSquares(array(re.A * COLUMNS), array(re.B)), f.L1Norm(array(6.0 * COLUMNS))
    )


def lasso_own_measure(x: np.ndarray) -> Measures:
    found: Measures = STRICT["lasso"](x * COLUMNS)
    return found


@cache
def cancer() -> tuple[np.ndarray, np.ndarray]:
    """The raw breast-cancer data, labels −1 and 1."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return X, 2.0 * y - 1


def ridge(array: Asarray) -> sk.Operator:
    X, y = cancer()
    return minimized(f.SquaredL2(), f.Logistic(array(y)) @ array(X))


def ridge_value(w: np.ndarray) -> float:
    X, y = cancer()
    return float(0.5 * w @ w + np.logaddexp(0, -y * (X @ w)).sum())


@cache
def ridge_answer() -> np.ndarray:
    """By Newton's method with halving."""
    X, y = cancer()
    w = np.zeros(30)
    for _ in range(200):
        s = expit(-y * (X @ w))
        gradient = w - X.T @ (y * s)
        step = np.linalg.solve(np.eye(30) + X.T @ ((s * (1 - s))[:, None] * X), gradient)
        size = 1.0
        while ridge_value(w - size * step) > ridge_value(w) and size > 1e-10:
            size /= 2
        w = w - size * step
    return w


def ridge_measure(w: np.ndarray) -> Measures:
    return {"value": excess(ridge_value(w), ridge_value(ridge_answer()), ridge_value(0 * w))}


# -- sparse logistic regressions ------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SparseLogistic:
    """Σ log(1 + exp(−(Aw − b))) + λ‖w‖₁: the gradient, the measure and the solution."""

    A: np.ndarray
    b: np.ndarray
    weight: float

    @cached_property
    def L(self) -> float:
        return float(np.linalg.norm(self.A, 2) ** 2 / 4)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        return -self.A.T @ expit(self.b - self.A @ w)

    def value(self, w: np.ndarray) -> float:
        return float(np.logaddexp(0, self.b - self.A @ w).sum() + self.weight * np.abs(w).sum())

    def measure(self, w: np.ndarray) -> Measures:
        S = float(np.linalg.norm(np.abs(self.A).sum(axis=0)) / 2)
        return {
            **prox_residual(self.gradient, soft(self.weight / self.L), self.L, S)(w),
            "value": excess(self.value(w), self.value(self.answer()), self.value(0 * w)),
        }

    @cache  # noqa: B019 (as long-lived as the cases)
    def answer(self) -> np.ndarray:
        """By L-BFGS-B on w = u − v, u, v ≥ 0, then Newton's method on the support."""
        from scipy.optimize import minimize

        n = self.A.shape[1]

        def split(z: np.ndarray) -> tuple[float, np.ndarray]:
            w = z[:n] - z[n:]
            g = self.gradient(w)
            smooth = np.logaddexp(0, self.b - self.A @ w).sum()
            return smooth + self.weight * z.sum(), np.r_[g + self.weight, self.weight - g]

        options = {"maxiter": 20_000, "maxfun": 10**6, "ftol": 1e-16, "gtol": 1e-10}
        start = np.zeros(2 * n)
        bounds = [(0, None)] * (2 * n)
        z = minimize(split, start, jac=True, bounds=bounds, method="L-BFGS-B", options=options).x
        w = z[:n] - z[n:]
        on = np.abs(w) > 1e-7 * np.abs(w).max()
        polished = np.where(on, w, 0.0)
        for _ in range(20):
            p = expit(self.b - self.A @ polished)
            gradient = self.gradient(polished)[on] + self.weight * np.sign(polished[on])
            B = self.A[:, on]
            step = np.linalg.lstsq(B.T @ ((p * (1 - p))[:, None] * B), gradient, rcond=1e-13)[0]
            polished[on] -= step
        kept = np.all(np.sign(polished) == np.sign(np.where(on, w, 0.0)))
        return polished if kept and self.value(polished) <= self.value(w) else w

    def case(self, name: str, **options: Any) -> Case:
        def inclusion(array: Asarray) -> sk.Operator:
            loss = f.Logistic().translate(array(self.b)) @ array(self.A)
            return minimized(loss, f.L1Norm(self.weight))

        x0 = options.pop("x0", np.zeros(self.A.shape[1]))
        return Case(name, inclusion, x0, self.measure, self.answer, **options)


SMALL = SparseLogistic(
    np.array([[1.0, -2, 3, -4, 5], [2, -1, 0, -1, 3], [-1, 0, 4, -3, 2], [-1, -1, -1, 1, 3]]),
    np.array([1.0, 2, 3, 4]),
    0.1,
)


@cache
def scaled_cancer() -> SparseLogistic:
    X, y = cancer()
    return SparseLogistic(y[:, None] * (X - X.mean(axis=0)) / X.std(axis=0), np.zeros(len(y)), 0.1)


# -- others ---------------------------------------------------------------------------------------

PRECISION = np.array([[2.0, -0.7, 0.0], [-0.7, 1.5, 0.4], [0.0, 0.4, 1.0]])
SIZE = np.linalg.norm(PRECISION)
PENALTY = 0.1
SIGNS = np.sign(PRECISION) + 0.3 * (PRECISION == 0)
COVARIANCE = np.linalg.inv(PRECISION) - PENALTY * SIGNS  # so that PRECISION is the solution


def graphical_lasso(array: Asarray) -> sk.Operator:
    """⟨C, X⟩ − log det X + λ‖X‖₁."""
    return linear(array, COVARIANCE) + minimized(f.NegativeLogDet(), f.L1Norm(PENALTY))


TARGET = np.array([1.8, 0.5, 3.5])
SIDE = np.array([2.0, -3.0, 0.5])


def exponential(array: Asarray) -> sk.Operator:
    """eˣ − q on the unit box."""
    q = array(TARGET)

    def F(x: Any) -> Any:
        return np.exp(np.minimum(x, x.dtype.type(80.0))) - q

    return sk.VI(sk.Operator.from_callable(F, monotone=True, name="eˣ − q"), f.Box(0.0, 1.0))


def huber(array: Asarray) -> sk.Operator:
    return minimized(f.Huber().translate(array(SIDE)), f.NonNegative())


rng = np.random.default_rng(15)
TURN = rng.normal(size=(4, 4))
BALL_MATRIX, BALL_RIGHT = np.eye(4) + TURN - TURN.T, 3 * rng.normal(size=4)


def on_ball(array: Asarray) -> sk.Operator:
    return sk.VI(sk.Affine(array(BALL_MATRIX), array(BALL_RIGHT)), f.L2Ball(1.0))


def ball_answer() -> np.ndarray:
    """Mx − q + λx = 0 with ‖x‖ = 1."""

    def x(level: float) -> np.ndarray:
        return np.linalg.solve(BALL_MATRIX + level * np.eye(4), BALL_RIGHT)

    return x(brentq(lambda level: np.linalg.norm(x(level)) - 1, 0.0, 1e3, xtol=1e-14))


def empty_rows(array: Asarray) -> sk.Operator:
    """x ≥ 0, x₁ + x₂ = −1, by its KKT operator."""
    return sk.KKT(f.SquaredL2(), array([[1.0, 1.0]]), array([-1.0]), C=f.NonNegative())


def endless_ray(array: Asarray) -> sk.Operator:
    """−x₁ on x₁ = x₂ ≥ 0."""
    rows = f.AffineSet(array([[1.0, -1.0]]), array([0.0]))
    return linear(array, [-1.0, 0.0]) + minimized(f.NonNegative(), rows)


TWO, ZERO7 = np.zeros(2), np.zeros(7)
LP = lp_measure(LP_COST, LP_ROW, np.ones(1), 0.0, np.array([0.4, np.inf]), 1.6)
ALLOCATION = lp_measure(-GAINS, np.ones((1, 5)), np.ones(1), 0.0, 0.4, float(-GAINS @ ALLOCATED))
BEST = np.array([0.4, 0.6])
IN_LP = ((1e6, 1e-3), *((s, 1.0) for s in LP_SIZES))
COST_UNITS = tuple((1.0, 10.0**k) for k in (-9, -4, 2, 3, 6, 8, 12))
HS0 = (np.zeros(5), np.zeros(4))
FAR = 1e9


def handmade() -> list[Case]:
    """Those that are no random ones."""
    cases = [
        Case("LP with a budget", budget, TWO, LP, lambda: BEST, pairs=IN_LP),
        Case("LP with a budget by its KKT operator", budget_kkt, (TWO, TWO),
             lambda z: LP(z[0]), blocks="xy", pairs=IN_LP),
        Case("LP over the capped simplex", allocation, np.full(5, 0.2), ALLOCATION,
             lambda: ALLOCATED, pairs=COST_UNITS, tols=(None, 1e-3, 1e-4)),
        sharp("budget over the simplex", spread, np.full(5, 0.2), spread_solution,
              pairs=((1e6, 4e-4), (1e6, 1.0), (1e-6, 1.0))),
        Case("HS51", hs51(None), (np.zeros(5), np.zeros(3)), hs_measure, blocks="xy"),
        *(Case(f"HS51 with x₁ ≤ {H:g}", hs51(H), HS0, hs_measure, blocks="xy", pairs=(),
               single=()) for H in (1e2, 1e6, 1e8, 1e20)),
        sharp("bounds of ±1e20", none_bounds, np.zeros(3), lambda: np.array([2.0, 2.0, 0.0])),
        Case("rows of 1e20", none_rows, (np.zeros(3), np.zeros(6)),
             lambda z: {"distance": float(np.linalg.norm(z[0] - [2, 2, 0]) / 8**0.5)},
             blocks="xy", single=()),
        *(Case(f"duopoly with a shared limit of {H:g}", duopoly(H), (np.zeros(1),) * 3,
               lambda z: {"distance": float(np.linalg.norm(flat(z[:2]) - [10 / 3, 7 / 3]) / 4)},
               blocks="xxy", pairs=(), single=()) for H in (1e2, 1e8)),
        Case("VI on a box with sides of 1e20", half_box, np.zeros(6),
             affine_residual(eq.VI_MATRIX, eq.VI_RIGHT, -1.0, np.inf),
             lambda: eq.in_box(eq.VI_MATRIX, eq.VI_RIGHT, -np.ones(6), np.full(6, np.inf))),
        Case("LCP with variables in units of their own", lcp_own, ZERO7, lcp_measure,
             lambda: eq.lcp_reference().x * OWN, pairs=(), single=()),
        Case("QP by KKT, rows in units of their own", rows_own, (np.zeros(10), np.zeros(9)),
             program_measure, blocks="xy", pairs=(), single=()),
        sharp("lasso of diag(1e4, 1)", tall, TWO, lambda: np.array([1 - 1e-17, 1 - 1e-9]),
              pairs=(), single=()),
        sharp("lasso of diag(1e4, 1) in turned rows", turned, TWO, lambda: np.ones(2),
              pairs=(), single=()),
        Case("lasso with a column in units of its own", lasso_own, np.zeros(12),
             lasso_own_measure, lambda: re.lasso_reference().x / COLUMNS, pairs=(), single=()),
        Case("ridge-logistic regression on raw data", ridge, np.zeros(30), ridge_measure,
             ridge_answer, pairs=(), single=()),
        Case("sparse logistic regression from 1e4", re.sparse_logistic, np.full(5, 1e4),
             STRICT["sparse logistic regression"], lambda: re.sparse_logistic_reference().x,
             pairs=((1e4, 1.0),), single=()),
        SMALL.case("small sparse logistic regression", tols=(None, 1e-3, 1e-4)),
        scaled_cancer().case("sparse logistic regression on scaled data", pairs=(), single=()),
        Case("graphical lasso", graphical_lasso, np.eye(3),
             lambda X: {"distance": float(np.linalg.norm(X - PRECISION) / SIZE)},
             lambda: PRECISION, pairs=((1e4, 1e-4), (1e-4, 1e4), (1.0, 1e-8))),
        sharp("eˣ − q on a box from 20", exponential, np.full(3, 20.0),
              lambda: np.clip(np.log(TARGET), 0, 1), pairs=((1e4, 1.0), (1.0, 1e-4)), single=()),
        sharp("Huber and the orthant from 1e9", huber, np.full(3, FAR),
              lambda: np.maximum(SIDE, 0), pairs=((1e4, 1.0), (1.0, 1e-8)), single=()),
        sharp("affine VI on a ball", on_ball, np.zeros(4), ball_answer,
              single=((1.0, 1e-8), (1.0, 1e8), (1e4, 1e-4))),
        Case("no point of the orthant in the rows", empty_rows, (TWO, np.zeros(1)), None,
             blocks="xy"),
        Case("a ray of decrease", endless_ray, TWO, None),
    ]  # fmt: skip
    extremes = ((1e-24, 1e-24), (1e18, 1e18), (1e-15, 1e-15))
    by_name = {problem.name: problem for problem in PROBLEMS}
    for name in ("non-negative least squares", "quadratic program in a box"):
        case = of_collection(by_name[name])
        cases.append(
            replace(
                case,
                name=f"{name}, at the ends of float32",
                pairs=(),
                single=extremes,
                tols=(None,),
            )
        )
    return cases


# -- random ones ----------------------------------------------------------------------------------


def random_cases(seed: int) -> list[Case]:
    """A logistic, hinge, least-absolute-deviations and linear problem, and a game."""
    rng = np.random.default_rng([16, seed])
    A, b = rng.normal(size=(6, 4)), rng.normal(size=6)
    pairs: tuple[Pair, ...] = ((1e6, 1.0), (1.0, 1e-6))
    common: dict[str, Any] = {"pairs": pairs, "single": (), "tols": (None, 1e-3, 1e-4)}
    logistic = SparseLogistic(A, b, 0.2).case(f"random logistic {seed}", **common)
    ones, free = np.ones(6), [(None, None)]

    def hinge(array: Asarray) -> sk.Operator:
        return minimized(f.Hinge() @ array(A), f.L1Norm(0.3))

    def hinge_value(x: np.ndarray) -> float:
        return float(np.maximum(1 - A @ x, 0).sum() + 0.3 * np.abs(x).sum())

    # x = u − v and the slacks
    cost = np.r_[np.full(8, 0.3), ones]
    least_hinge = linprog(cost, A_ub=np.c_[-A, A, -np.eye(6)], b_ub=-ones).fun

    def absolute(array: Asarray) -> sk.Operator:
        return minimized(f.L1Norm().translate(array(b)) @ array(A))

    def absolute_value(x: np.ndarray) -> float:
        return float(np.abs(A @ x - b).sum())

    rows = np.block([[A, -np.eye(6)], [-A, -np.eye(6)]])
    least_absolute = linprog(
        np.r_[np.zeros(4), ones], A_ub=rows, b_ub=np.r_[b, -b], bounds=free * 10
    ).fun
    M = rng.normal(size=(2, 5))
    right = M @ rng.uniform(0.2, 1.0, 5)
    c = M.T @ rng.normal(size=2) + rng.uniform(0.1, 1.0, 5)

    def program(array: Asarray) -> sk.Operator:
        return linear(array, c) + minimized(f.NonNegative(), f.AffineSet(array(M), array(right)))

    best = linprog(c, A_eq=M, b_eq=right)
    K = rng.normal(size=(4, 3))
    third, quarter = np.full(3, 1 / 3), np.full(4, 1 / 4)
    return [
        logistic,
        Case(f"random hinge {seed}", hinge, np.zeros(4),
             lambda x: {"value": excess(hinge_value(x), least_hinge, 6.0)}, **common),
        Case(f"random absolute deviations {seed}", absolute, np.zeros(4),
             lambda x: {"value": excess(absolute_value(x), least_absolute, absolute_value(0 * x))},
             **common),
        Case(f"random LP {seed}", program, np.zeros(5),
             lp_measure(c, M, right, 0.0, np.inf, best.fun), lambda: best.x, **common),
        Case(f"random game {seed}", lambda array: sk.MatrixGame(array(K)), (third, quarter),
             game_residual(K), blocks="xx", **common),
    ]  # fmt: skip


def cases(seeds: int = 1) -> Iterator[Case]:
    """All of them."""
    yield from map(of_collection, PROBLEMS)
    yield from handmade()
    for seed in range(seeds):
        yield from random_cases(seed)
