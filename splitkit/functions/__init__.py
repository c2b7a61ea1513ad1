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
from splitkit.functions.distance import Distance as Distance, SquaredDistance as SquaredDistance
from splitkit.functions.envelope import Envelope as Envelope
from splitkit.functions.group_l2 import GroupL2Norm as GroupL2Norm
from splitkit.functions.huber import Huber as Huber
from splitkit.functions.infimal_convolution import InfimalConvolution as InfimalConvolution
from splitkit.functions.l1_norm import L1Norm as L1Norm
from splitkit.functions.l2_ball import L2Ball as L2Ball
from splitkit.functions.largest_eigenvalue import LargestEigenvalue as LargestEigenvalue
from splitkit.functions.logistic import Logistic as Logistic
from splitkit.functions.metric import metric_prox as metric_prox
from splitkit.functions.negative_log import NegativeLog as NegativeLog
from splitkit.functions.negative_log_det import NegativeLogDet as NegativeLogDet
from splitkit.functions.non_negative import NonNegative as NonNegative
from splitkit.functions.perspective import Perspective as Perspective
from splitkit.functions.quadratic import Quadratic as Quadratic
from splitkit.functions.rank import Rank as Rank
from splitkit.functions.rescaled import Rescaled as Rescaled
from splitkit.functions.schatten import NuclearNorm as NuclearNorm, SchattenNorm as SchattenNorm
from splitkit.functions.simplex import Simplex as Simplex
from splitkit.functions.spectral import (
    Spectral as Spectral,
    SpectralSymmetric as SpectralSymmetric,
)
from splitkit.functions.squared_l2 import SquaredL2 as SquaredL2
from splitkit.functions.subdifferential import (
    NormalCone as NormalCone,
    Subdifferential as Subdifferential,
)
from splitkit.functions.tilted import Tilted as Tilted
