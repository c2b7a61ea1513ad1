"""What a link takes, t(v) of its flow v: the formula of the Bureau of Public Roads, or a user's.

t(v) = t₀(1 + b(v/c)^p), increasing for v ≥ 0. Source: Bureau of Public Roads, *Traffic Assignment
Manual* (1964).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from splitkit.arguments import NON_NEGATIVE, POSITIVE, Range, check_parameter
from splitkit.backend import is_array, to_numpy

Vector = Any  # a NumPy array of float64


class LinkCosts:
    """v ↦ t(v), link by link, of flows in one array.

    Parameters
    ----------
    value, slope : callable
        v ↦ t(v), positive and not decreasing for v ≥ 0, and v ↦ t′(v), on NumPy arrays of all
        links.

    Raises
    ------
    TypeError
        ``value`` or ``slope`` is no function.

    Examples
    --------
    >>> from splitkit.problems import LinkCosts
    >>> costs = LinkCosts(lambda v: 1 + v, lambda v: np.ones_like(v))
    >>> print(costs.value(np.array([10.0, 0.0])))
    [11.  1.]
    """

    def __init__(
        self, value: Callable[[Vector], Vector], slope: Callable[[Vector], Vector]
    ) -> None:
        for name, given in (("value", value), ("slope", slope)):
            if not callable(given):
                raise TypeError(f"{name} = {given!r}: give a function of all links' flows")
        self.value, self.slope = value, slope


class BPR(LinkCosts):
    """t₀(1 + b(v/c)^p).

    Parameters
    ----------
    free : array, shape (links,)
        t₀, non-negative: the time on the empty link.
    capacity : array, shape (links,)
        c, positive.
    b, power : float or array, default 0.15 and 4
        b non-negative, p at least 1.

    Raises
    ------
    TypeError, ValueError
        A number is none, or beyond its range.

    Examples
    --------
    >>> from splitkit.problems import BPR
    >>> costs = BPR(free=np.array([1.0, 2.0]), capacity=np.array([10.0, 10.0]))
    >>> print(costs.value(np.array([10.0, 0.0])))
    [1.15 2.  ]
    """

    def __init__(self, free: Any, capacity: Any, b: Any = 0.15, power: Any = 4.0) -> None:
        self.free = numbers("free", free, NON_NEGATIVE)
        self.capacity = numbers("capacity", capacity, POSITIVE)
        self.b = numbers("b", b, NON_NEGATIVE)
        self.power = numbers("power", power, Range(1.0, ends="[)"))
        shapes = {name: np.shape(getattr(self, name)) for name in vars(self)}
        try:
            shape = np.broadcast_shapes(*shapes.values())
        except ValueError:
            shape = (0, 0)
        if len(shape) > 1:
            raise ValueError(f"the shapes {shapes} differ: give one entry a link, or one number")
        self.links = shape[0] if shape else 1
        super().__init__(self._value, self._slope)

    def _value(self, v: Vector) -> Vector:
        return self.free * (1 + self.b * (v / self.capacity) ** self.power)

    def _slope(self, v: Vector) -> Vector:
        steep = self.free * self.b * self.power / self.capacity
        return steep * (v / self.capacity) ** (self.power - 1)


def numbers(name: str, value: Any, within: Callable[[Any], Any]) -> Vector:
    """A parameter as NumPy's float64."""
    given = check_parameter(name, value, within)
    return to_numpy(given).astype(np.float64) if is_array(given) else np.float64(given)
