"""Affine modules by what they do: the matrix of a dense one, the kernel of a convolution.

A plain ``torch.nn.Linear`` or ``Conv2d`` applies its ``weight``. Adapters, hooks, pruning and
quantization may make it apply something else: then the module is called, on the unit vectors, and
what it gives is its matrix. So what is certified is what is computed; a module that is not affine
after all is refused by name where something is claimed of it (``exact=True``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional

ROUNDINGS = 1e3
SIZES = (1e-3, 1.0, 1e3)  # of points at which a module has to be affine


def is_plain(module: nn.Module, kind: type[nn.Linear | nn.Conv2d]) -> TypeGuard[nn.Linear]:
    """Whether the module applies its ``weight``, as torch's own class does, and nothing else."""
    return (
        type(module).forward is kind.forward
        and not (module._forward_pre_hooks or module._forward_hooks)
        and "forward" not in vars(module)
    )


def matrix_of(module: nn.Module, like: Tensor, features: int, *, exact: bool = False) -> Tensor:
    """The matrix of an affine module of this many features, differentiable.

    Raises
    ------
    TypeError
        ``exact``, and it is not affine.
    """
    if is_plain(module, nn.Linear):
        return module.weight
    zero = like.new_zeros(1, features)
    shift = module(zero)
    matrix: Tensor = (module(torch.eye(features, dtype=like.dtype, device=like.device)) - shift).T
    if exact:
        _check(module, lambda x: x @ matrix.T + shift, like.new_zeros(2, features))
    return matrix


def kernel_of(
    module: nn.Module,
    like: Tensor,
    channels: int,
    size: int,
    grid: tuple[int, int],
    *,
    exact: bool = False,
) -> Tensor:
    """The kernel, of this side, of a convolution without padding of images of so many channels.

    Raises
    ------
    TypeError
        ``exact``, and it is not that convolution on the images of this grid, with a shift for each
        channel.
    """
    if is_plain(module, nn.Conv2d):
        return module.weight
    patches = torch.eye(channels * size**2, dtype=like.dtype, device=like.device)
    shift = module(like.new_zeros(1, channels, size, size))
    images = module(patches.reshape(-1, channels, size, size)) - shift
    kernel: Tensor = images[:, :, 0, 0].T.reshape(-1, channels, size, size)
    if exact:
        _check(
            module,
            lambda x: functional.conv2d(x, kernel) + shift,
            like.new_zeros(2, channels, *grid),
        )
    return kernel


def _check(module: nn.Module, affine: Callable[[Tensor], Tensor], like: Tensor) -> None:
    """Raise TypeError unless the module is this map at random points of several sizes."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for size in SIZES:
            x = size * torch.randn(like.shape, generator=generator, dtype=torch.float64).to(like)
            found, expected = module(x), affine(x)
            scale = expected.abs().max() + affine(torch.zeros_like(x)).abs().max()
            eps = torch.finfo(like.dtype).eps
            if found.shape != expected.shape or not bool(
                (found - expected).abs().max() <= ROUNDINGS * eps * scale
            ):
                raise TypeError(
                    f"{type(module).__name__} is in the place of an affine input map or readout, "
                    "but is not affine, so that no norm of it is known: give an affine one"
                )
