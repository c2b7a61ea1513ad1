"""Σ_g w_g f(x_g) over lists of indices, of any sizes: ``f.on(groups)``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from splitkit.arguments import check_integer
from splitkit.backend import Array, Space, device, is_traced, namespace, sum_of
from splitkit.functions.base import Function, Indicator, zero_or_inf
from splitkit.functions.calculus.parts import OfParts, SetOfParts
from splitkit.functions.inner.hessians import SecondDerivative
from splitkit.functions.norms.l2_norm import L2Norm
from splitkit.functions.sets.l1_ball import L1Ball
from splitkit.linear.base import LinearOperator
from splitkit.notation import Style

Groups = Sequence[Sequence[int]]


class OnGroups(OfParts):
    """Σ_g w_g f(x_g), x_g the entries along the last axis that a list names; made by
    ``f.on(groups)``, which is ``SetOnGroups`` for a set.

    prox_{αF}(x)_g = prox_{αw_g f}(x_g), and F*(u) = Σ_g w_g f*(u_g/w_g), of a weight 0 the
    indicator of {0}. Entries that no group names are free: they stay as they are.

    Source: Bauschke, Combettes (2017), Prop. 24.11; Yuan, Lin, *Model selection and estimation in
    regression with grouped variables* (2006).

    Parameters
    ----------
    f : Function
        Of one group, a vector of any length; it is made of no others. What it has samplewise, such
        as a radius, may be an array, one entry for each group.
    groups : sequence of sequences of int
        Indices from 0 along the last axis, none twice. The axes before, but for batch axes, have
        groups of their own.
    weights : array, optional
        w_g ≥ 0, one for each group; none of a set.

    Raises
    ------
    TypeError, ValueError
        f is made of others; a group is empty, or names what is no index, or one comes twice; the
        weights do not fit.

    Notes
    -----
    Groups of one size are done at once, in the work of f: one gather and one scatter. Groups that
    overlap are ``f.on(disjoint lists) @ sk.linear.Restriction(indices, size)`` with indices that
    come again.

    Examples
    --------
    >>> f = sk.functions.L2Norm().on([[0, 2], [1]], np.array([1.0, 0.5]))
    >>> x = np.array([3.0, 1.0, 4.0, 7.0])
    >>> print(f(x), f.prox(x))
    5.5 [2.4 0.5 3.2 7. ]
    """

    acts_on_complex = True

    def __init__(self, f: Function, groups: Groups, weights: Array | None = None) -> None:
        super().__init__(f, weights)
        remedy = "give lists of indices from 0, none of them empty, and each index once"
        self.groups = tuple(
            tuple(check_integer("groups", i, 0, remedy) for i in group) for group in groups
        )
        named = [i for group in self.groups for i in group]
        if not self.groups or not all(self.groups):
            raise ValueError(f"groups = {groups}: {remedy}")
        if len({*named}) < len(named):
            twice = next(i for i in named if named.count(i) > 1)
            raise ValueError(
                f"groups: the index {twice} comes twice; {remedy}, or for groups that overlap "
                "f.on(disjoint lists) @ linear.Restriction(indices), where indices come again"
            )
        # a point may have entries beyond, of which f says nothing
        self.strong_convexity = min(self.strong_convexity, 0.0)
        self.count, self._least_size = len(self.groups), max(named) + 1
        lengths = np.array([len(group) for group in self.groups])
        self._ids = [np.flatnonzero(lengths == n) for n in np.unique(lengths)]
        self._indices = [np.array([self.groups[g] for g in ids]) for ids in self._ids]
        self._arrays: dict[Any, Any] = {}

    @property
    def covers(self) -> int | None:
        """The size of points of which each entry is in a group; None: of none."""
        named = sum(map(len, self.groups))
        return named if named == self._least_size else None

    def _for(self, x: Array) -> tuple[list[Any], list[Any], Any]:
        """The numbers of the groups of each size, their indices one after the other, and where
        each entry stands among these, followed by x; as arrays of x's library.
        """
        xp, size = namespace(x), int(x.shape[-1])
        key = xp.__name__, str(device(x)), size
        if key in self._arrays:
            return self._arrays[key]  # type: ignore[no-any-return]
        flat = [indices.ravel() for indices in self._indices]
        order = np.concatenate(flat)
        places = np.arange(size) + len(order)
        places[order] = np.arange(len(order))

        def made(values: Any) -> Any:
            return xp.asarray(values, device=device(x))

        arrays = list(map(made, self._ids)), list(map(made, flat)), made(places)
        if not is_traced(x):
            self._arrays[key] = arrays
        return arrays

    def parts(self, x: Array) -> list[tuple[Array, Any]]:
        ids, flat, _ = self._for(x)
        xp, before = namespace(x), x.shape[:-1]
        return [
            (xp.reshape(xp.take(x, each, axis=-1), (*before, *indices.shape)), chosen)
            for each, indices, chosen in zip(flat, self._indices, ids, strict=True)
        ]

    def joined(self, parts: list[Array], x: Array) -> Array:
        xp, before = namespace(x), x.shape[:-1]
        flat = [xp.reshape(part, (*before, part.shape[-2] * part.shape[-1])) for part in parts]
        return xp.take(xp.concat((*flat, x), axis=-1), self._for(x)[2], axis=-1)

    def gradient(self, x: Array) -> Array:
        slopes = super().gradient(x)
        return slopes if self.covers == x.shape[-1] else slopes - self._free(x)

    def make_hessian(self, x: Array) -> LinearOperator:
        H = super().make_hessian(x)
        if self.covers == x.shape[-1]:
            return H
        space = Space.of(x, self.batch_ndim, known_finite=True)
        return SecondDerivative(
            lambda d: H(d) - self._free(d), space, self.strong_convexity, self.smoothness
        )

    def conjugate_prox(self, x: Array, alpha: Any = 1.0) -> Array:
        near = super().conjugate_prox(x, alpha)
        return near if self.covers == x.shape[-1] else near - self._free(x)

    def conjugate_value(self, u: Array) -> Array:
        value = super().conjugate_value(u)
        if self.covers == u.shape[-1]:
            return value
        beyond = sum_of(abs(self._free(u)), self.batch_ndim)
        return value + zero_or_inf(beyond, 0.0 * beyond)

    def _free(self, x: Array) -> Array:
        """x, but 0 in all groups."""
        return self.joined([0.0 * y for y, _ in self.parts(x)], x)

    def check_parts(self, space: Space) -> list[tuple[Space, Any]]:
        (shape,) = space.shapes
        if len(shape) == space.batch_ndim or shape[-1] < self._least_size:
            raise ValueError(
                f"groups of {self!r} name indices up to {self._least_size - 1} along the last "
                f"axis, which must be as long and no batch axis: x0 has shape {shape}, "
                f"batch_ndim = {space.batch_ndim}"
            )
        found = []
        for ids, indices in zip(self._ids, self._indices, strict=True):
            moved = (*shape[:-1], *indices.shape)
            of_parts = replace(space, shapes=(moved,), batch_ndim=len(moved) - 1)
            found.append((of_parts, space.xp.asarray(ids, device=space.device)))
        return found

    def write(self, s: Style) -> str:
        if s.is_latex:
            if isinstance(self.f, Indicator):
                return rf"\{{x_g \in {s(self.f)}\}}"
            return rf"\sum_g {s.grouped(s(self.f))}(x_g)"
        return f"{s(self.f)}.on({self.count} groups)"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        groups = [[0, 3], [2], [1, 4]]
        return [
            (L2Norm(batch_ndim=1).on(groups, asarray([0.5, 0.0, 2.0])), (2, 5)),
            (L2Norm(0.7).on([[2, 0]]), (4,)),
        ]


class SetOnGroups(SetOfParts, OnGroups):
    """{x: each x_g in C}, x_g the entries along the last axis that a list names; made by
    ``C.on(groups)``.

    The projection is that onto C of each x_g; entries that no group names stay as they are.
    Source: Bauschke, Combettes (2017), Prop. 29.3.

    Parameters
    ----------
    f : Indicator
        C. What it has samplewise, such as a radius, may be an array, one entry for each group.
    groups : sequence of sequences of int
        Indices from 0 along the last axis, none twice.

    Examples
    --------
    >>> C = sk.functions.Simplex().on([[0, 1], [2, 3, 4]])
    >>> print(C.project(np.array([3.0, 1.0, 0.2, 0.2, 0.9])))
    [1.     0.     0.1    0.1    0.8   ]
    """

    def __init__(self, f: Indicator, groups: Groups) -> None:
        OnGroups.__init__(self, f, groups)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(L1Ball(asarray([0.5, 2.0])).on([[0, 3, 4], [1]]), (5,))]


def on(f: Function, groups: Groups, weights: Array | None = None) -> Function:
    """``f.on(groups, weights)``."""
    if isinstance(f, Indicator) and weights is None:
        return SetOnGroups(f, groups)
    return OnGroups(f, groups, weights)
