"""What a solve returns: the point, how it ended, and what is certified about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from splitkit.backend import Array, Point
from splitkit.display import Shown, written
from splitkit.outcomes import Status as Status

if TYPE_CHECKING:
    from splitkit.solvers.certificate import Certificate
    from splitkit.solvers.engine import Run
    from splitkit.solvers.method import Method
    from splitkit.solvers.worth import Worth


@dataclass(repr=False)
class History(Shown):
    """What was measured at the checks, oldest first; arrays have the batch's shape.

    Attributes
    ----------
    iteration : list of int
        The iterations at which the solve was checked.
    residual : list of array
        ‖r‖ of the inclusion residual r at the solution's sequence.
    fixed_point_residual : list of array
        ‖u⁺ − u‖ of the governing sequence.
    objective : list of array
        Σ fᵢ(Lᵢx), as ``Solution.objective``, if ``solve(record_objective=True)`` asked for it.
    restarts : list of array
        How many there were, of ``Restarted`` methods.
    eager : str
        Why steps, or looks, were not compiled, where it was tried; see ``compile`` of
        ``splitkit.solve``.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> history = sk.solve(F + G, np.zeros(2)).history
    >>> print(history.residual[-1] < 1e-6)
    True
    """

    iteration: list[int] = field(default_factory=list)
    residual: list[Array] = field(default_factory=list)
    fixed_point_residual: list[Array] = field(default_factory=list)
    objective: list[Array] = field(default_factory=list)
    restarts: list[Array] = field(default_factory=list)
    eager: str = ""

    def heading(self) -> str:
        """How often was looked."""
        return f"History of {len(self.iteration)} checks, the first and the last:"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """What was measured first and last."""
        names = "iteration", "residual", "fixed_point_residual", "objective", "restarts"
        for name in names:
            measured = getattr(self, name)
            if measured:
                yield name, f"{written(measured[0])} → {written(measured[-1])}"
        yield "eager", self.eager or None


@dataclass(frozen=True, repr=False)
class State(Shown):
    """What a callback sees after an iteration. The points are the solve's own: do not change them.

    Attributes
    ----------
    iteration : int
    x : point
        The approximate solution.
    u : point
        The governing sequence, after the step.
    residual : array of batch shape
        ‖r‖, r ∈ (A₁ + … + Aₙ)(x).
    error_bound : array of batch shape, or None
        ‖r‖/m ≥ ‖x − x*‖ if the inclusion is known to be m-strongly monotone, m > 0, and r is an
        element of it at x itself.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> [state.iteration for state in sk.iterate(F + G, np.zeros(2), max_iter=3)]
    [1, 2, 3]
    """

    iteration: int
    x: Point
    u: Point
    residual: Array
    error_bound: Array | None
    worth: Worth | None = field(default=None, repr=False, compare=False)

    def heading(self) -> str:
        """When it was."""
        return f"State after {self.iteration} iterations"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """What is known then."""
        yield "x", self.x
        yield "u", self.u
        yield "residual", self.residual
        yield "error bound", self.error_bound

    @property
    def objective(self) -> Array | None:
        """Σ fᵢ(Lᵢx), as of ``Solution``, computed where it is asked for."""
        return None if self.worth is None else self.worth.objective


@dataclass(frozen=True, repr=False)
class Solution(Shown):
    """The result of ``splitkit.solve``; ``print`` it for its figures.

    Attributes
    ----------
    x : point
        The approximate solution: the sequence that ``sequence`` names.
    u : point
        The governing sequence where each batch element ended.
    converged : bool
        Whether every batch element met the tolerance.
    status : Status
    message : str
        The status in words, with what to do if it is not success.
    iterations : array of batch shape (int), or int without batch
        Iterations until each batch element met the tolerance.
    residual : array of batch shape
        ‖r‖ for an explicit r ∈ (A₁ + … + Aₙ)(x): an upper bound of dist(0, (A₁ + … + Aₙ)(x)). Where
        a method knows elements at different points only, r is their sum, and ‖r‖ → 0 as the points
        meet; the method's docstring says so.
    error_bound : array of batch shape, or None
        ‖x − x*‖ ≤ ‖r‖/m, if the inclusion is m-strongly monotone and r an element at x; exact
        arithmetic is assumed.
    rate : float or None
        The guaranteed contraction factor of an iteration; None: no linear rate is known.
    method : Method
        The method with the options that were used, in other units of x where ``solve`` changed
        these (``Equilibrated``).
    sequence : str
        Which sequence x is, as a formula.
    history : History
    displacement : point or None
        The governing sequence's last step, if there is a certificate: of an averaged map about its
        infimal displacement vector.
    certificate : Certificate or None
        The proof that there is no solution, if the status is "infeasible" or "unbounded".
    checkpoint : object
        The whole state of the iteration, for ``resume=``; it can be pickled.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> solution = sk.solve(F + G, np.zeros(2))
    >>> print(solution.x, solution.status, solution.converged)
    [0. 1.] converged True
    >>> print(solution.error_bound < 1e-6, solution.sequence)
    True x = R_{αG}u
    """

    x: Point
    u: Point
    converged: bool
    status: Status
    message: str
    iterations: Array
    residual: Array
    error_bound: Array
    rate: float | None
    method: Method
    sequence: str
    history: History
    displacement: Point | None = None
    certificate: Certificate | None = None
    checkpoint: Run | None = field(default=None, repr=False, compare=False)
    worth: Worth | None = field(default=None, repr=False, compare=False)

    def heading(self) -> str:
        """How it ended."""
        return f"Solution: {self.status} by {self.method.label}"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """What is known of it without further work."""
        yield "x", self.x
        yield "residual", self.residual
        yield "error bound", self.error_bound
        yield "iterations", self.iterations
        yield "rate", self.rate
        yield "sequence", self.sequence
        yield "message", self.message
        yield "certificate", self.certificate

    @property
    def objective(self) -> Array | None:
        """Σ fᵢ(Lᵢx) of batch shape, where the terms are subdifferentials of fᵢ ∘ Lᵢ with a value;
        else None. Sets count as 0, as far as x is from them by the tolerance. Computed when it is
        asked for first.
        """
        return None if self.worth is None else self.worth.objective

    @property
    def duality_gap(self) -> Array | None:
        """``objective`` less a dual one, −Σ fᵢ*(yᵢ), of batch shape: nothing is better by more, but
        for what constraints and Σ Lᵢᵀyᵢ = 0 are missed by, at most the precision's fourth root.
        The yᵢ are gradients, the method's dual point and the elements that one more step shows, as
        of ``Gap``; inf where none of them will do, None where a value or a conjugate is not known.
        """
        return None if self.worth is None else self.worth.gap

    @property
    def dual(self) -> Point | None:
        """y ∈ B(Lx), the multiplier of a term LᵀBL, if a primal-dual method found it; else None."""
        return self.method.dual(self.u)
