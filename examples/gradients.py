"""Gradients of an equilibrium compared: exact ones, and those that stop early.

z = σ(Wz + Ux + b) defines the gradient exactly, by one linear system. Truncated series of k terms,
k unrolled iterations, and the Jacobian-free gradient (k = 1 without W) are cheaper and biased: how
far, and whether they still point downhill (a positive cosine), depends on the layer.
"""

from pathlib import Path

import torch
from matplotlib.figure import Figure
from pictures import run, save

import splitkit_nn as sknn

STEPS = (1, 2, 4, 8, 16, 32, 64)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Make a layer, compare, draw; return how far the two exact gradients differ, relatively."""
    torch.manual_seed(0)
    layer = sknn.MonDEQ(sknn.MonotoneDense(10, 40, m=0.1), "relu", tol=1e-12).double()
    for p in layer.parametrization.weights().values():
        p.data *= 2
    x = torch.randn(16, 10, dtype=torch.float64)
    exact = sknn.compare_gradients(layer, x, gradients=["cotangent", "jacobian_free"])
    layer(x)
    kinds = {"truncated": sknn.Truncated, "unrolled": sknn.Unrolled}
    found = {
        name: [sknn.compare_gradients(layer, x, gradients=[kind(steps=k)])[name] for k in STEPS]
        for name, kind in kinds.items()
    }

    solve = layer.last_solve.forward
    done = "met the tolerance" if solve.converged else solve.status
    print(f"{solve.method} {done} after {solve.iterations} iterations")
    for name, bias in exact.items():
        print(f"{name}: relative error {bias.relative_error:.0e}, cosine {bias.cosine:.3f}")
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, biases in found.items():
        left.loglog(STEPS, [bias.relative_error for bias in biases], "o-", label=name)
        right.semilogx(STEPS, [bias.cosine for bias in biases], "o-", label=name)
    left.axhline(exact["jacobian_free"].relative_error, color="grey", label="Jacobian-free")
    right.axhline(exact["jacobian_free"].cosine, color="grey", label="Jacobian-free")
    left.set(title="error relative to the exact gradient", xlabel="steps")
    right.set(title="cosine with the exact gradient", xlabel="steps")
    left.legend()
    save(figure, "gradients", picture)
    return {"cotangent and direct": exact["cotangent"].relative_error}


if __name__ == "__main__":
    run(main, __doc__)
