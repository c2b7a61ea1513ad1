"""The laws of R = (I + αA)⁻¹ and C = 2R − I: at one step size, at two, and at one for each element
of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from splitkit.operators.base import Operator
from splitkit.testing._at_operator import SEARCHED_STEP, AtOperator
from splitkit.testing._laws import law
from splitkit.testing._measured import Claim, Measured
from splitkit.testing._place import Place
from splitkit.testing._report import require
from splitkit.testing._suite import Case, Property
from splitkit.testing.strategies import QUARTERS, quarter_octave


def laws(A: Operator, place: Place) -> Iterator[Property]:
    """What is known of the resolvents of an operator that has them."""
    monotone = A.properties.monotone
    if monotone:
        yield law(
            "firmly_nonexpansive", "‖Rx − Ry‖² ≤ ⟨Rx − Ry, x − y⟩ for R = (I + αA)⁻¹",
            lambda at: (d := at.R(at.x) - at.R(at.y)).square <= d @ (at.x - at.y), "x y alpha",
        )  # fmt: skip
        yield law(
            "cayley_nonexpansive", "‖Cx − Cy‖ ≤ ‖x − y‖",
            lambda at: abs(at.C(at.x) - at.C(at.y)) <= abs(at.x - at.y), "x y alpha",
        )  # fmt: skip
    if A.has_evaluation:
        yield law("resolvent_solves", "p + αA(p) = x for p = R_{αA}x", solves, "x")
    if A.has_evaluation and monotone:
        yield law(
            "resolvent_of_value", "R_{αA}(x + αA(x)) = x",
            lambda at: at.R(at.x + at.alpha * at.F(at.x)).equals(at.x),
        )  # fmt: skip
    yield law(
        "cayley_is_reflection", "C x = 2R x − x",
        lambda at: at.C(at.x).equals(2 * at.R(at.x) - at.x),
    )  # fmt: skip
    yield law(
        "resolvent_identity", "R_{βA}((β/α)x + (1 − β/α)p) = p for p = R_{αA}x",
        at_two_steps, "x alpha beta", partial(every_step, place),
    )  # fmt: skip
    if A.inverse.has_resolvent:
        yield law("moreau", "R_{αA}x + α R_{A⁻¹/α}(x/α) = x (Moreau)", moreau)
        yield law("inverse_of_inverse", "R_{α(A⁻¹)⁻¹}x = R_{αA}x", inverse_of_inverse)
        if A.has_evaluation and monotone:
            yield law("inverse", "R_{αA⁻¹}(u + αx) = u for u = A(x)", of_inverse)
    if place.space.batch_shape:
        yield Property(batch_of_steps, ("step_of_each_element",))


def solves(at: AtOperator) -> Iterator[Claim]:
    """R at both step sizes."""
    for alpha in at.steps:
        p = at.through(at.place.resolvent(at.A, alpha))(at.x)
        yield (p + alpha * at.F(p)).equals(at.x).at(alpha=alpha)


def at_two_steps(at: AtOperator) -> Iterator[Claim]:
    """R may be set-valued; a proximal point stays the selected one for smaller steps."""
    ratio, p = at.beta / at.alpha, at.R(at.x)
    if ratio < 1 or (ratio > 1 and at.A.properties.monotone):
        yield at.resolvent(at.beta)(ratio * at.x + (1 - ratio) * p).equals(p)


def every_step(place: Place, effort: int, seed: int) -> Iterator[Case]:
    """The step at which the search looks, with each of a scale of steps; the longer one first."""
    rng = np.random.default_rng(seed)
    for k in range(-QUARTERS, QUARTERS + 1, 2 ** max(0, 3 - effort)):
        step = quarter_octave(k + rng.uniform(-0.5, 0.5))
        alpha, beta = max(step, SEARCHED_STEP), min(step, SEARCHED_STEP)
        x, y = 3 * (alpha if k % 2 else 1.0) * rng.standard_normal((2, place.flat.size))
        yield place.flat.point(x), place.flat.point(y), alpha, beta


def moreau(at: AtOperator) -> Claim:
    """Of the resolvent of A⁻¹/α."""
    R = at.through(at.A.inverse.resolvent(1 / at.alpha))
    both: Measured = at.R(at.x) + at.alpha * R(at.x / at.alpha)
    return both.equals(at.x)


def inverse_of_inverse(at: AtOperator) -> Claim:
    """Inverting twice gives A."""
    R = at.through(at.A.inverse.inverse.resolvent(at.alpha))
    return R(at.x).equals(at.R(at.x))


def of_inverse(at: AtOperator) -> Claim:
    """The resolvent of A⁻¹, made of that of A at 1/α, against the evaluation."""
    R = at.through(at.A.inverse.resolvent(at.alpha), at.alpha * at.offset(1 / at.alpha))
    return R(at.F(at.x) + at.alpha * at.x).equals(at.F(at.x))


def batch_of_steps(at: AtOperator) -> None:
    """An array of step sizes does in each element what a number does."""
    place, shape = at.place, at.place.space.batch_shape
    if 0 in shape:
        return
    steps = np.resize(np.asarray([at.alpha, at.beta]), shape)
    formula = (
        "R with an array alpha, of the batch's shape, is, element by element, R with its numbers "
        "(splitkit.backend.align(alpha, x) gives it trailing axes, to multiply x)"
    )
    name, where = "step_of_each_element", {"x": at.x.value, "alpha": steps}
    try:
        together = Measured.of(place, at.A.resolvent(place.array(steps))(at.x.value))
    except TypeError:
        return  # one factorization for one number, as Affine's
    except (ValueError, RuntimeError) as error:  # of NumPy or Torch: shapes that do not broadcast
        require(False, name, formula, error, "a point like x", **where)
        return
    for step in at.steps:
        alone = at.through(place.resolvent(at.A, step))(at.x)
        claim = together.equals(alone).unless(np.ravel(steps != step))
        claim.require(name, formula, **where)
