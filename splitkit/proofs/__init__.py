"""Guarantees that the algebra proves itself, by small semidefinite programs (needs clarabel)."""

from splitkit.proofs.abstract import symbolic as symbolic
from splitkit.proofs.interpolation import (
    ConvexLipschitz as ConvexLipschitz,
    Forms as Forms,
    Indicator as Indicator,
    Linear as Linear,
    Quadratic as Quadratic,
    QuadraticGrowth as QuadraticGrowth,
    Restricted as Restricted,
    Smooth as Smooth,
    Support as Support,
    Symmetric as Symmetric,
)
from splitkit.proofs.lyapunov import Lyapunov as Lyapunov
from splitkit.proofs.outcome import NotExpressibleError as NotExpressibleError, Outcome as Outcome
from splitkit.proofs.proof import Inequality as Inequality, Proof as Proof
from splitkit.proofs.prove import (
    best_step as best_step,
    contraction as contraction,
    decrease as decrease,
    lyapunov as lyapunov,
    prove as prove,
)
from splitkit.proofs.quantity import Quantity as Quantity, inner as inner, norm2 as norm2
from splitkit.proofs.setting import Setting as Setting
from splitkit.proofs.symbols import LinearLeaf as LinearLeaf, Scene as Scene, Vector as Vector
