"""The resolvent R_{αA} = (I + αA)⁻¹ and the Cayley operator C_{αA} = 2R_{αA} − I."""

from __future__ import annotations

from functools import cached_property

from splitkit.arguments import POSITIVE, check_parameter, check_samplewise
from splitkit.backend import Point, Scalar, Space, is_array
from splitkit.notation import FACTOR, SUM, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.parts import OfOne
from splitkit.properties import Properties


class _OfStep(OfOne):
    """An operator of A and a step size α, prepared at its first application."""

    symbol: str
    at_every_step: Properties  # what holds for every α > 0 if A is monotone

    def __init__(self, A: Operator, alpha: Scalar) -> None:
        super().__init__(A)
        self.alpha = check_parameter("alpha", alpha, POSITIVE)

    def prepare(self) -> PointMap:
        """The map, made once."""
        raise NotImplementedError

    def properties_at(self, alpha: float) -> Properties:
        """What is known at one step size."""
        raise NotImplementedError

    @cached_property
    def _prepared(self) -> PointMap:
        return self.prepare()

    def __call__(self, x: Point) -> Point:
        return self._prepared(x)

    def make_evaluation(self) -> PointMap:
        return self._prepared

    @cached_property
    def properties(self) -> Properties:
        if is_array(self.alpha):
            return self.at_every_step if self.A.properties.monotone else Properties()
        return self.properties_at(self.alpha)

    @property
    def has_evaluation(self) -> bool:
        return self.A.has_resolvent

    @property
    def has_resolvent(self) -> bool:
        return False

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        check_samplewise("alpha", self.alpha, space)

    def write(self, s: Style) -> str:
        A = s(self.A, self._place)
        if is_array(self.alpha):
            step = rf"\alpha {A}" if s.is_latex else f"α {A}"
        else:
            step = s.multiple(self.alpha, A)
        return f"{self.symbol}_{{{step}}}" if s.is_latex else f"{self.symbol}[{step}]"

    @property
    def _place(self) -> int:
        return FACTOR if is_array(self.alpha) or self.alpha != 1 else SUM


class Resolvent(_OfStep):
    """The resolvent R_{αA} = (I + αA)⁻¹ and the Cayley operator C_{αA} = 2R_{αA} − I.

    For A maximal monotone and α > 0, R is single-valued, defined everywhere and firmly nonexpansive
    (Minty), C is nonexpansive, and zeros of A are the fixed points of either.

    Parameters
    ----------
    A : Operator
        Monotone, with a known resolvent.
    alpha : float or array of batch shape
        α, positive and finite.

    Examples
    --------
    >>> R = sk.Subdifferential(sk.functions.L1Norm()).resolvent(1.0)
    >>> print(R(np.array([3.0, 0.5])), R.averagedness)
    [2. 0.] 0.5
    """

    symbol = "R"
    at_every_step = Properties.of(cocoercivity=1.0)

    def prepare(self) -> PointMap:
        return self.A.make_resolvent(self.alpha)

    def properties_at(self, alpha: float) -> Properties:
        return self.A.properties.resolvent(alpha)


class Cayley(_OfStep):
    """C_{αA} = 2R_{αA} − I, the reflected resolvent.

    Parameters
    ----------
    A : Operator
        Monotone, with a known resolvent.
    alpha : float or array of batch shape
        α, positive and finite.

    Examples
    --------
    >>> C = sk.NormalCone(sk.functions.NonNegative()).cayley(1.0)
    >>> print(C(np.array([3.0, -0.5])), C.lipschitz)
    [3.  0.5] 1.0
    """

    symbol = "C"
    at_every_step = Properties.of(lipschitz=1.0)

    def prepare(self) -> PointMap:
        return self.A.make_cayley(self.alpha)

    def properties_at(self, alpha: float) -> Properties:
        return self.A.cayley_properties(alpha)
