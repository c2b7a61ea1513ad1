"""Matrices exp(U + a1ᵀ + 1bᵀ) with given sums of rows and columns, and those of a prox.

    Xᵢⱼ = exp(Zᵢⱼ),  or the root of log Xᵢⱼ + Xᵢⱼ/s = Zᵢⱼ,  Z = U + a1ᵀ + 1bᵀ,  X1 = p,  Xᵀ1 = q

A pass scales rows and then columns in turn (Sinkhorn) and takes a Newton step for a and b at once,
shortened until it lessens the error of the sums. Where U is spread wide, U/τ leads there, τ falling
to 1 by halves: from one to the next a and b follow the tangent of their path in 1/τ.

Source: Sinkhorn, *Diagonal equivalence to matrices with prescribed row and column sums* (1967);
Brauer, Clason, Lorenz, Wirth, *A Sinkhorn-Newton method for entropic optimal transport* (2017);
Schmitzer, *Stabilized sparse scaling algorithms for entropy regularized transport problems* (2019),
for τ.
"""

from __future__ import annotations

import math

from splitkit.backend import (
    Array,
    clip,
    held_fixed,
    namespace,
    searched,
    solving,
    transposed,
    with_derivative,
)
from splitkit.functions.inner.omega import omega
from splitkit.functions.inner.transport import marginals_of, total_of

STEPS = 400
SPREAD = 20.0  # of U, up to which no τ is needed
COOLING = 2.0  # by what τ falls
SHORTER = (1.0, 0.5, 0.25, 0.0625)


def scaled_to(
    U: Array, p: Array, q: Array, s: Array | None, accuracy: float, name: str, support: Array
) -> Array:
    """X for U of shape (…, m, n), p of (…, m, 1) and q of (…, 1, n), in float64, and s of
    (…, 1, 1), None for ∞; zero off the support. The name is for the error.
    """
    xp = namespace(U)
    allowed = support & (p > 0) & (q > 0)
    U = xp.where(allowed, U, 0.0)
    count = 0.0 * U + p + q  # broadcasts p, q and s to all matrices
    P, Q = count[..., :1] * 0.0 + p, count[..., :1, :] * 0.0 + q
    S = P[..., :1, :] * 0.0 + (math.inf if s is None else s)
    held = (U + 0.0 * count, P, Q, S, xp.astype(allowed, U.dtype) + 0.0 * count)

    def search(*arrays: Array) -> tuple[Array]:
        return (_search(*arrays, accuracy=accuracy, name=name),)

    (found,) = searched(search, ((tuple(held[0].shape), U.dtype),), *held)
    data = (U, p, q) if s is None else (U, p, q, s)
    return with_derivative(found, data, lambda: _tangent(found, U, p, q, s, allowed))


def _masses(Z: Array, s: Array, allowed: Array) -> tuple[Array, Array]:
    """X and dX/dZ."""
    xp = namespace(Z)
    finite = s < math.inf
    held = xp.where(finite, s, 1.0)
    w = omega(Z - xp.log(held))[0]
    free = xp.exp(clip(xp.where(finite, 0.0, Z), None, 700.0))
    X = xp.where(allowed, xp.where(finite, held * w, free), 0.0)
    return X, X / (1 + xp.where(finite, w, 0.0))


