"""Functions: value, proximal map, gradient, conjugate; convex unless they say otherwise.

prox_{αf}(y) = argmin_x f(x) + ‖x − y‖²/(2α) = (I + α∂f)⁻¹ y
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import KW_ONLY, replace
from functools import lru_cache, partial
from typing import Any, ClassVar

import numpy as np

from splitkit import backend
from splitkit.arguments import (
    NON_NEGATIVE,
    POSITIVE,
    check_broadcast,
    check_held,
    check_integer,
    check_number,
    check_parameter,
    check_samplewise,
    option,
)
from splitkit.arithmetic import Arithmetic
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    are_values_at_hand,
    as_float,
    blocks,
    clip,
    device,
    is_array,
    is_complex,
    is_traced,
    lincomb,
    namespace,
    norm,
    scale,
    solving,
    subtract,
    with_derivative,
)
from splitkit.functions.declared import (
    Declared,
    parameter as parameter,
    required as required,
    show as show,
)
from splitkit.functions.inner.hessians import of_moduli
from splitkit.linear.affine import Affine
from splitkit.linear.base import LinearOperator
from splitkit.linear.diagonal import Diagonal
from splitkit.linear.wrapped import is_map, wrap
from splitkit.looks import (
    OnComplex,
    act_where_declared,
    at_known,
    check_step,
    construct_whole,
    follow,
    look_at_points,
    require_like,
    seen,
)
from splitkit.notation import Style
from splitkit.operators.base import PointMap
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport, magnitude
from splitkit.operators.solvable import Solvable
from splitkit.properties import Properties

ROUNDINGS = 64  # units of rounding of what is added up within which a constraint counts as met
EQUAL = 1e-15  # of two constants that are equal in exact arithmetic


class Function(OnComplex, Arithmetic["Function"], Declared):
    """A closed proper function on points, convex unless ``convex`` is False.

    A subclass declares its parameters (``parameter``), gives ``__call__`` and ``prox``,
    and ``gradient`` if it is smooth, and states what it knows: ``strong_convexity``,
    ``smoothness``. Its arrays have dtype and device of the points.

    Parameters
    ----------
    batch_ndim : int, keyword
        Leading axes of a point that index independent problems, 0 or more: values have their shape.

    Raises
    ------
    TypeError, ValueError
        A parameter is of another kind, or beyond the range that is named; at a point, arrays do
        not fit it.

    Attributes
    ----------
    convex : bool
        False: ∂f is not known to be monotone, methods find no theorem, f has no useful conjugate;
        ``prox`` returns one of the global minimizers.
    strong_convexity : float
        m such that f − m/2‖·‖² is convex; negative for weakly convex f, −inf if there is none.
    smoothness : float or None
        L such that the gradient is L-Lipschitz; None: not smooth, or unknown.
    smooth_inside : bool
        ∇f is known in the interior of the domain alone, NaN elsewhere, and not Lipschitz: methods
        take the prox, to them ∂f is set-valued.
    supercoercive : bool
        f(x)/‖x‖ → ∞ is known, so that f* is finite everywhere; of strongly convex f it is anyway.
    elementwise : bool
        prox acts on each entry by itself, so that it does not depend on what is batch.
    polyhedral : bool
        Its epigraph is known to be a polyhedron: f is piecewise linear on a polyhedron.
    sublinear : bool
        f(tx) = tf(x) for t ≥ 0 is known, as of a norm: f is the support function of a set.
    parameters : tuple of str
        Names of the attributes that must broadcast to points if they are arrays: those declared.
    samplewise : tuple of str
        Names of those that have batch shape if they are arrays.
    accuracy : float or None
        Of the prox, relative to the size of its argument; None: to rounding.
    prox_effort : float
        Work of the prox, in evaluations of the gradient of such a function: 1 of a closed form.
    operator : Operator or None
        ∂f as an operator with a resolvent and a Cayley operator of its own, where those are
        cheaper than ``prox``.
    of_moduli : bool
        f(x) = φ(|x|), of the moduli of the entries, as f is even in each; so it is of complex x,
        with prox_f(x) = (x/|x|) ⊙ prox_φ(|x|), and likewise ∇f, f* and projections.

    Examples
    --------
    >>> f = sk.functions.L1Norm() + 2.0 * sk.functions.SquaredL2()
    >>> x = np.array([1.0, -2.0])
    >>> print(f(x), f.strong_convexity)
    8.0 2.0
    """

    _: KW_ONLY
    batch_ndim: int = option(0, check_integer, least=0, repr=False)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        rule = _by_moduli if cls.of_moduli else None
        look_at_points(cls, LOOKING, _from_outside, rule)
        if rule is not None:
            follow(cls, RULED, rule)
        act_where_declared(cls, ("check_space",))
        construct_whole(cls)

    def __call__(self, x: Point) -> Array:
        """f(x), of batch shape; inf outside the domain."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")

    def value(self, x: Point, *, feasibility_tol: float | None = None) -> Array:
        """f(x), where constraints, those of f's domain too, are met within ``feasibility_tol``
        times the size of what cancels in them; None: to rounding, as in f(x).
        """
        if feasibility_tol is not None:
            check_number("feasibility_tol", feasibility_tol, NON_NEGATIVE)
        token = _FEASIBILITY.set(feasibility_tol)
        try:
            return self(x)
        finally:
            _FEASIBILITY.reset(token)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        """prox_{αf}(x), for a number α > 0 or an array of batch shape; x is not changed."""
        raise TypeError(f"{self!r} has no proximal map in closed form")

    def gradient(self, x: Point) -> Point:
        """∇f(x), like x; if ``smooth_inside``, NaN where x is not inside the domain."""
        raise TypeError(f"{self!r} is not differentiable: use its prox")

    def hessian(self, x: Point) -> LinearOperator:
        """∇²f(x), a symmetric linear map, which multiplies, adds to others and is inverted as these
        are; where ∇f has a kink, one of its generalized derivatives (Clarke).

        Raises
        ------
        TypeError
            f is not differentiable, or no formula of its second derivative is known.
        ValueError
            x is not inside the domain.

        Examples
        --------
        >>> f = sk.functions.Logistic() @ np.array([[1.0, 2.0], [0.0, 1.0]])
        >>> x = np.array([0.0, 0.0])
        >>> H = f.hessian(x)
        >>> print(H(np.array([1.0, 0.0])), H.inverted()(f.gradient(x)))
        [0.25 0.5 ] [ 2. -2.]
        """
        return self.make_hessian(x)

    def make_hessian(self, x: Point) -> LinearOperator:
        """``hessian`` at a point that is known; of an elementwise f ``curvatures`` are enough."""
        if type(self).curvatures is not Function.curvatures:
            return self._of_curvature(x)
        known = self.affine_gradient
        if known is None:
            raise TypeError(f"{self!r} has no second derivative in closed form: difference ∇f")
        return known.M

    def curvatures(self, x: Array) -> Scalar:
        """φᵢ″(xᵢ) of f(x) = Σφᵢ(xᵢ); at real x, also where f is of moduli."""
        raise TypeError(f"{self!r} has no second derivative in closed form")

    def _inside(self, derivative: Array) -> Array:
        """What was computed at x, if x is inside the domain."""
        if self.smooth_inside and are_values_at_hand(derivative):
            xp = namespace(derivative)
            if bool(xp.any(xp.isnan(derivative))):
                raise ValueError(
                    f"{self!r} has no second derivative at x, which is not inside its domain: give "
                    "an x that is, as its prox returns, and shorten steps that leave it"
                )
        return derivative

    def _of_curvature(self, x: Array) -> LinearOperator:
        if not is_complex(x):
            return Diagonal(self._inside(self.curvatures(x) + namespace(x).zeros_like(x)))
        size = abs(x)
        zero = namespace(x).zeros_like(size)
        return of_moduli(self.curvatures(size) + zero, self.gradient(size) + zero, size, x)

    @property
    def has_hessian(self) -> bool:
        """Whether the second derivative can be computed."""
        own = type(self).make_hessian is not Function.make_hessian
        by_entries = type(self).curvatures is not Function.curvatures
        return self.has_gradient and (own or by_entries or self.affine_gradient is not None)

    def gradient_at_zero(self, x: Point) -> Point:
        """∇f(0), like x; override where its rounding can be told from it."""
        return self.gradient(scale(0.0, x))

    def value_and_gradient(self, x: Point) -> tuple[Array, Point]:
        """f(x) and ∇f(x); override where they share work, as Lx does in f(Lx) and Lᵀ∇f(Lx)."""
        return self(x), self.gradient(x)

    def make_prox(self, alpha: Scalar) -> PointMap:
        """x ↦ prox_{αf}(x) for one step size, checked once; override where more can be prepared."""
        known = getattr(type(self).prox, "at_known_points", None)
        if known is None:
            return lambda x: self.prox(x, alpha)
        return partial(known, self, alpha=check_parameter("alpha", alpha, POSITIVE))

    @property
    def has_prox(self) -> bool:
        """Whether the proximal map can be computed."""
        return type(self).prox is not Function.prox

    @property
    def has_gradient(self) -> bool:
        """Whether the gradient can be computed, if ``smooth_inside`` where f is smooth."""
        return type(self).gradient is not Function.gradient

    @property
    def has_affine_gradient(self) -> bool:
        """Known to be (ρ/2)‖·‖² + ⟨a, ·⟩ + const, because it is ρ-strongly convex and ρ-smooth."""
        m, L = self.strong_convexity, self.smoothness
        return L is not None and L - m <= EQUAL * L

    solves_with_matrices = False  # that ``solvable_with`` takes any monotone matrix

    def solvable_with(self, H: LinearOperator) -> Solvable | None:
        """How f + ½⟨x, Hx⟩ − ⟨h, x⟩ is minimized, by a way of f's own; see ``Operator``."""
        return None

    @property
    def prox_by(self) -> str | None:
        """What the prox of a quadratic f is computed by, in a few words; None: by a formula."""
        known = self.affine_gradient
        return None if known is None or self.elementwise else known.resolved_by

    @property
    def affine_gradient(self) -> Affine | None:
        """∇f as an operator x ↦ Mx − q, of a quadratic f; None: f is not known to be one."""
        return self.operator if isinstance(self.operator, Affine) else None

    @property
    def properties(self) -> Properties:
        """Properties of ∂f; for weakly convex f, m-monotone with m < 0."""
        smoothness = None if self.smoothness == math.inf else self.smoothness
        return _subdifferential_properties(self.strong_convexity, smoothness, self.convex)

    def in_metric(self, S: Any) -> Function | None:
        """x ↦ f(Sx) for S = diag(s) > 0, where f is of a kind that has a prox then too."""
        return None

    def freedom(self, space: Space) -> tuple[Freedom, ...] | None:
        """Of each block of x: what S may be in ``in_metric``; None: f has no rule of its own."""
        return None

    def make_variance(self) -> PointMap | None:
        """v ↦ the variances of the entries of ∇f(x), about, where those of x vary independently
        with variances v; None: what is known of f does not tell.
        """
        L = self.smoothness
        return None if L is None or not 0 < L < math.inf else partial(scale, L * L)

    @property
    def domain(self) -> Indicator | None:
        """The closure of f's domain; None: all points, or unknown."""
        return None

    @property
    def slopes(self) -> Indicator | None:
        """The closure of what the subgradients of f are, which is that of the domain of f*; None:
        all points, or unknown. Its support function is f's recession function.
        """
        dual = self.conjugate if self.convex else None
        return dual if isinstance(dual, Indicator) else None

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        """That of ∂f: at most the supports of its domain at v and of its slopes at d."""
        known = GraphSupport.nothing(v, d, space)
        if self.domain is not None:
            of_v = self.domain.graph_support(v, known.d, space)
            known = replace(known, v=of_v.v, v_size=of_v.v_size, value=of_v.value)
        if self.slopes is not None:
            of_d = self.slopes.graph_support(d, scale(0.0, d), space)
            value = known.value + of_d.value
            known = replace(known, d=of_d.v, d_size=of_d.v_size, value=value)
        return known

    def data(self) -> Point | None:
        """Of what size its subgradients are, where that is known; see ``Operator``."""
        return self.slopes.place() if self.elementwise and self.slopes is not None else None

    def place(self) -> Point | None:
        """Where in x something happens to f, about, as bounds of x; None: that is not known."""
        return None

    def check_space(self, space: Space) -> None:
        """Raise TypeError or ValueError, naming the argument, if f does not act on this space."""
        self.check_batch(space)
        if space.is_tuple:
            raise TypeError(
                f"{self!r} acts on one array, but x0 is a tuple: give SeparableSum one function "
                "for each block"
            )
        self.check_parameters(space)
        self.check_axes(space)

    def check_batch(self, space: Space) -> None:
        """Raise ValueError if f couples entries of different samples."""
        if not self.elementwise and self.batch_ndim != space.batch_ndim:
            raise ValueError(
                f"{self!r} has batch_ndim = {self.batch_ndim}, but the problem has "
                f"{space.batch_ndim}: it couples entries, so make it with "
                f"batch_ndim={space.batch_ndim}"
            )

    def check_axes(self, space: Space) -> None:
        """Raise ValueError if f does not act on the last axes of points; see ``vectors``."""

    def check_parameters(self, space: Space) -> None:
        """Raise unless the arrays among the declared parameters can be combined with points."""
        for name in (*self.parameters, *self.samplewise):
            value, label = getattr(self, name), f"{name} of {self!r}"
            if not is_array(value):
                check_held(label, value, space)
                continue
            space.check_array(value, label)
            check = check_samplewise if name in self.samplewise else check_broadcast
            check(label, value, space)

    @property
    def conjugate(self) -> Function:
        """f*(u) = sup_x ⟨u, x⟩ − f(x), with the proximal map by Moreau's identity.

        Raises
        ------
        TypeError
            f is not convex.
        """
        from splitkit.functions.calculus.conjugate import Conjugate  # a Function, as what follows

        return Conjugate(self)

    def conjugate_value(self, u: Point) -> Array:
        """f*(u), of batch shape; inf outside the domain, within rounding of which counts as inside.

        Raises
        ------
        TypeError
            No formula is known.
        """
        raise TypeError(f"the value of ({self!r})* has no formula here: only its prox is known")

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        """prox_{αf*}(x), by Moreau's identity; override where rounding would leave f*'s domain."""
        return lincomb(1.0, x, -alpha, self.prox(scale(1 / alpha, x), 1 / alpha))

    # -- calculus: what it makes are functions, of files that import this one ----------------------

    def translate(self, v: Point) -> Function:
        """x ↦ f(x − v)."""
        from splitkit.functions.calculus.translated import Translated

        return Translated(self, v)

    def along(self, axes: int | Sequence[int], weights: Array | None = None) -> Function:
        """x ↦ Σ wᵢf(xᵢ), xᵢ the vectors along a negative axis of x, or the arrays along several;
        see ``Along``. f itself, if it is the same for each entry and no weights are given.
        """
        from splitkit.functions.calculus.along import along

        is_uniform = self.elementwise and not any(map(is_array, vars(self).values()))
        return self if is_uniform and weights is None else along(self, axes, weights)

    def on(self, groups: Sequence[Sequence[int]], weights: Array | None = None) -> Function:
        """x ↦ Σ w_g f(x_g), x_g the entries along the last axis that a list of indices names; see
        ``OnGroups``.
        """
        from splitkit.functions.calculus.on_groups import on

        return on(self, groups, weights)

    def _times(self, c: float) -> Function:
        from splitkit.functions.calculus.scaled import Scaled

        return Scaled(c, self)

    def _plus(self, other: Any) -> Function:
        from splitkit.functions.calculus.raised import Raised
        from splitkit.functions.calculus.sums import SumOfFunctions

        if isinstance(other, Function):
            return SumOfFunctions.of(self, other)
        constant = as_float(other)
        return NotImplemented if constant is None else Raised.of(self, check_number("c", other))

    def _after(self, other: Any) -> Function:
        from splitkit.functions.calculus.composed import Composed

        return Composed(self, wrap(other, argument="L")) if is_map(other) else NotImplemented

    def __radd__(self, other: object) -> Function:
        total = self._plus(other)
        if total is NotImplemented:
            total = self._unlike(other)
        return total

    def __sub__(self, other: object) -> Function:
        if not isinstance(other, Function):
            constant = as_float(other)
            return NotImplemented if constant is None else self._plus(-check_number("c", other))
        if not other.has_affine_gradient:
            raise TypeError(
                f"f − g with g = {other!r}: that is a function here only if ∇g is affine, as of "
                "SquaredL2 and linear functions (smoothness = strong_convexity); to minimize a "
                "difference, subtract the linear function ⟨∇g(x), ·⟩ at the last x, again and again"
            )
        return self._plus(-other)


