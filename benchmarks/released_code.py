"""The paper's released code (locuslab/monotone_op_net), adapted in memory to run beside this one.

It was written for Torch 1.4. What is exchanged, without a change to its files: the transforms that
Torch no longer has (``torch.rfft``, ``torch.irfft``), by ``torch.fft``; torchvision, which only its
data loaders use; and the zeros that its activation writes into the border, which autograd refuses
today, where derivatives are recorded.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import splitkit_nn as sknn
from splitkit_nn.models import Classifier

NEEDED = ("mon.py", "splitting.py", "train.py", "utils.py")


class TorchWithOldTransforms(types.ModuleType):
    """torch, and its two transforms of 1.4 as that code calls them: two axes, full spectrum."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    def rfft(self, x: Tensor, axes: int, *, onesided: bool) -> Tensor:
        """The spectrum with real and imaginary parts along a last axis."""
        assert (axes, onesided) == (2, False)
        return torch.view_as_real(torch.fft.fft2(x))

    def irfft(self, X: Tensor, axes: int, *, onesided: bool) -> Tensor:
        """The real array of such a spectrum."""
        assert (axes, onesided) == (2, False)
        return torch.fft.ifft2(torch.view_as_complex(X.contiguous())).real


def load(directory: Path) -> tuple[Any, Any]:
    """Its modules train and splitting."""
    missing = [name for name in NEEDED if not (directory / name).is_file()]
    if missing:
        raise SystemExit(
            f"--reference {directory}: {', '.join(missing)} not found there; "
            "git clone https://github.com/locuslab/monotone_op_net, and give that folder"
        )
    sys.path.insert(0, str(directory))
    for name in ("torchvision", "torchvision.datasets", "torchvision.transforms"):
        sys.modules.setdefault(name, types.ModuleType(name))
    vision = sys.modules["torchvision"]
    for name in ("datasets", "transforms"):
        if not hasattr(vision, name):
            setattr(vision, name, sys.modules[f"torchvision.{name}"])
    mon, train, splitting = (importlib.import_module(n) for n in ("mon", "train", "splitting"))
    mon.torch = TorchWithOldTransforms("torch")  # type: ignore[attr-defined]
    original = mon.MONBorderReLU.forward

    def forward(self: Any, *z: Tensor) -> tuple[Tensor, ...]:
        if not torch.is_grad_enabled():
            result: tuple[Tensor, ...] = original(self, *z)
            return result
        b = self.border
        return tuple(functional.pad(functional.relu(t[..., b:-b, b:-b]), (b,) * 4) for t in z)

    mon.MONBorderReLU.forward = forward
    return train, splitting


def pair(
    directory: Path, name: str, sizes: tuple[int, ...], channels: tuple[int, ...], tol: float
) -> tuple[nn.Module, Classifier]:
    """A random model of the released code, and ours with its weights.

    ``sizes`` are (inputs,) of the dense model, (channels of the image, side) of the others.
    """
    train, splitting = load(directory)
    options = {"alpha": 1.0, "tol": tol, "max_iter": 300, "m": 1.0}
    method = splitting.MONPeacemanRachford
    if name == "dense":
        theirs = train.SingleFcNet(method, in_dim=sizes[0], out_dim=channels[0], **options)
    elif name == "conv":
        theirs = train.SingleConvNet(
            method, in_dim=sizes[1], in_channels=sizes[0], out_channels=channels[0], **options
        )
    else:
        theirs = train.MultiConvNet(
            method, in_dim=sizes[1], in_channels=sizes[0], conv_sizes=channels, **options
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pt"
        torch.save(theirs.state_dict(), path)
        ours = sknn.load_reference(path, side=None if name == "dense" else sizes[1])
    ours.layer.tol = tol
    return theirs, ours.train()
