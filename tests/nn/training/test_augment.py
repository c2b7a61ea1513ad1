"""A shift moves whole images by whole pixels, reproducibly, and invents nothing."""

import pytest
import torch
from torch import Tensor

from splitkit_nn.training.augment import Augmentation, Chain, Flip, RandomShift


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def moved_by(image: Tensor, down: int, right: int) -> Tensor:
    """The definition, pixel by pixel."""
    result = torch.zeros_like(image)
    _, height, width = image.shape
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                result[:, row, column] = image[:, row - down, column - right]
    return result


IMAGES = 1 + torch.rand((300, 2, 5, 4), generator=generator(0))


def offsets_of(moved: Tensor, pixels: int) -> list[tuple[int, int]]:
    reach = range(-pixels, pixels + 1)
    return [
        next(
            (down, right)
            for down in reach
            for right in reach
            if torch.equal(after, moved_by(before, down, right))
        )
        for before, after in zip(IMAGES, moved, strict=True)
    ]


@pytest.mark.parametrize("pixels", [1, 2])
def test_every_image_is_moved_by_whole_pixels_and_every_offset_occurs(pixels: int) -> None:
    offsets = offsets_of(RandomShift(pixels=pixels)(IMAGES, generator(1)), pixels)
    assert len(set(offsets)) == (2 * pixels + 1) ** 2


def test_the_probability_leaves_the_others_where_they_are() -> None:
    offsets = offsets_of(RandomShift(probability=0.25)(IMAGES, generator(1)), 1)
    moved = sum(offset != (0, 0) for offset in offsets)
    assert 40 <= moved <= 95  # 300 · ¼ · 8/9 ≈ 67, four standard deviations each way


def test_the_generator_decides() -> None:
    shift = RandomShift()
    assert torch.equal(shift(IMAGES, generator(1)), shift(IMAGES, generator(1)))
    assert not torch.equal(shift(IMAGES, generator(1)), shift(IMAGES, generator(2)))


def test_the_input_is_not_changed() -> None:
    before = IMAGES.clone()
    RandomShift()(IMAGES, generator(1))
    assert torch.equal(IMAGES, before)


def test_about_half_are_mirrored_and_the_others_left() -> None:
    flipped = Flip()(IMAGES, generator(1))
    mirrored = (flipped == IMAGES.flip(-1)).flatten(1).all(1)
    left = (flipped == IMAGES).flatten(1).all(1)
    assert bool((mirrored ^ left).all())
    assert 115 <= int(mirrored.sum()) <= 185  # 150, four standard deviations each way


def test_a_chain_is_one_after_the_other_on_one_generator() -> None:
    parts: tuple[Augmentation, ...] = (RandomShift(pixels=2), Flip())
    one, two = generator(1), generator(1)
    expected = parts[1](parts[0](IMAGES, two), two)
    assert torch.equal(Chain(parts)(IMAGES, one), expected)


def test_bytes_stay_bytes() -> None:
    pixels = (IMAGES * 100).to(torch.uint8)
    moved = Chain((RandomShift(pixels=4), Flip()))(pixels, generator(0))
    assert moved.dtype == torch.uint8
    assert moved.shape == pixels.shape


def test_a_probability_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="probability = 0"):
        Flip(0)


@pytest.mark.parametrize("wrong", [{"pixels": 0}, {"probability": 0.0}, {"probability": 1.5}])
def test_values_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RandomShift(**wrong)  # type: ignore[arg-type]
