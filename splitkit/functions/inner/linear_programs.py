"""max ⟨u, x⟩ over a polyhedron, by the dual simplex method, one vector u after the other.

Reduced costs count as 0 up to 64 units of rounding of ‖u‖, as constraints do in this room: u may be
off by that from the domain of a support function.
Source: Huangfu, Hall, *Parallelizing the dual revised simplex method* (2018), for HiGHS.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import linprog

from splitkit.backend import Array, from_numpy, namespace, to_numpy

FINEST = 1e-10  # of HiGHS's tolerances
SIZE = 1e4  # of the costs, so that 64 units of rounding in double precision are above the finest


def greatest_of_each(u: Array, axes: int, constraints: Iterable[dict[str, Any]]) -> Array:
    """``greatest`` for the vector in these last axes of each sample, on the host."""
    lead, size = u.shape[:-axes], math.prod(u.shape[-axes:])
    eps = float(namespace(u).finfo(u.dtype).eps)
    vectors = to_numpy(u).reshape(-1, size)
    values = [greatest(v, eps, **given) for v, given in zip(vectors, constraints, strict=True)]
    return from_numpy(np.reshape(values, lead), u)


def greatest(u: Any, eps: float, **constraints: Any) -> float:
    """The value for a NumPy vector u, inf if there is none greater; the constraints are those of
    ``linprog``, and not contradictory.

    Raises
    ------
    ArithmeticError
        The method gave up.
    """
    size = float(np.linalg.norm(u))
    if size == 0:
        return 0.0
    options = {
        "presolve": False,  # which may not tell unbounded from infeasible
        "primal_feasibility_tolerance": FINEST,
        "dual_feasibility_tolerance": max(64 * eps * SIZE, FINEST),
    }
    found = linprog(-SIZE / size * u, method="highs-ds", options=options, **constraints)
    if found.status == 3:
        return float("inf")
    if found.status != 0:
        raise ArithmeticError(f"no support function at u = {u}: HiGHS says {found.message}")
    return float(u @ found.x)
