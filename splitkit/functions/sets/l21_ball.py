"""The ball {Σ_g ‖x_g‖₂ ≤ r}."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

from splitkit.arguments import NON_NEGATIVE, check_integer, option
from splitkit.backend import Array, Point, Scalar, Space, align, lengths, namespace
from splitkit.functions.base import Function, Indicator, as_vectors, at_greatest, parameter
from splitkit.functions.sets.simplex import onto_simplex


class L21Ball(Indicator):
    """{x: Σ_g ‖x_g‖₂ ≤ r}, x_g the vectors along an axis; the sum over all others but batch axes.

    The projection is y_g n_g/‖y_g‖, n the projection of the norms ‖y_g‖ onto {n ≥ 0, Σ n_g = r},
    if Σ‖y_g‖ > r.

    Its support function is r max_g ‖u_g‖. Source: van den Berg, Schmidt, Friedlander, Murphy,
    *Group sparsity via linear-time projection* (2008).

    Parameters
    ----------
    radius : float or array, default 1
        r, non-negative and finite; an array has batch shape, and dtype and device of x.
    axis : int, keyword
        The axis along which a group runs; negative, no batch axis.

    Examples
    --------
    >>> C = sk.functions.L21Ball(5.0)
    >>> print(C.project(np.array([[6.0, 8.0], [0.3, 0.4]])))
    [[3. 4.]
     [0. 0.]]
    """

    formula = r"\{\|x\|_{2,1} \leq <radius>\}"
    bounded = True
    of_moduli = acts_on_complex = True

    radius: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)
    _: KW_ONLY
    axis: int = option(-1, check_integer)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.axis >= 0:
            raise ValueError(f"axis = {self.axis}: give a negative one, counted from the end")

    def _norms(self, x: Array) -> Array:
        """The norms of the groups of each sample in a row."""
        return as_vectors(lengths(x, (self.axis,)), self.batch_ndim)

    def project(self, x: Point) -> Point:
        xp, norms = namespace(x), self._norms(x)
        radius = align(self.radius, norms)
        outside = xp.sum(norms, axis=-1, keepdims=True) > radius
        outside = outside | (radius == 0)  # 0 is on the boundary of the ball {0}
        positive = norms > 0
        shape = list(x.shape)
        shape[self.axis] = 1

        def along(group: Array) -> Array:
            return xp.reshape(group, tuple(shape))

        # first the directions: the ratio of two norms need be no number
        unit = x / along(xp.where(positive, norms, 1.0))
        return xp.where(
            along(outside & (norms == norms)), along(onto_simplex(norms, radius)) * unit, x
        )

    def support_point(self, v: Point) -> Point:
        xp, norms = namespace(v), self._norms(v)
        shape = list(v.shape)
        shape[self.axis] = 1
        unit = v / xp.reshape(xp.where(norms > 0, norms, 1.0), tuple(shape))
        return xp.reshape(align(self.radius, norms) * at_greatest(norms), tuple(shape)) * unit

    def conjugate_value(self, u: Point) -> Array:
        return self.radius * namespace(u).max(self._norms(u), axis=-1)

    def check_axes(self, space: Space) -> None:
        shape = space.shapes[0]
        if len(shape) - self.batch_ndim < -self.axis or 0 in shape[self.batch_ndim :]:
            raise ValueError(
                f"axis of {self!r} must be one of the axes of x0 that are not batch, all with "
                f"entries: x0 has shape {shape}, batch_ndim = {self.batch_ndim}"
            )

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.0, 2.0]), axis=-2, batch_ndim=1), (2, 2, 2))]
