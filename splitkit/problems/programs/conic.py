"""Conic programs in the form of SCS and Clarabel: minimize ½⟨x, Px⟩ + ⟨c, x⟩ subject to Ax + s = b,
s ∈ K, a product of cones.

With y ∈ K* x is a minimizer and y are its multipliers where

    0 = Px + c + Aᵀy,    0 ∈ b − Ax + N_{K*}(y);

every minimizer has such multipliers where some x has b − Ax inside K (Slater's condition).

Source: O'Donoghue, *Operator splitting for a homogeneous embedding of the linear complementarity
problem* (2021); Goulart, Chen, *Clarabel* (2024).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import block_diag, csr_array, eye_array

from splitkit.arguments import Range, check_integer, check_number
from splitkit.backend import Array, Point, from_numpy, namespace, scale, to_numpy
from splitkit.functions import Indicator, NormalCone
from splitkit.linear import Affine, Coupling
from splitkit.operators.base import Operator
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.identity import Zero
from splitkit.problems.programs import given
from splitkit.problems.programs.cones import (
    Cones,
    Coupled,
    SecondOrders,
    Semidefinite,
    Threes,
    onto_box_cone,
)
from splitkit.problems.programs.data import Data
from splitkit.problems.programs.program import Program, as_map
from splitkit.problems.programs.rows import Vector

KINDS = {
    "zero": "the number of rows",
    "nonnegative": "the number of rows",
    "box": "lower and upper",
    "second-order": "the number of rows",
    "psd": "the order of the matrix",
    "exponential": "the number of cones, of three rows each",
    "dual exponential": "the number of cones, of three rows each",
    "power": "a, or one for each cone, of three rows each",
    "dual power": "a, or one for each cone, of three rows each",
}


class ConicProgram(Program):
    """minimize ½⟨x, Px⟩ + ⟨c, x⟩ subject to b − Ax ∈ K.

    Parameters
    ----------
    P : array or SciPy sparse array, shape (n, n), or None
        Symmetric positive semidefinite; None: 0.
    c : array, shape (n,)
        Its library, dtype and device are those of the solution, which NumPy and SciPy compute.
    A : array or SciPy sparse array, shape (m, n)
    b : float or array, shape (m,)
    cones : sequence of tuples
        In the order of the rows: ("zero", rows), ("nonnegative", rows), ("second-order", rows) for
        {(t, u): ‖u‖ ≤ t}, ("psd", order) for the lower triangle of a symmetric matrix, column by
        column, those off the diagonal times √2, ("exponential", count) for {(x, y, z): y exp(x/y) ≤
        z, y > 0}, ("power", a) for {(x, y, z): xᵃy¹⁻ᵃ ≥ |z|}, ("dual exponential", count), ("dual
        power", a), and ("box", lower, upper) for {(t, u): t lower ≤ u ≤ t upper, t ≥ 0}.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong; the message names it, its value and the remedy.

    Examples
    --------
    >>> from splitkit.problems import ConicProgram
    >>> A, b = np.array([[-1.0], [0.0], [0.0]]), np.array([0.0, 3.0, 4.0])
    >>> problem = ConicProgram(None, np.array([1.0]), A, b, [('second-order', 3)])
    >>> print(problem.solve().x)  # the least x with (x, 3, 4) in the cone
    [5.]
    """

    def __init__(self, P: Any, c: Array, A: Any, b: Any, cones: Sequence[tuple[Any, ...]]) -> None:
        self.c = self._like = given.finite("c", given.vector("c", c))
        n = int(self.c.shape[0])
        if n == 0:
            raise ValueError("c has shape (0,): give at least one variable")
        self.P, self._P = None, csr_array((n, n))
        if P is not None:
            self.P, found = given.matrix("P", P, (n, n), self._like)
            self._P = given.convex(found, self._like)
        self.A, self._A = given.matrix("A", A, (None, n), self._like)
        m = self._A.shape[0]
        self.b = given.finite("b", given.vector("b", b, m, self._like))
        if not isinstance(cones, (list, tuple)):
            raise TypeError(f"cones = {cones!r}: give a list of tuples, as [('nonnegative', 3)]")
        self.cones = tuple(cones)
        self._K = _Layout(self.cones)
        if self._K.rows != m:
            raise ValueError(
                f"cones have {self._K.rows} rows, but A has {m}: give each row of A to one cone"
            )
        self._arrange()

    def _arrange(self) -> None:
        K = Coupling(as_map(self.A, self._A, self._like))
        cone = NormalCone(_Dual(self._K))
        slope, b = scale(-1.0, self.c), scale(-1.0, self.b)
        if not self._P.nnz:
            self._take((BlockDiagonal((Zero(), cone)), Affine(K, (slope, b))))
            return
        P = as_map(self.P, self._P, self._like, strong_monotonicity=0.0)
        nothing = namespace(self.c).zeros_like(self.c)
        self._take((BlockDiagonal((Affine(P, slope), cone)), Affine(K, (nothing, b))))

    def update(
        self, *, P: Any = None, c: Any = None, A: Any = None, b: Any = None, **others: Any
    ) -> None:
        """Take other numbers of the same shapes; the next solve keeps units and factorizations.

        Parameters
        ----------
        P, A : matrix with nonzeros in the same places, or of a sparse one its new ``data``
        c, b
            As before.

        Raises
        ------
        TypeError, ValueError
            See the class; nothing is changed then.
        """
        given.nothing_else(self, others, "P, c, A and b")
        n, m = self._sizes
        with self._updating(matrices=P is not None or A is not None):
            if c is not None:
                self.c = given.finite("c", given.vector("c", c, n, self._like))
            if b is not None:
                self.b = given.finite("b", given.vector("b", b, m, self._like))
            if P is not None:
                if self.P is None:
                    raise ValueError("P was not given when the problem was made: make a new one")
                self.P, found = given.renewed("P", P, self.P, csr_array(self.P), self._like)
                self._P = given.convex(found, self._like)
            if A is not None:
                self.A, self._A = given.renewed("A", A, self.A, self._A, self._like)

    # -- see Program ------------------------------------------------------------------------------

    @property
    def _sizes(self) -> tuple[int, int]:
        return int(self.c.shape[0]), self._A.shape[0]

    def _data(self) -> Data:
        c, b = (to_numpy(each).astype(float) for each in (self.c, self.b))
        A = self._A if self._K.plain else csr_array(self._K.turn @ self._A)
        return Data(self._P, c, A, self._K.at(b if self._K.plain else self._K.turn @ b))

    def _inward(self, x: Vector, y: Vector | None, bounds: Vector | None) -> tuple[Vector, Vector]:
        y = np.zeros(self._sizes[1]) if y is None else y
        y = self._K.inward(y)
        assert self._method is not None
        return x, y - self._method.data.rows.beyond(y)

    def _outward(self, y: Vector) -> tuple[Vector, Vector | None]:
        return self._K.outward(y), None

    def _slack(self, x: Vector) -> Vector:
        return self._K.onto(to_numpy(self.b).astype(float) - self._A @ x)

    def __repr__(self) -> str:
        n, m = self._sizes
        return f"ConicProgram({n} variables, {m} rows, {len(self.cones)} cones)"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        P, c = asarray([[2.0, 1.0], [1.0, 2.0]]), asarray([1.0, -1.0])
        A = asarray([[1.0, 1.0], [0.0, 0.0], [-1.0, 0.0], [0.0, -1.0]])
        b = asarray([1.0, 2.0, 0.5, 0.0])
        return [
            (cls(P, c, A, b, [("zero", 1), ("second-order", 3)]), ((2,), (4,))),
            (cls(None, c, A, b, [("zero", 1), ("nonnegative", 3)]), ((2,), (4,))),
        ]


class _Layout:
    """Which rows belong to which cones; the cone of a box as inequalities of t and u.

    ``turn`` maps the program's rows to those of ``Cones``: s ↦ (t, u − t lower, t upper − u) for a
    box, and the identity for the others.
    """

    def __init__(self, cones: Sequence[tuple[Any, ...]]) -> None:
        self.rows, at = 0, 0
        zero: list[int] = []
        orthant: list[int] = []
        coupled: dict[tuple[str, int], list[Any]] = defaultdict(list)
        turns: list[Any] = []
        self._boxes: list[tuple[int, int, Vector, Vector]] = []
        for i, cone in enumerate(cones):
            name = f"cones[{i}]"
            kind, *what = cone if isinstance(cone, (tuple, list)) and cone else (cone,)
            if not isinstance(kind, str) or kind not in KINDS:
                raise ValueError(
                    f"{name} = {cone!r}: its kind is none of {', '.join(KINDS)}: give (kind, …), "
                    'as ("nonnegative", 3)'
                )
            if len(what) != (2 if kind == "box" else 1):
                raise ValueError(f'{name} = {cone!r}: give ("{kind}", …) with {KINDS[kind]}')
            count, shape, shares = 1, 0, None
            if kind == "box":
                lower, upper = _box(name, *what)
                turn = _of_box(lower, upper)
                self._boxes.append((self.rows, at, lower, upper))
                turns.append(turn)
                orthant += range(at, at + turn.shape[0])
                self.rows, at = self.rows + turn.shape[1], at + turn.shape[0]
                continue
            if kind.endswith("power"):
                shares = [
                    check_number(f"a of {name}", a, Range(0.0, 1.0))
                    for a in np.ravel(_floats(f"a of {name}", what[0])).tolist()
                ]
                count, shape = len(shares), 3
            elif kind.endswith("exponential"):
                count, shape = check_integer(f"the size of {name}", what[0], 0), 3
            else:
                least = 1 if kind == "second-order" else 0
                shape = check_integer(f"the size of {name}", what[0], least)
            order = shape
            if kind == "psd":
                shape = order * (order + 1) // 2
            index = at + np.arange(count * shape).reshape(count, shape)
            if kind == "zero":
                zero += index.ravel().tolist()
            elif kind == "nonnegative" or (kind in ("psd", "second-order") and order == 1):
                orthant += index.ravel().tolist()
            elif index.size:
                coupled[kind, order].append((index, shares))
            turns.append(index.size)
            self.rows, at = self.rows + index.size, at + index.size
        self.plain = not self._boxes
        self._turns = turns
        self.zero, self.orthant = (np.zeros(at, dtype=bool) for _ in range(2))
        self.zero[zero] = True
        self.orthant[orthant] = True
        self.coupled = tuple(
            _coupled(kind, order, parts) for (kind, order), parts in coupled.items()
        )

    @cached_property
    def turn(self) -> Any:
        parts = (eye_array(each) if isinstance(each, int) else each for each in self._turns)
        return csr_array(block_diag(list(parts), format="csr"))

    def at(self, b: Vector) -> Cones:
        """b − K."""
        return Cones(b, self.zero, self.orthant, self.coupled)

    def onto(self, s: Vector) -> Vector:
        """P_K(s), of the program's rows."""
        if self.plain:
            return self.at(np.zeros(s.size)).onto(s)
        found = self.turn.T @ self.at(np.zeros(self.turn.shape[0])).onto(self.turn @ s)
        for row, _, lower, upper in self._boxes:
            of = slice(row, row + 1 + lower.size)
            found[of] = onto_box_cone(s[of], lower, upper)
        return found

    def outward(self, y: Vector) -> Vector:
        """Multipliers of the program's rows."""
        found: Vector = y if self.plain else self.turn.T @ y
        return found

    def inward(self, y: Vector) -> Vector:
        """Multipliers of the rows of ``Cones``, that ``outward`` takes to these."""
        if self.plain:
            return y
        found = np.zeros(self.turn.shape[0])
        single = abs(self.turn).sum(axis=1) == 1
        found[single] = (self.turn @ y)[single]
        for row, at, lower, upper in self._boxes:
            u = y[row + 1 : row + 1 + lower.size]
            low, high = np.isfinite(lower), np.isfinite(upper)
            above, below = np.maximum(u, 0.0)[low], np.maximum(-u, 0.0)[high]
            found[at] = y[row] + lower[low] @ above - upper[high] @ below
            found[at + 1 : at + 1 + above.size + below.size] = np.concatenate((above, below))
        return found


class _Dual(Indicator):
    """K*, on the multipliers of the rows."""

    formula = r"\mathcal{K}^*"

    def __init__(self, layout: _Layout) -> None:
        self.layout, self.batch_ndim = layout, 0

    def project(self, x: Point) -> Point:
        values = to_numpy(x).astype(float)
        return from_numpy(values + self.layout.onto(-values), x)

    def __repr__(self) -> str:
        return f"K*({self.layout.rows} rows)"


def _coupled(kind: str, order: int, parts: list[Any]) -> Coupled:
    index = np.concatenate([each for each, _ in parts])
    if kind == "second-order":
        return SecondOrders(index)
    if kind == "psd":
        return Semidefinite(index, order)
    if kind.endswith("exponential"):
        return Threes(index, kind)
    return Threes(index, kind, np.concatenate([shares for _, shares in parts]))


def _floats(name: str, value: Any) -> Vector:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"{name} = {value!r}: give a number, or an array of them") from None


def _box(name: str, lower: Any, upper: Any) -> tuple[Vector, Vector]:
    low, high = (np.atleast_1d(_floats(f"a bound of {name}", each)) for each in (lower, upper))
    if low.ndim != 1 or low.shape != high.shape:
        raise ValueError(
            f"{name} has bounds of shapes {low.shape} and {high.shape}: give two of one length"
        )
    if np.isnan(low).any() or np.isnan(high).any():
        raise ValueError(f"{name} has bounds that are NaN: give numbers")
    return given.interval((f"lower of {name}", f"upper of {name}"), low, high)


def _of_box(lower: Vector, upper: Vector) -> Any:
    k = lower.size
    (low,), (high,) = np.nonzero(np.isfinite(lower)), np.nonzero(np.isfinite(upper))
    turn = np.zeros((1 + low.size + high.size, 1 + k))
    turn[0, 0] = 1.0
    rows = 1 + np.arange(low.size)
    turn[rows, 1 + low], turn[rows, 0] = 1.0, -lower[low]
    rows = 1 + low.size + np.arange(high.size)
    turn[rows, 1 + high], turn[rows, 0] = -1.0, upper[high]
    return csr_array(turn)
