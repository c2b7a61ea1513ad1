"""A linear map made of two functions, x ↦ Lx and y ↦ Lᵀy, and of what is declared of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from splitkit.arguments import NON_NEGATIVE, Range, check_flag, check_number
from splitkit.backend import Array, Point, Shape
from splitkit.linear.base import LinearOperator
from splitkit.linear.last_axes import LastAxesMap
from splitkit.looks import unchanging
from splitkit.properties import Properties


class MatrixFree(LastAxesMap):
    """x ↦ forward(x) with Lᵀy = adjoint(y).

    A linear map made of two functions, x ↦ Lx and y ↦ Lᵀy, and of what is declared of it.

    Nothing can be computed of such a map but its values: what is not declared is unknown. Its
    shifted inverse is iterative.

    Parameters
    ----------
    forward, adjoint : callable
        On the last axes of arrays; leading axes are independent, and none is changed.
        ``splitkit.testing.check_linear_operator`` tells whether they fit each other.
    domain_shape, range_shape : tuple of int
        The last axes of x and of Lx.
    norm : float, optional
        ‖L‖ or an upper bound. None: unknown: no step size follows from it, and residuals are judged
        beside the largest gain that the iterates show.
    least_gain, gram, strong_monotonicity : float, optional
    symmetric, skew : bool
        Declared, and believed.
    name : str
        For messages.

    Raises
    ------
    TypeError, ValueError
        Not callable; a constant is out of range, or two contradict each other.

    Examples
    --------
    >>> back = lambda x: x[..., ::-1]  # its own adjoint
    >>> L = sk.linear.MatrixFree(back, back, (3,), (3,), norm=1.0)
    >>> print(L(np.array([1.0, 2.0, 3.0])), L.norm)
    [3. 2. 1.] 1.0
    """

    formula = "L"
    has_declared_constants = True
    acts_on_complex = True

    def __init__(
        self,
        forward: Callable[[Array], Array],
        adjoint: Callable[[Array], Array],
        domain_shape: Shape,
        range_shape: Shape,
        *,
        norm: float | None = None,
        least_gain: float = 0.0,
        gram: float | None = None,
        strong_monotonicity: float | None = None,
        symmetric: bool = False,
        skew: bool = False,
        name: str | None = None,
    ) -> None:
        for argument, value in (("forward", forward), ("adjoint", adjoint)):
            if not callable(value):
                raise TypeError(f"{argument} = {value!r} is not callable")
        norm = math.inf if norm is None else check_number("norm", norm, Range(0.0, ends="[]"))
        least_gain = check_number("least_gain", least_gain, Range(0.0, norm, "[]"))
        symmetric, skew = check_flag("symmetric", symmetric), check_flag("skew", skew)
        self.domain_shape, self.range_shape = tuple(domain_shape), tuple(range_shape)
        if not self.is_square and (symmetric or skew or strong_monotonicity is not None):
            raise ValueError(
                f"domain_shape = {domain_shape} and range_shape = {range_shape} differ: only a map "
                "of a space into itself is symmetric, skew or strongly monotone"
            )
        self._forward, self._adjoint, self._tried = forward, adjoint, frozenset[str]()
        self.norm, self.least_gain = norm, least_gain
        self.gram = None if gram is None else check_number("gram", gram, NON_NEGATIVE)
        self.name = name or str(getattr(forward, "__name__", "L"))
        if self.is_square:
            self.properties = Properties.of(
                strong_monotonicity=strong_monotonicity,
                lipschitz=None if norm == math.inf else self.norm,
                skew=skew,
                gradient=symmetric,
                linear=True,
            )

    def __call__(self, x: Point) -> Point:
        return self._forward(x) if "forward" in self._tried else self._first("forward", x)

    def adjoint(self, y: Point) -> Point:
        return self._adjoint(y) if "adjoint" in self._tried else self._first("adjoint", y)

    def _first(self, which: str, x: Point) -> Point:
        """The value of a function that is tried for the first time."""
        value = unchanging(getattr(self, f"_{which}"), x, self)
        self._tried |= {which}
        return value

    def __repr__(self) -> str:
        sizes = ["×".join(map(str, shape)) for shape in (self.domain_shape, self.range_shape)]
        return f"{self.name}({sizes[0]} → {sizes[1]})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        M = asarray([[2.0, 1.0, 0.0], [-1.0, 1.0, 0.5], [0.0, -0.5, 3.0]])
        K = asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
        square: dict[str, Any] = {"norm": 3.5, "strong_monotonicity": 0.9}
        return [
            (cls(lambda x: x @ M.T, lambda y: y @ M, (3,), (3,), **square), (4, 3), (4, 3)),
            (cls(lambda x: x @ K.T, lambda y: y @ K, (3,), (2,), norm=4.0), (3,), (2,)),
        ]
