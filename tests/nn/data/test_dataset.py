"""Parts share no sample, and pixels are normalized where they lie, in the precision asked for."""

from dataclasses import replace

import pytest
import torch

from splitkit_nn.data import Normalization, load_digits

DIGITS = load_digits()


def test_normalization_is_the_formula_and_leaves_the_pixels() -> None:
    pixels = torch.arange(2 * 3 * 4 * 4, dtype=torch.uint8).view(2, 3, 4, 4)
    before = pixels.clone()
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    found = Normalization(mean, std, 255)(pixels, torch.float64)
    for channel in range(3):
        expected = (pixels[:, channel].double() / 255 - mean[channel]) / std[channel]
        torch.testing.assert_close(found[:, channel], expected, rtol=1e-14, atol=1e-15)
    assert Normalization()(pixels).dtype == torch.float32
    assert torch.equal(pixels, before)


def test_what_is_held_out_is_no_longer_trained_on() -> None:
    marks = torch.arange(1347).view(-1, 1, 1, 1)
    held = replace(DIGITS, train_x=marks).hold_out(0.2, seed=0)
    valid = held.part("valid")[0].flatten()
    assert len(valid) == 269
    both = torch.cat([held.train_x.flatten(), valid])
    assert torch.equal(both.sort().values, marks.flatten())
    assert torch.equal(DIGITS.train_y[valid], held.part("valid")[1])
    assert held.test_x is DIGITS.test_x


def test_the_seed_decides_what_is_held_out() -> None:
    first, again, other = (DIGITS.hold_out(0.2, seed).part("valid")[0] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("share", [0.0, 1e-9, 1.0, -0.5, 2.0])
def test_a_share_that_leaves_a_part_empty_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=f"share = {share} holds out"):
        DIGITS.hold_out(share, seed=0)


def test_there_is_no_validation_part_unless_held_out() -> None:
    with pytest.raises(ValueError, match="has no validation part"):
        DIGITS.part("valid")
