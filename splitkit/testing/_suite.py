"""The list of properties that a thing is held against, and how violations are looked for.

Hypothesis draws cases, the same ones for the same seed, steers them towards violations
(``target``), and shrinks the failing one. Where a property's worst case is rare, a search of its
own proposes cases; one that fails is simplified by rounding.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial, singledispatch
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed as seeded, settings, strategies as st, target
from hypothesis.errors import Flaky

from splitkit.arguments import check_integer
from splitkit.backend import (
    device,
    fresh_copy,
    is_array,
    namespace,
    subtract,
    to_numpy,
)
from splitkit.looks import known_points
from splitkit.progress import tell, telling
from splitkit.testing._place import Place
from splitkit.testing._report import (
    OBSERVED,
    REPRODUCE,
    Violation,
    label,
    looking_for,
    reproduction,
)
from splitkit.testing.strategies import make_array

Case = tuple[Any, ...]
Search = Callable[[int, int], Iterable[Case]]  # (effort, seed) ↦ cases that are likely to fail

HELD = "properties held against a case"
SPREAD = 10
REMEMBERED = 6  # cases at the beginning, and as many last ones
STEERED = 40  # with fewer examples than this there is nothing to climb


@dataclass(frozen=True)
class Property:
    """Something that holds at every case.

    Attributes
    ----------
    check : callable
        Takes what the suite's ``at`` makes of a case; raises Violation.
    names : tuple of str
        The violations that it can raise.
    search : callable, optional
        Proposes cases.
    drawn : bool
        Whether it is also held against the cases that Hypothesis draws.
    always : bool
        Whether what is not drawn is looked at without a search, too: its cases are no worst ones.
    """

    check: Callable[[Any], None]
    names: tuple[str, ...]
    search: Search | None = None
    drawn: bool = True
    always: bool = True


@dataclass(frozen=True)
class Suite:
    """A thing with the properties that it must have.

    Attributes
    ----------
    cases : SearchStrategy
        What Hypothesis draws.
    at : callable
        What the checks take, from a case.
    spread : callable, optional
        (count, seed) ↦ cases that reach every scale, however few are drawn.

    Examples
    --------
    >>> from splitkit.testing import suite
    >>> of_A = suite(sk.Identity(), (2,))
    >>> print("resolvent_solves" in of_A.names)
    True
    >>> of_A.run(max_examples=3)
    """

    subject: object
    shapes: tuple[Any, ...]
    place: Place
    cases: st.SearchStrategy[Case]
    at: Callable[[Case], Any]
    properties: tuple[Property, ...]
    usual_examples: int | None = None  # None: what the loaded Hypothesis profile says
    spread: Callable[[int, int], Iterable[Case]] | None = None
    held: list[Case] = field(default_factory=list, compare=False, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Every property by name, in the order of the checks."""
        return tuple(dict.fromkeys(name for each in self.properties for name in each.names))

    def run(
        self,
        max_examples: int | None = None,
        seed: int = 0,
        only: str | None = None,
        *,
        search: bool = True,
        progress: bool | None = None,
    ) -> None:
        """Look for violations; ``only``: of the property of this name. Without ``search``, at drawn
        cases alone; of what has none, where its own cases are no worst ones. ``progress``: a bar of
        what is held against a case; None: on a terminal or in a notebook, after three seconds.

        Raises
        ------
        Violation
            One is found.
        ValueError
            Nothing would be drawn, or there is no property of this name.
        TypeError
            A count is no integer.
        """
        __tracebackhide__ = True  # pytest then shows the message after the user's own line
        seed = check_integer("seed", seed, 0)
        if max_examples is None:
            max_examples = self.usual_examples or settings().max_examples
        check_integer("max_examples", max_examples, 1, "give at least 1, else nothing is drawn")
        before = copied(self.subject, None)
        self.held.clear()
        try:
            with looking_for(self._known(only)), telling(progress, HELD):
                self._look(max_examples, seed, only, search)
        except Violation as violation:
            violation.reproduction = self._way_back(violation, before)
            raise violation from None

    def _look(self, max_examples: int, seed: int, only: str | None, search: bool) -> None:
        """Draw cases, and take those that are spread or sought."""
        __tracebackhide__ = True
        self._draw([p for p in self._wanted(only) if p.drawn], max_examples, seed)
        count = min(SPREAD, max_examples // 4)
        if self.spread is not None:
            drawn = [each for each in self._wanted(only) if each.drawn]
            self._hold_all(drawn, self.spread(count, seed))
        effort = max(0, int(math.log2(max(1, max_examples) / 4)))
        sought: dict[Search, list[Property]] = {}
        for each in self._wanted(only):
            if each.search is not None and (search or (each.always and not each.drawn)):
                sought.setdefault(each.search, []).append(each)
        for cases, properties in sought.items():
            self._hold_all(properties, cases(effort, seed))

    def _hold_all(self, properties: list[Property], cases: Iterable[Case]) -> None:
        """Check these at each case, whose values are computed once for all of them."""
        __tracebackhide__ = True
        for case in cases:
            at = self._at(case)
            for each in properties:
                self._hold(each, case, at, simplify=True)

    def replay(self, name: str, case: Case) -> None:
        """Hold one property against one case."""
        __tracebackhide__ = True
        try:
            with looking_for(self._known(name)):
                for each in self._wanted(name):
                    self._hold(each, case)
        except Violation as violation:
            violation.reproduction = self._code(name, [case])
            raise violation from None

    def _wanted(self, name: str | None) -> list[Property]:
        return [each for each in self.properties if name is None or name in each.names]

    def _known(self, name: str | None) -> str | None:
        if name is not None and name not in self.names:
            raise ValueError(f"check = {name!r}: {label(self.subject)} has {', '.join(self.names)}")
        return name

    def _draw(self, properties: list[Property], max_examples: int, seed: int) -> None:
        __tracebackhide__ = True
        if not properties:
            return
        steered = max_examples >= STEERED
        culprit: list[tuple[Property, Violation]] = []

        @seeded(seed)
        @settings(
            max_examples=max_examples,
            deadline=None,
            database=None,
            print_blob=False,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink, *([Phase.target] if steered else [])),
        )
        @given(self.cases)
        def each(case: Case) -> None:
            __tracebackhide__ = True
            observed: dict[str, float] = {}
            token = OBSERVED.set(observed if steered and not culprit else None)
            try:
                if culprit:  # shrinking must not slip to another property
                    with looking_for(culprit[0][1].property):
                        self._hold(culprit[0][0], case)
                    return
                at = self._at(case)
                for check in properties:
                    try:
                        self._hold(check, case, at)
                    except Violation as violation:
                        culprit.append((check, violation))
                        raise
            finally:
                OBSERVED.reset(token)
            for name, value in observed.items():
                target(value, label=name)

        try:
            each()
        except Violation as violation:
            violation.__notes__ = []
            raise self._simplest(culprit[0][0], violation).with_traceback(None) from None
        except Flaky:  # what a case shows depends on the cases before it
            raise culprit[0][1].with_traceback(None) from None
        except Exception as error:  # of the subject's own code: without Hypothesis' notes
            notes = getattr(error, "__notes__", [])
            own = [k for k, note in enumerate(notes) if note.startswith(REPRODUCE)]
            error.__notes__ = notes[: own[-1] + 1] if own else notes
            raise

    def _hold(self, each: Property, case: Case, at: Any = None, *, simplify: bool = False) -> None:
        """Check one property at one case; what it raises carries the subject and the way back."""
        __tracebackhide__ = True
        tell(HELD)
        if not any(case is other for other in self.held):
            self.held.append(case)
            del self.held[REMEMBERED:-REMEMBERED]
        try:
            # what a look would refuse is what the checks look for; calls ignore what overflows, too
            with known_points(), np.errstate(over="ignore"):
                each.check(self._at(case) if at is None else at)
        except Violation as violation:
            violation.subject, violation.case = self.subject, case
            raise self._simplest(each, violation) if simplify else violation from None
        except Exception as error:
            error.add_note(self._code(each.names[0], [case]))
            raise

    def _at(self, case: Case) -> Any:
        """What the checks take, from a copy of the case: one that the subject changes stays
        printable.
        """
        return self.at(each_array(fresh_copy, case))

    def _code(self, name: str, cases: list[Case], state: str = "") -> str:
        place = self.place
        return reproduction(self.subject, name, self.shapes, cases, place.xp, place.options, state)

    def _way_back(self, violation: Violation, before: Any) -> str:
        """Code that shows the violation on a copy made before the checks, after a case or the first
        ones if need be; else on the subject in the state that the checks left.
        """
        name, case = violation.property, violation.case
        if before is None:
            return self._code(name, [case])
        others = [other for other in self.held if other is not case]
        first_ones = [others[:k] for k in range(2, len(others) + 1)]
        for earlier in ([], *([other] for other in others), *first_ones):
            cases = [*earlier, case]
            if self._shows(before, name, cases):
                return self._code(name, cases)
        return self._code(name, [case], ", as the checks left it: a copy made before shows nothing")

    def _shows(self, before: Any, name: str, cases: list[Case]) -> bool:
        """Whether the last of these cases, and no earlier one, shows the violation on a copy."""
        again = {"xp": self.place.xp, **self.place.options}
        try:
            thing = copy.deepcopy(before)
            for case in cases:
                suite(thing, *self.shapes, **again).replay(name, case)
        except Violation as violation:
            return violation.case is cases[-1]
        except Exception:  # what the subject raises on the way is no violation
            return False
        return False

    def _simplest(self, each: Property, found: Violation) -> Violation:
        """The violation at the first of simpler cases at which there is one, or this one."""
        for simpler in simpler_cases(found.case):
            try:
                with looking_for(found.property), known_points(), np.errstate(over="ignore"):
                    each.check(self._at(simpler))
            except Violation as violation:
                violation.subject, violation.case = self.subject, simpler
                return violation
        return found


