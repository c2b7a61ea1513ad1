"""Scaling of exponential and power cones, which are not symmetric, by Tunçel's secant equations.

K = {ψⱼ > 0} among vectors of three entries has the barrier φ, logarithmically homogeneous of degree
−3, with x ∈ K and s ∈ K* on the central path where s = −μφ'(x):

    φ(x) = −Σ log ψⱼ(x) − Σ cᵢ log xᵢ,
    exponential: ψ = x₂ log(x₃/x₂) − x₁, c = (0, 1, 1);
    power:       ψ = x₁ᵃx₂ᵇ ∓ x₃, a + b = 1, c = (b, a, 0).

With the shadows s̃ = −φ'(x) and x̃, −φ'(x̃) = s, μ = ⟨x, s⟩/3, δₓ = x − μx̃, δₛ = s − μs̃, W has

    WᵀWx = s,  WᵀWx̃ = s̃:   rows s/√⟨x, s⟩, δₛ/√⟨δₓ, δₛ⟩, √μ n/√⟨n, φ''(x)⁻¹n⟩,  n = x × x̃;

on the central path, where δₓ = δₛ = 0, WᵀW = μφ''(x). Mehrotra's correction of s is
½φ'''(x)[dx, φ''(x)⁻¹ds]. K* = M⁻¹K: of slacks in K multipliers z are in K*, and x = Mz; of slacks
in K* they are in K, and x = z.

Source: Tunçel, *Generalization of primal-dual interior-point methods to convex optimization
problems in conic form* (2001); Dahl, Andersen, *A primal-dual interior-point algorithm for
nonsymmetric exponential-cone optimization* (2022); Chares, *Cones and interior-point algorithms
for structured convex optimization involving powers and exponentials* (2009), for φ.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import wrightomega

from splitkit.problems.programs.scalings import Scaling, Vector

SHORTER = 0.8  # by which a step is shortened until it stays inside
SHORTEST = 1e-10
EXACTLY = 0.01  # to which part the longest step is found
NEAR = 1e-3  # 1/(μμ̃) at least, of points that are near the central path
CENTRED = 1e-7  # μμ̃ − 1 at which the secant equations are lost in rounding
ROUNDS = 60  # of Newton's method at most
ROUNDING = 1e-15
SETTLED = 1e-8  # part of a root by which the last step, of which the error is the square, moves it


class Barrier:
    """φ of cones of one kind, for points as rows.

    Attributes
    ----------
    weights : array, shape (count, 3)
        c.
    M : array, shape (count, 3, 3)
        K* = M⁻¹K.
    inside : array, shape (count, 3)
        Points of K.
    """

    weights: Any
    M: Any
    inside: Any

    def surfaces(self, X: Any) -> Any:
        """All ψⱼ, along the first axis; one is not positive outside of K."""
        raise NotImplementedError

    def slopes(self, X: Any) -> Any:
        """All ψⱼ'."""
        raise NotImplementedError

    def root(self, X: Any) -> Any:
        """g, ψⱼ'' = −ggᵀ."""
        raise NotImplementedError

    def third(self, X: Any, U: Any, V: Any) -> Any:
        """ψⱼ'''[u, v]."""
        raise NotImplementedError

    def shadow(self, S: Any) -> Any:
        """x with −φ'(x) = s."""
        raise NotImplementedError


