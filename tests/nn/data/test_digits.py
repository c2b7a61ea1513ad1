"""The digits come in one fixed split: 75/25, stratified, seed 0."""

import numpy as np
import torch
from sklearn import datasets

from splitkit_nn.data import load_digits


def test_shapes_types_and_range() -> None:
    data = load_digits()
    assert data.train_x.shape == (1347, 1, 8, 8)
    assert data.test_x.shape == (450, 1, 8, 8)
    assert data.train_x.dtype == torch.float32
    assert data.train_y.dtype == torch.int64
    assert data.train_x.min() == 0
    assert data.train_x.max() == 1


def test_the_split_is_always_the_same() -> None:
    first, second = load_digits(), load_digits()
    assert torch.equal(first.train_x, second.train_x)
    assert torch.equal(first.test_y, second.test_y)
    # Fixed by the seed of the split, so that another split cannot slip in.
    assert first.test_y[:10].tolist() == [2, 0, 4, 9, 4, 1, 2, 4, 6, 7]


def test_the_parts_are_all_samples_once() -> None:
    data = load_digits()
    pixels = datasets.load_digits().data / 16
    both = torch.cat([data.train_x, data.test_x]).flatten(1).numpy()
    np.testing.assert_array_equal(
        both[np.lexsort(both.T)], pixels[np.lexsort(pixels.T)].astype(np.float32)
    )


def test_the_split_is_stratified() -> None:
    data = load_digits()
    train, test = torch.bincount(data.train_y), torch.bincount(data.test_y)
    assert (test / (train + test) - 0.25).abs().max() < 0.005


def test_moving_to_a_device_moves_every_tensor() -> None:
    moved = load_digits().to(torch.device("meta"))
    parts = (moved.train_x, moved.train_y, moved.test_x, moved.test_y)
    assert {part.device.type for part in parts} == {"meta"}
