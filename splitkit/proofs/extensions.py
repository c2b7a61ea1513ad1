"""Operators of a class through given points of their graph, defined everywhere.

Of functions.  The convex ones whose gradients are gᵢ at xᵢ, with values fᵢ, and L-Lipschitz: the
greatest is the convex envelope of the parabolas fᵢ + ⟨gᵢ, x − xᵢ⟩ + L/2‖x − xᵢ‖²,

    h(x) = min over weights λ of  L/2‖x − Σλᵢyᵢ‖² + Σλᵢcᵢ,   yᵢ = xᵢ − gᵢ/L,  cᵢ = fᵢ − ‖gᵢ‖²/2L,

and for L = ∞ the least is the greatest of its tangents. m/2‖x‖² is added to either.

Of one form.  With z the argument and w the value of A, or of its resolvent, the form reads
‖n − n′‖ ≤ k‖z − z′‖ for n = w − hz. A k-Lipschitz N through all (zᵢ, nᵢ), for k = 1, is

    N(z) = Σλᵢnᵢ  for the weights with the least  ‖z − ½Σλᵢzᵢ‖² + ¼‖Σλᵢnᵢ‖² + ¼Σλᵢ(‖zᵢ‖² − ‖nᵢ‖²).

Both are piecewise linear. Whether or not the points are those of a member, to the last digit, these
are members.

Source: Azagra, Le Gruyer, Mudarra, *Kirszbraun's theorem via an explicit formula* (2021); Azagra,
Mudarra, *Whitney extension theorems for convex functions* (2017).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from splitkit.backend import Point, Scalar
from splitkit.operators.base import Operator, PointMap
from splitkit.proofs.program import load_clarabel
from splitkit.properties import Form, Properties

ACCURACY = 1e-13  # of the weights
SUPPORT = 1e-6  # weights below it are 0
ROOT = 2**0.5
STEPS = 2000  # of the iteration for a resolvent at another step
SETTLED = 1e-13  # what it ends at, relative


class ThroughPoints(Operator):
    """An operator through points (xᵢ, uᵢ), the rows of two arrays."""

    def __init__(self, x: Any, u: Any, properties: Properties) -> None:
        self.x, self.u, self.known = x, u, properties

    @property
    def properties(self) -> Properties:
        return self.known

    def __repr__(self) -> str:
        pairs = zip(self.x, self.u, strict=True)
        through = ", ".join(f"{as_text(x)} ↦ {as_text(u)}" for x, u in pairs)
        return f"piecewise linear, through {through}"


class ConvexThroughPoints(ThroughPoints):
    """The gradient, or the subdifferential, of a function with these values."""

    def __init__(self, x: Any, u: Any, values: Any, properties: Properties) -> None:
        super().__init__(x, u, properties)
        self.m = properties.strong_monotonicity or 0.0
        self.L = None if properties.lipschitz is None else properties.lipschitz - self.m
        g = u - self.m * x
        values = values - self.m / 2 * np.sum(x * x, axis=1)
        if self.L is None:
            self.rows, self.costs = g, values - np.sum(g * x, axis=1)
        else:
            self.rows, self.costs = x - g / self.L, values - np.sum(g * g, axis=1) / (2 * self.L)

    def __call__(self, x: Point) -> Point:
        if self.L is None:
            raise ValueError("a subdifferential is set-valued: use its resolvent")
        nearest = _mean(self.rows - x, self.costs / self.L)
        return self.m * x - self.L * nearest

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        μ = self.m + 1 / alpha

        def resolvent(y: Point) -> Point:
            z = y / (alpha * μ)
            if self.L is None:
                return -_mean(self.rows - μ * z, -μ * self.costs) / μ
            share = μ / (self.L + μ)
            return z + (1 - share) * _mean(self.rows - z, self.costs / (self.L * share))

        return resolvent


class OfOneForm(ThroughPoints):
    """All of (x, u) that satisfy one form; by its values, or by its resolvent at one step."""

    def __init__(self, x: Any, u: Any, form: Form, step: float | None, known: Properties) -> None:
        super().__init__(x, u, known)
        self.step = step
        a, b, c = form
        if step is None:
            z, w = x, u
        else:  # u = (y − x)/step
            z, w = x + step * u, x
            a, b, c = c / step**2, (b - c / step) / step, a - 2 * b / step + c / step**2
        self.h = b / -c
        self.k = max(a / -c + self.h**2, 0.0) ** 0.5
        self.z, self.n = z, w - self.h * z

    def __call__(self, x: Point) -> Point:
        if self.step is not None:
            raise ValueError("it is known by its resolvent")
        return self.h * x + self._lipschitz(x)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        # alpha · value, or the resolvent at alpha, of z: sz + tN(z)
        if self.step is None:
            s, t = 1 + alpha * self.h, alpha
        else:
            share = alpha / self.step
            s, t = share + (1 - share) * self.h, 1 - share

        def argument(y: Point) -> Point:
            z = y / s
            for _ in range(STEPS):
                after = (y - t * self._lipschitz(z)) / s
                if np.linalg.norm(after - z) <= SETTLED * np.linalg.norm(after):
                    return after
                z = after
            raise ValueError("its resolvent was not found")

        if self.step is None:
            return argument
        if t == 0:
            return lambda y: self.h * y + self._lipschitz(y)

        def resolvent(y: Point) -> Point:
            z = argument(y)
            return self.h * z + self._lipschitz(z)

        return resolvent

    def _lipschitz(self, z: Point) -> Point:
        """N(z)."""
        if self.k == 0:
            return self.n.mean(axis=0)
        at, n = self.k * (self.z - z), self.n - self.n.mean(axis=0)
        costs = 0.25 * (np.sum(at * at, axis=1) - np.sum(n * n, axis=1))
        return self.n.mean(axis=0) + ROOT * _mean(np.hstack([at, n]) / ROOT, costs)[len(z) :]


def _mean(points: Any, costs: Any) -> Any:
    """Σλᵢpᵢ for the weights λ with the least ½‖Σλᵢpᵢ‖² + Σλᵢcᵢ."""
    count = len(points)
    size = float(np.sum(points * points, axis=1).max()) or 1.0
    H, q = points @ points.T / size, costs - costs.min()
    q = q / size
    clarabel = load_clarabel()
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = ACCURACY
    A = np.vstack([np.ones((1, count)), -np.eye(count)])
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(count)]
    solver = clarabel.DefaultSolver(
        scipy.sparse.csc_matrix(np.triu(H)), q, scipy.sparse.csc_matrix(A), np.eye(1, count + 1)[0],
        cones, settings,
    )  # fmt: skip
    λ = np.maximum(np.asarray(solver.solve().x), 0.0)
    λ /= λ.sum()
    used = np.nonzero(λ > SUPPORT)[0]
    one = np.ones((len(used), 1))
    K = np.block([[H[np.ix_(used, used)], one], [one.T, np.zeros((1, 1))]])
    exact = np.linalg.lstsq(K, np.concatenate([-q[used], [1.0]]), rcond=1e-13)[0][:-1]
    if exact.min() >= -SUPPORT:
        λ = np.zeros(count)
        λ[used] = exact
    return λ @ points


def as_text(x: Any) -> str:
    """A point."""
    return "(" + ", ".join(f"{value:.4g}" for value in x) + ")"
