"""Operators through the points of a worst configuration: what refutes a claim is run.

Through two pairs, with differences d and Δ, there is an affine operator with these properties: a
multiple of a rotation in a plane, x ↦ sx + tJx with s = ⟨d, Δ⟩/‖d‖², s² + t² = ‖Δ‖²/‖d‖², has
the same s and ‖Δ‖/‖d‖ for every two pairs; of a gradient, m plus a symmetric matrix of rank 1.
Through more pairs a matrix is tried. Where there is none, and the operator is a gradient or known
by one form alone, a piecewise linear operator is laid through them (``extensions.py``). Then others
that break the claim as well are preferred, which can be written down in a line (``members.py``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from splitkit.backend import Point, Scalar
from splitkit.operators.base import Operator, PointMap
from splitkit.proofs.extensions import ConvexThroughPoints, OfOneForm, as_text
from splitkit.properties import Form, Properties

CLOSE = 1e-6  # relative: what the solver's accuracy leaves


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


def operator_through(
    x: Any, u: Any, properties: Properties, step: float | None = None
) -> Operator | None:
    """An operator with these properties through pairs of points, the rows of x and u, of an even
    dimension; None: none was found. With a ``step`` it is known by its resolvent there, if it
    has no matrix and is no gradient.
    """
    d, v = x[1:] - x[0], u[1:] - u[0]
    M = _one(d[0], v[0], properties) if len(d) == 1 else _several(d, v, properties)
    if M is not None and _satisfies(M, properties):
        return Matrix(M, x[0], u[0], properties)
    if properties.gradient:
        values = _values_of_a_function(x, u, properties)
        return None if values is None else ConvexThroughPoints(x, u, values, properties)
    forms = _essential(properties)
    if len(forms) != 1:
        return None
    [form] = forms
    if not _satisfied(x, u, form):
        return None
    if step is None and form[2] >= 0:  # of no size that bounds its values
        step = float(np.linalg.norm(x - x[0]) / (np.linalg.norm(u - u[0]) or 1.0)) or 1.0
    return OfOneForm(x, u, form, step, properties)


def _essential(properties: Properties) -> list[Form]:
    """The forms that do not follow from another one."""
    kept = list(dict.fromkeys(form for form in properties.forms if any(form)))
    for form in list(kept):
        if any(_follows(form, other) for other in kept if other != form):
            kept.remove(form)
    return kept


def _follows(form: Form, other: Form) -> bool:
    """Whether it is a multiple of the other one and a square: at the multiple with the greatest
    determinant of what is left.
    """
    (a, b, c), (p, q, r) = form, other
    if q * q <= p * r:
        return False
    τ = max(0.0, (b * q - (a * r + c * p) / 2) / (q * q - p * r))
    left, right = a - τ * p, c - τ * r
    sizes = (abs(a) + τ * abs(p)), (abs(c) + τ * abs(r))
    rest = left * right - (b - τ * q) ** 2
    size = sizes[0] * sizes[1] + (abs(b) + τ * abs(q)) ** 2
    few = -1e-14
    return left >= few * sizes[0] and right >= few * sizes[1] and rest >= few * size


def _values_of_a_function(x: Any, u: Any, properties: Properties) -> Any:
    """Values of an m-strongly convex, L-smooth function with these gradients, if there is one: with
    f(xᵢ) − f(xⱼ) ≥ cᵢⱼ, and so if no cycle of the c is positive (Taylor, Hendrickx, Glineur, 2017,
    Thm. 4).
    """
    m, L = properties.strong_monotonicity or 0.0, properties.lipschitz
    if not 0 <= m < math.inf or (L is not None and L <= m):
        return None
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
    return c[:, 0] if np.diag(c).max() <= CLOSE * sizes else None


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
