"""splitkit: operator splitting as an algebra of operators.

Solve 0 ∈ A₁x + … + Aₙx with operators, resolvents and Cayley operators as objects, on NumPy, Torch,
CuPy or any library of the Array API standard: ``solve``, ``minimize``, ``explain``.
"""

from splitkit import functions as functions
from splitkit.functions import NormalCone as NormalCone, Subdifferential as Subdifferential
from splitkit.linear import (
    Affine as Affine,
    Coupling as Coupling,
    DenseMatrix as DenseMatrix,
    LinearOperator as LinearOperator,
    Saddle as Saddle,
)
from splitkit.operators import (
    BlockDiagonal as BlockDiagonal,
    Cayley as Cayley,
    Identity as Identity,
    Operator as Operator,
    Resolvent as Resolvent,
    Zero as Zero,
)
from splitkit.properties import Properties as Properties
from splitkit.solvers import (
    Absolute as Absolute,
    CertifiedError as CertifiedError,
    DouglasRachford as DouglasRachford,
    Explanation as Explanation,
    ForwardBackward as ForwardBackward,
    Guarantee as Guarantee,
    Iteration as Iteration,
    Method as Method,
    NoGuaranteeError as NoGuaranteeError,
    NotConvergedError as NotConvergedError,
    NotConvergedWarning as NotConvergedWarning,
    PeacemanRachford as PeacemanRachford,
    Reading as Reading,
    Relative as Relative,
    Role as Role,
    Solution as Solution,
    Splitting as Splitting,
    State as State,
    Status as Status,
    Stopping as Stopping,
    TimeLimit as TimeLimit,
    explain as explain,
    minimize as minimize,
    solve as solve,
)

__version__ = "0.1.0"