def simpler_cases(case: Case) -> Iterable[Case]:
    """A pair of points moved to the origin, and rounded, the simplest first."""
    moved = [case]
    x, y = each_array(shape_of, case[:2])
    if x == y:
        zero = each_array(lambda a: namespace(a).zeros_like(a), case[0])
        moved.insert(0, (zero, subtract(case[1], case[0]), *case[2:]))
    for digits in (0, 1, 2, 3):
        for each in moved:
            yield each_array(partial(rounded, digits), each)
    yield from moved[:-1]


def copied(thing: Any, otherwise: Any) -> Any:
    """A copy of the thing as it is; something else if it has none."""
    try:
        return copy.deepcopy(thing)
    except Exception:  # its own; the check of copies reports it
        return otherwise


def each_array(f: Callable[[Any], Any], part: Any) -> Any:
    """f of each array in a part of a case; what else there is stays."""
    if isinstance(part, tuple):
        return tuple(each_array(f, each) for each in part)
    return f(part) if is_array(part) else part


def shape_of(array: Any) -> tuple[int, ...]:
    """Its shape."""
    return tuple(array.shape)


def rounded(digits: int, array: Any) -> Any:
    """The array in so many digits of its largest entry, beside the first."""
    values = to_numpy(array)
    size = float(np.abs(values).max()) if values.size else 0.0
    shift = 0 if size == 0 or not math.isfinite(size) else -math.floor(math.log10(size))
    return make_array(
        np.round(values, digits + shift), namespace(array), array.dtype, device(array)
    )


