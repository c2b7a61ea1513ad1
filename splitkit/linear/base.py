"""A linear map L between two spaces, with its adjoint and what is known of its singular values."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any, ClassVar, TypeVar
from weakref import WeakValueDictionary

from splitkit.arguments import check_square
from splitkit.arithmetic import Arithmetic
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    add,
    align,
    complexified,
    folding,
    is_array,
    is_traced,
    join,
    namespace,
    norm,
)
from splitkit.looks import (
    OnComplex,
    act_where_declared,
    at_known,
    elsewhere,
    follow,
    for_known,
    look_at_points,
    possible_batch_axes,
    seen,
)
from splitkit.notation import ATOM, FACTOR, Notation, Style
from splitkit.operators.freedom import Freedom, least
from splitkit.properties import Properties

KRYLOV_STEPS = 20.0  # of a solve that iterates, about
ROUNDING = 16  # errors of one rounding, that a sum may have beside the size of what it adds


class LinearOperator(OnComplex, Arithmetic["LinearOperator"], Notation):
    """x ↦ Lx; a subclass gives ``__call__`` and ``adjoint``, and what it knows.

    One whose values lie in another space than x also gives ``range_space`` and ``domain_space``:
    ``dataclasses.replace(space, shapes=((n,),))`` is ``space`` with points of shape (n,).

    Maps form an algebra: ``L + K``, ``c * L``, ``-L``, ``L @ K`` (composition), ``L.T``. A monotone
    map of a space into itself serves as M in ``Affine(M, q)``; it may give a ``shifted_inverse`` of
    its own, or have that of Krylov's method.

    Examples
    --------
    >>> L = sk.linear.wrap(np.array([[1.0, 2.0], [0.0, 1.0]]))
    >>> x = np.array([1.0, -1.0])
    >>> y = L(x)
    >>> print(y, L.T(y))
    [-1. -1.] [-1. -3.]

    Attributes
    ----------
    by_parts : bool
        Whether Lx of a complex x is L Re x + i L Im x, of a map that is real and whose formula is
        for real points.
    """

    by_parts: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        rule = _by_parts if cls.by_parts else None
        look_at_points(cls, ("__call__",), _from_outside, rule)
        look_at_points(cls, ("adjoint",), _from_the_other_side, rule)
        if rule is not None:
            follow(cls, ("add_to",), rule)
        act_where_declared(cls, SPACES)

    # -- what is known: a subclass overrides it by a number, or by what is computed once ----------

    @cached_property
    def norm(self) -> float:
        """An upper bound of ‖L‖ that holds, exact where computable (inf: unknown)."""
        return math.inf

    @cached_property
    def least_gain(self) -> float:
        """A lower bound of ‖Lx‖/‖x‖ that holds (0: unknown)."""
        return 0.0

    @property
    def _held(self) -> tuple[float, float]:
        """Between which its numbers hold what is not 0, where they are of a known dtype."""
        return 0.0, math.inf

    def squared_norm(self, name: str, norm: float | None = None) -> float:
        """‖L‖², of a better bound if one is given; ValueError if its numbers do not hold it: of the
        entries of LᵀL then all are 0, or some inf.
        """
        return check_square(name, self.norm if norm is None else norm, *self._held)

    @cached_property
    def gram(self) -> float | None:
        """ν if LLᵀ = νI is known."""
        return None

    @cached_property
    def entrywise(self) -> Array | None:
        """s, broadcasting to x, if L is x ↦ s ⊙ x."""
        return None

    @cached_property
    def costly(self) -> bool:
        """Whether an application takes far longer than a sum of two points."""
        return False

    @cached_property
    def properties(self) -> Properties:
        """Of x ↦ Lx as an operator, if L maps a space into itself."""
        return Properties(linear=True)

    @cached_property
    def has_declared_constants(self) -> bool:
        """Whether a constant was given, and not computed: a solve then compares it with values."""
        return False

    def square_properties(
        self, m: float | None, *, symmetric: bool = False, skew: bool = False
    ) -> Properties:
        """Those of a map of a space into itself with ⟨Lx, x⟩ ≥ m‖x‖² (None: unknown)."""
        return Properties.of(
            strong_monotonicity=None if m is None else min(m, self.norm),  # but for rounding
            lipschitz=self.norm,
            skew=skew,
            gradient=symmetric,
            linear=True,
        )

    # -- what it does -----------------------------------------------------------------------------

    def __call__(self, x: Point) -> Point:
        """Lx; x is not changed."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")

    def adjoint(self, y: Point) -> Point:
        """Lᵀy; y is not changed."""
        raise NotImplementedError(f"{type(self).__name__} must define adjoint")

    def make_evaluation(self) -> Callable[[Point], Point]:
        """The map x ↦ Lx, for many applications to points that are known."""
        return for_known(self.__call__)

    def add_to(self, y: Point, x: Point) -> Point:
        """y + Lx, neither changed; override where one pass does it."""
        return add(y, self(x))

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        """|L||x|, entry by entry, beside which the rounding of Lx is judged; where L's entries are
        not at hand ‖L‖‖x‖, and |Lx| where no norm is known.
        """
        return self._norm_in_all(x, self(x), batch_ndim)

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        """Those of Lᵀ."""
        return self._norm_in_all(x, self.adjoint(x), batch_ndim)

    def adjoint_constant(self, b: Point) -> Point:
        """Lᵀb for a constant b, with 0 for each entry that is but the rounding of what adds up to
        it, where L's entries are at hand: as a size it would mean nothing.
        """
        found = self.adjoint(b)
        if not self.knows_entries:
            return found
        sizes = self.adjoint_magnitudes(b, 0)
        if isinstance(found, tuple):
            return tuple(map(_beyond_rounding, found, sizes))
        return _beyond_rounding(found, sizes)

    def _norm_in_all(self, x: Point, value: Point, batch_ndim: int) -> Point:
        if isinstance(value, tuple):
            return tuple(self._norm_in_all(x, block, batch_ndim) for block in value)
        if self.norm == math.inf:
            return abs(value)
        return align(self.norm * norm(x, batch_ndim), value) + 0.0 * value

    @property
    def T(self) -> LinearOperator:
        """The adjoint, as a linear map; one object as long as it is in use."""
        known = _ADJOINTS.get(id(self))
        if known is None:
            known = _ADJOINTS[id(self)] = Adjoint(self)
        return known

    # -- what it is in other units: Lx = E⁻¹ŷ, x = Sx̂ ---------------------------------------------

    def squares(self) -> LinearOperator | None:
        """L∘L, the map of the squares of L's entries; None: they are not known."""
        return None

    @cached_property
    def knows_entries(self) -> bool:
        """Whether L's entries are at hand."""
        return self.squares() is not None

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        """Of each block of x: how ``scaled`` may scale it and leave a map of L's kind."""
        return (Freedom.SHARED,) * len(space.shapes)

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        """E L S for diagonal maps E = rows and S = columns; None: the identity."""
        e, s = (1.0 if each is None else each.multiple for each in (rows, columns))
        if e is not None and s is not None:
            return e * s * self
        L: LinearOperator = self if columns is None else self @ columns
        return L if rows is None else rows @ L

    @cached_property
    def multiple(self) -> float | None:
        """c if L is cI, else None."""
        return None

    def reciprocal(self) -> LinearOperator:
        """L⁻¹ of a diagonal map."""
        raise TypeError(f"{self!r} is no diagonal map")

    def times(self, v: Point) -> Point:
        """Lv of a diagonal map, for a v that broadcasts to x."""
        return self(v)

    def on_blocks(self, count: int) -> tuple[LinearOperator, ...]:
        """What a diagonal map is on each of so many blocks."""
        return (self,) * count

    def diagonal_blocks(self, count: int) -> tuple[LinearOperator, ...] | None:
        """Lᵢ of (x₁, …, xₙ) ↦ (L₁x₁, …, Lₙxₙ), so many; None: L is no such map."""
        return (self,) * count if self.multiple is not None else None

    # -- how it is inverted -----------------------------------------------------------------------

    @property
    def merged(self) -> LinearOperator:
        """The same map as one of a kind that is inverted, where its parts make one; see
        ``fusing``.
        """
        other = self._other_form
        return self if other is None else other

    @cached_property
    def _other_form(self) -> LinearOperator | None:
        """None: itself, which it had better not hold."""
        found = self.make_merged()
        return None if found is self else found

    def make_merged(self) -> LinearOperator:
        """``merged``, computed."""
        return self

    @property
    def is_direct(self) -> bool:
        """Whether ``solver`` names one, at no cost."""
        return self.solver is not None

    @property
    def solver(self) -> str | None:
        """How (I + αL)⁻¹ and L⁻¹ are found, in a few words; None: by Krylov's method."""
        return None

    def raised(self, c: float) -> LinearOperator:
        """L + cI."""
        from splitkit.linear.algebra import LinearSum  # both of maps
        from splitkit.linear.identity import ScaledIdentity  # that import this file

        return LinearSum.of(self, ScaledIdentity(c)) if c else self

    def inverted(self) -> LinearOperator:
        """L⁻¹ of a map of a space into itself that has one. Here: iterative.

        Raises
        ------
        TypeError
            No method is known for this map.
        numpy.linalg.LinAlgError
            L is singular to rounding.
        """
        if self.merged is not self:
            return self.merged.inverted()
        from splitkit.linear.iterative import Iterative  # which is a linear map

        return Iterative(self).inverted()

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        """(I + αL)⁻¹, made once; ``.T`` of it shares the factor. Here: iterative.

        Raises
        ------
        TypeError
            No method is known for this map.
        numpy.linalg.LinAlgError
            The factorization failed its residual check.
        """
        if self.merged is not self:
            return self.merged.shifted_inverse(alpha)
        from splitkit.linear.iterative import Iterative  # which is a linear map

        return Iterative(self).shifted_inverse(alpha)

    def samplewise_inverse(self, alpha: Scalar) -> LinearOperator:
        """(I + αL)⁻¹ for an array of α, one for each sample."""
        require_number(alpha, self)
        raise TypeError(f"alpha = {alpha!r}: give an array")

    @property
    def inverse_effort(self) -> tuple[float, float]:
        """Work of making (I + αL)⁻¹, and of applying it, in applications of L, about."""
        inherited = type(self).shifted_inverse is LinearOperator.shifted_inverse
        iterative = inherited and not self.is_direct
        return 0.0, KRYLOV_STEPS if iterative else 1.0

    def reflected_inverse(self, alpha: float) -> LinearOperator | None:
        """2(I + αL)⁻¹ − I as one map, where that is cheaper than applying the inverse."""
        return None

    def reflected_norm(self, alpha: float) -> float | None:
        """‖2(I + αL)⁻¹ − I‖ exactly, where that is computable."""
        return None

    def check_space(self, space: Space, name: str = "L") -> None:
        """Raise, naming the argument, if L does not act on this space."""

    def range_space(self, space: Space) -> Space:
        """The space of Lx for x in ``space``; raises if L does not act on it."""
        self.check_space(space)
        return space

    def domain_space(self, space: Space) -> Space:
        """The space of Lᵀy for y in ``space``; raises if Lᵀ does not act on it."""
        self.check_space(space)
        return space

    # -- algebra: what it makes are linear maps, of files that import this one --------------------

    def _times(self, c: float) -> LinearOperator:
        from splitkit.linear.algebra import LinearMultiple

        return LinearMultiple.of(c, self)

    def _plus(self, other: Any) -> LinearOperator:
        from splitkit.linear.algebra import LinearSum

        return LinearSum.of(self, other) if isinstance(other, LinearOperator) else NotImplemented

    def _after(self, other: Any) -> LinearOperator:
        from splitkit.linear.algebra import LinearProduct

        composes = isinstance(other, LinearOperator)
        return LinearProduct.of(self, other) if composes else NotImplemented


