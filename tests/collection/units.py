"""The same problem in other units: points x = D x̃, and D A(x) = c A(x̃) for the operator.

    A′(x) = c D⁻¹ A(D⁻¹x),     f′(x) = c f(D⁻¹x)

D is a number d for all of x, or one for each block: then dᵢ is the unit of block i, and c/dᵢ that
of the operator's values there. A point solves 0 ∈ A(x̃) exactly if D x̃ solves 0 ∈ A′(x), and
monotone operators stay so. What is rebuilt is what a user would have written in these units: data
are multiplied (the center of a ball, a weight, rows of Ax = b), not the function wrapped. Of what
has no rule here, the operator is wrapped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from functools import singledispatch
from typing import Any

import numpy as np

import splitkit as sk
from splitkit import functions as f
from splitkit.functions.calculus.composed import Composed
from splitkit.functions.calculus.scaled import Scaled
from splitkit.functions.calculus.sums import SumOfFunctions
from splitkit.functions.calculus.translated import Translated
from splitkit.functions.cones.cone import Cone
from splitkit.functions.losses.margin import MarginLoss
from splitkit.functions.sets.rows import OfRows
from splitkit.linear import Coupling, DenseMatrix, Stacked
from splitkit.operators.combination import Combination
from splitkit.operators.pullback import Pullback
from splitkit.operators.sum import Sum
from splitkit.operators.translation import Shift, Translation

Lengths = float | tuple[float, ...]  # D


def moved(x: Any, D: Lengths) -> Any:
    """D x, in x's dtype."""
    if isinstance(x, tuple):
        return tuple(d * block for d, block in zip(blockwise(D, len(x)), x, strict=True))
    assert not isinstance(D, tuple)
    return D * x


def inverse(D: Lengths) -> Lengths:
    """D⁻¹."""
    return tuple(1 / d for d in D) if isinstance(D, tuple) else 1 / D


def blockwise(D: Lengths, count: int) -> tuple[float, ...]:
    """A unit for each block."""
    return D if isinstance(D, tuple) else (D,) * count


# -- functions ------------------------------------------------------------------------------------


@singledispatch
def rescaled(g: f.Function, d: float, c: float) -> f.Function:
    """x ↦ c g(x/d)."""
    how = RULES.get(type(g))
    return Scaled(c, f.Rescaled(g, 1 / d)) if how is None else again(g, **how(d, c))


# parameters by what multiplies them
RULES: dict[type, Callable[[float, float], dict[str, float]]] = {
    f.L1Norm: lambda d, c: {"weight": c / d},
    f.GroupL2Norm: lambda d, c: {"weight": c / d},
    f.TotalVariation1D: lambda d, c: {"weight": c / d},
    f.NuclearNorm: lambda d, c: {"weight": c / d},
    f.NegativeLogDet: lambda d, c: {"weight": c},  # up to a constant
    f.ElasticNet: lambda d, c: {"l1_weight": c / d, "l2_weight": c / d**2},
    f.SquaredL2: lambda d, c: {"weight": c / d**2, "center": d},
    f.Huber: lambda d, c: {"weight": c / d**2, "delta": d},
    f.Box: lambda d, c: {"lower": d, "upper": d},
    f.Simplex: lambda d, c: {"radius": d},
    f.CappedSimplex: lambda d, c: {"total": d, "upper": d},
    f.L2Ball: lambda d, c: {"radius": d, "center": d},
    f.Singleton: lambda d, c: {"point": d},
    f.TransportPolytope: lambda d, c: {"rows": d, "columns": d},
}


def again(g: f.Function, **factors: float) -> f.Function:
    """The function with these parameters multiplied; None stays."""
    given = {each.name: getattr(g, each.name) for each in fields(g) if each.init}  # type: ignore[arg-type]
    given["batch_ndim"] = g.batch_ndim
    for name, factor in factors.items():
        if given[name] is not None:
            given[name] = factor * given[name]
    return type(g)(**given)


@rescaled.register
def _(g: Cone, d: float, c: float) -> f.Function:
    return g


@rescaled.register
def _(g: OfRows, d: float, c: float) -> f.Function:
    return type(g)(g.A, d * g.b)


@rescaled.register
def _(g: f.HalfSpace, d: float, c: float) -> f.Function:
    return f.HalfSpace(g.normal, d * g.upper)


@rescaled.register
def _(g: f.Quadratic, d: float, c: float) -> f.Function:
    return f.Quadratic(c / d**2 * g.P, None if g.q is None else c / d * g.q)


@rescaled.register
def _(g: f.LeastSquares, d: float, c: float) -> f.Function:
    b = None if g._b is None else math.sqrt(c) * g._b
    return f.LeastSquares(multiple(math.sqrt(c) / d, g._map), b)


