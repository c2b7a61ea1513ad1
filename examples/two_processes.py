"""Two processes, each with half of the data, solve one lasso: ½Σₖ‖Aₖx − bₖ‖² + λ‖x‖₁.

The gradient Σₖ Aₖᵀ(Aₖx − bₖ) is the one thing that they exchange, once an iteration: each sends its
part and receives the other's. All else, x and the test that ends, both compute for themselves, with
the same bits. Over a network it is the same operator with an all-reduce of MPI or Torch.
"""

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save

import splitkit as sk

ROWS, COLUMNS, WEIGHT = 60, 40, 3.0


def data(part: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows that a process has."""
    rng = np.random.default_rng(part)
    A = rng.normal(size=(ROWS, COLUMNS))
    return A, A[:, :5] @ np.arange(1.0, 6.0) + rng.normal(size=ROWS)


def solved(part: int, other: Connection) -> sk.Solution:
    """What this process finds, in step with the other one."""
    A, b = data(part)

    def total(mine: np.ndarray) -> np.ndarray:
        other.send(mine)
        return mine + other.recv()

    L = float(total(np.linalg.norm(A, 2) ** 2))
    F = sk.Operator.from_callable(
        lambda x: total(A.T @ (A @ x - b)), gradient=True, cocoercivity=1 / L, name="Σ Aᵀ(A· − b)"
    )
    G = sk.Subdifferential(sk.functions.L1Norm(WEIGHT))
    return sk.solve(F + G, np.zeros(COLUMNS), sk.FISTA(), tol=1e-10)


def work(other: Connection) -> None:
    """The second process."""
    other.send(solved(1, other).x)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Start the other, solve, draw; return what differs between the two, and from one process."""
    import two_processes  # by its name, so that the other process finds it

    context = multiprocessing.get_context("spawn")
    mine, other = context.Pipe()
    process = context.Process(target=two_processes.work, args=(other,))
    process.start()
    solution = solved(0, mine)
    theirs = mine.recv()
    process.join()

    (A, a), (B, b) = data(0), data(1)
    f = sk.functions.SquaredL2(center=np.concatenate([a, b])) @ np.vstack([A, B])
    whole = sk.minimize(f + sk.functions.L1Norm(WEIGHT), np.zeros(COLUMNS), tol=1e-12).x

    print(solution.message)
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    axes.stem(solution.x, label="the two")
    axes.plot(whole, "x", color="black", label="one process")
    axes.set(xlabel="coefficient")
    axes.legend()
    save(figure, "two_processes", picture)
    return {
        "between the two": float(np.max(np.abs(solution.x - theirs))),
        "from one process": float(np.linalg.norm(solution.x - whole) / np.linalg.norm(whole)),
    }


if __name__ == "__main__":
    run(main, __doc__)
