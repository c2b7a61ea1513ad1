"""The methods, one line each; ``solve`` tries them in this order among equal guarantees."""

from splitkit.solvers.douglas_rachford import DouglasRachford
from splitkit.solvers.forward_backward import ForwardBackward
from splitkit.solvers.peaceman_rachford import PeacemanRachford
from splitkit.solvers.splitting import Splitting

METHODS: tuple[type[Splitting], ...] = (
    ForwardBackward,
    PeacemanRachford,
    DouglasRachford,
)
