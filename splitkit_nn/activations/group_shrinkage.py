"""σ(y)_g = max(1 − λ/‖y_g‖, 0) y_g."""

from __future__ import annotations

from typing import ClassVar

from splitkit.arguments import NON_NEGATIVE, Range, check_integer
from splitkit.backend import Array, Scalar, align, clip, namespace
from splitkit_nn.activations.base import Activation, learnable, number
from splitkit_nn.activations.jacobians import DiagonalPlusRankOne, group_sum


class GroupShrinkage(Activation):
    """Block soft threshold of equal groups of features, or of channels at each place.

    σ(y)_g = max(1 − λ/‖y_g‖, 0) y_g: f = λΣ_g‖x_g‖₂; prox_{αf} has the threshold αλ.

    On a group that is kept, J = (1 − λ/‖y‖)I + (λ/‖y‖³)yyᵀ; else J = 0.

    Parameters
    ----------
    threshold : float
        λ ≥ 0.
    groups : int
        Consecutive groups along axis 1, whose length it must divide; default 1.

    Raises
    ------
    TypeError, ValueError
        The threshold is negative, or ``groups`` is no positive integer; applied, axis 1
        does not divide into the groups.

    Examples
    --------
    >>> σ = sknn.GroupShrinkage(1.0, groups=2)
    >>> print(σ(torch.tensor([[3.0, 4.0, 0.3, 0.4]])))
    tensor([[2.4000, 3.2000, 0.0000, 0.0000]])
    """

    elementwise = False
    ranges: ClassVar[dict[str, Range]] = {"threshold": NON_NEGATIVE}

    def __init__(self, threshold: float = 0.5, groups: int = 1) -> None:
        self.threshold = learnable("threshold", threshold, NON_NEGATIVE)
        self.groups = check_integer("groups", groups, 1)

    def __call__(self, y: Array) -> Array:
        return self.prox(y)

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        sizes = self._sizes(y)
        return clip(1 - align(alpha, y) * self.threshold / sizes, 0.0) * y

    def jacobian(self, y: Array) -> DiagonalPlusRankOne:
        xp = namespace(y)
        sizes = self._sizes(y)
        kept = sizes > self.threshold
        zero = xp.zeros_like(y)
        d = xp.where(kept, 1 - self.threshold / sizes, zero)
        w = xp.where(kept, self.threshold**0.5 * y / sizes**1.5, zero)
        return DiagonalPlusRankOne(d, w, sign=1.0, groups=self.groups)

    def _sizes(self, y: Array) -> Array:
        """‖y_g‖ at each entry of g, positive: a group of zeros counts as of the least size."""
        xp = namespace(y)
        if y.shape[1] % self.groups:
            raise ValueError(
                f"groups = {self.groups} does not divide the {y.shape[1]} features of axis 1"
            )
        squares = group_sum(y * y, self.groups)
        least = xp.full_like(squares, float(xp.finfo(y.dtype).smallest_normal))
        return xp.sqrt(xp.maximum(squares, least))

    def __repr__(self) -> str:
        return f"GroupShrinkage({number(self.threshold):g}, groups={self.groups})"
