"""What compiled steps save on arrays of JAX and Torch: ratios in one run, one thread, double
precision.

    OMP_NUM_THREADS=1 XLA_FLAGS=--xla_cpu_multi_thread_eigen=false \
        python benchmarks/compiled.py [--library torch] [--n 100] [--only ISTA] [--solves]
    … python benchmarks/compiled.py --batch 1000
    … python benchmarks/compiled.py --peers

"by hand" is the step that one would write for this one problem, compiled: on JAX in one
``jax.lax.fori_loop``, on Torch by ``torch.compile``, called from Python. "a step" is what so many
compiled steps of splitkit take, over it; "eager" are the same steps one by one, over the compiled
ones. With ``--solves`` follows a whole solve to 1e-8 by one plan with ``compile=True`` and False,
looks and all, its programs made before; "anew" is that of a new plan, which is traced again, over
the eager one; "first" is the first of all less the later ones, in seconds: what was compiled. Two
more rows are of constants that are declared, which looks compare. Times are the least CPU time of
all repeats, taken in turns.

``--batch`` solves so many lassos of 50 × 100, with data of their own, inside of ``jit``: as one
batch (``vmap``), and one after another. ``--peers`` compares solves, compiled before, with those of
JAXopt and Optimistix on a lasso and a box, and of MPAX on a linear program, where they are
installed, at equal accuracy.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
from collections.abc import Callable
from contextlib import suppress
from time import process_time
from typing import Any

import numpy as np

import splitkit as sk
from splitkit import functions as f
from splitkit.backend import namespace, solving
from splitkit.looks import known_points
from splitkit.solvers.compiled import Compiled

WEIGHT = 0.1
DECLARED = ", declared"
Step = Callable[[Any], Any]
Case = tuple[sk.Operator, sk.Method, Step, Any, Any]  # by hand a step, and where it starts; x0


def waited(value: Any) -> Any:
    """The value, as soon as it is there."""
    for leaf in value if isinstance(value, tuple) else (value,):
        getattr(leaf, "block_until_ready", bool)()
    return value


def least(ways: list[Callable[[], Any]], repeats: int) -> list[float]:
    """Seconds of each, taken in turns; a call before them is not counted."""
    best = [float("inf")] * len(ways)
    for way in ways:
        waited(way())
    for _ in range(repeats):
        for i, way in enumerate(ways):
            start = process_time()
            waited(way())
            best[i] = min(best[i], process_time() - start)
    return best


def with_compilers() -> float:
    """Seconds of this process and of the compilers that it called."""
    of = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(each)[:2]) for each in of)


def shrink(y: Any, threshold: float) -> Any:
    """The soft threshold."""
    return y - namespace(y).clip(y, -threshold, threshold)


def cases(n: int, asarray: Callable[[Any], Any]) -> dict[str, Case]:
    """An inclusion, a method, and its step by hand."""
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(n // 2, n)) / n**0.5, rng.normal(size=n // 2)
    K, c = rng.normal(size=(n, n)) / n**0.5, rng.normal(size=n)
    alpha, norm = float(0.999 / np.linalg.norm(A, 2) ** 2), 1.001 * float(np.linalg.norm(K, 2))
    M = np.eye(n) + (K - K.T)
    V, VM = np.linalg.inv(np.eye(n) + A.T @ A), np.linalg.inv(np.eye(n) + M)
    VK = np.linalg.inv(A.T @ A + K.T @ K)
    A, b, K, c, M, V, VM, VK = map(asarray, (A, b, K, c, M, V, VM, VK))
    x0, q = asarray(np.zeros(n)), A.T @ b
    smooth = sk.Subdifferential(f.LeastSquares(A, b))
    # the same, by its matrix
    F = sk.Affine(A.T @ A, q)
    G = sk.Subdifferential(f.L1Norm(WEIGHT))
    L = sk.DenseMatrix(K)
    xp = namespace(x0)

    def ista(x: Any) -> Any:
        return shrink(x - alpha * (A.T @ (A @ x - b)), alpha * WEIGHT)

    def fista(state: Any) -> Any:
        x, y, t = state
        new = ista(y)
        again = (y - new) @ (new - x) > 0
        later = (1 + xp.sqrt(1 + 4 * t * t)) / 2
        ahead = new + (t - 1) / later * (new - x)
        return new, xp.where(again, new, ahead), xp.where(again, 1.0, later)

    def douglas_rachford(u: Any) -> Any:
        x = shrink(u, WEIGHT)
        return u + V @ (2 * x - u + q) - x

    def peaceman_rachford(u: Any) -> Any:
        x = xp.clip(u, 0.0, None)
        return u + 2 * (VM @ (2 * x - u + c) - x)

    def admm(state: Any) -> Any:
        z, u = state
        moved = K @ (VK @ (q + K.T @ (z - u))) + u
        z = shrink(moved, WEIGHT)
        return z, moved - z

    def chambolle_pock(state: Any) -> Any:
        x, y = state
        new = (x - (K.T @ y) / norm + c / norm) / (1 + 1 / norm)
        return new, xp.clip(y + (K @ (2 * new - x)) / norm, -WEIGHT, WEIGHT)

    steps = sk.ChambollePock(tau=1 / norm, sigma=1 / norm)
    center = sk.Subdifferential(f.SquaredL2(center=c))
    below = sk.Affine(M, c) + sk.NormalCone(f.NonNegative())
    of_F = {"strong_monotonicity": 0.0, "lipschitz": 0.999 / alpha}
    declared = sk.Affine(sk.DenseMatrix(A.T @ A, **of_F), q)
    below_declared = sk.Affine(sk.DenseMatrix(M, strong_monotonicity=1.0), c)
    one = asarray(np.ones(()))
    return {
        "ISTA": (smooth + G, sk.ForwardBackward(alpha=alpha), ista, x0, x0),
        "FISTA": (smooth + G, sk.FISTA(alpha=alpha), fista, (x0, x0, one), x0),
        "Douglas-Rachford": (F + G, sk.DouglasRachford(alpha=1.0), douglas_rachford, x0, x0),
        "Peaceman-Rachford": (below, sk.PeacemanRachford(alpha=1.0), peaceman_rachford, x0, x0),
        "ADMM": (F + G.pullback(L), sk.ADMM(rho=1.0), admm, (x0, x0), x0),
        "Chambolle-Pock": (center + G.pullback(L), steps, chambolle_pock, (x0, x0), x0),
        f"Douglas-Rachford{DECLARED}": (
            declared + G, sk.DouglasRachford(alpha=1.0), douglas_rachford, x0, x0
        ),
        f"Peaceman-Rachford{DECLARED}": (
            below_declared + sk.NormalCone(f.NonNegative()), sk.PeacemanRachford(alpha=1.0),
            peaceman_rachford, x0, x0,
        ),
    }  # fmt: skip


def total_variation(side: int, asarray: Callable[[Any], Any]) -> Case:
    """Chambolle-Pock on min ½‖x − image‖² + w Σ‖(Dx)ᵢⱼ‖."""
    image = asarray(np.random.default_rng(0).normal(size=(side, side)))
    x0, xp, tau = 0.0 * image, namespace(image), 0.35
    sigma = 1 / (8 * tau)
    row, column = x0[:1], x0[:, :1]

    def step(state: Any) -> Any:
        x, rows, columns = state
        # the last differences, and so the last multipliers, are 0
        pull = xp.concat((row, rows[:-1]), axis=0) - rows
        pull = pull + xp.concat((column, columns[:, :-1]), axis=1) - columns
        new = (x - tau * pull + tau * image) / (1 + tau)
        ahead = 2 * new - x
        rows = rows + sigma * xp.concat((ahead[1:] - ahead[:-1], row), axis=0)
        columns = columns + sigma * xp.concat((ahead[:, 1:] - ahead[:, :-1], column), axis=1)
        size = xp.clip(xp.sqrt(rows * rows + columns * columns) / WEIGHT, 1.0, None)
        return new, rows / size, columns / size

    F = sk.Subdifferential(f.SquaredL2(center=image))
    G = sk.Subdifferential(f.GroupL2Norm(WEIGHT)).pullback(sk.linear.Gradient())
    return F + G, sk.ChambollePock(tau=tau, sigma=sigma), step, (x0, x0, x0), x0


def looped(library: str, step: Step) -> Callable[[Any, int], Any]:
    """(s, n) ↦ so many compiled steps by hand."""
    if library == "jax":
        import jax

        many: Callable[[Any, int], Any] = jax.jit(
            lambda s, n: jax.lax.fori_loop(0, n, lambda _, s: step(s), s)
        )
        return many
    import torch

    one = torch.compile(step)

    def run(s: Any, n: int) -> Any:
        for _ in range(n):
            s = one(s)
        return s

    return run


def row(name: str, case: Case, library: str, options: argparse.Namespace) -> str:
    """The times of one method."""
    problem, method, step, start, x0 = case
    count = 20_000 if x0.ndim == 1 and x0.shape[0] <= 200 else 100
    by_hand, planned = looped(library, step), sk.plan(problem, x0, method)
    iteration = method.bind(*planned.terms)
    compiled = Compiled.of(iteration, x0, True)
    assert compiled is not None
    with solving(x0), known_points():
        state = iteration.begin(x0, planned.space)

        def eager() -> Any:
            now = state
            for _ in range(100):
                now = iteration.step(now)
            return now

        ways = [lambda: by_hand(start, count), lambda: compiled.run(state, count), eager]
        hand, one, plain = least(ways, options.repeats)
    hand, one, plain = hand / count, one / count, plain / 100
    size = f"{x0.shape[0]}" + ("²" if x0.ndim == 2 else "")
    line = f"| {name} | {size} | {1e6 * hand:.2f} | {one / hand:.2f} | {plain / one:.1f} |"
    if not options.solves:
        return line

    def solve(way: bool, plan: sk.Plan) -> Any:  # from another x0, as it knows where that ended
        return plan.solve(x0 + 0, tol=1e-8, max_iter=100_000, compile=way).x

    before = with_compilers()
    waited(solve(True, planned))
    first = with_compilers() - before
    fast, anew, slow = least(
        [
            lambda: solve(True, planned),
            lambda: solve(True, sk.plan(problem, x0, method)),
            lambda: solve(False, planned),
        ],
        options.repeats,
    )
    return f"{line} {1e3 * fast:.1f} | {slow / fast:.1f} | {slow / anew:.1f} | {first - anew:.1f} |"


def batch(count: int, repeats: int) -> str:
    """The times of many lassos as one batch, and one after another."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(1)
    A, b = jnp.asarray(rng.normal(size=(count, 50, 100))), jnp.asarray(rng.normal(size=(count, 50)))

    def solve(A: Any, b: Any) -> sk.ArraySolution:
        lasso = f.LeastSquares(A, b) + f.L1Norm(1.0)
        return sk.minimize(lasso, jnp.zeros(100), sk.DouglasRachford(alpha=0.02), tol=1e-6)

    together, alone = jax.jit(jax.vmap(solve)), jax.jit(solve)
    iterations = sk.check(together(A, b)).iterations
    at_once, in_turn = least(
        [
            lambda: together(A, b).x,
            lambda: tuple(alone(*each).x for each in zip(A, b, strict=True)),
        ],
        repeats,
    )
    span = f"{int(iterations.min())} to {int(iterations.max())} iterations"
    return (
        f"{count} lassos of 50 × 100, {span}: {at_once:.2f} s as one batch, "
        f"{in_turn:.2f} s one after another ({in_turn / at_once:.2f})"
    )


