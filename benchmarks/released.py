"""The paper's released code from a directory of one's own, made to run on today's torch.

Get it from https://github.com/locuslab/monotone_op_net; nothing of it is kept here. Its files are
imported as they are. What has gone from torch since is put in its place: ``torch.rfft`` and
``irfft`` on real pairs, a torchvision that is never called; and, where derivatives are recorded,
the border of zeros is written out of place, as autograd asks today.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from splitkit_nn import Classifier, load_reference

FILES = ("mon", "splitting", "train", "utils")


@contextmanager
def _found_in(directory: Path) -> Iterator[None]:
    """The released files can be imported; of other modules of these names nothing is lost."""
    stubs = {name: ModuleType(name) for name in ("torchvision", "torchvision.datasets")}
    stubs["torchvision.transforms"] = ModuleType("torchvision.transforms")
    hidden = {name: sys.modules.pop(name, None) for name in (*FILES, *stubs)}
    sys.modules.update(stubs)
    sys.path.insert(0, str(directory))
    try:
        yield
    finally:
        sys.path.remove(str(directory))
        for name, module in hidden.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


def rfft(x: Tensor, signal_ndim: int, onesided: bool = True) -> Tensor:
    """``torch.rfft`` as it was: real and imaginary parts in a last axis."""
    axes = tuple(range(-signal_ndim, 0))
    transform = torch.fft.rfftn if onesided else torch.fft.fftn
    return torch.view_as_real(transform(x, dim=axes))


def irfft(x: Tensor, signal_ndim: int, onesided: bool = True) -> Tensor:
    """``torch.irfft`` as it was; of the whole spectrum."""
    if onesided:
        raise NotImplementedError("the released code inverts whole spectra only")
    axes = tuple(range(-signal_ndim, 0))
    return torch.fft.ifftn(torch.view_as_complex(x.contiguous()), dim=axes).real


def out_of_place(original: Callable[..., Any]) -> Callable[..., Any]:
    """ReLU inside of the border and zero on it: as it is, but where derivatives are recorded."""

    def forward(self: Any, *z: Tensor) -> Any:
        if not torch.is_grad_enabled():
            return original(self, *z)
        b = self.border
        inner = (functional.relu(each)[:, :, b:-b, b:-b] for each in z)
        return tuple(functional.pad(each, (b, b, b, b)) for each in inner)

    return forward


def load(directory: str | Path) -> tuple[ModuleType, ModuleType]:
    """The modules ``train``, with the models, and ``splitting``.

    Raises
    ------
    FileNotFoundError
        The directory lacks one of the files.
    """
    directory = Path(directory)
    for name in FILES:
        if not (directory / f"{name}.py").is_file():
            raise FileNotFoundError(
                f"{directory} has no {name}.py: clone https://github.com/locuslab/monotone_op_net "
                "and give its directory"
            )
    with _found_in(directory):
        import train  # type: ignore[import-not-found]

        splitting, mon = __import__("splitting"), sys.modules["mon"]
    for name, function in (("rfft", rfft), ("irfft", irfft)):
        if not hasattr(torch, name):
            setattr(torch, name, function)
    relu = mon.MONBorderReLU  # type: ignore[attr-defined]
    relu.forward = out_of_place(relu.forward)
    return train, splitting


def make(
    modules: tuple[ModuleType, ModuleType],
    kind: str,
    in_channels: int,
    side: int,
    sizes: tuple[int, ...],
    *,
    tol: float,
    max_iter: int,
) -> nn.Module:
    """A released model: ``kind`` is "dense", "conv" or "multi-tier"; Peaceman-Rachford, α = 1."""
    train, splitting = modules
    method = splitting.MONPeacemanRachford
    options = {"m": 1.0, "alpha": 1.0, "tol": tol, "max_iter": max_iter}
    if kind == "dense":
        inputs = in_channels * side * side
        model = train.SingleFcNet(method, in_dim=inputs, out_dim=sizes[0], **options)
    elif kind == "conv":
        model = train.SingleConvNet(
            method, in_dim=side, in_channels=in_channels, out_channels=sizes[0], **options
        )
    else:
        model = train.MultiConvNet(
            method, in_dim=side, in_channels=in_channels, conv_sizes=sizes, **options
        )
    assert isinstance(model, nn.Module)
    return model


def same_weights(model: nn.Module, kind: str, side: int) -> Classifier:
    """The model of this library with a released one's weights."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pt"
        torch.save(model.state_dict(), path)
        return load_reference(path, side=None if kind == "dense" else side)


def iterations(model: nn.Module) -> tuple[int, int]:
    """Of the latest forward and backward solve."""
    stats: Any = model.mon.stats
    return int(stats.fwd_iters.val), int(stats.bkwd_iters.val)