@lru_cache(maxsize=256)
def _subdifferential_properties(m: float, smoothness: float | None, convex: bool) -> Properties:
    if convex and m < 0:
        raise ValueError(
            f"strong_convexity = {m} with convex = True: a weakly convex function says False"
        )
    return Properties.of(
        strong_monotonicity=m if convex or -math.inf < m < 0 else None,
        lipschitz=smoothness,
        gradient=convex,  # methods take it for the subdifferential of a convex function
        maximal=convex,
    )


# a function's methods of one point of the space on which it acts
LOOKING = (
    "__call__",
    "prox",
    "gradient",
    "project",
    "reflect",
    "support_point",
    "kl_project",
    "violation",
    "within",
    "conjugate_value",
    "conjugate_prox",
)
OF_VALUES = frozenset(
    {"__call__", "violation", "within", "conjugate_value", "cancelling", "hessian"}
)
RULED = ("recession", "cancelling")  # as those, where points are complex


def _by_moduli(
    method: Callable[..., Any], f: Function, x: Array, *rest: Any, **named: Any
) -> Array:
    """What a method of an f that is even in each entry returns for a complex x: the value at |x|,
    or the point at |x| with the phases of x, where it has some.
    """
    xp, size = namespace(x), abs(x)
    value = method(f, size, *rest, **named)
    if method.__name__ in OF_VALUES or value is None:
        return value
    with np.errstate(invalid="ignore"):  # what is infinite has no phase: NaN, unless it stays
        unit = xp.where(size > 0, x / xp.where(size > 0, size, xp.ones_like(size)), xp.ones_like(x))
        return xp.where(value == size, x, unit * value)


