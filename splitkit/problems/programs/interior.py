"""A primal-dual interior-point method: where no start is known, it finds one that is all but exact.

    Px + q + Gᵀz = 0,   Gx + s = h,   s, z ∈ K,   s ∘ z = μe,   μ → 0,

K a product of {0}, an orthant, second-order cones, positive semidefinite matrices and, in
``threefold.py``, cones that are not symmetric. With Nesterov and Todd's scaling λ = Wz = W⁻ᵀs a
step solves

    [ P      GᵀW⁻¹ ] [dx]   [ −(Px + q + Gᵀz)          ]
    [ W⁻ᵀG  −I     ] [u ] = [ −W⁻ᵀ(Gx + s − h) − λ \\ d ],   dz = W⁻¹u,   ds = Wᵀ(λ \\ d − u),

twice: with d = −λ ∘ λ, which shows how far μ may fall, and then with d = σμe − λ ∘ λ − (W⁻ᵀds) ∘
u, Mehrotra's correction. No theorem says that such long steps converge where K is unbounded:
the proximal method of multipliers goes on wherever this one ends.

It starts from the least s with Gx + s = h and the least z with Px + q + Gᵀz = 0, moved into the
cones, by 1 at least, or, where these are not symmetric, from points on the central path that are as
large as those: x, s and z are counted in the sizes that ``data.sizes`` expects of them.

Source: Mehrotra, *On the implementation of a primal-dual interior point method* (1992); Nesterov,
Todd, *Self-scaled barriers and interior-point methods for convex programming* (1997); Vandenberghe,
*The CVXOPT linear and quadratic cone program solvers* (2010).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csc_array, csr_array, diags_array
from scipy.sparse.linalg import splu

from splitkit.problems.programs.data import Data, sizes
from splitkit.problems.programs.measures import largest
from splitkit.problems.programs.scalings import Scaling, Vector

REGULAR = 1e-9  # what is added to the diagonals, beside entries near 1, and refined away
REFINED = 10  # times at most
SLOW = 0.5  # part of what is left, beyond which a refinement is the last
EXACT = 1e-12  # part of the right-hand side, to which it is refined
INEXACT = 1e-7  # part of the right-hand side, beyond which pivots leave the diagonal
PIVOT = 1e-3  # where they are a smaller part of a column's largest entry
LEAST = 1e-8  # step that is progress
MOST = 100  # steps
BACK = 0.99  # part of the way to the boundary
JAMMED = 0.01  # a step beside cones that are not symmetric, instead of which it only centres
TINY = 1e-13  # residuals and μ that need not fall further, x, s and z being near 1
WAITS = 6  # steps without progress, after which it ends
DENSE = 800  # variables up to which cones of many rows are taken into a dense matrix of these
FEW = 6  # rows of a cone up to which it stays in the sparse matrix
FAR = 1e12  # times the size of x: bounds that are left out


class Interior:
    """The method for one program's rows."""

    def __init__(self, data: Data) -> None:
        self.of_x, self.of_z = sizes(data)
        barriers = data.rows.barriers(FAR * self.of_x)
        self.data = data
        self.P, self.q = self.of_x / self.of_z * data.P, data.q / self.of_z
        self.rows, self.signs = barriers.rows, barriers.signs
        self.cones: list[Scaling] = list(barriers.cones)
        G = csr_array(data.A[self.rows])
        self.G = csr_array(diags_array(self.signs) @ G)
        self.GT = csr_array(self.G.T)
        self.h = self.signs * barriers.sides / self.of_x
        self.equations = barriers.equations
        self.degree = sum(cone.degree for cone in self.cones)

    def outward(self, x: Vector, s: Vector, z: Vector) -> tuple[Vector, Vector, Vector]:
        """x, multipliers of the program's rows, and the values of these where Gx + s = h; of an
        interval the one at its last side.
        """
        data, x = self.data, self.of_x * x
        y = np.bincount(self.rows, weights=self.of_z * self.signs * z, minlength=data.A.shape[0])
        near = data.A @ x  # of rows that are left out
        near[self.rows] = self.of_x * self.signs * (self.h - s)
        return x, y, near

    @cached_property
    def system(self) -> Any:
        """How the steps are solved for."""
        if not any(cone.order > FEW for cone in self.cones):
            return _Sparse(self)
        standard = _Standard.suiting(self)
        if standard is not None:
            return standard
        return _Dense(self) if self.q.size <= DENSE else _Sparse(self)

    def points(self) -> Iterator[tuple[Vector, Vector, Vector]]:
        """x, multipliers of the rows, and a point of their set near Ax, step by step, as long as
        there is progress.
        """
        e, m = self.equations, self.h.size
        s, z = np.zeros(m), np.zeros(m)
        for cone in self.cones:
            s[cone.of] = z[cone.of] = cone.unit
        x, z, sized = self._started(s, z)
        s = -z
        s[:e] = 0.0
        for cone in self.cones:
            for v, size in zip((s, z), sized, strict=True):
                if not cone.symmetric:
                    v[cone.of] = size * cone.unit
                    continue
                short = cone.short(v[cone.of])
                if short >= -1e-8 * max(1.0, largest(v)):
                    v[cone.of] += (1 + short) * cone.unit
        least, waited = np.full(3, np.inf), 0
        for _ in range(MOST):
            yield self.outward(x, s, z)
            rx = self.P @ x + self.q + self.GT @ z
            rz = self.G @ x + s - self.h
            μ = float(s @ z) / max(self.degree, 1)
            sizes = np.maximum((largest(rx), largest(rz), μ), TINY)
            waited = 0 if (sizes < 0.9 * least).any() else waited + 1
            least = np.minimum(least, sizes)
            if waited == WAITS:
                return
            try:
                with np.errstate(all="ignore"):  # bounds of 1e20 leave the range of numbers
                    dx, ds, dz, α = self._step(s, z, rx, rz, μ)
            except (np.linalg.LinAlgError, RuntimeError):  # a matrix is singular to rounding
                return
            if not all(np.isfinite(v).all() for v in (dx, ds, dz)) or not α >= LEAST:
                return
            x, s, z = x + α * dx, s + α * ds, z + α * dz

    def _started(self, s: Vector, z: Vector) -> tuple[Vector, Vector, tuple[float, float]]:
        """x and z of the least ½‖z‖² without the cones; and how large entries of the least s and of
        the least z are in cones that are not symmetric, at least 1.
        """
        for cone in self.cones:
            cone.scale(s[cone.of], z[cone.of])
        self.system.factor()
        others = [cone for cone in self.cones if not cone.symmetric]
        if not others:
            x, z = self.system.solve(-self.q, self.h)
            return x, z, (1.0, 1.0)
        x, s = self.system.solve(0.0 * self.q, self.h)
        _, z = self.system.solve(-self.q, 0.0 * self.h)
        of_s, of_z = (max(largest(v[cone.of]) for cone in others) for v in (s, z))
        return x, s + z, (max(1.0, of_s), max(1.0, of_z))

    def _step(
        self, s: Vector, z: Vector, rx: Vector, rz: Vector, μ: float
    ) -> tuple[Vector, Vector, Vector, float]:
        """dx, ds, dz and how far to go."""
        scaled, target = rz.copy(), np.zeros(rz.size)
        for cone in self.cones:
            cone.scale(s[cone.of], z[cone.of])
            scaled[cone.of] = cone.from_slack(rz[cone.of])
            target[cone.of] = cone.target(0.0 * cone.unit, cone.unit, 0.0)
        self.system.factor()
        dx, u = self.system.solve(-rx, -scaled - target)
        σ = 0.0
        if self.cones:
            left = self._left(target, u)
            σ = (1 - min(1.0, self._longest(left, u))) ** 3
            for cone in self.cones:
                target[cone.of] = cone.target(left[cone.of], u[cone.of], σ * μ)
            dx, u = self.system.solve(-(1 - σ) * rx, -(1 - σ) * scaled - target)
        found = self._along(target, u, dx, rz, σ)
        if found[-1] < JAMMED and not all(cone.symmetric for cone in self.cones):
            for cone in self.cones:
                target[cone.of] = cone.target(0.0 * cone.unit, 0.0 * cone.unit, μ)
            dx, u = self.system.solve(0.0 * rx, -target)
            found = self._along(target, u, dx, rz, 1.0)
        return found

    def _along(
        self, target: Vector, u: Vector, dx: Vector, rz: Vector, σ: float
    ) -> tuple[Vector, Vector, Vector, float]:
        """dx, ds, dz and how far to go towards a target."""
        left = self._left(target, u)
        if not all(cone.symmetric for cone in self.cones):
            pull = self.G @ dx  # H is ill-conditioned: what is left of Gx + s = h is not
            for cone in self.cones:
                if not cone.symmetric:
                    left[cone.of] = -(1 - σ) * rz[cone.of] - pull[cone.of]
        α = min(1.0, BACK * self._longest(left, u))
        ds, dz = np.zeros(u.size), u.copy()
        for cone in self.cones:
            ds[cone.of] = cone.to_slack(left[cone.of])
            dz[cone.of] = cone.to_dual(u[cone.of])
        for cone in self.cones:
            α = cone.centred(α, ds[cone.of], dz[cone.of])
        return dx, ds, dz, α

    def _left(self, target: Vector, u: Vector) -> Vector:
        """The scaled steps of s that, with u those of z, meet the target."""
        left = target.copy()
        for cone in self.cones:
            left[cone.of] -= cone.times(u[cone.of])
        return left

    def _longest(self, ds: Vector, dz: Vector) -> float:
        """The step to the boundary."""
        steps = [cone.longest(ds[cone.of], dz[cone.of]) for cone in self.cones]
        return min(steps, default=np.inf)


