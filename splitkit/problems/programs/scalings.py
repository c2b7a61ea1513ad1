"""Nesterov and Todd's scaling, W with Wz = W⁻ᵀs, of the symmetric cones: of the orthant, of
second-order cones and of positive semidefinite matrices.

The orthant: W = diag(√(s/z)). A second-order cone, J = diag(1, −1, …, −1), s̄ = s/√⟨s, Js⟩, z̄ alike:

    w = (s̄ + Jz̄)/√(2 + 2⟨s̄, z̄⟩),   W² = η²(2wwᵀ − J),   η⁴ = ⟨s, Js⟩/⟨z, Jz⟩.

Matrices S = LLᵀ, Z = MMᵀ with MᵀL = UΛVᵀ: R = LVΛ^{−½}, Wz = RᵀZR, both sides Λ.

Source: Vandenberghe, *The CVXOPT linear and quadratic cone program solvers* (2010), §4–5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Vector = Any  # NumPy's arrays of float64
ALIKE = 1e-12  # part by which entries differ that are meant to be one


class Scaling:
    """Base: cones of one kind and order on the rows ``of``, a slice.

    Attributes
    ----------
    order : int
        Rows of one of them.
    degree : int
        ⟨e, e⟩.
    unit : array
        e.
    """

    of: slice
    order: int
    degree: int
    unit: Vector
    symmetric = True

    def scale(self, s: Vector, z: Vector) -> None:
        """Be the scaling of s and z."""
        raise NotImplementedError

    def to_dual(self, v: Vector) -> Vector:
        """W⁻¹v, v in the scaled space; also of the columns of a matrix."""
        raise NotImplementedError

    def from_dual(self, v: Vector) -> Vector:
        """Wv; also of the columns of a matrix."""
        raise NotImplementedError

    def to_slack(self, v: Vector) -> Vector:
        """Wᵀv, v in the scaled space; Wv unless a subclass, whose W is not symmetric, knows it."""
        return self.from_dual(v)

    def from_slack(self, v: Vector) -> Vector:
        """W⁻ᵀv; also of the columns of a matrix. W⁻¹v unless a subclass knows better."""
        return self.to_dual(v)

    def times(self, v: Vector) -> Vector:
        """Hv, H the symmetric matrix that takes a step of z to one of s: scaled, the identity."""
        return v

    def over(self, v: Vector) -> Vector:
        """H⁻¹v."""
        return v

    def half(self, v: Any) -> Any:
        """Rv, RᵀR = H⁻¹, of the columns of a matrix."""
        return v

    def damps(self, p: Vector) -> bool:
        """Whether F is known for this p."""
        return not p.any()

    def damp(self, p: Vector) -> None:
        """Take F, FᵀF = (diag(p) + (WᵀW)⁻¹)⁻¹, W where p = 0."""

    def damped(self, v: Any) -> Any:
        """Fv; also of the columns of a matrix."""
        return self.from_dual(v)

    def damped_back(self, v: Vector) -> Vector:
        """Fᵀv."""
        return self.to_slack(v)

    def squares(self) -> Any:
        """WᵀW: its diagonal, or the matrices of all cones."""
        raise NotImplementedError

    def inverse_squares(self) -> Any:
        """Its inverse: the matrices of all cones."""
        raise NotImplementedError

    def target(self, ds: Vector, dz: Vector, μ: float) -> Vector:
        """λ \\ (μe − λ ∘ λ − ds ∘ dz), of steps in the scaled space."""
        raise NotImplementedError

    def longest(self, ds: Vector, dz: Vector) -> float:
        """The largest t at which λ + t ds and λ + t dz are in the cones."""
        raise NotImplementedError

    def centred(self, α: float, ds: Vector, dz: Vector) -> float:
        """How far to go along these steps of s and z, at most α, to stay near the central path."""
        return α

    def short(self, v: Vector) -> float:
        """The least t with v + te in the cones."""
        raise NotImplementedError


@dataclass(frozen=True)
class Barriers:
    """A set of rows as Gx + s = h, s ∈ K: the i-th row of G is ``signs[i]`` times the row of A in
    ``rows[i]``, hᵢ is ``signs[i] * sides[i]``; the first ``equations`` have sᵢ = 0.
    """

    rows: Any
    signs: Vector
    sides: Vector
    equations: int
    cones: Sequence[Scaling]


class Orthant(Scaling):
    """Non-negative numbers."""

    def __init__(self, of: slice, count: int) -> None:
        self.of, self.order, self.degree = of, 1, count
        self.unit = np.ones(count)

    def scale(self, s: Vector, z: Vector) -> None:
        self.w, self.λ = np.sqrt(s / z), np.sqrt(s * z)

    def to_dual(self, v: Vector) -> Vector:
        return v / (self.w if v.ndim == 1 else self.w[:, None])

    def from_dual(self, v: Vector) -> Vector:
        return v * (self.w if v.ndim == 1 else self.w[:, None])

    def damps(self, p: Vector) -> bool:
        return True

    def damp(self, p: Vector) -> None:
        self.F = self.w / np.sqrt(1 + p * self.w**2)

    def damped(self, v: Any) -> Any:
        return v * (self.F if v.ndim == 1 else self.F[:, None])

    damped_back = damped

    def squares(self) -> Any:
        return self.w**2

    def inverse_squares(self) -> Any:
        return 1 / self.squares()[:, None, None]

    def target(self, ds: Vector, dz: Vector, μ: float) -> Vector:
        return (μ - ds * dz) / self.λ - self.λ

    def longest(self, ds: Vector, dz: Vector) -> float:
        fall = float(np.max(-np.minimum(ds, dz) / self.λ))
        return 1 / fall if fall > 0 else np.inf

    def short(self, v: Vector) -> float:
        return float(np.max(-v))


class SecondOrder(Scaling):
    """Second-order cones of one length."""

    def __init__(self, of: slice, count: int, order: int) -> None:
        self.of, self.count, self.order, self.degree = of, count, order, count
        first = np.zeros((count, order))
        first[:, 0] = 1.0
        self.unit = first.ravel()
        self.J = -np.ones(order)
        self.J[0] = 1.0

    def scale(self, s: Vector, z: Vector) -> None:
        S, Z = self._rows(s), self._rows(z)
        of_s, of_z = (np.sqrt(_gap(v)) for v in (S, Z))
        s̄, z̄ = S / of_s[:, None], Z / of_z[:, None]
        γ = np.sqrt((1 + (s̄ * z̄).sum(axis=1)) / 2)
        self.w = (s̄ + self.J * z̄) / (2 * γ)[:, None]
        self.η = np.sqrt(of_s / of_z)
        self.λ = self._rows(self.from_dual(z))

    def _rows(self, v: Vector) -> Any:
        return v.reshape(self.count, self.order)

    def _times(self, v: Vector, sign: float) -> Any:
        """Wv, or W⁻¹v with sign −1."""
        V = v.reshape(self.count, self.order, -1)
        w0, w1 = self.w[:, :1], sign * self.w[:, 1:]
        across = np.einsum("ci,cij->cj", w1, V[:, 1:])
        found = np.empty_like(V)
        found[:, 0] = w0 * V[:, 0] + across
        found[:, 1:] = V[:, 1:] + w1[:, :, None] * (V[:, 0] + across / (1 + w0))[:, None, :]
        found *= (self.η**sign)[:, None, None]
        return found.reshape(v.shape)

    def to_dual(self, v: Vector) -> Vector:
        return self._times(v, -1.0)

    def from_dual(self, v: Vector) -> Vector:
        return self._times(v, 1.0)

    def squares(self) -> Any:
        outer = 2 * self.w[:, :, None] * self.w[:, None, :] - np.diag(self.J)
        return self.η[:, None, None] ** 2 * outer

    def inverse_squares(self) -> Any:
        w = self.J * self.w
        outer = 2 * w[:, :, None] * w[:, None, :] - np.diag(self.J)
        return outer / self.η[:, None, None] ** 2

    def target(self, ds: Vector, dz: Vector, μ: float) -> Vector:
        λ = self.λ
        d = -_product(λ, λ) - _product(self._rows(ds), self._rows(dz))
        d[:, 0] += μ
        first = (λ[:, 0] * d[:, 0] - (λ[:, 1:] * d[:, 1:]).sum(axis=1)) / _gap(λ)
        rest = (d[:, 1:] - first[:, None] * λ[:, 1:]) / λ[:, :1]
        return np.concatenate((first[:, None], rest), axis=1).ravel()

    def longest(self, ds: Vector, dz: Vector) -> float:
        return min(_to_edge(self.λ, self._rows(each)) for each in (ds, dz))

    def short(self, v: Vector) -> float:
        V = self._rows(v)
        return float(np.max(np.linalg.norm(V[:, 1:], axis=1) - V[:, 0]))


class PositiveSemidefinite(Scaling):
    """Positive semidefinite matrices of one order, in the coordinates of ``cones.Semidefinite``."""

    def __init__(self, of: slice, count: int, coordinates: Any) -> None:
        self.of, self.count, self.coordinates = of, count, coordinates
        k = coordinates.order
        self.order, self.degree = k * (k + 1) // 2, count * k
        self.unit = np.tile(self.coordinates.vectors(np.eye(k)[None])[0], count)

    def scale(self, s: Vector, z: Vector) -> None:
        L, M = (np.linalg.cholesky(self._matrices(v)) for v in (s, z))
        U, self.λ, VT = np.linalg.svd(M.transpose(0, 2, 1) @ L)
        root = np.sqrt(self.λ)[:, None, :]
        self.R = L @ VT.transpose(0, 2, 1) / root
        self.R_inverse = (U / root).transpose(0, 2, 1) @ M.transpose(0, 2, 1)

    def _matrices(self, v: Vector) -> Any:
        return self.coordinates.matrices(v.reshape(-1, self.order))

    def damps(self, p: Vector) -> bool:
        each = p.reshape(self.count, self.order)
        return bool((abs(each - each[:, :1]) <= ALIKE * abs(each)).all())

    def damp(self, p: Vector) -> None:
        """WᵀWX = RRᵀXRRᵀ: with R = QΣVᵀ, FX = (QᵀXQ)ᵢⱼ/√(p + 1/σᵢ²σⱼ²)."""
        self.share: Any = None
        if p.any():
            self.Q, σ, _ = np.linalg.svd(self.R)
            i, j = self.coordinates.places
            least = p[:: self.order, None]
            self.share = 1 / np.sqrt(least + (1 / (σ[:, i] * σ[:, j])) ** 2).ravel()

    def damped(self, v: Any) -> Any:
        if self.share is None:
            return self.from_dual(v)
        share = self.share if v.ndim == 1 else self.share[:, None]
        return share * self._between(v, self.Q.transpose(0, 2, 1))

    def damped_back(self, v: Vector) -> Vector:
        return self.to_slack(v) if self.share is None else self._between(self.share * v, self.Q)

    def _between(self, v: Vector, left: Any) -> Vector:
        """QXQᵀ for the matrices Q of ``left``, also of the columns of a matrix."""
        if v.ndim == 1:
            X = left @ self._matrices(v) @ left.transpose(0, 2, 1)
            return self.coordinates.vectors(X).ravel()
        blocks = v.reshape(self.count, self.order, -1).transpose(0, 2, 1)
        found = [
            self.coordinates.vectors(Q @ self.coordinates.matrices(block) @ Q.T).T
            for Q, block in zip(left, blocks, strict=True)
        ]
        return np.concatenate(found)

    def to_dual(self, v: Vector) -> Vector:
        return self._between(v, self.R_inverse.transpose(0, 2, 1))

    def from_dual(self, v: Vector) -> Vector:
        return self._between(v, self.R.transpose(0, 2, 1))

    def to_slack(self, v: Vector) -> Vector:
        return self._between(v, self.R)

    def from_slack(self, v: Vector) -> Vector:
        return self._between(v, self.R_inverse)

    def squares(self) -> Any:
        return self.coordinates.congruences(self.R @ self.R.transpose(0, 2, 1))

    def inverse_squares(self) -> Any:
        T = self.R_inverse.transpose(0, 2, 1) @ self.R_inverse
        return self.coordinates.congruences(T)

    def target(self, ds: Vector, dz: Vector, μ: float) -> Vector:
        product = self._matrices(ds) @ self._matrices(dz)
        d = -(product + product.transpose(0, 2, 1)) / 2
        i = np.arange(d.shape[1])
        d[:, i, i] += μ - self.λ**2
        d *= 2 / (self.λ[:, :, None] + self.λ[:, None, :])
        return self.coordinates.vectors(d).ravel()

    def longest(self, ds: Vector, dz: Vector) -> float:
        root = 1 / np.sqrt(self.λ)
        outer = root[:, :, None] * root[:, None, :]
        both = np.concatenate([self._matrices(each) * outer for each in (ds, dz)])
        least = float(np.linalg.eigvalsh(both).min())
        return -1 / least if least < 0 else np.inf

    def short(self, v: Vector) -> float:
        return float(-np.linalg.eigvalsh(self._matrices(v)).min())


def _gap(V: Any) -> Vector:
    """⟨v, Jv⟩ = (v₀ − ‖v₁‖)(v₀ + ‖v₁‖)."""
    size = np.linalg.norm(V[:, 1:], axis=1)
    return (V[:, 0] - size) * (V[:, 0] + size)


def _product(U: Any, V: Any) -> Any:
    """u ∘ v."""
    top = (U * V).sum(axis=1, keepdims=True)
    return np.concatenate((top, U[:, :1] * V[:, 1:] + V[:, :1] * U[:, 1:]), axis=1)


def _to_edge(V: Any, D: Any) -> float:
    """The largest t with v + td in all cones, v inside: of the roots of ⟨v + td, J(v + td)⟩."""
    a = D[:, 0] ** 2 - (D[:, 1:] ** 2).sum(axis=1)
    b = V[:, 0] * D[:, 0] - (V[:, 1:] * D[:, 1:]).sum(axis=1)
    c = _gap(V)
    with np.errstate(divide="ignore", invalid="ignore"):
        under = b * b - a * c
        root = np.sqrt(np.maximum(under, 0.0))
        # the root that is stable: c/(−b + √…) of a t² + 2bt + c
        t = np.where((under >= 0) & (root - b > 0), c / (root - b), np.inf)
        ends = np.where(D[:, 0] < 0, -V[:, 0] / D[:, 0], np.inf)
    return float(np.minimum(t, ends).min(initial=np.inf))
