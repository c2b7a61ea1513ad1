"""A map on tuples through their concatenation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any, cast

from splitkit.arguments import check_integer
from splitkit.backend import Array, Point, Scalar, Space, device, namespace
from splitkit.linear.base import LinearOperator, ModifiedMap
from splitkit.linear.diagonal import Diagonal
from splitkit.linear.identity import ScaledIdentity
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.wrapped import wrap
from splitkit.operators.freedom import Freedom, least


class Stacked(ModifiedMap):
    """(x₁, …, xₙ) ↦ the blocks of M[x₁; …; xₙ], concatenated along the last axis.

    A map on tuples through their concatenation: (x₁, …, xₙ) ↦ the blocks of M[x₁; …; xₙ].

    Concatenation along the last axis is an isometry onto the space of M, so that norm, constants
    and shifted inverses are those of M.

    Parameters
    ----------
    M : array of shape (Σ sizes, Σ sizes), or what ``wrap`` takes
    sizes : sequence of int
        Lengths of the blocks' last axes.

    Raises
    ------
    TypeError, ValueError
        M is no matrix or linear map; the sizes are no positive integers, or do not add up.

    Examples
    --------
    >>> M = sk.DenseMatrix(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> L = sk.linear.Stacked(M, (1, 1))
    >>> L((np.array([1.0]), np.array([1.0])))
    (array([3.]), array([7.]))
    """

    formula = "M"
    acts_on_complex = True

    def __init__(self, M: Array | LinearOperator, sizes: Sequence[int]) -> None:
        super().__init__(wrap(M, argument="M"))
        remedy = "give a positive length for each block, one at least"
        self.sizes = tuple(check_integer("sizes", n, 1, remedy) for n in sizes)
        if not self.sizes:
            raise ValueError(f"sizes = {sizes!r}: {remedy}")
        whole = (sum(self.sizes),)
        if isinstance(self.L, LastAxesMap) and {self.L.domain_shape, self.L.range_shape} != {whole}:
            raise ValueError(
                f"M = {self.L!r}, but sizes = {self.sizes} add up to {sum(self.sizes)}: give a "
                "square matrix of that size"
            )

    # those of a map of a space into itself
    range_space = LinearOperator.range_space
    domain_space = LinearOperator.domain_space

    def split(self, x: Array) -> Point:
        """The blocks of a concatenated array."""
        ends = list(accumulate(self.sizes, initial=0))
        return tuple(x[..., i:j] for i, j in pairwise(ends))

    def __call__(self, x: Point) -> Point:
        return self.split(self.L(namespace(x).concat(x, axis=-1)))

    def adjoint(self, y: Point) -> Point:
        return self.split(self.L.adjoint(namespace(y).concat(y, axis=-1)))

    def squares(self) -> LinearOperator | None:
        squares = self.L.squares()
        return None if squares is None else Stacked(squares, self.sizes)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        of_L = least(self.L.freedom(self._whole(space)))
        return (of_L if of_L is Freedom.EACH else Freedom.SHARED,) * len(self.sizes)

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        whole = {id(S): self._joined(S) for S in (rows, columns)}  # one object where they are
        return Stacked(self.L.scaled(whole[id(rows)], whole[id(columns)]), self.sizes)

    def _joined(self, S: LinearOperator | None) -> LinearOperator | None:
        """A diagonal map of tuples, each block a ``Diagonal`` or all of one number, on
        concatenations.
        """
        if S is None or S.multiple is not None:
            return None if S is None else ScaledIdentity(cast(float, S.multiple))
        parts = zip(S.on_blocks(len(self.sizes)), self.sizes, strict=True)
        arrays = [_along(d, n) for d, n in parts]
        return Diagonal(namespace(*arrays).concat(arrays))

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return self.split(self.L.magnitudes(namespace(x).concat(x, axis=-1), batch_ndim))

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return self.split(self.L.adjoint_magnitudes(namespace(x).concat(x, axis=-1), batch_ndim))

    def make_merged(self) -> LinearOperator:
        within = self.L.merged
        return self if within is self.L else Stacked(within, self.sizes)

    @property
    def solver(self) -> str | None:
        return self.L.solver

    @property
    def inverse_effort(self) -> tuple[float, float]:
        return self.L.inverse_effort

    def inverted(self) -> LinearOperator:
        return Stacked(self.L.inverted(), self.sizes)

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        return Stacked(self.L.shifted_inverse(alpha), self.sizes)

    def reflected_inverse(self, alpha: float) -> LinearOperator | None:
        reflected = self.L.reflected_inverse(alpha)
        return None if reflected is None else Stacked(reflected, self.sizes)

    def reflected_norm(self, alpha: float) -> float | None:
        return self.L.reflected_norm(alpha)

    def check_space(self, space: Space, name: str = "M") -> None:
        lengths = tuple(shape[-1] for shape in space.shapes if shape)
        others = {shape[:-1] for shape in space.shapes}
        if not space.is_tuple or lengths != self.sizes or len(others) > 1:
            raise ValueError(
                f"{name} acts on tuples of {len(self.sizes)} arrays whose last axes have lengths "
                f"{self.sizes} and whose other axes agree, got shapes {space.shapes}"
            )
        self.L.check_space(self._whole(space), name)

    def _whole(self, space: Space) -> Space:
        """That of concatenations."""
        shape = (*space.shapes[0][:-1], sum(self.sizes))
        return replace(space, shapes=(shape,), is_tuple=False)

    def __repr__(self) -> str:
        return f"Stacked({self.L!r}, {self.sizes})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        M = asarray([[2.0, 1.0, 0.0], [-1.0, 1.0, 0.5], [0.0, -0.5, 3.0]])
        return [
            (cls(M, (2, 1)), ((2,), (1,)), ((2,), (1,))),
            (cls(M, (1, 1, 1)), ((4, 1), (4, 1), (4, 1)), ((4, 1), (4, 1), (4, 1))),
        ]


def _along(d: LinearOperator, n: int) -> Array:
    """The n entries of a ``Diagonal`` along the last axis."""
    s: Array = d.entrywise
    assert s is not None
    if d.multiple is None:
        return namespace(s).broadcast_to(s, (n,))
    return namespace(s).full((n,), d.multiple, dtype=s.dtype, device=device(s))
