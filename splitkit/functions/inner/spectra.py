"""Q diag(p(λ)) Qᵀ of a symmetric matrix and U diag(p(σ)) Vᵀ of any, with derivatives everywhere.

Along the matrices E, with Z = QᵀEQ, the derivative of Q diag(p(λ)) Qᵀ is

    Q(diag(Jz) + Δ ∘ Z)Qᵀ,   z = diag Z,   Δᵢⱼ = (pᵢ − pⱼ)/(λᵢ − λⱼ) off the diagonal,

J the Jacobian of p; and that of U diag(p(σ)) Vᵀ likewise, with Δ for the symmetric part of UᵀEV,
(pᵢ + pⱼ)/(σᵢ + σⱼ) for the skew part, pᵢ/σᵢ for what leaves the range of U or V. A library's
derivatives of Q, U and V divide by λᵢ − λⱼ. They are used, of every order, where these are apart;
elsewhere the formula, of first order, with Δ taken of values that are spread a little.

Source: Lewis, Sendov, *Twice differentiable spectral functions* (2001), and *Nonsmooth analysis of
singular values* (2005); Ding, Sun, Sun, Toh, *Spectral operators of matrices* (2018).
"""

from __future__ import annotations

from collections.abc import Callable

from splitkit.backend import (
    Array,
    Scalar,
    align,
    are_values_at_hand,
    clip,
    device,
    differentiating,
    holds,
    namespace,
    real_part,
    solving,
    to_numpy,
    transposed,
    with_derivative,
)

BITS = 10  # of an answer, that a Gram matrix may lose
LARGE = 32  # rows and columns, from which on a Gram matrix pays

Values = Callable[[Array], Array]  # p, of vectors in the last axis, invariant under permutations


def of_eigenvalues(x: Array, p: Values) -> Array:
    """Q diag(p(λ)) Qᵀ for symmetric x = Q diag(λ) Qᵀ in the last two axes."""
    if not differentiating(x):
        return _symmetric(*_eigh(x), p)
    xp, n, real = namespace(x), x.shape[-1], real_part(x).dtype
    count = xp.arange(1, n + 1, dtype=real, device=device(x))
    with solving(x):
        values, Q = _eigh(x)
        found = _symmetric(values, Q, p)
        close, step = _close(values[..., 1:] - values[..., :-1], values)
        spread = values + step * count
        of_spread = p(spread)

    def derived() -> Array:
        own, Q_own = _eigh(xp.where(close, xp.eye(n, dtype=x.dtype, device=device(x)) * count, x))
        Z = transposed(Q) @ x @ Q
        at = p(xp.where(close[..., 0], real_part(xp.linalg.diagonal(Z)), own))
        return xp.where(
            close,
            Q @ (_quotients(of_spread, spread, -1.0) * Z + _diagonal(at)) @ transposed(Q),
            (Q_own * at[..., None, :]) @ transposed(Q_own),
        )

    return with_derivative(found, (x,), lambda: _mean(derived()))


def of_singular_values(x: Array, p: Values, least: Scalar = None) -> Array:
    """U diag(p(σ)) Vᵀ for x = U diag(σ) Vᵀ in the last two axes; p odd in each entry, too. With
    ``least``, for each matrix, p is nonexpansive and 0 up to it.
    """
    if not differentiating(x):
        found = None if least is None else _by_gram_matrix(x, p, least)
        return _rectangular(*_svd(x), p) if found is None else found
    xp, k, real = namespace(x), min(x.shape[-2:]), real_part(x).dtype
    count = xp.arange(k, 0, -1, dtype=real, device=device(x))
    with solving(x):
        U, values, Vt = _svd(x)
        found = _rectangular(U, values, Vt, p)
        # the least one is as far from its negative, or from 0, as it is long
        gaps = xp.concat([values[..., :-1] - values[..., 1:], values[..., -1:]], axis=-1)
        close, step = _close(gaps, values)
        spread = values + step * count
        of_spread = p(spread)

    def derived() -> Array:
        apart = xp.eye(*x.shape[-2:], dtype=x.dtype, device=device(x))
        apart = apart[..., :k, :] * count[:, None] if k < x.shape[-1] else apart * count
        U_own, own, Vt_own = _svd(xp.where(close, apart, x))
        V, Ut = transposed(Vt), transposed(U)
        Z = Ut @ x @ V
        at = p(xp.where(close[..., 0], real_part(xp.linalg.diagonal(Z)), own))
        even, odd = (Z + transposed(Z)) / 2, (Z - transposed(Z)) / 2
        inside = _quotients(of_spread, spread, -1.0) * even + _diagonal(at)
        inside = inside + _quotients(of_spread, spread, 1.0) * odd
        share = (of_spread / xp.where(close[..., 0], spread, 1.0))[..., None, :]
        beyond = (((x - U @ (Ut @ x)) @ V) * share) @ Vt
        beyond = beyond + (U * share) @ (Ut @ (x - (x @ V) @ Vt))
        curved = U @ inside @ Vt + beyond
        return xp.where(close, curved, (U_own * at[..., None, :]) @ Vt_own)

    return with_derivative(found, (x,), derived)


