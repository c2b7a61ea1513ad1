"""Linear maps and what is built of them; the lines are the registry that the checks go through."""

from splitkit.linear.affine import Affine as Affine, Saddle as Saddle
from splitkit.linear.algebra import (
    LinearMultiple as LinearMultiple,
    LinearProduct as LinearProduct,
    LinearSum as LinearSum,
)
from splitkit.linear.base import LinearOperator as LinearOperator
from splitkit.linear.block import (
    BlockColumn as BlockColumn,
    BlockDiagonalMap as BlockDiagonalMap,
    BlockMatrix as BlockMatrix,
    BlockRow as BlockRow,
)
from splitkit.linear.channels import ChannelConvolution as ChannelConvolution
from splitkit.linear.complex_parts import ImaginaryPart as ImaginaryPart, RealPart as RealPart
from splitkit.linear.cosine import CosineTransform as CosineTransform
from splitkit.linear.coupling import Coupling as Coupling
from splitkit.linear.dense import DenseMatrix as DenseMatrix
from splitkit.linear.diagonal import Diagonal as Diagonal
from splitkit.linear.differences import Differences as Differences, Laplacian as Laplacian
from splitkit.linear.estimate import NormEstimate as NormEstimate, estimate_norm as estimate_norm
from splitkit.linear.fourier import Circulant as Circulant, Convolution as Convolution
from splitkit.linear.fusing import weighted_gram as weighted_gram
from splitkit.linear.gradient import Gradient as Gradient
from splitkit.linear.identity import ScaledIdentity as ScaledIdentity
from splitkit.linear.interpolation import Interpolation as Interpolation, Resize as Resize
from splitkit.linear.iterative import Iterative as Iterative
from splitkit.linear.kronecker import Kronecker as Kronecker
from splitkit.linear.linear_convolution import LinearConvolution as LinearConvolution
from splitkit.linear.low_rank import PlusLowRank as PlusLowRank
from splitkit.linear.mask import Mask as Mask
from splitkit.linear.matrix_free import MatrixFree as MatrixFree
from splitkit.linear.nonuniform_fourier import NonuniformFourier as NonuniformFourier
from splitkit.linear.padding import Crop as Crop, Pad as Pad
from splitkit.linear.radon import FanBeam as FanBeam, Radon as Radon
from splitkit.linear.rearranged import (
    Flip as Flip,
    Reshape as Reshape,
    Roll as Roll,
    Transpose as Transpose,
)
from splitkit.linear.recognized import as_affine as as_affine
from splitkit.linear.restriction import Restriction as Restriction
from splitkit.linear.second_differences import SecondDifferences as SecondDifferences
from splitkit.linear.sparse import Sparse as Sparse
from splitkit.linear.stacked import Stacked as Stacked
from splitkit.linear.sums import MeanOver as MeanOver, SumOver as SumOver
from splitkit.linear.unitary_fourier import Fourier as Fourier
from splitkit.linear.wavelet import Wavelet as Wavelet
from splitkit.linear.wrapped import wrap as wrap
