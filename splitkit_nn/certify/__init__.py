"""What is guaranteed of a layer and of a classifier that holds one, as numbers."""

from splitkit_nn.certify.certificate import Certificate as Certificate, certify as certify
from splitkit_nn.certify.robustness import (
    Robustness as Robustness,
    certify_robustness as certify_robustness,
)
from splitkit_nn.linear.bounds.base import LipschitzBounds as LipschitzBounds
from splitkit_nn.linear.bounds.matrix import lipschitz_bounds as lipschitz_bounds
