"""The Radon transform of an image of pixels by parallel rays or a fan, as a sparse matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import scipy.sparse

from splitkit.arguments import (
    POSITIVE,
    Range,
    check_choice,
    check_integer,
    check_number,
    check_reals,
    check_sizes,
)
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
    H, W, given = _image_and_angles(shape, angles)
    whole = math.ceil(math.hypot(H, W))
    D = whole if detectors is None else check_integer("detectors", detectors, 1)
    offsets = np.arange(D) - (D - 1) / 2
    rays = []
    for c, s in _directions(given):  # the ray is (x₀ − ts, y₀ + tc)
        rays.append((offsets * c, offsets * s, np.full(D, -s), np.full(D, c)))
    return _of_rays(H, W, rays, dtype)


def FanBeam(
    shape: tuple[int, int],
    angles: Sequence[float],
    detectors: int,
    *,
    source: float,
    detector: float = 0.0,
    spacing: float = 1.0,
    dtype: Literal["float64", "float32"] = "float64",
) -> LinearOperator:
    """An image ↦ its integrals along rays from a source that turns about it to flat detectors.

    The image is that of ``Radon``. At angle θ the source stands at −R(−sin θ, cos θ), beyond the
    image, and detector d at E(−sin θ, cos θ) + δ(d − (D − 1)/2)(cos θ, sin θ): as R grows with
    δ = 1, these become Radon's parallel rays. Lᵀ, the backprojection, is matched.

    Source: Siddon, *Fast calculation of the exact radiological path* (1985); Kak, Slaney,
    *Principles of Computerized Tomographic Imaging* (1988), §3.4.

    Parameters
    ----------
    shape, angles, dtype
        As for ``Radon``.
    detectors : int
        D.
    source : float
        R, the distance of the source from the image's centre; more than that of a corner.
    detector : float, default 0
        E, how far behind the centre the detectors are; with 0 the spacing is that at the centre.
    spacing : float, default 1
        δ, positive.

    Raises
    ------
    TypeError, ValueError
        As of ``Radon``; the source lies within the image's circle, or the detectors beyond it.

    Notes
    -----
    As for ``Radon``.

    Examples
    --------
    >>> L = sk.linear.FanBeam((2, 2), [0.0], 2, source=1e9)
    >>> print(L(np.array([[1.0, 2.0], [3.0, 4.0]])))
    [[4. 6.]]
    """
    H, W, given = _image_and_angles(shape, angles)
    D = check_integer("detectors", detectors, 1)
    corner = math.hypot(H, W) / 2
    R = check_number("source", source, Range(corner), f"give more than {corner:g}, a corner's")
    E = check_number("detector", detector, Range(-R), "give a distance behind the source")
    across = check_number("spacing", spacing, POSITIVE) * (np.arange(D) - (D - 1) / 2)
    rays = []
    for c, s in _directions(given):
        length = np.hypot(R + E, across)
        x, y = (across * c - (R + E) * s) / length, (across * s + (R + E) * c) / length
        off = R * across / length  # of the ray from the centre
        rays.append((off * y, -off * x, x, y))
    return _of_rays(H, W, rays, dtype)


def _image_and_angles(shape: Any, angles: Any) -> tuple[int, int, Any]:
    H, W = check_sizes("shape", shape, 1, 2)
    given = check_reals("angles", angles)
    if given.ndim != 1 or given.size == 0 or not np.isfinite(given).all():
        raise ValueError(f"angles = {angles!r}: give a sequence of finite numbers, one at least")
    return H, W, given


def _directions(angles: Any) -> list[tuple[float, float]]:
    """cos and sin, without the rounding of right angles."""
    return [(round(math.cos(a), 15), round(math.sin(a), 15)) for a in angles]


def _of_rays(H: int, W: int, rays: Any, dtype: str) -> LinearOperator:
    """The map of the rays of each angle: points of them near the centre, and directions."""
    check_choice("dtype", dtype, ("float64", "float32"))
    D = len(rays[0][0])
    rows, columns, lengths = [], [], []
    for i, those in enumerate(rays):
        ray, pixel, length = _crossings(H, W, *those)
        rows.append(ray + i * D)
        columns.append(pixel)
        lengths.append(length)
    matrix = scipy.sparse.csr_array(
        (np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns))),
        shape=(len(rays) * D, H * W),
    )
    found = Sparse(matrix.astype(dtype), name="Radon's matrix")
    return Reshape((len(rays) * D,), (len(rays), D)) @ found @ Reshape((H, W), (H * W,))


def _crossings(H: int, W: int, x0: Any, y0: Any, dx: Any, dy: Any) -> tuple[Any, Any, Any]:
    """Of the rays (x₀ + t dx, y₀ + t dy): the ray, the pixel, and the length in it."""
    edges_x, edges_y = np.arange(W + 1) - W / 2, np.arange(H + 1) - H / 2
    far = float(H + W + len(x0))
    with np.errstate(divide="ignore", invalid="ignore"):
        at_x = (edges_x - x0[:, None]) / dx[:, None]
        at_y = (edges_y - y0[:, None]) / dy[:, None]
    times = np.concatenate((at_x, at_y), axis=1)
    times = np.sort(np.clip(np.nan_to_num(times, nan=far, posinf=far, neginf=-far), -far, far))
    length, middle = np.diff(times), (times[:, 1:] + times[:, :-1]) / 2
    x, y = x0[:, None] + middle * dx[:, None], y0[:, None] + middle * dy[:, None]
    column, row = np.floor(x + W / 2).astype(int), np.floor(H / 2 - y).astype(int)
    inside = (column >= 0) & (column < W) & (row >= 0) & (row < H) & (length > 1e-12)
    ray = np.nonzero(inside)[0]
    return ray, (row * W + column)[inside], length[inside]
