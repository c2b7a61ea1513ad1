"""The intersection C₁ ∩ … ∩ Cₙ of convex sets."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import check_accuracy, refuse_derivatives
from splitkit.backend import (
    Array,
    Point,
    Space,
    add,
    blocks,
    greatest,
    scale,
    solving,
    subtract,
    where,
)
from splitkit.functions.base import Function, Indicator, without_rounding
from splitkit.functions.inner.accuracy import ROUNDINGS, Inexact, tolerance
from splitkit.functions.sets.box import Box
from splitkit.functions.sets.hyperplane import Hyperplane
from splitkit.notation import FACTOR, Style

SWEEPS = 10_000
ENDLESS = 2.0**40  # a stall of so many times 1 + ‖y‖/move sweeps has no end
CHECK_EVERY = 8  # sweeps between two looks at what is left, at which points come to rest


class Intersection(Inexact, Indicator):
    """C₁ ∩ … ∩ Cₙ, with the projection by Dykstra's method.

    The intersection C₁ ∩ … ∩ Cₙ of convex sets: projection by Dykstra's method.

        xᵢ = P_i(xᵢ₋₁ + pᵢ),  pᵢ ← xᵢ₋₁ + pᵢ − xᵢ,  i = 1, …, n, in turn, from x₀ = y, pᵢ = 0.

    Always y = x + Σpᵢ with pᵢ normal to Cᵢ at xᵢ, so that the x of a sweep that moves no xᵢ is the
    projection of y. The method is block-coordinate ascent on the dual problem. It can stall for
    about ‖y‖ sweeps, in which no xᵢ changes and every pᵢ grows by the same move: those are taken in
    one step.

    Sources: Boyle, Dykstra, *A method for finding projections onto the intersection of convex sets
    in Hilbert spaces* (1986); Birgin, Raydan, *Robust stopping criteria for Dykstra's algorithm*
    (2005).

    Parameters
    ----------
    sets : sequence of Indicator
        At least two convex sets on the same points.
    accuracy : float, optional, keyword
        The method ends when no projection of a sweep moves the point by more than
        accuracy · (‖y‖ + ‖x‖): x is then that close to each set, up to the factor n, and y − x is a
        sum of normals at points that close to x. How far x is from Py beyond that depends on how
        the sets meet. None: to rounding, which few sets reach in reasonable time unless they are
        polyhedra, or meet in their interiors.

    Raises
    ------
    TypeError, ValueError
        A set is not convex, or the sets have different ``batch_ndim``.
    ArithmeticError
        From ``project``: the intersection is empty, or 10,000 sweeps did not reach the accuracy,
        as where the sets meet at a small angle.

    Examples
    --------
    >>> C = sk.functions.Intersection((sk.functions.L2Ball(1.0), sk.functions.NonNegative()))
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [0.9864 0.     0.1644]
    """

    acts_on_complex = True

    def __init__(
        self, sets: tuple[Indicator, ...] | list[Indicator], *, accuracy: float | None = None
    ) -> None:
        self.sets = tuple(sets)
        if len(self.sets) < 2 or not all(isinstance(C, Indicator) for C in self.sets):
            raise TypeError(f"sets = {sets!r}: give two sets of splitkit.functions, or more")
        for C in self.sets:
            if not C.convex:
                raise TypeError(f"{C!r} is not convex: Dykstra's method needs convex sets")
        coupled = [C for C in self.sets if not C.elementwise] or [self.sets[0]]
        if len({C.batch_ndim for C in coupled}) > 1:
            raise ValueError(
                f"the sets {self.sets!r} have different batch_ndim: make them with the same"
            )
        self.batch_ndim = coupled[0].batch_ndim
        self.elementwise = all(C.elementwise for C in self.sets)
        self.accuracy = check_accuracy("accuracy", accuracy)

    def project(self, x: Point) -> Point:
        refuse_derivatives(self, "give the sets as terms to splitkit_nn.ImplicitSolve", x)
        with solving(x):
            return without_rounding(self._project, self._project(x), self.batch_ndim)

    def _project(self, y: Point) -> Point:
        space = Space.of(y, self.batch_ndim, name="x")
        own = [C.accuracy for C in self.sets if C.accuracy is not None]
        relative = max([tolerance(self.accuracy, blocks(y)[0]), *own])
        size, rounding = space.norm(y), ROUNDINGS * float(space.xp.finfo(space.dtype).eps)
        x, running = y, size >= 0
        normals = [subtract(y, y)] * len(self.sets)
        images = [y] * len(self.sets)
        for sweep in range(SWEEPS):
            before, moves = [*images], []
            for i, C in enumerate(self.sets):
                shifted = add(x, normals[i])
                nearest = where(running, C.project(shifted), images[i])
                moves.append(subtract(x, nearest))
                normals[i] = where(running, subtract(shifted, nearest), normals[i])
                x = images[i] = nearest
            if sweep % CHECK_EVERY == 0:
                moved = greatest([space.norm(move) for move in moves])
                normal = sum(map(space.norm, normals))  # whose rounding the images carry
                limit = relative * (size + space.norm(x)) + rounding * normal
                running = running & (moved > limit)
                if not bool(space.xp.any(running)):
                    return x
                turns = [space.norm(subtract(*pair)) for pair in zip(images, before, strict=True)]
                changed = greatest(turns)
                # images that come to rest last, as the moves do, are no stall
                stalled = running & (changed <= limit) & ((moved > 4 * limit) | (changed == 0))
                if bool(space.xp.any(stalled)):
                    longest = ENDLESS * (1 + size / space.xp.where(stalled, moved, 1.0))
                    jump = self._stall(space, size, images, normals, moves, stalled, longest)
                    if bool(space.xp.any(2 * jump >= longest)):
                        break
                    normals = [add(n, scale(jump, m)) for n, m in zip(normals, moves, strict=True)]
        apart = float(space.xp.max(space.xp.where(running, moved, 0.0 * moved)))
        raise ArithmeticError(
            f"the projection onto {self!r} still moves by {apart:.2g} after {sweep + 1} sweeps: "
            "the intersection is empty, or the sets meet at a small angle; check them, or give a "
            f"larger accuracy than {relative:.2g}"
        )

    def _stall(
        self,
        space: Space,
        size: Array,
        images: list[Point],
        normals: list[Point],
        moves: list[Point],
        on: Array,
        longest: Array,
    ) -> Array:
        """For how many sweeps more, fewer than ``longest``, no xᵢ changes, while each adds the same
        moves to the normals.

        The normals at xᵢ are a convex cone: if xᵢ stays at the last sweep, it does in between.
        """
        jump = 0.0 * size
        rounding = ROUNDINGS * float(space.xp.finfo(space.dtype).eps) * size
        doublings = math.ceil(math.log2(float(space.xp.max(longest))))
        for k in reversed(range(doublings)):
            longer, holds = jump + 2.0**k, on & (jump + 2.0**k < longest)
            for C, image, normal, move in zip(self.sets, images, normals, moves, strict=True):
                ahead = add(normal, scale(longer, move))
                gap = space.norm(subtract(C.project(add(image, ahead)), image))
                holds = holds & (gap <= rounding)
            jump = space.xp.where(holds, longer, jump)
        return jump

    def violation(self, x: Point) -> Array:
        space = Space.of(x, self.batch_ndim, name="x")
        worst = self.sets[0].violation(x)
        for C in self.sets[1:]:
            worst = space.xp.maximum(worst, C.violation(x))
        return worst

    def conjugate_value(self, u: Point) -> Array:
        raise TypeError(
            f"the support function of {self!r} has no formula: it is the closure of the infimal "
            "convolution of the sets' own; give the sets as terms of their own, each with its "
            "support function"
        )

    def check_space(self, space: Space) -> None:
        for C in self.sets:
            C.check_space(space)

    def write(self, s: Style) -> str:
        if s.is_latex:
            return r" \cap ".join(s(C, FACTOR) for C in self.sets)
        return f"Intersection({len(self.sets)} sets)"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        plane = Hyperplane(asarray([1.0, 1.0]), 0.5, batch_ndim=1)
        return [(cls((plane, Box(0.0, 1.0, batch_ndim=1))), (3, 2))]
