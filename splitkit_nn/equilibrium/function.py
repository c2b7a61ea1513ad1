"""The equilibrium z = σ(Wz + Ux + b), W = (1 − m)I − AᵀA + B − Bᵀ, as a function of parameters and
input, for JAX.

z is found as by the other layers (``solver``), or inside of ``jit`` and ``vmap`` by one compiled
loop of Douglas-Rachford steps; its derivatives, of every order and in both modes, are those of the
equation z = σ(Wz + Ux + b) by the implicit function theorem, (I − JW)ż = J(Ẇz + U̇x + Uẋ + ḃ).

Source: Winston, Kolter, *Monotone operator equilibrium networks* (2020), Thms. 1-3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import splitkit as sk
from splitkit.arguments import POSITIVE, check_integer, check_number
from splitkit.backend import Array, is_array, is_traced, namespace
from splitkit.derivatives.traced import fixed_point, held_fixed
from splitkit.tracing import compiles
from splitkit_nn.activations import Activation, find_activation
from splitkit_nn.equilibrium.inclusions import forward_inclusion
from splitkit_nn.equilibrium.solver import Solver

NAMES = ("A", "B", "U", "b")


def mondeq(
    activation: str | Activation = "relu",
    m: float = 1.0,
    *,
    tol: float | None = None,
    max_iter: int = 10_000,
) -> Callable[[Mapping[str, Array], Array], Array]:
    """The layer (parameters, x) ↦ z for arrays of JAX, differentiable in both.

    Parameters
    ----------
    activation : str or Activation
        σ, a proximal map without learned parameters.
    m : float
        I − W is m-strongly monotone.
    tol : float, optional
        Relative, of each sample's solve; that of ``splitkit.solve`` by default.
    max_iter : int

    Returns
    -------
    callable
        Of a mapping with A and B of shape (features, features), U of (features, in_features) and b
        of (features,), the parameters of ``MonotoneDense`` by their names (``U.weight`` and
        ``U.bias``); and of x of shape (batch, in_features). z is of shape (batch, features); inside
        of ``jit`` and ``vmap`` a sample that was not solved is NaN, elsewhere it raises
        ``splitkit.NotConvergedError``.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong; the message names it, its value and the remedy.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> layer = sknn.mondeq("relu", m=0.5, tol=1e-5)
    >>> one, none = jnp.eye(2), jnp.zeros((2, 2))
    >>> z = layer({"A": one, "B": none, "U": one, "b": jnp.zeros(2)}, jnp.asarray([[3.0, -1.0]]))
    >>> print(z.round(3))
    [[2. 0.]]
    """
    sigma = find_activation(activation)
    if sigma.learned:
        raise ValueError(
            f"activation = {activation!r} has learned parameters, to which this layer gives no "
            "gradient: give numbers, or take MonDEQ"
        )
    check_number("m", m, POSITIVE)
    if tol is not None:
        check_number("tol", tol, POSITIVE)
    check_integer("max_iter", max_iter, 1)

    def layer(parameters: Mapping[str, Array], x: Array) -> Array:
        given: list[Any] = [parameters.get(name) for name in NAMES]
        for name, array in (*zip(NAMES, given, strict=True), ("x", x)):
            if not (is_array(array) and compiles(array)):
                raise TypeError(f"{name} is a {type(array).__name__}: give an array of JAX")
        A, B, U, b = given
        if x.ndim != 2 or x.shape[1] != U.shape[-1]:
            raise ValueError(
                f"x has shape {tuple(x.shape)}: give (batch, in_features = {U.shape[-1]})"
            )
        xp = namespace(x)
        M = m * xp.eye(A.shape[-1], dtype=A.dtype) + A.T @ A - B + B.T
        bias = x @ U.T + b
        z = found(*held_fixed((M, bias)))
        if not (is_traced(M) or is_traced(bias)):
            return z

        def step(z: Array) -> Array:
            return sigma(z - z @ M.T + bias)

        return fixed_point(step, z, lambda z: (z, ()), 1)[0]

    def found(M: Array, bias: Array) -> Array:
        """z, of which nothing is differentiated."""
        if not (is_traced(M) or is_traced(bias)):
            solver = Solver(sk.DenseMatrix(M), sigma, sk.PeacemanRachford())
            accuracy = max(1e-8, 100 * float(namespace(M).finfo(M.dtype).eps))
            solution = solver.forward(bias, tol=tol or accuracy, max_iter=max_iter)
            if not solution.converged:
                raise sk.NotConvergedError(solution)
            return solution.x
        declared = sk.DenseMatrix(M, strong_monotonicity=m)
        F, G = forward_inclusion(declared, bias, sigma.operator)
        inside: Any = sk.solve(
            F + G, 0.0 * bias, sk.DouglasRachford(), tol=tol, max_iter=max_iter, batch_ndim=1
        )
        return held_fixed(inside.x_or_nan)

    return layer
