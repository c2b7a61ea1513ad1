"""An equilibrium layer in JAX: ``sknn.mondeq`` is a function (parameters, x) ↦ z, which ``jit``,
``grad`` and ``vmap`` take as any other, and whose derivative is that of the equilibrium.

It learns to tell two moons apart. What JAX says is the gradient is compared with the formula
(I − JWᵀ)ũ = Jv, J the Jacobian of σ, solved by NumPy for each sample.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from pictures import run, save
from sklearn.datasets import make_moons

import splitkit_nn as sknn

FEATURES, STEPS, RATE = 8, 60, 1.0
LAYER = sknn.mondeq("relu", m=1.0, tol=1e-11)


def loss(theta: dict[str, jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    """The logistic loss of a linear head."""
    return jnp.mean(jnp.logaddexp(0.0, -y * (LAYER(theta, x) @ theta["head"])))


def by_formula(theta: dict[str, np.ndarray], x, y, z) -> tuple[np.ndarray, np.ndarray]:
    """Its gradient in b and in U."""
    W = -theta["A"].T @ theta["A"] + theta["B"] - theta["B"].T
    J = (z > 0).astype(float)
    v = (-y / (1 + np.exp(y * (z @ theta["head"]))) / len(y))[:, None] * theta["head"]
    u = np.linalg.solve(np.eye(FEATURES) - J[:, :, None] * W.T, (J * v)[:, :, None])[:, :, 0]
    return u.sum(0), u.T @ x


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Train, draw; return how far the gradients are from the formula, relatively."""
    rng, (x, labels) = np.random.default_rng(0), make_moons(100, noise=0.15, random_state=0)
    y, shapes = 2.0 * labels - 1, {"A": (FEATURES, FEATURES), "B": (FEATURES, FEATURES)}
    shapes |= {"U": (FEATURES, 2), "b": (FEATURES,), "head": (FEATURES,)}
    grid = np.meshgrid(np.linspace(-1.5, 2.5, 60), np.linspace(-1.2, 1.7, 60))
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        theta = {name: jnp.asarray(rng.normal(size=s) / s[0] ** 0.5) for name, s in shapes.items()}
        step, losses = jax.jit(jax.value_and_grad(loss)), []
        for _ in range(STEPS):
            value, slope = step(theta, x, y)
            losses.append(float(value))
            theta = {name: p - RATE * slope[name] for name, p in theta.items()}
        slope = {name: np.asarray(p) for name, p in step(theta, x, y)[1].items()}
        everywhere = np.concatenate([x, np.stack([g.ravel() for g in grid], axis=1)])
        z = np.asarray(jax.jit(LAYER)(theta, jnp.asarray(everywhere)))
    finally:
        jax.config.update("jax_enable_x64", before)

    theta = {name: np.asarray(p) for name, p in theta.items()}
    score, n = z @ theta["head"], len(y)
    assert np.isfinite(z).all()  # a sample that is not solved would be NaN
    print(f"each sample met the tolerance 1e-11; {np.mean(score[:n] * y > 0):.0%} right")
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(losses)
    left.set(title="loss", xlabel="step")
    right.contourf(*grid, score[n:].reshape(60, 60), levels=[-99, 0, 99], alpha=0.3)
    right.scatter(*x.T, c=labels, cmap="coolwarm", s=12)
    save(figure, "jax_layer", picture)
    pairs = zip(("b", "U"), by_formula(theta, x, y, z[:n]), strict=True)
    return {
        f"gradient in {name}": float(np.linalg.norm(slope[name] - g) / np.linalg.norm(g))
        for name, g in pairs
    }


if __name__ == "__main__":
    run(main, __doc__)
