"""The methods, one line each; ``solve`` prefers the earlier ones where no rate tells them apart."""

from splitkit.solvers.method import Method
from splitkit.solvers.methods.accelerated_proximal_point import AcceleratedProximalPoint
from splitkit.solvers.methods.adaptive import AdaptiveProximalGradient, GoldenRatio
from splitkit.solvers.methods.admm import ADMM, LinearizedADMM
from splitkit.solvers.methods.davis_yin import DavisYin
from splitkit.solvers.methods.douglas_rachford import DouglasRachford
from splitkit.solvers.methods.extragradient import Extragradient, PastExtragradient
from splitkit.solvers.methods.fista import FISTA
from splitkit.solvers.methods.forward_backward import ForwardBackward
from splitkit.solvers.methods.forward_backward_half_forward import ForwardBackwardHalfForward
from splitkit.solvers.methods.forward_reflected_backward import ForwardReflectedBackward
from splitkit.solvers.methods.peaceman_rachford import PeacemanRachford
from splitkit.solvers.methods.primal_dual import PD3O, ChambollePock, CondatVu
from splitkit.solvers.methods.projective import ProjectiveSplitting
from splitkit.solvers.methods.proximal_point import ProximalPoint
from splitkit.solvers.methods.resolvent_splittings import MalitskyTam, ProductSpace, Ryu
from splitkit.solvers.methods.tseng import Tseng
from splitkit.solvers.methods.tseng_line_search import TsengLineSearch

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
