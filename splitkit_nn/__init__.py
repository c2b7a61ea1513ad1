"""splitkit_nn: monotone operator equilibrium networks (monDEQ) on Torch, built on splitkit."""

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        "splitkit_nn needs torch, which is not installed: pip install 'splitkit[nn]'"
    ) from error

from splitkit_nn.activations import (
    CELU as CELU,
    ELU as ELU,
    Activation as Activation,
    Arctan as Arctan,
    Clamp as Clamp,
    GroupShrinkage as GroupShrinkage,
    HardTanh as HardTanh,
    LeakyReLU as LeakyReLU,
    ReLU as ReLU,
    ReLU6 as ReLU6,
    ScalarActivation as ScalarActivation,
    Sigmoid as Sigmoid,
    Softmax as Softmax,
    Softplus as Softplus,
    Softsign as Softsign,
    SoftThreshold as SoftThreshold,
    Sparsemax as Sparsemax,
    Tanh as Tanh,
)
from splitkit_nn.certify import Certificate as Certificate, certify as certify
from splitkit_nn.layers import MonDEQ as MonDEQ
from splitkit_nn.linear import (
    MonotoneConv2d as MonotoneConv2d,
    MonotoneDense as MonotoneDense,
    MonotoneLipschitz as MonotoneLipschitz,
    MonotoneMultiTier as MonotoneMultiTier,
    MonotoneTriangular as MonotoneTriangular,
    Parametrization as Parametrization,
)
from splitkit_nn.masked import Masked as Masked
from splitkit_nn.models import (
    Classifier as Classifier,
    ConvClassifier as ConvClassifier,
    DenseClassifier as DenseClassifier,
    MultiTierClassifier as MultiTierClassifier,
)
from splitkit_nn.reference import load_reference as load_reference
