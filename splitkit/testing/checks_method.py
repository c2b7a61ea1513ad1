"""``check_method``: does a method do what its guarantee says?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

import splitkit as sk
from splitkit.backend import Space, solving
from splitkit.functions.subdifferential import Subdifferential
from splitkit.operators.base import Operator
from splitkit.solvers.method import Guarantee, Method, Role
from splitkit.solvers.roles import assignments
from splitkit.testing._place import Place
from splitkit.testing._report import require
from splitkit.testing._suite import Case, Property, Suite, suite
from splitkit.testing.strategies import KnownInclusion, orthogonal, rotation

SIZE = 4  # entries of a point
EXAMPLES = 6
STEPS = 40  # iterations that are compared with what was promised


def check_method(method: Method, *, max_examples: int | None = None, seed: int = 0) -> None:
    """Look for inclusions on which a method breaks its guarantee.

    The inclusions are 0 ∈ F(x) + ∂f(x) with a known solution, F a rotation or a gradient of given
    constants. Checked, where the method guarantees convergence: it finds the solution; an averaged
    iteration never moves away from its limit (Fejér), and one with a linear rate approaches it at
    that rate; x0 and the operators' parameters are unchanged and the run is the same twice; and an
    operator that is not monotone is refused.

    Parameters
    ----------
    method : Method
        For one or two operators that are evaluated or used by their resolvents.
    max_examples : int, optional
        How many inclusions are drawn; 6 by default.
    seed : int
        Which: the same ones for the same seed.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, and code that
        shows it again.
    """
    if not isinstance(method, Method):
        raise TypeError(f"method = {method!r}: give a method such as splitkit.DouglasRachford()")
    suite(method).run(max_examples, seed)


@suite.register(Method)
def method_suite(method: Method) -> Suite:
    """The properties of a method; see ``check_method``. A case is (kind of F, seed)."""
    if len(method.roles) > 2 or Role.COMPOSED in method.roles:
        raise ValueError(f"method = {method!r}: only methods of one or two operators are checked")
    place = Place.of((SIZE,), None, None, None, 0)
    cases = st.tuples(st.sampled_from(("gradient", "rotation")), st.integers(0, 999))

    def once(effort: int, seed: int) -> Iterator[Case]:
        yield "gradient", seed

    properties = (
        Property(solution, ("solution",)),
        Property(approach, ("fejer", "rate")),
        Property(kept, ("no_mutation", "deterministic"), once, drawn=False),
        Property(refusal, ("refusal",), once, drawn=False),
    )
    return Suite(
        method, (), place, cases, lambda case: AtMethod(method, *case), properties,
        usual_examples=EXAMPLES,
    )  # fmt: skip


@dataclass(frozen=True)
class AtMethod:
    """A method on an inclusion."""

    method: Method
    kind: str
    seed: int

    @cached_property
    def known(self) -> KnownInclusion:
        """The inclusion, with its solution."""
        rng = np.random.default_rng(self.seed)
        m, L = 0.5, float(rng.choice([0.8, 2.0]))
        Q = orthogonal(rng, SIZE)
        middle = np.diag(np.linspace(m, L, SIZE))
        M = Q @ (rotation(SIZE, m, L) if self.kind == "rotation" else middle) @ Q.T
        if self.kind == "gradient":
            M = (M + M.T) / 2
        one = len(self.method.roles) == 1
        f: Any = sk.functions.L1Norm(0.0 if one else float(rng.choice([0.1, 1.0])))
        y = rng.standard_normal(SIZE)
        x = f.prox(y, 1.0)
        F = sk.Affine(M, M @ x + y - x, strong_monotonicity=m, lipschitz=L)
        return KnownInclusion(F, sk.Zero() if one else Subdifferential(f), x)

    @cached_property
    def guaranteed(self) -> tuple[tuple[Operator, ...], Guarantee] | None:
        """Operators in their roles for which the method promises convergence."""
        for operators in assignments(self.known.inclusion, self.method):
            if self.method.missing(*operators) is None:
                guarantee = self.method.guarantee(*operators)
                if guarantee.holds:
                    return operators, guarantee
        return None

    @property
    def start(self) -> Any:
        """Where the method starts."""
        return np.random.default_rng(self.seed + 1).standard_normal(SIZE)


def solution(at: AtMethod) -> None:
    """solve finds x*."""
    if at.guaranteed is None:
        return
    formula = "solve(F + G, x0, method).x = x*"
    known = at.known
    try:
        found = sk.solve(known.inclusion, at.start, at.method, tol=1e-9, max_iter=50_000).x
    except sk.NotConvergedError as error:
        require(False, "solution", formula, error, known.solution, x0=at.start)
        return
    gap = float(np.linalg.norm(found - known.solution))
    holds = gap <= 1e-6 * (1 + float(np.linalg.norm(known.solution)))
    require(holds, "solution", formula, found, known.solution, x0=at.start)


def approach(at: AtMethod) -> None:
    """‖u⁺ − u*‖ ≤ ρ‖u − u*‖ with the guaranteed rate ρ, or ρ = 1 for an averaged iteration."""
    if at.guaranteed is None or not at.method.averaged:
        return
    operators, guarantee = at.guaranteed
    iteration = at.method.bind(*operators)
    iteration.space = Space.of(at.start)
    path = [iteration.init(at.start)]
    with solving(at.start):
        for _ in range(3000):
            path.append(iteration.step(path[-1]))
    limit = iteration.governing(path[-1])
    distances = [float(np.linalg.norm(iteration.governing(u) - limit)) for u in path[:STEPS]]
    for name, factor in (("fejer", 1.0), ("rate", guarantee.rate)):
        for before, after in pairwise(distances):
            if factor is not None:
                formula = f"‖u⁺ − u*‖ ≤ ρ‖u − u*‖ with ρ = {factor:.8g}"
                allowed = factor * before + 1e-9 * (1 + distances[0])
                require(after <= allowed, name, formula, after, factor * before, x0=at.start)


def kept(at: AtMethod) -> None:
    """x0 and the parameters stay as they are, and the run is the same twice."""
    if at.guaranteed is None:
        return
    x0, F = at.start, at.known.F
    before, q = x0.copy(), F.q.copy()  # type: ignore[attr-defined]
    options: dict[str, Any] = {"tol": 0, "max_iter": 5}
    first = sk.solve(at.known.inclusion, x0, at.method, **options).x
    formula = "solve changes neither x0 nor the operators' parameters"
    same = np.array_equal(x0, before) and np.array_equal(F.q, q)  # type: ignore[attr-defined]
    require(same, "no_mutation", formula, x0, before)
    again = sk.solve(at.known.inclusion, x0, at.method, **options).x
    formula = "solve gives the same at the same x0"
    require(np.array_equal(first, again), "deterministic", formula, first, again, x0=x0)


def refusal(at: AtMethod) -> None:
    """x ↦ −0.3x + ∂f is not monotone: no theorem covers it."""
    if not at.method.check:
        return
    inclusion = sk.Affine(-0.3 * np.eye(SIZE)) + at.known.G
    for operators in assignments(inclusion, at.method):
        if at.method.missing(*operators) is None:
            with np.errstate(all="ignore"):  # the search for a step size meets poles of I − αF
                found = at.method.guarantee(*operators)
            formula = "nothing is guaranteed for 0 ∈ −0.3x + ∂f(x), which is not monotone"
            require(not found.holds, "refusal", formula, found.reason, "no guarantee")
