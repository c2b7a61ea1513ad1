"""The function f with A = ∂f of an operator that is made of subdifferentials: what gives it a value
and a conjugate. It undoes what ``Subdifferential`` does with functions made of others.
"""

from __future__ import annotations

import copy
import math
from functools import reduce, singledispatch

from splitkit.backend import (
    Array,
    Point,
    Space,
    add,
    inner,
    is_array,
    lincomb,
    namespace,
    norm,
    scale,
    subtract,
)
from splitkit.functions import (
    AffineSet,
    LeastSquares,
    Quadratic,
    SeparableSum,
    SolutionSet,
    SquaredL2,
    Subdifferential,
)
from splitkit.functions.base import Function, Indicator, zero_or_inf
from splitkit.functions.calculus.composed import Composed
from splitkit.functions.calculus.conjugate import Conjugate
from splitkit.functions.calculus.moreau_envelope import MoreauEnvelope
from splitkit.functions.calculus.rescaled import Rescaled
from splitkit.functions.calculus.scaled import Scaled
from splitkit.functions.calculus.sums import SumOfFunctions
from splitkit.functions.calculus.tilted import Tilted
from splitkit.functions.calculus.translated import Translated
from splitkit.linear import Affine, DenseMatrix
from splitkit.notation import Style
from splitkit.operators.base import Operator
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.combination import Combination
from splitkit.operators.consensus import Consensus
from splitkit.operators.identity import Identity, Zero
from splitkit.operators.inverse import Inverse
from splitkit.operators.pullback import Pullback
from splitkit.operators.scaled_argument import ScaledArgument
from splitkit.operators.sum import Sum
from splitkit.operators.translation import Shift, Translation
from splitkit.operators.yosida import Yosida


class NoPotentialError(TypeError):
    """The operator is not known to be the subdifferential of a function with a value."""


@singledispatch
def potential(A: Operator, convex: bool = True) -> Function:
    """f with A = ∂f, convex unless it is not asked to be.

    Raises
    ------
    NoPotentialError
        None is known.
    """
    raise NoPotentialError(f"{A!r} is not known as the subdifferential of a function with a value")


@potential.register
def _(A: Subdifferential, convex: bool = True) -> Function:
    if convex and not A.f.convex:
        raise NoPotentialError(f"{A.f!r} is not convex, so that its conjugate bounds nothing")
    return A.f


@potential.register
def _(A: Combination, convex: bool = True) -> Function:
    f = potential(A.A, convex)
    if A.a < 0 or A.b <= 0:
        raise NoPotentialError(f"{A!r} is not known to be the subdifferential of a convex function")
    f = f if A.b == 1 else Scaled(A.b, f)
    return Tilted(f, rho=A.a) if A.a else f


@potential.register
def _(A: Affine, convex: bool = True) -> Function:
    known = A.properties
    if not known.gradient or (convex and not known.monotone):
        kind = "a convex function" if convex else "a function"
        raise NoPotentialError(f"{A!r} is not known to be the gradient of {kind}")
    q = None if A.q is None else scale(-1.0, A.q)
    whole = isinstance(A.M, DenseMatrix) and known.monotone
    return Quadratic(A.M, q) if whole else SlopeAlone(A)


@potential.register
def _(A: Zero, convex: bool = True) -> Function:
    return SlopeAlone(A)


@potential.register
def _(A: Identity, convex: bool = True) -> Function:
    return SquaredL2()


@potential.register
def _(A: Shift, convex: bool = True) -> Function:
    return Tilted(potential(A.A, convex), scale(-1.0, A.v))


@potential.register
def _(A: Translation, convex: bool = True) -> Function:
    return Translated(potential(A.A, convex), A.v)


@potential.register
def _(A: Pullback, convex: bool = True) -> Function:
    return Composed(potential(A.A, convex), A.L)


@potential.register
def _(A: ScaledArgument, convex: bool = True) -> Function:
    return Rescaled(potential(A.A, convex), A.s)


@potential.register
def _(A: Yosida, convex: bool = True) -> Function:
    return MoreauEnvelope(potential(A.A, convex), A.gamma)


@potential.register
def _(A: Inverse, convex: bool = True) -> Function:
    return potential(A.A, convex).conjugate


@potential.register
def _(A: BlockDiagonal, convex: bool = True) -> Function:
    return SeparableSum([potential(each, convex) for each in A.operators])


@potential.register
def _(A: Sum, convex: bool = True) -> Function:
    return SumOfFunctions(tuple(potential(term, convex) for term in A.terms))


@potential.register
def _(A: Consensus, convex: bool = True) -> Function:
    return Diagonal(A)


