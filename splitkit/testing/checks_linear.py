"""``check_linear_operator``: does a linear map keep what it declares?"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from splitkit.backend import Point, add, lincomb, scale
from splitkit.linear.base import LinearOperator
from splitkit.testing._case import ROUNDINGS, Place
from splitkit.testing._forms import Pairs, inequalities
from splitkit.testing._report import DEFAULT_EXAMPLES, require, run
from splitkit.testing.strategies import PointShape, block_shapes, points, step_sizes

LARGEST_TABLE = 256  # entries of a domain for which the whole matrix is made

Case = tuple[Point, Point, Point, float]  # x, x′ in the domain, y in the range, alpha


def check_linear_operator(
    L: LinearOperator,
    domain_shape: PointShape,
    range_shape: PointShape,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    batch_ndim: int = 0,
    max_examples: int = DEFAULT_EXAMPLES,
) -> None:
    """Look for points at which L breaks what it declares.

    Checked: linearity; ⟨Lx, y⟩ = ⟨x, Lᵀy⟩; ``norm``, ``least_gain`` and ``gram`` against the
    singular values; monotonicity constants; the shifted inverse, its transpose, and
    2(I + αL)⁻¹ − I with its norm; input unchanged; library, dtype, shape and device kept.

    Parameters
    ----------
    L : LinearOperator
    domain_shape, range_shape : tuple of int, or tuple of shapes
        Shapes of x and of Lx.
    xp, dtype, device, batch_ndim, max_examples
        As for ``check_operator``.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, and the points.
    """
    if not isinstance(L, LinearOperator):
        raise TypeError(f"L = {L!r} is no linear map")
    domain = Place.of(domain_shape, xp, dtype, device, batch_ndim)
    range_ = Place.of(range_shape, xp, dtype, device, batch_ndim)
    L.check_space(domain.space)
    found = L.range_space(domain.space).shapes
    wanted = block_shapes(range_shape)
    require(found == wanted, L, "range_space gives the shape of Lx", found, wanted)
    options = {"xp": domain.xp, "dtype": domain.dtype, "device": device}
    x, y = points(domain_shape, **options), points(range_shape, **options)
    spectrum(L, domain, range_)
    constants(L, domain, range_, max_examples)
    run(
        lambda case: check_case(L, domain, range_, case),
        st.tuples(x, x, y, step_sizes()),
        max_examples,
    )


def check_case(L: LinearOperator, domain: Place, range_: Place, case: Case) -> None:
    """Every pointwise property of L at one case."""
    x, z, y, alpha = case
    Lx = domain.keeps(L, "Lx", L, x, range_.shape)
    Lty = range_.keeps(L, "Lᵀy", L.adjoint, y, domain.shape)
    gain = L.norm if L.norm < float("inf") else 1.0
    left, right = range_.space.inner(Lx, y), domain.space.inner(x, Lty)
    terms = range_.size(Lx) * range_.size(y) + domain.size(x) * domain.size(Lty)
    terms = terms + gain * domain.size(x) * range_.size(y)
    limit = ROUNDINGS * domain.eps * terms
    formula = "⟨Lx, y⟩ = ⟨x, Lᵀy⟩"
    domain.at_most(L, formula, abs(left - right), limit, left, right, x=x, y=y)
    sizes = gain * range_.size(y) + domain.size(Lty)
    domain.equal(L, "L.T(y) = L.adjoint(y)", L.T(y), Lty, sizes, y=y)
    sizes = range_.size(Lx) + gain * domain.size(x)
    range_.equal(L, "L.T.T(x) = L(x)", L.T.T(x), Lx, sizes, x=x)
    Lz = L(z)
    together, apart = L(lincomb(2.0, x, -0.5, z)), lincomb(2.0, Lx, -0.5, Lz)
    terms = range_.size(Lx) + range_.size(Lz) + gain * (domain.size(x) + domain.size(z))
    range_.equal(L, "L(2x − z/2) = 2Lx − Lz/2", together, apart, terms, x=x, z=z)
    if domain.space.shapes == range_.space.shapes and L.properties.monotone:
        shifted_inverse(L, domain, x, z, alpha)


def shifted_inverse(L: LinearOperator, place: Place, x: Point, y: Point, alpha: float) -> None:
    """V = (I + αL)⁻¹, its transpose, and 2V − I."""
    try:
        V = L.shifted_inverse(alpha)
    except TypeError:
        return
    where = {"x": x, "y": y, "alpha": alpha}
    Vx = place.keeps(L, "(I + αL)⁻¹x", V, x)
    size = place.size(x) + (1 + alpha * L.norm) * place.size(Vx)
    place.equal(
        L, "(I + αL)v = x for v = (I + αL)⁻¹x", add(Vx, scale(alpha, L(Vx))), x, size, **where
    )
    left, right = place.space.inner(Vx, y), place.space.inner(x, V.T(y))
    limit = ROUNDINGS * place.eps * (1 + alpha * L.norm) * place.size(x) * place.size(y)
    formula = "⟨(I + αL)⁻¹x, y⟩ = ⟨x, (I + αLᵀ)⁻¹y⟩"
    place.at_most(L, formula, abs(left - right), limit, left, right, **where)
    C = L.reflected_inverse(alpha)
    if C is not None:
        Cx = place.keeps(L, "(2(I + αL)⁻¹ − I)x", C, x)
        twice = lincomb(2.0, Vx, -1.0, x)
        place.equal(L, "reflected_inverse is 2(I + αL)⁻¹ − I", Cx, twice, size, **where)
    norm = L.reflected_norm(alpha)
    if norm is not None:
        left, right = place.size(lincomb(2.0, Vx, -1.0, x)), norm * place.size(x)
        limit = right + ROUNDINGS * place.eps * size
        formula = "‖(2(I + αL)⁻¹ − I)x‖ ≤ reflected_norm(α) ‖x‖"
        place.at_most(L, formula, left, limit, left, right, **where)


def spectrum(L: LinearOperator, domain: Place, range_: Place) -> None:
    """norm, least_gain and gram against the matrix's singular values."""
    flat, out = domain.flat, range_.flat
    if not 0 < flat.size <= LARGEST_TABLE:
        return
    matrix = np.stack([out.vector(L(flat.point(e))) for e in np.eye(flat.size)], axis=1)
    values = np.linalg.svd(matrix, compute_uv=False)
    greatest = float(values[0])
    least = float(values[-1]) if matrix.shape[0] >= matrix.shape[1] else 0.0
    slack = ROUNDINGS * domain.eps * max(1.0, flat.size) * greatest
    require(L.norm >= greatest - slack, L, "‖L‖ ≤ norm", greatest, L.norm)
    require(L.least_gain <= least + slack, L, "least_gain ≤ least ‖Lx‖/‖x‖", L.least_gain, least)
    if L.gram is not None:
        gap = np.abs(matrix @ matrix.T - L.gram * np.eye(out.size)).max()
        holds = gap <= ROUNDINGS * domain.eps * max(1.0, flat.size) * greatest**2
        require(bool(holds), L, "LLᵀ = νI with ν = gram", matrix @ matrix.T, L.gram)


def constants(L: LinearOperator, domain: Place, range_: Place, max_examples: int) -> None:
    """What ``properties`` states, where a search finds it tightest."""
    if domain.space.shapes != range_.space.shapes:
        return
    stated = inequalities(L.properties)
    gain = L.norm if L.norm < float("inf") else 1.0
    graph = Pairs(L, lambda x: (x, L(x)), stated, domain.space, domain.eps, "x", gain)
    graph.search(domain.flat, min(4, max_examples // 8))
