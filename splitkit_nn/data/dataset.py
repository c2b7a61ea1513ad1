"""A data set is four tensors: images and labels, to train on and to test on, already normalized."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Dataset:
    """Labelled images in two parts that share no sample.

    Parameters
    ----------
    name : str
        What messages call it.
    train_x, test_x : Tensor
        Normalized images, float32, shape (samples, channels, height, width).
    train_y, test_y : Tensor
        Labels, int64, shape (samples,), each in 0 … classes − 1.
    classes : int
        How many classes there are.
    scale : float or tuple of float
        Images are (pixels − mean)/scale, with pixels in [0, 1]; one for each channel.

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
    scale: float | tuple[float, ...] = 1.0

    def __post_init__(self) -> None:
        _check_part(f"{self.name}, training part", self.train_x, self.train_y)
        _check_part(f"{self.name}, test part", self.test_x, self.test_y)

    def to(self, device: torch.device) -> Dataset:
        """The same data set with its tensors on ``device``."""
        parts = ("train_x", "train_y", "test_x", "test_y")
        return replace(self, **{part: getattr(self, part).to(device) for part in parts})


def _check_part(where: str, images: Tensor, labels: Tensor) -> None:
    if len(images) != len(labels):
        raise ValueError(
            f"{where}: {len(images)} images but {len(labels)} labels; "
            "take both files from the same download"
        )
    if len(labels) == 0:
        raise ValueError(f"{where}: no samples; expected at least one image with its label")
