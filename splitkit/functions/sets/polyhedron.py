"""The polyhedron {Ax ≤ b}."""

from __future__ import annotations

from typing import Any

import numpy as np

from splitkit.arguments import Range, check_array
from splitkit.backend import (
    Array,
    Point,
    clip,
    device,
    is_traced,
    lengths,
    namespace,
    norm,
    searched,
    sum_of,
    to_numpy,
    with_derivative,
)
from splitkit.functions.base import Function, required, without_rounding
from splitkit.functions.inner.accuracy import Inexact, tolerance
from splitkit.functions.inner.linear_programs import greatest_of_each
from splitkit.functions.sets.rows import OfRows
from splitkit.looks import at_known
from splitkit.meshes import together, whole_along


class Polyhedron(Inexact, OfRows):
    """{x: Ax ≤ b} over the last axis of x.

    The polyhedron {Ax ≤ b}: projection y − Aᵀλ, λ ≥ 0, by the dual active-set method.

    With the rows aᵢ of unit length and an active set W, on which aᵢᵀx = bᵢ, take the most violated
    row aⱼ and r = (A_W A_Wᵀ)⁻¹A_W aⱼ, z = aⱼ − A_Wᵀr. The step t is the least of those that meet
    row j, (aⱼᵀx − bⱼ)/‖z‖², and that bring a multiplier to 0, λᵢ/rᵢ for rᵢ > 0: λ_W ← λ_W − tr, λⱼ
    ← λⱼ + t. Row j then enters W, or the row with λᵢ = 0 leaves it. The dual value grows at every
    step, so the method ends; no such step means that the polyhedron is empty. All samples take
    their steps at once. The support function is a linear program for each vector, solved on the
    host by HiGHS.

    Source: Goldfarb, Idnani, *A numerically stable dual method for solving strictly convex
    quadratic programs* (1983).

    Parameters
    ----------
    A : array, shape (m, n)
        Dtype and device of x.
    b : array, shape (m,) or (..., m)
        Of A's dtype and device; broadcasts to Ax; inf: that row never binds.
    accuracy : float, optional, keyword
        The projection is exact for a polyhedron whose bounds, for rows of unit length, are moved by
        at most accuracy · (‖y‖ + ‖Py‖); None: to rounding.

    Raises
    ------
    TypeError, ValueError
        A is no real floating matrix, its sizes do not fit b, or the polyhedron is empty.
    ArithmeticError
        From ``project``: rounding kept the method from ending (rows that nearly depend).

    Notes
    -----
    A step solves one m×m system for each vector; there are about as many steps as active rows.

    Examples
    --------
    >>> C = sk.functions.Polyhedron(np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([1.0, 0.0]))
    >>> print(C.project(np.array([2.0, 1.0])))
    [1. 0.]
    """

    formula = r"\{A x \leq b\}"

    b: Array = required(check_array, within=Range(ends="(]"))

    def __post_init__(self) -> None:
        super().__post_init__()
        A = whole_along(whole_along(self.A, 0, "Polyhedron"), 1, "Polyhedron")
        b, xp = whole_along(self.b, -1, "Polyhedron"), namespace(self.A, self.b)
        norms = lengths(A, (-1,), keepdims=True)
        norms = xp.where(norms > 0, norms, 1.0)
        self._rows, self._bounds = A / norms, b / norms[:, 0]
        if is_traced(A) or is_traced(b):  # a projection says it
            return
        try:
            origin = xp.zeros((*b.shape[:-1], A.shape[1]), dtype=A.dtype, device=device(A))
            with together((A, b)):
                at_known(self.project, origin)  # of b's batch axes, whatever x's will be
        except _EmptyError as error:
            raise ValueError(
                f"{self!r} is empty, up to rounding: no x has Ax ≤ b; check A and b"
            ) from error

    def project(self, x: Point) -> Point:
        xp, x = namespace(x), whole_along(x, -1, "Polyhedron.project")
        rows = self.A.shape[0]
        bounds = self._bounds + xp.zeros((*x.shape[:-1], rows), dtype=x.dtype, device=device(x))
        y, bounds = xp.reshape(x, (-1, x.shape[-1])), xp.reshape(bounds, (-1, rows))

        def settled(y: Array, A: Array, bounds: Array) -> tuple[Array, Array]:
            near, active = self._project(y, A, bounds)
            return without_rounding(lambda x: self._project(x, A, bounds)[0], near, 1), active

        outcome = (tuple(y.shape), y.dtype), (tuple(bounds.shape), bool)
        found, active = searched(settled, outcome, y, self._rows, bounds)
        found = with_derivative(
            found, (y, self._rows, bounds), lambda: self._onto_face(y, bounds, active)
        )
        return xp.reshape(found, x.shape)

    def _system(self, gram: Array, active: Array) -> Array:
        """A_W A_Wᵀ for each sample, with the identity for the other rows."""
        xp, rows = namespace(gram), gram.shape[0]
        identity = xp.eye(rows, dtype=gram.dtype, device=device(gram))
        both = active[:, :, None] & active[:, None, :]
        return xp.where(both, gram, xp.where(active[:, :, None], 0.0, identity))

    def _onto_face(self, y: Array, bounds: Array, active: Array) -> Array:
        """The projection onto the affine set of the active rows."""
        xp, A = namespace(y), self._rows
        excess = xp.where(active, y @ A.T - bounds, 0.0)
        dual = xp.linalg.solve(self._system(A @ A.T, active), excess[:, :, None])[..., 0]
        return y - dual @ A

    def _project(self, y: Array, A: Array, bounds: Array) -> tuple[Array, Array]:
        """The projection, and which rows it found active."""
        xp = namespace(y)
        rows, columns = A.shape
        relative = tolerance(self.accuracy, y)
        dependent = float(xp.finfo(y.dtype).eps) ** (2 / 3)
        gram, index = A @ A.T, xp.arange(rows, device=device(y))
        dual, active = xp.zeros_like(bounds), bounds > float("inf")
        entering = xp.zeros((y.shape[0], 1), dtype=index.dtype, device=device(y))
        under_way = xp.zeros((y.shape[0], 1), dtype=active.dtype, device=device(y))
        size = lengths(y, (-1,), keepdims=True)
        for _ in range(10 * (rows + columns) + 100):
            x = y - dual @ A
            excess = x @ A.T - bounds
            allowed = relative * (size + lengths(x, (-1,), keepdims=True))
            outside = xp.where(active, -float("inf"), excess)
            worst = xp.argmax(outside, axis=-1, keepdims=True)
            entering = xp.where(under_way, entering, worst)
            violation = xp.take_along_axis(excess, entering, axis=-1)
            running = violation > allowed
            system = self._system(gram, active)
            chosen = xp.take(gram, xp.reshape(entering, (-1,)), axis=0)
            sides = xp.stack([chosen, xp.where(running, 0.0, excess)], axis=-1)
            solved = xp.linalg.solve(system, xp.where(active[:, :, None], sides, 0.0))
            r = solved[..., 0]
            # the last step takes out what rounding has left of the active rows
            if not bool(xp.any(running)):
                return y - (dual + solved[..., 1]) @ A, active
            z = xp.take(A, xp.reshape(entering, (-1,)), axis=0) - r @ A
            square = xp.sum(z * z, axis=-1, keepdims=True)
            free = square > dependent * dependent
            full = xp.where(free, violation / xp.where(free, square, 1.0), float("inf"))
            blocking = active & (r > dependent)
            ratios = xp.where(blocking, clip(dual, 0.0) / xp.where(blocking, r, 1.0), float("inf"))
            partial = xp.min(ratios, axis=-1, keepdims=True)
            step = xp.minimum(full, partial)
            if bool(xp.any(running & (step == float("inf")))):
                raise _EmptyError(
                    f"{self!r} is empty, up to rounding: no x has Ax ≤ b; check A and b"
                )
            step = xp.where(running, step, 0.0)
            enters = index == entering
            leaves = index == xp.argmin(ratios, axis=-1, keepdims=True)
            dual = dual - step * r + xp.where(enters, step, 0.0)
            under_way = running & (partial < full)
            active = (active | (enters & running & ~under_way)) & ~(leaves & under_way)
            dual = xp.where(leaves & under_way, 0.0, dual)
        raise ArithmeticError(
            f"the projection onto {self!r} did not end: rows of A nearly depend on each other; "
            f"remove such rows, or give a larger accuracy than {relative:.2g}"
        )

    def violation(self, x: Point) -> Array:
        over = clip(x @ self._rows.T - self._bounds, 0.0)
        return norm(over, self.batch_ndim)

    def recession(self, d: Point) -> Point:
        return Polyhedron(self.A, 0.0 * self.b, batch_ndim=self.batch_ndim).project(d)

    def conjugate_value(self, u: Point) -> Array:
        A = to_numpy(self._rows)
        bounds = np.broadcast_to(to_numpy(self._bounds), (*u.shape[:-1], A.shape[0]))
        sides = bounds.reshape(-1, A.shape[0])
        binds = [b < np.inf for b in sides]
        constraints = (
            {"A_ub": A[rows], "b_ub": b[rows], "bounds": (None, None)}
            for b, rows in zip(sides, binds, strict=True)
        )
        return sum_of(greatest_of_each(u, 1, constraints), self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        A = asarray([[1.0, 1.0], [-1.0, 2.0], [0.0, -1.0], [-1.0, -1.0]])
        return [(cls(A, asarray([1.0, 2.0, 0.5, 3.0]), batch_ndim=1), (2, 2))]


class _EmptyError(ArithmeticError):
    """No point satisfies the constraints."""
