"""Pictures of a solve: residuals over iterations, beside the guaranteed rate (needs matplotlib)."""

from __future__ import annotations

from typing import Any

import numpy as np

from splitkit.backend import to_numpy
from splitkit.solvers.solution import Solution
from splitkit.solvers.splitting import MapSplitting


def plot_convergence(*solutions: Solution, ax: Any = None) -> Any:
    """Draw ‖u⁺ − u‖ of each solution over its iterations, at the checks, with its guaranteed rate.

    A contraction by ρ makes ‖u⁺ − u‖ fall by ρ an iteration: the dashed line starts at the first
    check and shows it. Of a batch the largest value is drawn.

    Parameters
    ----------
    *solutions : Solution
        Solve with ``callback=lambda state: None`` to have every iteration in the picture.
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
        What is given is no solution, or nothing.
    """
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
    for solution in solutions:
        history = solution.history
        k = np.asarray(history.iteration)
        steps = np.array([np.max(to_numpy(r), initial=0.0) for r in history.fixed_point_residual])
        label = solution.method.label
        (line,) = ax.semilogy(k, steps, ".-", label=label)
        # others' rates are of the distance to the solution, which steps need not follow one by one
        if isinstance(solution.method, MapSplitting) and solution.rate is not None and len(k):
            promised = steps[0] * solution.rate ** (k - k[0])
            ax.semilogy(
                k, promised, "--", color=line.get_color(), label=f"guaranteed: {solution.rate:.4g}ᵏ"
            )
    ax.set(xlabel="iteration", ylabel="‖u⁺ − u‖")
    ax.legend()
    return ax
