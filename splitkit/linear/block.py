"""Matrices of maps on tuples of arrays: (x₁, …, xₙ) ↦ (Σⱼ Lᵢⱼxⱼ)ᵢ, with its cases column, row and
diagonal.

‖L‖ is at most the norm of the matrix of the blocks' norms. On a product of spaces with itself
⟨Lx, x⟩ ≥ Σmᵢ‖xᵢ‖² − Σ_{i<j} ‖Lᵢⱼ + Lⱼᵢᵀ‖‖xᵢ‖‖xⱼ‖: the least eigenvalue of that form bounds the
strong monotonicity, and blocks Lⱼᵢ = −Lᵢⱼᵀ take nothing from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial, reduce
from typing import Any

import numpy as np

from splitkit.backend import Point, Scalar, Space, add
from splitkit.linear.algebra import LinearMultiple
from splitkit.linear.base import Adjoint, LinearOperator
from splitkit.linear.combined import CombinedMaps, all_known, checked_maps, common_space
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.diagonal import Diagonal
from splitkit.linear.identity import ScaledIdentity
from splitkit.notation import LATEX, PRODUCT, matrix_in_latex
from splitkit.operators.base import PointMap
from splitkit.operators.freedom import Freedom, least
from splitkit.properties import Properties, block_properties


class BlockMatrix(CombinedMaps):
    """(x₁, …, xₙ) ↦ (Σⱼ L₁ⱼxⱼ, …, Σⱼ Lₘⱼxⱼ) on tuples of arrays.

    Parameters
    ----------
    rows : sequence of sequences of LinearOperator
        Lᵢⱼ; maps of arrays. A zero block is ``0.0 * L`` for a map L of the right shapes.

    Raises
    ------
    TypeError, ValueError
        Not a matrix of linear maps.

    Examples
    --------
    >>> K = sk.DenseMatrix(np.array([[1.0, 2.0]]))
    >>> I = sk.linear.ScaledIdentity()
    >>> L = sk.linear.BlockMatrix([[I, K.T], [-1.0 * K, I]])
    >>> L((np.array([1.0, 1.0]), np.array([2.0])))
    (array([3., 5.]), array([-1.]))
    """

    def __init__(self, rows: Sequence[Sequence[LinearOperator]]) -> None:
        self.rows = tuple(checked_maps("a row", row) for row in rows)
        if not self.rows or len({len(row) for row in self.rows}) != 1:
            raise ValueError(
                f"rows have lengths {[len(row) for row in self.rows]}: give rows of equal length"
            )
        super().__init__([L for row in self.rows for L in row])
        self.columns = tuple(zip(*self.rows, strict=True))

    @property
    def is_square(self) -> bool:
        """Whether it has as many rows as columns."""
        return len(self.rows) == len(self.rows[0])

    @cached_property
    def norm(self) -> float:
        norms = np.asarray([[L.norm for L in row] for row in self.rows])
        return float(np.linalg.norm(norms, 2)) if np.isfinite(norms).all() else math.inf

    @cached_property
    def properties(self) -> Properties:
        if not self.is_square:
            return Properties(linear=True)
        indices = range(len(self.rows))
        diagonal = [self.rows[i][i].properties for i in indices]
        pairs = [(i, j) for j in indices for i in range(j)]
        opposite = {(i, j): _are_opposite(self.rows[i][j], self.rows[j][i]) for i, j in pairs}
        ms = all_known(p.strong_monotonicity for p in diagonal)
        m = None
        if ms is not None:
            form = np.diag(ms)
            for i, j in pairs:
                if not opposite[i, j]:
                    form[i, j] = form[j, i] = -(self.rows[i][j].norm + self.rows[j][i].norm) / 2
            m = float(np.linalg.eigvalsh(form)[0]) if np.isfinite(form).all() else None
            if all(opposite.values()):
                m = float(form.diagonal().min())  # exact, without rounding
        adjoint = [_are_adjoint(self.rows[i][j], self.rows[j][i]) for i, j in pairs]
        return self.square_properties(
            m,
            symmetric=all(p.gradient for p in diagonal) and all(adjoint),
            skew=all(p.skew for p in diagonal) and all(opposite.values()),
        )

    def __call__(self, x: Point) -> Point:
        return tuple(_row(row, x) for row in self.rows)

    def adjoint(self, y: Point) -> Point:
        return tuple(_row([L.adjoint for L in column], y) for column in self.columns)

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return tuple(_row(_magnitudes(row, batch_ndim), x) for row in self.rows)

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        columns = self.columns
        return tuple(_row(_adjoint_magnitudes(each, batch_ndim), x) for each in columns)

    def squares(self) -> LinearOperator | None:
        rows = [all_known(L.squares() for L in row) for row in self.rows]
        known = all_known(rows)
        return None if known is None else BlockMatrix(known)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        spaces = space.block_spaces()
        found = (f for row in self.rows for f in _of_blocks(row, spaces))
        return (least(found),) * len(spaces)

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        E, S = _parts(rows, len(self.rows)), _parts(columns, len(self.columns))
        made: dict[Any, LinearOperator] = {}
        return BlockMatrix(
            [
                [_scaled_once(L, e, s, made) for L, s in zip(row, S, strict=True)]
                for row, e in zip(self.rows, E, strict=True)
            ]
        )

    def make_merged(self) -> LinearOperator:
        from splitkit.linear.fusing import merged_blocks  # of maps that import this file

        return merged_blocks(self)

    @property
    def solver(self) -> str | None:
        return None if self.merged is self else self.merged.solver

    def range_space(self, space: Space) -> Space:
        return _tuple_space([_row_space(self, row, space) for row in self.rows])

    def domain_space(self, space: Space) -> Space:
        return _tuple_space([_column_space(self, column, space) for column in self.columns])

    def __repr__(self) -> str:
        return f"[{'; '.join(', '.join(map(repr, row)) for row in self.rows)}]"

    def latex(self) -> str:
        return matrix_in_latex(map(LATEX, row) for row in self.rows)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        K = DenseMatrix(asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]))
        P, Q = DenseMatrix(asarray([[2.0, 1.0], [1.0, 2.0]])), DenseMatrix(asarray([[1.0]]))
        J = DenseMatrix(asarray([[1.0, -2.0]]))
        D = DenseMatrix(asarray([[4.0, 1.0], [-1.0, 3.0]]))
        return [
            (cls([[P, K]]), ((2,), (3,)), ((2,),)),
            (cls([[P, J.T], [-J, Q]]), ((2,), (1,)), ((2,), (1,))),
            (cls([[D, 0.1 * J.T], [0.1 * J, Q]]), ((2,), (1,)), ((2,), (1,))),
            (cls([[P, 0.5 * D], [0.1 * D, P]]), ((2,), (2,)), ((2,), (2,))),
        ]


class BlockColumn(CombinedMaps):
    """x ↦ (L₁x, …, Lₙx), from arrays to tuples; ‖L‖² ≤ Σ‖Lᵢ‖², ‖Lx‖² ≥ Σ(least gains)²‖x‖².

    Parameters
    ----------
    maps : sequence of LinearOperator
        Maps of one space.

    Raises
    ------
    TypeError
        There is none, or another thing than linear maps among them.

    Examples
    --------
    >>> K = sk.DenseMatrix(np.array([[1.0, 2.0]]))
    >>> L = sk.linear.BlockColumn((K, sk.linear.ScaledIdentity()))
    >>> L(np.array([1.0, 1.0]))
    (array([3.]), array([1., 1.]))
    """

    @cached_property
    def norm(self) -> float:
        return math.hypot(*(L.norm for L in self.maps))

    @cached_property
    def least_gain(self) -> float:
        return math.hypot(*(L.least_gain for L in self.maps))

    def __call__(self, x: Point) -> Point:
        return tuple(L(x) for L in self.maps)

    def adjoint(self, y: Point) -> Point:
        return _row([L.adjoint for L in self.maps], y)

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return tuple(size(x) for size in _magnitudes(self.maps, batch_ndim))

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return _row(_adjoint_magnitudes(self.maps, batch_ndim), x)

    def squares(self) -> LinearOperator | None:
        known = all_known(L.squares() for L in self.maps)
        return None if known is None else BlockColumn(known)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return (max(Freedom.OWN, least(f for L in self.maps for f in L.freedom(space))),)

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        E = _parts(rows, len(self.maps))
        return BlockColumn([L.scaled(e, columns) for L, e in zip(self.maps, E, strict=True)])

    def range_space(self, space: Space) -> Space:
        return _tuple_space([L.range_space(space) for L in self.maps])

    def domain_space(self, space: Space) -> Space:
        return _column_space(self, self.maps, space)

    def latex(self) -> str:
        return matrix_in_latex([LATEX(L)] for L in self.maps)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        K = DenseMatrix(asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]))
        return [(cls([K, Diagonal(asarray([1.0, 2.0, 0.5]))]), (4, 3), ((4, 2), (4, 3)))]


class BlockRow(CombinedMaps):
    """(x₁, …, xₙ) ↦ L₁x₁ + … + Lₙxₙ, from tuples to arrays; LLᵀ = Σ LᵢLᵢᵀ.

    Parameters
    ----------
    maps : sequence of LinearOperator
        Maps into one space.

    Raises
    ------
    TypeError
        There is none, or another thing than linear maps among them.

    Examples
    --------
    >>> K = sk.DenseMatrix(np.array([[1.0, 2.0]]))
    >>> L = sk.linear.BlockRow((K, sk.linear.ScaledIdentity(3.0)))
    >>> print(L((np.array([1.0, 1.0]), np.array([2.0]))))
    [9.]
    """

    @cached_property
    def norm(self) -> float:
        return math.hypot(*(L.norm for L in self.maps)) if self.gram is None else self.gram**0.5

    @cached_property
    def gram(self) -> float | None:
        grams = all_known(L.gram for L in self.maps)
        return None if grams is None else sum(grams)

    def __call__(self, x: Point) -> Point:
        return _row(self.maps, x)

    def adjoint(self, y: Point) -> Point:
        return tuple(L.adjoint(y) for L in self.maps)

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return _row(_magnitudes(self.maps, batch_ndim), x)

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return tuple(size(x) for size in _adjoint_magnitudes(self.maps, batch_ndim))

    def squares(self) -> LinearOperator | None:
        known = all_known(L.squares() for L in self.maps)
        return None if known is None else BlockRow(known)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        spaces = space.block_spaces()
        return (least(_of_blocks(self.maps, spaces)),) * len(spaces)

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        S = _parts(columns, len(self.maps))
        return BlockRow([L.scaled(rows, s) for L, s in zip(self.maps, S, strict=True)])

    def range_space(self, space: Space) -> Space:
        return _row_space(self, self.maps, space)

    def domain_space(self, space: Space) -> Space:
        return _tuple_space([L.domain_space(space) for L in self.maps])

    def latex(self) -> str:
        return matrix_in_latex([map(LATEX, self.maps)])

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        K = DenseMatrix(asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]))
        return [
            (cls([K, ScaledIdentity(2.0)]), ((3,), (2,)), (2,)),
            (cls([ScaledIdentity(), ScaledIdentity(-1.0)]), ((2,), (2,)), (2,)),
        ]


class BlockDiagonalMap(CombinedMaps):
    """(x₁, …, xₙ) ↦ (L₁x₁, …, Lₙxₙ); its constants are the blocks' extremes.

    Parameters
    ----------
    maps : sequence of LinearOperator
        One for each block.

    Raises
    ------
    TypeError
        There is none, or another thing than linear maps among them.

    Examples
    --------
    >>> K = sk.DenseMatrix(np.array([[1.0, 2.0]]))
    >>> L = sk.linear.BlockDiagonalMap((K, sk.linear.ScaledIdentity(3.0)))
    >>> L((np.array([1.0, 1.0]), np.array([2.0])))
    (array([3.]), array([6.]))
    """

    @cached_property
    def norm(self) -> float:
        return max(L.norm for L in self.maps)

    @cached_property
    def least_gain(self) -> float:
        return min(L.least_gain for L in self.maps)

    @cached_property
    def gram(self) -> float | None:
        return self.maps[0].gram if len({L.gram for L in self.maps}) == 1 else None

    @cached_property
    def properties(self) -> Properties:
        return block_properties(L.properties for L in self.maps)

    def __call__(self, x: Point) -> Point:
        return tuple(L(block) for L, block in zip(self.maps, x, strict=True))

    def adjoint(self, y: Point) -> Point:
        return tuple(L.adjoint(block) for L, block in zip(self.maps, y, strict=True))

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        sizes = _magnitudes(self.maps, batch_ndim)
        return tuple(size(block) for size, block in zip(sizes, x, strict=True))

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        sizes = _adjoint_magnitudes(self.maps, batch_ndim)
        return tuple(size(block) for size, block in zip(sizes, x, strict=True))

    @cached_property
    def multiple(self) -> float | None:
        found = {L.multiple for L in self.maps}
        return found.pop() if len(found) == 1 else None

    def reciprocal(self) -> LinearOperator:
        return BlockDiagonalMap([L.reciprocal() for L in self.maps])

    def times(self, v: Point) -> Point:
        return tuple(L.times(block) for L, block in zip(self.maps, v, strict=True))

    def on_blocks(self, count: int) -> tuple[LinearOperator, ...]:
        return self.maps

    def squares(self) -> LinearOperator | None:
        known = all_known(L.squares() for L in self.maps)
        return None if known is None else BlockDiagonalMap(known)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return tuple(max(Freedom.OWN, f) for f in _of_blocks(self.maps, space.block_spaces()))

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        E, S = (_parts(each, len(self.maps)) for each in (rows, columns))
        return BlockDiagonalMap([L.scaled(*each) for L, *each in zip(self.maps, E, S, strict=True)])

    def diagonal_blocks(self, count: int) -> tuple[LinearOperator, ...] | None:
        return self.maps if count == len(self.maps) else None

    def make_merged(self) -> LinearOperator:
        parts = [L.merged for L in self.maps]
        same = all(a is b for a, b in zip(parts, self.maps, strict=True))
        return self if same else BlockDiagonalMap(parts)

    @property
    def solver(self) -> str | None:
        found = all_known(L.solver for L in self.maps)
        return None if found is None else "block by block: " + ", ".join(dict.fromkeys(found))

    def inverted(self) -> LinearOperator:
        return BlockDiagonalMap([L.inverted() for L in self.maps])

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        return BlockDiagonalMap([L.shifted_inverse(alpha) for L in self.maps])

    def reflected_norm(self, alpha: float) -> float | None:
        norms = all_known(L.reflected_norm(alpha) for L in self.maps)
        return None if norms is None else max(norms)

    def range_space(self, space: Space) -> Space:
        return _tuple_space([L.range_space(s) for L, s in _each(self.maps, space)])

    def domain_space(self, space: Space) -> Space:
        return _tuple_space([L.domain_space(s) for L, s in _each(self.maps, space)])

    def latex(self) -> str:
        return LATEX.grouped(LATEX.times.join(LATEX(L, PRODUCT) for L in self.maps))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        D = DenseMatrix(asarray([[4.0, 1.0], [-1.0, 3.0]]))
        K = DenseMatrix(asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]))
        d = Diagonal(asarray([1.0, 2.0, 0.5]))
        square = ((2,), (4, 3))
        return [
            (cls([D, d]), square, square),
            (cls([K, d]), ((3,), (3,)), ((2,), (3,))),
        ]


def _row(maps: Sequence[Callable[[Point], Point]], x: Point) -> Point:
    return reduce(add, (L(block) for L, block in zip(maps, x, strict=True)))


def _magnitudes(maps: Sequence[LinearOperator], batch_ndim: int) -> list[PointMap]:
    return [partial(L.magnitudes, batch_ndim=batch_ndim) for L in maps]


def _adjoint_magnitudes(maps: Sequence[LinearOperator], batch_ndim: int) -> list[PointMap]:
    return [partial(L.adjoint_magnitudes, batch_ndim=batch_ndim) for L in maps]


def _of_blocks(maps: Sequence[LinearOperator], spaces: Sequence[Space]) -> list[Freedom]:
    """The freedom of each block, at least a number of its own."""
    each = zip(maps, spaces, strict=True)
    return [max(Freedom.OWN, least(L.freedom(space))) for L, space in each]


def _parts(S: LinearOperator | None, count: int) -> tuple[LinearOperator | None, ...]:
    """What a diagonal map is on each block."""
    return (None,) * count if S is None else S.on_blocks(count)


def _scaled_once(
    L: LinearOperator,
    e: LinearOperator | None,
    s: LinearOperator | None,
    made: dict[Any, LinearOperator],
) -> LinearOperator:
    """e L s, one object for maps that stand in several places, also as cL or Lᵀ."""
    if isinstance(L, LinearMultiple):
        return LinearMultiple.of(L.c, _scaled_once(L.L, e, s, made))
    if isinstance(L, Adjoint):
        return _scaled_once(L.L, s, e, made).T
    key = id(L), id(e), id(s)
    if key not in made:
        made[key] = L.scaled(e, s)
    return made[key]


def _each(maps: Sequence[LinearOperator], space: Space) -> list[tuple[LinearOperator, Space]]:
    if not space.is_tuple or len(space.shapes) != len(maps):
        raise TypeError(
            f"{len(maps)} blocks act on a tuple of as many arrays, got shapes {space.shapes}"
        )
    return list(zip(maps, space.block_spaces(), strict=True))


def _row_space(whole: LinearOperator, maps: Sequence[LinearOperator], space: Space) -> Space:
    return common_space(whole, maps, [L.range_space(s) for L, s in _each(maps, space)])


def _column_space(whole: LinearOperator, maps: Sequence[LinearOperator], space: Space) -> Space:
    return common_space(whole, maps, [L.domain_space(s) for L, s in _each(maps, space)])


def _tuple_space(spaces: list[Space]) -> Space:
    shapes = tuple(shape for space in spaces for shape in space.shapes)
    return replace(spaces[0], shapes=shapes, is_tuple=True)


def _are_adjoint(L: LinearOperator, K: LinearOperator) -> bool:
    if isinstance(L, LinearMultiple) and isinstance(K, LinearMultiple):
        return L.c == K.c and _are_adjoint(L.L, K.L)
    return L.T is K or K.T is L


def _are_opposite(L: LinearOperator, K: LinearOperator) -> bool:
    return _are_adjoint(L, LinearMultiple.of(-1.0, K))
