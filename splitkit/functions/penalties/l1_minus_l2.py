"""f(x) = w(‖x‖₁ − β‖x‖₂)."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import NON_NEGATIVE, Range, check_number, option
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    align,
    clip,
    device,
    namespace,
    norm,
    signs,
    sizes,
    sum_of,
)
from splitkit.functions.base import Function, as_vectors, entries, parameter


class L1MinusL2(Function):
    """w(‖x‖₁ − β‖x‖₂), the norms over all axes that are not batch; not convex.

    prox_{αf}(y) with t = αw: z(1 + βt/‖z‖₂), z = soft(y, t), where z ≠ 0; else, of the greatest
    entry alone, the first of equal ones, |y| − (1 − β)t if that is positive.

    Not convex, nor weakly convex. Source: Lou, Yan, *Fast L1−L2 minimization via a proximal
    operator* (2018), Lemma 1.

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative; an array has batch shape, and dtype and device of x.
    beta : float, default 1
        β, in [0, 1].

    Examples
    --------
    >>> f = sk.functions.L1MinusL2()
    >>> x = np.array([4.0, -5.0, 0.5])
    >>> print(f(np.array([3.0, 4.0])), f.prox(x))
    2.0 [ 3.6 -4.8  0. ]
    """

    formula = r"<weight*>(\|@\|_1 - <beta>\|@\|_2)"

    weight: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)
    beta: float = option(1.0, check_number, within=Range(0.0, 1.0, "[]"))

    convex = False
    strong_convexity = -math.inf
    of_moduli = acts_on_complex = True
    check_axes = entries

    def __call__(self, x: Point) -> Array:
        size = norm(x, self.batch_ndim)
        beyond = sum_of(abs(x), self.batch_ndim) - self.beta * size
        return self.weight * clip(beyond, 0.0)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, y = namespace(x), as_vectors(sizes(x), self.batch_ndim)
        t = align(alpha * self.weight + 0.0 * norm(x, self.batch_ndim), y)
        z = clip(y - t, 0.0)
        some = xp.max(y, axis=-1, keepdims=True) > t
        length = align(norm(z, self.batch_ndim), z)
        stretched = z + self.beta * t * (z / xp.where(some, length, 1.0))
        place = xp.arange(y.shape[-1], device=device(y))
        first = place == xp.argmax(y, axis=-1, keepdims=True)
        alone = xp.where(first, clip(y - (1 - self.beta) * t, 0.0), 0.0)
        size = xp.where(some | (t == 0), stretched, alone)
        return signs(x) * xp.reshape(size, x.shape)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 0.0]), 0.7, batch_ndim=1), (2, 3))]
