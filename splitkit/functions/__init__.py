"""Convex functions and sets; one line each is the registry that the checks go through."""

from splitkit.functions.affine_set import AffineSet as AffineSet
from splitkit.functions.base import Function as Function, Indicator as Indicator
from splitkit.functions.box import Box as Box
from splitkit.functions.calculus import (
    Composed as Composed,
    Conjugate as Conjugate,
    Scaled as Scaled,
    SeparableSum as SeparableSum,
    SumOfFunctions as SumOfFunctions,
    Translated as Translated,
)
from splitkit.functions.group_l2 import GroupL2Norm as GroupL2Norm
from splitkit.functions.huber import Huber as Huber
from splitkit.functions.l1_norm import L1Norm as L1Norm
from splitkit.functions.l2_ball import L2Ball as L2Ball
from splitkit.functions.logistic import Logistic as Logistic
from splitkit.functions.moreau_envelope import MoreauEnvelope as MoreauEnvelope
from splitkit.functions.non_negative import NonNegative as NonNegative
from splitkit.functions.quadratic import Quadratic as Quadratic
from splitkit.functions.simplex import Simplex as Simplex
from splitkit.functions.squared_l2 import SquaredL2 as SquaredL2
from splitkit.functions.subdifferential import (
    NormalCone as NormalCone,
    Subdifferential as Subdifferential,
)
