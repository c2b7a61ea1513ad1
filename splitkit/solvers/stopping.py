"""Stopping rules: a rule maps what is measured to a ratio, met where it is at most 1.

Rules compose: ``a | b`` stops when either is met, ``a & b`` when both are. A limit, such as that of
time, ends a solve without success: ``Relative(1e-6) | TimeLimit(10)``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from splitkit.arguments import NON_NEGATIVE, Range, check_number
from splitkit.backend import Array, Point, Space, greatest

if TYPE_CHECKING:
    from splitkit.solvers.iteration import Reading
    from splitkit.solvers.method import Method
    from splitkit.solvers.terms import Term

TOLERANCE = "give a number ≥ 0 (0 runs to max_iter), or a stopping rule"


@dataclass(slots=True)
class Measurement:
    """What a stopping rule sees, each of batch shape.

    Attributes
    ----------
    residual : array
        ‖r‖, r ∈ (F + G)(x).
    parts : tuple of (array, array)
        Of each block of r, and of the distance of the points at which its elements are known: its
        size, and the size of what cancels in it.
    error_bound : array or None
        ‖r‖/m, if F + G is m-strongly monotone.
    distance : array or None
        α‖r‖, if the terms' elements whose sum r is are known at points so far apart only.
    noises : callable
        () ↦ of each part the size of its rounding errors.
    iteration : int
        After how many.
    """

    residual: Array
    parts: tuple[tuple[Array, Array], ...]
    error_bound: Array | None
    distance: Array | None = None
    noises: Callable[[], list[Array]] = list
    iteration: int = 0


class Stopping:
    """A rule; subclasses give ``ratio``, or ``exhausted`` for a limit.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> either = sk.Absolute(1e-12) | sk.TimeLimit(0.5)
    >>> print(sk.solve(F + G, np.zeros(2), tol=either).x)
    [0. 1.]
    """

    is_pure: bool = False  # its ratio is a function of what is measured
    is_timed: bool = False  # it watches the clock
    endless: bool = False  # it asks for what rounding never gives, so that a limit is its end
    measures: str = "residual"  # what its ratio is of

    def prepared(self, method: Method, terms: Sequence[Term]) -> Stopping:
        """The rule for a method on its terms."""
        return self

    def start(self) -> None:
        """Called when a solve begins."""

    def see(self, reading: Reading, u: Point) -> None:
        """Called with what is measured, and the governing point, before ``ratio``."""

    def ratio(self, measured: Measurement, space: Space) -> Array:
        """Of batch shape: the rule is met where it is ≤ 1; NaN stays NaN."""
        raise NotImplementedError(f"{type(self).__name__} must define ratio")

    def floor(self, measured: Measurement, space: Space) -> Array:
        """Of batch shape: where it is ≤ 1, what keeps the rule from being met may be rounding."""
        pairs = zip(measured.parts, measured.noises(), strict=True)
        return greatest([_quotient(r, noise, space) for (r, _), noise in pairs])

    def exhausted(self, measured: Measurement) -> bool:
        """Whether a limit is reached, so that the solve ends without success."""
        return False

    def __or__(self, other: Stopping) -> Stopping:
        if not isinstance(other, Stopping):
            return NotImplemented
        endless = [rule.endless for rule in (self, other) if not isinstance(rule, TimeLimit)]
        return _Joined(self, other, "|", bool(endless) and all(endless))

    def __and__(self, other: Stopping) -> Stopping:
        if not isinstance(other, Stopping):
            return NotImplemented
        for rule in (self, other):
            if isinstance(rule, TimeLimit):
                raise TypeError(f"{rule} is a limit and no tolerance: join it with |")
        endless = self.endless or other.endless
        return _Joined(self, other, "&", endless)


@dataclass(frozen=True, repr=False)
class _Joined(Stopping):
    first: Stopping
    second: Stopping
    join: str  # "|": met where either is, "&": where both are
    endless: bool

    @property
    def measures(self) -> str:  # type: ignore[override]
        rules = (each for each in (self.first, self.second) if not each.is_timed)
        return f" {self.join} ".join(dict.fromkeys(each.measures for each in rules))

    @property
    def is_pure(self) -> bool:  # type: ignore[override]
        return self.first.is_pure and self.second.is_pure

    @property
    def is_timed(self) -> bool:  # type: ignore[override]
        return self.first.is_timed or self.second.is_timed

    def prepared(self, method: Method, terms: Sequence[Term]) -> Stopping:
        first, second = (rule.prepared(method, terms) for rule in (self.first, self.second))
        return _Joined(first, second, self.join, self.endless)

    def start(self) -> None:
        self.first.start()
        self.second.start()

    def see(self, reading: Reading, u: Point) -> None:
        self.first.see(reading, u)
        self.second.see(reading, u)

    def ratio(self, measured: Measurement, space: Space) -> Array:
        joined = space.xp.minimum if self.join == "|" else space.xp.maximum
        return joined(self.first.ratio(measured, space), self.second.ratio(measured, space))

    def floor(self, measured: Measurement, space: Space) -> Array:
        joined = space.xp.minimum if self.join == "|" else space.xp.maximum
        return joined(self.first.floor(measured, space), self.second.floor(measured, space))

    def __repr__(self) -> str:
        return f"({self.first!r} {self.join} {self.second!r})"

    def exhausted(self, measured: Measurement) -> bool:
        return self.first.exhausted(measured) or self.second.exhausted(measured)


@dataclass
class TimeLimit(Stopping):
    """Ends the solve, without success, at the first check after so many seconds.

    Parameters
    ----------
    seconds : float
        Positive.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> sk.solve(F + G, np.zeros(2), tol=sk.Relative(1e-8) | sk.TimeLimit(60.0)).status
    <Status.CONVERGED: 'converged'>
    """

    seconds: float

    is_pure: ClassVar[bool] = True  # type: ignore[misc]
    is_timed: ClassVar[bool] = True  # type: ignore[misc]

    def __post_init__(self) -> None:
        self.seconds = check_number("seconds", self.seconds, Range(0.0, ends="(]"))
        self._deadline = math.inf

    def start(self) -> None:
        self._deadline = time.monotonic() + self.seconds

    def ratio(self, measured: Measurement, space: Space) -> Array:
        return 1e30 + 0.0 * measured.residual

    floor = ratio

    def exhausted(self, measured: Measurement) -> bool:
        return time.monotonic() > self._deadline


@dataclass(frozen=True)
class _Tolerance(Stopping):
    tol: float

    is_pure: ClassVar[bool] = True  # type: ignore[misc]
    within: ClassVar[Range] = NON_NEGATIVE
    remedy: ClassVar[str] = TOLERANCE

    def __post_init__(self) -> None:
        tol = check_number("tol", self.tol, self.within, self.remedy)
        object.__setattr__(self, "tol", tol)  # a NumPy number would meet a tensor
        object.__setattr__(self, "endless", tol == 0)


@dataclass(frozen=True)
class Relative(_Tolerance):
    """‖r‖ ≤ tol · S in each block of r, S the size there of what cancels in r, 0 ≤ tol < 1; and
    ‖x − x′‖ ≤ tol · ‖x‖ where r is a sum of elements at two points x and x′.

    Parameters
    ----------
    tol : float
        In [0, 1).

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> print(sk.solve(F + G, np.zeros(2), tol=sk.Relative(1e-9)).x)
    [0. 1.]
    """

    within = Range(0.0, 1.0, "[)")
    remedy = "give a number in [0, 1) (0 runs to max_iter), or a stopping rule, as Absolute(…)"

    def ratio(self, measured: Measurement, space: Space) -> Array:
        if len(measured.parts) == 1:  # as of most, and of every layer's solve
            ((r, size),) = measured.parts
            return _quotient(r, self.tol * size, space)
        return greatest([_quotient(r, self.tol * size, space) for r, size in measured.parts])

    def floor(self, measured: Measurement, space: Space) -> Array:
        xp = space.xp
        pairs = zip(measured.parts, measured.noises(), strict=True)
        allowed = [(r, xp.maximum(self.tol * size, noise)) for (r, size), noise in pairs]
        return greatest([_quotient(*each, space) for each in allowed])


@dataclass(frozen=True)
class Absolute(_Tolerance):
    """‖r‖ ≤ tol; and α‖r‖ ≤ tol, if r is a sum of elements at points so far apart.

    Parameters
    ----------
    tol : float
        Non-negative, in the units of r.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> print(sk.solve(F + G, np.zeros(2), tol=sk.Absolute(1e-3)).residual <= 1e-3)
    True
    """

    def ratio(self, measured: Measurement, space: Space) -> Array:
        size = measured.residual
        if measured.distance is not None:
            size = space.xp.maximum(size, measured.distance)
        return _quotient(size, self.tol + 0.0 * size, space)


@dataclass(frozen=True)
class CertifiedError(_Tolerance):
    """‖x − x*‖ ≤ tol, certified by ‖r‖/m; F + G must be strongly monotone.

    Parameters
    ----------
    tol : float
        Non-negative, in the units of x.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> solution = sk.solve(F + G, np.zeros(2), tol=sk.CertifiedError(1e-4))
    >>> print(solution.error_bound <= 1e-4)  # of the distance to the solution
    True
    """

    def ratio(self, measured: Measurement, space: Space) -> Array:
        if measured.error_bound is None:
            raise ValueError(
                "tol = CertifiedError(…) needs F + G strongly monotone with a known constant, and "
                "one of them with an evaluation: declare it, or use another rule"
            )
        return _quotient(measured.error_bound, self.tol + 0.0 * measured.error_bound, space)


def as_stopping(tol: float | Stopping | None, space: Space) -> Stopping:
    """A number is a relative tolerance; None is 1e-8, but 100 rounding errors in low precision."""
    if isinstance(tol, Stopping):
        return tol
    if tol is None:
        tol = max(1e-8, 100 * space.eps)
    return _relative(tol) if type(tol) is float else Relative(tol)


_relative = lru_cache(Relative)  # that of a layer is asked for at each call


def _quotient(value: Array, limit: Array, space: Space) -> Array:
    """value/limit with 0/0 = 0, of batch shape; finite for finite values, at most 1e30."""
    return value / (limit + 1e-30 * value + space.smallest)
