"""Solvers: ``solve``, ``minimize``, ``explain``, the methods, and the stopping rules."""

from splitkit.solvers.douglas_rachford import DouglasRachford as DouglasRachford
from splitkit.solvers.errors import (
    NoGuaranteeError as NoGuaranteeError,
    NotConvergedError as NotConvergedError,
    NotConvergedWarning as NotConvergedWarning,
)
from splitkit.solvers.explain import Explanation as Explanation, explain as explain
from splitkit.solvers.forward_backward import ForwardBackward as ForwardBackward
from splitkit.solvers.iteration import Iteration as Iteration, Reading as Reading
from splitkit.solvers.method import Guarantee as Guarantee, Method as Method, Role as Role
from splitkit.solvers.minimize import minimize as minimize
from splitkit.solvers.peaceman_rachford import PeacemanRachford as PeacemanRachford
from splitkit.solvers.solution import (
    History as History,
    Solution as Solution,
    State as State,
    Status as Status,
)
from splitkit.solvers.solve import solve as solve
from splitkit.solvers.splitting import Splitting as Splitting
from splitkit.solvers.stopping import (
    Absolute as Absolute,
    CertifiedError as CertifiedError,
    Relative as Relative,
    Stopping as Stopping,
    TimeLimit as TimeLimit,
)
