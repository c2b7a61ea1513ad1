"""f(x) = λ₁|x|₍₁₎ + … + λₙ|x|₍ₙ₎ with |x|₍₁₎ ≥ |x|₍₂₎ ≥ … and λ₁ ≥ … ≥ λₙ ≥ 0 (OWL, SLOPE)."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, check_parameter
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    align,
    clip,
    holds,
    is_array,
    namespace,
    signs,
    sizes,
)
from splitkit.functions.base import Function, as_vectors, required
from splitkit.functions.inner.taut_string import taut_string
from splitkit.functions.norms.sublinear import Sublinear


class SortedL1(Sublinear):
    """Σ λᵢ|x|₍ᵢ₎ over all axes that are not batch; the prox is exact.

    f(x) = λ₁|x|₍₁₎ + … + λₙ|x|₍ₙ₎ with |x|₍₁₎ ≥ |x|₍₂₎ ≥ … and λ₁ ≥ … ≥ λₙ ≥ 0 (OWL, SLOPE).

    prox_{αf}(y): sort |y|, subtract αλ, project onto the decreasing vectors, then onto x ≥ 0; undo
    the order and put the signs back. f* is the indicator of {u: Σ_{i≤k} |u|₍ᵢ₎ ≤ Σ_{i≤k} λᵢ for all
    k}.

    Source: Bogdan, van den Berg, Sabatti, Su, Candès, *SLOPE: adaptive variable selection via
    convex optimization* (2015), §2.2.

    Parameters
    ----------
    weights : array, shape (n,)
        λ, decreasing and non-negative, one for each entry of a sample; dtype and device of x.

    Examples
    --------
    >>> f = sk.functions.SortedL1(np.array([2.0, 1.0, 0.5]))
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    7.25 [ 1.  0.  0.]
    """

    formula = r"\sum\lambda_i|@|_{(i)}"
    polyhedral = True
    of_moduli = acts_on_complex = True

    weights: Array = required(check_parameter, within=NON_NEGATIVE)

    def __post_init__(self) -> None:
        weights = self.weights
        if not is_array(weights) or weights.ndim != 1:
            raise TypeError(f"weights = {weights!r}: give a vector, one weight for each entry")
        super().__post_init__()
        if not holds(weights[1:] <= weights[:-1]):
            raise ValueError(
                f"weights = {weights}: give them in decreasing order, else f is not convex"
            )

    def __call__(self, x: Point) -> Array:
        xp, size = namespace(x), abs(as_vectors(x, self.batch_ndim))
        return xp.sum(xp.sort(size, axis=-1, descending=True) * self.weights, axis=-1)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, y = namespace(x), as_vectors(x, self.batch_ndim)
        size = sizes(y)
        order = xp.argsort(size, axis=-1, descending=True)
        z = xp.take_along_axis(size, order, axis=-1) - align(alpha, y) * self.weights
        free = xp.zeros_like(z[..., :1])
        found = clip(taut_string(z, free, free + float("inf")), 0.0)
        back = xp.argsort(order, axis=-1)
        return xp.reshape(signs(y) * xp.take_along_axis(found, back, axis=-1), x.shape)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        space.check_array(self.weights, f"weights of {self!r}")
        entries = 1
        for length in space.shapes[0][self.batch_ndim :]:
            entries *= length
        if entries != self.weights.shape[0]:
            raise ValueError(
                f"weights of {self!r}: a sample of x0 has {entries} entries, x0 has shape "
                f"{space.shapes[0]}; give one weight for each"
            )

    def __repr__(self) -> str:
        return f"SortedL1({self.weights.shape[0]} weights)"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([2.0, 0.7])), (2,))]