SPACES = ("check_space", "range_space", "domain_space")
act_where_declared(LinearOperator, SPACES)


def _by_parts(map: Callable[..., Point], L: LinearOperator, *points: Array) -> Array:
    """A real linear map of complex arrays."""
    xp = namespace(points[0])
    real, imaginary = (map(L, *[part(x) for x in points]) for part in (xp.real, xp.imag))
    return join(real, imaginary, xp)


def _from_outside(
    map: Callable[..., Point], L: LinearOperator, x: Point, *rest: Any, **named: Any
) -> Point:
    """Lx, if L acts on x."""
    return at_known(map, L, seen(L, x, L.check_space, possible_batch_axes(x)), *rest, **named)


def _from_the_other_side(
    map: Callable[..., Point], L: LinearOperator, y: Point, *rest: Any, **named: Any
) -> Point:
    """Lᵀy, if Lᵀ acts on y."""
    return at_known(map, L, seen(L, y, L.domain_space, possible_batch_axes(y), "y"), *rest, **named)


class SymmetricMap(LinearOperator):
    """Base of maps with Lᵀ = L."""

    acts_on_complex = True

    def adjoint(self, y: Point) -> Point:
        return self(y)

    @property
    def T(self) -> LinearOperator:
        return self


class ModifiedMap(LinearOperator):
    """Base of what is made of one map L, and known of it unless a subclass knows otherwise."""

    acts_on_complex = True

    def __init__(self, L: LinearOperator) -> None:
        self.L = L

    @cached_property
    def norm(self) -> float:
        return self.L.norm

    @cached_property
    def least_gain(self) -> float:
        return self.L.least_gain

    @cached_property
    def gram(self) -> float | None:
        return self.L.gram

    @cached_property
    def costly(self) -> bool:
        return self.L.costly

    @cached_property
    def properties(self) -> Properties:
        return self.L.properties

    def check_space(self, space: Space, name: str = "L") -> None:
        self.L.check_space(space, name)

    def range_space(self, space: Space) -> Space:
        return self.L.range_space(space)

    def domain_space(self, space: Space) -> Space:
        return self.L.domain_space(space)

    def write(self, s: Style) -> str:
        return s.called(self, repr(self.L))


