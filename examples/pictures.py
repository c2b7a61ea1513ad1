"""What the examples with pictures share: a photograph, panels, and where a picture goes."""

import inspect
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_image

from splitkit.functions import Function, GroupL2Norm
from splitkit.linear import Gradient

SIDE = 384  # of the square that is taken from the photograph, which has 427 × 640 pixels


def photograph(side: int) -> np.ndarray:
    """A pagoda in grey, side × side values between 0 and 1; side divides 384."""
    if side < 1 or SIDE % side:
        raise ValueError(f"side = {side}: give a divisor of {SIDE}, such as 64 or 192")
    grey = load_sample_image("china.jpg")[40 : 40 + SIDE, 130 : 130 + SIDE].mean(axis=-1) / 255
    block = SIDE // side
    return grey.reshape(side, block, side, block).mean(axis=(1, 3))


def rms(difference: np.ndarray) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(difference**2)))


def excess(fit: Function, weight: float, x: np.ndarray, u: np.ndarray) -> float:
    """A bound of F(x)/min F − 1 for F = fit + weight Σ‖(Dx)ᵢⱼ‖ on images with values in [0, 1].

    For ‖uᵢⱼ‖ ≤ weight, F(z) ≥ fit(x) + ⟨∇fit(x), z − x⟩ + ⟨u, Dz⟩. With r = ∇fit(x) + Dᵀu this
    is F(x) − F(z) ≤ weight Σ‖(Dx)ᵢⱼ‖ − ⟨u, Dx⟩ + ⟨r, x − z⟩, most for z = 0 where r > 0, else 1.
    """
    D, variation = Gradient(), GroupL2Norm(weight)
    u = u / max(1.0, float(np.max(np.linalg.norm(u, axis=-1))) / weight)
    r = fit.gradient(x) + D.T(u)
    gap = variation(D(x)) - np.sum(u * D(x)) + np.sum(r * (x - (r < 0)))
    return float(gap / (fit(x) + variation(D(x)) - gap))


def panels(**images: np.ndarray) -> Figure:
    """Images beside each other, named by their keywords, black at 0 and white at 1."""
    figure = Figure(figsize=(3.2 * len(images), 3.5), layout="constrained")
    for axes, (title, image) in zip(figure.subplots(1, len(images)), images.items(), strict=True):
        axes.imshow(image, cmap="gray", vmin=0, vmax=1)
        axes.set(title=title.replace("_", " "), xticks=[], yticks=[])
    return figure


def save(figure: Figure, name: str, path: str | Path | None) -> None:
    """Write the picture and print where it is."""
    path = Path(tempfile.gettempdir(), f"splitkit-{name}.png") if path is None else Path(path)
    figure.savefig(path, format="png", dpi=150)
    print(f"picture: {path}")


def run(main: Callable[..., dict[str, float]], description: str | None) -> None:
    """Call an example's ``main`` with the arguments of the command line, and print its figures."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "picture", nargs="?", help="PNG file to write; default: one in the temporary directory"
    )
    side = inspect.signature(main).parameters.get("side")
    if side is not None:
        size = f"of the photograph, a divisor of {SIDE}; default {side.default}"
        parser.add_argument("--side", type=int, default=side.default, help=size)
    print(main(**vars(parser.parse_args())))
