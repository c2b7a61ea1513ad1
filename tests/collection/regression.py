"""Regression and classification, against scikit-learn, SciPy, HiGHS and Clarabel."""

import numpy as np
from scipy.optimize import isotonic_regression, linprog, nnls
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, MultiTaskLasso

from splitkit import functions as f
from tests.collection.conic import conic
from tests.collection.problem import Problem, Reference, minimized, outside, unequal

rng = np.random.default_rng(11)
A = rng.normal(size=(30, 12))
TRUTH = np.where(np.arange(12) % 3 == 0, rng.normal(size=12), 0.0)
B = A @ TRUTH + 0.3 * rng.normal(size=30)
TASKS = np.stack([A @ np.roll(TRUTH, shift) for shift in (0, 3, 6)]) + rng.normal(size=(3, 30))
WIDE = rng.normal(size=(12, 30))
SPARSE = np.zeros(30)
SPARSE[[3, 11, 24]] = [1.5, -2.0, 1.0]
EXACT = WIDE @ SPARSE
NOISY = np.sort(rng.normal(size=25)) + 0.7 * rng.normal(size=25)
X = rng.normal(size=(40, 5))
LABELS = np.sign(X @ np.array([1.0, -2.0, 0.5, 0.0, 1.0]) + 0.8 * rng.normal(size=40))
OUTLIERS = B + np.where(np.arange(30) % 7 == 0, 8.0, 0.0)
EXACTLY = {"fit_intercept": False, "tol": 1e-14, "max_iter": 100_000}


def squares(x):
    return 0.5 * np.sum((A @ x - B) ** 2)


def found(value, x, *, unique=True):
    return Reference(float(value(x)), x if unique else None)


def data(array):
    return f.LeastSquares(array(A), array(B))


# -- penalties ------------------------------------------------------------------------------------


def lasso_value(x):
    return squares(x) + 6.0 * np.abs(x).sum()


def lasso_reference():
    return found(lasso_value, Lasso(6.0 / 30, **EXACTLY).fit(A, B).coef_)


def net_value(x):
    return squares(x) + 4.0 * np.abs(x).sum() + 2.5 * np.sum(x**2)


def net_reference():
    model = ElasticNet(9.0 / 30, l1_ratio=4 / 9, **EXACTLY)
    return found(net_value, model.fit(A, B).coef_)


def group_value(x):
    return 0.5 * np.sum((x @ A.T - TASKS) ** 2) + 12.0 * np.linalg.norm(x, axis=0).sum()


def group_reference():
    return found(group_value, MultiTaskLasso(12.0 / 30, **EXACTLY).fit(A, TASKS.T).coef_)


def group_lasso(array):
    return minimized(f.LeastSquares(array(A), array(TASKS)), f.GroupL2Norm(12.0, axis=-2))


# -- under constraints ----------------------------------------------------------------------------


def l1(x):
    return np.abs(x).sum()


def pursuit_reference():
    both = linprog(np.ones(60), A_eq=np.hstack([WIDE, -WIDE]), b_eq=EXACT)
    return found(l1, both.x[:30] - both.x[30:])


def basis_pursuit(array):
    return minimized(f.L1Norm(), f.AffineSet(array(WIDE), array(EXACT)))


def nnls_reference():
    return found(squares, nnls(A, B)[0])


def isotonic_value(x):
    return 0.5 * np.sum((x - NOISY) ** 2)


def isotonic_reference():
    return found(isotonic_value, isotonic_regression(NOISY).x)


def disorder(x):
    return outside(np.diff(x), 0, np.inf)


# -- losses of margins and of residuals -----------------------------------------------------------


def svm_value(w):
    return 0.5 * w @ w + 0.7 * np.maximum(1 - LABELS * (X @ w), 0).sum()


def svm_reference():
    # w and the slacks
    P = np.diag(np.concatenate([np.ones(5), np.zeros(40)]))
    q = np.concatenate([np.zeros(5), np.full(40, 0.7)])
    margins = np.hstack([-LABELS[:, None] * X, -np.eye(40)])
    slacks = np.hstack([np.zeros((40, 5)), -np.eye(40)])
    w = conic(P, q, [(margins, -np.ones(40), "<"), (slacks, np.zeros(40), "<")])[:5]
    return found(svm_value, w)


