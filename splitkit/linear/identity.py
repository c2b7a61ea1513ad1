"""cI."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from splitkit.arguments import check_number
from splitkit.backend import Array, Point, Scalar, Space, is_array, is_traced, scale
from splitkit.linear.base import LinearOperator
from splitkit.linear.multiplier import Multiplier
from splitkit.notation import ATOM, PRODUCT, Style
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import magnitude
from splitkit.properties import Properties


class ScaledIdentity(Multiplier):
    """cI: x ↦ cx on any space, arrays and tuples of arrays; (I + αcI)⁻¹ = I/(1 + αc).

    Parameters
    ----------
    c : float, default 1
        Finite.

    Raises
    ------
    TypeError, ValueError
        c is no finite number.

    Examples
    --------
    >>> L = sk.linear.ScaledIdentity(2.0)
    >>> x = np.array([1.0, -1.0])
    >>> y = L(x)
    >>> print(y, L.T(y))
    [ 2. -2.] [ 4. -4.]
    """

    acts_on_complex = True

    def __init__(self, c: float = 1.0) -> None:
        self.c = self.spectrum = self.multiple = check_number("c", c)
        self.norm = self.least_gain = abs(self.c)
        self.gram = self.c * self.c
        self.binding = ATOM if self.c == 1 else PRODUCT

    @cached_property
    def properties(self) -> Properties:
        return self.square_properties(self.c, symmetric=True)

    solver = "entry by entry"

    def like(self, spectrum: Scalar) -> LinearOperator:
        return _Samplewise(spectrum) if is_traced(spectrum) else ScaledIdentity(spectrum)

    def samplewise_inverse(self, alpha: Scalar) -> LinearOperator:
        if self.c < 0 or not is_array(alpha):
            return super().samplewise_inverse(alpha)
        return _Samplewise(1 / (1 + self.c * alpha))

    def __call__(self, x: Point) -> Point:
        return scale(self.c, x)

    def adjoint(self, y: Point) -> Point:
        return scale(self.c, y)

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return magnitude(scale(self.c, x))

    adjoint_magnitudes = magnitudes

    @property
    def T(self) -> LinearOperator:
        return self

    def squares(self) -> LinearOperator:
        return ScaledIdentity(self.c * self.c)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return (Freedom.EACH,) * len(space.shapes)

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        if rows is None or rows.multiple is not None:
            c = self.c * (1.0 if rows is None else rows.multiple)  # type: ignore[operator]
            return ScaledIdentity(c) if columns is None else columns.scaled(ScaledIdentity(c))
        return rows.scaled(self if columns is None else columns.scaled(self))

    def write(self, s: Style) -> str:
        return s.multiple(self.c, "I")

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        blocks = ((2,), (3, 2))
        return [(cls(), (3,), (3,)), (cls(-2.0), (3,), (3,)), (cls(0.5), blocks, blocks)]


class _Samplewise(LinearOperator):
    """x ↦ cx for a c of batch shape."""

    acts_on_complex = True

    def __init__(self, c: Array) -> None:
        self.c = c

    def __call__(self, x: Point) -> Point:
        return scale(self.c, x)

    def adjoint(self, y: Point) -> Point:
        return scale(self.c, y)
