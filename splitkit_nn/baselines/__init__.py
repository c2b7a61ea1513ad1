"""Models of other kinds that the paper compares with, on optional packages."""

from splitkit_nn.baselines.deq import BroydenDEQ as BroydenDEQ
from splitkit_nn.baselines.neural_ode import NeuralODE as NeuralODE
