"""Augmentation moves images at random: on their device, all at once, by a given generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from splitkit.arguments import Range, check_integer, check_number, check_options, option


class Augmentation(Protocol):
    """Return changed copies of images of shape (samples, channels, height, width)."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor: ...


@dataclass(frozen=True)
class RandomShift:
    """Move each image, with a probability, by up to so many pixels along both axes.

    What enters at the border is 0; what leaves is lost: images are padded and cropped at random.

    Parameters
    ----------
    pixels : int
        The largest distance, positive. Every distance up to it is equally likely.
    probability : float
        How likely an image is to be moved, in (0, 1].

    Raises
    ------
    TypeError, ValueError
        ``pixels`` or ``probability`` is out of its range.
    """

    pixels: int = option(1, check_integer, least=1)
    probability: float = option(1.0, check_number, within=Range(0.0, 1.0, "(]"))

    def __post_init__(self) -> None:
        check_options(self)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return moved copies of images of shape (samples, channels, height, width).

        ``generator`` lives on the images' device; equal states give equal results.
        """
        samples, _, height, width = images.shape
        random = torch.rand((3, samples), generator=generator, device=images.device)
        moved = random[0] < self.probability
        offsets = (random[1:] * (2 * self.pixels + 1)).long().where(moved, self.pixels)
        rows = offsets[0, :, None] + torch.arange(height, device=images.device)
        columns = offsets[1, :, None] + torch.arange(width, device=images.device)
        sample = torch.arange(samples, device=images.device)
        padded = nn.functional.pad(images, [self.pixels] * 4)
        chosen = padded[sample[:, None, None], :, rows[:, :, None], columns[:, None, :]]
        return chosen.movedim(-1, 1)


@dataclass(frozen=True)
class Flip:
    """Mirror each image from left to right with a probability in (0, 1]."""

    probability: float = option(0.5, check_number, within=Range(0.0, 1.0, "(]"))

    def __post_init__(self) -> None:
        check_options(self)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return images of which some are mirrored; see ``RandomShift``."""
        random = torch.rand(len(images), generator=generator, device=images.device)
        return images.flip(-1).where((random < self.probability).view(-1, 1, 1, 1), images)


@dataclass(frozen=True)
class Chain:
    """One augmentation after the other."""

    parts: tuple[Augmentation, ...]

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the images after all parts."""
        for part in self.parts:
            images = part(images, generator)
        return images
