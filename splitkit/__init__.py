"""splitkit: operator splitting as an algebra of operators.

Solve 0 ∈ A₁x + … + Aₙx with operators, resolvents and Cayley operators as objects, on NumPy, Torch,
CuPy or any library of the Array API standard: ``solve``, ``minimize``, ``explain``.
"""

from splitkit import functions as functions, problems as problems
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
    Consensus as Consensus,
    Identity as Identity,
    Operator as Operator,
    Resolvent as Resolvent,
    Zero as Zero,
    copies as copies,
    product_space as product_space,
)
from splitkit.problems import (
    KKT as KKT,
    LCP as LCP,
    NCP as NCP,
    VI as VI,
    GeneralizedNashGame as GeneralizedNashGame,
    MatrixGame as MatrixGame,
    MixedComplementarity as MixedComplementarity,
    NashGame as NashGame,
    PseudoGradient as PseudoGradient,
)
from splitkit.proofs import Proof as Proof, best_step as best_step, prove as prove
from splitkit.properties import Properties as Properties
from splitkit.solvers import (
    ADMM as ADMM,
    FISTA as FISTA,
    PD3O as PD3O,
    Absolute as Absolute,
    AcceleratedProximalPoint as AcceleratedProximalPoint,
    Accelerator as Accelerator,
    AdaptiveProximalGradient as AdaptiveProximalGradient,
    Anderson as Anderson,
    CertifiedError as CertifiedError,
    ChambollePock as ChambollePock,
    CondatVu as CondatVu,
    DavisYin as DavisYin,
    DouglasRachford as DouglasRachford,
    Explanation as Explanation,
    Extragradient as Extragradient,
    ForwardBackward as ForwardBackward,
    ForwardReflectedBackward as ForwardReflectedBackward,
    GoldenRatio as GoldenRatio,
    Guarantee as Guarantee,
    Halpern as Halpern,
    Inertial as Inertial,
    Iteration as Iteration,
    LinearizedADMM as LinearizedADMM,
    MalitskyTam as MalitskyTam,
    Method as Method,
    NoGuaranteeError as NoGuaranteeError,
    NotConvergedError as NotConvergedError,
    NotConvergedWarning as NotConvergedWarning,
    PastExtragradient as PastExtragradient,
    PeacemanRachford as PeacemanRachford,
    Plan as Plan,
    Preconditioned as Preconditioned,
    ProductSpace as ProductSpace,
    ProjectiveSplitting as ProjectiveSplitting,
    ProximalPoint as ProximalPoint,
    Reading as Reading,
    Relative as Relative,
    Relaxed as Relaxed,
    Role as Role,
    Ryu as Ryu,
    Solution as Solution,
    Splitting as Splitting,
    State as State,
    Status as Status,
    Stopping as Stopping,
    SuperMann as SuperMann,
    Term as Term,
    TimeLimit as TimeLimit,
    Tseng as Tseng,
    TsengLineSearch as TsengLineSearch,
    explain as explain,
    iterate as iterate,
    minimize as minimize,
    plan as plan,
    plot_convergence as plot_convergence,
    solve as solve,
)

__version__ = "0.1.0"