def derivative_at(x: Array, p: Values, slope: Values) -> Callable[[Array], Array]:
    """The derivative of U diag(p(σ)) Vᵀ at x along a direction, p acting on each σ by itself, with
    this slope, which quotients are where values coincide or vanish.
    """
    xp = namespace(x)
    U, values, Vt = _svd(x)
    V, Ut = transposed(Vt), transposed(U)
    at, steep = p(values), slope(values) + xp.zeros_like(values)
    step = _apart(values)
    even, odd = (_slopes_between(values, at, steep, sign) for sign in (-1.0, 1.0))
    away = values > step
    share = xp.where(away, at / xp.where(away, values, 1.0), steep)[..., None, :]

    def along(d: Array) -> Array:
        Z = Ut @ d @ V
        inside = even * _mean(Z) + odd * (Z - transposed(Z)) / 2
        beyond = (((d - U @ (Ut @ d)) @ V) * share) @ Vt
        return U @ inside @ Vt + beyond + (U * share) @ (Ut @ (d - (d @ V) @ Vt))

    return along


def symmetric_derivative_at(x: Array, p: Values, slope: Values) -> Callable[[Array], Array]:
    """The derivative of Q diag(p(λ)) Qᵀ at symmetric x along the symmetric part of a direction, p
    acting on each λ by itself, with this slope, which quotients are where values coincide.
    """
    values, Q = _eigh(x)
    between = _slopes_between(values, p(values), slope(values) + 0.0 * values, -1.0)
    return lambda d: _mean(Q @ (between * (transposed(Q) @ _mean(d) @ Q)) @ transposed(Q))


def _apart(values: Array) -> Array:
    """By how much values differ at least, of which quotients are taken."""
    xp = namespace(values)
    size = xp.max(abs(values), axis=-1, keepdims=True)
    return float(xp.finfo(values.dtype).eps) ** 0.5 * size


def _slopes_between(values: Array, at: Array, steep: Array, sign: float) -> Array:
    """(pᵢ ± pⱼ)/(λᵢ ± λⱼ), and the mean of the slopes where the denominator is small."""
    xp = namespace(values)
    below = values[..., :, None] + sign * values[..., None, :]
    apart = abs(below) > _apart(values)[..., None]
    ratio = (at[..., :, None] + sign * at[..., None, :]) / xp.where(apart, below, 1.0)
    return xp.where(apart, ratio, (steep[..., :, None] + steep[..., None, :]) / 2)


def drawn_in(x: Array, radius: Scalar, size: Values, p: Values) -> Array:
    """U diag(p(σ)) Vᵀ of the matrices whose size(σ), of length 1, is beyond the radius of a ball;
    the others as they are.
    """
    xp = namespace(x)
    sizes: list[Array] = []

    def nearest(sigma: Array) -> Array:
        sizes.append(size(sigma))
        return p(sigma)

    found = of_singular_values(x, nearest)
    radius = align(radius, sizes[0])
    outside = (sizes[0] > radius) | (radius == 0)  # 0 is on the boundary of the ball {0}
    return xp.where(xp.expand_dims(outside, axis=-1), found, x)


