"""Σ_g w_g f(x_g) over disjoint parts of one array, each of which f couples.

prox_{αF}(x)_g = prox_{αw_g f}(x_g), and F*(u) = Σ_g w_g f*(u_g/w_g), of a weight 0 the indicator of
{0}; what belongs to no part is free. Source: Bauschke, Combettes (2017), Prop. 24.11.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from splitkit.arguments import NON_NEGATIVE, check_parameter
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    align,
    is_array,
    is_traced,
    namespace,
    root,
    scale,
    sum_of,
)
from splitkit.functions.base import Function, Indicator, Modified, extremes, zero_or_inf
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.inner.hessians import SecondDerivative
from splitkit.linear.base import LinearOperator

KEPT = 16  # functions that are kept for other shapes


def with_batch(f: Function, batch_shape: tuple[int, ...], chosen: Any = None) -> Function:
    """f of arguments of this batch shape; of its parameters for each of them the chosen ones."""
    changes: dict[str, Any] = {"batch_ndim": len(batch_shape)}
    for name in f.samplewise:
        value = getattr(f, name)
        if is_array(value):
            xp = namespace(value)
            value = value if chosen is None else xp.take(value, chosen, axis=-1)
            changes[name] = xp.broadcast_to(value, batch_shape)
    if isinstance(f, Modified):
        changes["f"] = with_batch(f.f, batch_shape, chosen)
    elif hasattr(type(f).__init__, "declared"):
        return dataclasses.replace(f, **changes)
    other = copy.copy(f)
    vars(other).update(changes)
    return other


class OfParts(Function):
    """Base of the sums over parts; a subclass says which these are, by ``parts`` and ``joined``.

    Parameters
    ----------
    f : Function
        Of one part; it is made of no others.
    weights : array, optional
        w_g ≥ 0, one for each part, of x's dtype and device; none of a set.
    """

    inner_ndim = 1  # axes of the arrays of ``parts`` that lie within a part
    acts_on_complex = True

    def __init__(self, f: Function, weights: Array | None = None) -> None:
        if not isinstance(f, Function) or isinstance(f, Derived):
            made = "is made of other functions: take the parts of those, and combine the results"
            raise TypeError(f"f = {f!r}{f' {made}' if isinstance(f, Derived) else ': give one'}")
        self.f, self.weights, self.batch_ndim = f, weights, f.batch_ndim
        least = greatest = 1.0
        if weights is not None:
            check_parameter("weights", weights, NON_NEGATIVE)
            if isinstance(f, Indicator) or not is_array(weights) or not weights.ndim:
                raise ValueError(
                    f"weights = {weights!r}: give an array, one for each part, and none of a set"
                )
            least, greatest = extremes(weights)
        self._known: dict[tuple[int, tuple[int, ...]], Function] = {}
        m, L = f.strong_convexity, f.smoothness
        self.convex, self.accuracy, self.prox_effort = f.convex, f.accuracy, f.prox_effort
        self.polyhedral, self.sublinear = f.polyhedral, f.sublinear
        self.strong_convexity = m * (least if m >= 0 else greatest) if greatest else 0.0
        self.smoothness = None if L is None else L * greatest

    def parts(self, x: Array) -> list[tuple[Array, Any]]:
        """Arrays whose leading axes index parts, and which parts these are along the last of them;
        None: all, in their order.
        """
        raise NotImplementedError(f"{type(self).__name__} must define parts")

    def joined(self, parts: list[Array], x: Array) -> Array:
        """The array like x whose parts are these."""
        raise NotImplementedError(f"{type(self).__name__} must define joined")

    @property
    def has_prox(self) -> bool:
        return self.f.has_prox

    @property
    def has_gradient(self) -> bool:
        return self.f.has_gradient

    @property
    def smooth_inside(self) -> bool:  # type: ignore[override]
        return self.f.smooth_inside

    def _each(self, x: Array) -> Iterator[tuple[Function, Array, Array | None]]:
        """f, its arguments, and their weights, for each array of parts."""
        for i, (y, chosen) in enumerate(self.parts(x)):
            xp, leading = namespace(y), tuple(y.shape[: y.ndim - self.inner_ndim])
            w = self.weights
            if w is not None:
                w = w if chosen is None else xp.take(w, chosen, axis=-1)
                w = xp.broadcast_to(w, leading)
            yield self._of_batch(i, leading, chosen), y, w

    def _of_batch(self, i: int, leading: tuple[int, ...], chosen: Any) -> Function:
        """f for the i-th array of parts."""
        f = self._known.get((i, leading))
        if f is None:
            f = with_batch(self.f, leading, chosen)
            if not any(is_traced(getattr(f, name)) for name in (*f.samplewise, *f.parameters)):
                if len(self._known) >= KEPT:
                    self._known.clear()
                self._known[i, leading] = f
        return f

    def _mapped(self, map: Callable[..., Array], x: Array) -> Array:
        """map(f, y, w) in the place of each array of parts."""
        return self.joined([map(f, y, w) for f, y, w in self._each(x)], x)

    def _total(self, map: Callable[..., Array], x: Array) -> Array:
        """Σ map(f, y, w), which has a value for each part."""
        sums = [sum_of(map(f, y, w), self.batch_ndim) for f, y, w in self._each(x)]
        return sum(sums[1:], start=sums[0])

    def __call__(self, x: Point) -> Array:
        def value(f: Function, y: Array, w: Array | None) -> Array:
            values = f(y)
            if w is None:
                return values
            xp, positive = namespace(y), w > 0
            return xp.where(positive, xp.where(positive, w, 1.0) * values, 0.0)  # 0 times inf is 0

        return self._total(value, x)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        def near(f: Function, y: Array, w: Array | None) -> Array:
            if w is None:
                return f.prox(y, _spread(alpha, f, y) if is_array(alpha) else alpha)
            positive, steps = w > 0, w * _spread(alpha, f, y)
            found = f.prox(y, namespace(y).where(positive, steps, 1.0))
            return namespace(y).where(align(positive, y), found, y)

        return self._mapped(near, x)

    def gradient(self, x: Point) -> Point:
        def slope(f: Function, y: Array, w: Array | None) -> Array:
            return f.gradient(y) if w is None else align(w, y) * f.gradient(y)

        return self._mapped(slope, x)

    @property
    def has_hessian(self) -> bool:
        return self.f.has_hessian

    def make_hessian(self, x: Point) -> LinearOperator:
        parts = [(f.make_hessian(y), y, w) for f, y, w in self._each(x)]

        def product(d: Array) -> Array:
            found = []
            for (H, _, w), (_, e, _) in zip(parts, self._each(d), strict=True):
                found.append(H(e) if w is None else align(w, e) * H(e))
            return self.joined(found, d)

        space = Space.of(x, self.batch_ndim, known_finite=True)
        return SecondDerivative(product, space, self.strong_convexity, self.smoothness)

    def conjugate_value(self, u: Point) -> Array:
        def value(f: Function, v: Array, w: Array | None) -> Array:
            if w is None:
                return f.conjugate(v)
            xp, positive = namespace(v), w > 0
            usable = xp.where(positive, w, 1.0)
            values = usable * f.conjugate(v / align(usable, v))
            size = sum_of(abs(v), w.ndim)
            return xp.where(positive, values, zero_or_inf(size, 0.0 * size))

        return self._total(value, u)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        def near(f: Function, y: Array, w: Array | None) -> Array:
            dual = f.conjugate
            if w is None:
                return dual.prox(y, _spread(alpha, f, y) if is_array(alpha) else alpha)
            xp = namespace(y)
            positive = w > 0
            usable = xp.where(positive, w, 1.0)
            wide, steps = align(usable, y), _spread(alpha, f, y) / usable
            return xp.where(align(positive, y), wide * dual.prox(y / wide, steps), 0.0 * y)

        return self._mapped(near, x)

    def check_parts(self, space: Space) -> list[tuple[Space, Any]]:
        """Of each array of parts its space, whose batch is what indexes them, and which they are;
        raises, naming what does not fit.
        """
        raise NotImplementedError(f"{type(self).__name__} must define check_parts")

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        for of_parts, chosen in self.check_parts(space):
            leading, count = of_parts.batch_shape, self.count
            for name in ("weights", *self.f.samplewise):
                value = getattr(self if name == "weights" else self.f, name)
                if not is_array(value):
                    continue
                space.check_array(value, f"{name} of {self!r}")
                wanted = leading if count is None else (*leading[:-1], count)
                fits = wanted[len(wanted) - value.ndim :] if value.ndim <= len(wanted) else ()
                if tuple(value.shape) != fits:
                    raise ValueError(
                        f"{name} of {self!r} has shape {tuple(value.shape)}: give one number for "
                        f"each part, shape {wanted}"
                    )
            with_batch(self.f, leading, chosen).check_space(of_parts)

    count: int | None = None  # of the parts along the last axis that indexes them; None: all there


def _spread(alpha: Scalar, like: Function, y: Array) -> Scalar:
    """Step sizes of batch shape for all parts."""
    if not is_array(alpha):
        return alpha
    ones = namespace(y).ones_like(y[(..., *(0,) * (y.ndim - like.batch_ndim))])
    return align(alpha, ones) * ones


class SetOfParts(OfParts, Indicator):
    """The product of a set over parts."""

    def project(self, x: Point) -> Point:
        return self._mapped(lambda C, y, w: C.project(y), x)

    def kl_project(self, r: Point) -> Point:
        return self._mapped(lambda C, y, w: C.kl_project(y), r)

    @property
    def has_kl_projection(self) -> bool:
        return isinstance(self.f, Indicator) and self.f.has_kl_projection

    def recession(self, d: Point) -> Point | None:
        if self.bounded:
            return scale(0.0, d)
        found = [C.recession(y) for C, y, _ in self._each(d)]  # type: ignore[attr-defined]
        return None if any(each is None for each in found) else self.joined(found, d)

    def violation(self, x: Point) -> Array:
        def square(C: Function, y: Array, w: Array | None) -> Array:
            return C.violation(y) ** 2  # type: ignore[attr-defined]

        return root(self._total(square, x))
