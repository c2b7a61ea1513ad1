"""``check_activation``: is σ the proximal map that it says it is, at every step size?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from splitkit.backend import Array, subtract
from splitkit.testing import Suite, suite
from splitkit.testing._place import KEPT, ROUNDINGS, Place
from splitkit.testing._search import worst_pairs
from splitkit.testing._shared import wrong_kind
from splitkit.testing._suite import Case, Property
from splitkit.testing.checks_operator import At, operator_suite
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
    """
    __tracebackhide__ = True
    if not isinstance(activation, Activation):
        raise wrong_kind("activation", activation, "activation")
    suite(activation, shape, xp=xp, dtype=dtype, device=device).run(max_examples, seed)


@suite.register(Activation)
def activation_suite(
    activation: Activation,
    shape: tuple[int, ...] = SHAPE,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Suite:
    """The properties of an activation; see ``check_activation``."""
    A = activation.operator
    of_f = operator_suite(A, shape, xp=xp, dtype=dtype, device=device, batch_ndim=1)
    place = of_f.place

    def at(case: Case) -> AtActivation:
        x, y, alpha, beta = case
        return AtActivation(A, place, x, y, alpha, beta, activation)

    derivative = ("jacobian_range", "jacobian") if place.is_double else ("jacobian_range",)
    own = (
        Property(
            values,
            (*KEPT, "firmly_nonexpansive", "prox_at_one"),
            partial(worst_slopes, activation, place),
        ),
        Property(prox_at_every_step, ("prox_at_every_step",)),
        Property(jacobian, derivative),
    )
    options = {key: value for key, value in of_f.options.items() if key != "batch_ndim"}
    found = own + of_f.properties
    return Suite(activation, (shape,), place, of_f.cases, at, found, options, spread=of_f.spread)


FIRMLY_NONEXPANSIVE = (0.0, 0.5, -1.0)  # ⟨Δx, Δu⟩ ≥ ‖Δu‖²


def worst_slopes(activation: Activation, place: Place, effort: int, seed: int) -> Iterator[Case]:
    """Pairs between which σ is likely to be least firmly nonexpansive."""
    pairs = worst_pairs(activation, [FIRMLY_NONEXPANSIVE], place.flat, seed=seed, effort=effort)
    for x, y in pairs:
        yield x, y, 1.0, 0.3


@dataclass(frozen=True)
class AtActivation(At):
    """σ, and its ∂f as the operator A, at a case."""

    activation: Activation


def values(at: AtActivation) -> None:
    """σ is firmly nonexpansive and the resolvent of its operator at α = 1."""
    place, x, y = at.place, at.x, at.y
    value = place.keeps("σ(y)", at.activation, x)
    other = at.activation(y)
    d, moved = subtract(value, other), subtract(x, y)
    left, right = place.space.inner(d, d), place.space.inner(d, moved)
    sizes = sum(map(place.size, (x, y, value, other)))
    limit = ROUNDINGS * place.eps * sizes * (place.size(d) + place.size(moved))
    formula = "‖σ(x) − σ(y)‖² ≤ ⟨σ(x) − σ(y), x − y⟩ (σ is monotone with slopes in [0, 1])"
    place.at_most("firmly_nonexpansive", formula, left - right, limit, left, right, x=x, y=y)
    p = place.resolvent(at.A, 1.0)(x)
    terms = place.size(x) + place.size(value)
    place.equal("prox_at_one", "R_{1∂f}(x) = σ(x)", p, value, terms, x=x)


def prox_at_every_step(at: AtActivation) -> None:
    """prox_{αf}(y) = σ(s) for y = (1 − α)σ(s) + αs."""
    place, s, alpha = at.place, at.x, at.alpha
    value = at.activation(s)
    y = (1 - alpha) * value + alpha * s
    terms = (1 + alpha) * (place.size(s) + place.size(value))
    formula = "prox_{αf}((1 − α)σ(s) + αs) = σ(s)"
    where = {"s": s, "alpha": alpha}
    place.equal("prox_at_every_step", formula, at.R(y), value, terms, **where)


def jacobian(at: AtActivation) -> None:
    """0 ≤ ⟨d, Jd⟩ ≤ ‖d‖², and Jd against (σ(y + hd) − σ(y − hd))/(2h) where J is continuous."""
    place, y, d = at.place, at.x, at.y
    Jd = apply_jacobian(at.activation, y, d)
    place.kept("the Jacobian's product", Jd, place.space.shapes[0], y)
    low, high = place.space.inner(d, Jd), place.space.inner(d, d)
    slack = ROUNDINGS * place.eps * high
    name, zero = "jacobian_range", 0.0 * high
    place.at_most(name, "⟨d, J(y)d⟩ ≥ 0", -low, slack, low, zero, y=y, d=d)
    place.at_most(name, "⟨d, J(y)d⟩ ≤ ‖d‖²", low - high, slack, low, high, y=y, d=d)
    if not place.is_double:
        return
    h = 1e-5
    right, left = y + h * d, y - h * d
    difference = (at.activation(right) - at.activation(left)) / (2 * h)
    change = [apply_jacobian(at.activation, z, d) - Jd for z in (right, left)]
    # a step over a kink sees a mean of the slopes on its sides
    limit = 2 * (place.size(change[0]) + place.size(change[1]))
    sizes = place.size(y) + place.size(at.activation(y))
    limit = limit + 1e-6 * place.size(d) + ROUNDINGS * place.eps * sizes / h
    gap = place.size(difference - Jd)
    formula = "(σ(y + hd) − σ(y − hd))/(2h) = J(y)d"
    place.at_most("jacobian", formula, gap, limit, difference, Jd, y=y, d=d, h=h)


def apply_jacobian(activation: Activation, y: Array, d: Array) -> Array:
    """J(y)d, whether the activation gives J as a map or its diagonal."""
    matrix = getattr(activation, "jacobian", None)
    return activation.derivative(y) * d if matrix is None else matrix(y)(d)
