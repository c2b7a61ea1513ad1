"""Scaling of exponential and power cones, which are not symmetric, by Tunçel's secant equations.

K = {ψⱼ > 0} among vectors of three entries has the barrier φ, logarithmically homogeneous of degree
−3, with x ∈ K and s ∈ K* on the central path where s = −μφ'(x):

    φ(x) = −Σ log ψⱼ(x) − Σ cᵢ log xᵢ,
    exponential: ψ = x₂ log(x₃/x₂) − x₁, c = (0, 1, 1);
    power:       ψ = x₁ᵃx₂ᵇ ∓ x₃, a + b = 1, c = (b, a, 0).

With the shadows s̃ = −φ'(x) and x̃, −φ'(x̃) = s, μ = ⟨x, s⟩/3, δₓ = x − μx̃, δₛ = s − μs̃, W has

    WᵀWx = s,  WᵀWx̃ = s̃:   rows s/√⟨x, s⟩, δₛ/√⟨δₓ, δₛ⟩, √μ n/√⟨n, φ''(x)⁻¹n⟩,  n = x × x̃;

on the central path, where δₓ = δₛ = 0, WᵀW = μφ''(x). Mehrotra's correction of s is
½φ'''(x)[dx, φ''(x)⁻¹ds]. K* = M⁻¹K, M symmetric: of slacks in K multipliers z are in K*, and x =
Mz; of slacks in K* they are in K, and x = z.

Source: Tunçel, *Generalization of primal-dual interior-point methods to convex optimization
problems in conic form* (2001); Dahl, Andersen, *A primal-dual interior-point algorithm for
nonsymmetric exponential-cone optimization* (2022); Chares, *Cones and interior-point algorithms
for structured convex optimization involving powers and exponentials* (2009), for φ.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.special import wrightomega

from splitkit.problems.programs.scalings import Scaling, Vector

SHORTER = 0.8  # by which a step is shortened until it stays near the central path
SHORTEST = 1e-10
EXACTLY = 0.01  # to which part the longest step is found
INSET = 0.999  # part of the way to where a logarithm ends
NEAR = 1e-3  # 1/(μμ̃) at least, of points that are near the central path
CENTRED = 1e-7  # μμ̃ − 1 at which the secant equations are lost in rounding
ROUNDS = 60  # of Newton's method at most
ROUNDING = 1e-15
SETTLED = 1e-8  # part of a root by which the last step, of which the error is the square, moves it


class Barrier:
    """φ of cones of one kind, for points along the last axis, those of the cones before it.

    Attributes
    ----------
    above : slice
        The two entries of x that are positive inside, of which there are logarithms.
    weights : array, shape (count, 2)
        c, of these entries; 0 of the other.
    M : Turn
        K* = M⁻¹K.
    """

    above: slice
    weights: Any
    M: Turn

    def surfaces(self, X: Any) -> Any:
        """All ψⱼ, along the first axis, where the entries ``above`` are positive."""
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

    def centre(self, *, dual: bool) -> Any:
        """z with s = z on the central path, of slacks in K, or in K*."""
        raise NotImplementedError


class Turn:
    """A symmetric matrix M with one entry in each row, of each cone: v ↦ factors v[order]."""

    def __init__(self, factors: Any, order: list[int]) -> None:
        self.factors, self.order = factors, order

    def times(self, V: Any) -> Any:
        """Mv, of rows."""
        return self.factors * V[..., self.order]

    def over(self, V: Any) -> Any:
        """M⁻¹v, of rows."""
        return (V / self.factors)[..., self.order]


class Exponential(Barrier):
    """{(x, y, z): y exp(x/y) ≤ z, y > 0}."""

    above = slice(1, 3)
    # −u exp(v/u) ≤ ew of K* is y exp(x/y) ≤ z at (x, y, z) = (−v, −u, ew)
    M = Turn(np.array([-1.0, -1.0, np.e]), [1, 0, 2])

    def __init__(self, count: int) -> None:
        self.weights = np.ones((count, 2))

    def surfaces(self, X: Any) -> Any:
        y = X[..., 1]
        return (y * np.log(X[..., 2] / y) - X[..., 0])[None]

    def slopes(self, X: Any) -> Any:
        y, z = X[..., 1], X[..., 2]
        found = np.empty((1, *X.shape))
        found[0, ..., 0], found[0, ..., 1], found[0, ..., 2] = -1.0, np.log(z / y) - 1, y / z
        return found

    def root(self, X: Any) -> Any:
        _, y, z = X.T
        root, found = np.sqrt(y), np.zeros_like(X)
        found[:, 1], found[:, 2] = 1 / root, -root / z
        return found

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
        found = np.empty_like(S)
        y = found[:, 1] = -1 / (u * δ)
        z = found[:, 2] = (1 - u * y) / w
        found[:, 0] = y * np.log(z / y) + 1 / u
        return found

    def centre(self, *, dual: bool) -> Any:
        return np.tile(_centre_of_exponential(dual), (len(self.weights), 1))


@cache
def _centre_of_exponential(dual: bool) -> Any:
    """The least ½‖z‖² + φ(Mz), or ½‖z‖² + φ(z), by damped Newton steps."""
    barrier, M = Exponential(1), np.eye(3)
    if not dual:
        M = barrier.M.times(M)
    z = np.linalg.solve(M, [-1.0, 1.0, 1.0])
    for _ in range(ROUNDS):
        at = _Place(barrier, (M @ z)[None])
        F = at.root()[0] @ M
        g = z - M @ at.shadow[0]
        d = np.linalg.solve(np.eye(3) + F.T @ F, g)
        size = max(float(g @ d), 0.0) ** 0.5
        z = z - d / (1 + size)
        if size < 1e-13:
            break
    return z


class Power(Barrier):
    """{(x, y, z): xᵃyᵇ ≥ |z|}."""

    above = slice(0, 2)

    def __init__(self, share: Vector) -> None:
        self.a, self.b = share, 1 - share
        self.weights = np.stack((self.b, self.a), axis=1)
        self.M = Turn(np.stack((1 / self.a, 1 / self.b, self.a**0), axis=1), [0, 1, 2])

    def _product(self, X: Any) -> Vector:
        found: Vector = X[..., 0] ** self.a * X[..., 1] ** self.b
        return found

    def surfaces(self, X: Any) -> Any:
        p, z = self._product(X), X[..., 2]
        found = np.empty((2, *z.shape))
        found[0], found[1] = p - z, p + z
        return found

    def slopes(self, X: Any) -> Any:
        p = self._product(X)
        found = np.empty((2, *X.shape))
        found[..., 0], found[..., 1] = self.a * p / X[..., 0], self.b * p / X[..., 1]
        found[0, ..., 2], found[1, ..., 2] = -1.0, 1.0
        return found

    def root(self, X: Any) -> Any:
        size, found = np.sqrt(self.a * self.b * self._product(X)), np.zeros_like(X)
        found[:, 0], found[:, 1] = size / X[:, 0], -size / X[:, 1]
        return found

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
        q, found = 1 / p, np.empty_like(S)
        x = found[:, 0] = (1 + a + a * q) / u
        y = found[:, 1] = (1 + b + b * q) / v
        found[:, 2] = -w * x ** (2 * a) * y ** (2 * b) / (q + 2)
        return found

    def centre(self, *, dual: bool) -> Any:
        return np.stack((np.sqrt(1 + self.a), np.sqrt(1 + self.b), 0 * self.a), axis=1)


class _Place:
    """Points x of K, and what the barrier is there."""

    def __init__(self, barrier: Barrier, X: Any) -> None:
        self.barrier, self.X = barrier, X
        self.ψ = barrier.surfaces(X)
        self.parts = barrier.slopes(X) / self.ψ[..., None]
        self.shadow = self.parts.sum(axis=0)  # −φ'
        self.shadow[:, barrier.above] += barrier.weights / X[:, barrier.above]

    def root(self) -> Any:
        """F, FᵀF = φ''."""
        k, above = len(self.ψ), self.barrier.above
        F = np.zeros((len(self.X), k + 3, 3))
        F[:, :k] = self.parts.transpose(1, 0, 2)
        F[:, k] = self.barrier.root(self.X) * np.sqrt((1 / self.ψ).sum(axis=0))[:, None]
        ends = np.sqrt(self.barrier.weights) / self.X[:, above]
        F[:, k + 1, above.start], F[:, k + 2, above.start + 1] = ends.T
        return F

    def third(self, U: Any, V: Any) -> Any:
        """φ'''(x)[u, v]."""
        barrier, X, slopes, ψ = self.barrier, self.X, self.parts, self.ψ[:, :, None]
        g, above = barrier.root(X), barrier.above
        of_u, of_v = ((slopes * D).sum(axis=2, keepdims=True) for D in (U, V))
        bend_u, bend_v = ((g * D).sum(axis=1, keepdims=True) for D in (U, V))
        across = g * (bend_u * of_v + bend_v * of_u) + slopes * (bend_u * bend_v)
        terms = 2 * slopes * of_u * of_v + (across + barrier.third(X, U, V)) / ψ
        found = -terms.sum(axis=0)
        found[:, above] -= 2 * barrier.weights * U[:, above] * V[:, above] / X[:, above] ** 3
        return found


class Threefold(Scaling):
    """Exponential or power cones, or their duals."""

    order = 3
    symmetric = False

    def __init__(self, of: slice, barrier: Barrier, *, dual: bool) -> None:
        self.of, self.barrier, self.dual = of, barrier, dual
        self.degree = 3 * len(barrier.weights)
        self.unit = barrier.centre(dual=dual).ravel()
        self.next: tuple[Any, ...] | None = None

    def _points(self, s: Vector, z: Vector) -> tuple[Any, Any]:
        """s and x in K* and K."""
        S, Z = s.reshape(-1, 3), z.reshape(-1, 3)
        return (S, Z) if self.dual else (self.barrier.M.over(S), self.barrier.M.times(Z))

    def _both(self, s: Vector, z: Vector) -> Any:
        """s and z as points of K."""
        S, Z, M = s.reshape(-1, 3), z.reshape(-1, 3), self.barrier.M
        return np.stack((M.times(S), Z) if self.dual else (S, M.times(Z)))

    def _inside(self, both: Any) -> bool:
        barrier = self.barrier
        return bool((both[..., barrier.above] > 0).all() and (barrier.surfaces(both) > 0).all())

    def scale(self, s: Vector, z: Vector) -> None:
        self.s, self.z = s.copy(), z.copy()
        found = self.next
        if found is None or not (np.array_equal(found[0], s) and np.array_equal(found[1], z)):
            found = self._at(s, z)
        _, _, self.both, self.at, S, x̃ = found
        self.S, X, self.start = S, self.at.X, self.barrier.surfaces(self.both)
        L = np.asarray(np.linalg.qr(self.at.root(), mode="r"))
        self.inverse_root = _inverse(L)
        product = (X * S).sum(axis=1)
        μ = product / 3
        δs, δx = S - μ[:, None] * self.at.shadow, X - μ[:, None] * x̃
        across = (δs * δx).sum(axis=1)
        n, m = _cross(X, x̃), _cross(S, δs)
        W, inverse = np.empty((2, *L.shape))
        with np.errstate(all="ignore"):
            of_n = (self.inverse_root * n[:, :, None]).sum(axis=1)
            n *= np.sqrt(μ / (of_n * of_n).sum(axis=1))[:, None]
            m /= (m * n).sum(axis=1)[:, None]
            root, least = np.sqrt(product)[:, None], np.sqrt(across)[:, None]
            W[:, 0], W[:, 1], W[:, 2] = S / root, δs / least, n
            inverse[:, :, 0], inverse[:, :, 1], inverse[:, :, 2] = X / root, δx / least, m
            lost = ~(np.isfinite(W.sum(axis=(1, 2)) + inverse.sum(axis=(1, 2))))
        lost |= ~(across > CENTRED * product)
        if lost.any():  # on the central path
            W[lost] = np.sqrt(μ[lost])[:, None, None] * L[lost]
            inverse[lost] = _inverse(L[lost]) / np.sqrt(μ[lost])[:, None, None]
        if not self.dual:
            M = self.barrier.M
            W = (W * M.factors[..., None, :])[..., M.order]
            inverse = (inverse / M.factors[..., None])[:, M.order]
        self.W, self.inverse = W, inverse
        self.H, self.H_inverse = W.transpose(0, 2, 1) @ W, inverse @ inverse.transpose(0, 2, 1)

    def _at(self, s: Vector, z: Vector) -> tuple[Any, ...]:
        """What ``scale`` needs of points inside."""
        S, X = self._points(s, z)
        return s, z, self._both(s, z), _Place(self.barrier, X), S, self.barrier.shadow(S)

    def to_dual(self, v: Vector) -> Vector:
        return v

    from_dual = to_slack = from_slack = to_dual

    def times(self, v: Vector) -> Vector:
        return _apply(self.H, v)

    def over(self, v: Vector) -> Vector:
        return _apply(self.H_inverse, v)

    def half(self, v: Any) -> Any:
        return _apply(self.inverse.transpose(0, 2, 1), v)

    def squares(self) -> Any:
        return self.H

    def inverse_squares(self) -> Any:
        return self.H_inverse.copy()

    def target(self, ds: Vector, dz: Vector, μ: float) -> Vector:
        found = μ * self.at.shadow - self.S
        if ds.any():
            dS, dX = self._points(ds, dz)
            R = self.inverse_root
            curved = (R * (R * dS[:, :, None]).sum(axis=1)[:, None, :]).sum(axis=2)
            found += 0.5 * self.at.third(dX, curved)
        return (found if self.dual else self.barrier.M.times(found)).ravel()

    def longest(self, ds: Vector, dz: Vector) -> float:
        """A step that stays inside, at most 1, by Newton's steps from outside, and chords, of ψ,
        which are concave.
        """
        barrier, both, along = self.barrier, self.both, self._both(ds, dz)
        above = barrier.above
        fall = float((-along[..., above] / both[..., above]).max())
        t = 1.0 if fall < INSET else INSET / fall
        for _ in range(ROUNDS):
            X = both + t * along
            ψ = barrier.surfaces(X)
            beyond = ψ <= 0
            if not beyond.any():
                break
            of, start = ψ[beyond], self.start[beyond]
            shorter = t * float((start / (start - of)).min())
            slopes = (barrier.slopes(X) * along).sum(axis=-1)[beyond]
            t = min(t, t - float((of / slopes).max()))
            if not t > (1 + EXACTLY) * shorter:
                return shorter
        return t

    def centred(self, α: float, ds: Vector, dz: Vector) -> float:
        """A step of at most α that stays near the central path."""
        while α > SHORTEST:
            s, z = self.s + α * ds, self.z + α * dz
            if self._inside(self._both(s, z)):
                with np.errstate(all="ignore"):
                    found = self._at(s, z)
                    _, _, _, at, S, x̃ = found
                    of_shadows = (at.shadow * x̃).sum(axis=1)
                    near = of_shadows * (at.X * S).sum(axis=1) < 9 / NEAR
                if near.all():
                    self.next = found
                    return α
            α *= SHORTER
        return α


def _inverse(R: Any) -> Any:
    """The inverses of upper triangular matrices."""
    found = np.zeros_like(R)
    i = np.arange(3)
    found[:, i, i] = 1 / R[:, i, i]
    a, b, c = found[:, 0, 0], found[:, 1, 1], found[:, 2, 2]
    found[:, 0, 1] = -R[:, 0, 1] * a * b
    found[:, 1, 2] = -R[:, 1, 2] * b * c
    found[:, 0, 2] = -(R[:, 0, 1] * found[:, 1, 2] + R[:, 0, 2] * c) * a
    return found


def _cross(U: Any, V: Any) -> Any:
    (a, b, c), (x, y, z) = U.T, V.T
    found = np.empty_like(U)
    found[:, 0], found[:, 1], found[:, 2] = b * z - c * y, c * x - a * z, a * y - b * x
    return found


def _apply(M: Any, v: Vector) -> Vector:
    """Of each cone its matrix times it, of a vector, or of the columns of a matrix, whose rows are
    those of all cones.
    """
    found: Vector = (M @ v.reshape(len(M), 3, -1)).reshape(v.shape)
    return found
