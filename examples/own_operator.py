"""An operator of one's own: a turn that grows with the distance, checked, and then solved with.

F(x) = (1 + ‖x‖²)x + 2(x₂, −x₁) is 1-strongly monotone, the gradient of ½‖x‖² + ¼‖x‖⁴ beside a turn.
``check_operator`` searches for pairs that contradict what is declared, and finds one where 1.5 is
declared in its place. The solution in the box is checked by SciPy's root of x − P(x − F(x)).
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save
from scipy.optimize import root

import splitkit as sk
from splitkit.testing import Violation, check_operator

BOX = sk.functions.Box(-0.5, 1.0)


class GrowingTurn(sk.Operator):
    """x ↦ (1 + ‖x‖²)x + 2(x₂, −x₁) − q."""

    def __init__(self, q, m=1.0):
        self.q = q
        self.properties = sk.Properties.of(strong_monotonicity=m, maximal=True)

    def __call__(self, x):
        square = (x * x).sum(axis=-1, keepdims=True)
        return (1 + square) * x + 2 * np.stack([x[..., 1], -x[..., 0]], axis=-1) - self.q


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Check, solve, compare, draw; return the difference."""
    q = np.array([3.0, 1.0])
    F = GrowingTurn(q)
    check_operator(F, (2,), max_examples=20)
    try:
        check_operator(GrowingTurn(q, m=1.5), (2,), max_examples=20)
    except Violation as found:
        print(f"with m = 1.5: {str(found).splitlines()[0]}")

    method = sk.TsengLineSearch()  # F has no Lipschitz constant
    inclusion, x0 = F + sk.NormalCone(BOX), np.zeros(2)
    solution = sk.solve(inclusion, x0, method, tol=1e-11)
    expected = root(lambda x: x - BOX.project(x - F(x)), solution.x + 1e-3, tol=1e-13).x
    print(solution.message)

    path = np.stack([x0, *(state.x for state in sk.iterate(inclusion, x0, method, tol=1e-6))])
    figure = Figure(figsize=(5, 4.5), layout="constrained")
    axes = figure.subplots()
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 1, 12)] * 2), axis=-1)
    axes.quiver(grid[..., 0], grid[..., 1], *np.moveaxis(-F(grid), -1, 0), color="0.7")
    axes.plot(*path.T, ".-", label="iterates")
    axes.plot(*solution.x, "ko", label="solution")
    axes.set(title="−F in the box", aspect="equal")
    axes.legend()
    save(figure, "own_operator", picture)
    return {"point": float(np.max(np.abs(solution.x - expected)))}


if __name__ == "__main__":
    run(main, __doc__)
