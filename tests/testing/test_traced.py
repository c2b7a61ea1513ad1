"""Inside of ``jit`` and ``vmap`` all that is registered is traced, with its step size, and has
derivatives forward and backward, or says by name that it needs values.
"""

import numpy as np
import pytest

from splitkit.functions.base import Function
from splitkit.linear.base import LinearOperator
from splitkit.testing import registered
from tests.sampling import is_thorough

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
jax.config.update("jax_enable_x64", True)  # as splitkit.testing.backends does

NEED_VALUES = {  # what iterates on the host, or has SciPy's matrices
    "Intersection-0", "InexactComposition-0", "InexactPullback-0", "Iterative-0", "Kronecker-2",
    "LeastSquares-3", "MatrixFree-0", "Perspective-0", "PermutationMatrices-0", "Quadratic-3",
    "SolutionSet-0", "SolutionSet-1", "Sparse-0", "Sparse-1", "TotalVariation2D-0",
}  # fmt: skip
STEP = 24  # of what is registered, so much is traced in ordinary tests


def cases():
    things = registered()
    return things if is_thorough() else things[::STEP]


def point(shape):
    if shape and isinstance(shape[0], (tuple, list)):
        return tuple(map(point, shape))
    return jnp.asarray(0.3 + 0.1 * np.random.default_rng(0).normal(size=shape))


def maps_of(thing, shapes):
    """Its maps, each with what it takes."""
    x, alpha = point(shapes[0]), jnp.asarray(0.3)
    if isinstance(thing, LinearOperator):
        yield thing, (x,)
        yield thing.adjoint, (point(shapes[1]),)
        if shapes[0] == shapes[1] and thing.properties.monotone:
            yield lambda x, alpha: thing.shifted_inverse(alpha)(x), (x, alpha)
    elif isinstance(thing, Function):
        yield thing, (x,)
        if thing.has_prox:
            yield thing.prox, (x, alpha)
        if thing.has_gradient:
            yield thing.gradient, (x,)
    else:
        if thing.has_evaluation:
            yield thing, (x,)
        if thing.has_resolvent:
            yield lambda x, alpha: thing.resolvent(alpha)(x), (x, alpha)


@pytest.mark.parametrize("registered_thing", cases(), ids=str)
def test_what_is_registered_is_traced_and_differentiated(registered_thing):
    thing, *shapes = registered_thing.make(jnp)
    refused = []
    for f, data in maps_of(thing, shapes):

        def both(*data, f=f):
            value, forward = jax.jvp(f, data, data)
            return value, forward, jax.vjp(f, *data)[1](value)

        twice = jax.tree.map(lambda a: jnp.stack([a, a]), data)
        try:
            value, forward, backward = jax.eval_shape(jax.vmap(both), *twice)
        except TypeError as error:
            refused.append(str(error))
        else:
            assert jax.tree.leaves(forward) == jax.tree.leaves(value)
            assert [b.shape for b in jax.tree.leaves(backward)] == [
                a.shape for a in jax.tree.leaves(twice)
            ]
    named = [words for words in refused if "no formula" not in words]
    assert bool(named) == (str(registered_thing) in NEED_VALUES)
    assert all("looks at values" in words for words in named)
