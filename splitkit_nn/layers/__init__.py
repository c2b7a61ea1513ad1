"""The equilibrium layer on Torch: ``MonDEQ``, its solves, and what they record."""

from splitkit_nn.layers.mondeq import MonDEQ as MonDEQ
from splitkit_nn.layers.unrolled import UnrolledLayer as UnrolledLayer
