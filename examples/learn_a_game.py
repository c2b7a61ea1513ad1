"""Learn the costs of a game from its equilibria, by differentiating through the equilibrium.

Player i chooses xᵢ in [0, 1] and pays ½Mᵢᵢxᵢ² + xᵢ(Σⱼ≠ᵢ Mᵢⱼxⱼ − qᵢ). Nash equilibria are the zeros
of Mx − q + N_box(x); with M + Mᵀ positive definite there is exactly one. M is unknown; what is seen
is how the players respond to incentives q. Not a minimization: M is not symmetric.
"""

from pathlib import Path

import torch
from matplotlib.figure import Figure
from pictures import run, save

import splitkit as sk
import splitkit_nn as sknn

PLAYERS, OBSERVATIONS = 3, 40


class Game(torch.nn.Module):
    """M = ½I + AAᵀ + B − Bᵀ, strongly monotone for all A, B."""

    def __init__(self) -> None:
        super().__init__()
        shape = PLAYERS, PLAYERS
        self.A = torch.nn.Parameter(torch.randn(shape, dtype=torch.float64) / 2)
        self.B = torch.nn.Parameter(torch.randn(shape, dtype=torch.float64) / 2)

    def costs(self) -> torch.Tensor:
        """M."""
        identity = torch.eye(PLAYERS, dtype=torch.float64)
        return identity / 2 + self.A @ self.A.T + self.B - self.B.T

    def forward(self, q: torch.Tensor) -> sk.Operator:
        """The inclusion whose zeros are the equilibria under the incentives q."""
        box = sk.functions.Box(0.0, 1.0, batch_ndim=1)
        return sk.Affine(self.costs(), q) + sk.NormalCone(box)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Invent a game, watch its equilibria, learn another from them, draw what it predicts."""
    torch.manual_seed(1)
    truth, learned = Game(), Game()
    q = 2 * torch.randn(OBSERVATIONS, PLAYERS, dtype=torch.float64)
    start = torch.zeros_like(q)

    def equilibria(game: Game) -> sknn.ImplicitSolve:
        return sknn.ImplicitSolve(game, sk.PeacemanRachford(), tol=1e-13, batch_ndim=1)

    with torch.no_grad():
        seen = equilibria(truth)(start, q)
    solve = equilibria(learned)
    exact = {"tolerance_grad": 1e-14, "tolerance_change": 1e-18, "line_search_fn": "strong_wolfe"}
    optimizer = torch.optim.LBFGS(learned.parameters(), max_iter=400, **exact)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = (solve(start, q) - seen).square().sum()
        value.backward()
        return value

    first = float(loss().detach())
    before = solve(start, q).detach()
    optimizer.step(loss)
    last = float(loss().detach())
    print(solve.last_solution.message)
    print(f"squared error of the predicted equilibria: {first:.2e} before, {last:.2e} after")
    figure = Figure(figsize=(4, 3.4), layout="constrained")
    axes = figure.subplots()
    for label, predicted in (("before", before), ("learned", solve(start, q).detach())):
        axes.scatter(seen.ravel(), predicted.ravel(), s=9, label=label)
    axes.set(xlabel="what players chose", ylabel="what the game predicts")
    axes.legend()
    save(figure, "learn-a-game", picture)
    return {"costs": float((learned.costs() - truth.costs()).abs().max().detach())}


if __name__ == "__main__":
    run(main, __doc__)
