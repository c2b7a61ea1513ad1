"""f(x) = Σ_g w_g‖x_g‖₂."""

from __future__ import annotations

from dataclasses import KW_ONLY, replace
from functools import lru_cache, reduce
from operator import add
from typing import Any

from splitkit.arguments import NON_NEGATIVE, check_integer, option
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    align,
    are_values_at_hand,
    at_least,
    clip,
    held_fixed,
    lengths,
    namespace,
    sum_of,
)
from splitkit.functions.base import Function, parameter, zero_or_inf

SHORT = 4  # entries of a group
NORMAL = 1e-4  # above the smallest normal number of every dtype


class GroupL2Norm(Function):
    """Σ w_g‖x_g‖₂ over the vectors x_g along an axis.

    f(x) = Σ_g w_g‖x_g‖₂; prox_{αf}(y)_g = max(1 − αw_g/‖y_g‖, 0) y_g, the block soft threshold.

    f* is the indicator of ‖u_g‖₂ ≤ w_g for all g. The groups are the vectors along one axis.
    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.5.4.

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative and finite; an array has dtype and device of x and broadcasts to x's shape
        without ``axis``.
    axis : int, keyword
        The axis along which a group runs; no batch axis.

    Examples
    --------
    >>> f = sk.functions.GroupL2Norm(weight=1.0)
    >>> x = np.array([[3.0, 4.0], [0.3, 0.4]])
    >>> print(f(x), f.prox(x))
    5.5 [[2.4 3.2]
     [0.  0. ]]
    """

    formula = r"<weight*>\|@\|_{2,1}"
    of_moduli = acts_on_complex = True
    sublinear = True

    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)
    _: KW_ONLY
    axis: int = option(-1, check_integer)

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 <= self.axis < self.batch_ndim:
            raise ValueError(
                f"axis = {self.axis}: that is a batch axis (batch_ndim = {self.batch_ndim}); "
                "give a later one"
            )

    def _squares(self, x: Array) -> Array:
        """‖x_g‖²; of short groups entry by entry, as no library sums along short axes fast."""
        length = x.shape[self.axis]
        if not 0 < length <= SHORT:
            return namespace(x).sum(x * x, axis=self.axis)
        entries = [x[place] for place in _places(self.axis, length)]
        return reduce(add, [entry * entry for entry in entries])

    def _norms(self, x: Array, beneath: float = 0.0) -> Array:
        """‖x_g‖, differentiable where it is 0; see ``lengths``."""
        return lengths(x, (self.axis,), squares=self._squares(x), beneath=beneath)

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * self._norms(x), self.batch_ndim)

    def _into_balls(self, x: Array, alpha: Scalar) -> Array:
        """min(1, αw_g/‖x_g‖) for each group: the factor that takes it into the ball of αw_g."""
        if type(alpha) is type(self.weight) is float:
            radius = alpha * self.weight
            norms = self._norms(x, radius)
        else:
            norms = self._norms(x)
            radius = align(alpha, norms) * self.weight
        if type(radius) is float and radius > NORMAL:
            factor = radius / clip(norms, radius)
        else:
            tiny = namespace(x).finfo(x.dtype).smallest_normal
            factor = radius / clip(norms, at_least(radius, tiny))
        if self.axis == -1:
            return factor[..., None]  # cheaper than expand_dims
        return namespace(x).expand_dims(factor, axis=self.axis)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return (1 - self._into_balls(x, alpha)) * x

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        """The projection onto the balls {‖x_g‖ ≤ w_g}."""
        xp, factor = namespace(x), self._into_balls(x, 1.0)
        few = xp.finfo(x.dtype).smallest_normal / xp.finfo(x.dtype).eps
        if are_values_at_hand(factor) and (
            0 in x.shape or float(xp.min(held_fixed(factor))) >= few
        ):
            return factor * x
        # the ratio of the radius to the norm may be no number, or one of few digits
        norms = self._norms(x)
        radius = xp.expand_dims(self.weight + 0.0 * norms, axis=self.axis)
        norms = xp.expand_dims(norms, axis=self.axis)
        unit = x / xp.where(norms > 0, norms, 1.0)
        return xp.where(factor < few, radius * unit, factor * x)

    def conjugate_value(self, u: Point) -> Array:
        norms = self._norms(u)
        beyond = sum_of(clip(norms - self.weight, 0.0), self.batch_ndim)
        return zero_or_inf(beyond, sum_of(norms, self.batch_ndim))

    def check_space(self, space: Space) -> None:
        shape = space.shapes[0]
        axis = self.axis + len(shape) if self.axis < 0 else self.axis
        if not space.is_tuple and not self.batch_ndim <= axis < len(shape):
            raise ValueError(
                f"axis of {self!r} must be one of the axes of x0 that are not batch: x0 has shape "
                f"{shape}, batch_ndim = {self.batch_ndim}"
            )
        # the weight meets the norms, not the points
        super().check_space(replace(space, shapes=(shape[:axis] + shape[axis + 1 :],)))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(), (3,)),
            (cls(asarray([0.5, 0.0, 2.0])), (3, 2)),
            (cls(asarray([0.5, 0.0, 2.0]), axis=0), (2, 3)),
            (cls(0.3, axis=1, batch_ndim=1), (4, 2, 3)),
        ]


@lru_cache
def _places(axis: int, length: int) -> tuple[tuple[Any, ...], ...]:
    """The indices of the first, second, … entry of each group."""
    if axis < 0:
        return tuple((..., i, *(slice(None),) * (-axis - 1)) for i in range(length))
    return tuple((*(slice(None),) * axis, i, ...) for i in range(length))
