"""Any monotone nonexpansive scalar σ is a proximal map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from splitkit.backend import Array, Scalar
from splitkit_nn.activations.base import Activation, newton_prox

STEPS = 48
GRID = np.concatenate([-np.geomspace(50, 1e-3, 400), [0.0], np.geomspace(1e-3, 50, 400)])


class ScalarActivation(Activation):
    """An activation from a function σ and its derivative, acting entry by entry.

    Any monotone nonexpansive scalar σ is a proximal map: f′(x) = σ⁻¹(x) − x.

    Parameters
    ----------
    function, derivative : callable
        y ↦ σ(y) and y ↦ σ′(y) on arrays of every library that the layer is to run on (for the
        checks: NumPy); for second derivatives of the layer ``derivative`` must be differentiable.
    least_slope, greatest_slope : float
        Bounds of σ′ within [0, 1] that hold everywhere; tighter ones improve the guaranteed rate.
    name : str, optional

    Raises
    ------
    TypeError
        One of them is not callable.
    ValueError
        On a grid of [−50, 50], σ is not finite, σ′ leaves its bounds, σ′ is not the derivative of
        σ, or the proximal maps are not found to rounding.

    Examples
    --------
    >>> σ = sknn.ScalarActivation(lambda y: y / 2, lambda y: 0 * y + 0.5)
    >>> print(σ(np.array([2.0, -1.0])))
    [ 1.  -0.5]
    """

    def __init__(
        self,
        function: Callable[[Array], Array],
        derivative: Callable[[Array], Array],
        *,
        least_slope: float = 0.0,
        greatest_slope: float = 1.0,
        name: str | None = None,
    ) -> None:
        for label, value in (("function", function), ("derivative", derivative)):
            if not callable(value):
                raise TypeError(f"{label} = {value!r} is not callable")
        if not 0 <= least_slope <= greatest_slope <= 1 or greatest_slope == 0:
            raise ValueError(
                f"least_slope = {least_slope}, greatest_slope = {greatest_slope}: "
                "give 0 ≤ least_slope ≤ greatest_slope ≤ 1, the latter positive"
            )
        self.function, self._derivative = function, derivative
        self.slopes = (least_slope, greatest_slope)
        self.name = name or getattr(function, "__name__", "σ")
        self._check()

    def __call__(self, y: Array) -> Array:
        return self.function(y)

    def derivative(self, y: Array) -> Array:
        return self._derivative(y)

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        return newton_prox(self, y, alpha, STEPS)

    def _check(self) -> None:
        values, slopes = self(GRID), self.derivative(GRID)
        if values.shape != GRID.shape or slopes.shape != GRID.shape:
            raise ValueError(f"{self!r} must map an array to one of its shape, entry by entry")
        if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
            raise ValueError(f"{self!r} or its derivative is not finite on [−50, 50]")
        # chords: they do not depend on the derivative that was given
        chords = np.diff(values) / np.diff(GRID)
        least, greatest = self.slopes
        for label, found in (("slope of a chord", chords), ("derivative", slopes)):
            low, high = float(found.min()), float(found.max())
            if low < least - 1e-6 or high > greatest + 1e-6:
                where = GRID[int(np.argmin(found) if low < least - 1e-6 else np.argmax(found))]
                raise ValueError(
                    f"{self!r} has a {label} outside [{least:g}, {greatest:g}] near y = "
                    f"{where:.3g} (found [{low:.4g}, {high:.4g}]): it is no proximal "
                    "map, or the bounds are not its own"
                )
        # the integral of σ′ over a cell lies between its ends' values, but for curvature
        cell = np.diff(GRID)
        trapezium = (slopes[1:] + slopes[:-1]) / 2
        wrong = np.abs(np.cumsum((chords - trapezium) * cell))
        if wrong.max() > 1e-2:
            raise ValueError(
                f"derivative of {self!r} is not the derivative of its function: they differ by "
                f"{wrong.max():.3g} in the integral up to y = {GRID[int(np.argmax(wrong)) + 1]:.3g}"
            )
        for alpha in (0.1, 0.5, 2.0, 10.0):
            x = self.prox(GRID, alpha)
            s = (GRID - (1 - alpha) * x) / alpha
            error = np.max(np.abs(self(s) - x))
            if not error < 1e-9:
                raise ValueError(
                    f"the proximal map of {self!r} at alpha = {alpha:g} is found only to "
                    f"{error:.2g} in {STEPS} steps of Newton's method: check the derivative"
                )

    def __repr__(self) -> str:
        return f"ScalarActivation({self.name})"