class Adjoint(ModifiedMap):
    """Lᵀ, for maps that know no better: ⟨Lᵀx, x⟩ = ⟨x, Lx⟩, ‖Lᵀ‖ = ‖L‖, ‖Lᵀy‖² = ⟨LLᵀy, y⟩."""

    binding = FACTOR
    gram = None
    acts_on_complex = True

    @cached_property
    def least_gain(self) -> float:
        return math.sqrt(self.L.gram or 0.0)

    def __call__(self, x: Point) -> Point:
        return self.L.adjoint(x)

    def make_evaluation(self) -> Callable[[Point], Point]:
        return for_known(self.L.adjoint)

    def adjoint(self, y: Point) -> Point:
        return self.L(y)

    @property
    def T(self) -> LinearOperator:
        return self.L

    def squares(self) -> LinearOperator | None:
        squares = self.L.squares()
        return None if squares is None else squares.T

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        of_L = least(self.L.freedom(self.L.domain_space(space)))
        return (of_L if of_L is Freedom.EACH else Freedom.SHARED,) * len(space.shapes)

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        return self.L.scaled(columns, rows).T

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return self.L.adjoint_magnitudes(x, batch_ndim)

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return self.L.magnitudes(x, batch_ndim)

    def make_merged(self) -> LinearOperator:
        from splitkit.linear.fusing import transposed  # of maps that import this file

        return transposed(self.L.merged) or self

    @property
    def solver(self) -> str | None:
        return self.L.solver

    def inverted(self) -> LinearOperator:
        return self.L.inverted().T

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        return self.L.shifted_inverse(alpha).T

    def reflected_inverse(self, alpha: float) -> LinearOperator | None:
        reflected = self.L.reflected_inverse(alpha)
        return None if reflected is None else reflected.T

    def reflected_norm(self, alpha: float) -> float | None:
        return self.L.reflected_norm(alpha)

    def check_space(self, space: Space, name: str = "L") -> None:
        self.L.domain_space(space)

    def range_space(self, space: Space) -> Space:
        return self.L.domain_space(space)

    def domain_space(self, space: Space) -> Space:
        return self.L.range_space(space)

    def write(self, s: Style) -> str:
        return s(self.L, ATOM) + s.transpose