class Exponential(Barrier):
    """{(x, y, z): y exp(x/y) ≤ z, y > 0}."""

    def __init__(self, count: int) -> None:
        self.weights = np.tile([0.0, 1.0, 1.0], (count, 1))
        # −u exp(v/u) ≤ ew of K* is y exp(x/y) ≤ z at (x, y, z) = (−v, −u, ew)
        M = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, np.e]])
        self.M = np.broadcast_to(M, (count, 3, 3))
        self.inside = np.tile([-1.0, 1.0, 1.0], (count, 1))

    def surfaces(self, X: Any) -> Any:
        x, y, z = X.T
        with np.errstate(all="ignore"):
            return np.where((y > 0) & (z > 0), y * np.log(z / y) - x, -1.0)[None]

    def slopes(self, X: Any) -> Any:
        _, y, z = X.T
        return np.stack((np.full(y.size, -1.0), np.log(z / y) - 1, y / z), axis=1)[None]

    def root(self, X: Any) -> Any:
        _, y, z = X.T
        root = np.sqrt(y)
        return np.stack((0 * y, 1 / root, -root / z), axis=1)

    def third(self, X: Any, U: Any, V: Any) -> Any:
        _, y, z = X.T
        found = np.zeros_like(X)
        both = U[:, 2] * V[:, 2]
        found[:, 1] = U[:, 1] * V[:, 1] / y**2 - both / z**2
        across = U[:, 1] * V[:, 2] + U[:, 2] * V[:, 1]
        found[:, 2] = (2 * y / z * both - across) / z**2
        return found

    def shadow(self, S: Any) -> Any:
        """By Wright's function: v + log v is given at v = 1 − 1/(s₁y)."""
        u, v, w = S.T
        excess = 1 - v / u + np.log(-w / u)
        δ = np.maximum(wrightomega(1 + excess) - 1, 0.25 * np.minimum(excess, 1.0))
        for _ in range(2):  # v − 1 beside its own size
            δ = δ - (δ + np.log1p(δ) - excess) * (1 + δ) / (2 + δ)
        y = -1 / (u * δ)
        z = (1 - u * y) / w
        return np.stack((y * np.log(z / y) + 1 / u, y, z), axis=1)


class Power(Barrier):
    """{(x, y, z): xᵃyᵇ ≥ |z|}."""

    def __init__(self, share: Vector) -> None:
        self.a, self.b = share, 1 - share
        one = np.ones(share.size)
        self.weights = np.stack((self.b, self.a, 0 * one), axis=1)
        self.M = np.zeros((share.size, 3, 3))
        self.M[:, [0, 1, 2], [0, 1, 2]] = np.stack((1 / self.a, 1 / self.b, one), axis=1)
        self.inside = np.stack((one, one, 0 * one), axis=1)

    def _product(self, X: Any) -> Vector:
        found: Vector = X[:, 0] ** self.a * X[:, 1] ** self.b
        return found

    def surfaces(self, X: Any) -> Any:
        inside = (X[:, 0] > 0) & (X[:, 1] > 0)
        with np.errstate(all="ignore"):
            p = np.where(inside, self._product(X), -1.0)
        return np.stack((p - X[:, 2], p + X[:, 2]))

    def slopes(self, X: Any) -> Any:
        p = self._product(X)
        found = np.empty((2, *X.shape))
        found[:, :, 0], found[:, :, 1] = self.a * p / X[:, 0], self.b * p / X[:, 1]
        found[0, :, 2], found[1, :, 2] = -1.0, 1.0
        return found

    def root(self, X: Any) -> Any:
        size = np.sqrt(self.a * self.b * self._product(X))
        return np.stack((size / X[:, 0], -size / X[:, 1], 0 * size), axis=1)

    def third(self, X: Any, U: Any, V: Any) -> Any:
        a, b = self.a, self.b
        (i, j), (g, h) = (U[:, :2] / X[:, :2]).T, (V[:, :2] / X[:, :2]).T
        of_x, of_y, across = i * g, j * h, i * h + j * g
        size = a * b * self._product(X)
        found = np.zeros_like(X)
        found[:, 0] = size / X[:, 0] * ((2 - a) * of_x - b * across - a * of_y)
        found[:, 1] = size / X[:, 1] * ((2 - b) * of_y - a * across - b * of_x)
        return found

    def shadow(self, S: Any) -> Any:
        """With p = 1/|s₃x₃|, s₁x₁ = 1 + a + a/p and s₂x₂ = 1 + b + b/p,

        log(1 + 2p) − 2a log(a + (1 + a)p) − 2b log(b + (1 + b)p) = log(s₃²/s₁²ᵃs₂²ᵇ).
        """
        (u, v, w), a, b = S.T, self.a, self.b
        with np.errstate(divide="ignore"):
            right = 2 * (np.log(abs(w)) - a * np.log(u) - b * np.log(v))
        far = np.log(2) - 2 * a * np.log1p(a) - 2 * b * np.log1p(b) - right
        p = np.where(far > 0, np.exp(np.minimum(far, 600.0)), 0.0)
        rounded = ROUNDING * (1 + abs(right))
        for _ in range(ROUNDS):  # convex and decreasing: from the left, or to the left
            of_a, of_b = a + (1 + a) * p, b + (1 + b) * p
            value = np.log1p(2 * p) - 2 * a * np.log(of_a) - 2 * b * np.log(of_b) - right
            slope = 2 / (1 + 2 * p) - 2 * a * (1 + a) / of_a - 2 * b * (1 + b) / of_b
            step = value / slope
            p = np.maximum(p - step, 0.0)
            if not (abs(step) > np.maximum(SETTLED * p, rounded / abs(slope))).any():
                break
        q = 1 / p
        x, y = (1 + a + a * q) / u, (1 + b + b * q) / v
        return np.stack((x, y, -w * x ** (2 * a) * y ** (2 * b) / (q + 2)), axis=1)


