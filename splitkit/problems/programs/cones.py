"""The rows of a conic program, Ax ∈ b − K with K a product of cones, and the derivatives of P_K.

DP_K at v, which I − V is: of a second-order cone off it and its polar, v = (t, u), with û = u/‖u‖,

    V = ½(1, −û)(1, −û)ᵀ + ½(1 − t/‖u‖)(0, I − ûûᵀ);

of positive semidefinite matrices, v = Q diag(λ) Qᵀ, V is 1 − (λᵢ₊ − λⱼ₊)/(λᵢ − λⱼ) on the matrices
qᵢqⱼᵀ + qⱼqᵢᵀ. Of the others, all with three entries, the surface g = 0 is ruled by the lines from
0 to p = P_K(v), and bends across them: with n̂ of v − p = λ∇g(p) and m̂ = n̂ × p̂,

    V = n̂n̂ᵀ + κ/(1 + κ) m̂m̂ᵀ,   κ = λ⟨m̂, ∇²g(p)m̂⟩.

Source: Kanzow, Ferenczi, Fukushima, *On the local convergence of semismooth Newton methods for
linear and nonlinear second-order cone programs without strict complementarity* (2009); Malick,
Sendov, *Clarke generalized Jacobian of the projection onto the cone of positive semidefinite
matrices* (2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csc_array

from splitkit.backend import to_numpy
from splitkit.functions import ExponentialCone, PowerCone, SecondOrderCone
from splitkit.problems.programs.rows import Rows, Slope, Vector, or_one
from splitkit.problems.programs.scalings import (
    Barriers,
    Orthant,
    PositiveSemidefinite,
    Scaling,
    SecondOrder,
)
from splitkit.problems.programs.threefold import Exponential, Power, Threefold

NOTHING = 1e-10  # eigenvalues of V that are below count as 0


class Coupled:
    """Base of the cones that couple several rows: cones of one kind on the rows ``index``, an array
    with one row for each cone.
    """

    def __init__(self, index: Any) -> None:
        self.index = index

    def project(self, v: Any) -> Any:
        """P_K of each row of v."""
        raise NotImplementedError

    def derivative(self, v: Any) -> list[tuple[int, Any]]:
        """Of each cone where V is not 0 its number and Q, V = QQᵀ."""
        raise NotImplementedError

    def scaling(self, first: int) -> Scaling:
        """That of an interior-point method, on rows from the first."""
        raise NotImplementedError

    def kept(self, e: Any) -> Any:
        """As of ``Rows``, of arrays like ``index``."""
        return or_one(np.broadcast_to(e.max(axis=1)[:, None], e.shape))


class SecondOrders(Coupled):
    """Second-order cones of one length."""

    def project(self, v: Any) -> Any:
        return SecondOrderCone().project(v)

    def derivative(self, v: Any) -> list[tuple[int, Any]]:
        found = []
        d = v.shape[1]
        for i, (t, *u) in enumerate(v):
            direction = np.asarray(u)
            size = float(np.linalg.norm(direction))
            if size <= t:
                continue
            if size <= -t:
                found.append((i, np.eye(d)))
                continue
            direction = direction / size
            Q = np.zeros((d, d))
            Q[0, 0], Q[1:, 0] = 0.5**0.5, -(0.5**0.5) * direction
            across = np.eye(d - 1) - np.outer(direction, direction)
            Q[1:, 1:] = max(0.5 * (1 - t / size), 0.0) ** 0.5 * across
            found.append((i, Q))
        return found

    def scaling(self, first: int) -> Scaling:
        return SecondOrder(slice(first, first + self.index.size), *self.index.shape)


class Semidefinite(Coupled):
    """Positive semidefinite matrices of one order, each as the columns of its lower triangle, those
    off the diagonal times √2.
    """

    def __init__(self, index: Any, order: int) -> None:
        super().__init__(index)
        self.order = order
        columns, rows = np.triu_indices(
            order
        )  # of the upper triangle by rows: the lower by columns
        self._rows, self._columns = rows, columns
        self._factor = np.where(rows == columns, 1.0, 2**0.5)

    @property
    def places(self) -> tuple[Any, Any]:
        """Rows and columns of the entries."""
        return self._rows, self._columns

    def matrices(self, v: Any) -> Any:
        """The symmetric matrices."""
        X = np.zeros((len(v), self.order, self.order))
        X[:, self._rows, self._columns] = X[:, self._columns, self._rows] = v / self._factor
        return X

    def vectors(self, X: Any) -> Any:
        """The rows of symmetric matrices."""
        return X[:, self._rows, self._columns] * self._factor

    def congruences(self, T: Any) -> Any:
        """The matrices of X ↦ TXT, of symmetric matrices T."""
        i, j = self._rows, self._columns
        to_i, to_j = np.take(T, i, axis=2), np.take(T, j, axis=2)
        found = np.take(to_i, i, axis=1) * np.take(to_j, j, axis=1)  # whole rows are copied
        found += np.take(to_i, j, axis=1) * np.take(to_j, i, axis=1)
        found *= self._factor[:, None] * self._factor / 2
        return found

    def project(self, v: Any) -> Any:
        λ, Q = np.linalg.eigh(self.matrices(v))
        return self.vectors((Q * np.maximum(λ, 0.0)[:, None, :]) @ Q.transpose(0, 2, 1))

    def derivative(self, v: Any) -> list[tuple[int, Any]]:
        found = []
        for k, (λ, Q) in enumerate(zip(*np.linalg.eigh(self.matrices(v)), strict=True)):
            i, j = self._rows, self._columns
            apart = λ[i] - λ[j]
            close = abs(apart) <= 1e-14 * abs(λ).max(initial=0.0)
            positive = np.maximum(λ, 0.0)
            quotient = (positive[i] - positive[j]) / np.where(close, 1.0, apart)
            share = 1 - np.where(close, (λ[i] > 0).astype(float), quotient)
            (some,) = np.nonzero(share > NOTHING)
            if not some.size:
                continue
            i, j, share = i[some], j[some], share[some]
            products = np.einsum("ap,bp->pab", Q[:, i], Q[:, j])
            products = products + products.transpose(0, 2, 1)
            products *= (np.where(i == j, 0.5, 0.5**0.5) * np.sqrt(share))[:, None, None]
            found.append((k, self.vectors(products).T))
        return found

    def scaling(self, first: int) -> Scaling:
        of = slice(first, first + self.index.size)
        return PositiveSemidefinite(of, len(self.index), self)


class Threes(Coupled):
    """Exponential or power cones, or their duals."""

    def __init__(self, index: Any, kind: str, share: Any = None) -> None:
        super().__init__(index)
        self._is_dual = kind.startswith("dual")
        self._share = share
        self._cone = ExponentialCone() if share is None else PowerCone(np.reshape(share, (-1, 1)))

    def project(self, v: Any) -> Any:
        if self._is_dual:  # v + P_K(−v)
            return v + self._cone.project(-v)
        return self._cone.project(v)

    def derivative(self, v: Any) -> list[tuple[int, Any]]:
        at = -v if self._is_dual else v
        p = self._cone.project(at)
        n, size = _unit(at - p)
        p̂, length = _unit(p)
        m = np.cross(n, p̂)
        with np.errstate(all="ignore"):
            bend = self._bend(p, m, size)
            share = np.where(np.isnan(bend), 1.0, 1 / (1 + 1 / bend))
        off, on = size > 0, length > 0
        # V of the cone is 0 inside of it and I on its polar, where n and m are no frame
        around = np.stack((n, m * np.sqrt(share)[:, None]), axis=2)
        if self._is_dual:
            around = np.stack((p̂, m * np.sqrt(1 - share)[:, None]), axis=2)
            off, on = on, off
        return [(i, around[i] if on[i] else np.eye(3)) for i in np.flatnonzero(off).tolist()]

    def _bend(self, p: Any, m: Any, size: Any) -> Any:
        """κ at p, v being so far away; NaN where the surface has an edge."""
        x, y, z = p.T
        if isinstance(self._cone, PowerCone):  # g = |z| − xᵃyᵇ
            a = np.ravel(to_numpy(self._cone.a))
            b, f = 1 - a, abs(z)
            steep = np.sqrt((a * f / x) ** 2 + (b * f / y) ** 2 + 1)
            return size * a * b * f * (m[:, 0] / x - m[:, 1] / y) ** 2 / steep
        r = x / y  # g = y exp(x/y) − z
        steep = np.sqrt(1 + (1 - r) ** 2 + np.exp(-2 * r))
        found = size * (m[:, 0] - r * m[:, 1]) ** 2 / (y * steep)
        return np.where((y == 0) & (z > 0), 0.0, found)  # a face

    def scaling(self, first: int) -> Scaling:
        of, share = slice(first, first + self.index.size), self._share
        barrier = Exponential(len(self.index)) if share is None else Power(np.asarray(share))
        return Threefold(of, barrier, dual=self._is_dual)

    def kept(self, e: Any) -> Any:
        if self._share is None:
            return super().kept(e)
        a = np.asarray(self._share)  # of powers all with e₃ = e₁ᵃe₂ᵇ: the nearest in logarithms
        n = np.stack((a, 1 - a, -np.ones(a.size)), axis=1)
        logs = np.log(or_one(e))
        off = (n * logs).sum(axis=1) / (n * n).sum(axis=1)
        return np.exp(logs - off[:, None] * n)


def _unit(v: Any) -> tuple[Any, Any]:
    """Rows of length 1, and the lengths; 0 of what rounding leaves beside v."""
    size = np.linalg.norm(v, axis=1)
    return v / np.where(size > 0, size, 1.0)[:, None], size


def onto_box_cone(v: Vector, lower: Vector, upper: Vector) -> Vector:
    """The projection of v = (t, u) onto {t lower ≤ u ≤ t upper, t ≥ 0}: the derivative in t of the
    squared distance increases, and is linear between the t at which an entry of u meets a bound.
    """
    t, u = v[0], v[1:]
    low, high = (np.where(np.isfinite(bound), bound, 0.0) for bound in (lower, upper))

    def pieces(at: float) -> tuple[float, float]:
        above = np.isfinite(upper) & (u > at * high)
        below = np.isfinite(lower) & (u < at * low)
        edge = np.where(above, high, np.where(below, low, 0.0))
        return 1 + float(edge @ edge), t + float(edge @ u)

    with np.errstate(divide="ignore", invalid="ignore"):
        bends = np.concatenate((u / low, u / high))
    bends = np.concatenate(([0.0], np.sort(bends[np.isfinite(bends) & (bends > 0)])))

    def slope(at: float) -> float:
        a, b = pieces(at)
        return a * at - b

    start = int(np.searchsorted([slope(float(each)) for each in bends], 0.0)) - 1
    if start < 0:
        at = 0.0
    else:
        end = float(bends[start + 1]) if start + 1 < bends.size else float(bends[start]) + 1
        a, b = pieces((float(bends[start]) + end) / 2)
        at = b / a
    return np.concatenate(([at], np.clip(u, _times(at, lower), _times(at, upper))))


def _times(t: float, bound: Vector) -> Vector:
    """t times a bound, infinite where it is, whatever t."""
    return np.where(np.isfinite(bound), t * np.where(np.isfinite(bound), bound, 0.0), bound)


@dataclass(frozen=True)
class Cones(Rows):
    """b − K: {0} on the rows ``zero``, the orthant on ``orthant``, and ``coupled`` cones."""

    b: Vector
    zero: Any
    orthant: Any
    coupled: tuple[Coupled, ...]

    @cached_property
    def alone(self) -> Any:
        return self.zero | self.orthant

    def onto(self, v: Vector) -> Vector:
        """P_K(v)."""
        if not v.any():
            return v.copy()
        s = np.where(self.orthant, np.maximum(v, 0.0), 0.0)
        for cones in self.coupled:
            s[cones.index] = cones.project(v[cones.index])
        return s

    def project(self, w: Vector) -> Vector:
        found: Any = np.where(self.orthant, np.minimum(w, self.b), self.b)
        for cones in self.coupled:  # w itself inside, whatever rounds in b − w
            v = self.b[cones.index] - w[cones.index]
            found[cones.index] = w[cones.index] + (v - cones.project(v))
        return found

    def slope(self, w: Vector) -> Slope:
        v = self.b - w
        single = self.zero | (self.orthant & (v <= 0))
        rows, columns, values = [], [], []
        of: list[int] = []
        for cones in self.coupled:
            for k, Q in cones.derivative(v[cones.index]):
                index, count = cones.index[k], Q.shape[1]
                rows.append(np.repeat(index, count))
                columns.append(len(of) + np.tile(np.arange(count), len(index)))
                values.append(Q.ravel())
                of += [index[0]] * count
        if not of:
            return Slope(single)
        entries = np.concatenate(values)
        at = np.concatenate(rows), np.concatenate(columns)
        return Slope(single, csc_array((entries, at), shape=(w.size, len(of))), np.asarray(of))

    def breaks(self, w: Vector, v: Vector) -> Vector | None:
        if self.coupled:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(self.orthant, (self.b - w) / v, np.nan)
        return np.sort(t[np.isfinite(t) & (t > 0)])

    def support(self, y: Vector, beyond: Vector | None = None) -> tuple[float, float]:
        terms = self.b * (y - (self.beyond(y) if beyond is None else beyond))
        return float(terms.sum()), float(abs(terms).sum())

    def beyond(self, y: Vector) -> Vector:
        return -self.onto(-y)

    def outside(self, d: Vector) -> Vector:
        return np.asarray(abs(d + self.onto(-d)))

    @property
    def order(self) -> int:
        return max((cones.index.shape[1] for cones in self.coupled), default=1)

    def endless(self, more: int) -> Cones:
        zero = np.concatenate((self.zero, np.ones(more, dtype=bool)))
        orthant = np.concatenate((self.orthant, np.zeros(more, dtype=bool)))
        return Cones(np.zeros(zero.size), zero, orthant, self.coupled)

    def scaled(self, e: Vector) -> Cones:
        return Cones(e * self.b, self.zero, self.orthant, self.coupled)

    @property
    def sides(self) -> Vector:
        return self.b

    def barriers(self, far: float = np.inf) -> Barriers:
        zero, orthant = np.flatnonzero(self.zero), np.flatnonzero(self.orthant & (self.b < far))
        first = zero.size + orthant.size
        scalings: list[Scaling] = []
        if orthant.size:
            scalings.append(Orthant(slice(zero.size, first), orthant.size))
        for cones in self.coupled:
            scalings.append(cones.scaling(first))
            first += cones.index.size
        rows = np.concatenate((zero, orthant, *(cones.index.ravel() for cones in self.coupled)))
        return Barriers(rows, np.ones(rows.size), self.b[rows], zero.size, scalings)

    def kept(self, e: Vector) -> Vector:
        found = or_one(e)
        for cones in self.coupled:
            found[cones.index] = cones.kept(e[cones.index])
        return found

    def tied(self, e: Vector) -> Vector:
        if self.coupled:
            e = e.copy()
        for cones in self.coupled:
            e[cones.index] = e[cones.index].max(axis=1)[:, None]
        return e
