"""R = (I + αA)⁻¹ and C = 2R − I: their identities, at one step size, at two, and at one for each
element of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from splitkit.backend import lincomb, scale, subtract
from splitkit.testing._at_operator import SEARCHED_STEP, At
from splitkit.testing._place import ROUNDINGS, Place
from splitkit.testing._report import require
from splitkit.testing._suite import Case
from splitkit.testing.strategies import QUARTERS, quarter_octave


def resolvent(at: At) -> None:
    """R is firmly nonexpansive; p = Rx satisfies p + αA(p) = x; R(x + αAx) = x."""
    A, place, x, y, alpha = at.A, at.place, at.x, at.y, at.alpha
    p, q, eps = at.p, at.q, ROUNDINGS * at.place.eps
    if A.properties.monotone:
        d, moved = subtract(p, q), subtract(x, y)
        sizes = sum(map(place.size, (x, y, p, q)))
        limit = eps * sizes * (place.size(d) + place.size(moved)) + (eps * sizes) ** 2
        left, right = place.space.inner(d, d), place.space.inner(d, moved)
        formula = "‖Rx − Ry‖² ≤ ⟨Rx − Ry, x − y⟩ for R = (I + αA)⁻¹"
        place.at_most(
            "firmly_nonexpansive", formula, left - right, limit, left, right,
            x=x, y=y, alpha=alpha,
        )  # fmt: skip
    if not A.has_evaluation:
        return
    # at two steps: what was prepared for one must not answer for the other
    steps = tuple(dict.fromkeys((alpha, at.beta)))
    for step, R in [(step, place.resolvent(A, step)) for step in steps]:
        p = R(x)
        Ap = A(p)
        terms = place.size(x) + (1 + step * at.gain) * place.size(p) + step * place.size(Ap)
        formula, both = "p + αA(p) = x for p = R_{αA}x", lincomb(1.0, p, step, Ap)
        place.equal("resolvent_solves", formula, both, x, terms, x=x, alpha=step)
    if A.properties.monotone:
        z = lincomb(1.0, x, alpha, at.Ax)
        terms = place.size(x) + alpha * place.size(at.Ax) + at.offset(alpha)
        back = at.R(z)
        place.equal("resolvent_of_value", "R_{αA}(x + αA(x)) = x", back, x, terms, x=x, alpha=alpha)


def cayley(at: At) -> None:
    """C = 2R − I, nonexpansive for monotone A."""
    place, x, y, alpha = at.place, at.x, at.y, at.alpha
    terms = at.sizes + at.offset(alpha)
    twice = lincomb(2.0, at.p, -1.0, x)
    place.equal("cayley_is_reflection", "C x = 2R x − x", at.Cx, twice, terms, x=x, alpha=alpha)
    if at.A.properties.monotone:
        terms = terms + place.size(y) + place.size(at.Cy)
        left, right = place.size(subtract(at.Cx, at.Cy)), place.size(subtract(x, y))
        limit = right + ROUNDINGS * place.eps * terms
        formula = "‖Cx − Cy‖ ≤ ‖x − y‖"
        place.at_most(
            "cayley_nonexpansive", formula, left, limit, left, right, x=x, y=y, alpha=alpha
        )


def two_steps(at: At) -> None:
    """The resolvent identity between two step sizes."""
    place, x, p, alpha, beta = at.place, at.x, at.p, at.alpha, at.beta
    if alpha == beta:
        return
    if beta > alpha and not at.A.properties.monotone:
        return  # R may be set-valued; a proximal point stays the selected one for smaller steps
    ratio = beta / alpha
    q = place.resolvent(at.A, beta)(lincomb(ratio, x, 1 - ratio, p))
    terms = (1 + ratio) * at.sizes + at.offset(alpha) + at.offset(beta)
    formula = "R_{βA}((β/α)x + (1 − β/α)p) = p for p = R_{αA}x"
    place.equal("resolvent_identity", formula, q, p, terms, x=x, alpha=alpha, beta=beta)


def every_step(place: Place, effort: int, seed: int) -> Iterator[Case]:
    """The step at which the search looks, with each of a scale of steps; the longer one first."""
    rng = np.random.default_rng(seed)
    for k in range(-QUARTERS, QUARTERS + 1, 2 ** max(0, 3 - effort)):
        step = quarter_octave(k + rng.uniform(-0.5, 0.5))
        alpha, beta = max(step, SEARCHED_STEP), min(step, SEARCHED_STEP)
        x, y = 3 * (alpha if k % 2 else 1.0) * rng.standard_normal((2, place.flat.size))
        yield place.flat.point(x), place.flat.point(y), alpha, beta


def moreau(at: At) -> None:
    """R_{αA}x + αR_{A⁻¹/α}(x/α) = x; (A⁻¹)⁻¹ = A; Ax + αx ↦ Ax under R_{αA⁻¹}."""
    A, place, x, p, alpha = at.A, at.place, at.x, at.p, at.alpha
    u = place.resolvent(A.inverse, 1 / alpha)(scale(1 / alpha, x))
    terms = at.sizes + at.offset(alpha)
    formula = "R_{αA}x + α R_{A⁻¹/α}(x/α) = x (Moreau)"
    place.equal("moreau", formula, lincomb(1.0, p, alpha, u), x, terms, x=x, alpha=alpha)
    twice = place.resolvent(A.inverse.inverse, alpha)(x)
    formula = "R_{α(A⁻¹)⁻¹}x = R_{αA}x"
    place.equal("inverse_of_inverse", formula, twice, p, terms, x=x, alpha=alpha)
    if A.has_evaluation and A.properties.monotone:
        u = at.Ax
        back = place.resolvent(A.inverse, alpha)(lincomb(1.0, u, alpha, x))
        terms = place.size(u) + alpha * (place.size(x) + at.offset(1 / alpha))
        formula = "R_{αA⁻¹}(u + αx) = u for u = A(x)"
        place.equal("inverse", formula, back, u, terms, x=x, alpha=alpha)


def batch_of_steps(at: At) -> None:
    """An array of step sizes does in each element what a number does."""
    place, x, shape = at.place, at.x, at.place.space.batch_shape
    if 0 in shape:
        return
    steps = np.resize(np.asarray([at.alpha, at.beta]), shape)
    formula = (
        "R with an array alpha, of the batch's shape, is, element by element, R with its numbers "
        "(splitkit.backend.align(alpha, x) gives it trailing axes, to multiply x)"
    )
    name = "step_of_each_element"
    try:
        together = at.A.resolvent(place.array(steps))(x)
    except TypeError:
        return  # one factorization for one number, as Affine's
    except (ValueError, RuntimeError) as error:  # of NumPy or Torch: shapes that do not broadcast
        require(False, name, formula, error, "a point like x", x=x, alpha=steps)
        return
    for step in sorted({at.alpha, at.beta}):
        alone = place.resolvent(at.A, step)(x)
        gap = place.size(subtract(together, alone))
        limit = ROUNDINGS * place.eps * (place.size(x) + place.size(alone))
        chosen = place.array(steps == step)
        place.at_most(name, formula, gap * chosen, limit, together, alone, x=x, alpha=steps)