class Threefold(Scaling):
    """Exponential or power cones, or their duals."""

    order = 3
    symmetric = False

    def __init__(self, of: slice, barrier: Barrier, *, dual: bool) -> None:
        self.of, self.barrier = of, barrier
        count = len(barrier.weights)
        self.degree = 3 * count
        self.M = np.broadcast_to(np.eye(3), (count, 3, 3)) if dual else barrier.M
        self.M_inverse = np.linalg.inv(self.M)
        self.unit = self._centre().ravel()

    def _centre(self) -> Any:
        """z with s = z on the central path: the least ½‖z‖² + φ(Mz), by damped Newton steps."""
        Z = _times(self.M_inverse, self.barrier.inside)
        MT = self.M.transpose(0, 2, 1)
        for _ in range(ROUNDS):
            X = _times(self.M, Z)
            slope, F = self._slope(X), self._root(X) @ self.M
            g = Z + _times(MT, slope)
            H = np.eye(3) + F.transpose(0, 2, 1) @ F
            d = _solved(H, g)
            size = np.sqrt(np.maximum((g * d).sum(axis=1, keepdims=True), 0.0))
            Z = Z - d / (1 + size)
            if size.max(initial=0.0) < 1e-13:
                break
        return Z

    def _slope(self, X: Any) -> Any:
        """φ'."""
        c = self.barrier.weights
        parts = self.barrier.slopes(X) / self.barrier.surfaces(X)[:, :, None]
        return -parts.sum(axis=0) - c / np.where(c > 0, X, 1.0)

    def _root(self, X: Any) -> Any:
        """F, FᵀF = φ''."""
        ψ, c = self.barrier.surfaces(X), self.barrier.weights
        F, k, i = np.zeros((len(X), len(ψ) + 4, 3)), len(ψ), np.arange(3)
        F[:, :k] = (self.barrier.slopes(X) / ψ[:, :, None]).transpose(1, 0, 2)
        F[:, k] = self.barrier.root(X) * np.sqrt((1 / ψ).sum(axis=0))[:, None]
        F[:, k + 1 + i, i] = np.sqrt(c) / np.where(c > 0, X, 1.0)
        return F

    def _points(self, s: Vector, z: Vector) -> tuple[Any, Any]:
        """s and x in K* and K."""
        S = _times(self.M_inverse.transpose(0, 2, 1), s.reshape(-1, 3))
        return S, _times(self.M, z.reshape(-1, 3))

    def scale(self, s: Vector, z: Vector) -> None:
        S, X = self.S, self.X = self._points(s, z)
        self.shadow = -self._slope(X)
        self.L = np.asarray(np.linalg.qr(self._root(X), mode="r"))
        x̃ = self.barrier.shadow(S)
        product = (X * S).sum(axis=1)
        μ = product / 3
        δs, δx = S - μ[:, None] * self.shadow, X - μ[:, None] * x̃
        across = (δs * δx).sum(axis=1)
        n, m = np.cross(X, x̃), np.cross(S, δs)
        with np.errstate(all="ignore"):
            of_n = np.linalg.norm(_solved(self.L.transpose(0, 2, 1), n), axis=1)
            n = n * (np.sqrt(μ) / of_n)[:, None]
            m = m / (m * n).sum(axis=1)[:, None]
            root, least = np.sqrt(product)[:, None], np.sqrt(across)[:, None]
            W = np.stack((S / root, δs / least, n), axis=1)
            inverse = np.stack((X / root, δx / least, m), axis=2)
        lost = ~(np.isfinite(W).all(axis=(1, 2)) & np.isfinite(inverse).all(axis=(1, 2)))
        lost |= ~(across > CENTRED * product)
        if lost.any():  # on the central path
            W[lost] = np.sqrt(μ[lost])[:, None, None] * self.L[lost]
            inverse[lost] = np.linalg.inv(W[lost])
        self.W, self.inverse = W @ self.M, self.M_inverse @ inverse

    def to_dual(self, v: Vector) -> Vector:
        return v

    from_dual = to_slack = from_slack = to_dual

    def times(self, v: Vector) -> Vector:
        return _apply(self.W.transpose(0, 2, 1), _apply(self.W, v))

    def over(self, v: Vector) -> Vector:
        return _apply(self.inverse, _apply(self.inverse.transpose(0, 2, 1), v))

    def half(self, v: Any) -> Any:
        return _apply(self.inverse.transpose(0, 2, 1), v)

    def squares(self) -> Any:
        return self.W.transpose(0, 2, 1) @ self.W

    def inverse_squares(self) -> Any:
        return self.inverse @ self.inverse.transpose(0, 2, 1)

    def target(self, ds: Vector, dz: Vector, μ: float) -> Vector:
        found = μ * self.shadow - self.S
        if ds.any():
            dS, dX = self._points(ds, dz)
            curved = _solved(self.L, _solved(self.L.transpose(0, 2, 1), dS))
            found = found + 0.5 * self._third(dX, curved)
        return _times(self.M.transpose(0, 2, 1), found).ravel()

    def _third(self, U: Any, V: Any) -> Any:
        """φ'''(x)[u, v]."""
        X, c, g = self.X, self.barrier.weights, self.barrier.root(self.X)
        ψ = self.barrier.surfaces(X)[:, :, None]
        slopes = self.barrier.slopes(X) / ψ
        of_u, of_v = ((slopes * D).sum(axis=2, keepdims=True) for D in (U, V))
        bend_u, bend_v = ((g * D).sum(axis=1, keepdims=True) for D in (U, V))
        across = g * (bend_u * of_v + bend_v * of_u) + slopes * (bend_u * bend_v)
        terms = 2 * slopes * of_u * of_v + (across + self.barrier.third(X, U, V)) / ψ
        return -terms.sum(axis=0) - 2 * c * U * V / np.where(c > 0, X, 1.0) ** 3

    def longest(self, ds: Vector, dz: Vector) -> float:
        """A step that stays inside, at most 1."""
        dS, dX = self._points(ds, dz)
        t, outside = 1.0, 1.0
        while t > SHORTEST and not self._inside(self.S + t * dS, self.X + t * dX):
            t, outside = SHORTER * t, t
        while outside - t > EXACTLY * t:
            middle = (t + outside) / 2
            if self._inside(self.S + middle * dS, self.X + middle * dX):
                t = middle
            else:
                outside = middle
        return t

    def _inside(self, S: Any, X: Any) -> bool:
        surfaces = self.barrier.surfaces
        return bool((surfaces(X) > 0).all() and (surfaces(_times(self.barrier.M, S)) > 0).all())

    def centred(self, α: float, ds: Vector, dz: Vector) -> float:
        """A step of at most α that stays near the central path."""
        dS, dX = self._points(ds, dz)
        while α > SHORTEST:
            S, X = self.S + α * dS, self.X + α * dX
            if self._inside(S, X):
                with np.errstate(all="ignore"):
                    of_shadows = -(self._slope(X) * self.barrier.shadow(S)).sum(axis=1)
                if (of_shadows * (X * S).sum(axis=1) < 9 / NEAR).all():
                    return α
            α *= SHORTER
        return α


def _times(M: Any, V: Any) -> Any:
    """Of each row of V its matrix times it."""
    return (M @ V[:, :, None])[:, :, 0]


def _solved(M: Any, V: Any) -> Any:
    """M⁻¹v of each."""
    return np.linalg.solve(M, V[:, :, None])[:, :, 0]


def _apply(M: Any, v: Vector) -> Vector:
    """The same of a vector, or of the columns of a matrix, whose rows are those of all cones."""
    found: Vector = (M @ v.reshape(len(M), 3, -1)).reshape(v.shape)
    return found
