"""Where a solve begins whose solution another front door finds: a matrix game at that of its linear
program.

Of a strategy pair z with Fz + b = 0, b ∈ N_C z, the governing point of two resolvents is z + αb = z
− αFz. From there the method has to certify z, which restarts do at once, where nearly degenerate
games, such as those of payoffs of low rank with noise, take them tens of thousands of iterations.
"""

from __future__ import annotations

import math

from splitkit.backend import (
    Point,
    Space,
    are_values_at_hand,
    blocks,
    from_numpy,
    is_array,
    lincomb,
    to_numpy,
)
from splitkit.linear.dense import DenseMatrix
from splitkit.problems.games import MatrixGame
from splitkit.solvers.method import Method
from splitkit.solvers.methods import Restarted
from splitkit.solvers.methods.reflected import ReflectedSplitting

EXACTLY = 1e-12  # the gap of the linear program, beside the payoffs
LARGEST = 250_000  # payoffs, beyond which a factorization costs more than iterations


def foreseen(game: MatrixGame, method: Method, space: Space, like: Point) -> Point | None:
    """The governing point of its solution, as arrays like those of the point given; None: the
    linear program would take too long, or the method does not begin at governing points.
    """
    if not isinstance(game.K, DenseMatrix):
        return None
    if not (isinstance(method, Restarted) and isinstance(method.method, ReflectedSplitting)):
        return None
    payoffs = game.K.matrix
    alone = space.batch_ndim == 0 and space.mesh is None and not is_array(method.alpha)
    known = all(map(are_values_at_hand, (payoffs, *blocks(like))))
    if not (alone and known) or math.prod(payoffs.shape) > LARGEST:
        return None
    found = game.solve(tol=EXACTLY, on_failure="return")
    z = tuple(from_numpy(to_numpy(p), x) for p, x in zip((found.x, found.y), like, strict=True))
    u = lincomb(1.0, z, -method.alpha, game.F(z))
    return u if space.isfinite(u) else None
