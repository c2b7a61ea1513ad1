"""Steps in one block of x, drawn anew each time, of the length that this block allows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from splitkit.backend import Point, add, lincomb, namespace, scale, subtract
from splitkit.functions.base import Function
from splitkit.functions.calculus.separable import SeparableSum
from splitkit.linear.base import LinearOperator
from splitkit.linear.block import BlockRow
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.pullback import Pullback
from splitkit.solvers.finite_sums import PARTS, addends, as_fit, restricted
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.drawing import ANEW, Drawing, DrawnIteration
from splitkit.solvers.potentials import NoPotentialError, potential
from splitkit.solvers.sampling import generator
from splitkit.solvers.terms import Role, Term, not_maximal


class NoBlocksError(TypeError):
    """Terms do not say what of them belongs to a block of x."""


@dataclass(frozen=True, eq=False)
class Block:
    """Of one block: its columns of each fit, its part of what acts on each entry, and of g."""

    index: Any  # a slice of the last axis, or the number of a block of a tuple
    columns: tuple[LinearOperator, ...]
    slopes: tuple[PointMap, ...]
    g: Function
    lipschitz: float


@dataclass(frozen=True, eq=False)
class Blocks:
    """f(x) = Σ hₖ(Kₖx) + Σᵢ eᵢ(xᵢ) and g(x) = Σᵢ gᵢ(xᵢ) by blocks."""

    fits: tuple[tuple[Function, LinearOperator], ...]
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, F: Operator, G: Operator, batch: int | None) -> Blocks:
        """Those of F = ∇f and G = ∂g.

        Raises
        ------
        NoBlocksError
            f has a term that is none of these, or g does not act on each block by itself.
        """
        fits: list[tuple[Function, Any]] = []
        entrywise: list[Function] = []
        for term in addends(F):
            fit = _fit(term)
            if fit is not None and fit[0].has_gradient:
                fits.append(fit)
                continue
            entrywise.append(_potential(term))
        if not fits:
            raise NoBlocksError(
                f"{F!r} is no fit: give LeastSquares(A, b) or h @ A with an array A, or a "
                "BlockRow of maps, and a smooth h"
            )
        g = _potential(G)
        if isinstance(fits[0][1], BlockRow):
            indices: list[Any] = list(range(len(fits[0][1].maps)))
        else:
            columns = fits[0][1].matrix.shape[1]
            size = -(-columns // PARTS) if batch is None else batch
            indices = [slice(i, min(i + size, columns)) for i in range(0, columns, size)]
        blocks = [_block(index, fits, entrywise, g) for index in indices]
        return cls(tuple(fits), tuple(blocks))

    @property
    def steepest(self) -> float:
        """max Lᵢ."""
        return max(block.lipschitz for block in self.blocks)


def _fit(A: Operator) -> tuple[Function, Any] | None:
    """h and K with A = Kᵀ∇h K, K a matrix or a row of maps."""
    known = as_fit(A)
    if known is not None or not (isinstance(A, Pullback) and isinstance(A.L, BlockRow)):
        return known
    return _potential(A.A), A.L


def _potential(A: Operator) -> Function:
    try:
        return potential(A)
    except NoPotentialError as error:
        raise NoBlocksError(str(error)) from error


def _part(f: Function, index: Any, columns: int) -> Function:
    """What of f belongs to a block."""
    if isinstance(index, int):
        found = f.functions[index] if isinstance(f, SeparableSum) else None
    else:
        found = restricted(f, index, columns) if f.elementwise else None
    if found is None:
        raise NoBlocksError(
            f"{f!r} is not known to act on each block by itself: it must act on each entry, or be "
            "a SeparableSum of as many functions as x has blocks"
        )
    return found


def _block(index: Any, fits: Any, entrywise: list[Function], g: Function) -> Block:
    columns: list[LinearOperator] = []
    lipschitz, count = 0.0, 0
    for h, K in fits:
        if isinstance(K, BlockRow) != isinstance(index, int):
            raise NoBlocksError(f"{K!r} and another fit have other blocks")
        if isinstance(index, int):
            columns.append(K.maps[index])
        else:
            count = K.matrix.shape[1]
            columns.append(type(K)(K.matrix[:, index]))
        if h.smoothness is None or not h.convex:
            raise NoBlocksError(f"{h!r} is not known to be convex and smooth")
        lipschitz += h.smoothness * columns[-1].norm ** 2
    slopes = []
    for e in entrywise:
        part = _part(e, index, count)
        if part.smoothness is None or not part.convex:
            raise NoBlocksError(f"{part!r} is not known to be convex and smooth")
        lipschitz += part.smoothness
        slopes.append(part.gradient)
    if not lipschitz < math.inf:
        raise NoBlocksError(f"no bound of the norm of {columns[0]!r} is known")
    return Block(index, tuple(columns), tuple(slopes), _part(g, index, count), lipschitz)


@dataclass(frozen=True, kw_only=True)
class BlockCoordinate(Drawing):
    """Randomized block-coordinate proximal gradient for 0 ∈ F(x) + G(x), F = ∇f, G = ∂g with
    g(x) = Σ gᵢ(xᵢ); of an i drawn uniformly among n blocks

        xᵢ⁺ = prox_{gᵢ/Lᵢ}(xᵢ − ∇ᵢf(x)/Lᵢ), the other blocks stay.

    Takes: F evaluated block by block (fits ``LeastSquares(A, b)`` and h @ A, whose columns are cut,
    or h @ BlockRow(maps) on tuples, and functions of each entry), G by the proxes of its blocks.
    Assumes: f and gᵢ convex, ∇ᵢf Lᵢ-Lipschitz in xᵢ.
    Steps: 1/Lᵢ, Lᵢ = Lip(∇h)‖Aᵢ‖² of the columns Aᵢ of the block, and no longer than they.
    Rate: E f + g falls to the least as V₀n/(n + k), k counting steps; E V by
    1 − 2(μ + ν)/(n(1 + μ + 2ν)) a step if f or g is strongly convex, μ and ν their constants
    beside max Lᵢ; almost surely to a solution.
    Oracles: n ∇ᵢf, n prox_{gᵢ} a pass, which is an iteration; 1 F more at a look.

    V = f(x) + g(x) − min + ((1 + ν)/2) Σ Lᵢ‖xᵢ − xᵢ*‖². With D and Δ for the sum and the difference
    of values, three points and convexity give E V⁺ ≤ V − Δ/n − (μ + ν)D/2n, and Δ ≥ (μ + ν)D/2. A
    block costs its columns: Ax is kept and moves by Aᵢ(xᵢ⁺ − xᵢ). Worth it where Lᵢ are far below
    ‖A‖², as of columns that are nearly orthogonal. The first pass takes the blocks in their order.
    At looks F is evaluated whole: r is Lᵢ(yᵢ − xᵢ) of the last step of each block, and F(x).

    What is promised holds almost surely or in expectation: ``solve`` never chooses it, it is asked
    for by name.

    Source: Richtárik, Takáč, *Iteration complexity of randomized block-coordinate descent methods
    for minimizing a composite function* (2014); Lu, Xiao, *On the complexity analysis of randomized
    block-coordinate descent methods* (2015), Thm. 1; Salzo, Villa, *Parallel random
    block-coordinate forward-backward algorithm: a unified convergence analysis* (2022).

    Examples
    --------
    >>> A = np.array([[1.0, 0.2, 0.0], [0.0, 1.0, 0.1], [0.3, 0.0, 1.0]])
    >>> f = sk.functions.LeastSquares(A, np.array([2.0, 0.0, -1.0])) + sk.functions.L1Norm(0.1)
    >>> print(sk.minimize(f, np.zeros(3), sk.BlockCoordinate(batch=1), tol=1e-8).x)
    [ 1.8535  0.0713 -1.4487]
    """

    label: ClassVar[str] = "block-coordinate proximal gradient"
    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.RESOLVED)
    sequence: ClassVar[str] = "xᵢ⁺ = prox_{gᵢ/Lᵢ}(xᵢ − ∇ᵢf(x)/Lᵢ), i drawn"

    def blocks(self, F: Term, G: Term) -> Blocks:
        """Found once.

        Raises
        ------
        NoBlocksError
            There are none.
        """
        key = "blocks", self.batch, id(G.operator)
        if key not in F.known:
            F.known[key] = Blocks.of(F.operator, G.operator, self.batch)
        found: Blocks = F.known[key]
        return found

    def theorem(self, *terms: Term) -> Guarantee:
        F, G = terms
        missing = not_maximal(G=G)
        if missing is not None or not G.properties.gradient:
            return self.refused(missing or f"G = {G!r} is not known to be a subdifferential")
        try:
            found = self.blocks(F, G)
        except NoBlocksError as error:
            return self.refused(f"x has no blocks in which F and G are cut: {error}")
        n, steepest = len(found.blocks), found.steepest or 1.0
        reason = f"{n} blocks, steps 1/Lᵢ ≥ {1 / steepest:.4g}: almost surely to a solution"
        mu, nu = ((term.strong_monotonicity or 0.0) / steepest for term in terms)
        if not 0 < mu + nu < math.inf:
            return Guarantee(True, None, reason, self.sequence)
        factor = 1 - 2 * (mu + nu) / (n * (1 + mu + 2 * nu))
        rate = factor ** (n / 2)
        return Guarantee(True, rate, reason, self.sequence, "in expectation: E‖xₖ − x*‖² ≤ cρ²ᵏ")

    def iteration(self, *terms: Term) -> Iteration:
        return _BlockCoordinate(self, *terms)


class _BlockCoordinate(DrawnIteration):
    """Carry: (x, (Kₖx), (sᵢ ∈ ∂gᵢ(xᵢ)), the number of passes made)."""

    def __init__(self, method: BlockCoordinate, F: Term, G: Term) -> None:
        self.method, self.F = method, F.evaluate
        found = method.blocks(F, G)
        self.fits, self.blocks = found.fits, found.blocks
        free = found.steepest or 1.0  # of columns of zeros
        self.steps = [1 / (block.lipschitz or free) for block in self.blocks]
        pairs = zip(self.blocks, self.steps, strict=True)
        self.proxes = [block.g.make_prox(alpha) for block, alpha in pairs]

    def init(self, x0: Point) -> Carry:
        parts = self._cut(x0)
        slopes = [scale(0.0, part) for part in parts]
        products = self._moved(parts, self._products(x0), slopes, range(len(parts)))
        return self._joined(parts, x0), products, tuple(slopes), 0

    def passed(
        self, x: Point, products: tuple[Point, ...], slopes: tuple[Point, ...], k: int
    ) -> tuple[Carry, Trace]:
        parts, of_g, n = self._cut(x), list(slopes), len(self.blocks)
        if k % ANEW == 0 and k:
            products = self._products(x)
        drawn = generator(self.method.seed, k).integers(n, size=n)
        products = self._moved(parts, products, of_g, drawn)
        x = self._joined(parts, x)
        return (x, products, tuple(of_g), k + 1), (x, tuple(of_g))

    def _moved(
        self, parts: list[Point], products: tuple[Point, ...], slopes: list[Point], order: Any
    ) -> tuple[Point, ...]:
        """Steps in these blocks, of which parts and slopes are changed."""
        for i in order:
            block, alpha, x = self.blocks[i], self.steps[i], parts[i]
            pulled = [
                K.adjoint(h.gradient(z))
                for (h, _), K, z in zip(self.fits, block.columns, products, strict=True)
            ] + [slope(x) for slope in block.slopes]
            v = pulled[0]
            for more in pulled[1:]:
                v = add(v, more)
            y = lincomb(1.0, x, -alpha, v)
            parts[i] = self.proxes[i](y)
            slopes[i] = scale(1 / alpha, subtract(y, parts[i]))
            move = subtract(parts[i], x)
            products = tuple(
                K.add_to(z, move) for K, z in zip(block.columns, products, strict=True)
            )
        return products

    def _products(self, x: Point) -> tuple[Point, ...]:
        return tuple(K(x) for _, K in self.fits)

    def _cut(self, x: Point) -> list[Point]:
        if isinstance(x, tuple):
            return list(x)
        return [x[..., block.index] for block in self.blocks]

    def _joined(self, parts: list[Any], x: Point) -> Point:
        return tuple(parts) if isinstance(x, tuple) else namespace(x).concat(parts, axis=-1)

    def read(self, trace: Trace) -> Reading:
        x, slopes = trace
        of_G = self._joined(list(slopes), x)

        def rounded() -> tuple[Point, ...]:
            sizes = [scale(1 / a, p) for a, p in zip(self.steps, self._cut(x), strict=True)]
            return (self._joined(sizes, x),)

        return Reading(x, (of_G, self.F(x)), rounded)

    def governing(self, state: Carry) -> Point:
        return state[0]
