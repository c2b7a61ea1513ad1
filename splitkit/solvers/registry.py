"""The methods, one line each; ``solve`` prefers the earlier ones where no rate tells them apart."""

from splitkit.solvers.accelerated_proximal_point import AcceleratedProximalPoint
from splitkit.solvers.adaptive import AdaptiveProximalGradient, GoldenRatio
from splitkit.solvers.admm import ADMM, LinearizedADMM
from splitkit.solvers.davis_yin import DavisYin
from splitkit.solvers.douglas_rachford import DouglasRachford
from splitkit.solvers.extragradient import Extragradient, PastExtragradient
from splitkit.solvers.fista import FISTA
from splitkit.solvers.forward_backward import ForwardBackward
from splitkit.solvers.forward_reflected_backward import ForwardReflectedBackward
from splitkit.solvers.method import Method
from splitkit.solvers.peaceman_rachford import PeacemanRachford
from splitkit.solvers.primal_dual import PD3O, ChambollePock, CondatVu
from splitkit.solvers.projective import ProjectiveSplitting
from splitkit.solvers.proximal_point import ProximalPoint
from splitkit.solvers.resolvent_splittings import MalitskyTam, ProductSpace, Ryu
from splitkit.solvers.tseng import Tseng
from splitkit.solvers.tseng_line_search import TsengLineSearch

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
    Extragradient,
    PastExtragradient,
    GoldenRatio,
    TsengLineSearch,
)
