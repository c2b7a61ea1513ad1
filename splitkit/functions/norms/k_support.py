"""f(x) = (w/2)(‖x‖ᵏˢᵖ)² = (w/2) min{Σ xᵢ²/θᵢ: 0 ≤ θ ≤ 1, Σθᵢ ≤ k}, the squared k-support norm."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import POSITIVE, check_integer
from splitkit.backend import Array, Point, Scalar, Space, align, namespace
from splitkit.functions.base import Function, as_vectors, parameter, required
from splitkit.functions.inner.ramps import ramps
from splitkit.functions.norms.sum_of_k_largest import check_entries


class SquaredKSupportNorm(Function):
    """Half the square of the k-support norm, times w; over all axes that are not batch.

    Value and prox are exact, by one sort.

    f(x) = (w/2)(‖x‖ᵏˢᵖ)² = (w/2) min{Σ xᵢ²/θᵢ: 0 ≤ θ ≤ 1, Σθᵢ ≤ k}, the squared k-support norm.

    The norm's unit ball is the convex hull of the vectors with at most k entries and ‖x‖₂ ≤ 1. The
    minimum is at θᵢ = min(μ|xᵢ|, 1) with Σθᵢ = k. prox_{αf}(y) = θy/(θ + αw), entry by entry, with
    θᵢ = min(max(μ|yᵢ| − αw, 0), 1) and Σθᵢ = k; f*(u) = (1/2w) (the k largest uᵢ²).

    Source: Argyriou, Foygel, Srebro, *Sparse prediction with the k-support norm* (2012); McDonald,
    Pontil, Stamos, *New perspectives on k-support and cluster norms* (2016), §4.

    Parameters
    ----------
    k : int
        At least 1 (half of ‖x‖₁²), at most the number of entries (half of ‖x‖₂²).
    weight : float or array, default 1
        w, positive and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> f = sk.functions.SquaredKSupportNorm(k=2)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    5.625 [ 1.5 -0.5  0. ]
    """

    formula = r"\frac{<weight>}{2}(\|@\|_{<k>}^{\mathrm{sp}})^2"
    of_moduli = acts_on_complex = True

    k: int = required(check_integer, least=1)
    weight: Scalar = parameter(POSITIVE, default=1.0, samplewise=True)

    def _theta(self, sizes: Array, shift: Array) -> Array:
        """min(max(μ sizes − shift, 0), 1), of sum k."""
        xp = namespace(sizes)
        one, greatest = xp.ones_like(sizes[..., :1]), xp.max(sizes, axis=-1, keepdims=True)
        sizes = sizes / xp.where(greatest > 0, greatest, 1.0)
        # what is smaller adds nothing to f beyond rounding, and has no inverse to speak of
        positive = sizes > xp.finfo(sizes.dtype).eps ** 2
        start = xp.where(positive, shift / xp.where(positive, sizes, 1.0), 0.0)
        return ramps(start, xp.where(positive, sizes, 0.0), one, self.k * one)[1]

    def __call__(self, x: Point) -> Array:
        xp, sizes = namespace(x), abs(as_vectors(x, self.batch_ndim))
        theta = self._theta(sizes, xp.zeros_like(sizes[..., :1]))
        terms = sizes * sizes / xp.where(theta == 0, 1.0, theta)  # θ = 0 only where x is
        return self.weight / 2 * xp.sum(terms, axis=-1)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, y = namespace(x), as_vectors(x, self.batch_ndim)
        shift = align(alpha * self.weight, y) + 0.0 * y[..., :1]
        theta = self._theta(abs(y), shift)
        return xp.reshape(theta / (theta + shift) * y, x.shape)

    def conjugate_value(self, u: Point) -> Array:
        xp, v = namespace(u), as_vectors(u, self.batch_ndim)
        squares = xp.sort(v * v, axis=-1, descending=True)[..., : self.k]
        return xp.sum(squares, axis=-1) / (2 * self.weight)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        check_entries(self, "k", self.k, space)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(2, 0.7), (3,))]
