"""Functions and sets; one line each is the registry that the checks go through."""

from splitkit.functions.base import Function as Function, Indicator as Indicator
from splitkit.functions.calculus.along import Along as Along, AlongSet as AlongSet
from splitkit.functions.calculus.composed import Composed as Composed
from splitkit.functions.calculus.conjugate import Conjugate as Conjugate
from splitkit.functions.calculus.distance import (
    Distance as Distance,
    SquaredDistance as SquaredDistance,
)
from splitkit.functions.calculus.duality import duality_gap as duality_gap
from splitkit.functions.calculus.inexact_composition import InexactComposition as InexactComposition
from splitkit.functions.calculus.infimal_convolution import InfimalConvolution as InfimalConvolution
from splitkit.functions.calculus.metric import metric_prox as metric_prox
from splitkit.functions.calculus.moreau_envelope import MoreauEnvelope as MoreauEnvelope
from splitkit.functions.calculus.on_groups import OnGroups as OnGroups, SetOnGroups as SetOnGroups
from splitkit.functions.calculus.perspective import Perspective as Perspective
from splitkit.functions.calculus.raised import Raised as Raised
from splitkit.functions.calculus.rescaled import Rescaled as Rescaled
from splitkit.functions.calculus.scaled import Scaled as Scaled
from splitkit.functions.calculus.separable import SeparableSum as SeparableSum
from splitkit.functions.calculus.sublevel import (
    Epigraph as Epigraph,
    LpBall as LpBall,
    SublevelSet as SublevelSet,
)
from splitkit.functions.calculus.sums import SumOfFunctions as SumOfFunctions
from splitkit.functions.calculus.support import SupportFunction as SupportFunction
from splitkit.functions.calculus.tilted import Tilted as Tilted
from splitkit.functions.calculus.translated import Translated as Translated
from splitkit.functions.calculus.weighted_sum import WeightedSum as WeightedSum
from splitkit.functions.cones.cone import (
    Cone as Cone,
    NegativeCone as NegativeCone,
    PolarCone as PolarCone,
)
from splitkit.functions.cones.exponential_cone import ExponentialCone as ExponentialCone
from splitkit.functions.cones.isotonic import Isotonic as Isotonic
from splitkit.functions.cones.non_negative import NonNegative as NonNegative
from splitkit.functions.cones.non_positive import NonPositive as NonPositive
from splitkit.functions.cones.packed_semidefinite import (
    PackedPositiveSemidefinite as PackedPositiveSemidefinite,
)
from splitkit.functions.cones.positive_semidefinite import (
    PositiveSemidefinite as PositiveSemidefinite,
)
from splitkit.functions.cones.power_cone import PowerCone as PowerCone
from splitkit.functions.cones.rotated_second_order_cone import (
    RotatedSecondOrderCone as RotatedSecondOrderCone,
)
from splitkit.functions.cones.second_order_cone import SecondOrderCone as SecondOrderCone
from splitkit.functions.cones.zero_cone import ZeroCone as ZeroCone
from splitkit.functions.entropies.box_barrier import BoxBarrier as BoxBarrier
from splitkit.functions.entropies.exponential import Exponential as Exponential
from splitkit.functions.entropies.joint_divergences import (
    JointChiSquared as JointChiSquared,
    JointHellinger as JointHellinger,
    JointJeffrey as JointJeffrey,
    JointKullbackLeibler as JointKullbackLeibler,
    JointRenyi as JointRenyi,
)
from splitkit.functions.entropies.log_barrier import LogBarrier as LogBarrier
from splitkit.functions.entropies.log_sum_exp import LogSumExp as LogSumExp
from splitkit.functions.entropies.negative_entropy import NegativeEntropy as NegativeEntropy
from splitkit.functions.entropies.relative_entropy import RelativeEntropy as RelativeEntropy
from splitkit.functions.entropies.simplex_entropy import SimplexEntropy as SimplexEntropy
from splitkit.functions.entropies.transport_entropy import TransportEntropy as TransportEntropy
from splitkit.functions.losses.amplitude import Amplitude as Amplitude
from splitkit.functions.losses.berhu import BerHu as BerHu
from splitkit.functions.losses.cauchy import Cauchy as Cauchy
from splitkit.functions.losses.epsilon_insensitive import EpsilonInsensitive as EpsilonInsensitive
from splitkit.functions.losses.even_losses import (
    Fair as Fair,
    LogCosh as LogCosh,
    PseudoHuber as PseudoHuber,
)
from splitkit.functions.losses.hinge import Hinge as Hinge
from splitkit.functions.losses.huber import Huber as Huber
from splitkit.functions.losses.kullback_leibler import KullbackLeibler as KullbackLeibler
from splitkit.functions.losses.least_squares import LeastSquares as LeastSquares
from splitkit.functions.losses.linear import Linear as Linear
from splitkit.functions.losses.logistic import Logistic as Logistic
from splitkit.functions.losses.ordinal_logistic import OrdinalLogistic as OrdinalLogistic
from splitkit.functions.losses.quadratic import Quadratic as Quadratic
from splitkit.functions.losses.quantile import Quantile as Quantile
from splitkit.functions.losses.squared_hinge import SquaredHinge as SquaredHinge
from splitkit.functions.losses.squared_l2 import SquaredL2 as SquaredL2
from splitkit.functions.norms.elastic_net import ElasticNet as ElasticNet
from splitkit.functions.norms.group_l2 import GroupL2Norm as GroupL2Norm
from splitkit.functions.norms.k_support import SquaredKSupportNorm as SquaredKSupportNorm
from splitkit.functions.norms.l1_norm import L1Norm as L1Norm
from splitkit.functions.norms.l2_norm import L2Norm as L2Norm
from splitkit.functions.norms.linf_norm import LInfNorm as LInfNorm
from splitkit.functions.norms.lp_power import LpPower as LpPower
from splitkit.functions.norms.max_entry import Max as Max
from splitkit.functions.norms.sorted_l1 import SortedL1 as SortedL1
from splitkit.functions.norms.sparse_group import SparseGroupNorm as SparseGroupNorm
from splitkit.functions.norms.sublinear import SupportedSet as SupportedSet
from splitkit.functions.norms.sum_of_k_largest import SumOfKLargest as SumOfKLargest
from splitkit.functions.norms.total_variation_1d import TotalVariation1D as TotalVariation1D
from splitkit.functions.norms.total_variation_2d import TotalVariation2D as TotalVariation2D
from splitkit.functions.penalties.capped_l1 import CappedL1 as CappedL1
from splitkit.functions.penalties.concave import (
    ETP as ETP,
    Geman as Geman,
    LqPenalty as LqPenalty,
)
from splitkit.functions.penalties.l0_norm import L0Norm as L0Norm
from splitkit.functions.penalties.l1_minus_l2 import L1MinusL2 as L1MinusL2
from splitkit.functions.penalties.log_sum import LogSum as LogSum
from splitkit.functions.penalties.mcp import MCP as MCP
from splitkit.functions.penalties.scad import SCAD as SCAD
from splitkit.functions.sets.affine_set import AffineSet as AffineSet
from splitkit.functions.sets.ball_box import BallBox as BallBox
from splitkit.functions.sets.birkhoff import Birkhoff as Birkhoff
from splitkit.functions.sets.box import Box as Box
from splitkit.functions.sets.box_hyperplane import BoxHyperplane as BoxHyperplane
from splitkit.functions.sets.capped_simplex import CappedSimplex as CappedSimplex
from splitkit.functions.sets.graph import GraphOfLinearMap as GraphOfLinearMap
from splitkit.functions.sets.half_space import HalfSpace as HalfSpace
from splitkit.functions.sets.hyperplane import Hyperplane as Hyperplane
from splitkit.functions.sets.intersection import Intersection as Intersection
from splitkit.functions.sets.l0_ball import L0Ball as L0Ball
from splitkit.functions.sets.l1_ball import L1Ball as L1Ball
from splitkit.functions.sets.l2_ball import L2Ball as L2Ball
from splitkit.functions.sets.l21_ball import L21Ball as L21Ball
from splitkit.functions.sets.nuclear_ball import NuclearBall as NuclearBall
from splitkit.functions.sets.permutahedron import Permutahedron as Permutahedron
from splitkit.functions.sets.permutation_matrices import PermutationMatrices as PermutationMatrices
from splitkit.functions.sets.polyhedron import Polyhedron as Polyhedron
from splitkit.functions.sets.rank_ball import RankBall as RankBall
from splitkit.functions.sets.simplex import Simplex as Simplex
from splitkit.functions.sets.singleton import Singleton as Singleton
from splitkit.functions.sets.slab import Slab as Slab
from splitkit.functions.sets.solid_simplex import SolidSimplex as SolidSimplex
from splitkit.functions.sets.solution_set import SolutionSet as SolutionSet
from splitkit.functions.sets.sparse_simplex import SparseSimplex as SparseSimplex
from splitkit.functions.sets.spectral_ball import SpectralBall as SpectralBall
from splitkit.functions.sets.sphere import Sphere as Sphere
from splitkit.functions.sets.stiefel import Stiefel as Stiefel
from splitkit.functions.sets.transport_polytope import TransportPolytope as TransportPolytope
from splitkit.functions.sets.weighted_l1_ball import WeightedL1Ball as WeightedL1Ball
from splitkit.functions.spectral.largest_eigenvalue import LargestEigenvalue as LargestEigenvalue
from splitkit.functions.spectral.negative_log_det import NegativeLogDet as NegativeLogDet
from splitkit.functions.spectral.rank import Rank as Rank
from splitkit.functions.spectral.schatten import (
    NuclearNorm as NuclearNorm,
    SchattenNorm as SchattenNorm,
)
from splitkit.functions.spectral.spectral import (
    Spectral as Spectral,
    SpectralSymmetric as SpectralSymmetric,
)
from splitkit.functions.spectral.weighted_nuclear_norm import (
    WeightedNuclearNorm as WeightedNuclearNorm,
)
from splitkit.functions.subdifferential import (
    NormalCone as NormalCone,
    Subdifferential as Subdifferential,
)