def _search(
    U: Array, p: Array, q: Array, s: Array, mask: Array, *, accuracy: float, name: str
) -> Array:
    xp = namespace(U)
    eps = float(xp.finfo(U.dtype).eps)
    allowed = mask > 0
    low = xp.where(allowed, U, math.inf)
    top = xp.max(xp.where(allowed, U, -math.inf), axis=(-2, -1), keepdims=True)
    some = top > -math.inf
    spread = xp.where(some, top - xp.min(low, axis=(-2, -1), keepdims=True), 0.0)
    U = U - xp.where(some, top, 0.0)
    total = total_of(p)
    doublings = xp.ceil(xp.log(clip(spread / SPREAD, 1.0)) / math.log(COOLING))
    tau = COOLING**doublings
    log_p, log_q = (xp.log(xp.where(a > 0, a, 1.0)) for a in (p, q))
    a, b = 0.0 * p, 0.0 * q
    X, running = 0.0 * U, total > 0
    reached = total * 0.0 + math.inf

    def at(a: Array, b: Array, tau: Array) -> tuple[Array, Array, Array, Array, Array]:
        X, W = _masses(U / tau + a + b, s * tau, allowed)
        g, h = _sums(X, -1) - p, _sums(X, -2) - q
        return X, W, g, h, total_of(abs(g)) + total_of(abs(h))

    for _ in range(STEPS):
        # rows, then columns: for s = ∞ each of the two is exact
        for axis in (-1, -2):
            Z, target = U / tau + a + b, (log_p if axis == -1 else log_q)
            X, W = _masses(Z, s * tau, allowed)
            sums, slopes = _sums(X, axis), _sums(W, axis)
            some = (sums > 0) & (slopes > 0)
            gap = target - xp.log(xp.where(some, sums, 1.0))
            move = xp.where(some, gap * sums / xp.where(some, slopes, 1.0), 0.0)
            if axis == -1:
                a = xp.where(running & (p > 0), a + move, a)
            else:
                b = xp.where(running & (q > 0), b + move, b)
        X, W, g, h, error = at(a, b, tau)
        d, e = _newton(W, g, h)
        best, da, db = error, 0.0 * d, 0.0 * e
        for t in SHORTER:
            error_t = at(a - t * d, b - t * e, tau)[-1]
            better = error_t < best
            best = xp.where(better, error_t, best)
            da, db = xp.where(better, t * d, da), xp.where(better, t * e, db)
        a, b = xp.where(running, a - da, a), xp.where(running, b - db, b)
        X, W, _, _, error = at(a, b, tau)
        # Z is rounded as what is added up to it
        size = _greatest(U) / tau + _greatest(a) + _greatest(b)
        floor = accuracy * total + 4 * eps * size * total_of(W)
        near = error <= xp.maximum(xp.where(tau > 1, 1e-8 * total, 0.0), floor)
        # at the end it goes on while a step still helps, which leaves rounding
        done = near & (tau <= 1) & (2 * error >= reached)
        reached = xp.where(near & (tau <= 1), error, math.inf)
        running = running & ~done
        if not bool(xp.any(running)):
            return _polished(X, W, p, q)
        cooler = running & near & (tau > 1)
        # along the path of 1/τ, X keeps its sums to first order
        rise = W * (U - X / s)
        d, e = _newton(W, _sums(rise, -1), _sums(rise, -2))
        more = xp.where(cooler, (COOLING - 1) / tau, 0.0)
        tau = xp.where(cooler, tau / COOLING, tau)
        a, b = a - more * d, b - more * e
    wide = float(xp.max(spread))
    raise ArithmeticError(
        f"the scaling of a matrix to the sums of {name} did not reach {accuracy:.2g} in {STEPS} "
        f"steps; logarithms of entries differ by {wide:.2g}: give the entropy more weight, or a "
        "larger accuracy"
    )


def _polished(X: Array, W: Array, p: Array, q: Array) -> Array:
    """X with the sums p and q to the rounding of X, which that of Z does not give."""
    for _ in range(2):
        d, e = _newton(W, _sums(X, -1) - p, _sums(X, -2) - q)
        X = clip(X - W * (d + e), 0.0)
    return X


def _greatest(x: Array) -> Array:
    return namespace(x).max(abs(x), axis=(-2, -1), keepdims=True)


def _newton(W: Array, g: Array, h: Array) -> tuple[Array, Array]:
    """The step in a and b, of the error of the sums; of their null vector (1, −1) nothing."""
    xp = namespace(W)
    m, n = W.shape[-2:]
    degrees = xp.concat([_sums(W, -1), transposed(_sums(W, -2))], axis=-2)
    root = xp.where(degrees > 0, xp.where(degrees > 0, degrees, 1.0) ** -0.5, 0.0)
    damping = 4 * (m + n) * float(xp.finfo(W.dtype).eps)
    H = root * marginals_of(W, 0.0) * transposed(root)
    H = H + damping * marginals_of(0.0 * W, 1.0)
    d = root * xp.linalg.solve(H, root * xp.concat([g, transposed(h)], axis=-2))
    return d[..., :m, :], transposed(d[..., m:, :])


def _tangent(X: Array, U: Array, p: Array, q: Array, s: Array | None, allowed: Array) -> Array:
    """X + W ∘ (δZ) with the sums p and q, which has the derivatives of X in the data."""
    xp = namespace(U)
    W = X if s is None else X / (1 + X / held_fixed(s))
    log = xp.log(xp.where(X > 0, X, 1.0))
    gap = U - log if s is None else U - X / s - log
    rest = xp.where(allowed & (X > 0), gap, 0.0)
    W = xp.where(allowed, W, 0.0)
    with solving(U):
        inverse = xp.linalg.pinv(marginals_of(W, 0.0))
    error = xp.concat(
        [_sums(X + W * rest, -1) - p, transposed(_sums(X + W * rest, -2) - q)], axis=-2
    )
    d = inverse @ error
    m = U.shape[-2]
    return X + W * (rest - d[..., :m, :] - transposed(d[..., m:, :]))


def _sums(X: Array, axis: int) -> Array:
    return namespace(X).sum(X, axis=axis, keepdims=True)
