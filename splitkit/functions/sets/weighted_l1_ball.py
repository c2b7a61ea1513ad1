"""The ball {Σ wᵢ|xᵢ| ≤ r}."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, POSITIVE
from splitkit.backend import Array, Point, Scalar, align, namespace, signs, sizes
from splitkit.functions.base import (
    Function,
    Indicator,
    as_vectors,
    entries,
    extremes,
    parameter,
    zero_or_inf,
)
from splitkit.functions.inner.ramps import ramps


class WeightedL1Ball(Indicator):
    """{x: Σ wᵢ|xᵢ| ≤ r}, over all axes that are not batch; an entry of weight 0 is free.

    The projection is sign(y) max(|y| − μw, 0), with μ ≥ 0 such that Σ wᵢ max(|yᵢ| − μwᵢ, 0) = r if
    Σ wᵢ|yᵢ| > r: a piecewise linear equation, solved exactly by one sort.

    Its support function is r maxᵢ |uᵢ|/wᵢ, inf unless uᵢ = 0 where wᵢ = 0. Source: Perez, Ament,
    Gomes, Barlaud, *Efficient projection algorithms onto the weighted ℓ1 ball* (2022).

    Parameters
    ----------
    weight : float or array
        w, non-negative and finite; dtype and device of x, and broadcasts to it.
    radius : float or array, default 1
        r, positive and finite; an array has batch shape.

    Examples
    --------
    >>> C = sk.functions.WeightedL1Ball(np.array([1.0, 2.0, 0.0]), 2.0)
    >>> print(C.project(np.array([3.0, 1.0, 9.0])))
    [2. 0. 9.]
    """

    formula = r"\{\sum w_i |x_i| \leq <radius>\}"
    polyhedral = True

    weight: Scalar = parameter(NON_NEGATIVE)
    radius: Scalar = parameter(POSITIVE, default=1.0, samplewise=True)

    check_axes = entries
    of_moduli = acts_on_complex = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.bounded = extremes(self.weight)[0] > 0  # type: ignore[misc]

    def _rows(self, x: Array) -> tuple[Array, Array, Array]:
        """|x| and w, the entries of each sample in a row, and r."""
        y = as_vectors(x, self.batch_ndim)
        w = as_vectors(self.weight + 0.0 * x, self.batch_ndim)
        return sizes(y), w, align(self.radius, y) + 0.0 * y[..., :1]

    def project(self, x: Point) -> Point:
        xp = namespace(x)
        y, w, r = self._rows(x)
        counts = w > 0
        usable = xp.where(counts, w, 1.0)
        start = xp.where(counts, -y / usable, 0.0)
        _, parts = ramps(start, w * w, r + 0.0 * y, r)  # of wᵢ|xᵢ|
        beyond = xp.sum(w * y, axis=-1, keepdims=True) > r
        kept = xp.where(counts & beyond, parts / usable, y)
        return signs(x) * xp.reshape(kept, x.shape)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        # 0 where the weight is, which the difference of x and a projection is up to rounding
        u = super().conjugate_prox(x, alpha)
        return namespace(x).where(self.weight + 0.0 * x > 0, u, 0.0 * u)

    def recession(self, d: Point) -> Point:
        return namespace(d).where(self.weight + 0.0 * d > 0, 0.0, d)

    def conjugate_value(self, u: Point) -> Array:
        xp = namespace(u)
        v, w, r = self._rows(u)
        counts = w > 0
        ratios = xp.where(counts, v / xp.where(counts, w, 1.0), 0.0)
        free = xp.sum(xp.where(counts, 0.0, v), axis=-1)
        return r[..., 0] * xp.max(ratios, axis=-1) + zero_or_inf(free, xp.sum(v, axis=-1))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 0.0, 2.0]), asarray([0.5, 2.0]), batch_ndim=1), (2, 3))]
