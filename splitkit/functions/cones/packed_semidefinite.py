"""The symmetric matrices X ⪰ 0, each as the vector of its lower triangle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from splitkit.backend import Array, Point, Space, clip, device, namespace, norm
from splitkit.functions.base import Function
from splitkit.functions.cones.cone import SelfDualCone
from splitkit.functions.inner.spectra import of_eigenvalues


class PackedPositiveSemidefinite(SelfDualCone):
    """Lower triangles of X ⪰ 0 by columns, along the last axis, times √2 off the diagonal.

    With that factor ⟨x, y⟩ = tr XY and the cone is self-dual: the projection unpacks, projects as
    ``PositiveSemidefinite``, and packs. So are the semidefinite rows of ``ConicProgram``.

    Source: Higham (1988), Thm. 2.1; O'Donoghue, Chu, Parikh, Boyd, *Conic optimization via operator
    splitting and homogeneous self-dual embedding* (2016).

    Examples
    --------
    >>> C = sk.functions.PackedPositiveSemidefinite()
    >>> x = np.array([0.0, np.sqrt(2.0), 0.0])  # of [[0, 1], [1, 0]]
    >>> print(C.project(x))
    [0.5    0.7071 0.5   ]
    """

    formula = r"\{X \succeq 0\}"

    def check_axes(self, space: Space) -> None:
        shape = space.shapes[0]
        count = shape[-1] if len(shape) > self.batch_ndim else 0
        side = _side(count)
        if count == 0 or side * (side + 1) // 2 != count:
            raise ValueError(
                f"{self!r} acts on lower triangles along the last axis, which must have "
                f"n(n + 1)/2 entries and be no batch axis: x0 has shape {shape}, batch_ndim = "
                f"{self.batch_ndim}"
            )

    def project(self, x: Point) -> Point:
        return _packed(of_eigenvalues(_unpacked(x), lambda values: clip(values, 0.0)))

    def violation(self, x: Point) -> Array:
        return norm(clip(namespace(x).linalg.eigvalsh(_unpacked(x)), None, 0.0), self.batch_ndim)

    def __call__(self, x: Point) -> Array:
        return self.within(x, float(max(64, _side(x.shape[-1]))))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(batch_ndim=1), (2, 6))]


def _side(count: int) -> int:
    """n of n(n + 1)/2 entries."""
    return (math.isqrt(8 * count + 1) - 1) // 2


def _unpacked(x: Array) -> Array:
    xp, n = namespace(x), _side(x.shape[-1])
    rows, columns = np.triu_indices(n)  # those of the lower triangle by columns, turned round
    place = np.zeros((n, n), dtype=np.int64)
    place[rows, columns] = place[columns, rows] = np.arange(len(rows))
    index = xp.asarray(place.ravel(), device=device(x))
    off = 1 - xp.eye(n, dtype=x.dtype, device=device(x))
    square = xp.reshape(xp.take(x, index, axis=-1), (*x.shape[:-1], n, n))
    return square * (1 - off * (1 - 0.5**0.5))


def _packed(square: Array) -> Array:
    xp, n = namespace(square), square.shape[-1]
    rows, columns = np.triu_indices(n)
    index = xp.asarray(rows * n + columns, device=device(square))
    factor = np.where(rows == columns, 1.0, 2**0.5)
    factor = xp.asarray(factor, dtype=square.dtype, device=device(square))
    return xp.take(xp.reshape(square, (*square.shape[:-2], n * n)), index, axis=-1) * factor
