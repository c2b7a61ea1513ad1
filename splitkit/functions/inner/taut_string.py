"""argmin_x ½‖x − y‖² + Σₖ w₊(xₖ − xₖ₊₁)₊ + w₋(xₖ₊₁ − xₖ)₊, exactly, for each vector of a batch.

For w₊ = w₋ it is the prox of the total variation, for w₊ = 0 and w₋ = ∞ the projection onto the
decreasing vectors. The sums σₖ = Σ_{i≤k} (yᵢ − xᵢ) stay in [−w₋, w₊] and are at the upper end
where x falls, at the lower one where it rises: σ determines where x is constant.

Whether xₖ > θ is the same problem with two labels, whose best labelling is found along the chain:
f ← min(max(f, −w₋), w₊) + yₖ − θ forward, the label by f > w₊ or f < −w₋, else the next one's. With
θ the mean of x, the labels divide the vector into pieces at whose ends σ is known, so that each
piece has the same form; a piece with one label is constant. All pieces of all vectors are divided
at once; each recursion along the chain composes maps u ↦ min(max(u + c, l), h), which are closed
under composition, in log₂ n passes. As many rounds as divisions in depth: log₂ n for noise, n at
worst; each ends with one look from the host whether a piece was divided.

Source: Chambolle, Darbon, *On total variation minimization and surface evolution using parametric
maximum flows* (2009), whose division this is.
"""

from __future__ import annotations

from splitkit.backend import Array, clip, namespace, solving, with_derivative
from splitkit.functions.inner.block_means import block_means


def taut_string(y: Array, falling: Array, rising: Array) -> Array:
    """The minimizer along the last axis of y, to rounding.

    Parameters
    ----------
    y : array, shape (..., n), n > 0
    falling, rising : array, shape (..., 1)
        w₊ and w₋, non-negative; inf in one of them forbids.
    """
    with solving(y):
        found, apart, down = _divided(y, falling, rising)

    def means() -> Array:
        xp, edge = namespace(y), 0.0 * y[..., :1]
        sigma = xp.where(apart, xp.where(down, falling, -rising), 0.0)
        entering, leaving = xp.concat([edge, sigma], axis=-1), xp.concat([sigma, edge], axis=-1)
        return block_means(y + entering - leaving, apart)

    return with_derivative(found, (y, falling, rising), means)


def _divided(y: Array, falling: Array, rising: Array) -> tuple[Array, Array, Array]:
    """The minimizer, after which entries a piece ends, and after which x falls."""
    xp, inf = namespace(y), float("inf")
    ones, edge = xp.ones_like(y), xp.zeros_like(y[..., :1])
    closed = xp.ones_like(edge, dtype=xp.bool)
    apart = down = xp.zeros_like(y[..., 1:], dtype=xp.bool)
    sigma = xp.zeros_like(y[..., 1:])  # σ where a piece ends
    while True:
        first, last = xp.concat([closed, apart], axis=-1), xp.concat([apart, closed], axis=-1)
        before, after = xp.concat([edge, sigma], axis=-1), xp.concat([sigma, edge], axis=-1)
        # the sums over each piece, by adding up from its first entry and from its last
        v = xp.stack([y + xp.where(first, before, 0.0) - xp.where(last, after, 0.0), ones])
        left = _compose(xp.where(first, v, -inf), xp.where(first, v, inf), v)
        right = _backwards(xp.where(last, v, -inf), xp.where(last, v, inf), v)
        sums = left + right - v
        mean = sums[0, ...] / sums[1, ...]
        e = y - mean
        low, high = xp.where(first, before, -rising), xp.where(first, before, falling)
        f = _compose(low + e, high + e, e)
        above = f > xp.where(last, after, falling)
        below = xp.where(last, ~above, f < -rising)
        label = _backwards(xp.where(above, ones, 0.0), xp.where(below, 0.0, ones), 0.0 * ones)
        falls, rises = label[..., :-1] > label[..., 1:], label[..., :-1] < label[..., 1:]
        falls, rises = falls & ~apart, rises & ~apart
        if not bool(xp.any(falls | rises)):
            return mean, apart, down
        sigma = xp.where(falls, falling, xp.where(rises, -rising, sigma))
        apart, down = apart | falls | rises, down | falls


def _compose(low: Array, high: Array, c: Array) -> Array:
    """fₖ ∘ … ∘ f₁ for every k, with fₖ(u) = min(max(u + cₖ, lowₖ), highₖ) and f₁ constant."""
    xp, shift = namespace(low), 1
    ends = xp.stack([low, high])
    while shift < c.shape[-1]:
        own, moved = ends[..., shift:], c[..., shift:]
        within = clip(ends[..., :-shift] + moved, own[:1, ...], own[1:, ...])
        ends = xp.concat([ends[..., :shift], within], axis=-1)
        c = xp.concat([c[..., :shift], c[..., :-shift] + moved], axis=-1)
        shift *= 2
    return ends[0, ...]


def _backwards(low: Array, high: Array, c: Array) -> Array:
    """The same from the last entry to the first."""
    xp = namespace(low)
    return xp.flip(_compose(*(xp.flip(a, axis=-1) for a in (low, high, c))), axis=-1)
