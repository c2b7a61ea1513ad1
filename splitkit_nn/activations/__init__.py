"""Activations as proximal maps; ``registry`` lists them by name."""

from splitkit_nn.activations.arctan import Arctan as Arctan
from splitkit_nn.activations.base import Activation as Activation
from splitkit_nn.activations.clamp import Clamp as Clamp, HardTanh as HardTanh, ReLU6 as ReLU6
from splitkit_nn.activations.elu import CELU as CELU, ELU as ELU
from splitkit_nn.activations.group_shrinkage import GroupShrinkage as GroupShrinkage
from splitkit_nn.activations.leaky_relu import LeakyReLU as LeakyReLU
from splitkit_nn.activations.registry import (
    ACTIVATIONS as ACTIVATIONS,
    find_activation as find_activation,
)
from splitkit_nn.activations.relu import ReLU as ReLU
from splitkit_nn.activations.scalar import ScalarActivation as ScalarActivation
from splitkit_nn.activations.sigmoid import Sigmoid as Sigmoid
from splitkit_nn.activations.soft_threshold import SoftThreshold as SoftThreshold
from splitkit_nn.activations.softmax import Softmax as Softmax
from splitkit_nn.activations.softplus import Softplus as Softplus
from splitkit_nn.activations.softsign import Softsign as Softsign
from splitkit_nn.activations.sparsemax import Sparsemax as Sparsemax
from splitkit_nn.activations.tanh import Tanh as Tanh
