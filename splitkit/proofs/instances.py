"""Operators through the points of a worst configuration: what refutes a claim is run.

Through two pairs, with differences d and Δ, there is an affine operator with these properties: a
multiple of a rotation in a plane, x ↦ sx + tJx with s = ⟨d, Δ⟩/‖d‖², s² + t² = ‖Δ‖²/‖d‖², has
the same s and ‖Δ‖/‖d‖ for every two pairs; of a gradient, m plus a symmetric matrix of rank 1.
Through more pairs a matrix is tried. Where there is none, the operator is known at these points
alone, and an extension to the whole space exists if one form is all that is known (Kirszbraun and
Valentine; for monotone operators Minty). Then others that break the claim are preferred, of which
the whole graph is written down (``members.py``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from splitkit.backend import Point, Scalar
from splitkit.operators.base import Operator, PointMap
from splitkit.properties import Form, Properties

CLOSE = 1e-6  # relative: what the solver's accuracy leaves


class Tabulated(Operator):
    """An operator that is known at some points of its graph."""

    def __init__(self, x: Any, u: Any, properties: Properties) -> None:
        self.x, self.u = np.asarray(x), np.asarray(u)
        self.known = properties

    @property
    def properties(self) -> Properties:
        return self.known

    def __call__(self, x: Point) -> Point:
        return self.u[_nearest(self.x, x)]

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        sums = self.x + alpha * self.u
        return lambda y: self.x[_nearest(sums, y)]

    def __repr__(self) -> str:
        pairs = zip(self.x, self.u, strict=True)
        return "through " + ", ".join(f"{as_text(x)} ↦ {as_text(u)}" for x, u in pairs)


class Matrix(Operator):
    """x ↦ u₀ + M(x − x₀)."""

    def __init__(self, M: Any, x: Any, u: Any, properties: Properties) -> None:
        self.M, self.q, self.known = M, M @ x - u, properties

    @property
    def properties(self) -> Properties:
        return self.known

    def __call__(self, x: Point) -> Point:
        return self.M @ x - self.q

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        inverse = np.linalg.inv(np.eye(len(self.M)) + alpha * self.M)
        return lambda y: inverse @ (y + alpha * self.q)

    def __repr__(self) -> str:
        shift = "" if not np.any(self.q) else f" − {as_text(self.q)}"
        return "x ↦ [" + "; ".join(as_text(row)[1:-1] for row in self.M) + f"] x{shift}"


def operator_through(x: Any, u: Any, properties: Properties) -> Operator | None:
    """An operator with these properties through pairs of points, the rows of x and u, of an even
    dimension; None: none was found.
    """
    d, v = x[1:] - x[0], u[1:] - u[0]
    M = _one(d[0], v[0], properties) if len(d) == 1 else _several(d, v, properties)
    if M is not None and _satisfies(M, properties):
        return Matrix(M, x[0], u[0], properties)
    if properties.gradient:
        extends = _interpolated_by_a_function(x, u, properties)
    else:
        forms = {form for form in properties.forms if any(form)}
        extends = len(forms) <= 1 and all(_satisfied(x, u, form) for form in forms)
    return Tabulated(x, u, properties) if extends else None


def _interpolated_by_a_function(x: Any, u: Any, properties: Properties) -> bool:
    """Whether an m-strongly convex, L-smooth function has these gradients: whether there are values
    with f(xᵢ) − f(xⱼ) ≥ cᵢⱼ, which is so if no cycle of the c is positive (Taylor, Hendrickx,
    Glineur, 2017, Thm. 4).
    """
    m, L = properties.strong_monotonicity or 0.0, properties.lipschitz
    if not 0 <= m < math.inf or (L is not None and L <= m):
        return False
    dx, du = x[:, None] - x, u[:, None] - u
    c = np.einsum("jk,ijk->ij", u, dx)
    sizes = np.abs(c).max()
    if L is None:
        c = c + m / 2 * np.sum(dx * dx, axis=2)
    else:
        squares = np.sum(du * du, axis=2) / L + m * np.sum(dx * dx, axis=2)
        c = c + (squares - 2 * m / L * np.sum(du * dx, axis=2)) / (2 * (1 - m / L))
    for k in range(len(c)):
        c = np.maximum(c, c[:, k, None] + c[k])
    return bool(np.diag(c).max() <= CLOSE * sizes)


def _satisfied(x: Any, u: Any, form: Form) -> bool:
    """Whether every two pairs satisfy the form, as exactly as they are known."""
    dx, du = x[:, None] - x, u[:, None] - u
    xx, xu, uu = (np.sum(p * q, axis=2) for p, q in ((dx, dx), (dx, du), (du, du)))
    a, b, c = form
    sizes = abs(a) * xx + 2 * abs(b) * np.sqrt(xx * uu) + abs(c) * uu
    return bool(np.all(a * xx + 2 * b * xu + c * uu >= -CLOSE * sizes))


def _one(d: Any, v: Any, properties: Properties) -> Any:
    """M with Md = v, about: in the range that the properties allow."""
    n, dd = len(d), float(d @ d)
    if dd <= CLOSE**4 * float(v @ v) or dd == 0:
        return None
    s, w = float(d @ v) / dd, float(v @ v) / dd
    m, L, β = properties.strong_monotonicity, properties.lipschitz, properties.comonotonicity
    if m is not None and s - m < CLOSE * math.sqrt(w):
        s = max(s, m) if s < m else s
    if L is not None:
        w = min(w, L * L)
        s = min(max(s, -L), L)
    if β is not None and s < β * w:
        w = s / β if β > 0 else w
    if properties.gradient:
        low = 0.0 if m is None else m
        p = v - low * d
        along = float(p @ d)
        if along <= CLOSE * math.sqrt(float(p @ p) * dd):
            return low * np.eye(n) if float(p @ p) <= CLOSE**2 * float(v @ v) else None
        rise = float(p @ p) / along
        if L is not None:
            rise = min(rise, L - low)
        p = p / np.linalg.norm(p)
        return low * np.eye(n) + rise * np.outer(p, p)
    t = math.sqrt(max(0.0, w - s * s))
    basis = _basis(d, v)
    J = np.zeros((n, n))
    for i in range(0, n - 1, 2):
        J += np.outer(basis[i + 1], basis[i]) - np.outer(basis[i], basis[i + 1])
    return s * np.eye(n) + t * J


def _basis(*first: Any) -> Any:
    """Orthonormal rows, the first of them from these vectors in turn."""
    n = len(first[0])
    rows: list[Any] = []
    for vector in (*first, *np.eye(n)):
        rest = vector / (np.linalg.norm(vector) or 1.0)
        for _ in range(2):
            rest = rest - sum(((rest @ row) * row for row in rows), np.zeros(n))
        if np.linalg.norm(rest) > 1e-7 and len(rows) < n:
            rows.append(rest / np.linalg.norm(rest))
    return np.array(rows)


def _several(d: Any, v: Any, properties: Properties) -> Any:
    """M with Md = v for all of them, the same multiple of what is orthogonal to them."""
    n = d.shape[1]
    inverse: Any = np.linalg.pinv(d.T, rcond=1e-6)
    M = v.T @ inverse
    if np.linalg.norm(M @ d.T - v.T) > CLOSE * float(np.linalg.norm(v)):
        return None
    rest = np.eye(n) - d.T @ inverse
    m, L = properties.strong_monotonicity or 0.0, properties.lipschitz or 0.0
    tried: list[Any] = [M + multiple * rest for multiple in (m, L, 0.0, -L)]
    return next((each for each in tried if _satisfies(each, properties)), None)


def _satisfies(M: Any, properties: Properties) -> bool:
    """Whether a linear map has the properties, as exactly as its points are known."""
    identity, symmetric, square = np.eye(len(M)), M + M.T, M.T @ M
    if properties.gradient and np.linalg.norm(M - M.T) > CLOSE * np.linalg.norm(M):
        return False
    for a, b, c in properties.forms:
        if not all(map(math.isfinite, (a, b, c))):
            return False
        size = abs(a) + abs(b) * np.linalg.norm(symmetric) + abs(c) * np.linalg.norm(square)
        if np.linalg.eigvalsh(a * identity + b * symmetric + c * square)[0] < -CLOSE * size:
            return False
    return True


def _nearest(points: Any, x: Any) -> int:
    distance = np.linalg.norm(points - x, axis=1)
    i = int(np.argmin(distance))
    if distance[i] > 1e-3 * max(np.linalg.norm(x), np.abs(points).max(), 1e-300):
        raise ValueError(f"the operator is not known at {as_text(x)}")
    return i


def as_text(x: Any) -> str:
    """A point."""
    return "(" + ", ".join(f"{value:.4g}" for value in x) + ")"