@singledispatch
def suite(thing: object, *shapes: Any, **options: Any) -> Suite:
    """The suite of a thing, by its kind; a kind is added by ``suite.register``.

    Raises
    ------
    TypeError
        There are no checks for this kind of thing.

    Examples
    --------
    >>> from splitkit.testing import suite
    >>> suite(sk.functions.L1Norm(), (2,)).run(max_examples=3, only="prox_minimizes")
    """
    if import_own_checks(type(thing)):
        return suite(thing, *shapes, **options)
    raise TypeError(
        f"{label(thing)} is a {type(thing).__name__}: give an operator, a function, a linear map, "
        "or a thing whose kind is registered with splitkit.testing.suite"
    )


def import_own_checks(kind: type) -> bool:
    """Import ``testing`` of the package that a class (or a base of it) comes from, where kinds may
    be registered; whether that registered this one.
    """
    known = suite.dispatch(kind)
    for package in dict.fromkeys(cls.__module__.partition(".")[0] for cls in kind.__mro__):
        module = f"{package}.testing"
        if module not in sys.modules and hasattr(sys.modules.get(package), "__path__"):
            if find_spec(module) is None:
                continue
            import_module(module)
            if suite.dispatch(kind) is not known:
                return True
    return False


def replay(thing: object, *shapes: Any, check: str, case: Case, **options: Any) -> None:
    """Hold one property of a thing against one case, as a failed check's message says.

    Parameters
    ----------
    thing, *shapes, **options
        As for ``check_operator``, ``check_function`` or ``check_linear_operator``.
    check : str
        The property's name.
    case : tuple
        The points and numbers of the counterexample.

    Raises
    ------
    AssertionError
        The property is violated.
    ValueError
        The thing has no property of this name.

    Examples
    --------
    >>> from splitkit.testing import replay
    >>> x = np.array([1.0, -2.0])
    >>> replay(sk.Identity(), (2,), check="firmly_nonexpansive", case=(x, -x, 1.0, 0.3))
    """
    __tracebackhide__ = True
    suite(thing, *shapes, **options).replay(check, case)
