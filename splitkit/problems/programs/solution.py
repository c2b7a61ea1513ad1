"""What a program's ``solve`` returns, by the names of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from splitkit.backend import Array
from splitkit.display import Shown
from splitkit.outcomes import Status

NEARLY = 1e-3  # the largest measure at which an answer that rounding ended is of use


@dataclass(frozen=True, repr=False)
class ProgramCertificate(Shown):
    """A verified proof that a program has no solution (``splitkit/problems/programs/measures.py``).

    Attributes
    ----------
    x : array or None
        Of an unbounded program a direction along which the objective falls for ever.
    y, bounds : array or None
        Of an infeasible one multipliers of the rows, and of the bounds, whose combination of the
        constraints is 0ᵀx ≤ a negative number.
    gap : float
        How negative: the largest entry of (y, bounds), or of x, being 1.

    Examples
    --------
    >>> from splitkit.problems import LP
    >>> l, u = np.array([2.0, -np.inf]), np.array([np.inf, 1.0])
    >>> program = LP(np.ones(1), np.ones((2, 1)), l, u)
    >>> solution = program.solve(on_failure="return")
    >>> print(solution.status, solution.certificate.y)  # x ≥ 2 and x ≤ 1
    infeasible [-1. 1.]
    """

    x: Array | None
    y: Array | None
    bounds: Array | None
    gap: float

    def heading(self) -> str:
        """What it proves."""
        return f"Certificate: the program is {'infeasible' if self.x is None else 'unbounded'}"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """The vectors, and by how much."""
        for name in ("x", "y", "bounds", "gap"):
            yield name, getattr(self, name)


@dataclass
class ProgramHistory:
    """What was measured after each proximal step, oldest first.

    Attributes
    ----------
    iteration : list of int
        Newton steps made by then.
    objective, dual_objective, primal_residual, dual_residual, duality_gap : list of float

    Examples
    --------
    >>> from splitkit.problems import QP
    >>> solution = QP(np.eye(2), np.array([-1.0, -2.0]), bounds=(0.0, 1.0)).solve()
    >>> print(solution.history.duality_gap[-1] <= 1e-6)
    True
    """

    iteration: list[int] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    dual_objective: list[float] = field(default_factory=list)
    primal_residual: list[float] = field(default_factory=list)
    dual_residual: list[float] = field(default_factory=list)
    duality_gap: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class ProgramState:
    """What a callback sees after each proximal step.

    Attributes
    ----------
    iteration : int
        Newton steps made by then.
    x, y : array
        The point, and multipliers of the rows.
    objective, dual_objective : float
    primal_residual, dual_residual, duality_gap : float
        Relative.

    Examples
    --------
    >>> from splitkit.problems import QP
    >>> gaps = []
    >>> program = QP(np.eye(2), np.array([-1.0, -2.0]), bounds=(0.0, 1.0))
    >>> _ = program.solve(callback=lambda state: gaps.append(state.duality_gap))
    >>> print(gaps[-1] <= 1e-6)
    True
    """

    iteration: int
    x: Array
    y: Array
    objective: float
    dual_objective: float
    primal_residual: float
    dual_residual: float
    duality_gap: float


@dataclass(frozen=True, repr=False)
class ProgramSolution(Shown):
    """The result of ``QP.solve``, ``LP.solve`` and ``ConicProgram.solve``; ``print`` it for its
    figures.

    Attributes
    ----------
    x : array
    y : array
        Multipliers of the rows: Px + q + Aᵀy (+ ``bound_multipliers``) = 0. Of l ≤ Ax ≤ u they are
        positive at u, negative at l; of a cone they lie in its dual.
    s : array
        The rows: Ax within its bounds; of a conic program b − Ax within its cones.
    bound_multipliers : array or None
        Of the bounds of x, positive at the upper one, negative at the lower; None: there are none.
    objective, dual_objective : float
    primal_residual, dual_residual, duality_gap : float
        Relative, see ``splitkit/problems/programs/measures.py``: ``tol`` is for the largest.
    converged : bool
    status : Status
    message : str
        The status in words, with what to do if it is not success.
    iterations : int
        Newton steps.
    factorizations : int
        How many of them factored a matrix; the others had one at hand.
    certificate : ProgramCertificate or None
        If the status is "infeasible" or "unbounded".
    history : ProgramHistory

    Examples
    --------
    >>> from splitkit.problems import QP
    >>> found = QP(np.eye(2), np.array([-2.0, 0.0]), bounds=(0.0, 1.0)).solve()
    >>> print(found.x, found.bound_multipliers, found.objective)
    [1. 0.] [1. 0.] -1.5
    """

    x: Array
    y: Array
    s: Array
    bound_multipliers: Array | None
    objective: float
    dual_objective: float
    primal_residual: float
    dual_residual: float
    duality_gap: float
    converged: bool
    status: Status
    message: str
    iterations: int
    factorizations: int
    certificate: ProgramCertificate | None
    history: ProgramHistory

    @property
    def is_near(self) -> bool:
        """Whether all measures are small, if not below the tolerance: ``solve`` only warns where
        rounding ended such a one.
        """
        return max(self.primal_residual, self.dual_residual, self.duality_gap) <= NEARLY

    def heading(self) -> str:
        """How it ended."""
        return f"{type(self).__name__}: {self.status} after {self.iterations} Newton steps"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """The point, its value, and how far it is from optimal."""
        yield "x", self.x
        yield "y", self.y
        yield "bound multipliers", self.bound_multipliers
        yield "objective", self.objective
        yield "primal residual", self.primal_residual
        yield "dual residual", self.dual_residual
        yield "duality gap", self.duality_gap
        yield "message", self.message
        yield "certificate", None if self.certificate is None else self.certificate.heading()
