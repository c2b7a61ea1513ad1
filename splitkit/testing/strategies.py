"""Hypothesis strategies: points and step sizes, operators with prescribed constants, functions,
linear maps with prescribed singular values, and inclusions whose solution is known.

A point is drawn as zero, one value repeated, or entries of their own, at one of several scales;
simple values come first, so that a counterexample shrinks to small numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.array_api import make_strategies_namespace

from splitkit import functions, linear
from splitkit.backend import Array, Point, Shape, add, namespace, subtract
from splitkit.functions.base import Function
from splitkit.functions.subdifferential import Subdifferential
from splitkit.operators.base import Operator

PointShape: TypeAlias = Any  # a shape, or a tuple of shapes for block points

SCALES = (1.0, 0.01, 100.0, 1e-4, 1e4)
EXTREMES = (1e-8, 1e8)  # in double precision only: x + 1 is x at 1e8 in single precision
STEPS = (1.0, 0.3, 2.5, 0.01, 40.0)
QUARTERS = 27  # of an octave, from 1 to the longest step size and to the shortest
KINDS = ("rotation", "gradient", "mixture")


def is_blocks(shape: PointShape) -> bool:
    """Whether this is a tuple of shapes, for points that are tuples of arrays."""
    return bool(shape) and isinstance(shape[0], (tuple, list))


def block_shapes(shape: PointShape) -> tuple[Shape, ...]:
    """The shapes of a point's blocks; a single one for a plain array."""
    shapes = shape if is_blocks(shape) else (shape,)
    return tuple(tuple(int(n) for n in each) for each in shapes)


def default_namespace(xp: Any) -> Any:
    """The Array API namespace to make arrays with; None: NumPy's."""
    return namespace(np.zeros(1)) if xp is None else xp


def is_double(xp: Any, dtype: Any) -> bool:
    """Whether arrays of this dtype (None: float64) are in double precision."""
    return dtype is None or dtype == default_namespace(xp).float64


def make_array(values: Any, xp: Any = None, dtype: Any = None, device: Any = None) -> Array:
    """An array from numbers; dtype None is float64."""
    xp = default_namespace(xp)
    if device is None and xp is default_namespace(None):
        return np.array(values, np.float64 if dtype is None else dtype, order="C")
    listed = np.asarray(values, dtype=np.float64).tolist()
    made = xp.asarray(listed, dtype=xp.float64 if dtype is None else dtype, device=device)
    return xp.reshape(made, np.shape(values))  # an empty list has lost its shape


@cache
def numpy_arrays() -> Any:
    """Hypothesis' strategies for NumPy's namespace; ``make_array`` takes them to any other."""
    return make_strategies_namespace(default_namespace(None))


def entries() -> st.SearchStrategy[float]:
    """Multiples of 2⁻¹⁶ in [−4, 4], exact in single precision too; integers first."""
    fine = st.integers(-(2**18), 2**18).map(lambda k: k / 2**16)
    return st.one_of(st.integers(-3, 3).map(float), fine)


def scales(double: bool) -> tuple[float, ...]:
    """The scales of points, in double or in single precision."""
    return (*SCALES, *EXTREMES) if double else SCALES


@cache
def values(shape: Shape, double: bool) -> st.SearchStrategy[Any]:
    """NumPy arrays of this shape: zeros, one value repeated, or entries of their own; scaled."""
    xps, sizes = numpy_arrays(), st.sampled_from(scales(double))
    between = st.integers(-6, 10).map(lambda k: 2.0**k)
    own = xps.arrays("float64", shape, elements=entries(), fill=st.nothing())
    repeated = st.builds(lambda v, s: np.full(shape, v * s), entries(), sizes | between)
    scaled = st.builds(lambda array, s: array * s, own, st.just(1.0) | sizes | between)
    zeros = st.builds(lambda: np.zeros(shape))
    return st.one_of(scaled, scaled, scaled, repeated, zeros)


