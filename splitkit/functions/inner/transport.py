"""The multipliers of the projection onto a transport polytope, nearly, by an interior-point method.

    X − Y + α1ᵀ + 1βᵀ = Z ≥ 0,    X ≥ 0,    X1 = p,    Xᵀ1 = q,    XᵢⱼZᵢⱼ = μ → 0.

With W = X/(X + Z), a Newton step is W ∘ (ρ − dα1ᵀ − 1dβᵀ) with the marginals that X misses. Masses
of any sizes take about fifty steps, as the steps in α and β are scaled by the marginals of W.

Source: Mehrotra, *On the implementation of a primal-dual interior point method* (1992).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from splitkit.backend import Array, Scalar, clip, device, namespace, transposed

STEPS = 100


def interior_multipliers(Y: Array, p: Array, q: Array, allowed: Array) -> tuple[Array, Array]:
    """α and β, off by about 1e-12 of the size of Y, for p of shape (…, m, 1) and q (…, 1, n), and
    the mask of the entries that may carry something.

    Masses below the rounding of the total are left out: on the central path their multipliers are
    as large as they are small.
    """
    xp = namespace(Y)
    eps, (m, n) = float(xp.finfo(Y.dtype).eps), Y.shape[-2:]
    total = total_of(p)
    least = eps / (m + n) * total
    P, Q = xp.where(p > least, p, 0.0), xp.where(q > least, q, 0.0)
    mask = allowed & (P > 0) & (Q > 0)
    count = clip(total_of(xp.astype(mask, Y.dtype)), 1.0)
    top = xp.max(Y, axis=(-2, -1), keepdims=True)
    span = top - xp.min(Y, axis=(-2, -1), keepdims=True)
    size = xp.where(total > 0, (span + total) * total, 1.0)
    held, asked = total_of(P), total_of(Q)
    Q = Q * (held / xp.where(asked > 0, asked, 1.0))
    # independent marginals, and Z such that products of entries are comparable
    X = xp.where(mask, P * Q / xp.where(held > 0, held, 1.0), 0.0)
    alpha = top + xp.where(P > 0, size / (2 * n * xp.where(P > 0, P, 1.0)), 0.0)
    beta = xp.where(Q > 0, size / (2 * m * xp.where(Q > 0, Q, 1.0)), 0.0)
    Z = xp.where(mask, X - Y + alpha + beta, 1.0)
    for _ in range(STEPS):
        mu = total_of(X * Z) / count
        running = mu * count > eps**1.2 * size
        if not bool(xp.any(running)):
            break
        missing = xp.concat([P - _sums(X, -1), transposed(Q - _sums(X, -2))], axis=-2)
        dual = X - Y + alpha + beta - Z
        step = _newton(X, Z, mask, missing, dual)
        D, E, _, _ = step(0.0 * X)
        far = xp.minimum(_furthest(X, D), _furthest(Z, E))
        left = total_of((X + far * D) * (Z + far * E)) / count
        D, E, a, b = step(clip((left / mu) ** 3, 1e-3) * mu - D * E)
        far = xp.where(running, xp.minimum(_furthest(X, D), _furthest(Z, E)), 0.0)
        X, Z, alpha, beta = X + far * D, Z + far * E, alpha + far * a, beta + far * b
    # what was left out begins where it would carry something
    low = xp.min(Y, axis=(-2, -1), keepdims=True) - xp.max(abs(beta), axis=(-2, -1), keepdims=True)
    highest = xp.max(xp.where(Q > 0, Y - beta, low), axis=-1, keepdims=True)
    alpha = xp.where(P > 0, alpha, highest)
    return alpha, xp.where(Q > 0, beta, xp.max(Y - alpha, axis=-2, keepdims=True))


def _newton(
    X: Array, Z: Array, mask: Array, missing: Array, dual: Array
) -> Callable[[Array], tuple[Array, Array, Array, Array]]:
    """The map of a product to the step in X, Z, α and β towards X ∘ Z = product."""
    xp = namespace(X)
    m, n = X.shape[-2:]
    W, safe = xp.where(mask, X / (X + Z), 0.0), xp.where(mask, X, 1.0)
    identity = xp.eye(m + n, dtype=X.dtype, device=device(X))
    degrees = xp.concat([_sums(W, -1), transposed(_sums(W, -2))], axis=-2)
    root = xp.where(degrees > 0, xp.where(degrees > 0, degrees, 1.0) ** -0.5, 0.0)
    damping = 64 * float(xp.finfo(X.dtype).eps)  # (1, −1) is a null vector
    H = root * marginals_of(W, 0.0) * transposed(root) + damping * identity

    def step(product: Array) -> tuple[Array, Array, Array, Array]:
        rho = xp.where(mask, product / safe - Z - dual, 0.0)
        right = W * rho
        sums = xp.concat([_sums(right, -1), transposed(_sums(right, -2))], axis=-2)
        d = root * xp.linalg.solve(H, root * (sums - missing))
        a, b = d[..., :m, :], transposed(d[..., m:, :])
        D = W * (rho - a - b)
        return D, xp.where(mask, product / safe - Z - Z / safe * D, 0.0), a, b

    return step


def _furthest(X: Array, D: Array) -> Array:
    """Nearly the longest step, at most 1, that leaves each matrix X positive."""
    xp = namespace(X)
    down = D < 0
    steps = xp.where(down, X / xp.where(down, -D, 1.0), math.inf)
    return clip(0.99 * xp.min(steps, axis=(-2, -1), keepdims=True), None, 1.0)


def marginals_of(S: Array, damping: Scalar) -> Array:
    """H: (α, β) ↦ the marginals of S ∘ (α1ᵀ + 1βᵀ), and a multiple of the identity."""
    xp = namespace(S)
    m, n = S.shape[-2:]
    diagonal = xp.concat([xp.sum(S, axis=-1), xp.sum(S, axis=-2)], axis=-1)
    identity = xp.eye(m + n, dtype=S.dtype, device=device(S))
    corner = xp.zeros((*S.shape[:-2], m, m), dtype=S.dtype, device=device(S))
    end = xp.zeros((*S.shape[:-2], n, n), dtype=S.dtype, device=device(S))
    top, bottom = xp.concat([corner, S], axis=-1), xp.concat([transposed(S), end], axis=-1)
    return xp.concat([top, bottom], axis=-2) + identity * (diagonal + damping)[..., None, :]


def _sums(X: Array, axis: int) -> Array:
    return namespace(X).sum(X, axis=axis, keepdims=True)


def total_of(x: Array) -> Array:
    """The sum over each matrix, both axes kept with length 1."""
    return namespace(x).sum(x, axis=(-2, -1), keepdims=True)
