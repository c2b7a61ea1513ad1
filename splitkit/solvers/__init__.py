"""Solvers: ``solve``, ``minimize``, ``explain``, plans, and the stopping rules."""

from splitkit.solvers.compare import Comparison as Comparison, compare as compare
from splitkit.solvers.errors import (
    NoGuaranteeError as NoGuaranteeError,
    NotConvergedError as NotConvergedError,
    NotConvergedWarning as NotConvergedWarning,
)
from splitkit.solvers.explain import Explanation as Explanation, explain as explain
from splitkit.solvers.gap import Gap as Gap
from splitkit.solvers.implicit import ImplicitFunction as ImplicitFunction, implicit as implicit
from splitkit.solvers.iteration import Iteration as Iteration, Reading as Reading
from splitkit.solvers.method import Guarantee as Guarantee, Method as Method
from splitkit.solvers.minimize import minimize as minimize
from splitkit.solvers.objective_change import ObjectiveChange as ObjectiveChange
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
from splitkit.solvers.transformed import ArraySolution as ArraySolution, check as check