# by their maps' identities. A map that held its adjoint, which holds it, would outlive its use: its
# factorizations are large, and cycles are looked for by the number of objects alone
_ADJOINTS: WeakValueDictionary[int, Adjoint] = WeakValueDictionary()


Method = TypeVar("Method", bound=Callable[..., Any])


def _beyond_rounding(value: Array, size: Array) -> Array:
    """0 where the value is no larger than the rounding of what this size adds up to it."""
    xp = namespace(value)
    return xp.where(abs(value) > ROUNDING * xp.finfo(value.dtype).eps * size, value, 0.0 * value)


def kept_for_last_step(make: Method) -> Method:
    """A method of one step size, a number, whose result for the last one stays with the map: what
    is solved with L and with Lᵀ shares a factor.
    """
    name = f"_last_{make.__name__}"

    @wraps(make)
    def kept(self: LinearOperator, alpha: float) -> Any:
        if type(alpha) is not float:
            if is_traced(alpha) and not is_samplewise(alpha):
                return elsewhere(make, self, alpha)  # a trace is not to be kept
            if is_array(alpha) and make.__name__ != "reflected_inverse":
                return self.samplewise_inverse(alpha)
            require_number(alpha, self)
        last = vars(self).get(name)
        if last is None or last[0] != alpha:
            with folding():
                last = vars(self)[name] = alpha, make(self, alpha)
        return last[1]

    return kept  # type: ignore[return-value]


