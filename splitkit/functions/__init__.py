"""Convex functions and sets; one line each is the registry that the checks go through."""

from splitkit.functions.base import Function as Function, Indicator as Indicator
from splitkit.functions.calculus import (
    Composed as Composed,
    Conjugate as Conjugate,
    Scaled as Scaled,
    SeparableSum as SeparableSum,
    SumOfFunctions as SumOfFunctions,
    Translated as Translated,
)
from splitkit.functions.l1_norm import L1Norm as L1Norm
from splitkit.functions.non_negative import NonNegative as NonNegative
from splitkit.functions.subdifferential import (
    NormalCone as NormalCone,
    Subdifferential as Subdifferential,
)
