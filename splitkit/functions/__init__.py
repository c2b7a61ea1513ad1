"""Functions and sets; one line each is the registry that the checks go through."""

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
from splitkit.functions.distance import Distance as Distance, SquaredDistance as SquaredDistance
from splitkit.functions.duality import duality_gap as duality_gap
from splitkit.functions.elastic_net import ElasticNet as ElasticNet
from splitkit.functions.epsilon_insensitive import EpsilonInsensitive as EpsilonInsensitive
from splitkit.functions.exponential_cone import ExponentialCone as ExponentialCone
from splitkit.functions.graph import GraphOfLinearMap as GraphOfLinearMap
from splitkit.functions.group_l2 import GroupL2Norm as GroupL2Norm
from splitkit.functions.half_space import HalfSpace as HalfSpace
from splitkit.functions.hinge import Hinge as Hinge
from splitkit.functions.huber import Huber as Huber
from splitkit.functions.hyperplane import Hyperplane as Hyperplane
from splitkit.functions.inexact_composition import InexactComposition as InexactComposition
from splitkit.functions.infimal_convolution import InfimalConvolution as InfimalConvolution
from splitkit.functions.intersection import Intersection as Intersection
from splitkit.functions.isotonic import Isotonic as Isotonic
from splitkit.functions.k_support import SquaredKSupportNorm as SquaredKSupportNorm
from splitkit.functions.kullback_leibler import KullbackLeibler as KullbackLeibler
from splitkit.functions.l0_ball import L0Ball as L0Ball
from splitkit.functions.l0_norm import L0Norm as L0Norm
from splitkit.functions.l1_ball import L1Ball as L1Ball
from splitkit.functions.l1_norm import L1Norm as L1Norm
from splitkit.functions.l2_ball import L2Ball as L2Ball
from splitkit.functions.l2_norm import L2Norm as L2Norm
from splitkit.functions.largest_eigenvalue import LargestEigenvalue as LargestEigenvalue
from splitkit.functions.least_squares import LeastSquares as LeastSquares
from splitkit.functions.linf_norm import LInfNorm as LInfNorm
from splitkit.functions.log_barrier import LogBarrier as LogBarrier
from splitkit.functions.log_sum import LogSum as LogSum
from splitkit.functions.log_sum_exp import LogSumExp as LogSumExp
from splitkit.functions.logistic import Logistic as Logistic
from splitkit.functions.lp_power import LpPower as LpPower
from splitkit.functions.max_entry import Max as Max
from splitkit.functions.mcp import MCP as MCP
from splitkit.functions.metric import metric_prox as metric_prox
from splitkit.functions.moreau_envelope import MoreauEnvelope as MoreauEnvelope
from splitkit.functions.negative_entropy import NegativeEntropy as NegativeEntropy
from splitkit.functions.negative_log_det import NegativeLogDet as NegativeLogDet
from splitkit.functions.non_negative import NonNegative as NonNegative
from splitkit.functions.non_positive import NonPositive as NonPositive
from splitkit.functions.nuclear_ball import NuclearBall as NuclearBall
from splitkit.functions.perspective import Perspective as Perspective
from splitkit.functions.polyhedron import Polyhedron as Polyhedron
from splitkit.functions.positive_semidefinite import PositiveSemidefinite as PositiveSemidefinite
from splitkit.functions.power_cone import PowerCone as PowerCone
from splitkit.functions.quadratic import Quadratic as Quadratic
from splitkit.functions.quantile import Quantile as Quantile
from splitkit.functions.rank import Rank as Rank
from splitkit.functions.rescaled import Rescaled as Rescaled
from splitkit.functions.rotated_second_order_cone import (
    RotatedSecondOrderCone as RotatedSecondOrderCone,
)
from splitkit.functions.scad import SCAD as SCAD
from splitkit.functions.schatten import NuclearNorm as NuclearNorm, SchattenNorm as SchattenNorm
from splitkit.functions.second_order_cone import SecondOrderCone as SecondOrderCone
from splitkit.functions.simplex import Simplex as Simplex
from splitkit.functions.simplex_entropy import SimplexEntropy as SimplexEntropy
from splitkit.functions.singleton import Singleton as Singleton
from splitkit.functions.slab import Slab as Slab
from splitkit.functions.sorted_l1 import SortedL1 as SortedL1
from splitkit.functions.sparse_group import SparseGroupNorm as SparseGroupNorm
from splitkit.functions.spectral import (
    Spectral as Spectral,
    SpectralSymmetric as SpectralSymmetric,
)
from splitkit.functions.squared_hinge import SquaredHinge as SquaredHinge
from splitkit.functions.squared_l2 import SquaredL2 as SquaredL2
from splitkit.functions.subdifferential import (
    NormalCone as NormalCone,
    Subdifferential as Subdifferential,
)
from splitkit.functions.sublinear import SupportedSet as SupportedSet
from splitkit.functions.sum_of_k_largest import SumOfKLargest as SumOfKLargest
from splitkit.functions.support import SupportFunction as SupportFunction
from splitkit.functions.tilted import Tilted as Tilted
from splitkit.functions.total_variation_1d import TotalVariation1D as TotalVariation1D
from splitkit.functions.total_variation_2d import TotalVariation2D as TotalVariation2D
from splitkit.functions.transport_polytope import TransportPolytope as TransportPolytope
from splitkit.functions.zero_cone import ZeroCone as ZeroCone