def acted_on_by(L: LinearOperator, x: Array) -> Array:
    """x, made complex where L acts on complex points alone."""
    space = Space.of(x, known_finite=True)
    if space.is_complex or takes(L, space) or not takes(L, space.complexified()):
        return x
    return complexified(x)


def takes(L: LinearOperator, space: Space) -> bool:
    """Whether L acts on a space."""
    try:
        L.check_space(space)
    except (TypeError, ValueError):
        return False
    return True


def is_samplewise(alpha: Scalar) -> bool:
    """Whether a step size is an array; a number that is traced is none."""
    return is_array(alpha) and not (is_traced(alpha) and alpha.ndim == 0)


def require_number(alpha: Scalar, L: LinearOperator) -> None:
    """Raise TypeError if the step size is an array."""
    if is_samplewise(alpha):
        raise TypeError(
            f"alpha is an array: {L!r} is inverted for one step size at a time; give a number"
        )


def rounded(m: float, size: float) -> float:
    """m, or 0 where it is no larger than rounding: what is 0 in exact arithmetic counts as 0."""
    return 0.0 if abs(m) <= size else m


def factors(S: LinearOperator | None) -> Any:
    """What a diagonal map of arrays multiplies by, a number or an array; None: the identity."""
    if S is None:
        return 1.0
    return S.entrywise if S.multiple is None else S.multiple


def least_in_metric(M: LinearOperator, S: LinearOperator) -> float | None:
    """A lower bound of ⟨SMSx, x⟩/‖x‖² for M monotone and S diagonal; None: M is not known to be."""
    m = M.properties.strong_monotonicity
    return None if m is None or m < 0 else m * S.least_gain**2
