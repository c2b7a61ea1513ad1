"""splitkit_nn: monotone operator equilibrium networks (monDEQ) on Torch, built on splitkit.

Without torch there are ``ArrayMonDEQ`` and the activations, on NumPy and other arrays, and
``mondeq``, a function of parameters for JAX.
"""

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
from splitkit_nn.activations.masked import Masked as Masked
from splitkit_nn.equilibrium.array_layer import ArrayMonDEQ as ArrayMonDEQ, Cotangents as Cotangents
from splitkit_nn.equilibrium.function import mondeq as mondeq

try:
    import torch as _torch  # noqa: F401
except ImportError:

    def __getattr__(name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(f"module 'splitkit_nn' has no attribute {name!r}")
        raise ImportError(
            f"splitkit_nn.{name} needs torch, which is not installed: pip install 'splitkit[nn]'"
        )
else:
    from splitkit_nn.certify import (
        Certificate as Certificate,
        LipschitzBounds as LipschitzBounds,
        Robustness as Robustness,
        certify as certify,
        certify_robustness as certify_robustness,
        lipschitz_bounds as lipschitz_bounds,
    )
    from splitkit_nn.implicit.gradients import (
        CotangentSolve as CotangentSolve,
        Direct as Direct,
        GradientRule as GradientRule,
        JacobianFree as JacobianFree,
        Truncated as Truncated,
        Unrolled as Unrolled,
    )
    from splitkit_nn.implicit.solve import ImplicitSolve as ImplicitSolve
    from splitkit_nn.layers import MonDEQ as MonDEQ, UnrolledLayer as UnrolledLayer
    from splitkit_nn.layers.compare import (
        GradientBias as GradientBias,
        compare_gradients as compare_gradients,
    )
    from splitkit_nn.linear import (
        MatrixParametrization as MatrixParametrization,
        MonotoneConv2d as MonotoneConv2d,
        MonotoneDense as MonotoneDense,
        MonotoneInfinity as MonotoneInfinity,
        MonotoneLipschitz as MonotoneLipschitz,
        MonotoneMultiTier as MonotoneMultiTier,
        MonotoneTriangular as MonotoneTriangular,
        Parametrization as Parametrization,
    )
    from splitkit_nn.models import (
        Classifier as Classifier,
        ConvClassifier as ConvClassifier,
        DenseClassifier as DenseClassifier,
        MultiTierClassifier as MultiTierClassifier,
    )
    from splitkit_nn.models.reference import load_reference as load_reference
    from splitkit_nn.models.saved import load as load, save as save
