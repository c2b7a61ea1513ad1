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

In the host's memory, where Numba is installed, two compiled scans along each vector do instead
(``scanned_string.py``). Else a guess is made there first, and kept where it is right: the σₖ at an
end of the interval are the active ones, x has the means of the pieces between them, and the next
are those whose x still moves their way and those whose σ would leave the interval. On data with
noise that ends in ten to fifty rounds, of which all but the first few concern few pieces; on smooth
data a piece may grow by one entry a round.

Sources: Chambolle, Darbon, *On total variation minimization and surface evolution using parametric
maximum flows* (2009), whose division this is; Han, Curtis, *Primal-dual active-set methods for
isotonic regression and trend filtering* (2016).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from splitkit.backend import Array, clip, namespace, on_host, searched, with_derivative
from splitkit.functions.inner.block_means import block_means
from splitkit.functions.inner.scanned_string import compiled_scan

# of the guess: the entries that a round costs beside those that it looks at, the least number of
# rounds, and the most entries beside those of all vectors
ROUND, FEWEST, BUDGET = 5_000, 40, 30
EPS = float(np.finfo(np.float64).eps)


def taut_string(y: Array, falling: Array, rising: Array) -> Array:
    """The minimizer along the last axis of y, to rounding.

    Parameters
    ----------
    y : array, shape (..., n), n > 0
    falling, rising : array, shape (..., 1)
        w₊ and w₋, non-negative; inf in one of them forbids.
    """
    edges = (*y.shape[:-1], y.shape[-1] - 1)
    outcome = (tuple(y.shape), y.dtype), (edges, bool), (edges, bool)
    found, apart, down = searched(partial(on_host, _found), outcome, y, falling, rising)

    def means() -> Array:
        xp, edge = namespace(y), 0.0 * y[..., :1]
        sigma = xp.where(apart, xp.where(down, falling, -rising), 0.0)
        entering, leaving = xp.concat([edge, sigma], axis=-1), xp.concat([sigma, edge], axis=-1)
        return block_means(y + entering - leaving, apart)

    return with_derivative(found, (y, falling, rising), means)


def _found(y: Array, falling: Array, rising: Array) -> tuple[Array, Array, Array]:
    """The minimizer, after which entries a piece ends, and after which x falls."""
    if not isinstance(y, np.ndarray) or y.shape[-1] == 1 or y.size == 0:
        return _divided(y, falling, rising)
    n = y.shape[-1]
    vectors = y.reshape(-1, n)
    weights = [np.broadcast_to(w, (*y.shape[:-1], 1)).reshape(-1, 1) for w in (falling, rising)]
    scan = compiled_scan()
    if scan is not None:
        doubles = (a.astype(np.float64, order="C") for a in (vectors, *(w[:, 0] for w in weights)))
        found, states = scan(*doubles)
        found, apart, down = found.astype(y.dtype), states[:, :-1] != 0, states[:, :-1] > 0
        return _reshaped(found, apart, down, y.shape)
    found, states, right = _active_sets(vectors, *weights)
    apart, down = states != 0, states > 0
    if not right.all():
        rest = ~right
        found[rest], apart[rest], down[rest] = _divided(vectors[rest], *(w[rest] for w in weights))
    return _reshaped(found, apart, down, y.shape)


def _reshaped(found: Any, apart: Any, down: Any, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    edges = (*shape[:-1], shape[-1] - 1)
    return found.reshape(shape), apart.reshape(edges), down.reshape(edges)


def _active_sets(y: Any, falling: Any, rising: Any) -> tuple[Any, Any, Any]:
    """The minimizers for the rows of y; 1 where σ is at its upper end, −1 at its lower one, else 0;
    and for which rows these are right.

    What a piece is depends on its own entries and σ at its ends: a round looks at those pieces only
    that the round before has made.
    """
    count, n = y.shape
    b = y.astype(np.float64).ravel()
    above, below = falling.astype(np.float64).ravel(), rising.astype(np.float64).ravel()
    x, state = np.empty_like(b), np.zeros(b.size, np.int8)  # of the ends of entries
    closed = np.zeros(b.size, bool)
    closed[n - 1 :: n] = True
    begins, ends = np.arange(0, b.size, n), np.arange(n, b.size + 1, n)
    changed, work, most = np.zeros(0, int), 0, max(FEWEST * ROUND, BUDGET * b.size)
    while work < most:
        lengths = ends - begins
        offsets = np.cumsum(lengths) - lengths
        work += int(offsets[-1] + lengths[-1]) + ROUND
        place = np.arange(offsets[-1] + lengths[-1]) + np.repeat(begins - offsets, lengths)
        row = begins // n
        entering, leaving = (
            _sigma(state, above[row], below[row], edges - 1) for edges in (begins, ends)
        )
        entries = b[place]
        means = (np.add.reduceat(entries, offsets) + (entering - leaving)) / lengths
        of_entries = np.repeat(means, lengths)
        x[place] = of_entries
        sums = np.cumsum(entries - of_entries)
        base = entering - np.concatenate([[0.0], sums[offsets[1:] - 1]])
        sums += np.repeat(base, lengths)
        high, low = np.repeat(above[row], lengths), np.repeat(below[row], lengths)
        rounding = 2 * EPS * np.repeat(np.maximum.reduceat(abs(sums), offsets), lengths)
        inner = np.ones(len(place), bool)
        inner[offsets + lengths - 1] = False
        upper = place[inner & (sums > high + rounding)]
        lower = place[inner & (sums < -low - rounding)]
        mark = np.zeros(b.size + 1, bool)
        mark[begins] = mark[ends] = True
        edges = np.flatnonzero(mark[1:] & ~closed)
        back = edges[state[edges] * (x[edges] - x[edges + 1]) < 0]
        state[upper], state[lower], state[back] = 1, -1, 0
        changed = np.concatenate([upper, lower, back])
        if not len(changed):
            break
        is_last = (state != 0) | closed
        last, piece = np.flatnonzero(is_last), np.cumsum(is_last) - is_last
        mark = np.zeros(len(last), bool)
        mark[piece[changed]] = mark[piece[changed + 1]] = True
        made = np.flatnonzero(mark)
        begins, ends = np.where(made > 0, last[made - 1] + 1, 0), last[made] + 1
    right = np.ones(count, bool)
    right[changed // n] = False
    states = state.reshape(count, n)[:, :-1]
    return x.reshape(count, n).astype(y.dtype), states, right


def _sigma(state: Any, above: Any, below: Any, edges: Any) -> Any:
    """σ at some ends, 0 at those of rows, of which the last is the one before the first."""
    return np.where(state[edges] > 0, above, np.where(state[edges] < 0, -below, 0.0))


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