def _from_outside(
    method: Callable[..., Any], f: Function, x: Point, *rest: Any, **named: Any
) -> Any:
    """What the method returns, if f acts on x, and takes the step."""
    name = method.__name__
    if name in ("prox", "conjugate_prox") and (rest or "alpha" in named):
        alpha, *rest = rest or (named.pop("alpha"),)  # type: ignore[assignment]
        named["alpha"] = _checked_step(f, x, alpha, name)
    x = seen(f, x, f.check_space, (f.batch_ndim,))
    value = at_known(method, f, x, *rest, **named)
    if name in ("project", "prox") and isinstance(f, Indicator) and f.subtracts:
        near = value
        with solving(near):
            again = without_rounding(
                lambda y: at_known(method, f, y, *rest, **named), near, f.batch_ndim
            )
        value = with_derivative(again, (x,), lambda: near)
    return value if name in OF_VALUES else require_like(f, x, value, f"the {name} of ")


def without_rounding(project: PointMap, near: Point, batch_ndim: int) -> Point:
    """The projection of near, itself a projection, and so on while sizes fall: what each takes out
    is the rounding of a point farther away.
    """
    while True:
        nearest = project(near)
        if not all(map(are_values_at_hand, blocks(nearest))):
            return nearest
        before, now = norm(near, batch_ndim), norm(nearest, batch_ndim)
        if not bool(namespace(now).any(2 * now < before)):
            return nearest
        near = nearest


