"""Point-SAGA: one resolvent of a sum of many a step, and a table of their last elements."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

from splitkit.backend import Point, add, is_array, lincomb, scale, subtract
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.identity import ScaledIdentity
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.recognized import as_affine
from splitkit.operators.base import Operator
from splitkit.operators.combination import combine
from splitkit.solvers.finite_sums import NoPartsError, addends, as_fit, cut_rows
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.drawing import ANEW, Drawing, DrawnIteration
from splitkit.solvers.methods.resolvent_splittings import _Resolvents
from splitkit.solvers.sampling import generator
from splitkit.solvers.splitting import Splitting
from splitkit.solvers.terms import Role, Term, columns


@dataclass(frozen=True, kw_only=True)
class PointSAGA(Drawing, Splitting):
    """Point-SAGA for 0 ∈ A₁(x) + … + Aₙ(x); of a j drawn uniformly

        z = x + α(sⱼ − s̄),  x⁺ = R_{αAⱼ}z,  sⱼ⁺ = (z − x⁺)/α,  s̄ = Σsᵢ/n.

    Takes: A₁, … by their resolvents, LᵀBL row by row; multiples of I are shared out.
    Assumes: all maximal monotone, and all cocoercive or all strongly monotone.
    Steps: α > 0; left open, that of the best rate, β, or measured on the data.
    Rate: E V falls by max(1/(1 + αm), 1 − β/(n(α + β))) a step, if all are m-strongly monotone and
    β-cocoercive; else almost surely to the solution.
    Oracles: n R_{αAⱼ} a pass, which is an iteration; 1 A more at a look, or n R_{αAⱼ}.

    For x* a zero, sᵢ* ∈ Aᵢ(x*) with Σsᵢ* = 0, and of the j drawn, monotonicity says

        (1 + αm)‖x⁺ − x*‖² + (α² + αβ)‖sⱼ⁺ − sⱼ*‖² ≤ ‖x − x* + α(sⱼ − sⱼ* − s̄)‖²,

    whose right side has the mean ‖x − x*‖² + α²(Σ‖sᵢ − sᵢ*‖²/n − ‖s̄‖²). So it is for

        V = (1 + αm)‖x − x*‖² + (α² + αβ)Σ‖sᵢ − sᵢ*‖²,

    of which E V⁺ is at most the part of the rate. With β = 0 or m = 0 what V loses is summable:
    E‖sⱼ⁺ − sⱼ*‖², or E‖x⁺ − x*‖², over all j; so V converges almost surely, and to 0 along what
    it loses.

    At looks the residual is that of elements at x: of all Aᵢ evaluated, or those of their
    resolvents, with the distances of the points at which they are (as in ``Ryu``). What is promised
    holds almost surely or in expectation: ``solve`` never chooses it, it is asked for by name.

    Source: Defazio, *A simple practical accelerated method for finite sums* (2016), Thms. 5, 6 and
    its step, of functions; what it takes of them is what monotone operators have.

    Parameters
    ----------
    batch : int, optional
        Rows of a part, at least 1; None: 1, and of least squares so many that there are at most 256
        parts. A part of several rows needs a resolvent, as that of least squares.

    Examples
    --------
    >>> A = np.vander(np.linspace(-1.0, 1.0, 30), 3)
    >>> labels = np.sign(A[:, 1] + 0.3)
    >>> f = sk.functions.Logistic(labels) @ A + sk.functions.SquaredL2(1.0)
    >>> found = sk.minimize(f, np.zeros(3), sk.PointSAGA(seed=1), tol=1e-8)
    >>> print(found.x, found.iterations < 60)
    [-0.526   2.3749  0.7739] True
    """

    label: ClassVar[str] = "Point-SAGA"
    roles: ClassVar[tuple[Role, ...]] = (Role.COMPOSED, Role.RESOLVED)
    many: ClassVar[bool] = True
    reads_dual: ClassVar[bool] = False
    sequence: ClassVar[str] = "x⁺ = R_{αAⱼ}(x + α(sⱼ − s̄))"

    def parts(self, *terms: Term) -> tuple[Operator, ...]:
        """A₁, …, Aₙ, found once.

        Raises
        ------
        NoPartsError
            There are none with a resolvent.
        """
        key = "operators to draw", self.batch, terms
        known = terms[0].known
        if key not in known:
            known[key] = tuple(_shared(_pieces(terms, self.batch)))
        found: tuple[Operator, ...] = known[key]
        return found

    def missing(self, *terms: Term) -> str | None:
        """What is composed may be nothing."""
        return super().missing(*(terms[1:] if terms[0].is_nothing else terms))

    def default_alpha(self, *terms: Term) -> float:
        try:
            parts = self.parts(*terms)
        except NoPartsError:
            return math.nan
        (m, β), n = _constants(parts), len(parts)
        if not 0 < β < math.inf:
            return math.nan
        if not 0 < m < math.inf:
            return β
        # 1/(1 + αm) = 1 − β/(n(α + β))
        first = m * β * (n - 1)
        return 2 * β / (math.sqrt(first * first + 4 * n * m * β) + first)

    def theorem(self, *terms: Term) -> Guarantee:
        try:
            parts = self.parts(*terms)
        except NoPartsError as error:
            return self.refused(str(error))
        n, (m, β) = len(parts), _constants(parts)
        if n < 2:
            return self.refused(
                f"{n or 'no'} part is no sum of parts to draw from: give terms, or rows, as "
                "of LeastSquares(A, b) or h @ A with an array A and an elementwise h, cut by batch"
            )
        for A in parts:
            if not A.properties.maximal:
                return self.refused(f"the part {A!r} is not known to be maximal monotone")
        if not (m > 0 or β > 0):
            poor = [A for A in parts if not (A.properties.cocoercivity or 0.0) > 0]
            return self.refused(
                f"the part {poor[0]!r} is not known to be cocoercive, nor are all strongly "
                "monotone: add a multiple of I, which is shared out, or take ProductSpace"
            )
        why = "cocoercive" if β > 0 else "strongly monotone"
        reason = f"{n} {why} parts, {self.at_step()}: almost surely to a solution"
        factor = 1.0
        if m > 0 and 0 < β < math.inf and not is_array(self.alpha):
            α = float(self.alpha)
            factor = max(1 / (1 + α * m), 1 - β / (n * (α + β)))
        if not factor < 1 - 1e-12:
            return Guarantee(True, None, reason, self.sequence)
        falls = "in expectation: E‖xₖ − x*‖² ≤ cρ²ᵏ"
        return Guarantee(True, factor ** (n / 2), reason, self.sequence, falls)

    def exact_element(self, *terms: Term) -> bool:
        return sum(not A.has_evaluation for A in self.parts(*terms)) <= 1

    def iteration(self, *terms: Term) -> Iteration:
        return _PointSAGA(self, terms)


def _pieces(terms: tuple[Term, ...], batch: int | None) -> Iterator[Operator]:
    """The parts of the terms."""
    for term in terms:
        if term.is_zero:
            continue
        if term.of is not None:
            for B, L in columns(term.expression):
                yield from _cut(B.pullback(L), batch)
        else:
            for A in addends(term.operator):
                yield from _cut(A, batch)


def _cut(A: Operator, batch: int | None) -> Iterator[Operator]:
    """The rows of A, where it has some; else itself."""
    fit = as_fit(A)
    if fit is not None:
        h, M = fit
        quadratic = A.has_resolvent and as_affine(A) is not None
        pieces = cut_rows(h, M, batch or (None if quadratic else 1))
        if pieces:
            for _, f, K in pieces:
                single = isinstance(K, LastAxesMap) and K.range_shape == (1,)
                remedy = "leave out rows that are 0" if single else "give batch=1"
                yield _resolvable(Subdifferential(f).pullback(K), remedy)
            return
    yield _resolvable(A)


def _resolvable(A: Operator, remedy: str = "take another method") -> Operator:
    if not A.has_resolvent:
        raise NoPartsError(f"the part {A!r} has no resolvent: {remedy}")
    return A


def _shared(parts: Iterator[Operator]) -> Iterator[Operator]:
    """The parts, each with as much of those that are x ↦ ax − q, a ≥ 0, as the others."""
    others, a, q = [], 0.0, None
    for A in parts:
        known = as_affine(A)
        c = known.M.multiple if known is not None and isinstance(known.M, ScaledIdentity) else None
        if known is None or c is None or c < 0:
            others.append(A)
            continue
        a += c
        if known.q is not None:
            q = known.q if q is None else add(q, known.q)
    n = max(len(others), 1)
    for A in others:
        whole = combine(a / n, 1.0, A) if a else A
        yield whole if q is None else whole.shift(scale(1 / n, q))


def _constants(parts: tuple[Operator, ...]) -> tuple[float, float]:
    """The least m and β of the parts; 0 where one is not known."""
    known = [A.properties for A in parts]
    m = min((each.strong_monotonicity or 0.0 for each in known), default=0.0)
    return m, min((each.cocoercivity or 0.0 for each in known), default=0.0)


class _PointSAGA(DrawnIteration, _Resolvents):
    """Carry: (x, the sᵢ, Σsᵢ, the number of passes made)."""

    def __init__(self, method: PointSAGA, terms: tuple[Term, ...]) -> None:
        self.method, self.alpha = method, method.alpha
        parts = method.parts(*terms)
        self.R = [A.make_resolvent(method.alpha) for A in parts]
        self.others = [i for i, A in enumerate(parts) if not A.has_evaluation]
        whole = [term for term in terms if not term.is_zero]
        self.evaluated = (
            [A.make_evaluation() for A in parts if A.has_evaluation]
            if self.others
            else [term.maps.evaluation(term.expression) for term in whole]
        )

    def init(self, x0: Point) -> Carry:
        table = tuple(scale(1 / self.alpha, subtract(x0, R(x0))) for R in self.R)
        return x0, table, reduce(add, table), 0

    def passed(self, *state: Any) -> tuple[Carry, Trace]:
        x, elements, total, k = state
        table, n = list(elements), len(self.R)
        if k % ANEW == 0 and k:
            total = reduce(add, table)
        for j in generator(self.method.seed, k).integers(n, size=n):
            z = lincomb(1.0, x, self.alpha, lincomb(1.0, table[j], -1 / n, total))
            x = self.R[j](z)
            new = scale(1 / self.alpha, subtract(z, x))
            total, table[j] = add(total, subtract(new, table[j])), new
        return (x, tuple(table), total, k + 1), (x, tuple(table), total)

    def read(self, trace: Trace) -> Reading:
        x, table, total = trace
        if not self.others:
            return Reading(x, tuple(A(x) for A in self.evaluated))
        base = lincomb(1.0, x, -self.alpha / len(table), total)
        arguments = tuple(lincomb(1.0, base, self.alpha, s) for s in table)
        values = tuple(R(z) for R, z in zip(self.R, arguments, strict=True))
        return self.judged(self.elements(arguments, values), values)

    def governing(self, state: Carry) -> Point:
        return state[0]

    def continued(self, state: Carry, earlier: Carry) -> Carry:
        return state