def beside(name: str, ours: Callable[[], Any], peer: Callable[[], Any], repeats: int) -> str:
    """Two ways to one solution: how far they are apart, and their times."""
    x, y = np.asarray(ours()), np.asarray(peer())
    own, other = least([ours, peer], repeats)
    apart = float(np.max(np.abs(x - y)) / np.max(np.abs(y)))
    return f"| {name} | {1e3 * own:.2f} | {1e3 * other:.2f} | {other / own:.2f} | {apart:.0e} |"


def peers(repeats: int) -> list[str]:
    """Solves inside of ``jit`` beside those of the peers that are installed."""
    import jax
    import jax.numpy as jnp

    rng, lines = np.random.default_rng(2), []
    A, b = jnp.asarray(rng.normal(size=(200, 100))), jnp.asarray(rng.normal(size=200))
    alpha = float(1 / np.linalg.norm(A, 2) ** 2)
    x0, weight = jnp.zeros(100), 20.0
    lasso = sk.plan(f.LeastSquares(A, b) + f.L1Norm(weight), x0, sk.FISTA(alpha=alpha))
    ours = jax.jit(lambda x: lasso.solve(x, tol=1e-8).x)
    try:
        jaxopt = importlib.import_module("jaxopt")
        gradient = jaxopt.ProximalGradient(
            lambda x, data: 0.5 * jnp.sum((data[0] @ x - data[1]) ** 2),
            jaxopt.prox.prox_lasso,
            stepsize=alpha,
            tol=1e-8,
            maxiter=100_000,
        )
        peer = jax.jit(lambda x: gradient.run(x, weight, data=(A, b)).params)
        lines.append(beside("lasso, JAXopt", lambda: ours(x0), lambda: peer(x0), repeats))
        Q, low, high = A.T @ A, -0.01 * jnp.ones(100), 0.01 * jnp.ones(100)
        osqp = jaxopt.OSQP(tol=1e-8, maxiter=100_000, check_primal_dual_infeasability=False)
        program = sk.plan(
            sk.Affine(Q, A.T @ b) + sk.NormalCone(f.Box(low, high)), x0, sk.DouglasRachford()
        )
        boxed = jax.jit(lambda x: program.solve(x, tol=1e-8).x)
        sides = jnp.eye(100), high
        found = jax.jit(
            lambda q: osqp.run(
                params_obj=(Q, q), params_ineq=(jnp.vstack([jnp.eye(100), -jnp.eye(100)]),
                jnp.concatenate([sides[1], -low]))
            ).params.primal
        )  # fmt: skip
        q = -A.T @ b
        lines.append(beside("box, JAXopt's OSQP", lambda: boxed(x0), lambda: found(q), repeats))
    except ImportError:
        pass
    try:
        optimistix = importlib.import_module("optimistix")
        solver = optimistix.FixedPointIteration(rtol=1e-10, atol=1e-10)

        def step(x: Any, args: Any) -> Any:
            return shrink(x - alpha * (A.T @ (A @ x - b)), alpha * weight)

        peer = jax.jit(lambda x: optimistix.fixed_point(step, solver, x, max_steps=100_000).value)
        lines.append(beside("lasso, Optimistix", lambda: ours(x0), lambda: peer(x0), repeats))
    except ImportError:
        pass
    with suppress(ImportError):
        lines.append(linear_program(importlib.import_module("mpax"), repeats))
    return lines