def _checked_step(f: Function, x: Point, alpha: Scalar, name: str) -> Scalar:
    if type(alpha) is float and 0 < alpha < math.inf:
        return alpha
    if not is_array(alpha) or as_float(alpha) is not None:
        return check_parameter("alpha", alpha, POSITIVE)
    return check_step(alpha, x, f.batch_ndim, elementwise=f.elementwise, name=f"{name} of {f!r}")


look_at_points(Function, ("conjugate_prox", "hessian"), _from_outside)
act_where_declared(Function, ("check_space",))


class Modified(Function):
    """Base of the functions made of one other, f, by a formula of their own: they act where f acts,
    and can do what f can.
    """

    def __init__(self, f: Function) -> None:
        self.f = f
        self.batch_ndim, self.elementwise, self.convex = f.batch_ndim, f.elementwise, f.convex
        self.accuracy, self.smooth_inside = f.accuracy, f.smooth_inside

    @property
    def has_prox(self) -> bool:
        return self.f.has_prox

    @property
    def has_gradient(self) -> bool:
        return self.f.has_gradient

    @property
    def has_hessian(self) -> bool:
        return type(self).make_hessian is not Function.make_hessian and self.f.has_hessian

    def check_space(self, space: Space) -> None:
        self.f.check_space(space)

    def write(self, s: Style) -> str:
        return s.called(self, repr(self.f))


