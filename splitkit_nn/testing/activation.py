"""``check_activation``: is σ the proximal map that it says it is, at every step size?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from splitkit.backend import extremes
from splitkit.testing import Suite, _shared, checks_operator, suite
from splitkit.testing._at import NamedMap, Places
from splitkit.testing._at_operator import AtOperator
from splitkit.testing._laws import law
from splitkit.testing._measured import Claim, Measured, Number
from splitkit.testing._place import KEPT, Place
from splitkit.testing._search import worst_pairs
from splitkit.testing._suite import Case, Property
from splitkit_nn.activations import Activation

SHAPE = (2, 4)  # of the points on which an activation is tried: (batch, features)


def check_activation(
    activation: Activation,
    shape: tuple[int, ...] = SHAPE,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    max_examples: int | None = None,
    seed: int = 0,
) -> None:
    """Look for points at which σ is not the proximal map that its operator says it is.

    Checked: everything of ``check_operator`` for σ's ∂f; σ = prox_f, firmly nonexpansive;
    prox_{αf}((1 − α)σ(s) + αs) = σ(s) at every step size α; the Jacobian's range in [0, 1] and, in
    float64, the Jacobian against finite differences; input unchanged; library, dtype, shape and
    device kept; NaN not turned into numbers.

    Parameters
    ----------
    activation : Activation
    shape : tuple of int
        The shape of its points; the first axis is the batch.
    xp, dtype, device, max_examples, seed
        As for ``splitkit.testing.check_operator``.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, the points, and
        code that shows it again.

    Examples
    --------
    >>> from splitkit_nn.testing import check_activation
    >>> check_activation(sknn.ReLU(), max_examples=2)
    """
    __tracebackhide__ = True
    if not isinstance(activation, Activation):
        raise _shared.wrong_kind("activation", activation, "activation")
    suite(activation, shape, xp=xp, dtype=dtype, device=device).run(max_examples, seed)


@suite.register(Activation)
def activation_suite(
    activation: Activation, shape: tuple[int, ...] = SHAPE, *, batch_ndim: int = 1, **where: Any
) -> Suite:
    """The properties of an activation, and of its ∂f; see ``check_activation``.

    Examples
    --------
    >>> from splitkit_nn.testing import activation_suite
    >>> activation_suite(sknn.ReLU()).run(max_examples=2)
    """
    A, place = activation.operator, Place.of(shape, batch_ndim=batch_ndim, **where)
    A.check_space(place.space)

    def at(activation: Activation, places: Places, case: Case) -> AtActivation:
        return AtActivation(activation, places, case, A)

    of_A = checks_operator.laws(A, place)
    return _shared.suite_of(
        at, activation, (shape,), (place, place), *laws(activation, place), *of_A
    )


class AtActivation(AtOperator):
    """σ, and its ∂f as the operator A, at a case."""

    def maps(self, thing: Any) -> list[NamedMap]:
        """Those of ∂f, and σ."""
        return [("σ(x)", thing, self.x, self.place), *super().maps(thing.operator)]

    def sigma(self, z: Measured) -> Measured:
        """σ(z)."""
        return Measured.of(self.place, self.thing(z.value), z.terms)

    def jacobian(self, z: Measured, d: Measured) -> Measured:
        """J(z)d, whether the activation gives J as a map or its diagonal."""
        matrix = getattr(self.thing, "jacobian", None)
        if matrix is None:
            return Measured.of(self.place, self.thing.derivative(z.value) * d.value)
        return Measured.of(self.place, matrix(z.value)(d.value))


def laws(activation: Activation, place: Place) -> Iterator[Property]:
    """What σ and its Jacobian must keep."""
    yield Property(lambda at: at.place.keeps("σ(y)", at.thing, at.x.value), KEPT)
    yield law(
        "firmly_nonexpansive",
        "‖σ(x) − σ(y)‖² ≤ ⟨σ(x) − σ(y), x − y⟩ (σ is monotone with slopes in [0, 1])",
        lambda at: (d := at.sigma(at.x) - at.sigma(at.y)).square <= d @ (at.x - at.y),
        "x y", partial(worst_slopes, activation, place),
    )  # fmt: skip
    yield law(
        "prox_at_one", "R_{1∂f}(x) = σ(x)",
        lambda at: at.through(place.resolvent(at.A, 1.0))(at.x).equals(at.sigma(at.x)), "x",
    )  # fmt: skip
    yield law("prox_at_every_step", "prox_{αf}((1 − α)σ(s) + αs) = σ(s)", at_every_step, "alpha")
    yield law("jacobian_range", "0 ≤ ⟨d, J(y)d⟩ ≤ ‖d‖²", slopes, "")
    if place.is_double:
        formula = "(σ(y + hd) − σ(y − hd))/(2h) = J(y)d"
        yield law("jacobian", formula, finite_difference, "")


FIRMLY_NONEXPANSIVE = (0.0, 0.5, -1.0)  # ⟨Δx, Δu⟩ ≥ ‖Δu‖²


def worst_slopes(activation: Activation, place: Place, effort: int, seed: int) -> Iterator[Case]:
    """Pairs between which σ is likely to be least firmly nonexpansive."""
    pairs = worst_pairs(activation, [FIRMLY_NONEXPANSIVE], place.flat, seed=seed, effort=effort)
    for x, y in pairs:
        yield x, y, 1.0, 0.3


def at_every_step(at: AtActivation) -> Claim:
    """With the pre-activation s drawn, and the argument of the prox made of it."""
    s, alpha, value = at.x, at.alpha, at.sigma(at.x)
    y = (1 - alpha) * value + alpha * s
    return at.through(at.place.resolvent(at.A, alpha))(y).equals(value).at(s=s)


def slopes(at: AtActivation) -> Iterator[Claim]:
    """The quadratic form of J, which is like the point."""
    y, d = at.x, at.y
    Jd = at.jacobian(y, d)
    at.place.kept("the Jacobian's product", Jd.value, at.place.space.shapes[0], y.value)
    form = d @ Jd
    zero = Number(at.place, 0.0 * form.entries, d.square.entries)
    for claim in (zero <= form, form <= d.square):
        yield claim.at(y=y, d=d)


def finite_difference(at: AtActivation) -> Claim:
    """Where J is continuous: a step over a kink sees a mean of the slopes on its sides, and a long
    one over two of them may find the same slope there; so it is short, however long d is.
    """
    y, d = at.x, at.y
    h = 1e-5 / max(1.0, extremes(abs(d.value))[1])
    right, left = y + h * d, y - h * d
    Jd, difference = at.jacobian(y, d), (at.sigma(right) - at.sigma(left)) / (2 * h)
    change = sum((at.jacobian(z, d) - Jd).size for z in (right, left))
    return difference.equals(Jd).within(2 * change + 1e-6 * d.size).at(y=y, d=d, h=h)