def _eigh(x: Array) -> tuple[Array, Array]:
    values, Q = namespace(x).linalg.eigh(x)
    return values, Q


def _svd(x: Array) -> tuple[Array, Array, Array]:
    U, values, Vt = namespace(x).linalg.svd(x, full_matrices=False)
    return U, values, Vt


def _symmetric(values: Array, Q: Array, p: Values) -> Array:
    return _mean((Q * p(values)[..., None, :]) @ transposed(Q))


def _rectangular(U: Array, values: Array, Vt: Array, p: Values) -> Array:
    return (U * p(values)[..., None, :]) @ Vt


def _by_gram_matrix(x: Array, p: Values, least: Scalar) -> Array | None:
    """XQ diag(p(σ)/σ) Qᵀ by XᵀX = Q diag(σ²) Qᵀ, or by XXᵀ if that is smaller: for large matrices
    half the work. None where its rounding would count.

    That of XᵀX, ε‖X‖² for the machine's ε, changes a σ ≥ ``least`` by ε‖X‖²/2σ, so that the answer
    is as exact as ε‖X‖ times ‖X‖/2``least``: ``BITS`` are lost at the most.
    """
    *_, rows, columns = x.shape
    if min(rows, columns) < LARGE or not are_values_at_hand(x):
        return None
    xp, tall = namespace(x), rows >= columns
    info = xp.finfo(x.dtype)
    smallest = xp.zeros_like(real_part(x[..., 0, :1])) + align(least, x[..., 0])
    if float(info.eps) > 1e-12 or not holds(
        smallest**2 > float(info.smallest_normal) / float(info.eps)
    ):
        return None
    gram = transposed(x) @ x if tall else x @ transposed(x)
    most = (2.0**BITS * smallest) ** 2
    if not holds(real_part(xp.linalg.diagonal(gram)) < most):
        return None  # ‖X‖² is at least as large
    squares, Q = _eigh(gram)
    if not holds(squares < most):
        return None
    values = xp.sqrt(clip(squares, 0.0))
    share = p(values) / xp.where(values > 0, values, 1.0)
    drawn = to_numpy(share != 0).reshape(-1, share.shape[-1]).any(axis=0)  # ascending, as values
    share, Q = share[..., int((~drawn).sum()) :], Q[..., int((~drawn).sum()) :]
    if tall:
        return ((x @ Q) * share[..., None, :]) @ transposed(Q)
    return (Q * share[..., None, :]) @ (transposed(Q) @ x)


def _mean(x: Array) -> Array:
    """The symmetric part."""
    return (x + transposed(x)) / 2


def _close(gaps: Array, values: Array) -> tuple[Array, Array]:
    """Whether values nearly coincide, for each matrix; and a step that tells them apart, else 0."""
    xp = namespace(values)
    size = xp.max(abs(values), axis=-1, keepdims=True)
    step = float(xp.finfo(values.dtype).eps) ** 0.5 * xp.where(size > 0, size, 1.0)
    close = xp.any(gaps <= step, axis=-1, keepdims=True)
    return close[..., None], xp.where(close, step, 0.0)


def _diagonal(values: Array) -> Array:
    """diag(values)."""
    xp, n = namespace(values), values.shape[-1]
    return values[..., None, :] * xp.eye(n, dtype=values.dtype, device=device(values))


def _quotients(p: Array, values: Array, sign: float) -> Array:
    """(pᵢ ± pⱼ)/(λᵢ ± λⱼ) off the diagonal, on which (pᵢ − pᵢ)/(λᵢ − λᵢ) is 0."""
    xp, n = namespace(p), p.shape[-1]
    off = ~xp.eye(n, dtype=xp.bool, device=device(p))
    below = values[..., :, None] + sign * values[..., None, :]
    ratio = (p[..., :, None] + sign * p[..., None, :]) / xp.where(below != 0, below, 1.0)
    return xp.where(off, ratio, 0.0) if sign < 0 else ratio