def linear_program(mpax: Any, repeats: int) -> str:
    """The row of min ⟨c, x⟩ subject to Ax = b, x ≥ 0, with one solution, of 50 entries above 0."""
    import jax
    import jax.numpy as jnp

    rng, m, n = np.random.default_rng(1), 50, 120
    A, y, basic = rng.normal(size=(m, n)), rng.normal(size=m), np.arange(n) < m
    sizes = 0.1 + rng.random(n)
    A, b, c = map(jnp.asarray, (A, A @ (sizes * basic), A.T @ y + sizes * ~basic))
    x0 = jnp.zeros(n)
    problem = f.Tilted(f.NonNegative(), c) + f.AffineSet(A, b)
    plan = sk.plan(problem, x0)
    ours = jax.jit(lambda x: plan.solve(x, tol=1e-8, max_iter=100_000).x)
    none, most = jnp.zeros((0, n)), jnp.full(n, jnp.inf)
    program = mpax.create_lp(c, A, b, none, none[:, 0], x0, most, use_sparse_matrix=False)
    peer = jax.jit(mpax.r2HPDHG(eps_abs=1e-8, eps_rel=1e-8).optimize)
    return beside("LP, MPAX", lambda: ours(x0), lambda: peer(program).primal_solution, repeats)


def main() -> None:
    """Print a row for each method."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--library", choices=("jax", "torch"), default="jax")
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--only", default="")
    parser.add_argument("--solves", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    if options.library == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        asarray = jax.numpy.asarray
        print(f"JAX {jax.__version__}; µs of a step by hand, ms of a solve", flush=True)
    else:
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        torch.set_grad_enabled(False)
        asarray = torch.as_tensor
        print(f"Torch {torch.__version__}; µs of a step by hand, ms of a solve", flush=True)
    if options.batch:
        print(batch(options.batch, options.repeats))
        return
    if options.peers:
        print("| problem | ms | the peer's | over ours | apart |")
        print("\n".join(peers(options.repeats)))
        return
    chosen = cases(options.n, asarray)
    if options.n >= 512:
        chosen["TV, Chambolle-Pock"] = total_variation(512, asarray)
    for name, case in chosen.items():
        looks = options.solves or not name.endswith(DECLARED)
        if looks and name.startswith(options.only):
            print(row(name, case, options.library, options), flush=True)


if __name__ == "__main__":
    main()
