"""The Radon transform of an image of pixels by parallel rays, as a sparse matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import scipy.sparse

from splitkit.arguments import check_choice, check_integer, check_sizes
from splitkit.linear.base import LinearOperator
from splitkit.linear.rearranged import Reshape
from splitkit.linear.sparse import Sparse


def Radon(
    shape: tuple[int, int],
    angles: Sequence[float],
    detectors: int | None = None,
    *,
    dtype: Literal["float64", "float32"] = "float64",
) -> LinearOperator:
    """An image ↦ its integrals along parallel rays, one for each angle and each detector.

    The image is constant on pixels of side 1, the centre of pixel (i, j) at x = j − (W − 1)/2,
    y = (H − 1)/2 − i. The ray of angle θ and detector d is {x cos θ + y sin θ = d − (D − 1)/2}; of
    each pixel it takes the length that lies in it, exactly. Lᵀ, the backprojection, is matched.

    Source: Siddon, *Fast calculation of the exact radiological path* (1985).

    Parameters
    ----------
    shape : (int, int)
        (H, W), the last two axes of an image.
    angles : sequence of float
        θ, in radians.
    detectors : int, optional
        D. None: as many as see the whole image from every angle, ⌈√(H² + W²)⌉.
    dtype : "float64" or "float32"
        That of the points.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, an angle is no finite number, or there is none.

    Notes
    -----
    The last two axes of Lx are the angles and the detectors. The matrix has at most H + W − 1
    entries for each ray, and is made in O(H + W) for it, but for logarithms; ``Sparse`` says what
    is known of it, and where it is computed.

    Examples
    --------
    >>> L = sk.linear.Radon((2, 2), [0.0, np.pi / 2], 2)
    >>> print(L(np.array([[1.0, 2.0], [3.0, 4.0]])))
    [[4. 6.]
     [7. 3.]]
    """
    H, W = check_sizes("shape", shape, 1, 2)
    try:
        given = np.asarray(angles, dtype=float)
    except (TypeError, ValueError):  # words, or a sequence of sequences of several lengths
        given = np.empty(0)
    if given.ndim != 1 or given.size == 0 or not np.isfinite(given).all():
        raise ValueError(f"angles = {angles!r}: give a sequence of finite numbers, one at least")
    whole = math.ceil(math.hypot(H, W))
    D = whole if detectors is None else check_integer("detectors", detectors, 1)
    check_choice("dtype", dtype, ("float64", "float32"))
    rows, columns, lengths = [], [], []
    for i, theta in enumerate(given):
        ray, pixel, length = _crossings(H, W, theta, D)
        rows.append(ray + i * D)
        columns.append(pixel)
        lengths.append(length)
    matrix = scipy.sparse.csr_array(
        (np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns))),
        shape=(len(given) * D, H * W),
    )
    rays = Sparse(matrix.astype(dtype), name="Radon's matrix")
    return Reshape((len(given) * D,), (len(given), D)) @ rays @ Reshape((H, W), (H * W,))


def _crossings(H: int, W: int, theta: float, D: int) -> tuple[Any, Any, Any]:
    """Of the rays of one angle: the ray, the pixel, and the length in it."""
    c, s = (round(v, 15) for v in (math.cos(theta), math.sin(theta)))
    offsets = np.arange(D) - (D - 1) / 2
    x0, y0 = offsets * c, offsets * s  # the ray is (x0 − ts, y0 + tc)
    edges_x, edges_y = np.arange(W + 1) - W / 2, np.arange(H + 1) - H / 2
    far = float(H + W + D)
    with np.errstate(divide="ignore", invalid="ignore"):
        at_x = (x0[:, None] - edges_x) / s
        at_y = (edges_y - y0[:, None]) / c
    times = np.concatenate((at_x, at_y), axis=1)
    times = np.sort(np.clip(np.nan_to_num(times, nan=far, posinf=far, neginf=-far), -far, far))
    length, middle = np.diff(times), (times[:, 1:] + times[:, :-1]) / 2
    x, y = x0[:, None] - middle * s, y0[:, None] + middle * c
    column, row = np.floor(x + W / 2).astype(int), np.floor(H / 2 - y).astype(int)
    inside = (column >= 0) & (column < W) & (row >= 0) & (row < H) & (length > 1e-12)
    ray = np.nonzero(inside)[0]
    return ray, (row * W + column)[inside], length[inside]
