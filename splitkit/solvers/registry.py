"""The methods, one line each; ``solve`` tries them in this order among equal guarantees."""

from splitkit.solvers.douglas_rachford import DouglasRachford
from splitkit.solvers.forward_backward import ForwardBackward
from splitkit.solvers.method import Method
from splitkit.solvers.peaceman_rachford import PeacemanRachford

METHODS: tuple[type[Method], ...] = (
    ForwardBackward,
    PeacemanRachford,
    DouglasRachford,
)
