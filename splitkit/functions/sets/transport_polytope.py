"""The transport polytope {X ≥ 0: X1 = p, Xᵀ1 = q}."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from splitkit.arguments import NON_NEGATIVE, check_array, check_broadcast
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    clip,
    holds,
    namespace,
    norm,
    power_of_two,
    searched,
    solving,
    sum_of,
    to_numpy,
    transposed,
    with_derivative,
)
from splitkit.functions.base import Function, Indicator, matrices, required
from splitkit.functions.inner.accuracy import Inexact, tolerance
from splitkit.functions.inner.linear_programs import greatest_of_each
from splitkit.functions.inner.roots import piecewise_linear_root
from splitkit.functions.inner.scaling import scaled_to
from splitkit.functions.inner.transport import interior_multipliers, marginals_of, total_of
from splitkit.functions.sets.simplex import simplex_level

STEPS = 200
PATIENCE = 24  # steps after which the interior is tried


class TransportPolytope(Inexact, Indicator):
    """{X ≥ 0 with row sums p and column sums q}, for each matrix in the last two axes.

    The transport polytope {X ≥ 0: X1 = p, Xᵀ1 = q}: projection X = (Y − α1ᵀ − 1βᵀ)₊.

    The multipliers minimize the convex, piecewise quadratic ½‖(Y − α1ᵀ − 1βᵀ)₊‖² + ⟨p, α⟩ + ⟨q, β⟩,
    whose gradient is minus the error of the marginals. A step is one over α alone and one over β
    alone, both exact (projections of rows and of columns onto simplices), and a semismooth Newton
    step with an exact line search. The first two make the method converge; the last ends it once
    the support of X is found. Where Y is large beside the marginals, as in an assignment problem,
    rows would outbid each other for a column in many small steps: the marginals are first enlarged,
    and reach p and q by factors of 16. Where masses of many sizes make the support grow entry by
    entry, an interior-point method finds α and β nearly, for the steps to end. The support function
    is a transport problem, solved on the host by HiGHS. The projection of R in the Kullback-Leibler
    divergence is diag(u) R diag(v), scaled to the sums (Sinkhorn).

    Source: Li, Sun, Toh, *On the efficient computation of a projector over the Birkhoff polytope*
    (2020), for the Newton method.

    Parameters
    ----------
    rows : array, shape (m,) or (..., m)
        p, non-negative and finite, of x's dtype and device; broadcasts to the row sums.
    columns : array, shape (n,) or (..., n)
        q, likewise, with the same total.
    accuracy : float, optional, keyword
        X̃ is the projection onto the polytope of its own marginals, which differ from p and q by at
        most accuracy · (‖Y‖ + Σp); None: to rounding.

    Raises
    ------
    TypeError, ValueError
        A marginal is negative or not finite, or their totals differ: the polytope is empty.
    ArithmeticError
        From ``project``: the accuracy was not reached in 200 steps.

    Examples
    --------
    >>> C = sk.functions.TransportPolytope(np.array([1.0, 2.0]), np.array([1.5, 1.5]))
    >>> print(C.project(np.zeros((2, 2))))
    [[0.5 0.5]
     [1.  1. ]]
    """

    formula = r"\{X \geq 0, X 1 = p, X^\top 1 = q\}"
    bounded = True
    polyhedral = True

    rows: Array = required(check_array, within=NON_NEGATIVE)
    columns: Array = required(check_array, within=NON_NEGATIVE)

    check_axes = matrices()

    def __post_init__(self) -> None:
        super().__post_init__()
        rows, columns = self.rows, self.columns
        xp = namespace(rows, columns)
        if rows.ndim == 0 or columns.ndim == 0:
            raise ValueError("rows and columns must be vectors, one sum for each row and column")
        totals = xp.sum(rows, axis=-1), xp.sum(columns, axis=-1)
        rounding = 4 * max(rows.shape[-1], columns.shape[-1]) * float(xp.finfo(rows.dtype).eps)
        if not holds(abs(totals[0] - totals[1]) <= rounding * (totals[0] + totals[1])):
            raise ValueError(
                f"rows have the total {totals[0]} and columns {totals[1]}: the polytope is empty; "
                "give marginals of the same total"
            )

    def project(self, x: Point) -> Point:
        return onto_transport_polytope(x, self.rows, self.columns, self.accuracy, repr(self))

    def kl_project(self, r: Point) -> Point:
        return kl_onto_transport_polytope(r, self.rows, self.columns, self.accuracy, repr(self))

    def violation(self, x: Point) -> Array:
        return misfit(x, self.rows, self.columns, self.batch_ndim)

    def conjugate_value(self, u: Point) -> Array:
        *lead, m, n = u.shape
        # the last column's sum follows from the others
        A = sp.vstack(
            [sp.kron(sp.eye(m), np.ones((1, n))), sp.kron(np.ones((1, m)), sp.eye(n - 1, n))]
        ).tocsr()
        p, q = (to_numpy(a).astype(float) for a in (self.rows, self.columns))
        p, q = np.broadcast_to(p, (*lead, m)), np.broadcast_to(q, (*lead, n))[..., :-1]
        sides = np.concatenate([p, q], axis=-1).reshape(-1, m + n - 1)
        values = greatest_of_each(u, 2, ({"A_eq": A, "b_eq": b} for b in sides))
        return sum_of(values, self.batch_ndim)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        shape = space.shapes[0]
        for name, sums, kept in (
            ("rows", self.rows, shape[:-1]),
            ("columns", self.columns, (*shape[:-2], shape[-1])),
        ):
            label = f"{name} of {self!r}"
            if sums.shape[-1] != kept[-1]:
                raise ValueError(
                    f"{label} has {sums.shape[-1]} entries, but the matrices of x0 (shape {shape}) "
                    f"have {kept[-1]} {name}"
                )
            check_broadcast(label, sums, replace(space, shapes=(kept,)))

    def __repr__(self) -> str:
        return f"TransportPolytope({self.rows.shape[-1]}×{self.columns.shape[-1]})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([1.0, 0.5]), asarray([0.25, 0.0, 1.25]), batch_ndim=1), (2, 2, 3))]


def onto_transport_polytope(
    x: Array, rows: Array, columns: Array, accuracy: float | None, name: str
) -> Array:
    """The projection of each matrix, computed in float64; the name is for the error."""
    xp = namespace(x)
    # in double precision: where Y is large beside the marginals, they are lost in its rounding
    Y, p, q = (xp.astype(a, xp.float64) for a in (x, rows, columns))
    # totals that agree up to the rounding of x's dtype must agree up to that of float64
    supply, demand = (xp.sum(a, axis=-1, keepdims=True) for a in (p, q))
    q = q * (supply / xp.where(demand > 0, demand, xp.ones_like(demand)))
    # in units of each matrix, so that no square over- or underflows
    unit = xp.maximum(xp.max(abs(Y), axis=(-2, -1), keepdims=True), supply[..., None])
    unit = power_of_two(unit)
    Y, p, q = Y / unit, p / unit[..., 0], q / unit[..., 0]

    def twice(Y: Array, p: Array, q: Array) -> tuple[Array, Array]:
        # the second projection takes out the rounding of Y, which may be large beside the first
        near = _projection(Y, p, q, accuracy, name)
        return near, _projection(near, p, q, accuracy, name)

    outcome = ((tuple(Y.shape), Y.dtype),) * 2
    near, found = searched(twice, outcome, Y, p, q)
    found = with_derivative(found, (Y, p, q), lambda: _onto_face(Y, p, q, near > 0))
    return xp.astype(found * unit, x.dtype)


def _onto_face(Y: Array, p: Array, q: Array, support: Array) -> Array:
    """Y − α1ᵀ − 1βᵀ on the support, with the marginals p and q, and 0 elsewhere."""
    xp, rows = namespace(Y), Y.shape[-2]
    S = xp.astype(support, Y.dtype)
    with solving(Y):
        inverse = xp.linalg.pinv(marginals_of(S, 0.0))
    error = xp.concat([xp.sum(S * Y, axis=-1) - p, xp.sum(S * Y, axis=-2) - q], axis=-1)
    duals = inverse @ error[..., None]
    return S * (Y - duals[..., :rows, :] - transposed(duals[..., rows:, :]))


def scaled_to_marginals(
    U: Array,
    rows: Array,
    columns: Array,
    t: Scalar | None,
    accuracy: float | None,
    name: str,
    support: Array | None = None,
) -> Array:
    """The X with these sums and log X + X/t = U + a1ᵀ + 1bᵀ, t = ∞ if None, for each matrix, on the
    support, computed in float64; the name is for the error.
    """
    xp = namespace(U)
    wide, p, q = (xp.astype(a, xp.float64) for a in (U, rows, columns))
    supply, demand = (xp.sum(a, axis=-1, keepdims=True) for a in (p, q))
    q = q * (supply / xp.where(demand > 0, demand, xp.ones_like(demand)))
    s = None if t is None else xp.astype(t + 0.0 * U[..., :1, :1], xp.float64)
    relative = tolerance(accuracy, wide)
    held = wide == wide if support is None else support
    found = scaled_to(wide, p[..., None], q[..., None, :], s, relative, name, held)
    return xp.astype(found, U.dtype)


def kl_onto_transport_polytope(
    r: Array, rows: Array, columns: Array, accuracy: float | None, name: str
) -> Array:
    """R scaled to the sums of rows and columns, diag(u) R diag(v)."""
    xp, support = namespace(r), r > 0
    U = xp.log(xp.where(support, r, 1.0))
    return scaled_to_marginals(U, rows, columns, None, accuracy, name, support)


def misfit(x: Array, rows: Array, columns: Array, batch_ndim: int) -> Array:
    """The norm of the errors of the marginals and of the negative entries, of batch shape."""
    xp = namespace(x)
    errors = xp.sum(x, axis=-1) - rows, xp.sum(x, axis=-2) - columns, clip(x, None, 0.0)
    return norm(errors, batch_ndim)


def _projection(Y: Array, rows: Array, columns: Array, accuracy: float | None, name: str) -> Array:
    """One pass of the method, on matrices whose largest entry is made 0."""
    xp = namespace(Y)
    p = rows[..., :, None] + 0.0 * Y[..., :, :1]
    q = columns[..., None, :] + 0.0 * Y[..., :1, :]
    relative = tolerance(accuracy, Y)
    size = xp.sqrt(total_of(Y * Y))
    total = total_of(p)
    span = xp.max(Y, axis=(-2, -1), keepdims=True) - xp.min(Y, axis=(-2, -1), keepdims=True)
    enlarged = span * min(Y.shape[-2:]) / xp.where(total > 0, total, 1.0)
    # rows and columns with sum 0 would hold back the others
    allowed, barred = (p > 0) & (q > 0), -1e3 * (span + total)
    Y = Y - xp.max(Y, axis=(-2, -1), keepdims=True)

    def kept(Z: Array) -> Array:
        return xp.where(allowed, Z, barred)

    alpha, beta, running = simplex_level(kept(Y), p), 0.0 * q, size >= 0
    eps = float(xp.finfo(Y.dtype).eps)
    before, damping = size + math.inf, eps**0.5 + 0.0 * size
    found, short = Y, running  # the last X that is accurate enough, and whether there is none
    for step in range(STEPS):
        s = clip(enlarged * 16.0 ** -(step // 2), 1.0)
        level = transposed(simplex_level(transposed(kept(Y - alpha)), transposed(s * q)))
        beta = xp.where(running, level, beta)
        alpha = xp.where(running, simplex_level(kept(Y - beta), s * p), alpha)
        U = kept(Y - alpha - beta)
        X = clip(U, 0.0)
        g = xp.sum(X, axis=-1, keepdims=True) - s * p
        h = xp.sum(X, axis=-2, keepdims=True) - s * q
        error = xp.sqrt(total_of(g * g) + total_of(h * h))
        far = (s > 1) | (error > relative * (size + total))
        found = xp.where(far, found, X)
        # one Newton step more, once the accuracy is reached, leaves rounding
        running, short = short, short & far
        if not bool(xp.any(running)):
            return found
        if step == PATIENCE:
            a, b = interior_multipliers(Y, p, q, allowed)
            alpha, beta = xp.where(running, a, alpha), xp.where(running, b, beta)
            before, damping = size + math.inf, eps**0.5 + 0.0 * size
            continue
        # a support in parts that must still grow together asks for steps as long as Y is large, and
        # for the entries that will join two parts before they move on: how near those are is tried
        stuck = (s <= 1) & far & (2 * error > before)
        damping = clip(xp.where(stuck, damping / 16, eps**0.5), 4 * eps * max(Y.shape[-2:]))
        before = error
        a, b = _newton_step(U, g, h, damping, xp.where(stuck, error * 4.0 ** (step % 6), 0.0))
        alpha = xp.where(running, alpha + a, alpha)
        beta = xp.where(running, beta + b, beta)
    ratio = float(xp.max(span / xp.where(total > 0, total, 1.0)))
    raise ArithmeticError(
        f"the projection onto {name} did not reach {relative:.2g} in {STEPS} steps; the entries of "
        f"a matrix differ by {ratio:.2g} times its total: shrink the matrix beside the marginals, "
        "or give a larger accuracy"
    )


def _newton_step(U: Array, g: Array, h: Array, damping: Array, edge: Array) -> tuple[Array, Array]:
    """The semismooth Newton step from U = Y − α1ᵀ − 1βᵀ, where U₊ misses the marginals by g and h,
    to the minimum along its direction.
    """
    xp = namespace(U)
    m, n = U.shape[-2:]
    S = xp.astype(U > -edge, U.dtype)
    # H has a null vector for each component of the support: damped, it lets the step go far along
    # those, to where the support grows
    H = marginals_of(S, damping[..., 0])
    d = xp.linalg.solve(H, xp.concat([g, transposed(h)], axis=-2))
    a, b = d[..., :m, :], transposed(d[..., m:, :])
    D = a + b
    # the derivative along d is piecewise linear in t: an entry ends or begins at t = U/D. Beyond
    # the whole step, t = 1, rounding would rule along null vectors
    moves = (D != 0) & ((U > 0) == (D > 0)) & (U != 0)
    knots = clip(xp.where(moves, U / xp.where(moves, D, 1.0), 0.0), None, 2.0)
    bends = xp.where(moves, xp.where(U > 0, -D * D, D * D), 0.0 * D)
    # entries at 0 join at once where they rise
    slope = total_of(xp.where((U > 0) | ((U == 0) & (D < 0)), D * D, 0.0 * D))
    flat = (*U.shape[:-2], m * n)
    t = piecewise_linear_root(
        xp.concat([0.0 * slope[..., 0], xp.reshape(knots, flat)], axis=-1),
        xp.concat([0.0 * slope[..., 0], xp.reshape(bends, flat)], axis=-1),
        -(total_of(g * a) + total_of(h * b))[..., 0],
        slope[..., 0],
    )[..., None]
    t = clip(t, None, 1.0)
    return t * a, t * b
