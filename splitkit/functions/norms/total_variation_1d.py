"""f(x) = w Σ |xᵢ₊₁ − xᵢ| along the last axis."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, Space, align, namespace, sum_of
from splitkit.functions.base import Function, parameter, vectors
from splitkit.functions.inner.taut_string import taut_string
from splitkit.functions.norms.sublinear import Sublinear


class TotalVariation1D(Sublinear):
    """w Σ |xᵢ₊₁ − xᵢ| along the last axis, summed over the other axes that are not batch.

    The prox is exact to rounding. On a CPU it takes two compiled scans where Numba is installed
    (``pip install splitkit[compiled]``), else some five to twelve passes over data with noise; on
    other devices, and for smooth data, O(n log n) operations a round, and as many rounds as its
    pieces are divided in depth: about log n for noise, n at worst.

    f(x) = w Σ |xᵢ₊₁ − xᵢ| along the last axis; its prox, total variation denoising, exactly.

    The prox is the taut string: see ``inner/taut_string.py`` for the method, which serves all
    vectors at once. f* is the indicator of {u: |u₁ + … + uₖ| ≤ w for all k, Σuᵢ = 0}.

    Source: Davies, Kovac, *Local extremes, runs, strings and multiresolution* (2001).

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> f = sk.functions.TotalVariation1D(0.5)
    >>> x = np.array([0.0, 0.2, 4.0])
    >>> print(f(x), f.prox(x))
    2.0 [0.35 0.35 3.5 ]
    """

    formula = r"<weight*>\mathrm{TV}(@)"
    polyhedral = True

    weight: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)

    check_axes = vectors()

    def refusal_of_complex(self, space: Space) -> str:
        return (
            f"{super().refusal_of_complex(space)}; TotalVariation2D acts on complex images, of "
            "which a signal x is one with one column, x[..., None]"
        )

    def __call__(self, x: Point) -> Array:
        return self.weight * sum_of(abs(x[..., 1:] - x[..., :-1]), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        w = align(alpha * self.weight, x) + namespace(x).zeros_like(x[..., :1])
        return taut_string(x, w, w)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.7), (3,))]
