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
from functools import partial
from typing import Any

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

    def difference(u: State) -> State:
        return jax.tree.map(lambda a, b: a - b, u, T(u))

    kinds: list[Any] = []
    floating = jax.tree.leaves(start)[0].dtype  # custom_root gives no integer its tangent

    def searched(_: Map, u: State) -> tuple[State, Any]:
        found, more = search(u)
        kinds.append(jax.tree.map(lambda a: a.dtype, more))
        return found, jax.tree.map(lambda a: a.astype(floating), more)

    u, more = jax.lax.custom_root(
        difference,
        start,
        searched,
        partial(_solved_tangent, batch_ndim=batch_ndim),
        has_aux=True,
    )
    return u, jax.tree.map(lambda a, kind: a.astype(kind), more, kinds[-1])


def attached(value: State, formula: State) -> State:
    """The value, with the derivative of a formula that gives the same."""
    import jax  # as above

    @jax.custom_jvp
    def chosen(value: State, formula: State) -> State:
        return value

    @chosen.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        return chosen(*primals), tangents[1]

    return chosen(value, formula)


def _solved_tangent(A: Map, b: State, *, batch_ndim: int) -> State:
    """w with Aw = b, linear in b."""
    import jax  # as above

    def solve(A: Map, b: State) -> State:
        return _verified(A, b, batch_ndim)

    found: State = jax.lax.custom_linear_solve(A, b, solve=solve, transpose_solve=solve)
    return found


def _verified(A: Map, b: State, batch_ndim: int) -> State:
    """w with Aw = b to √eps, of each batch element by itself; else NaN."""
    import jax  # as above
    import jax.numpy as jnp  # as above

    leaves, structure = jax.tree.flatten(b)
    form: Any = structure
    count = math.prod(leaves[0].shape[:batch_ndim])
    sizes = [math.prod(a.shape[batch_ndim:]) for a in leaves]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]

    def flat(point: State) -> Any:
        pairs = zip(jax.tree.leaves(point), sizes, strict=True)
        return jnp.concatenate([a.reshape(count, n) for a, n in pairs], axis=1)

    def whole(rows: Any) -> State:
        parts = jnp.split(rows, ends, axis=1)
        return form.unflatten([p.reshape(a.shape) for p, a in zip(parts, leaves, strict=True)])

    def product(rows: Any) -> Any:
        return flat(A(whole(rows)))

    right = flat(b)
    n = sum(sizes)
    if n == 0 or count == 0:
        return b
    eps = float(jnp.finfo(right.dtype).eps)  # type: ignore[no-untyped-call]
    size = jnp.linalg.norm(right, axis=1)

    def off(rows: Any) -> Any:
        """Of each batch element, whether its equation is not met."""
        return ~(jnp.linalg.norm(product(rows) - right, axis=1) <= eps**0.5 * size)

    if n <= DENSE:
        unit = jnp.eye(n, dtype=right.dtype)
        images = jax.vmap(lambda e: product(jnp.broadcast_to(e, (count, n))))(unit)
        matrices = jnp.moveaxis(images, 0, 2)  # the batch's elements do not know of each other
        first = jnp.linalg.solve(matrices, right[:, :, None])[:, :, 0]

        def shortest(_: Any) -> Any:
            """The shortest of many, where the system has some: by proximal steps on ½‖Aw − b‖²."""
            normal = jnp.swapaxes(matrices, 1, 2)
            square = normal @ matrices
            scale = jnp.trace(square, axis1=1, axis2=2)[:, None, None]
            damped = square + SMALL * jnp.where(scale > 0, scale, 1.0) * unit
            w = jnp.zeros_like(right)[:, :, None]
            for _ in range(REFINED):
                rest = right[:, :, None] - matrices @ w
                w = w + jnp.linalg.solve(damped, normal @ rest)
            return w[:, :, 0]

        found = jax.lax.cond(jnp.any(off(first)), shortest, lambda _: first, None)
    else:
        gmres: Any = jax.scipy.sparse.linalg.gmres
        steps = min(RESTART, n * count)
        found, _ = gmres(product, right, tol=10 * eps, restart=steps, maxiter=CYCLES)
    return whole(jnp.where(off(found)[:, None], jnp.nan, found))