class Indicator(Function):
    """0 on a closed convex set C, inf outside; its prox is the projection, whatever α.

    A subclass gives ``project``, ``reflect(x)`` = 2 project(x) − x where that is cheaper,
    ``conjugate_value``, the support function, where it has a formula, and ``bounded`` or
    ``recession``.

    Attributes
    ----------
    bounded : bool
        Known to be bounded.
    subtracts : bool
        The projection subtracts from its argument, with the rounding of that: a direct call
        projects twice.

    Examples
    --------
    >>> C = sk.functions.L2Ball(1.0)
    >>> print(C.project(np.array([3.0, 4.0])))
    [0.6 0.8]
    """

    bounded: ClassVar[bool] = False
    subtracts: ClassVar[bool] = False

    def project(self, x: Point) -> Point:
        """The point of C nearest to x."""
        raise NotImplementedError(f"{type(self).__name__} must define project")

    def support_point(self, v: Point) -> Point:
        """A point of C at which ⟨v, ·⟩ is largest: what a linear minimization oracle gives at −v.

        Raises
        ------
        TypeError
            No formula is known.
        """
        raise TypeError(f"{self!r} has no support point in closed form")

    @property
    def has_support_point(self) -> bool:
        """Whether the support point can be computed: then C is bounded."""
        return type(self).support_point is not Indicator.support_point

    def kl_project(self, r: Point) -> Point:
        """The point of C nearest to r in the Kullback-Leibler divergence, the x ≥ 0 in C with the
        least Σ xᵢ log(xᵢ/rᵢ) − xᵢ + rᵢ, which is 0 where r is; negative entries of r count as 0. Of
        intervals for each entry it is the usual projection. Where each point of C has entries that
        r has not, NaN, or the error of a search.

        Source: Bregman, *The relaxation method of finding the common point of convex sets* (1967);
        Benamou, Carlier, Cuturi, Nenna, Peyré, *Iterative Bregman projections for regularized
        transportation problems* (2015).

        Raises
        ------
        TypeError
            No formula is known.

        Examples
        --------
        >>> print(sk.functions.Simplex().kl_project(np.array([3.0, 1.0])))
        [0.75 0.25]
        """
        if self.elementwise and self.convex:
            return self.project(clip(r, 0.0))
        raise TypeError(
            f"{self!r} has no projection in the Kullback-Leibler divergence in closed form: "
            "minimize RelativeEntropy(r) + C"
        )

    @property
    def has_kl_projection(self) -> bool:
        """Whether ``kl_project`` is known."""
        own = type(self).kl_project is not Indicator.kl_project
        return own or (self.elementwise and self.convex)

    def pinned(self) -> Any:
        """Whether C allows the entries of x one value only; or 1 and 0 for each of them."""
        return False

    def recession(self, d: Point) -> Point | None:
        """The direction nearest to d in which C is unbounded, the projection onto its recession
        cone; None: unknown.
        """
        return scale(0.0, d) if self.bounded else None

    @property
    def slopes(self) -> Indicator | None:
        return None  # the polar of the recession cone; see ``graph_support``

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        """That of N_C: σ_C(v) where d is in the recession cone, and v in its polar, outside of
        which σ_C is infinite.
        """
        nothing = GraphSupport.nothing(v, d, space)
        back, d = self.recession(v), self.recession(d)
        if back is None or d is None or not self.convex:
            return nothing
        v = subtract(v, back)
        size = space.norm(v)
        unit = scale(1 / space.xp.where(size > 0, size, space.xp.ones_like(size)), v)
        try:
            value = size * self._support(unit)
        except TypeError:  # of this set it has no formula
            return nothing
        if tuple(value.shape) != tuple(size.shape):
            return nothing
        value = space.xp.where(size > 0, value, 0.0 * size)
        sizes = magnitude if self.elementwise else space.norm_in_all
        return GraphSupport(v, d, value, sizes(v), sizes(d))

    def _support(self, v: Point) -> Array:
        """σ_C(v) for a v in the polar of the recession cone."""
        return self.conjugate_value(v)

    def violation(self, x: Point) -> Array:
        """How far x is from satisfying C's constraints, of batch shape; 0 inside."""
        space = Space.of(x, self.batch_ndim, name="x")
        return space.norm(lincomb(1.0, x, -1.0, self.project(x)))

    def __call__(self, x: Point) -> Array:
        return self.within(x, ROUNDINGS)

    def cancelling(self, x: Point) -> Array:
        """The size of what cancels in the constraints at x, of batch shape."""
        return backend.norm(x, self.batch_ndim)

    def within(self, x: Point, roundings: float, beside: Scalar = 0.0) -> Array:
        """0 where x violates the constraints by so many units of rounding at most of what cancels
        in them, and of what x is the difference of (``beside``); inf beyond.
        """
        eps = float(namespace(x).finfo(backend.blocks(x)[0].dtype).eps)
        relative = _allowed(max(roundings * eps, 4 * (self.accuracy or 0.0)))
        rounding = relative * (self.cancelling(x) + beside)
        outside = ~(self.violation(x) <= rounding)  # where it is NaN, too
        return infinite_where(outside, scale(0.0, rounding))

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self.project(x)

    @property
    def conjugate(self) -> Function:
        from splitkit.functions.calculus.support import SupportFunction  # which imports this file

        return SupportFunction(self)


