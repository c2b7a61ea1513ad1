"""MNIST is found under each of its usual names, normalized, and checked against itself."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from splitkit_nn.data import load_mnist, read_idx
from tests.nn.data.idx_files import write_idx, write_mnist


@pytest.mark.parametrize("joint", ["-", "."])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_the_four_files_are_found_under_each_name(tmp_path: Path, joint: str, end: str) -> None:
    write_mnist(tmp_path, train=30, test=20, joint=joint, end=end)
    data = load_mnist(tmp_path)
    assert data.train_x.shape == (30, 1, 28, 28)
    assert data.test_x.shape == (20, 1, 28, 28)
    assert data.train_x.dtype == torch.uint8
    assert data.train_y.dtype == torch.int64
    assert data.train_y.tolist() == [i % 10 for i in range(30)]
    assert data.classes == 10


def test_a_folder_of_that_name_is_found(tmp_path: Path) -> None:
    write_mnist(tmp_path / "mnist")
    assert len(load_mnist(tmp_path).train_x) == 40


def test_pixels_are_normalized(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    pixels = read_idx(tmp_path / "t10k-images-idx3-ubyte")
    expected = (pixels / 255 - 0.1307) / 0.3081
    data = load_mnist(tmp_path)
    found = data.normalization(data.test_x)[:, 0].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "name",
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"],
)
def test_a_missing_file_is_named_with_all_that_was_looked_for(tmp_path: Path, name: str) -> None:
    write_mnist(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        load_mnist(tmp_path)
    message = str(caught.value)
    stem, kind = name.split("-idx")
    assert str(tmp_path) in message
    for looked_for in (name, f"{name}.gz", f"{stem}.idx{kind}", f"{stem}.idx{kind}.gz"):
        assert looked_for in message


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is no directory"):
        load_mnist(tmp_path / "nowhere")


def spoil(file: str, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], path: Path) -> None:
    write_mnist(path)
    write_idx(path / file, change(read_idx(path / file)))


def with_label_ten(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    labels[3] = 10
    return labels


FAULTS = {
    "label out of range": ("t10k-labels-idx1-ubyte", with_label_ten, "found label 10, expected 0"),
    "fewer labels": ("train-labels-idx1-ubyte", lambda y: y[:-1], "40 images but 39 labels"),
    "more images": ("t10k-images-idx3-ubyte", lambda x: x[:-1], "19 images but 20 labels"),
    "smaller images": ("train-images-idx3-ubyte", lambda x: x[:, :27], r"\(40, 27, 28\)"),
    "labels for images": ("train-images-idx3-ubyte", lambda x: x[:, 0, 0], r"shape \(40,\)"),
    "images for labels": ("t10k-labels-idx1-ubyte", lambda y: y[:, None], r"shape \(20, 1\)"),
}


@pytest.mark.parametrize(("file", "change", "found"), FAULTS.values(), ids=FAULTS.keys())
def test_files_that_do_not_fit_are_refused(
    tmp_path: Path,
    file: str,
    change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    found: str,
) -> None:
    spoil(file, change, tmp_path)
    with pytest.raises(ValueError, match=found) as caught:
        load_mnist(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_an_empty_part_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path, test=0)
    with pytest.raises(ValueError, match="test part: no samples"):
        load_mnist(tmp_path)
