"""``check_operator``: does an operator keep what it declares?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from splitkit.operators.base import Operator
from splitkit.properties import Properties
from splitkit.testing import _constants, _gradients, _resolvents, _shared
from splitkit.testing._at_operator import AtOperator
from splitkit.testing._measured import Measured
from splitkit.testing._place import KEPT, Place
from splitkit.testing._report import require
from splitkit.testing._suite import Property, Suite, suite
from splitkit.testing.real_form import in_real_form
from splitkit.testing.strategies import PointShape


def check_operator(
    A: Operator,
    shape: PointShape,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    batch_ndim: int = 0,
    max_examples: int | None = None,
    seed: int = 0,
    progress: bool | None = None,
) -> None:
    """Look for points at which A breaks what it declares.

    Checked: strong monotonicity, Lipschitz, cocoercivity, comonotonicity and averagedness constants
    (also where a search finds them tightest), for A, its resolvents and its Cayley operators; that
    a declared gradient is one and an affine map is affine; R = (I + αA)⁻¹ defined everywhere,
    firmly nonexpansive, and consistent with the evaluation; R at two step sizes; C = 2R − I;
    Moreau's identity; A⁻¹ and (A⁻¹)⁻¹; a step size for each batch element, and batch elements
    independent; what is prepared for many applications equal to A; input unchanged; the same value
    twice; library, dtype, shape and device kept; NaN not turned into numbers; copies that do the
    same.

    Parameters
    ----------
    A : Operator
    shape : tuple of int, or tuple of shapes
        The shape of its points; a tuple of shapes for points that are tuples of arrays.
    xp, dtype, device
        Library, dtype and device of the points. Default: NumPy, float64.
    batch_ndim : int
        Leading batch axes.
    max_examples : int, optional
        How many cases are drawn. Default: what the loaded Hypothesis profile says.
    seed : int
        Which cases: the same ones for the same seed.
    progress : bool, optional
        A bar; None: on a terminal or in a notebook, after three seconds.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, the points, and
        code that shows it again.

    Examples
    --------
    >>> from splitkit.testing import check_operator
    >>> check_operator(sk.Affine(np.eye(2), np.zeros(2)), (2,), max_examples=5)
    """
    __tracebackhide__ = True
    if not isinstance(A, Operator):
        raise _shared.wrong_kind("A", A, "operator")
    where = {"xp": xp, "dtype": dtype, "device": device, "batch_ndim": batch_ndim}
    suite(A, shape, **where).run(max_examples, seed, progress=progress)


@suite.register(Operator)
def operator_suite(A: Operator, shape: PointShape, **where: Any) -> Suite:
    """The properties of an operator; see ``check_operator``."""
    if (real := in_real_form(A, (shape,), where)) is not None:
        *real, options = real
        return suite(*real, **options)
    place = Place.of(shape, **where)
    A.check_space(place.space)
    return _shared.suite_of(AtOperator, A, (shape,), (place, place), *laws(A, place))


def laws(A: Operator, place: Place) -> Iterator[Property]:
    """What A must keep, by what it can do and declares."""
    if not isinstance(A.properties, Properties):
        raise TypeError(
            f"properties of {A!r} is {A.properties!r}: give Properties.of(…) of splitkit"
        )
    if defines_nothing(type(A)):
        yield Property(defined, ("defined",))
    else:
        yield Property(keeps_the_point, (*KEPT, "prepared"))
    if A.has_resolvent:
        yield from _resolvents.laws(A, place)
    yield from _gradients.laws(A, place)
    yield from _constants.laws(A, place)


def keeps_the_point(at: AtOperator) -> None:
    """A, R and C leave their argument as it is, and return its like; A prepared is A."""
    A, place, x = at.A, at.place, at.x
    if A.has_evaluation:
        Ax = Measured.of(place, place.keeps("A(x)", A, x.value), at.gain * x.size)
        for way, value in (
            ("make_evaluation()(x)", A.make_evaluation()(x.value)),
            ("trace(x)[0]", A.trace(x.value)[0]),
        ):
            Measured.of(place, value).equals(Ax).require("prepared", f"A.{way} = A(x)", x=x)
    if A.has_resolvent:
        for B in (place.resolvent(A, at.alpha), place.cayley(A, at.alpha)):
            place.keeps(f"{B!r}(x)", B, x.value)


def defines_nothing(cls: type[Operator]) -> bool:
    """Whether a class has neither values nor resolvents, as where their names are misspelt."""
    names = ("__call__", "make_resolvent", "has_evaluation")
    return all(getattr(cls, name) is getattr(Operator, name) for name in names)


def defined(at: AtOperator) -> None:
    """There is something to check."""
    formula = "A(x) or (I + αA)⁻¹x can be computed (__call__ or make_resolvent is defined)"
    require(False, "defined", formula, "neither", "one of them")