_FEASIBILITY: ContextVar[float | None] = ContextVar("feasibility_tol", default=None)


def _allowed(rounding: float) -> float:
    """By how much of what cancels in it a constraint may be violated."""
    tol = _FEASIBILITY.get()
    return rounding if tol is None else tol


def infinite_where(outside: Array, value: Array) -> Array:
    """inf where the mask is set, the value elsewhere."""
    xp = namespace(value)
    return xp.where(outside, xp.full_like(value, float("inf")), value)


def as_vectors(x: Array, batch_ndim: int) -> Array:
    """The axes that are not batch as one, the last."""
    return namespace(x).reshape(x, (*x.shape[:batch_ndim], math.prod(x.shape[batch_ndim:])))


def at_greatest(y: Array) -> Array:
    """1 at the first greatest entry along the last axis, 0 elsewhere."""
    xp = namespace(y)
    places = xp.arange(y.shape[-1], device=device(y))
    return xp.astype(places == xp.argmax(y, axis=-1, keepdims=True), y.dtype)


def spectral_roundings(x: Array) -> float:
    """Of sums of singular values or eigenvalues: each is off by a few units of the greatest."""
    return float(max(ROUNDINGS, *x.shape[-2:]))


def zero_or_inf(violation: Array, size: Array) -> Array:
    """0 where a constraint is violated by rounding of numbers of this size at most, inf beyond."""
    xp = namespace(violation)
    rounding = _allowed(ROUNDINGS * float(xp.finfo(violation.dtype).eps)) * size
    inside = violation <= rounding  # not where it is NaN
    return xp.where(inside, xp.zeros_like(violation), float("inf"))


