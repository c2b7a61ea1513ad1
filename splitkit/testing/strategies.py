"""Hypothesis strategies for points and step sizes, degenerate cases among them.

A point is drawn as zero, one value repeated, or entries of their own, at one of several scales;
simple values come first, so that a counterexample shrinks to small numbers.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from splitkit.backend import Array, Point, Shape, namespace

PointShape: TypeAlias = Any  # a shape, or a tuple of shapes for block points

SCALES = (1.0, 0.01, 100.0, 1e-4, 1e4)
STEPS = (1.0, 0.3, 2.5, 0.01, 40.0)


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


def make_array(values: Any, xp: Any = None, dtype: Any = None, device: Any = None) -> Array:
    """An array from numbers; dtype None is float64."""
    xp = default_namespace(xp)
    listed = np.asarray(values, dtype=np.float64).tolist()
    made = xp.asarray(listed, dtype=xp.float64 if dtype is None else dtype, device=device)
    return xp.reshape(made, np.shape(values))  # an empty list has lost its shape


@st.composite
def values(draw: st.DrawFn, shape: Shape) -> Any:
    """A NumPy array of this shape: zeros, one value repeated, or entries of their own; scaled."""
    count = math.prod(shape)
    entry = st.one_of(st.integers(-3, 3).map(float), st.floats(-4, 4, width=32))
    kind = draw(st.sampled_from(("entries", "entries", "entries", "repeated", "zeros")))
    if kind == "zeros":
        return np.zeros(shape)
    if kind == "repeated":
        return np.full(shape, draw(entry) * draw(st.sampled_from(SCALES)))
    entries = draw(st.lists(entry, min_size=count, max_size=count))
    scale = draw(st.sampled_from((1.0, *SCALES)))
    return np.asarray(entries, dtype=np.float64).reshape(shape) * scale


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
    arrays = tuple(
        make_array(draw(values(each)), xp, dtype, device) for each in block_shapes(shape)
    )
    return arrays if is_blocks(shape) else arrays[0]


def step_sizes() -> st.SearchStrategy[float]:
    """Step sizes alpha > 0."""
    return st.sampled_from(STEPS)