class _System:
    """[[P, GᵀW⁻¹], [W⁻ᵀG, −I]] (dx, u) = (a, b), with steps of refinement."""

    def __init__(self, of: Interior) -> None:
        self.of = of

    def factor(self) -> None:
        """For the scalings at hand."""
        raise NotImplementedError

    def carefully(self) -> bool:
        """Factor anew, in a way that rounds less; whether there is one."""
        return False

    def roughly(self, a: Vector, b: Vector) -> tuple[Vector, Vector]:
        """dx and u, up to rounding and what makes the matrix regular."""
        raise NotImplementedError

    def solve(self, a: Vector, b: Vector) -> tuple[Vector, Vector]:
        """dx and u."""
        of = self.of
        dx, u = np.zeros(a.size), np.zeros(b.size)
        ra, rb, left, size = a, b, np.inf, max(largest(a), largest(b))
        for _ in range(REFINED):
            ex, eu = self.roughly(ra, rb)
            ex, eu = dx + ex, u + eu
            dz, pull = eu.copy(), of.G @ ex
            for cone in of.cones:
                dz[cone.of] = cone.to_dual(eu[cone.of])
                pull[cone.of] = cone.from_slack(pull[cone.of]) - cone.times(eu[cone.of])
            ra, rb = a - of.P @ ex - of.GT @ dz, b - pull
            now = max(largest(ra), largest(rb))
            if not now < left:
                break
            dx, u, done = ex, eu, now > SLOW * left or now <= max(1e-14, EXACT * size)
            left = now
            if done:
                break
        if left > INEXACT * size and self.carefully():
            return self.solve(a, b)
        return dx, u


