"""Equilibrium on given paths with fixed demands: Newton steps on the paths that are used.

Of each pair a path with the most flow takes what the others leave. Those have, with their columns
Z = Δ − Δ_basic and S = diag t′(v), the gradient g = Zᵀt and the Hessian H = ZᵀSZ of ∫t. Flows that
−g/diag H empties, or where they are 0 and g > 0, become and stay 0; the others move by Newton's
step beside that, by conjugate gradients with the diagonal, and all along this as far as ∫t falls.
A step that leads below 0 empties, too; where that does not go down, −g/diag H is taken.

A product with H takes two with sparse matrices, where ``interior.py`` factors a matrix as large as
the links are many: on large networks that is most of its time.

Source: Bertsekas, *Projected Newton methods for optimization problems with simple constraints*
(1982); Jayakrishnan et al., *A faster path-based algorithm for traffic assignment* (1994).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from splitkit.problems.traffic.costs import LinkCosts

Vector = Any  # a NumPy array of float64
STEPS, ROUNDS, PRODUCTS, HALVINGS = 60, 4, 60, 20
FORCING = 0.1  # of g, what is left of a Newton equation


def descend(
    costs: LinkCosts, incidence: Any, pair: Vector, h: Vector, count: int, accuracy: float
) -> tuple[Vector, float]:
    """Path flows h for which Σ h (c − min c) is at most ``accuracy`` times what all travel, or the
    last ones; and how large that part is.
    """
    paths = csr_array(incidence.T)
    d = np.bincount(pair, h, count)
    numbers = np.arange(len(pair))
    for _ in range(STEPS):
        v = incidence @ h
        t, slope = costs.value(v), costs.slope(v)
        c = paths @ t
        least = np.full(count, np.inf)
        np.minimum.at(least, pair, c)
        part = float((c - least[pair]) @ h) / float(t @ v) if t @ v > 0 else 0.0
        if part <= accuracy:
            break
        order = np.lexsort((-h, pair))
        basic = order[np.searchsorted(pair[order], np.arange(count))]
        g = c - c[basic[pair]]
        others = numbers != basic[pair]
        free = np.flatnonzero(others & ((h > 0) | (g < 0)))
        Z = csr_array(paths[free] - paths[basic[pair[free]]])
        H = abs(Z) @ slope
        H = np.maximum(H, 1e-12 * float(np.max(H, initial=0.0))) + 1e-300
        plain = np.maximum(-h[free], -g[free] / H)  # always down
        for step in (_newton(Z, slope, H, -g[free], h[free], plain), plain):
            target = h.copy()
            target[free] = np.maximum(h[free] + step, 0.0)
            target[basic] = 0.0
            used = np.bincount(pair, target, count)
            target *= (np.minimum(d, used) / np.where(used > 0, used, 1.0))[pair]
            target[basic] = np.maximum(d - np.bincount(pair, target, count), 0.0)
            change = incidence @ (target - h)
            if change @ t < 0:
                break
        else:
            break
        low, high = 0.0, 1.0
        if costs.value(v + change) @ change > 0:
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                falls = costs.value(v + middle * change) @ change <= 0
                low, high = (middle, high) if falls else (low, middle)
                if low > 0 and high - low <= 0.1 * high:
                    break
            high = low
        h = target if high == 1.0 else h + high * (target - h)
    return h, part


def _newton(Z: Any, slope: Vector, H: Vector, r: Vector, h: Vector, plain: Vector) -> Vector:
    """A step with ZSZᵀ step = r, about, but to 0 where it leads below, or the diagonal does."""
    emptied = plain <= -h
    for _ in range(ROUNDS):
        step = np.where(emptied, -h, 0.0)
        rest = ~emptied
        if not rest.any():
            break
        W = Z[rest]
        side = r[rest] - W @ (slope * (Z.T @ step)) if emptied.any() else r[rest]
        step[rest] = _solved(W, slope, H[rest], side)
        below = step < -h
        if not below.any():
            break
        emptied |= below
    return step


def _solved(Z: Any, slope: Vector, H: Vector, r: Vector) -> Vector:
    """ZSZᵀ x = r, about."""
    x, T = np.zeros(len(r)), csr_array(Z.T)
    z = r / H
    p, size = z, float(r @ z)
    enough = FORCING**2 * size
    for _ in range(PRODUCTS):
        if size <= enough:
            break
        q = Z @ (slope * (T @ p))
        curvature = float(p @ q)
        if curvature <= 1e-14 * float(p @ (H * p)):
            break
        x = x + (size / curvature) * p
        r = r - (size / curvature) * q
        z = r / H
        size, before = float(r @ z), size
        p = z + (size / before) * p
    return x if x.any() else r / H