def entries(f: Function, space: Space) -> None:
    """The ``check_axes`` of a function that has no value without entries."""
    if 0 in space.shapes[0][f.batch_ndim :]:
        raise ValueError(
            f"{f!r} acts on points with at least one entry: x0 has shape {space.shapes[0]}, "
            f"batch_ndim = {f.batch_ndim}"
        )


def vectors(length: int | None = None, least: int = 1) -> Any:
    """The ``check_axes`` of a function of the vectors along the last axis, of this length, or of a
    least one.
    """

    def check_axes(f: Function, space: Space) -> None:
        shape = space.shapes[0]
        size = shape[-1] if len(shape) > f.batch_ndim else 0
        if size != length if length is not None else size < least:
            wanted = f"length {length}" if length is not None else f"at least {least} entries"
            raise ValueError(
                f"{f!r} acts on the vectors along the last axis, which must have {wanted} and be "
                f"no batch axis: x0 has shape {shape}, batch_ndim = {f.batch_ndim}"
            )

    return check_axes


def matrices(*, square: bool = False) -> Any:
    """The ``check_axes`` of a function of the matrices in the last two axes."""

    def check_axes(f: Function, space: Space) -> None:
        shape = space.shapes[0]
        if len(shape) < f.batch_ndim + 2 or (square and shape[-1] != shape[-2]) or 0 in shape[-2:]:
            raise ValueError(
                f"{f!r} acts on the {'square ' if square else ''}matrices in the last two axes, "
                f"which must be no batch axes: x0 has shape {shape}, batch_ndim = {f.batch_ndim}"
            )

    return check_axes


def extremes(value: Scalar) -> tuple[float, float]:
    """The least and the greatest entry of a number or array; traced, it is known to be ≥ 0."""
    if is_traced(value):
        return 0.0, math.inf
    return backend.extremes(value) if is_array(value) else (value, value)
