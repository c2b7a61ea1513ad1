"""What a user writes, as type checkers see it: they accept it, and refuse what is marked.

``warn_unused_ignores`` of mypy, and pyright's ``reportUnnecessaryTypeIgnoreComment``, make a mark
an error where nothing is refused.
"""

from typing import Any, assert_type

import numpy as np

import splitkit as sk
import splitkit_nn as sknn
from splitkit.problems import QP
from splitkit.solvers import Comparison, Guarantee, Plan

F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.ones(2))
G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
x0 = np.zeros(2)

solution = sk.solve(F + G, x0, sk.Tseng(), tol=1e-8, max_iter=1_000, on_failure="return")
assert_type(solution, sk.Solution)
assert_type(solution.converged, bool)
assert_type(sk.plan(F + G, x0), Plan)
assert_type(sk.explain(F + G), sk.Explanation)
assert_type(sk.compare(F + G, x0), Comparison)
assert_type(sk.Tseng().guarantee(F, G), Guarantee)
assert_type((F + G).strong_monotonicity, float | None)
inclusion: sk.Operator = 0.5 * F + G.resolvent(1.0) @ sk.Identity()
f = sk.functions.SquaredL2() + sk.functions.L1Norm(0.1)
assert_type(sk.minimize(f, x0), sk.Solution)
assert_type(QP(np.eye(2), np.ones(2), bounds=(0.0, 1.0)).solve().converged, bool)
assert_type(sk.prove(sk.Identity() - 0.25 * F).holds, bool)


class Cubic(sk.Operator):
    """x ↦ x³."""

    # pyright takes what is a property in the base for nothing else, mypy for an attribute too
    properties = sk.Properties.of(monotone=True, maximal=True)  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __call__(self, x: Any) -> Any:
        return x**3


class Energy(sk.functions.Function):
    """½‖x‖²."""

    strong_convexity = smoothness = 1.0

    def __call__(self, x: Any) -> Any:
        return (x**2).sum() / 2

    def prox(self, x: Any, alpha: Any = 1.0) -> Any:
        return x / (1 + alpha)


layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8, m=0.5), "relu", tol=1e-4)

sk.solve(F + G, x0, "Tseng")  # type: ignore[arg-type]
sk.solve(F + G, x0, tolerance=1e-8)  # type: ignore[call-arg]
sk.solve(F + G, x0, on_failure="ignore")  # type: ignore[arg-type]
sk.NormalCone(F)  # type: ignore[arg-type]
sknn.certify(layer, "x")  # type: ignore[arg-type]
sknn.MonotoneDense(4)  # type: ignore[call-arg]
