"""The slab {l ≤ ⟨a, x⟩ ≤ u}."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import Range, check_array, check_bounds
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    align,
    as_float,
    clip,
    held_fixed,
    holds,
    like,
    namespace,
    products,
    real_part,
    sum_of,
)
from splitkit.functions.base import Function, Indicator, infinite_where, parameter, required


class Slab(Indicator):
    """{x: l ≤ ⟨a, x⟩ ≤ u}, the inner product over all axes that are not batch.

    The slab {l ≤ ⟨a, x⟩ ≤ u}: projection y − a (s − min(max(s, l), u))/‖a‖², s = ⟨a, y⟩.

    Its support function at v = ta is ut for t ≥ 0, lt for t < 0, and inf at every other v.
    Source: Bauschke, Combettes (2017), Example 29.20 and 29.21; Beck, *First-Order Methods in
    Optimization* (2017), Lemma 6.26.

    Parameters
    ----------
    normal : array
        a ≠ 0, finite, of the shape of x without its batch axes, or of x's shape (one normal for
        each sample); dtype and device of x.
    lower, upper : float or array
        Bounds with lower ≤ upper; −inf and inf leave a side free. An array has batch shape.

    Raises
    ------
    TypeError, ValueError
        The normal is 0 or no real floating array of finite numbers; lower > upper.

    Examples
    --------
    >>> C = sk.functions.Slab(np.array([1.0, 1.0, 0.0]), -1.0, 1.0)
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [ 2.5 -1.5  0.5]
    """

    formula = r"\{<lower> \leq \langle a, x\rangle \leq <upper>\}"
    polyhedral = True
    acts_on_complex = True

    normal: Array = required(check_array, repr=False)
    lower: Scalar = parameter(Range(ends="[]"), samplewise=True)
    upper: Scalar = parameter(Range(ends="[]"), samplewise=True)

    def __post_init__(self) -> None:
        self.lower, self.upper = check_bounds(self.lower, self.upper, "the slab")
        super().__post_init__()
        size = held_fixed(namespace(self.normal).max(abs(self.normal)))  # a unit: it cancels
        known = as_float(size)
        if known == 0:
            raise ValueError("normal = 0: give a vector that is not 0")
        self._size = size if known is None else known
        self._unit = self.normal / self._size  # squares of this neither over- nor underflow

    subtracts = True

    def _excess(self, x: Array, alpha: Scalar = 1.0) -> tuple[Array, Array]:
        """(s − min(max(s, αl), αu))/‖a‖² and ‖a‖², for a normal divided by its size."""
        s = sum_of(products(self._unit, x), self.batch_ndim)
        inside = clip(s, alpha * self.lower / self._size, alpha * self.upper / self._size)
        square = self._square(x)
        return (s - inside) / square, square

    def _square(self, x: Array) -> Array:
        return sum_of(
            products(self._unit, self._unit) + real_part(namespace(x).zeros_like(x)),
            self.batch_ndim,
        )

    def project(self, x: Point) -> Point:
        return x - align(self._excess(x)[0], x) * self._unit

    def reflect(self, x: Point) -> Point:
        """2 project(x) − x."""
        return x - align(2 * self._excess(x)[0], x) * self._unit

    def violation(self, x: Point) -> Array:
        excess, square = self._excess(x)
        return abs(excess) * namespace(x).sqrt(square)

    def recession(self, d: Point) -> Point:
        xp, inf = namespace(d), float("inf")
        s, square = sum_of(products(self._unit, d), self.batch_ndim), self._square(d)
        lower, upper = self.lower + 0.0 * s, self.upper + 0.0 * s
        barred = xp.where(upper < inf, clip(s, 0.0), 0.0 * s)
        barred = barred + xp.where(lower > -inf, clip(s, None, 0.0), 0.0 * s)
        return d - align(barred / square, d) * self._unit

    def conjugate_value(self, u: Point) -> Array:
        xp, space = namespace(u), Space.of(u, self.batch_ndim, name="u")
        t = sum_of(products(self._unit, u), self.batch_ndim) / self._square(u)
        off = space.norm(u - align(t, u) * self._unit)
        rounding = 64 * float(xp.finfo(u.dtype).eps) * space.norm(u)
        # a free side allows no multiple of the normal, up to rounding
        t = xp.where(abs(t) > rounding, t, 0.0)
        bound = xp.where(t > 0, self.upper, xp.where(t < 0, self.lower, 0.0 * t))
        return infinite_where(off > rounding, t * bound / self._size)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return like(align(self._excess(x, alpha)[0], x) * self._unit, x)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        space.check_array(self.normal, f"normal of {self!r}")
        shape, given = space.shapes[0], tuple(self.normal.shape)
        if given not in (shape, shape[self.batch_ndim :]):
            raise ValueError(
                f"normal of {self!r} has shape {given}: give {shape[self.batch_ndim :]}, or one "
                f"for each sample, {shape}"
            )
        if given == shape:
            squares = sum_of(products(self._unit, self._unit), self.batch_ndim)
            if not holds(squares != 0):
                raise ValueError(f"normal of {self!r} is 0 for a sample: give vectors that are not")

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        a, per_sample = [1.0, -2.0, 0.5], [[1.0, 0.0, 0.0], [3.0, -1.0, 2.0]]
        return [
            (cls(asarray(a), -1.0, 0.5), (3,)),
            (cls(asarray(per_sample), asarray([-1.0, 0.2]), float("inf"), batch_ndim=1), (2, 3)),
        ]
