"""``compare``: one inclusion by several methods, side by side."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from splitkit.backend import Point
from splitkit.display import Shown
from splitkit.functions.base import Function
from splitkit.operators.base import Operator
from splitkit.solvers.errors import NoGuaranteeError
from splitkit.solvers.explain import OPEN, explain_terms
from splitkit.solvers.inclusion import Inclusion
from splitkit.solvers.method import Method
from splitkit.solvers.plot import plot_convergence
from splitkit.solvers.solution import Solution
from splitkit.solvers.solve import solve
from splitkit.solvers.stopping import Stopping


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """What each method made of an inclusion; ``print`` it for a table.

    Attributes
    ----------
    solutions : dict of Solution
        By the method's name, and its options where two have the same one; in the order in which
        the methods were given.
    seconds : dict of float
        What each took, planning and its factorizations included.
    refused : dict of str
        Of methods that no theorem lets run, why.

    Examples
    --------
    >>> F = sk.Affine(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([3.0, -3.0]))
    >>> G = sk.NormalCone(sk.functions.NonNegative())
    >>> found = sk.compare(F + G, np.zeros(2), [sk.FISTA(), sk.Tseng()])
    >>> [found.solutions[name].converged for name in found.solutions]
    [True, True]
    """

    solutions: dict[str, Solution]
    seconds: dict[str, float]
    refused: dict[str, str]

    def heading(self) -> str:
        """How many met the tolerance."""
        right = sum(solution.converged for solution in self.solutions.values())
        return f"Comparison: {right} of {len(self.solutions)} methods met the tolerance"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """A line a method."""
        for name, solution in self.solutions.items():
            last = solution.history.iteration[-1] if solution.history.iteration else 0
            yield (
                name,
                f"{solution.status} after {last} iterations, {self.seconds[name]:.3g} s",
            )
        for name, reason in self.refused.items():
            yield name, f"refused: {reason}"

    def __str__(self) -> str:
        return self.as_text()

    def plot(self, quantity: str = "residual", ax: Any = None) -> Any:
        """``plot_convergence`` of all."""
        return plot_convergence(*self.solutions.values(), quantity=quantity, ax=ax)


def compare(
    inclusion: Operator | Function,
    x0: Point,
    methods: Sequence[Method] | None = None,
    *,
    tol: float | Stopping | None = None,
    max_iter: int = 10_000,
    batch_ndim: int = 0,
    record_objective: bool = False,
) -> Comparison:
    """Solve an inclusion by several methods from one start, each until it meets the tolerance or
    its limit.

    Parameters
    ----------
    inclusion : Operator, or Function to be minimized
    x0 : array or tuple of arrays
    methods : sequence of Method, optional
        Default: every one of the library that a theorem guarantees here (see ``explain``), without
        accelerators.
    tol, max_iter, batch_ndim, record_objective
        As of ``solve``.

    Returns
    -------
    Comparison

    Raises
    ------
    NoGuaranteeError
        No method is guaranteed.
    TypeError, ValueError
        As ``solve`` raises them; ValueError for an empty sequence of methods.

    Examples
    --------
    >>> import numpy as np
    >>> import splitkit as sk
    >>> f = sk.functions.SquaredL2(center=np.array([3.0, 0.5])) + sk.functions.L1Norm(1.0)
    >>> compared = sk.compare(f, np.zeros(2), [sk.FISTA(), sk.DouglasRachford()])
    >>> [solution.x.round(6).tolist() for solution in compared.solutions.values()]
    [[2.0, 0.0], [2.0, 0.0]]
    """
    flat = Inclusion.of(inclusion)
    if methods is None:
        options = explain_terms(flat).best_of_each()
        guaranteed = {option.method.label for option in options if option.guarantee.holds}
        methods = [method for method in OPEN if method.label in guaranteed]
    elif not len(methods):
        raise ValueError("methods is empty: give at least one, or None for all")
    for method in methods:
        if not isinstance(method, Method):
            raise TypeError(f"methods has {method!r}: give methods such as sk.FISTA()")
    labels = Counter(method.label for method in methods)
    names = [m.label if labels[m.label] == 1 else repr(m) for m in methods]
    solutions: dict[str, Solution] = {}
    seconds: dict[str, float] = {}
    refused: dict[str, str] = {}
    for name, method in zip(names, methods, strict=True):
        began = time.perf_counter()
        try:
            solutions[name] = solve(
                flat.operator,
                x0,
                method,
                tol=tol,
                max_iter=max_iter,
                batch_ndim=batch_ndim,
                record_objective=record_objective,
                on_failure="return",
            )
        except NoGuaranteeError as error:
            refused[name] = str(error)
            continue
        seconds[name] = time.perf_counter() - began
    if not solutions:
        raise NoGuaranteeError("\n".join(refused.values()) or f"no method for {inclusion!r}")
    return Comparison(solutions, seconds, refused)
