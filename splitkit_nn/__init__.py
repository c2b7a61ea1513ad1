"""splitkit_nn: monotone operator equilibrium networks (monDEQ) on Torch, built on splitkit."""

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        "splitkit_nn needs torch, which is not installed: pip install 'splitkit[nn]'"
    ) from error

from splitkit_nn.activations import Activation as Activation, ReLU as ReLU
from splitkit_nn.certify import Certificate as Certificate, certify as certify
from splitkit_nn.layers import MonDEQ as MonDEQ
from splitkit_nn.linear import (
    MonotoneConv2d as MonotoneConv2d,
    MonotoneDense as MonotoneDense,
    Parametrization as Parametrization,
)
from splitkit_nn.models import DenseClassifier as DenseClassifier
from splitkit_nn.reference import load_reference as load_reference
