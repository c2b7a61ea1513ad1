"""A data set: images and labels, to train on and to test on, and how its pixels are normalized."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

PartName = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Normalization:
    """(pixel/scale − mean)/std, channel by channel, on the pixels' device.

    Parameters
    ----------
    mean, std : tuple of float
        One for each channel, or one for all.
    scale : float
        The largest pixel.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    scale: float = 1.0

    def __call__(self, pixels: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Normalized images of shape (samples, channels, height, width), new, of ``dtype``."""
        mean, std = (
            torch.tensor(values, dtype=dtype, device=pixels.device).view(-1, 1, 1)
            for values in (self.mean, self.std)
        )
        return (pixels.to(dtype) / self.scale).sub_(mean).div_(std)


@dataclass(frozen=True)
class Dataset:
    """Labelled images in parts that share no sample.

    Parameters
    ----------
    name : str
        What messages call it.
    train_x, test_x : Tensor
        Pixels as the files have them, shape (samples, channels, height, width); what a model sees
        is ``normalization`` of them.
    train_y, test_y : Tensor
        Labels, int64, shape (samples,), each in 0 … classes − 1.
    classes : int
        How many classes there are.
    normalization : Normalization
        Default: the identity.
    valid_x, valid_y : Tensor, optional
        What ``hold_out`` took from the training part.

    Raises
    ------
    ValueError
        A part is empty, or its images and labels differ in number.
    """

    name: str
    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: int
    normalization: Normalization = Normalization()
    valid_x: Tensor | None = None
    valid_y: Tensor | None = None

    def __post_init__(self) -> None:
        _check_part(f"{self.name}, training part", self.train_x, self.train_y)
        _check_part(f"{self.name}, test part", self.test_x, self.test_y)

    def to(self, device: torch.device) -> Dataset:
        """The same data set with its tensors on ``device``."""
        tensors: dict[str, Any] = {
            key: value.to(device) for key, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **tensors)

    def part(self, name: PartName) -> tuple[Tensor, Tensor]:
        """Pixels and labels of a part; ValueError for "valid" if nothing was held out."""
        pixels, labels = getattr(self, f"{name}_x"), getattr(self, f"{name}_y")
        if pixels is None:
            raise ValueError(f"{self.name} has no validation part: take hold_out(share, seed)")
        return pixels, labels

    def hold_out(self, share: float, seed: int) -> Dataset:
        """Move a random share of the training part, in (0, 1), to a validation part.

        Equal seeds move the same samples; the test part is not touched.
        """
        samples = len(self.train_x)
        held = round(share * samples)
        if not 0 < held < samples:
            raise ValueError(
                f"share = {share} holds out {held} of {samples} training samples: "
                "give a share that leaves some on both sides"
            )
        order = torch.randperm(samples, generator=torch.Generator().manual_seed(seed))
        valid, train = order[:held].sort().values, order[held:].sort().values
        return replace(
            self,
            train_x=self.train_x[train],
            train_y=self.train_y[train],
            valid_x=self.train_x[valid],
            valid_y=self.train_y[valid],
        )


def _check_part(where: str, images: Tensor, labels: Tensor) -> None:
    if len(images) != len(labels):
        raise ValueError(
            f"{where}: {len(images)} images but {len(labels)} labels; "
            "take both files from the same download"
        )
    if len(labels) == 0:
        raise ValueError(f"{where}: no samples; expected at least one image with its label")
