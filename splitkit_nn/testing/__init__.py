"""Property-based checks for one's own activations and layers (needs hypothesis).

``check_activation(σ)``: is σ the proximal map that it says it is, at every step size?
``check_layer(layer)``: has the layer one equilibrium under every value of its parameters, does it
return it, and are its gradients those of that equilibrium? Failures read as those of
``splitkit.testing``, and ``replay`` shows them again.
"""

from splitkit_nn.testing.activation import (
    activation_suite as activation_suite,
    check_activation as check_activation,
)
from splitkit_nn.testing.layer import check_layer as check_layer, layer_suite as layer_suite
