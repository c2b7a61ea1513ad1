"""f(X) = Σ wᵢσᵢ(X), a weight for each singular value."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import NON_NEGATIVE, check_parameter
from splitkit.backend import Array, Point, Scalar, Space, align, clip, holds, is_array, namespace
from splitkit.functions.base import Function, matrices, required
from splitkit.functions.calculus.conjugate import Conjugate
from splitkit.functions.inner.spectra import of_singular_values
from splitkit.functions.inner.taut_string import taut_string
from splitkit.functions.norms.sublinear import Sublinear, SupportedSet


class WeightedNuclearNorm(Sublinear):
    """Σ wᵢσᵢ of a matrix, the last two axes, σ₁ ≥ σ₂ ≥ …; convex if w decreases.

    prox_{αf}(Y) = U diag(d) Vᵀ for Y = U diag(σ) Vᵀ, d the vector nearest to σ − αw with
    d₁ ≥ d₂ ≥ … ≥ 0; if w increases that is max(σᵢ − αwᵢ, 0). For every w a global minimizer.

    If w decreases it is ``SortedL1`` of σ. Source: Gu, Xie, Meng, Zuo, Feng, Zhang, *Weighted
    nuclear norm minimization and its applications to low level vision* (2017), Thm. 1 and Cor. 1.

    Parameters
    ----------
    weights : array, shape (min(rows, columns),)
        w, non-negative, that of the greatest singular value first; dtype and device of x.

    Examples
    --------
    >>> f = sk.functions.WeightedNuclearNorm(np.array([0.0, 1.0]))
    >>> x = np.diag([3.0, 0.5])
    >>> print(f(x), f.prox(x))
    0.5 [[3. 0.]
     [0. 0.]]
    """

    formula = r"\sum w_i\sigma_i(@)"
    check_axes = matrices()
    acts_on_complex = True

    weights: Array = required(check_parameter, within=NON_NEGATIVE)

    def __post_init__(self) -> None:
        weights = self.weights
        if not is_array(weights) or weights.ndim != 1:
            raise TypeError(
                f"weights = {weights!r}: give a vector, one weight for each singular value"
            )
        super().__post_init__()
        self.convex = self.sublinear = holds(weights[1:] <= weights[:-1])
        self.strong_convexity = 0.0 if self.convex else -math.inf

    def __call__(self, x: Point) -> Array:
        xp = namespace(x)
        return xp.sum(xp.linalg.svdvals(x) * self.weights, axis=-1)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        def drawn(sigma: Array) -> Array:
            z = sigma - align(alpha, sigma) * self.weights
            free = namespace(z).zeros_like(z[..., :1])
            return clip(taut_string(z, free, free + math.inf), 0.0)

        return of_singular_values(x, drawn)

    @property
    def conjugate(self) -> Function:
        return SupportedSet(self) if self.convex else Conjugate(self)  # which refuses it

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        space.check_array(self.weights, f"weights of {self!r}")
        shape = space.shapes[0]
        if len(shape) != self.batch_ndim + 2 or self.weights.shape[0] != min(shape[-2:]):
            raise ValueError(
                f"weights of {self!r}: give one for each singular value of one matrix for each "
                f"sample; x0 has shape {shape}, batch_ndim = {self.batch_ndim}"
            )

    def __repr__(self) -> str:
        return f"WeightedNuclearNorm({self.weights.shape[0]} weights)"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(asarray([0.0, 0.7]), batch_ndim=1), (4, 3, 2)),
            (cls(asarray([0.7, 0.2])), (2, 3)),
        ]
