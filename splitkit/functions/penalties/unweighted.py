"""Entries of weight 0, which no penalty moves."""

from __future__ import annotations

from splitkit.backend import Array, Scalar, differentiating, namespace


def identity_where_zero(weight: Scalar, x: Array, prox: Array) -> Array:
    """The prox at x of a penalty with these weights, which has the derivative of x where w = 0.

    Its formula may have another one at x = 0, a kink for every other weight.
    """
    if not differentiating(x):
        return prox
    return namespace(x).where(weight + 0.0 * x == 0, x, prox)
