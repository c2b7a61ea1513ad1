"""The diagonal map x ↦ d ⊙ x, a multiplier in the standard basis."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from splitkit.arguments import check_broadcast
from splitkit.backend import (
    Array,
    Point,
    Space,
    conjugated,
    extremes,
    holds,
    is_complex,
    is_traced,
    namespace,
    products,
    real_part,
)
from splitkit.linear.base import LinearOperator, factors
from splitkit.linear.multiplier import Multiplier
from splitkit.operators.freedom import Freedom


class Diagonal(Multiplier):
    """The diagonal map x ↦ d ⊙ x, a multiplier in the standard basis.

    Parameters
    ----------
    d : array
        Finite; dtype and device of x; broadcasts to it. Of a complex one Lᵀ has its conjugate. A
        single number is ``ScaledIdentity``.

    Raises
    ------
    TypeError, ValueError
        ``d`` is no floating array of finite numbers, or has no axis.

    Examples
    --------
    >>> L = sk.linear.Diagonal(np.array([1.0, 3.0]))
    >>> x = np.array([1.0, -1.0])
    >>> y = L(x)
    >>> print(y, L.T(y))
    [ 1. -3.] [ 1. -9.]
    >>> print(L.norm, L.shifted_inverse(1.0)(x))
    3.0 [ 0.5  -0.25]
    """

    formula = r"\mathrm{diag}(d)"
    acts_on_complex = True

    def __init__(self, d: Array) -> None:
        Space.of(d, name="d")
        if d.ndim == 0:
            raise ValueError("d has no axis: give an array, or use ScaledIdentity")
        self.d = self.spectrum = d
        self._conjugate = conjugated(d)
        if is_complex(d):
            self.symmetric = holds(self._conjugate == d)
            self.skew = holds(self._conjugate == -d)
        else:
            self.entrywise = d

    @property
    def real(self) -> Array:
        return real_part(self.d)

    @cached_property
    def multiple(self) -> float | None:
        if is_complex(self.d):
            return None
        low, high = extremes(self.d)
        return low if low == high else None

    solver = "entry by entry"

    def like(self, spectrum: Array) -> LinearOperator:
        return Diagonal(spectrum)

    def __call__(self, x: Point) -> Point:
        return self.d * x

    def adjoint(self, y: Point) -> Point:
        return self._conjugate * y

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return abs(self.d * x)

    adjoint_magnitudes = magnitudes

    @property
    def T(self) -> LinearOperator:
        return self if self.symmetric else super().T

    def squares(self) -> LinearOperator:
        return Diagonal(products(self.d, self.d))

    def times(self, v: Point) -> Point:
        return self.d * v

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return (Freedom.EACH,)

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        return Diagonal(factors(rows) * self.d * factors(columns))

    def check_space(self, space: Space, name: str = "d") -> None:
        if space.is_tuple:
            raise ValueError(f"{name} = {self!r} acts on one array, got {space.shapes}")
        check_broadcast(name, self.d, space)

    @classmethod
    def of_positive(cls, d: Array) -> Diagonal:
        """diag(d) for d > 0, which is regular where d is traced, too."""
        made = cls(d)
        if is_traced(d):
            made.least_gain = float(namespace(d).finfo(d.dtype).smallest_normal)
        return made

    def __repr__(self) -> str:
        return f"Diagonal{tuple(self.d.shape)}"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [
            (cls(asarray([2.0, 0.0, 0.5])), (4, 3), (4, 3)),
            (cls(asarray([[-1.0], [1.0]])), (2, 3), (2, 3)),
        ]
