"""Pictures of a solve: what was measured over iterations, beside the guaranteed rate (needs
matplotlib).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from splitkit.arguments import check_choice
from splitkit.backend import to_numpy
from splitkit.solvers.solution import Solution
from splitkit.solvers.splitting import MapSplitting

QUANTITIES = {
    "fixed_point_residual": "‖u⁺ − u‖",
    "residual": "‖r‖, r ∈ (A₁ + … + Aₙ)x",
    "objective": "objective, above the least one seen",
}


def plot_convergence(
    *solutions: Solution, quantity: str = "fixed_point_residual", ax: Any = None
) -> Any:
    """Draw what was measured of each solution over its iterations, at the checks.

    A contraction by ρ makes ‖u⁺ − u‖ fall by ρ an iteration: in its picture a dashed line starts at
    the first check and shows it. Of a batch the largest value is drawn.

    Parameters
    ----------
    *solutions : Solution
        Solve with ``callback=lambda state: None`` to have every iteration in the picture.
    quantity : {"fixed_point_residual", "residual", "objective"}
        Of ``solution.history``; the objective is drawn above the least that any of these solutions
        saw, and needs ``record_objective=True``.
    ax : matplotlib Axes, optional
        Default: a new figure's.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        matplotlib is missing.
    TypeError, ValueError
        What is given is no solution, or nothing; the quantity is unknown, or was not recorded.

    Examples
    --------
    >>> A = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.ones(2))
    >>> seen = sk.solve(A, np.zeros(2), sk.Tseng(), callback=lambda state: None)
    >>> axes = sk.plot_convergence(seen)
    >>> print(axes.get_yscale(), axes.get_xlabel())
    log iteration
    """
    check_choice("quantity", quantity, tuple(QUANTITIES))
    if not solutions:
        raise ValueError("solutions is empty: give at least one Solution")
    for solution in solutions:
        if not isinstance(solution, Solution):
            raise TypeError(f"solutions has {solution!r}: give what solve returned")
    if ax is None:
        try:
            from matplotlib.figure import Figure  # optional
        except ImportError as error:
            raise ImportError(
                "plot_convergence needs matplotlib: pip install 'splitkit[plot]'"
            ) from error
        ax = Figure(layout="constrained").subplots()
    curves = [_curve(solution, quantity) for solution in solutions]
    if quantity == "objective":
        least = min(float(curve.min(initial=np.inf)) for curve in curves)
        curves = [np.where(curve > least, curve - least, np.nan) for curve in curves]
    for solution, steps in zip(solutions, curves, strict=True):
        k = np.asarray(solution.history.iteration)
        (line,) = ax.semilogy(k, steps, ".-", label=solution.method.label)
        if quantity != "fixed_point_residual":
            continue
        # others' rates are of the distance to the solution, which steps need not follow one by one
        if isinstance(solution.method, MapSplitting) and solution.rate is not None and len(k):
            promised = steps[0] * solution.rate ** (k - k[0])
            ax.semilogy(
                k, promised, "--", color=line.get_color(), label=f"guaranteed: {solution.rate:.4g}ᵏ"
            )
    ax.set(xlabel="iteration", ylabel=QUANTITIES[quantity])
    ax.legend()
    return ax


def _curve(solution: Solution, quantity: str) -> Any:
    measured = getattr(solution.history, quantity)
    if not measured and solution.history.iteration:
        raise ValueError(
            f"quantity = {quantity!r} was not recorded by {solution.method.label}: solve with "
            "record_objective=True"
        )
    return np.array([np.max(to_numpy(values), initial=-np.inf) for values in measured])
