"""Quadratic and linear programs: minimize ½⟨x, Px⟩ + ⟨q, x⟩ subject to l ≤ Ax ≤ u, x within bounds.

With K the box [l, u] and B that of the bounds, x is a minimizer and y are its multipliers where

    0 ∈ Px + q + Aᵀy + N_B(x),    0 ∈ ∂σ_K(y) − Ax,

that is y ≥ 0 where Ax = u, y ≤ 0 where Ax = l, y = 0 between. Every minimizer has such multipliers.

Source: Stellato, Banjac, Goulart, Bemporad, Boyd, *OSQP* (2020), §2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array, issparse, vstack

from splitkit.backend import Array, namespace, scale, to_numpy
from splitkit.functions import Box, NormalCone, Subdifferential
from splitkit.linear import Affine, Coupling
from splitkit.operators.base import Operator
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.identity import Zero
from splitkit.problems.programs import given
from splitkit.problems.programs.data import Data
from splitkit.problems.programs.program import Program, as_map
from splitkit.problems.programs.rows import Intervals, Vector

Bounds = tuple[Any, Any]


class QP(Program):
    """minimize ½⟨x, Px⟩ + ⟨q, x⟩ subject to l ≤ Ax ≤ u and, if given, lower ≤ x ≤ upper.

    ``problem.solve()`` returns x with all multipliers, objective and gap; as a sum of operators on
    pairs (x, y) ``splitkit.solve`` takes it too.

    Parameters
    ----------
    P : array or SciPy sparse array, shape (n, n)
        Symmetric positive semidefinite, up to rounding. Sparse matrices stay sparse.
    q : array, shape (n,)
        Its library, dtype and device are those of the solution, which NumPy and SciPy compute.
    A : array or SciPy sparse array, shape (m, n); optional
    l, u : float or array, shape (m,)
        l ≤ u: equal for equations, −inf and inf for free sides. With A.
    bounds : pair of floats or arrays of shape (n,), optional
        (lower, upper) of x.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong; the message names it, its value and the remedy.

    Examples
    --------
    >>> from splitkit.problems import QP
    >>> problem = QP(np.eye(2), np.array([-2.0, 0.0]), A=np.ones((1, 2)), l=1.0, u=1.0)
    >>> found = problem.solve()
    >>> print(found.x, found.y)
    [ 1.5 -0.5] [0.5]
    """

    def __init__(
        self,
        P: Any,
        q: Array,
        A: Any = None,
        l: Any = None,  # noqa: E741 (the field's name)
        u: Any = None,
        *,
        bounds: Bounds | None = None,
    ) -> None:
        self._begin(P, q, A, l, u, bounds, "q")

    def _begin(
        self,
        P: Any,
        q: Any,
        A: Any,
        l: Any,  # noqa: E741
        u: Any,
        bounds: Bounds | None,
        slope: str,
    ) -> None:
        self.q = self._like = given.finite(slope, given.vector(slope, q))
        n = int(self.q.shape[0])
        if n == 0:
            raise ValueError(f"{slope} has shape (0,): give at least one variable")
        self._quadratic(P)
        self._has_rows = A is not None
        if A is None:
            if l is not None or u is not None:
                raise TypeError("A is missing, to which l and u belong: give it, or use bounds")
            self.A, self._A = None, csr_array((0, n))
        else:
            self.A, self._A = given.matrix("A", A, (None, n), self._like)
            if l is None and u is None and self._A.shape[0]:
                raise TypeError("l and u are missing, which limit Ax: give one, or leave A out")
        self._limits(l, u)
        self._bounds(bounds)
        self._arrange()

    def _quadratic(self, P: Any) -> None:
        n = int(self.q.shape[0])
        self.P, found = given.matrix("P", P, (n, n), self._like)
        self._P = given.convex(found, self._like)

    def _limits(self, l: Any, u: Any) -> None:  # noqa: E741
        m = self._A.shape[0]
        free = -np.inf if l is None else l, np.inf if u is None else u
        self.l, self.u = (
            given.vector(k, v, m, self._like) for k, v in zip("lu", free, strict=True)
        )
        self._rows = given.interval(("l", "u"), self.l, self.u)

    def _bounds(self, bounds: Bounds | None) -> None:
        self.bounds = None
        if bounds is None:
            self._box = None
            return
        if not (isinstance(bounds, (tuple, list)) and len(bounds) == 2):
            raise TypeError(f"bounds = {bounds!r}: give the pair (lower, upper)")
        n = int(self.q.shape[0])
        names = "bounds[0]", "bounds[1]"
        lower, upper = (
            given.vector(name, value, n, self._like)
            for name, value in zip(names, bounds, strict=True)
        )
        self.bounds, self._box = (lower, upper), given.interval(names, lower, upper)

    def _arrange(self) -> None:
        on_x: Operator = Zero() if self.bounds is None else NormalCone(Box(*self.bounds))
        some = self._A.shape[0] > 0
        rows: Operator = Subdifferential(Box(self.l, self.u).conjugate) if some else Zero()
        slope = scale(-1.0, self.q)
        K = Coupling(as_map(self.A, self._A, self._like))
        if not self._P.nnz:
            nothing = namespace(self.l).zeros_like(self.l)
            self._take((BlockDiagonal((on_x, rows)), Affine(K, (slope, nothing))))
            return
        P = as_map(self.P, self._P, self._like, strong_monotonicity=0.0)
        quadratic = Affine(P, slope)
        if self.bounds is None:
            self._take((BlockDiagonal((quadratic, rows)), Affine(K)))
        else:
            smooth = BlockDiagonal((quadratic, Zero()))
            self._take((BlockDiagonal((on_x, rows)), smooth, Affine(K)))

    def update(
        self,
        *,
        P: Any = None,
        q: Any = None,
        A: Any = None,
        l: Any = None,  # noqa: E741
        u: Any = None,
        bounds: Bounds | None = None,
        **others: Any,
    ) -> None:
        """Take other numbers of the same shapes; the next solve keeps units and factorizations.

        Parameters
        ----------
        P, A : matrix with nonzeros in the same places, or of a sparse one its new ``data``
        q, l, u, bounds
            As before.

        Raises
        ------
        TypeError, ValueError
            See the class; nothing is changed then.
        """
        given.nothing_else(self, others, "P, q, A, l, u and bounds")
        self._update("q", P, q, A, l, u, bounds)

    def _update(
        self,
        slope: str,
        P: Any,
        q: Any,
        A: Any,
        l: Any,  # noqa: E741
        u: Any,
        bounds: Bounds | None,
    ) -> None:
        with self._updating(matrices=P is not None or A is not None):
            if q is not None:
                n = int(self.q.shape[0])
                self.q = given.finite(slope, given.vector(slope, q, n, self._like))
            if P is not None:
                self.P, found = given.renewed("P", P, self.P, self._given_P(), self._like)
                self._P = given.convex(found, self._like)
            if A is not None:
                if self.A is None:
                    raise ValueError("A was not given when the problem was made: make a new one")
                self.A, self._A = given.renewed("A", A, self.A, self._A, self._like)
            if l is not None or u is not None:
                self._limits(self.l if l is None else l, self.u if u is None else u)
            if bounds is not None:
                free = self._free()
                self._bounds(bounds)
                if free != self._free():
                    raise ValueError(
                        "bounds are finite for other entries than before: an update changes values "
                        "only; make a new problem"
                    )

    def _given_P(self) -> Any:
        return csr_array(self.P) if issparse(self.P) else self._P

    def _free(self) -> bytes:
        """Which variables have no bound."""
        if self._box is None:
            return b""
        lower, upper = self._box
        free: bytes = ((lower == -np.inf) & (upper == np.inf)).tobytes()
        return free

    # -- see Program ------------------------------------------------------------------------------

    @property
    def _sizes(self) -> tuple[int, int]:
        return int(self.q.shape[0]), self._A.shape[0]

    @property
    def _bounded(self) -> Vector:
        """The variables with a bound."""
        if self._box is None:
            return np.zeros(0, dtype=int)
        lower, upper = self._box
        return np.flatnonzero((lower > -np.inf) | (upper < np.inf))

    def _data(self) -> Data:
        q = to_numpy(self.q).astype(float)
        A, (lower, upper) = self._A, self._rows
        if self._box is not None:
            of = self._bounded
            A = csr_array(vstack((A, csr_array(diags_array(np.ones(q.size)))[of])))
            lower, upper = (
                np.concatenate(pair)
                for pair in zip(self._rows, (b[of] for b in self._box), strict=True)
            )
        return Data(self._P, q, A, Intervals(lower, upper))

    def _inward(self, x: Vector, y: Vector | None, bounds: Vector | None) -> tuple[Vector, Vector]:
        of = self._bounded
        if y is None:
            return x, np.zeros(self._sizes[1] + of.size)
        if bounds is None:
            bounds = -(self._P @ x + to_numpy(self.q) + self._A.T @ y)
        whole = np.concatenate((y, bounds[of]))
        assert self._method is not None
        return x, whole - self._method.data.rows.beyond(whole)

    def _outward(self, y: Vector) -> tuple[Vector, Vector | None]:
        m = self._sizes[1]
        if self._box is None:
            return y, None
        bounds = np.zeros(self._sizes[0])
        bounds[self._bounded] = y[m:]
        return y[:m], bounds

    def _slack(self, x: Vector) -> Vector:
        lower, upper = self._rows
        found: Vector = np.clip(self._A @ x, lower, upper)
        return found

    def __repr__(self) -> str:
        n, m = self._sizes
        return f"{type(self).__name__}({n} variables, {m} rows)"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        P, q = asarray([[2.0, 1.0], [1.0, 2.0]]), asarray([1.0, -1.0])
        A, inf = asarray([[1.0, 1.0], [1.0, -1.0], [0.0, 1.0]]), float("inf")
        low, high = asarray([1.0, -0.5, -inf]), asarray([1.0, inf, 0.75])
        return [
            (cls(P, q, A, low, high), ((2,), (3,))),
            (cls(P, q, A, low, high, bounds=(0.0, asarray([0.6, inf]))), ((2,), (3,))),
        ]


class LP(QP):
    """minimize ⟨c, x⟩ subject to l ≤ Ax ≤ u and lower ≤ x ≤ upper, as in the MPS format.

    See ``QP``, of which it is the case P = 0.

    Parameters
    ----------
    c : array, shape (n,)
    A : array or SciPy sparse array, shape (m, n); optional
    l, u : float or array, shape (m,)
        With A: equal for equations, −inf and inf for free sides.
    bounds : pair of floats or arrays of shape (n,), optional
        (lower, upper) of x; None: free. ``(0, inf)`` is what most formats mean.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong; the message names it, its value and the remedy.

    Examples
    --------
    >>> from splitkit.problems import LP
    >>> problem = LP(np.array([1.0, 2.0]), A=np.ones((1, 2)), l=1.0, u=1.0, bounds=(0.0, np.inf))
    >>> found = problem.solve()
    >>> print(found.x, found.objective)
    [1. 0.] 1.
    """

    def __init__(
        self,
        c: Array,
        A: Any = None,
        l: Any = None,  # noqa: E741
        u: Any = None,
        *,
        bounds: Bounds | None = None,
    ) -> None:
        self._begin(None, c, A, l, u, bounds, "c")

    def _quadratic(self, P: Any) -> None:
        n = int(self.q.shape[0])
        self._P = csr_array((n, n))

    @property
    def c(self) -> Array:
        """The objective's coefficients."""
        return self.q

    def update(
        self,
        *,
        c: Any = None,
        A: Any = None,
        l: Any = None,  # noqa: E741
        u: Any = None,
        bounds: Bounds | None = None,
        **others: Any,
    ) -> None:
        """Take other numbers of the same shapes; see ``QP.update``."""
        given.nothing_else(self, others, "c, A, l, u and bounds")
        self._update("c", None, c, A, l, u, bounds)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        A, inf = asarray([[1.0, 1.0], [1.0, -1.0]]), float("inf")
        low, high = asarray([1.0, -0.5]), asarray([1.0, inf])
        return [(cls(asarray([1.0, 2.0]), A, low, high, bounds=(0.0, 3.0)), ((2,), (2,)))]
