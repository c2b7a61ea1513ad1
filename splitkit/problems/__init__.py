"""Problems by their names, as sums of operators that ``solve`` takes; with checks of solutions."""

from splitkit.problems.complementarity import (
    LCP as LCP,
    NCP as NCP,
    MixedComplementarity as MixedComplementarity,
)
from splitkit.problems.games import (
    GameSolution as GameSolution,
    MatrixGame as MatrixGame,
    NashGame as NashGame,
)
from splitkit.problems.generalized_games import GeneralizedNashGame as GeneralizedNashGame
from splitkit.problems.kkt import KKT as KKT
from splitkit.problems.programs.conic import ConicProgram as ConicProgram
from splitkit.problems.programs.files import read_mps as read_mps, read_qps as read_qps
from splitkit.problems.programs.quadratic import LP as LP, QP as QP
from splitkit.problems.programs.sdpa import read_sdpa as read_sdpa
from splitkit.problems.programs.solution import (
    ProgramCertificate as ProgramCertificate,
    ProgramHistory as ProgramHistory,
    ProgramSolution as ProgramSolution,
    ProgramState as ProgramState,
)
from splitkit.problems.pseudo_gradient import PseudoGradient as PseudoGradient
from splitkit.problems.traffic import (
    BPR as BPR,
    ElasticDemand as ElasticDemand,
    LinkCosts as LinkCosts,
    TrafficEquilibrium as TrafficEquilibrium,
    TrafficSolution as TrafficSolution,
    read_tntp as read_tntp,
)
from splitkit.problems.variational import VI as VI
