"""The methods. ``solve`` looks among ``METHODS``, and prefers the earlier ones where no rate tells
them apart. Those ``BY_NAME`` promise less than a solution, a stationary point or one in
expectation, and run where they are asked for. The others wrap a method.
"""

from splitkit.solvers.method import Method
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
from splitkit.solvers.methods.away_frank_wolfe import AwayFrankWolfe as AwayFrankWolfe
from splitkit.solvers.methods.block_coordinate import BlockCoordinate as BlockCoordinate
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
from splitkit.solvers.methods.frank_wolfe import FrankWolfe as FrankWolfe
from splitkit.solvers.methods.ipiano import IPiano as IPiano
from splitkit.solvers.methods.loopless_svrg import LooplessSVRG as LooplessSVRG
from splitkit.solvers.methods.panoc import PANOC as PANOC
from splitkit.solvers.methods.peaceman_rachford import PeacemanRachford as PeacemanRachford
from splitkit.solvers.methods.point_saga import PointSAGA as PointSAGA
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
from splitkit.solvers.methods.restarted import Restarted as Restarted
from splitkit.solvers.methods.saga import SAGA as SAGA
from splitkit.solvers.methods.spdhg import SPDHG as SPDHG
from splitkit.solvers.methods.spectral_proximal_gradient import (
    SpectralProximalGradient as SpectralProximalGradient,
)
from splitkit.solvers.methods.supermann import SuperMann as SuperMann
from splitkit.solvers.methods.tseng import Tseng as Tseng
from splitkit.solvers.methods.tseng_line_search import TsengLineSearch as TsengLineSearch

METHODS: tuple[type[Method], ...] = (
    FISTA,
    AdaptiveProximalGradient,
    ForwardBackward,
    DouglasRachford,
    PeacemanRachford,
    ProximalPoint,
    AcceleratedProximalPoint,
    DavisYin,
    ADMM,
    PD3O,
    ChambollePock,
    CondatVu,
    LinearizedADMM,
    Ryu,
    MalitskyTam,
    ProductSpace,
    ProjectiveSplitting,
    ForwardReflectedBackward,
    Tseng,
    ForwardBackwardHalfForward,
    Extragradient,
    PastExtragradient,
    GoldenRatio,
    TsengLineSearch,
)

BY_NAME: tuple[type[Method], ...] = (
    PANOC,
    SpectralProximalGradient,
    IPiano,
    FrankWolfe,
    AwayFrankWolfe,
    SAGA,
    LooplessSVRG,
    BlockCoordinate,
    PointSAGA,
    SPDHG,
)
