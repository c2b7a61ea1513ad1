"""u = T(u; θ) as a function of θ inside of JAX's transformations, by the implicit function theorem:

    (I − ∂T/∂u) u̇ = ∂T/∂θ θ̇,      and the transpose of that backward.

How u is found plays no part: nothing of the search is differentiated. T is traced with all that it
closes over, which is θ. The systems are solved by a factorization of what a batch element has of
unknowns, up to ``DENSE`` of them, else by GMRES, and every solution is verified: where I − ∂T/∂u is
singular in the direction that is needed, as where u is not unique or jumps, the derivative is NaN.
Rules are those of ``lax.custom_root``: forward and reverse mode, of every order.

Sources: Krantz, Parks, *The Implicit Function Theorem* (2002); Bolte, Le, Pauwels, Silveti-Falls,
*Nonsmooth implicit differentiation* (2021); Blondel et al., *Efficient and modular implicit
differentiation* (2022).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from splitkit.backend import as_complex, as_real
from splitkit.tracing import Map, State

DENSE = 1024  # the most unknowns of which a matrix is made
RESTART, CYCLES = 100, 20  # of GMRES
SMALL, REFINED = 1e-8, 5  # singular values below √SMALL of all count as 0, of larger ones


def fixed_point(
    T: Map, start: State, search: Callable[[State], tuple[State, Any]], batch_ndim: int
) -> tuple[State, Any]:
    """What ``search`` finds from ``start``, (u, more) with u = T(u), u with the derivatives that
    the equation gives it, and the rest with none.
    """
    import jax  # optional, and loaded by whoever made the arrays

    if any(map(jax.numpy.iscomplexobj, jax.tree.leaves(start))):
        return _of_pairs(T, start, search, batch_ndim)

    def difference(u: State) -> State:
        return jax.tree.map(lambda a, b: a - b, u, T(u))

    kinds: list[Any] = []
    floating = jax.tree.leaves(start)[0].dtype  # custom_root gives no integer its tangent

    def searched(_: Map, u: State) -> tuple[State, Any]:
        found, more = search(u)
        kinds.append(jax.tree.map(lambda a: a.dtype, more))
        return found, jax.tree.map(
            lambda a: a if jax.numpy.iscomplexobj(a) else a.astype(floating), more
        )

    u, more = jax.lax.custom_root(
        difference,
        start,
        searched,
        partial(_solved_tangent, batch_ndim=batch_ndim),
        has_aux=True,
    )
    return u, jax.tree.map(lambda a, kind: a.astype(kind), more, kinds[-1])


def _of_pairs(
    T: Map, start: State, search: Callable[[State], tuple[State, Any]], batch_ndim: int
) -> tuple[State, Any]:
    """``fixed_point`` of complex points, as of their real and imaginary parts: a prox, of moduli
    say, is linear over the reals alone, to first order.
    """
    import jax  # as above

    def pairs(u: State) -> State:
        return jax.tree.map(lambda a: as_real(a) if jax.numpy.iscomplexobj(a) else a, u)

    def points(u: State) -> State:
        return jax.tree.map(
            lambda p, a: as_complex(p) if jax.numpy.iscomplexobj(a) else p, u, start
        )

    def searched(u: State) -> tuple[State, Any]:
        found, more = search(points(u))
        return pairs(found), more

    u, more = fixed_point(lambda u: pairs(T(points(u))), pairs(start), searched, batch_ndim)
    return points(u), more


def held_fixed(values: State) -> State:
    """Arrays as they are, of which nothing is differentiated; those that ``grad`` alone traces have
    values then.
    """
    import jax  # as above

    return jax.lax.stop_gradient(values)


def _solved_tangent(A: Map, b: State, *, batch_ndim: int) -> State:
    """w with Aw = b, linear in b. To JAX it is one array, a row for each element of the batch: of
    several it takes no cotangent that is 0 for some of them alone.
    """
    import jax  # as above
    import jax.numpy as jnp  # as above

    leaves, structure = jax.tree.flatten(b)
    form: Any = structure
    count = math.prod(leaves[0].shape[:batch_ndim])
    sizes = [math.prod(a.shape[batch_ndim:]) for a in leaves]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    if sum(sizes) == 0 or count == 0:
        return b

    def flat(point: State) -> Any:
        pairs = zip(jax.tree.leaves(point), sizes, strict=True)
        return jnp.concatenate([a.reshape(count, n) for a, n in pairs], axis=1)

    def whole(rows: Any) -> State:
        parts = jnp.split(rows, ends, axis=1)
        return form.unflatten([p.reshape(a.shape) for p, a in zip(parts, leaves, strict=True)])

    def product(rows: Any) -> Any:
        return flat(A(whole(rows)))

    found = jax.lax.custom_linear_solve(
        product, flat(b), solve=_verified, transpose_solve=_verified
    )
    return whole(found)


def _verified(product: Map, right: Any) -> Any:
    """w with Aw = b to √eps, of each row by itself; else NaN."""
    import jax  # as above
    import jax.numpy as jnp  # as above

    count, n = right.shape
    if n <= DENSE:
        unit = jnp.eye(n, dtype=right.dtype)
        images = jax.vmap(lambda e: product(jnp.broadcast_to(e, (count, n))))(unit)
        # the batch's elements do not know of each other
        found, after = _factored()(jnp.moveaxis(images, 0, 2), right)
    else:
        eps = float(jnp.finfo(right.dtype).eps)  # type: ignore[no-untyped-call]
        gmres: Any = jax.scipy.sparse.linalg.gmres
        steps = min(RESTART, n * count)
        found, _ = gmres(product, right, tol=10 * eps, restart=steps, maxiter=CYCLES)
        after = product(found)
    return jnp.where(_off(after, right)[:, None], jnp.nan, found)


def _off(after: Any, right: Any) -> Any:
    """Of each row, whether its equation is not met."""
    import jax.numpy as jnp  # as above

    eps = float(jnp.finfo(right.dtype).eps)  # type: ignore[no-untyped-call]
    size = jnp.linalg.norm(right, axis=1)
    return ~(jnp.linalg.norm(after - right, axis=1) <= eps**0.5 * size)


@cache
def _factored() -> Any:
    """(A, b) ↦ w and Aw of a batch of systems Aw = b, of many the shortest, compiled once."""
    import jax  # as above
    import jax.numpy as jnp  # as above

    def solved(matrices: Any, right: Any) -> tuple[Any, Any]:
        def times(w: Any) -> Any:
            return (matrices @ w[:, :, None])[:, :, 0]

        def shortest(_: Any) -> Any:
            """By proximal steps on ½‖Aw − b‖²."""
            normal = jnp.swapaxes(matrices, 1, 2)
            square = normal @ matrices
            scale = jnp.trace(square, axis1=1, axis2=2)[:, None, None]
            unit = jnp.eye(right.shape[1], dtype=right.dtype)
            damped = square + SMALL * jnp.where(scale > 0, scale, 1.0) * unit
            w = jnp.zeros_like(right)[:, :, None]
            for _ in range(REFINED):
                rest = right[:, :, None] - matrices @ w
                w = w + jnp.linalg.solve(damped, normal @ rest)
            return w[:, :, 0]

        first = jnp.linalg.solve(matrices, right[:, :, None])[:, :, 0]
        any_off = jnp.any(_off(times(first), right))
        found = jax.lax.cond(any_off, shortest, lambda _: first, None)
        return found, times(found)

    return jax.jit(solved)
