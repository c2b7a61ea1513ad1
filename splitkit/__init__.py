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
from splitkit.meshes import gathering as gathering
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
    Absolute as Absolute,
    ArraySolution as ArraySolution,
    CertifiedError as CertifiedError,
    Comparison as Comparison,
    Explanation as Explanation,
    Gap as Gap,
    Guarantee as Guarantee,
    ImplicitFunction as ImplicitFunction,
    Iteration as Iteration,
    Method as Method,
    NoGuaranteeError as NoGuaranteeError,
    NotConvergedError as NotConvergedError,
    NotConvergedWarning as NotConvergedWarning,
    ObjectiveChange as ObjectiveChange,
    Plan as Plan,
    Reading as Reading,
    Relative as Relative,
    Role as Role,
    Solution as Solution,
    Splitting as Splitting,
    State as State,
    Status as Status,
    Stopping as Stopping,
    Term as Term,
    TimeLimit as TimeLimit,
    check as check,
    compare as compare,
    explain as explain,
    implicit as implicit,
    iterate as iterate,
    minimize as minimize,
    plan as plan,
    plot_convergence as plot_convergence,
    solve as solve,
)
from splitkit.solvers.methods import (
    ADMM as ADMM,
    FISTA as FISTA,
    PANOC as PANOC,
    PD3O as PD3O,
    SAGA as SAGA,
    SPDHG as SPDHG,
    AcceleratedProximalPoint as AcceleratedProximalPoint,
    Accelerator as Accelerator,
    AdaptiveProximalGradient as AdaptiveProximalGradient,
    Anderson as Anderson,
    ChambollePock as ChambollePock,
    CondatVu as CondatVu,
    DavisYin as DavisYin,
    DouglasRachford as DouglasRachford,
    Extragradient as Extragradient,
    ForwardBackward as ForwardBackward,
    ForwardBackwardHalfForward as ForwardBackwardHalfForward,
    ForwardReflectedBackward as ForwardReflectedBackward,
    FrankWolfe as FrankWolfe,
    GoldenRatio as GoldenRatio,
    Halpern as Halpern,
    Inertial as Inertial,
    LinearizedADMM as LinearizedADMM,
    LooplessSVRG as LooplessSVRG,
    MalitskyTam as MalitskyTam,
    PastExtragradient as PastExtragradient,
    PeacemanRachford as PeacemanRachford,
    PointSAGA as PointSAGA,
    Preconditioned as Preconditioned,
    ProductSpace as ProductSpace,
    ProjectiveSplitting as ProjectiveSplitting,
    ProximalPoint as ProximalPoint,
    Relaxed as Relaxed,
    Restarted as Restarted,
    Ryu as Ryu,
    SuperMann as SuperMann,
    Tseng as Tseng,
    TsengLineSearch as TsengLineSearch,
)
from splitkit.versions import show_versions as show_versions

__version__ = "0.1.0"
