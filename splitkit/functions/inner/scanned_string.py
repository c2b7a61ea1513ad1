"""The minimizers of ``taut_string.py`` by two scans along each vector, O(n), compiled by Numba.

g_k(θ), the derivative of the least value of the terms up to entry k as xₖ = θ moves, is
θ − yₖ + min(max(g_{k−1}(θ), −w₊), w₋): increasing and piecewise linear, so that its pieces stand in
a double-ended queue of knots, each of which is put in once and taken out once. At the end
g_n(xₙ) = 0; backwards xₖ is xₖ₊₁ clipped to where g_k is in [−w₊, w₋], and a piece ends wherever
that changes it. The means of the pieces are then those of their entries and of σ at their ends.

Hypotheses: finite entries. Source: Johnson, *A dynamic programming algorithm for the fused lasso
and L₀-segmentation* (2013).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Scan = Callable[[Any, Any, Any], tuple[Any, Any]]


@cache
def compiled_scan() -> Scan | None:
    """``scan`` compiled; None: Numba is not installed."""
    try:
        from numba import njit  # which is an extra
    except ImportError:
        return None
    try:
        compiled: Scan = njit(cache=True)(scan)
    except RuntimeError:  # there is no place to keep what was compiled
        compiled = njit(scan)
    return compiled


def scan(y: Any, above: Any, below: Any) -> tuple[Any, Any]:
    """For the rows of y, with w₊ and w₋ of each: the minimizers; and after each entry 1 where x
    falls, −1 where it rises, else 0.

    Arrays of NumPy, float64.
    """
    x, state = y.copy(), np.zeros(y.shape, np.int8)
    n = y.shape[1]
    knots, slopes, levels = np.empty(2 * n), np.empty(2 * n), np.empty(2 * n)
    lower, upper = np.empty(n), np.empty(n)
    for row in range(y.shape[0]):
        down, up = above[row], below[row]
        v = y[row] - np.mean(y[row])  # whose sums cancel less
        # g is a θ + b left of all knots; slopes and levels are what a knot adds to a and b
        left, right = n, n - 1
        a, b, a_right, b_right = 1.0, -v[0], 1.0, -v[0]
        for k in range(n - 1):
            lower[k], upper[k] = -np.inf, np.inf
            if down < np.inf:
                while left <= right and a * knots[left] + b <= -down:
                    a, b, left = a + slopes[left], b + levels[left], left + 1
                lower[k] = (-down - b) / a
            if up < np.inf:
                while left <= right and a_right * knots[right] + b_right >= up:
                    a_right -= slopes[right]
                    b_right -= levels[right]
                    right -= 1
                upper[k] = (up - b_right) / a_right
            if down < np.inf:
                left -= 1
                knots[left], slopes[left], levels[left] = lower[k], a, b + down
                a, b = 0.0, -down
            if up < np.inf:
                right += 1
                knots[right], slopes[right], levels[right] = upper[k], -a_right, up - b_right
                a_right, b_right = 0.0, up
            a, b = a + 1.0, b - v[k + 1]
            a_right, b_right = a_right + 1.0, b_right - v[k + 1]
        while left <= right and a * knots[left] + b <= 0.0:
            a, b, left = a + slopes[left], b + levels[left], left + 1
        x[row, n - 1] = -b / a
        for k in range(n - 2, -1, -1):
            after = x[row, k + 1]
            if after < lower[k]:
                x[row, k], state[row, k] = lower[k], 1
            elif after > upper[k]:
                x[row, k], state[row, k] = upper[k], -1
            else:
                x[row, k] = after
        begin, entering = 0, 0.0
        for k in range(n):
            if k < n - 1 and state[row, k] == 0:
                continue
            leaving = 0.0 if k == n - 1 else (down if state[row, k] > 0 else -up)
            total, lost = entering - leaving, 0.0  # compensated
            for i in range(begin, k + 1):
                term = y[row, i] - lost
                new = total + term
                lost = (new - total) - term
                total = new
            mean = total / (k + 1 - begin)
            for i in range(begin, k + 1):
                x[row, i] = mean
            begin, entering = k + 1, leaving
    return x, state
