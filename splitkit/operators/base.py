"""An operator: a relation A ⊆ H×H, known through its evaluation, its resolvent, or both."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from splitkit import backend
from splitkit.arguments import check_flag
from splitkit.arithmetic import Arithmetic
from splitkit.backend import Array, Point, Scalar, Space
from splitkit.looks import (
    OnComplex,
    act_where_declared,
    at_known,
    for_known,
    look_at_points,
    of_whole_points,
    possible_batch_axes,
    require_like,
    seen,
)
from splitkit.notation import Notation
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport
from splitkit.operators.solvable import Solvable, as_affine
from splitkit.properties import Constants, Properties

PointMap = Callable[[Point], Point]


class Operator(OnComplex, Constants, Arithmetic["Operator"], Notation):
    """A relation on a real Hilbert space; monotone is a property, not the type.

    A subclass states ``properties`` and gives ``__call__`` (if single-valued), ``make_resolvent``
    (if (I + αA)⁻¹ can be computed), or both. Everything else follows: sums ``A + B``, multiples
    ``c * A``, compositions ``A @ B``, ``A.inverse``, ``A.shift(v)``, ``A.translate(v)``,
    ``A.pullback(L)``, ``A.resolvent(alpha)``, ``A.cayley(alpha)``, with the constants tracked.

    Attributes
    ----------
    properties : Properties
        What is known of A, as numbers.

    Examples
    --------
    >>> A = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.zeros(2))
    >>> B = 2.0 * A + sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> print(A.strong_monotonicity, A.lipschitz)
    1.0 2.2361
    >>> B
    2 (DenseMatrix(2×2) − q) + N_Box(lower=-1, upper=1)
    """

    def __init_subclass__(cls, *, at_known_points: bool = False, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not at_known_points:
            look_at_points(cls, ("__call__",), _from_outside)
        act_where_declared(cls, ("check_space",))

    # -- what a subclass may give ------------------------------------------------------------

    def __call__(self, x: Point) -> Point:
        """The value A(x) of a single-valued operator: a point like x, which is not changed.

        Raises
        ------
        TypeError
            The operator is set-valued; its resolvent is what can be computed.
        """
        raise TypeError(f"{self!r} has no evaluation: it is set-valued; use its resolvent")

    def make_evaluation(self) -> PointMap:
        """The map x ↦ A(x), prepared once for many applications: an expression binds its parts."""
        return for_known(self.__call__)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        """The map y ↦ (I + αA)⁻¹y, prepared once (factored, say) for many applications.

        α is a number or an array of batch shape; for an elementwise A also one for each entry.
        """
        raise TypeError(f"{self!r} has no resolvent: define make_resolvent(alpha)")

    def make_inverse_resolvent(self, alpha: Scalar) -> PointMap:
        """The map y ↦ (I + αA⁻¹)⁻¹y, by Moreau's identity; override where a cheaper form is known.

        The identity holds for A maximal monotone.
        """
        resolvent = self.make_resolvent(1 / alpha)

        def moreau(y: Point) -> Point:
            return backend.lincomb(1.0, y, -alpha, resolvent(backend.scale(1 / alpha, y)))

        return moreau

    def make_cayley(self, alpha: Scalar) -> PointMap:
        """The map y ↦ 2R_{αA}y − y; override where a cheaper form is known."""
        resolvent = self.make_resolvent(alpha)
        return lambda y: backend.lincomb(2.0, resolvent(y), -1.0, y)

    def cayley_properties(self, alpha: float) -> Properties:
        """Properties of C_{αA}; override where more is known than the forms of A imply."""
        return self.properties.cayley(alpha)

    @property
    def solves_with_matrices(self) -> bool:
        """Whether ``solvable_with`` takes any matrix with a positive definite symmetric part."""
        return False

    @property
    def resolved_by(self) -> str | None:
        """The factorization that the resolvent uses, in a few words; None: a formula, or none."""
        return None

    def solvable_with(self, H: Any) -> Solvable | None:
        """How (A + H)x ∋ h is solved for x, with a linear map H, symmetric and positive
        semidefinite; None: no way is known. Nothing is factored before ``make`` is called.
        """
        affine = as_affine(self)
        if affine is not None and affine is not self:
            found: Solvable | None = affine.solvable_with(H)
            return found
        if not (self.has_resolvent and self.properties.monotone):
            return None
        D = H.merged
        if D.multiple is not None and D.multiple > 0:
            step = 1 / D.multiple

            def make() -> PointMap:
                resolvent = self.make_resolvent(step)
                return lambda h: resolvent(backend.scale(step, h))

            return Solvable("its resolvent", make)
        if self.elementwise and D.entrywise is not None and backend.extremes(D.entrywise)[0] > 0:
            steps = 1 / D.entrywise
            return Solvable("its resolvent, entry by entry", lambda: self._stepwise(steps))
        return None

    def _stepwise(self, steps: Array) -> PointMap:
        """h ↦ R_{SA}(Sh) with S = diag(steps), of an elementwise A."""
        prepared: dict[tuple[int, ...], PointMap] = {}  # of points of this shape

        def solve(h: Array) -> Array:
            shape = tuple(h.shape)
            if shape not in prepared:
                prepared[shape] = self.make_resolvent(steps + backend.zeros(shape, h))
            return prepared[shape](steps * h)

        return solve

    def check_space(self, space: Space) -> None:
        """Raise TypeError or ValueError, naming the argument, if A does not act on this space."""

    def offset(self, x: Point) -> Point | None:
        """A0, in the space of x, or −A0, as far as it is known: a part of a sum, or some blocks;
        None: nothing is, or A may not be defined there.
        """
        return None

    @property
    def traced(self) -> PointMap:
        """The map that ``trace`` of a composition applies: A, seen by who watches it."""
        return self

    def trace(self, x: Point) -> tuple[Point, tuple[Point, ...]]:
        """A(x), and what each factor of a composition returned on the way, innermost first."""
        return self(x), ()

    @property
    def elementwise(self) -> bool:
        """Whether each entry of A(x) depends on that entry of x alone; ``make_resolvent`` then
        takes a step for each entry too, an array with as many axes as x.
        """
        return False

    @property
    def polyhedral(self) -> bool:
        """Known to be the subdifferential of a piecewise linear function on a polyhedron, a
        constant or a skew linear map: zeros of sums of these are those of linear programs.
        """
        return self.properties.skew or self.properties.lipschitz == 0

    @property
    def has_evaluation(self) -> bool:
        """Whether A(x) can be computed."""
        return type(self).__call__ is not Operator.__call__

    @property
    def has_resolvent(self) -> bool:
        """Whether (I + αA)⁻¹ can be computed."""
        return type(self).make_resolvent is not Operator.make_resolvent

    @property
    def resolvent_effort(self) -> tuple[float, float]:
        """Work of preparing a resolvent, and of applying it, in evaluations of A, about."""
        return 0.0, 1.0

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        """A bound of sup ⟨x, v⟩ + ⟨a, d⟩ over a ∈ A(x), at the nearest (v, d) that has one."""
        return GraphSupport.nothing(v, d, space)

    # -- membership -----------------------------------------------------------------------------

    @of_whole_points
    def graph_residual(
        self, x: Point, u: Point, *, alpha: Scalar | None = None, batch_ndim: int = 0
    ) -> Array:
        """‖x − R_{αA}(x + αu)‖, of batch shape; without a resolvent α‖A(x) − u‖.

        For A monotone it is 0 exactly where u ∈ A(x), whatever α > 0. The default α makes αu, or
        what A(x) adds up, as large as x: so the residual is in the units of x.

        Raises
        ------
        TypeError
            Neither is known.
        ValueError
            A does not act on points like x, or u is not like x.
        """
        space = self._pair_space(x, u, batch_ndim)
        alpha = self._unit(x, u, space) if alpha is None else alpha
        return self._graph_distance(x, u, alpha, batch_ndim)

    @of_whole_points
    def contains(
        self,
        x: Point,
        u: Point,
        tol: float | None = None,
        *,
        alpha: Scalar | None = None,
        batch_ndim: int = 0,
    ) -> Array:
        """Whether u ∈ A(x), to rounding: a boolean array of batch shape.

        It compares ``graph_residual`` with tol · max(‖x‖, α‖u‖).

        Parameters
        ----------
        x, u : point
        tol : float, optional
            Default 1e-8 (1.2e-5 in float32).
        alpha : float, optional
            How much a unit of u counts against one of x. Default: so much that αu, or what A(x)
            adds up, is as large as x; so it does not depend on units. Where u may be rounding
            alone, as (y − R_{αA}y)/α at an interior point, give that α.
        batch_ndim : int
            Leading batch axes.

        Raises
        ------
        TypeError, ValueError
            As for ``graph_residual``.
        """
        space = self._pair_space(x, u, batch_ndim)
        if tol is None:
            tol = max(1e-8, 100 * float(space.xp.finfo(space.dtype).eps))
        size = space.norm(u)
        if alpha is None:
            alpha = self._unit(x, u, space)
            size = space.xp.maximum(size, self._element_size(x, space))
        size = space.xp.maximum(space.norm(x), alpha * size)
        return self.graph_residual(x, u, alpha=alpha, batch_ndim=batch_ndim) <= tol * size

    def _graph_distance(self, x: Point, u: Point, alpha: Scalar, batch_ndim: int) -> Array:
        """``graph_residual`` at this α."""
        space = self._pair_space(x, u, batch_ndim)
        if self.has_resolvent and self.properties.monotone:
            moved = backend.lincomb(1.0, x, alpha, u)
            return space.norm(backend.subtract(x, self.make_resolvent(alpha)(moved)))
        if not self.has_evaluation:
            raise TypeError(
                f"whether u ∈ A(x) for A = {self!r} cannot be told: it has no evaluation, and no "
                "resolvent of a monotone operator"
            )
        return space.norm(backend.scale(alpha, backend.subtract(self(x), u)))

    def _unit(self, x: Point, u: Point, space: Space) -> Scalar:
        """α with ‖x‖ = αS, S the larger of ‖u‖ and of what A(x) adds up; ‖x‖ of where A bends at
        x = 0. Where one of them is 0, 1/L, or what is long beside any S, or makes αS one.
        """
        xp, L = space.xp, self.properties.lipschitz
        X = space.norm(x)
        X = xp.where(X > 0, X, known_size(self.place(), x, space))
        S = xp.maximum(space.norm(u), self._element_size(x, space))
        known = (X > 0) & (S > 0)
        S = xp.where(S > 0, S, math.pow(xp.finfo(space.dtype).max, -0.4))
        otherwise = 1 / L + 0.0 * S if L else 1 / S
        alpha = xp.where(known, xp.where(X > 0, X, 1.0) / S, otherwise)
        return alpha if space.batch_ndim else float(alpha)

    def _element_size(self, x: Point, space: Space) -> Array:
        """How large what is added up in an element of A(x) is, where that is known; else 0."""
        if not self.has_evaluation:
            return known_size(self.data(), x, space)
        try:
            sizes = [known_size(of, x, space) for of in (self(x), self.offset(x))]
        except (ArithmeticError, ValueError):  # x need not be in the domain of A
            return 0.0 * space.norm(x)
        return space.xp.maximum(*sizes)

    def _pair_space(self, x: Point, u: Point, batch_ndim: int) -> Space:
        space = Space.of(x, batch_ndim, name="x")
        space.check_point(u, "u")
        self.check_space(space)
        return space

    # -- algebra: what it makes are operators, of files that import this one ----------------------

    def resolvent(self, alpha: Scalar) -> Operator:
        """R_{αA} = (I + αA)⁻¹ for α > 0 (a number, or an array of the batch's shape)."""
        from splitkit.operators.resolvent import Resolvent

        return Resolvent(self, alpha)

    def cayley(self, alpha: Scalar) -> Operator:
        """C_{αA} = 2R_{αA} − I for α > 0 (a number, or an array of the batch's shape)."""
        from splitkit.operators.resolvent import Cayley

        return Cayley(self, alpha)

    @property
    def inverse(self) -> Operator:
        """A⁻¹, the relation with its pairs swapped; its resolvent by Moreau's identity."""
        from splitkit.operators.inverse import Inverse

        return Inverse(self)

    def shift(self, v: Point) -> Operator:
        """x ↦ A(x) − v."""
        from splitkit.operators.translation import Shift

        return Shift(self, v)

    def translate(self, v: Point) -> Operator:
        """x ↦ A(x − v)."""
        from splitkit.operators.translation import Translation

        return Translation(self, v)

    def pullback(self, L: Any) -> Operator:
        """x ↦ Lᵀ A(Lx) for a linear map L, or a matrix that ``linear.wrap`` makes one of."""
        from splitkit.operators.pullback import pullback

        return pullback(self, L)

    def in_metric(self, S: Any) -> Operator | None:
        """S A S for an invertible S = diag(s), where A has a rule of its own for it; see
        ``operators.pullback.in_metric``.
        """
        return None if S.multiple is None else self.scale_argument(S.multiple)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        """Of each block of x: what S may be so that ``in_metric`` keeps the resolvent."""
        on_arrays = self.elementwise and not space.is_tuple
        free = on_arrays or not self.has_resolvent
        return (Freedom.EACH if free else Freedom.SHARED,) * len(space.shapes)

    def make_variance(self) -> PointMap | None:
        """v ↦ the variances of the entries of A(x), about, where those of x vary independently with
        variances v; None: what is known of A does not tell.
        """
        L = self.properties.lipschitz
        return None if L is None or not 0 < L < math.inf else partial(backend.scale, L * L)

    def magnitudes(self, x: Point, batch_ndim: int) -> Point | None:
        """Entry by entry, the sizes of what adds up to A(x), for an A that can be evaluated; None:
        nothing is known to be added up in it.
        """
        return None

    def data(self) -> Point | None:
        """What A(x) holds that x does not change: q of Mx − q, up to its sign; None: unknown. Of
        a tuple, what is unknown of a block is None too.
        """
        return None

    def place(self) -> Point | None:
        """Where in x A(x) bends, about: v of A(x − v), bounds; None as of ``data``."""
        return None

    def pinned(self) -> Any:
        """Where A is the normal cone of a set that allows the entries of x one value only: True,
        False, or 1 and 0 for each entry; of tuples for each block.
        """
        return False

    def scale_argument(self, s: float) -> Operator:
        """x ↦ s A(s x), monotone with A for every s ≠ 0; ``(1 / s) * A.scale_argument(s)`` is
        x ↦ A(s x).
        """
        from splitkit.operators.scaled_argument import scale_argument

        return scale_argument(self, s)

    def yosida(self, gamma: float) -> Operator:
        """A_γ = (I − R_{γA})/γ, the Yosida approximation of index γ > 0."""
        from splitkit.operators.yosida import yosida

        return yosida(self, gamma)

    def parallel(self, other: Operator) -> Operator:
        """A □ B = (A⁻¹ + B⁻¹)⁻¹, the parallel sum."""
        from splitkit.operators.parallel import parallel_sum

        return parallel_sum(self, other)

    def partial_inverse(self, V: Operator) -> Operator:
        """A_V, Spingarn's partial inverse; V is the normal cone of a linear subspace."""
        from splitkit.operators.partial_inverse import PartialInverse

        return PartialInverse(self, V)

    def _times(self, c: float) -> Operator:
        from splitkit.operators.combination import combine

        return combine(0.0, c, self)

    def _plus(self, other: Any) -> Operator:
        from splitkit.operators.sum import add_operators

        return add_operators(self, other) if isinstance(other, Operator) else NotImplemented

    def _after(self, other: Any) -> Operator:
        from splitkit.operators.composition import Composition

        return Composition.of(self, other) if isinstance(other, Operator) else NotImplemented

    @staticmethod
    def from_callable(
        f: PointMap | None = None,
        *,
        resolvent: Callable[[Point, Scalar], Point] | None = None,
        monotone: bool = False,
        strong_monotonicity: float | None = None,
        lipschitz: float | None = None,
        cocoercivity: float | None = None,
        gradient: bool = False,
        maximal: bool = False,
        name: str | None = None,
    ) -> Operator:
        """An operator from a function x ↦ A(x), a function (y, alpha) ↦ (I + αA)⁻¹y, or both.

        The constants are believed as declared; ``splitkit.testing.check_operator`` looks for pairs
        that contradict them. A continuous monotone operator is known to be maximal.

        Raises
        ------
        TypeError
            Neither function is given, one is not callable, or a flag is no bool.
        ValueError
            A constant is out of range, or two contradict each other.
        """
        from splitkit.operators.callables import CallableOperator

        for flag, value in (("monotone", monotone), ("gradient", gradient), ("maximal", maximal)):
            check_flag(flag, value)
        label = name or str(getattr(f or resolvent, "__name__", "A"))
        try:
            properties = Properties.of(
                monotone=monotone,
                strong_monotonicity=strong_monotonicity,
                lipschitz=lipschitz,
                cocoercivity=cocoercivity,
                gradient=gradient,
                maximal=maximal,
            )
        except ValueError as error:
            raise ValueError(f"{label}: {error}") from None
        return CallableOperator(f, resolvent, properties, label)


act_where_declared(Operator, ("check_space",))


def known_size(known: Any, x: Point, space: Space) -> Array:
    """The norm of what is known of a point like x; None, and what is not finite, count as 0."""
    xp = space.xp

    def filled(part: Any, block: Array) -> Array:
        if part is None:
            return 0.0 * block
        whole = part + 0.0 * block
        return xp.where(xp.isfinite(whole), whole, 0.0 * block)

    if not isinstance(x, tuple):
        return space.norm(filled(known, x))
    parts = known if isinstance(known, tuple) else (known,) * len(x)
    return space.norm(tuple(map(filled, parts, x)))


def _from_outside(
    map: Callable[..., Point], A: Operator, x: Point, *rest: Any, **named: Any
) -> Point:
    """A(x), if A acts on x, however many of its axes are batch, and gives a point like it."""
    x = seen(A, x, A.check_space, possible_batch_axes(x))
    return require_like(A, x, at_known(map, A, x, *rest, **named))
