"""What all methods share: the roles of the inclusion's terms, the guarantee, and binding.

A method is a frozen set of options. Given terms for its roles it says what a theorem guarantees
(``guarantee``), chooses what is left open (``chosen``), and makes an ``Iteration``. Where operators
are given in the place of terms, they play the method's roles in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from splitkit import docstrings
from splitkit.arguments import check_flag, check_options, option
from splitkit.backend import Point, Scalar, Space
from splitkit.display import Shown
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator
from splitkit.progress import telling
from splitkit.solvers.errors import NoGuaranteeError
from splitkit.solvers.iteration import Iteration
from splitkit.solvers.terms import Role, Term

if TYPE_CHECKING:
    from splitkit.proofs import Proof
    from splitkit.solvers.solution import State


@dataclass(frozen=True, repr=False)
class Guarantee(Shown):
    """What a theorem says of a method on given operators.

    Attributes
    ----------
    holds : bool
        Whether the sequence that the method returns converges to a solution, if there is one.
    rate : float or None
        The factor of ``falls``; None: no linear rate.
    reason : str
        The theorem's condition and the numbers that meet it, or what is missing and the remedy.
    sequence : str
        The sequence that converges, as a formula.
    falls : str
        What falls by the rate: a distance in every iteration, as Q-linear says, that of the
        governing point u if nothing else is said; or, R-linear, k iterations on the whole, up to a
        constant.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> found = sk.PeacemanRachford(alpha=1.0).guarantee(F, G)
    >>> print(found.holds, found.rate)
    True 0.7071
    >>> found.reason
    'T is a contraction of factor 0.7071 at alpha = 1 (Banach)'
    """

    holds: bool
    rate: float | None
    reason: str
    sequence: str
    falls: str = "Q-linear in ‖u − u*‖"

    @property
    def in_every_iteration(self) -> bool:
        """Whether the rate is Q-linear."""
        return self.falls.startswith("Q-linear")

    @property
    def verdict(self) -> str:
        """The rate, or whether it converges at all, in words."""
        if not self.holds:
            return "not guaranteed"
        return "converges" if self.rate is None else f"rate {self.rate:.6f}"

    def heading(self) -> str:
        return f"Guarantee: {self.verdict}"

    def rows(self) -> Iterator[tuple[str, Any]]:
        yield "reason", self.reason
        yield "returns", self.sequence
        if self.rate is not None:
            yield "falls", self.falls


@dataclass(frozen=True, kw_only=True)
class Method:
    """Base of the methods for 0 ∈ A₁x + … + Aₙx.

    Parameters
    ----------
    check : bool, default True
        False: run where nothing is guaranteed, too.

    Attributes
    ----------
    label : str
        The method's name.
    roles : tuple of Role
        What it takes, in the order of its operators.
    many : bool
        Whether the last role may be repeated.
    cost : int
        Operators applied in an iteration.
    averaged : bool
        Whether the iteration is an averaged map of one point whenever the method is guaranteed.
    sequence : str
        The sequence that is returned, as a formula.
    stationary : bool
        Whether it takes what is not monotone, too, and then promises stationary points.

    Raises
    ------
    NoGuaranteeError
        By ``solve``, ``plan`` and ``bind``: no theorem covers these operators and options, or an
        operator cannot play its role. The message names what is missing, and the remedy.
    TypeError, ValueError
        An option is of another kind, or out of its range.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.ones(2))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> print(sk.FISTA().guarantee(F, G).holds, sk.Tseng().guarantee(F, G).holds)
    False True
    >>> print(sk.ForwardBackward().chosen(F, G).alpha)  # m/L²
    0.2
    """

    check: bool = option(True, check_flag)

    label: ClassVar[str]
    roles: ClassVar[tuple[Role, ...]]
    many: ClassVar[bool] = False
    cost: ClassVar[int] = 2
    averaged: ClassVar[bool] = False
    stationary: ClassVar[bool] = False
    reads_dual: ClassVar[bool] = True  # y of a composed term is read, and its residual judged
    sequence: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        docstrings.inherit(cls)

    def __post_init__(self) -> None:
        check_options(self)

    # -- what a method gives --------------------------------------------------------------------

    def iteration(self, *terms: Term) -> Iteration:
        """The iteration on these terms, with its resolvents built once."""
        raise NotImplementedError

    def theorem(self, *terms: Term) -> Guarantee:
        """What is guaranteed, all options being chosen and nothing missing."""
        raise NotImplementedError

    def choosing(self, *terms: Term) -> Self:
        """The same method with its open options (a step size, say) chosen for these terms, which
        can play their roles.
        """
        return self

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        """The same method, steps that no constant fixes measured on the data: for its terms, in
        the context of ``solving``.
        """
        return self

    def _with(self, **chosen: Any) -> Self:
        """The same method with options that it has chosen, and that need no check."""
        other = object.__new__(type(self))
        vars(other).update(vars(self), **chosen)
        return other

    def unconfined(self) -> Method:
        """The same method, with a map whose points may be anywhere: for what extrapolates them. Its
        operators are evaluated where resolvents lead, and need not be what they say elsewhere.
        """
        return self

    def evaluated_slot(self, A: Operator) -> int:
        """Which of the method's evaluated roles takes A, counted from 0: where it has several."""
        return 0

    def exact_element(self, *terms: Term) -> bool:
        """Whether the terms that ``read`` returns are elements at x itself, all of them: then
        ‖r‖/m bounds the distance to the solution of an m-strongly monotone inclusion.
        """
        return True

    def work(self, *terms: Term) -> float:
        """Operators applied in an iteration on these terms, about."""
        return float(self.cost)

    def caveat(self, *terms: Term) -> str:
        """What a stationary point might be taken for and is not, to end a sentence."""
        known = (term.properties for term in terms)
        if all(each.monotone and each.maximal for each in known):
            return ""
        return ": x is stationary to that tolerance, which proves no minimum"

    def averagedness(self, *terms: Term) -> float | None:
        """θ of the iteration as a map of its governing point, in the metric of
        ``Iteration.product``; 1 if it is only nonexpansive; None: not known to be either.
        """
        return 1.0 if self.averaged and self.theorem(*terms).holds else None

    def steady(self) -> Self:
        """The same method with steps that stay as they are, if that is left open: for accelerators
        of a map.
        """
        return self

    def constant(self) -> Self:
        """The same method with constant steps, all options being chosen."""
        return self

    def wrapped(self, make: Callable[[Iteration], Iteration], *terms: Term) -> Iteration:
        """The iteration made of the one with constant steps; where these are to follow the
        residuals, they do so around it.
        """
        return make(self.iteration(*terms))

    def dual(self, u: Point) -> Point | None:
        """y ∈ B(Lx) of a composed term LᵀBL, read off the governing point; None: there is none."""
        return None

    def judged(self, *terms: Term) -> Sequence[Term]:
        """The terms in the units in which what is read is judged."""
        return terms

    def moved(self, u: Point, S: LinearOperator, E: LinearOperator) -> Point:
        """Of the governing point u in x̂ and ŷ, x = Sx̂ and y = Eŷ for a term LᵀBL, that in x and
        y; and of the residual there, by S⁻¹ and E⁻¹, the residual here. Here: u is one point or
        several in the place of x.
        """
        of_arrays = S.entrywise is not None
        several = isinstance(u, tuple) and (of_arrays or isinstance(u[0], tuple))
        return tuple(self.moved(each, S, E) for each in u) if several else S(u)

    @property
    def apart(self) -> Scalar:
        """α if elements that are not exact are known at points that are α‖r‖ apart."""
        return getattr(self, "alpha", None)

    def refused(self, reason: str) -> Guarantee:
        """No guarantee, and why."""
        return Guarantee(False, None, reason, self.sequence)

    # -- what follows -----------------------------------------------------------------------------

    def missing(self, *terms: Term) -> str | None:
        """What a term cannot do that its role needs; None: nothing."""
        obstacles = (term.obstacle for term in terms)
        return next((found for found in obstacles if found is not None), None)

    def terms(self, *operators: Operator | Term) -> tuple[Term, ...]:
        """The terms; of operators, in the roles of the method in order."""
        roles = self.roles_for(len(operators))
        found: list[Term] = []
        for A, role in zip(operators, roles, strict=True):
            found.append(A if isinstance(A, Term) else Term.playing(A, role))
        return tuple(found)

    def roles_for(self, count: int) -> tuple[Role, ...]:
        """The roles of so many operators.

        Raises
        ------
        ValueError
            The method takes another number.
        """
        extra = count - len(self.roles)
        if extra and not (self.many and extra > 0):
            wanted = f"at least {len(self.roles)}" if self.many else f"{len(self.roles)}"
            raise ValueError(f"{self.label} takes {wanted} operators, got {count}")
        return self.roles + self.roles[-1:] * extra

    def chosen(self, *operators: Operator | Term) -> Self:
        """The same method with its open options (a step size, say) chosen for these operators."""
        terms = self.terms(*operators)
        return self if self.missing(*terms) is not None else self.choosing(*terms)

    def guarantee(self, *operators: Operator | Term) -> Guarantee:
        """What is proved of the method on these operators, open options being chosen."""
        terms = self.terms(*operators)
        missing = self.missing(*terms)
        return self.choosing(*terms).theorem(*terms) if missing is None else self.refused(missing)

    def bind(self, *operators: Operator | Term) -> Iteration:
        """The iteration, if it can run and is guaranteed (or ``check`` is False).

        Raises
        ------
        NoGuaranteeError
            It cannot run, or no theorem applies and ``check`` is True.
        """
        terms = self.terms(*operators)
        missing = self.missing(*terms)
        if missing is not None:
            raise NoGuaranteeError(f"{self.label}: {missing}")
        chosen = self.choosing(*terms)
        if self.check:
            chosen.require(chosen.theorem(*terms))
        return chosen.iteration(*terms)

    def require(self, guarantee: Guarantee) -> None:
        """Raise NoGuaranteeError if nothing is guaranteed, unless ``check`` is False."""
        if self.check and not guarantee.holds:
            raise NoGuaranteeError(f"{self.label}: {guarantee.reason}")

    def proof(
        self,
        *operators: Operator | Term,
        steps: int | None = None,
        initial: str = "distance",
        final: str = "residual",
        progress: bool | None = None,
    ) -> Proof:
        """What the small semidefinite program proves of the iteration, from the properties of the
        operators alone: its tight rate, the decrease, or a Lyapunov function (needs clarabel). With
        ``steps``, after so many from its own start: "residual", ‖r‖² of the inclusion, "distance",
        ‖u − u*‖², or "step" of the governing sequence, by ‖u₀ − u*‖². ``progress`` shows a bar, by
        itself after three seconds on a terminal.

        Raises
        ------
        TypeError
            The iteration is not the same linear step in every iteration (its step sizes adapt).
        ValueError
            There is no such measure.
        """
        from splitkit.solvers.proof_of import PROGRAMS, proof_after, proof_of  # takes any method

        method, terms = self.as_proved(*self.terms(*operators))
        with telling(progress, PROGRAMS):
            if steps is not None:
                return proof_after(method, terms, steps, initial, final)
            return proof_of(method, terms)

    def linear_rate(
        self,
        *operators: Operator | Term,
        accuracy: float = 1e-3,
        progress: bool | None = None,
    ) -> Proof:
        """The least ρ, by bisection, with V(s⁺) ≤ ρV(s) − ‖r‖² for a quadratic function V ≥ 0 of
        the state, ``Proof.lyapunov`` (needs clarabel). ``progress``: see ``proof``.

        Raises
        ------
        ValueError
            No ρ < 1 is proved.
        """
        from splitkit.solvers.proof_of import PROGRAMS, linear_rate_of  # which takes any method

        with telling(progress, PROGRAMS):
            return linear_rate_of(*self.as_proved(*self.terms(*operators)), accuracy)

    def as_proved(self, *terms: Term) -> tuple[Method, tuple[Term, ...]]:
        """The method and the terms whose iteration a proof is of: with constant steps, and in the
        coordinates in which it runs.
        """
        return self, terms

    def check_space(self, space: Space) -> None:
        """Raise ValueError if an option of the method does not fit the space."""

    def iterate(self, inclusion: Operator, x0: Point, **options: Any) -> Iterator[State]:
        """Solve step by step: yields a ``State`` after each iteration, until the tolerance is met
        or the limit reached; takes the options of ``splitkit.solve``.
        """
        from splitkit.solvers.solve import iterate  # which takes any method

        return iterate(inclusion, x0, self, **options)