@rescaled.register
def _(g: f.SeparableSum, d: float, c: float) -> f.Function:
    return f.SeparableSum([rescaled(part, d, c) for part in g.functions])


@rescaled.register
def _(g: SumOfFunctions, d: float, c: float) -> f.Function:
    return SumOfFunctions(tuple(rescaled(term, d, c) for term in g.terms))


@rescaled.register
def _(g: Translated, d: float, c: float) -> f.Function:
    return rescaled(g.f, d, c).translate(d * g.v)


@rescaled.register
def _(g: Composed, d: float, c: float) -> f.Function:
    if isinstance(g.f, MarginLoss):  # margins have no unit, so that the data have that of 1/x
        return Scaled(c, g.f) @ multiple(1 / d, g.L)
    return rescaled(g.f, d, c) @ g.L


def multiple(c: float, L: Any) -> Any:
    """cL, of a matrix a matrix."""
    return DenseMatrix(c * L.matrix) if isinstance(L, DenseMatrix) else c * L


# -- operators ------------------------------------------------------------------------------------


@singledispatch
def in_units(A: sk.Operator, D: Lengths, c: float) -> sk.Operator:
    """x ↦ c D⁻¹ A(D⁻¹x)."""
    assert not isinstance(D, tuple), f"{A!r} has no rule for blocks"
    return c * A.scale_argument(1 / D)


@in_units.register
def _(A: Sum, D: Lengths, c: float) -> sk.Operator:
    return Sum(tuple(in_units(term, D, c) for term in A.terms))


@in_units.register
def _(A: sk.VI, D: Lengths, c: float) -> sk.Operator:
    C = A.C
    if isinstance(C, f.SeparableSum):
        lengths = blockwise(D, len(C.functions))
        C = f.SeparableSum([rescaled(g, d, c) for g, d in zip(C.functions, lengths, strict=True)])
    else:
        assert not isinstance(D, tuple)
        C = rescaled(C, D, c)
    return sk.VI(in_units(A.F, D, c), C)


@in_units.register
def _(A: sk.KKT, D: Lengths, c: float) -> sk.Operator:
    x, y = blockwise(D, 2)
    assert isinstance(A.K, DenseMatrix)
    K, r, p = c / (x * y) * A.K.matrix, c / y * A.r, A.equations
    equations = (K[:p], r[:p]) if p else (None, None)
    others = {} if p == len(r) else {"G": K[p:], "h": r[p:]}
    C = None if A.C is None else rescaled(A.C, x, c)
    return sk.KKT(rescaled(A.f, x, c), *equations, **others, C=C)


@in_units.register
def _(A: sk.BlockDiagonal, D: Lengths, c: float) -> sk.Operator:
    lengths = blockwise(D, len(A.operators))
    return sk.BlockDiagonal([in_units(B, d, c) for B, d in zip(A.operators, lengths, strict=True)])


@in_units.register(sk.Zero)
@in_units.register(sk.Consensus)
def _(A: sk.Operator, D: Lengths, c: float) -> sk.Operator:
    return A


@in_units.register
def _(A: sk.Subdifferential, D: Lengths, c: float) -> sk.Operator:
    assert not isinstance(D, tuple)
    return type(A)(rescaled(A.f, D, c))


@in_units.register
def _(A: Pullback, D: Lengths, c: float) -> sk.Operator:
    assert not isinstance(D, tuple)
    if isinstance(A.A, sk.Subdifferential) and isinstance(A.A.f, MarginLoss):
        return (c * A.A).pullback(multiple(1 / D, A.L))
    return in_units(A.A, D, c).pullback(A.L)


@in_units.register
def _(A: Translation, D: Lengths, c: float) -> sk.Operator:
    return in_units(A.A, D, c).translate(moved(A.v, D))


@in_units.register
def _(A: Shift, D: Lengths, c: float) -> sk.Operator:
    return in_units(A.A, D, c).shift(moved(moved(A.v, inverse(D)), c))


@in_units.register
def _(A: Combination, D: Lengths, c: float) -> sk.Operator:
    if A.a or isinstance(D, tuple):
        return c * A.scale_argument(1 / D)
    return in_units(A.A, D, A.b * c)


@in_units.register
def _(A: sk.Affine, D: Lengths, c: float) -> sk.Operator:
    q = None if A.q is None else moved(moved(A.q, inverse(D)), c)
    if not isinstance(D, tuple):
        return sk.Affine(multiple(c / D**2, A.M), q)
    if isinstance(A.M, Coupling):
        x, y = D
        return sk.Affine(Coupling(multiple(c / (x * y), A.M.K)), q)
    assert isinstance(A.M, Stacked)
    assert isinstance(A.M.L, DenseMatrix)
    d = np.repeat(D, A.M.sizes).astype(A.M.L.matrix.dtype)
    return sk.Affine(Stacked(c / d[:, None] / d * A.M.L.matrix, A.M.sizes), q)
