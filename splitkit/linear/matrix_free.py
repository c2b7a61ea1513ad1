"""A linear map made of two functions, x ↦ Lx and y ↦ Lᵀy, and of what is declared of it.

Nothing can be computed of such a map but its values: what is not declared is unknown. Its shifted
inverse is iterative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from splitkit.backend import Array, Point, Shape, Space, from_numpy, to_numpy
from splitkit.linear.base import LinearOperator
from splitkit.properties import Properties


class MatrixFree(LinearOperator):
    """x ↦ forward(x) with Lᵀy = adjoint(y).

    Parameters
    ----------
    forward, adjoint : callable
        On the last axes of arrays; leading axes are independent, and none is changed.
        ``splitkit.testing.check_linear_operator`` tells whether they fit each other.
    domain_shape, range_shape : tuple of int
        The last axes of x and of Lx.
    norm : float, optional
        ‖L‖ or an upper bound. None: unknown, and no step size follows from it.
    least_gain, gram, strong_monotonicity : float, optional
    symmetric, skew : bool
        Declared, and believed.
    name : str
        For messages.

    Raises
    ------
    TypeError, ValueError
        Not callable; a constant is out of range, or two contradict each other.
    """

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
        norm = math.inf if norm is None else norm
        if not 0 <= least_gain <= norm:
            raise ValueError(
                f"least_gain = {least_gain}, norm = {norm}: 0 ≤ least_gain ≤ norm is necessary"
            )
        square = tuple(domain_shape) == tuple(range_shape)
        if not square and (symmetric or skew or strong_monotonicity is not None):
            raise ValueError(
                f"domain_shape = {domain_shape} and range_shape = {range_shape} differ: only a map "
                "of a space into itself is symmetric, skew or strongly monotone"
            )
        self._forward, self._adjoint = forward, adjoint
        self.domain_shape, self.range_shape = tuple(domain_shape), tuple(range_shape)
        self.norm, self.least_gain, self.gram = float(norm), float(least_gain), gram
        self.name = name or str(getattr(forward, "__name__", "L"))
        self.properties = Properties(linear=True)
        if square:
            self.properties = Properties.of(
                strong_monotonicity=strong_monotonicity,
                lipschitz=None if norm == math.inf else self.norm,
                skew=skew,
                gradient=symmetric,
                linear=True,
            )

    def __call__(self, x: Point) -> Point:
        return self._forward(x)

    def adjoint(self, y: Point) -> Point:
        return self._adjoint(y)

    def check_space(self, space: Space, name: str = "domain_shape") -> None:
        self._check(space, self.domain_shape, name)

    def range_space(self, space: Space) -> Space:
        self.check_space(space)
        return self._with(space, self.domain_shape, self.range_shape)

    def domain_space(self, space: Space) -> Space:
        self._check(space, self.range_shape, "range_shape")
        return self._with(space, self.range_shape, self.domain_shape)

    def _check(self, space: Space, wanted: Shape, name: str) -> None:
        shape = space.shapes[0]
        if space.is_tuple or shape[len(shape) - len(wanted) :] != wanted:
            raise ValueError(
                f"{name} of {self!r} is {wanted}: the last axes of an array must be these, got "
                f"{space.shapes}"
            )

    def _with(self, space: Space, old: Shape, new: Shape) -> Space:
        shape = space.shapes[0]
        return replace(space, shapes=((*shape[: len(shape) - len(old)], *new),))

    def __repr__(self) -> str:
        sizes = ["×".join(map(str, shape)) for shape in (self.domain_shape, self.range_shape)]
        return f"{self.name}({sizes[0]} → {sizes[1]})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        """(map, shape of its argument, shape of its value) for the checks."""
        M = asarray([[2.0, 1.0, 0.0], [-1.0, 1.0, 0.5], [0.0, -0.5, 3.0]])
        K = asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
        square: dict[str, Any] = {"norm": 3.5, "strong_monotonicity": 0.9}
        return [
            (cls(lambda x: x @ M.T, lambda y: y @ M, (3,), (3,), **square), (4, 3), (4, 3)),
            (cls(lambda x: x @ K.T, lambda y: y @ K, (3,), (2,), norm=4.0), (3,), (2,)),
        ]


def wrap(op: Any, **declared: Any) -> LinearOperator:
    """A ``scipy.sparse.linalg.LinearOperator``, a PyLops operator or their like as a linear map.

    Parameters
    ----------
    op : object
        With ``shape`` (rows, columns), ``matvec`` and ``rmatvec`` on real vectors of NumPy.
    **declared
        What is known of it, as in ``MatrixFree``: norm, strong_monotonicity, symmetric, ….

    Returns
    -------
    MatrixFree
        On the last axis of x, one vector after the other. Points of other libraries pass through
        NumPy, those on another device through the host.

    Raises
    ------
    TypeError
        ``op`` lacks one of these, or is complex.
    """
    missing = [name for name in ("shape", "matvec", "rmatvec") if not hasattr(op, name)]
    if missing:
        raise TypeError(f"op = {op!r} has no {', '.join(missing)}: give such an operator")
    if np.issubdtype(getattr(op, "dtype", None) or np.float64, np.complexfloating):
        raise TypeError(f"op has dtype {op.dtype}: only real spaces are supported")
    rows, columns = map(int, op.shape)
    declared.setdefault("name", type(op).__name__)

    def through(apply: Callable[[Any], Any], size: int) -> Callable[[Array], Array]:
        def mapped(x: Array) -> Array:
            vectors = to_numpy(x).reshape(-1, x.shape[-1])
            values = np.empty((len(vectors), size), dtype=vectors.dtype)
            for i, vector in enumerate(vectors):
                values[i] = apply(vector)
            return from_numpy(values.reshape(*x.shape[:-1], size), x)

        return mapped

    return MatrixFree(
        through(op.matvec, rows), through(op.rmatvec, columns), (columns,), (rows,), **declared
    )