class _Sparse(_System):
    """By LU of [[P, Gᵀ], [G, −WᵀW]] without rows of the orthant that have one entry, always in the
    same order: only the values of the same places change.
    """

    def __init__(self, of: Interior) -> None:
        super().__init__(of)
        G, P = of.G, csr_array(of.P).tocoo()
        self.n, m = of.q.size, of.G.shape[0]
        single = np.zeros(m, dtype=bool)
        for cone in of.cones:
            if cone.order == 1:
                single[cone.of] = np.diff(G.indptr)[cone.of] == 1
        (self.singles,), (self.others,) = np.nonzero(single), np.nonzero(~single)
        first = G.indptr[self.singles]
        self.columns, self.entries = G.indices[first], G.data[first]
        B = csr_array(G[self.others]).tocoo()
        self.size = self.n + self.others.size
        place = self.n - 1 + np.cumsum(~single)
        (g, h), (i, j) = P.coords, B.coords
        places = [(g, h), (self.n + i, j), (j, self.n + i), (np.arange(self.size),) * 2]
        self.blocks: list[tuple[Scaling, Any]] = []
        for cone in of.cones:
            rows = np.arange(m)[cone.of].reshape(-1, cone.order)
            kept = ~single[cone.of] if cone.order == 1 else slice(None)
            rows = place[rows[kept]]
            places.append(
                (np.repeat(rows, cone.order, axis=1).ravel(), np.tile(rows, cone.order).ravel())
            )
            self.blocks.append((cone, kept))
        self.fixed = np.concatenate((P.data, B.data, B.data))
        i, j = (np.concatenate(each) for each in zip(*places, strict=True))
        key, self.entry = np.unique(j.astype(np.int64) * self.size + i, return_inverse=True)
        self.order: Any = None
        self.pivots = False
        self._arrange(key % self.size, key // self.size)

    def _arrange(self, i: Any, j: Any) -> None:
        """Take entries at other places, each at one."""
        parts = np.arange(i.size), (i.astype(np.int32), j.astype(np.int32))
        self.K = csc_array(parts, shape=(self.size, self.size))
        self.K.sort_indices()
        to = np.empty(i.size, dtype=np.int64)
        to[self.K.data] = np.arange(i.size)
        self.entry = to[self.entry]

    def factor(self) -> None:
        squares = np.ones(self.of.h.size)
        blocks = []
        for cone, kept in self.blocks:
            square = cone.squares()
            if cone.order == 1:
                squares[cone.of] = square
            blocks.append(-square[kept].ravel())
        self.weights = 1 / squares[self.singles]
        diagonal = np.full(self.size, -REGULAR)
        diagonal[: self.n] = REGULAR + np.bincount(
            self.columns, weights=self.weights * self.entries**2, minlength=self.n
        )
        values = np.concatenate((self.fixed, diagonal, *blocks))
        self.K.data = np.bincount(self.entry, weights=values, minlength=self.K.nnz)
        if self.order is None:
            lu = self._factored("MMD_AT_PLUS_A", 0.0)
            self.by = lu.solve
            self.order, self.place = np.argsort(lu.perm_c), lu.perm_c.astype(np.int64)
            columns = np.repeat(np.arange(self.size), np.diff(self.K.indptr))
            self._arrange(self.place[self.K.indices], self.place[columns])
        elif self.pivots:
            self._ordered(self._factored("MMD_AT_PLUS_A", PIVOT))
        else:
            try:
                self._ordered(self._factored("NATURAL", 0.0))
            except RuntimeError:  # a pivot is 0
                self.carefully()

    def carefully(self) -> bool:
        if self.pivots:
            return False
        self.pivots = True
        self.factor()
        return True

    def _factored(self, order: str, pivot: float) -> Any:
        options = {"SymmetricMode": True}
        return splu(self.K, permc_spec=order, diag_pivot_thresh=pivot, options=options)

    def _ordered(self, lu: Any) -> None:
        order, place = self.order, self.place
        self.by = lambda b: lu.solve(b[order])[place]

    def roughly(self, a: Vector, b: Vector) -> tuple[Vector, Vector]:
        right, b = np.zeros(self.size), b.copy()
        for cone in self.of.cones:
            b[cone.of] = cone.to_slack(b[cone.of])
        pushed = self.weights * self.entries * b[self.singles]
        right[: self.n] = a + np.bincount(self.columns, weights=pushed, minlength=self.n)
        right[self.n :] = b[self.others]
        found = self.by(right)
        dx, u = found[: self.n], np.empty(b.size)
        u[self.others] = found[self.n :]
        u[self.singles] = self.weights * (self.entries * dx[self.columns] - b[self.singles])
        for cone in self.of.cones:
            u[cone.of] = cone.from_dual(u[cone.of])
        return dx, u


class _Dense(_System):
    """By Cholesky's factors of P + GᵀW⁻¹W⁻ᵀG, and of what the equations leave of it."""

    def __init__(self, of: Interior) -> None:
        super().__init__(of)
        self.A, self.P = of.G[: of.equations].toarray(), of.P.toarray()
        self.blocks = [_block(csr_array(of.G[cone.of]), cone) for cone in of.cones]

    def factor(self) -> None:
        H = self.P.copy()
        for block in self.blocks:
            block.add(H)
        size = float(np.max(H.diagonal(), initial=REGULAR))
        H[np.diag_indices_from(H)] += REGULAR
        self.weight = size if len(self.A) else 0.0  # for what the equations alone fix
        if len(self.A):
            H += self.weight * (self.A.T @ self.A)
        self.H = cho_factor(H, lower=True, check_finite=False)
        if len(self.A):
            self.across = cho_solve(self.H, self.A.T, check_finite=False)
            S = self.A @ self.across
            S[np.diag_indices_from(S)] *= 1 + 1e-14
            self.S = cho_factor(S, lower=True, check_finite=False)

    def roughly(self, a: Vector, b: Vector) -> tuple[Vector, Vector]:
        e, u = self.of.equations, -b
        right = a + self.weight * (self.A.T @ b[:e])
        for cone, block in zip(self.of.cones, self.blocks, strict=True):
            right += block.push(cone.over(b[cone.of]))
        dx = cho_solve(self.H, right, check_finite=False)
        if e:
            u[:e] = cho_solve(self.S, self.A @ dx - b[:e], check_finite=False)
            dx = dx - self.across @ u[:e]
        for cone, block in zip(self.of.cones, self.blocks, strict=True):
            u[cone.of] = cone.over(block.pull(dx) - b[cone.of])
        return dx, u


class _Block:
    """The rows B of one kind of cones in G."""

    def __init__(self, B: Any, cone: Scaling) -> None:
        self.B, self.cone = B.toarray(), cone

    def add(self, H: Any) -> None:
        """Add BᵀW⁻¹W⁻ᵀB, with the scaling at hand."""
        self.scaled = self.cone.from_slack(self.B)
        half = self.cone.half(self.scaled)
        H += half.T @ half

    def push(self, v: Vector) -> Vector:
        """BᵀW⁻¹v."""
        found: Vector = self.scaled.T @ v
        return found

    def pull(self, v: Vector) -> Vector:
        """W⁻ᵀBv."""
        found: Vector = self.scaled @ v
        return found


class _Laid(_Block):
    """Where each row of B has one entry, in a column of its own."""

    def __init__(self, B: Any, cone: Scaling) -> None:
        self.cone, self.entries, self.n = cone, B.data, B.shape[1]
        self.columns = B.indices
        self.across = B.indices.reshape(-1, cone.order)
        self.each = B.data.reshape(-1, cone.order)
        self.slices: list[slice] = []
        if cone.order > FEW and (np.diff(self.across, axis=1) == 1).all():
            self.slices = [slice(first, first + cone.order) for first in self.across[:, 0]]

    def add(self, H: Any) -> None:
        squares = self.cone.inverse_squares()
        squares *= self.each[:, :, None]
        squares *= self.each[:, None, :]
        if self.slices:
            for of, square in zip(self.slices, squares, strict=True):
                H[of, of] += square
        else:
            H[self.across[:, :, None], self.across[:, None, :]] += squares

    def push(self, v: Vector) -> Vector:
        found = np.zeros(self.n)
        found[self.columns] = self.entries * self.cone.to_dual(v)
        return found

    def pull(self, v: Vector) -> Vector:
        return self.cone.from_slack(self.entries * v[self.columns])


def _block(B: Any, cone: Scaling) -> _Block:
    alone = bool((np.diff(B.indptr) == 1).all()) and np.unique(B.indices).size == B.shape[0]
    return _Laid(B, cone) if alone else _Block(B, cone)


class _Standard(_System):
    """Where P is diagonal and the cones are of x itself, G = (A, D) with one entry in each row and
    column of D: with v = Ddx, r = D⁻ᵀ(a − Aᵀy) and Π = D⁻ᵀPD⁻¹

        (Π + W⁻¹W⁻ᵀ) v = r + W⁻¹b,   u = W⁻ᵀv − b;

    FᵀF the inverse of this matrix, y is by Cholesky's factors of BᵀB, B = FD⁻ᵀAᵀ.
    """

    def __init__(self, of: Interior) -> None:
        super().__init__(of)
        e = of.equations
        D = csr_array(of.G[e:])
        self.entries, self.columns = D.data, D.indices
        self.p = of.P.diagonal()[self.columns] / self.entries**2
        self.flat = not self.p.any()
        self.AT = self._dual(of.G[:e].toarray().T)
        self.places = [slice(each.of.start - e, each.of.stop - e) for each in of.cones]

    @classmethod
    def suiting(cls, of: Interior) -> _Standard | None:
        """That of a program of this kind."""
        D, P = csr_array(of.G[of.equations :]), csr_array(of.P).tocoo()
        alone = (np.diff(D.indptr) == 1).all() and D.data.all()
        covered = np.array_equal(np.sort(D.indices), np.arange(of.q.size))
        plain = all(cone.symmetric for cone in of.cones)
        diagonal = not P.data[P.coords[0] != P.coords[1]].any()
        if not (plain and alone and covered and diagonal):
            return None
        found = cls(of)
        pairs = zip(of.cones, found.places, strict=True)
        return found if all(cone.damps(found.p[place]) for cone, place in pairs) else None

    def _dual(self, v: Any) -> Any:
        """D⁻ᵀv, of the columns of a matrix too."""
        return v[self.columns] / (self.entries if v.ndim == 1 else self.entries[:, None])

    def _each(self, way: str, v: Any) -> Any:
        """What this method of each cone makes of its rows."""
        found = np.empty_like(v)
        for cone, place in zip(self.of.cones, self.places, strict=True):
            found[place] = getattr(cone, way)(v[place])
        return found

    def factor(self) -> None:
        for cone, place in zip(self.of.cones, self.places, strict=True):
            cone.damp(self.p[place])
        self.B = self._each("damped", self.AT)
        S = self.B.T @ self.B
        S[np.diag_indices_from(S)] *= 1 + 1e-14
        self.S = cho_factor(S, lower=True, check_finite=False)

    def roughly(self, a: Vector, b: Vector) -> tuple[Vector, Vector]:
        e, dx = self.of.equations, np.empty(a.size)
        b, of_equations = b[e:], b[:e]
        if self.flat:  # FW⁻¹ = I
            f = self._each("damped", self._dual(a)) + b
        else:
            f = self._each("damped", self._dual(a) + self._each("to_dual", b))
        y = cho_solve(self.S, self.B.T @ f - of_equations, check_finite=False)
        f -= self.B @ y
        v = self._each("damped_back", f)
        dx[self.columns] = v / self.entries
        return dx, np.concatenate((y, (f if self.flat else self._each("from_slack", v)) - b))
