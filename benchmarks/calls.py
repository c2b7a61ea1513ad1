"""Function calls of a dense layer's training step: what does not shrink with its arrays.

    python benchmarks/calls.py [--list 25]

Forward is one ``layer(x)`` of ``MonotoneDense(784, 87)`` in training on 128 samples, backward that
of its output's sum; what a layer keeps is at hand. "own" are the calls of functions of splitkit and
splitkit_nn, "all" those of Python's and of its libraries too, as cProfile counts them.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path

import torch

import splitkit as sk
import splitkit_nn as sknn

OURS = tuple(str(Path(package.__file__).parent) for package in (sk, sknn))


def count(name: str, run: Callable[[], object], listed: int) -> None:
    """Print the calls of a run, and which are the most frequent."""
    profile = cProfile.Profile()
    profile.runcall(run)
    found = pstats.Stats(profile)
    rows = found.stats.items()  # type: ignore[attr-defined]
    own = sum(calls for (file, *_), (_, calls, *_) in rows if file.startswith(OURS))
    if listed:
        found.sort_stats("ncalls").print_stats(listed)
    print(f"{name:<10}{own:>6} own{found.total_calls:>6} all")  # type: ignore[attr-defined]


def main() -> None:
    """Print both rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--list", type=int, default=0, help="so many of the functions")
    listed = parser.parse_args().list
    torch.manual_seed(0)
    layer, x = sknn.MonDEQ(sknn.MonotoneDense(784, 87)), torch.randn(128, 784)
    for _ in range(2):
        layer(x).sum().backward()
    outputs: list[torch.Tensor] = []
    count("forward", lambda: outputs.append(layer(x)), listed)
    count("backward", outputs[0].sum().backward, listed)


if __name__ == "__main__":
    main()
