"""SVHN's MATLAB files become images channel by channel, with the digit 0 labelled 0."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat

from splitkit_nn.data import load_svhn
from tests.nn.data.image_files import bright_rows, write_svhn


@pytest.mark.parametrize("folder", ["", "svhn"])
def test_what_was_written_is_read(tmp_path: Path, folder: str) -> None:
    write_svhn(tmp_path / folder)
    data = load_svhn(tmp_path)
    images, labels = bright_rows(20, 20)
    assert data.train_x.dtype == torch.uint8
    np.testing.assert_array_equal(data.train_x.numpy(), images)
    np.testing.assert_array_equal(data.train_y.numpy(), labels)
    assert data.test_x.shape == (10, 3, 32, 32)
    expected = (images[0, 2, 5, 6] / 255 - 0.4728) / 0.1970
    assert float(data.normalization(data.train_x)[0, 2, 5, 6]) == pytest.approx(expected, rel=1e-5)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is no directory"):
        load_svhn(tmp_path / "nowhere")
    write_svhn(tmp_path)
    (tmp_path / "test_32x32.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds none of test_32x32\.mat"):
        load_svhn(tmp_path)


IMAGES = np.zeros((32, 32, 3, 4), np.uint8)
LABELS = np.ones((4, 1), np.uint8)

FOREIGN: dict[str, tuple[dict[str, Any], str]] = {
    "no labels": ({"X": IMAGES}, "no variable y"),
    "other names": ({"a": IMAGES, "b": LABELS}, "no variable X nor y"),
    "full digits": ({"X": IMAGES[:30], "y": LABELS}, r"X of shape \(30, 32, 3, 4\)"),
    "floats": ({"X": IMAGES / 255, "y": LABELS}, "float64"),
    "label 11": ({"X": IMAGES, "y": 11 * LABELS}, "labels y between 11 and 11"),
    "label 0": ({"X": IMAGES, "y": 0 * LABELS}, "labels y between 0 and 0"),
    "fewer labels": ({"X": IMAGES, "y": LABELS[:3]}, "4 images but 3 labels"),
}


@pytest.mark.parametrize(("content", "found"), FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_file_is_refused(tmp_path: Path, content: dict[str, Any], found: str) -> None:
    write_svhn(tmp_path)
    savemat(tmp_path / "train_32x32.mat", content)
    with pytest.raises(ValueError, match=found) as caught:
        load_svhn(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float, compressed: bool) -> None:
    write_svhn(tmp_path)
    path = tmp_path / "train_32x32.mat"
    savemat(path, {"X": IMAGES, "y": LABELS}, do_compression=compressed)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="download it again") as caught:
        load_svhn(tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"<html>404 Not Found</html>", b"\x89HDF\r\n\x1a\n" * 30])
def test_what_is_no_matlab_file_is_refused(tmp_path: Path, content: bytes) -> None:
    write_svhn(tmp_path)
    (tmp_path / "test_32x32.mat").write_bytes(content)
    with pytest.raises(ValueError, match="no readable MATLAB file"):
        load_svhn(tmp_path)
