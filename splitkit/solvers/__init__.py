"""Solvers: ``solve``, ``minimize``, ``explain``, the methods, and the stopping rules."""

from splitkit.solvers.errors import (
    NoGuaranteeError as NoGuaranteeError,
    NotConvergedError as NotConvergedError,
    NotConvergedWarning as NotConvergedWarning,
)
from splitkit.solvers.explain import Explanation as Explanation, explain as explain
from splitkit.solvers.iteration import Iteration as Iteration, Reading as Reading
from splitkit.solvers.method import Guarantee as Guarantee, Method as Method
from splitkit.solvers.methods.accelerated_proximal_point import (
    AcceleratedProximalPoint as AcceleratedProximalPoint,
)
from splitkit.solvers.methods.accelerators import (
    Accelerator as Accelerator,
    Halpern as Halpern,
    Inertial as Inertial,
    Relaxed as Relaxed,
)
from splitkit.solvers.methods.adaptive import (
    AdaptiveProximalGradient as AdaptiveProximalGradient,
    GoldenRatio as GoldenRatio,
)
from splitkit.solvers.methods.admm import ADMM as ADMM, LinearizedADMM as LinearizedADMM
from splitkit.solvers.methods.anderson import Anderson as Anderson
from splitkit.solvers.methods.davis_yin import DavisYin as DavisYin
from splitkit.solvers.methods.douglas_rachford import DouglasRachford as DouglasRachford
from splitkit.solvers.methods.extragradient import (
    Extragradient as Extragradient,
    PastExtragradient as PastExtragradient,
)
from splitkit.solvers.methods.fista import FISTA as FISTA
from splitkit.solvers.methods.forward_backward import ForwardBackward as ForwardBackward
from splitkit.solvers.methods.forward_backward_half_forward import (
    ForwardBackwardHalfForward as ForwardBackwardHalfForward,
)
from splitkit.solvers.methods.forward_reflected_backward import (
    ForwardReflectedBackward as ForwardReflectedBackward,
)
from splitkit.solvers.methods.peaceman_rachford import PeacemanRachford as PeacemanRachford
from splitkit.solvers.methods.preconditioned import Preconditioned as Preconditioned
from splitkit.solvers.methods.primal_dual import (
    PD3O as PD3O,
    ChambollePock as ChambollePock,
    CondatVu as CondatVu,
)
from splitkit.solvers.methods.projective import ProjectiveSplitting as ProjectiveSplitting
from splitkit.solvers.methods.proximal_point import ProximalPoint as ProximalPoint
from splitkit.solvers.methods.resolvent_splittings import (
    MalitskyTam as MalitskyTam,
    ProductSpace as ProductSpace,
    Ryu as Ryu,
)
from splitkit.solvers.methods.supermann import SuperMann as SuperMann
from splitkit.solvers.methods.tseng import Tseng as Tseng
from splitkit.solvers.methods.tseng_line_search import TsengLineSearch as TsengLineSearch
from splitkit.solvers.minimize import minimize as minimize
from splitkit.solvers.plan import Plan as Plan, plan as plan
from splitkit.solvers.plot import plot_convergence as plot_convergence
from splitkit.solvers.solution import (
    History as History,
    Solution as Solution,
    State as State,
    Status as Status,
)
from splitkit.solvers.solve import iterate as iterate, solve as solve
from splitkit.solvers.splitting import Splitting as Splitting
from splitkit.solvers.stopping import (
    Absolute as Absolute,
    CertifiedError as CertifiedError,
    Relative as Relative,
    Stopping as Stopping,
    TimeLimit as TimeLimit,
)
from splitkit.solvers.terms import Role as Role, Term as Term
