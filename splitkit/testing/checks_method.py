"""``check_method``: does a method do what its guarantee says?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

import splitkit as sk
from splitkit.backend import Space, solving, subtract
from splitkit.solvers.inclusion import Inclusion, Terms
from splitkit.solvers.method import Guarantee, Method
from splitkit.testing._inclusions import AT_REST, MATRICES, SIZE, inclusion_for
from splitkit.testing._place import ROUNDINGS, Place, same_entries
from splitkit.testing._report import copies, require
from splitkit.testing._shared import wrong_kind
from splitkit.testing._suite import Case, Property, Suite, suite
from splitkit.testing.strategies import KnownInclusion

EXAMPLES = 6
CONSTANT = 10.0  # of a rate in a metric that is not known
STEPS = 40  # iterations that are compared with what was promised
LONG = 3000  # iterations after which the state counts as the limit, at the latest


def check_method(
    method: Method,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    max_examples: int | None = None,
    seed: int = 0,
    progress: bool | None = None,
) -> None:
    """Look for inclusions on which a method breaks its guarantee.

    The inclusions have a term for each role of the method, a known solution, and among the terms
    an affine one that is a rotation or a gradient of given constants. Checked, where the method
    guarantees convergence, which it must for one of these kinds: it finds the solution, also one
    at which every term vanishes, and in other units of x, and is no farther from it than the
    certified bound; what its theorem says not to grow does not grow (the distance of an averaged
    iteration to its limit, or ``Iteration.energy``); one with a linear rate approaches its limit
    at that rate; x0 and the operators' parameters are unchanged and the run is the same twice; and
    an operator that is not monotone is refused, unless the method promises stationary points.

    Parameters
    ----------
    method : Method
    xp, dtype, device
        Library, dtype and device of the points. Default: NumPy, float64.
    max_examples : int, optional
        How many inclusions are drawn; 6 by default.
    seed : int
        Which: the same ones for the same seed.
    progress : bool, optional
        A bar; None: on a terminal or in a notebook, after three seconds.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, and code that
        shows it again.

    Examples
    --------
    >>> from splitkit.testing import check_method
    >>> check_method(sk.DouglasRachford(), max_examples=2)
    """
    __tracebackhide__ = True
    if not isinstance(method, Method):
        raise wrong_kind("method", method, "method")
    suite(method, xp=xp, dtype=dtype, device=device).run(max_examples, seed, progress=progress)


@suite.register(Method)
def method_suite(method: Method, **where: Any) -> Suite:
    """The properties of a method; see ``check_method``. A case is (kind of F, seed)."""
    place = Place.of((SIZE,), **where)
    cases = st.tuples(st.sampled_from(MATRICES), st.integers(0, 999))

    def once(effort: int, seed: int) -> Iterator[Case]:
        yield "gradient", seed

    properties = (
        Property(covered, ("guarantee",), once, drawn=False),
        Property(kept, ("no_mutation", "deterministic")),
        Property(
            approach, ("fejer", "rate"), partial(of_each, MATRICES, 8)
        ),  # before what may take many iterations
        Property(solution, ("solution", "error_bound"), partial(of_each, AT_REST, 4)),
        Property(in_other_units, ("units",), partial(of_each, MATRICES, 2), drawn=False),
        Property(refusal, ("refusal",), once, drawn=False),
    )

    def at(case: Case) -> AtMethod:
        return AtMethod(method, place, *case)

    return Suite(method, (), place, cases, at, properties, EXAMPLES)


def of_each(kinds: tuple[str, ...], count: int, effort: int, seed: int) -> Iterator[Case]:
    """Inclusions of each of these kinds, however few were drawn."""
    for k in range(count + effort):
        for kind in kinds:
            yield kind, 1000 * (seed + 1) + k


@dataclass(frozen=True)
class AtMethod:
    """A method on an inclusion."""

    method: Method
    place: Place
    kind: str
    seed: int

    @cached_property
    def known(self) -> KnownInclusion:
        """The inclusion, with its solution."""
        return inclusion_for(self.method, self.kind, self.seed, self.place.array)

    @cached_property
    def guaranteed(self) -> tuple[Terms, Guarantee] | None:
        """Terms in their roles for which the method promises convergence."""
        for terms in Inclusion(self.known.inclusion).ways(self.method):
            guarantee = self.method.guarantee(*terms)
            if guarantee.holds:
                return terms, guarantee
        return None

    @property
    def slack(self) -> float:
        """A relative error that rounding may leave over some iterations."""
        return max(1e-9, ROUNDINGS * self.place.eps)

    @property
    def start(self) -> Any:
        """Where the method starts."""
        return self.place.array(np.random.default_rng(self.seed + 1).standard_normal(SIZE))


def solution(at: AtMethod) -> None:
    """solve finds x*; and where it ends early the distance is at most the certified one."""
    if at.guaranteed is None:
        return
    early = sk.solve(at.known.inclusion, at.start, at.method, tol=0.1, on_failure="return")
    if early.error_bound is not None:
        gap = at.place.size(subtract(early.x, at.known.solution))
        slack = at.slack * (1 + at.place.size(at.known.solution))
        formula = "‖x − x*‖ ≤ solve(F + G, x0, method, tol=0.1).error_bound"
        holds = bool(gap <= early.error_bound + slack)
        require(holds, "error_bound", formula, gap, early.error_bound, x0=at.start)
    formula = "solve(F + G, x0, method).x = x*"
    known = at.known
    try:
        found = sk.solve(known.inclusion, at.start, at.method, tol=at.slack, max_iter=50_000).x
    except sk.NotConvergedError as error:
        require(False, "solution", formula, error, known.solution, x0=at.start)
        return
    gap = float(at.place.size(subtract(found, known.solution)))
    holds = gap <= 1e3 * at.slack * (1 + float(at.place.size(known.solution)))
    require(holds, "solution", formula, found, known.solution, x0=at.start)


def in_other_units(at: AtMethod) -> None:
    """A method takes the same steps in every unit s of x, where terms sA(x/s) take the place of A,
    and so finds s times the solution: whatever ends it sooner has a unit of its own.
    """
    if at.guaranteed is None:
        return
    formula = "solve(F + G, x0, method).x = x* with x, F and G in units of s"
    power = 40 if at.place.is_double else 20
    for s in (2.0**power, 2.0**-power):
        known = inclusion_for(at.method, at.kind, at.seed, at.place.array, s)
        start = s * at.start
        try:
            found = sk.solve(known.inclusion, start, at.method, tol=at.slack, max_iter=50_000).x
        except sk.NotConvergedError as error:
            require(False, "units", formula, error, known.solution, x0=start, s=s)
            return
        gap = float(at.place.size(subtract(found, known.solution)))
        holds = gap <= 1e3 * at.slack * (s + float(at.place.size(known.solution)))
        require(holds, "units", formula, found, known.solution, x0=start, s=s)


def covered(at: AtMethod) -> None:
    """A theorem covers the method on one kind of inclusion at least: else nothing is checked."""
    cases = [AtMethod(at.method, at.place, kind, at.seed) for kind in MATRICES]
    if at.method.check and all(each.guaranteed is None for each in cases):
        inclusion = at.known.inclusion
        reasons = [at.method.guarantee(*A).reason for A in Inclusion(inclusion).ways(at.method)]
        formula = (
            f"the method is guaranteed for 0 ∈ {inclusion!r}, with F a {' or a '.join(MATRICES)}"
        )
        require(False, "guarantee", formula, reasons, "a theorem")


def approach(at: AtMethod) -> None:
    """‖u⁺ − u*‖ ≤ ρ‖u − u*‖ for an averaged iteration, with its rate ρ and with ρ = 1; for another,
    whose metric may be its own, ‖uₖ − u*‖ ≤ cρᵏ‖u₀ − u*‖ with c = ``CONSTANT``; and E(u⁺) ≤ E(u)
    for the energy of its theorem.
    """
    if at.guaranteed is None:
        return
    terms, guarantee = at.guaranteed
    iteration = at.method.bind(*terms)
    path = [iteration.begin(at.start, Space.of(at.start))]
    size = Space.of(iteration.governing(path[0])).norm
    with solving(at.start), np.errstate(all="ignore"):
        for k in range(LONG):
            path.append(iteration.step(path[-1]))
            if k > STEPS and k % 16 == 0:
                u, v = map(iteration.governing, path[-2:])
                moved, length = float(size(subtract(u, v))), float(size(u))
                if moved <= 4 * at.place.eps * length < np.inf:  # ‖u‖ may have overflowed
                    break  # moved by rounding only
        limit = path[-1]
        end = iteration.governing(limit)
        bounded = all(bool(np.isfinite(a).all()) for a in copies(end))
        require(bounded, "fejer", "‖u‖ stays bounded", end, "finite", x0=at.start)
        if not bounded:
            return
        points = [iteration.governing(u) for u in path[:STEPS]]
        distances = [float(size(subtract(u, end))) for u in points]
        energies = [iteration.energy(*pair, limit) for pair in pairwise(path[:STEPS])]
    closer = "‖u⁺ − u*‖ ≤ ρ‖u − u*‖ with ρ = "
    if at.method.averaged:
        decreases("fejer", f"{closer}1 (an averaged map)", distances, 1.0, at)
        if guarantee.rate is not None:
            decreases("rate", f"{closer}{guarantee.rate:.8g}", distances, guarantee.rate, at)
    elif guarantee.rate is not None:
        formula = f"‖uₖ − u*‖ ≤ {CONSTANT:g}ρᵏ‖u₀ − u*‖ with ρ = {guarantee.rate:.8g}"
        for k, distance in enumerate(distances):
            bound = CONSTANT * guarantee.rate**k * distances[0]
            holds = distance <= bound + at.slack * (1 + distances[0])
            require(holds, "rate", f"{formula}, k = {k}", distance, bound, x0=at.start)
    known = [float(each) for each in energies if each is not None]
    decreases("fejer", "E(u⁺) ≤ E(u), E the iteration's energy", known, 1.0, at)


def decreases(name: str, formula: str, values: list[float], factor: float, at: AtMethod) -> None:
    """Require each value to be at most so many times the one before, up to rounding."""
    for before, after in pairwise(values):
        holds = after <= factor * before + at.slack * (1 + values[0])
        require(holds, name, formula, after, factor * before, x0=at.start)


def kept(at: AtMethod) -> None:
    """x0 and the parameters stay as they are, and the run is the same twice."""
    if at.guaranteed is None:
        return
    x0, F = at.start, at.known.F
    before = copies((x0, F.q))  # type: ignore[attr-defined]
    options: dict[str, Any] = {"tol": 0, "max_iter": 5, "on_failure": "return"}
    first = sk.solve(at.known.inclusion, x0, at.method, **options).x
    formula = "solve changes neither x0 nor the operators' parameters"
    same = same_entries(copies((x0, F.q)), before)  # type: ignore[attr-defined]
    require(same, "no_mutation", formula, x0, before[0])
    again = sk.solve(at.known.inclusion, x0, at.method, **options).x
    formula = "solve gives the same at the same x0"
    same = same_entries(copies(first), copies(again))
    require(same, "deterministic", formula, first, again, x0=x0)


def refusal(at: AtMethod) -> None:
    """With x ↦ −0.3x in place of F the sum is not known to be monotone: no theorem covers it."""
    if not at.method.check or at.method.stationary:
        return
    inclusion = sk.Affine(at.place.array(-0.3 * np.eye(SIZE))) + at.known.G
    for terms in Inclusion(inclusion).ways(at.method):
        if at.method.missing(*terms) is None:
            with np.errstate(all="ignore"):  # the search for a step size meets poles of I − αF
                found = at.method.guarantee(*terms)
            formula = "nothing is guaranteed with x ↦ −0.3x for F, which is not monotone"
            require(not found.holds, "refusal", formula, found.reason, "no guarantee")
