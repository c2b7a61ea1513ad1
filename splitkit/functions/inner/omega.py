"""Wright's ω: the root of ω + log ω = z, that is W(eᶻ) for Lambert's W; and log ω.

l = log ω solves l + eˡ = z by Halley's method, from min(z, log max(z, 1)), which is at most 0.57
above the root. The error is at most 4e-3, 2e-9 and rounding after one, two and three steps.

Source: Corless, Jeffrey, *The Wright ω function* (2002).
"""

from __future__ import annotations

from splitkit.backend import Array, clip, namespace

HALLEY_STEPS = 3


def exponential_prox(x: Array, shift: Array) -> Array:
    """The root u of u + exp(u + shift) = x, entry by entry."""
    z = x + shift
    w, log = omega(z)
    return namespace(x).where(z > 1, log - shift, x - w)


def omega(z: Array) -> tuple[Array, Array]:
    """ω(z) and log ω(z), entry by entry, to rounding of z; ω underflows to 0."""
    xp = namespace(z)
    log = xp.minimum(z, xp.log(clip(z, 1.0)))
    for _ in range(HALLEY_STEPS):
        e = xp.exp(log)
        gap, slope = log + e - z, 1 + e
        log = log - gap / (slope - gap * (e / (2 * slope)))
    # where ω is large, z − log ω has more digits than e^{log ω}
    return xp.where(z > 1, z - log, xp.exp(log)), log