def svm(array):
    return minimized(f.SquaredL2(), f.Hinge(array(LABELS), 0.7) @ array(X))


def logistic_value(w):
    return 0.25 * w @ w + np.logaddexp(0, -LABELS * (X @ w)).sum()


def logistic_reference():
    model = LogisticRegression(C=2.0, solver="newton-cholesky", **EXACTLY)
    return found(logistic_value, model.fit(X, LABELS).coef_[0])


def logistic(array):
    return minimized(f.SquaredL2(0.5), f.Logistic(array(LABELS)) @ array(X))


def sparse_logistic_value(w):
    return 2.0 * np.abs(w).sum() + np.logaddexp(0, -LABELS * (X @ w)).sum()


def sparse_logistic_reference():
    """By two-sided variables and L-BFGS-B with bounds, then Newton's method on the support."""
    from scipy.optimize import minimize

    def split(z):
        w = z[:5] - z[5:]
        s = 1 / (1 + np.exp(LABELS * (X @ w)))
        g = -X.T @ (LABELS * s)
        return sparse_logistic_value(w) + 2 * (z.sum() - np.abs(w).sum()), np.r_[g + 2, 2 - g]

    z = minimize(split, np.zeros(10), jac=True, bounds=[(0, None)] * 10, tol=1e-15).x
    w = z[:5] - z[5:]
    on = np.abs(w) > 1e-6
    w[~on] = 0
    for _ in range(5):
        s = 1 / (1 + np.exp(LABELS * (X @ w)))
        gradient = -X[:, on].T @ (LABELS * s) + 2.0 * np.sign(w[on])
        hessian = X[:, on].T @ ((s * (1 - s))[:, None] * X[:, on])
        w[on] -= np.linalg.solve(hessian, gradient)
    return found(sparse_logistic_value, w)


def sparse_logistic(array):
    return minimized(f.L1Norm(2.0), f.Logistic(array(LABELS)) @ array(X))


def absolute_value(x):
    return np.abs(A @ x - OUTLIERS).sum()


def absolute_reference():
    # x and the bounds of the residuals
    rows = np.block([[A, -np.eye(30)], [-A, -np.eye(30)]])
    cost = np.concatenate([np.zeros(12), np.ones(30)])
    free = [(None, None)] * 42
    best = linprog(cost, A_ub=rows, b_ub=np.concatenate([OUTLIERS, -OUTLIERS]), bounds=free)
    return found(absolute_value, best.x[:12])


def least_absolute(array):
    return minimized(f.L1Norm().translate(array(OUTLIERS)) @ array(A))


ZERO = np.zeros(12)
PROBLEMS = [
    Problem("lasso", lambda a: minimized(data(a), f.L1Norm(6.0)), ZERO, lasso_value,
            lasso_reference),
    Problem("elastic net", lambda a: minimized(data(a), f.ElasticNet(4.0, 5.0)), ZERO, net_value,
            net_reference),
    Problem("group lasso", group_lasso, np.zeros((3, 12)), group_value, group_reference),
    Problem("basis pursuit", basis_pursuit, np.zeros(30), l1, pursuit_reference,
            lambda x: unequal(WIDE @ x, EXACT)),
    Problem("non-negative least squares", lambda a: minimized(data(a), f.NonNegative()), ZERO,
            squares, nnls_reference, lambda x: outside(x, 0, np.inf)),
    Problem("isotonic regression",
            lambda a: minimized(f.SquaredL2(center=a(NOISY)), f.Isotonic()),
            np.zeros(25), isotonic_value, isotonic_reference, disorder),
    Problem("support vector machine", svm, np.zeros(5), svm_value, svm_reference),
    Problem("logistic regression", logistic, np.zeros(5), logistic_value, logistic_reference),
    Problem("sparse logistic regression", sparse_logistic, np.zeros(5), sparse_logistic_value,
            sparse_logistic_reference),
    Problem("least absolute deviations", least_absolute, ZERO, absolute_value,
            absolute_reference),
]  # fmt: skip
