"""Σ f(xᵢ) over the vectors along an axis, or the arrays along several: ``f.along(axis)``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from splitkit.backend import Array, Space, namespace
from splitkit.functions.base import Function, Indicator
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.calculus.parts import OfParts, SetOfParts
from splitkit.functions.norms.linf_norm import LInfNorm
from splitkit.functions.sets.simplex import Simplex
from splitkit.linear.last_axes import negative_axes
from splitkit.notation import Style


class Along(OfParts):
    """Σᵢ wᵢf(xᵢ), xᵢ the vectors along an axis of x, or the arrays along several; made by
    ``f.along(axes)``, which is ``AlongSet`` for a set.

    prox_{αF}(x)ᵢ = prox_{αwᵢf}(xᵢ), and F*(u) = Σᵢ wᵢf*(uᵢ/wᵢ), of a weight 0 the indicator of {0}.

    Source: Bauschke, Combettes (2017), Prop. 24.11.

    Parameters
    ----------
    f : Function
        Of one xᵢ; it is made of no others. What it has samplewise, such as a radius, may be an
        array in the shape of the axes that are left.
    axes : int or tuple of int
        Negative: counted from the end, none of them batch. f sees them in their order.
    weights : array, optional
        wᵢ ≥ 0, in the shape of the axes that are left; none of a set.

    Raises
    ------
    TypeError, ValueError
        f is made of others; an axis is not negative or comes twice; the weights do not fit.

    Notes
    -----
    The work of f, all at once. Of functions of each entry by itself ``f.along(axes)`` is f.

    Examples
    --------
    >>> f = sk.functions.LInfNorm().along(-1)  # ℓ1,∞
    >>> x = np.array([[3.0, 1.0], [0.2, 0.5]])
    >>> print(f(x), f.prox(x, 1.0))
    3.5 [[2. 1.]
     [0. 0.]]
    """

    acts_on_complex = True

    def __init__(
        self, f: Function, axes: int | Sequence[int], weights: Array | None = None
    ) -> None:
        super().__init__(f, weights)
        self.axes = tuple(sorted(negative_axes(axes)))
        self.inner_ndim = len(self.axes)

    @property
    def conjugate(self) -> Function:
        if self.weights is None and self.f.convex:
            dual = self.f.conjugate
            if not isinstance(dual, Derived):
                return along(dual, self.axes)
        return super().conjugate

    def _order(self, ndim: int) -> tuple[int, ...]:
        last = [ndim + a for a in self.axes]
        return (*(a for a in range(ndim) if a not in last), *last)

    def parts(self, x: Array) -> list[tuple[Array, Any]]:
        return [(namespace(x).permute_dims(x, self._order(x.ndim)), None)]

    def joined(self, parts: list[Array], x: Array) -> Array:
        order = self._order(x.ndim)
        back = sorted(range(x.ndim), key=order.__getitem__)
        return namespace(x).permute_dims(parts[0], tuple(back))

    def check_parts(self, space: Space) -> list[tuple[Space, Any]]:
        (shape,) = space.shapes
        if len(shape) - space.batch_ndim < -self.axes[0]:
            raise ValueError(
                f"axes of {self!r} must be axes of x0 that are not batch: it has shape {shape}, "
                f"batch_ndim = {space.batch_ndim}"
            )
        order = self._order(len(shape))
        moved = tuple(shape[a] for a in order)
        batch_ndim = len(moved) - self.inner_ndim
        return [(replace(space, shapes=(moved,), batch_ndim=batch_ndim), None)]

    def write(self, s: Style) -> str:
        if s.is_latex:
            if isinstance(self.f, Indicator):
                return rf"\{{x_i \in {s(self.f)}\}}"
            return rf"\sum_i {s.grouped(s(self.f))}(x_i)"
        return f"{s(self.f)}.along({', '.join(map(str, self.axes))})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (LInfNorm(batch_ndim=1).along(-2), (2, 2, 2)),
            (LInfNorm().along(-1, asarray([0.5, 0.0])), (2, 2)),
        ]


class AlongSet(SetOfParts, Along):
    """{x: each xᵢ in C}, xᵢ the vectors along an axis of x, or the arrays along several; made by
    ``C.along(axes)``.

    The projection is that onto C of each xᵢ. Source: Bauschke, Combettes (2017), Prop. 29.3.

    Parameters
    ----------
    f : Indicator
        C. What it has samplewise, such as a radius, may be an array in the shape of the axes that
        are left.
    axes : int or tuple of int
        Negative: counted from the end, none of them batch.

    Examples
    --------
    >>> C = sk.functions.Simplex().along(-2)  # each column
    >>> print(C.project(np.array([[3.0, 0.2], [1.0, 0.4]])))
    [[1.  0.4]
     [0.  0.6]]
    """

    def __init__(self, f: Indicator, axes: int | Sequence[int]) -> None:
        Along.__init__(self, f, axes)
        self.bounded = f.bounded  # type: ignore[misc]

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(Simplex(asarray([1.0, 0.5])).along(-2), (3, 2))]


def along(f: Function, axes: int | Sequence[int], weights: Array | None = None) -> Function:
    """``f.along(axes, weights)``."""
    if isinstance(f, Indicator) and weights is None:
        return AlongSet(f, axes)
    return Along(f, axes, weights)
