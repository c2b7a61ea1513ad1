"""Inclusions 0 ∈ F(x) + ∂h₁(x − v₁) + … + Lᵀ∂g(Lx − w) + …, a term for each role of a method, and
their solution x*.

A term takes its element at x* from a resolvent: for any y and z = prox_h(y), y − z ∈ ∂h(z), which
is ∂h(x* − v) for v = x* − z. F is affine, strongly monotone, and cancels these elements.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from splitkit import functions, linear
from splitkit.backend import Array
from splitkit.functions.base import Function
from splitkit.functions.subdifferential import Subdifferential
from splitkit.operators.base import Operator
from splitkit.operators.identity import Zero
from splitkit.solvers.method import Method
from splitkit.solvers.terms import Role
from splitkit.testing.strategies import KnownInclusion, orthogonal, rotation

AsArray = Callable[[Any], Array]

SIZE = 4  # entries of a point
ROWS = 3  # of L
MATRICES = ("gradient", "rotation")
AT_REST = tuple(f"{kind} with F(x*) = 0" for kind in MATRICES)
MANY = 4  # terms for a method that takes any number


def inclusion_for(
    method: Method, kind: str, seed: int, asarray: AsArray, unit: float = 1.0
) -> KnownInclusion:
    """An inclusion of terms for the method's roles, F of this kind with m = 1/2. Where F(x*) = 0,
    so is every term's element: a residual is then small beside x*, and beside nothing else.

    With a unit s, that of terms sA(x/s), which sx* solves; steps have no unit.
    """
    rng = np.random.default_rng(seed)
    spread = 2.0 if kind in MATRICES else 0.0
    composed = method.roles.count(Role.COMPOSED)
    count = MANY if method.many else len(method.roles)
    x = rng.standard_normal(SIZE)
    terms, elements = [], np.zeros(SIZE)
    for k in range(count - 1):
        L = rng.standard_normal((ROWS, SIZE)) if k < composed else None
        A, element = known_term(rng, x, L, asarray, spread, unit)
        terms.append(A)
        elements = elements + element
    m, bound = 0.5, float(rng.choice([0.8, 2.0]))
    M = known_matrix(rng, kind, m, bound)
    q = asarray(unit * (M @ x + elements))
    F = linear.Affine(asarray(M), q, strong_monotonicity=m, lipschitz=bound)
    return KnownInclusion(F, reduce(add, terms) if terms else Zero(), asarray(unit * x))


def known_term(
    rng: Any, x: Any, L: Any, asarray: AsArray, spread: float = 2.0, unit: float = 1.0
) -> tuple[Operator, Any]:
    """∂h(· − v), or Lᵀ∂h(L· − v), in a unit, and an element of it at x, 0 if there is no spread."""
    h: Function = some_function(rng)
    at = x if L is None else L @ x
    y = spread * rng.standard_normal(at.shape)
    z = h.prox(y, 1.0)
    f = h.translate(asarray(at - z))
    A = Subdifferential(f if unit == 1 else unit**2 * functions.Rescaled(f, 1 / unit))
    return (A, y - z) if L is None else (A.pullback(linear.DenseMatrix(asarray(L))), L.T @ (y - z))


def some_function(rng: Any) -> Function:
    """A norm, a set, or a smooth function."""
    k = int(rng.integers(3))
    return (functions.L1Norm(0.5), functions.Box(-1.0, 1.0), functions.Huber(0.7))[k]


def known_matrix(rng: Any, kind: str, m: float, L: float) -> Any:
    """A matrix with λ_min of its symmetric part m and norm L; symmetric if it is a gradient."""
    Q = orthogonal(rng, SIZE)
    if kind.startswith("rotation"):
        return Q @ rotation(SIZE, m, L) @ Q.T
    M = Q @ np.diag(np.linspace(m, L, SIZE)) @ Q.T
    return (M + M.T) / 2
