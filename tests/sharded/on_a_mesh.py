"""Run by test_sharded.py where JAX has several devices: problems whose data or points are cut over
them, beside the same problems on one. Prints what it found as JSON. Two processes that share the
devices are given their numbers and where they meet.
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.multihost_utils import process_allgather
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

import splitkit as sk
from splitkit.backend import solving
from tests.quick_jax import share_dialects

share_dialects()
if sys.argv[1:]:
    jax.distributed.initialize(sys.argv[2], num_processes=2, process_id=int(sys.argv[1]))
f = sk.functions
rng = np.random.default_rng(0)
MESH = jax.make_mesh((jax.device_count(),), ("parts",), axis_types=(AxisType.Auto,))


def cut(values, *axes):
    """An array cut along the axes that are not None."""
    return jax.device_put(jnp.asarray(values), NamedSharding(MESH, P(*axes)))


def as_inclusion(problem):
    return sk.Subdifferential(problem) if isinstance(problem, f.Function) else problem


def collectives(inclusion, x0, method, batch_ndim):
    """How often devices exchange something in one compiled iteration."""
    planned = sk.plan(inclusion, x0, method, batch_ndim=batch_ndim)
    with solving(x0):
        iteration = planned.method.bind(*planned.terms)
        state = iteration.begin(x0, planned.space)
        traced = jax.make_jaxpr(iteration.step)(state)
    run = jax.jit(lambda data, *leaves: jax.core.eval_jaxpr(traced.jaxpr, data, *leaves))
    text = run.lower(traced.consts, *jax.tree.leaves(state)).compile().as_text()
    kinds = ("all-reduce(", "all-gather(", "all-to-all(", "collective-permute(", "reduce-scatter(")
    return {kind[:-1]: text.count(f" {kind}") for kind in kinds if f" {kind}" in text}


A, b = rng.normal(size=(40, 16)), rng.normal(size=40)
C = rng.normal(size=(8, 6))
IMAGE = np.kron(rng.normal(size=(4, 2)), np.ones((4, 6))) + 0.1 * rng.normal(size=(16, 12))


def lasso(A, b):
    return f.SquaredL2(center=b) @ A + f.L1Norm(0.5)


def total_variation(picture):
    return f.SquaredL2(center=picture) + f.L1Norm(0.2) @ sk.linear.Gradient((-2, -1))


class Cournot(sk.Operator):
    """Each row of x is a player's output of some goods, whose prices fall with the sum of them."""

    properties = sk.Properties.of(strong_monotonicity=1.0, lipschitz=9.0)

    def __init__(self, q):
        self.q = q

    def __call__(self, x):
        return x + x.sum(0, keepdims=True) + self.q


def players(q):
    return Cournot(q) + sk.NormalCone(f.Box(0.0, 1.0))


def batch(centers):
    return f.SquaredL2(center=centers) + f.L2Norm(0.3, batch_ndim=1)


def agents(centers):
    return sk.Subdifferential(f.Huber().translate(centers)) + sk.Consensus(8)


found = {}


def compare(name, make, data, placements, x0, x0_placement, method=None):
    """The distance to the answer on one, how it lies, and what an iteration exchanges."""
    batch_ndim = int(name == "batch")
    whole = as_inclusion(make(*map(jnp.asarray, data)))
    alone = sk.solve(whole, jnp.asarray(x0), method, tol=1e-3, batch_ndim=batch_ndim)
    reference = np.asarray(alone.x)
    there = make(*(cut(v, *p) for v, p in zip(data, placements, strict=True)))
    start = cut(x0, *x0_placement)
    there = as_inclusion(there)
    solution = sk.solve(there, start, method, tol=1e-3, batch_ndim=batch_ndim)
    found[name] = {
        "distance": float(np.max(np.abs(process_allgather(solution.x, tiled=True) - reference))),
        "size": float(np.max(np.abs(reference))),
        "kept": solution.x.sharding.is_equivalent_to(start.sharding, start.ndim),
        "collectives": collectives(there, start, solution.method, batch_ndim),
    }


ROWS, COLUMNS = ("parts", None), (None, "parts")
compare("rows", lasso, (A, b), (ROWS, ("parts",)), np.zeros(16), (), sk.FISTA())
compare(
    "columns",
    lasso,
    (A, b),
    (COLUMNS, ()),
    np.zeros(16),
    ("parts",),
    sk.ChambollePock(balance=False),
)
compare(
    "strips",
    total_variation,
    (IMAGE,),
    (ROWS,),
    np.zeros((16, 12)),
    ROWS,
    sk.ChambollePock(balance=False),
)
compare("players", players, (C,), (ROWS,), np.zeros((8, 6)), ROWS, sk.Tseng())
compare("consensus", agents, (C,), (ROWS,), np.zeros((8, 6)), ROWS, sk.DouglasRachford())
compare("batch", batch, (C,), (ROWS,), np.zeros((8, 6)), ROWS, sk.FISTA())
explicit = jax.make_mesh((jax.device_count(),), ("parts",), axis_types=(AxisType.Explicit,))
try:
    sk.Affine(np.eye(8)).resolvent(1.0)(
        jax.device_put(jnp.ones(8), NamedSharding(explicit, P("parts")))
    )
except ValueError as error:
    found["explicit"] = str(error)
print(json.dumps(found))
