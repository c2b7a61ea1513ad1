"""Losses and penalties by their names, or as functions of the library, with weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from splitkit import functions as f
from splitkit.functions.base import Function

# of the residual y − η; a Poisson loss is of η itself
REGRESSION: Mapping[str, Callable[[], Function]] = {
    "squared": f.SquaredL2,
    "huber": lambda: f.Huber(1.35),
    "absolute": f.L1Norm,
    "quantile": lambda: f.Quantile(0.5),
    "epsilon_insensitive": lambda: f.EpsilonInsensitive(0.1),
}
PENALTIES = (None, "l1", "l2", "elasticnet")


def chosen(name: str, value: Any, known: Any) -> Any:
    """The value if it is among those known, or a function.

    Raises
    ------
    ValueError
        It is neither.
    """
    if isinstance(value, Function) or (isinstance(value, str | None) and value in known):
        return value
    names = ", ".join(map(repr, known))
    raise ValueError(
        f"{name} = {value!r}: give one of {names}, or a function of splitkit.functions"
    )


def with_batch(g: Function, batch_ndim: int) -> Function:
    """The same function of points with so many batch axes.

    Raises
    ------
    TypeError
        It is made of others, which have batch axes of their own.
    """
    if g.batch_ndim == batch_ndim:
        return g
    if not is_dataclass(g):
        raise TypeError(
            f"{g!r} has batch_ndim = {g.batch_ndim}, and {batch_ndim} is needed: make it with "
            f"batch_ndim={batch_ndim}, or fit one alpha and no sample weights"
        )
    other = copy.copy(g)
    other.batch_ndim = batch_ndim
    return other


def weighted(g: Function, weights: Any, batch_ndim: int = 0) -> Function:
    """Σ wᵢg(xᵢ) over the samples of g, which has no batch axes, in a space that has some."""
    uniform = bool(np.all(weights == weights[0]))
    names = {each.name for each in fields(g)} if is_dataclass(g) else set()
    if g.elementwise and "weight" in names:
        factor = float(weights[0]) if uniform else weights
        scaled: Any = {"weight": g.weight * factor}  # type: ignore[attr-defined]
        return with_batch(replace(g, **scaled), batch_ndim)
    if uniform:
        return float(weights[0]) * with_batch(g, batch_ndim)
    return f.WeightedSum(with_batch(g, batch_ndim + 1), weights)


def elastic_net(l1: Any, l2: Any, batch_ndim: int = 0) -> Function:
    """Σ l1ᵢ|xᵢ| + l2ᵢxᵢ²/2, as the simplest function that it is."""
    if not np.any(l2):
        return f.L1Norm(l1, batch_ndim=batch_ndim)
    if not np.any(l1):
        return f.SquaredL2(l2, batch_ndim=batch_ndim)
    return f.ElasticNet(l1, l2, batch_ndim=batch_ndim)
