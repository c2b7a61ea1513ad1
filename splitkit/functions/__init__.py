"""Convex functions and sets; one line each is the registry that the checks go through."""

from splitkit.functions.affine_set import AffineSet as AffineSet
from splitkit.functions.base import Function as Function, Indicator as Indicator
from splitkit.functions.birkhoff import Birkhoff as Birkhoff
from splitkit.functions.box import Box as Box
from splitkit.functions.calculus import (
    Composed as Composed,
    Conjugate as Conjugate,
    Scaled as Scaled,
    SeparableSum as SeparableSum,
    SumOfFunctions as SumOfFunctions,
    Translated as Translated,
)
from splitkit.functions.capped_simplex import CappedSimplex as CappedSimplex
from splitkit.functions.cone import (
    Cone as Cone,
    NegativeCone as NegativeCone,
    PolarCone as PolarCone,
)
from splitkit.functions.exponential_cone import ExponentialCone as ExponentialCone
from splitkit.functions.graph import GraphOfLinearMap as GraphOfLinearMap
from splitkit.functions.group_l2 import GroupL2Norm as GroupL2Norm
from splitkit.functions.half_space import HalfSpace as HalfSpace
from splitkit.functions.huber import Huber as Huber
from splitkit.functions.hyperplane import Hyperplane as Hyperplane
from splitkit.functions.intersection import Intersection as Intersection
from splitkit.functions.isotonic import Isotonic as Isotonic
from splitkit.functions.l0_ball import L0Ball as L0Ball
from splitkit.functions.l1_ball import L1Ball as L1Ball
from splitkit.functions.l1_norm import L1Norm as L1Norm
from splitkit.functions.l2_ball import L2Ball as L2Ball
from splitkit.functions.largest_eigenvalue import LargestEigenvalue as LargestEigenvalue
from splitkit.functions.logistic import Logistic as Logistic
from splitkit.functions.negative_log import NegativeLog as NegativeLog
from splitkit.functions.negative_log_det import NegativeLogDet as NegativeLogDet
from splitkit.functions.non_negative import NonNegative as NonNegative
from splitkit.functions.non_positive import NonPositive as NonPositive
from splitkit.functions.nuclear_ball import NuclearBall as NuclearBall
from splitkit.functions.polyhedron import Polyhedron as Polyhedron
from splitkit.functions.positive_semidefinite import PositiveSemidefinite as PositiveSemidefinite
from splitkit.functions.power_cone import PowerCone as PowerCone
from splitkit.functions.quadratic import Quadratic as Quadratic
from splitkit.functions.rank import Rank as Rank
from splitkit.functions.rotated_second_order_cone import (
    RotatedSecondOrderCone as RotatedSecondOrderCone,
)
from splitkit.functions.schatten import NuclearNorm as NuclearNorm, SchattenNorm as SchattenNorm
from splitkit.functions.second_order_cone import SecondOrderCone as SecondOrderCone
from splitkit.functions.simplex import Simplex as Simplex
from splitkit.functions.singleton import Singleton as Singleton
from splitkit.functions.slab import Slab as Slab
from splitkit.functions.spectral import (
    Spectral as Spectral,
    SpectralSymmetric as SpectralSymmetric,
)
from splitkit.functions.squared_l2 import SquaredL2 as SquaredL2
from splitkit.functions.subdifferential import (
    NormalCone as NormalCone,
    Subdifferential as Subdifferential,
)
from splitkit.functions.support import SupportFunction as SupportFunction
from splitkit.functions.transport_polytope import TransportPolytope as TransportPolytope
from splitkit.functions.zero_cone import ZeroCone as ZeroCone