class SlopeAlone(Function):
    """½⟨x, Mx⟩ − ⟨q, x⟩ by x ↦ Mx − q; no prox, and no formula for the conjugate."""

    def __init__(self, A: Operator) -> None:
        self.A, self.convex = A, A.properties.monotone
        self.strong_convexity = A.properties.strong_monotonicity or 0.0
        self.smoothness = A.properties.lipschitz

    def __call__(self, x: Point) -> Array:
        return self.value_and_gradient(x)[0]

    def value_and_gradient(self, x: Point) -> tuple[Array, Point]:
        slope, q = self.A(x), getattr(self.A, "q", None)
        twice = slope if q is None else lincomb(1.0, slope, -1.0, add(q, scale(0.0, x)))
        return inner(x, twice, self.batch_ndim) / 2, slope

    def gradient(self, x: Point) -> Point:
        return self.A(x)

    def write(self, s: Style) -> str:
        return s(self.A)


class Diagonal(Indicator):
    """{x₁ = … = xₙ} of tuples, by the projection onto it."""

    def __init__(self, A: Consensus) -> None:
        self.A = A

    def project(self, x: Point) -> Point:
        return self.A.make_resolvent(1.0)(x)

    def conjugate_value(self, u: Point) -> Array:
        total = reduce(add, u)
        return zero_or_inf(norm(total, self.batch_ndim), norm(u, self.batch_ndim))

    def write(self, s: Style) -> str:
        return s(self.A)


def nearby_value(
    f: Function,
    x: Point,
    batch_ndim: int,
    beside: Array | None = None,
    *,
    inside: bool = False,
) -> tuple[Array, Array]:
    """f(x) and 0; of an indicator, and of what is made of one, the value at the nearest point of
    the set, and how far away that is beside x, or beside what x is a difference of. Both of batch
    shape. ``inside``: x is a point that the prox of f returned, so that sets need no look.
    """
    space = Space.of(x, batch_ndim, name="x", known_finite=True)
    larger = space.xp.maximum
    size = space.norm(x)
    size = size if beside is None else larger(size, beside)

    def of(g: Function, y: Point, size: Array | None) -> tuple[Array, Array]:
        return nearby_value(g, y, batch_ndim, size, inside=inside)

    match f:
        case SeparableSum():
            pairs = zip(f.functions, x, strict=True)
            return _added([of(g, y, size) for g, y in pairs])
        case SumOfFunctions():
            return _added([of(g, x, size) for g in f.terms])
        case Translated():
            return of(f.f, subtract(x, f.v), size)
        case Composed():
            gain = f.L.norm
            return of(f.f, f.L(x), gain * size if gain < math.inf else None)
        case Rescaled() if not is_array(f.s):
            return of(f.f, scale(f.s, x), abs(f.s) * size)
        case Scaled():
            value, far = of(f.f, x, size)
            return f.c * value, far
        case Tilted():
            value, far = of(f.f, x, size)
            if f.a is not None:
                value = value + inner(add(f.a, scale(0.0, x)), x, batch_ndim)
            return value + f.rho / 2 * inner(x, x, batch_ndim), far
        case Indicator() if inside:
            return 0.0 * size, 0.0 * size
        case Indicator():
            return 0.0 * size, _beside(subtract(x, f.project(x)), size, space)
        case Conjugate(
            f=AffineSet() | SolutionSet() | LeastSquares() | Quadratic()
        ):  # finite on a subspace
            f(x)  # or a TypeError, where the value has no formula
            near = f.f.conjugate_prox(x, space.least)
            return f.f.conjugate_value(near), _beside(subtract(x, near), size, space)
        case Conjugate(f=Composed() as g) if g.L.gram:  # finite on the range of Lᵀ
            v = scale(1 / g.L.gram, g.L(x))
            value, far = nearby_value(g.f.conjugate, v, batch_ndim, size / g.L.gram**0.5)
            return value, larger(far, _beside(subtract(x, g.L.adjoint(v)), size, space))
    return _of_samples(f, batch_ndim)(x), 0.0 * size


def _of_samples(f: Function, batch_ndim: int) -> Function:
    """An elementwise f, which need not know what is batch, with a value for each sample."""
    if not f.elementwise or f.batch_ndim == batch_ndim:
        return f
    same = copy.copy(f)
    parts = {k: _of_samples(g, batch_ndim) for k, g in vars(f).items() if isinstance(g, Function)}
    vars(same).update(parts, batch_ndim=batch_ndim)
    return same


def _beside(apart: Point, size: Array, space: Space) -> Array:
    far = space.norm(apart)
    return far / (size + 1e-30 * far + space.least)


def _added(parts: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    value, far = parts[0]
    for more, farther in parts[1:]:
        value, far = value + more, namespace(far).maximum(far, farther)
    return value, far
