"""Sets that the rows of a matrix and as many numbers give: {Ax = b}, {Ax ≤ b}."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from splitkit.arguments import check_array, check_broadcast
from splitkit.backend import Array, Space, is_array, is_complex, real_part
from splitkit.functions.base import Indicator, required, vectors
from splitkit.linear.wrapped import as_scipy, is_map


def _check_rows(name: str, value: Any) -> Array:
    if is_map(value) and not (is_array(value) and as_scipy(value) is None):
        raise TypeError(
            f"{name} is a {type(value).__name__}: give an array; of what is sparse or known by its "
            "products {Ax = b} is SolutionSet(A, b), and {Ax ≤ b} is the composition "
            "NonPositive().translate(b) @ sk.linear.wrap(A), a term of solve and minimize"
        )
    return check_array(name, value)


class OfRows(Indicator):
    """Base of the sets of conditions on ⟨aᵢ, x⟩ and bᵢ, over the last axis of x.

    Parameters
    ----------
    A : array, shape (m, n)
        Its rows are the aᵢ.
    b : array, shape (m,) or (..., m)
        Of A's dtype and device, complex too where A is real; broadcasts to Ax.
    """

    polyhedral = True

    A: Array = required(_check_rows)
    b: Array = required(check_array)

    def __post_init__(self) -> None:
        super().__post_init__()
        A, b = self.A, self.b
        if b.dtype != A.dtype and not (is_complex(b) and real_part(b).dtype == A.dtype):
            raise TypeError(f"b has dtype {b.dtype}, but A has {A.dtype}: convert one of them")
        if A.ndim != 2 or 0 in A.shape:
            raise ValueError(f"A has shape {tuple(A.shape)}: give a 2-D array that is not empty")
        if b.ndim == 0 or b.shape[-1] != A.shape[0]:
            raise ValueError(
                f"A has shape {tuple(A.shape)} and b {tuple(b.shape)}: the last axis of b must "
                f"have length {A.shape[0]}, one entry for each row of A"
            )

    def check_axes(self, space: Space) -> None:
        vectors(self.A.shape[1])(self, space)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        space.check_array(self.A, f"A of {self!r}")
        values = replace(space, shapes=((*space.shapes[0][:-1], self.A.shape[0]),))
        check_broadcast(f"b of {self!r}", self.b, values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.A.shape[0]}×{self.A.shape[1]})"