@st.composite
def points(
    draw: st.DrawFn,
    shape: PointShape,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Point:
    """Points: arrays of this shape, or tuples of arrays if it is a tuple of shapes."""
    drawn = [draw(values(each, is_double(xp, dtype))) for each in block_shapes(shape)]
    arrays = tuple(make_array(each, xp, dtype, device) for each in drawn)
    return arrays if is_blocks(shape) else arrays[0]


def quarter_octave(k: float) -> float:
    """2^(k/4) in three digits."""
    return float(f"{2 ** (k / 4):.3g}")


def step_sizes() -> st.SearchStrategy[float]:
    """Step sizes alpha > 0 from 0.01 to 100; 1 first."""
    fine = st.integers(-QUARTERS, QUARTERS).map(quarter_octave)
    return st.sampled_from(STEPS) | fine


# -- operators, linear maps, functions -----------------------------------------------------------


def orthogonal(rng: Any, n: int) -> Any:
    """A random orthogonal matrix."""
    Q, R = np.linalg.qr(rng.standard_normal((n, n)))
    return Q * np.sign(np.diag(R))


def seeds() -> st.SearchStrategy[Any]:
    """NumPy generators: large random matrices are not worth shrinking entry by entry."""
    return st.integers(0, 2**16).map(np.random.default_rng)


def rotation(n: int, m: float, L: float) -> Any:
    """mI + √(L² − m²)J with J² = −I on pairs of coordinates: exactly m-strongly monotone and
    exactly L-Lipschitz everywhere, the worst case of most theorems. If n is odd, one coordinate is
    left with the factor m.

    Raises
    ------
    ValueError
        n = 1, where only m = L is a rotation.
    """
    if n == 1 and m != L:
        raise ValueError(f"n = 1: no rotation of a line has m = {m} and L = {L}; give n ≥ 2")
    J = np.zeros((n, n))
    for k in range(0, n - 1, 2):
        J[k, k + 1], J[k + 1, k] = 1.0, -1.0
    return m * np.eye(n) + math.sqrt(max(0.0, L * L - m * m)) * J


@st.composite
def matrices(draw: st.DrawFn, n: int, m: float, L: float, kinds: Sequence[str] = KINDS) -> Any:
    """NumPy matrices M with λ_min of (M + Mᵀ)/2 exactly m and ‖M‖ exactly L, for n ≥ 2.

    Kinds: the ``rotation`` of each plane, the ``gradient`` of a quadratic with eigenvalues m … L,
    and the ``mixture``, blocks aI + bJ with m ≤ a, a² + b² ≤ L² among which both bounds are met;
    each in a random orthonormal basis.

    Raises
    ------
    ValueError
        Not n ≥ 2 and 0 ≤ m ≤ L.
    """
    if n < 2 or not 0 <= m <= L:
        raise ValueError(f"n = {n}, m = {m}, L = {L}: give n ≥ 2 and 0 ≤ m ≤ L")
    kind, rng = draw(st.sampled_from(tuple(kinds))), draw(seeds())
    if kind == "rotation":
        M = rotation(n, m, L)
    elif kind == "gradient":
        M = np.diag([m, L, *rng.uniform(m, L, n - 2)])
    else:
        M = np.diag([m, *rng.uniform(m, L, n - 1)])
        for k in range(n % 2, n - 1, 2):
            a = m if k == n % 2 else rng.uniform(m, L)
            reach = L if k == n % 2 else rng.uniform(a, L)
            M[k : k + 2, k : k + 2] = rotation(2, a, reach)
    Q = orthogonal(rng, n)
    return Q @ M @ Q.T


@st.composite
def operators(
    draw: st.DrawFn,
    n: int,
    *,
    strong_monotonicity: float = 0.5,
    lipschitz: float = 2.0,
    kinds: Sequence[str] = KINDS,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Operator:
    """Affine operators on points of shape (…, n) with exactly these constants; see ``matrices``.

    The constants are declared, not computed.
    """
    m, L = strong_monotonicity, lipschitz
    M = draw(matrices(n, m, L, kinds))
    q = draw(values((n,), is_double(xp, dtype)))
    place = xp, dtype, device
    made = make_array(M, *place), make_array(q, *place)
    return linear.Affine(*made, strong_monotonicity=m, lipschitz=L)


@st.composite
def linear_operators(
    draw: st.DrawFn,
    rows: int,
    columns: int,
    singular_values: Sequence[float] | None = None,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> linear.LinearOperator:
    """Matrices with these singular values, by default drawn, in random orthonormal bases.

    Raises
    ------
    ValueError
        Not min(rows, columns) non-negative singular values.
    """
    rank = min(rows, columns)
    if singular_values is None:
        singular_values = draw(st.lists(st.floats(0, 4, width=16), min_size=rank, max_size=rank))
    if len(singular_values) != rank or min(singular_values, default=0.0) < 0:
        raise ValueError(f"singular_values = {singular_values}: give {rank} non-negative numbers")
    rng = draw(seeds())
    left, right = orthogonal(rng, rows)[:, :rank], orthogonal(rng, columns)[:, :rank]
    return linear.DenseMatrix(make_array(left * singular_values @ right.T, xp, dtype, device))


def convex_functions() -> st.SearchStrategy[Function]:
    """Functions of points of any shape, with a proximal map: norms, losses, and sets."""
    weight = st.sampled_from((1.0, 0.1, 0.5, 3.0))
    width = st.sampled_from((0.0, 0.5, 2.0))
    made: st.SearchStrategy[Function] = st.one_of(
        st.builds(functions.L1Norm, weight),
        st.builds(functions.SquaredL2, weight),
        st.builds(functions.Huber, weight),
        st.just(functions.NonNegative()),
        st.builds(lambda low, up: functions.Box(-low, up), width, width),
        st.builds(functions.L2Ball, weight),
    )
    return made


@dataclass(frozen=True)
class KnownInclusion:
    """0 ∈ F(x) + G(x) with its solution, unique if F is strongly monotone."""

    F: Operator
    G: Operator
    solution: Point

    @property
    def inclusion(self) -> Operator:
        """F + G."""
        return self.F + self.G


@st.composite
def inclusions(
    draw: st.DrawFn,
    n: int,
    *,
    strong_monotonicity: float = 0.5,
    lipschitz: float = 2.0,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> KnownInclusion:
    """Inclusions with F as ``operators`` draws it and G = ∂f, and their solution.

    x* = prox_f(y) for a drawn y, so y − x* ∈ G(x*); q makes F(x*) = x* − y.
    """
    where: dict[str, Any] = {"xp": xp, "dtype": dtype, "device": device}
    f = draw(convex_functions())
    y = draw(points((n,), **where))
    x = f.prox(y, 1.0)
    m, L = strong_monotonicity, lipschitz
    M = make_array(draw(matrices(n, m, L)), **where)
    q = add(linear.DenseMatrix(M)(x), subtract(y, x))
    F = linear.Affine(M, q, strong_monotonicity=m, lipschitz=L)
    return KnownInclusion(F, Subdifferential(f), x)
