"""CIFAR-10 is read from its folder, its parent or its archive; what is damaged is named."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from splitkit_nn.data import load_cifar10
from splitkit_nn.data.cifar10 import ARCHIVE, FOLDER, RECORD, TEST, TRAIN
from tests.nn.data.image_files import write_cifar10


def pack(folder: Path, archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder, FOLDER)


def test_the_folder_its_parent_and_the_archive_hold_the_same(tmp_path: Path) -> None:
    write_cifar10(tmp_path / "data" / FOLDER)
    pack(tmp_path / "data" / FOLDER, tmp_path / ARCHIVE)
    places = (tmp_path / "data" / FOLDER, tmp_path / "data", tmp_path / ARCHIVE, tmp_path)
    first, *others = [load_cifar10(place) for place in places]
    for other in others:
        for part in ("train_x", "train_y", "test_x", "test_y"):
            assert torch.equal(getattr(first, part), getattr(other, part))


def test_pixels_and_labels_are_those_of_the_records(tmp_path: Path) -> None:
    write_cifar10(tmp_path, records=7)
    data = load_cifar10(tmp_path)
    assert data.train_x.shape == (35, 3, 32, 32)
    assert data.test_x.shape == (7, 3, 32, 32)
    assert data.train_x.dtype == torch.uint8
    records = np.fromfile(tmp_path / TRAIN[1], np.uint8).reshape(7, RECORD)
    np.testing.assert_array_equal(data.train_y[7:14].numpy(), records[:, 0])
    # record 2, channel 1, row 3, column 4
    assert data.train_x[9, 1, 3, 4] == records[2, 1 + 1024 + 3 * 32 + 4]
    mean, std = 0.4822, 0.2435
    normalized = data.normalization(data.train_x[9:10])[0, 1, 3, 4]
    expected = (int(data.train_x[9, 1, 3, 4]) / 255 - mean) / std
    assert float(normalized) == pytest.approx(expected, rel=1e-5)


def spoil(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


FAULTS = {
    "cut within a record": (TRAIN[2], lambda c: c[:-1], "expected records of 3073"),
    "cut between records": (TEST, lambda c: c[:-RECORD], "found 4 records, expected 5"),
    "empty": (TRAIN[0], lambda c: b"", "found 0 bytes"),
    "foreign": (TRAIN[4], lambda c: b"<html>404</html>", "found 16 bytes"),
    "label": (TEST, lambda c: bytes([10]) + c[1:], "found label 10, expected 0 … 9"),
}


@pytest.mark.parametrize(("file", "change", "found"), FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_file_is_named(
    tmp_path: Path, file: str, change: Callable[[bytes], bytes], found: str, packed: bool
) -> None:
    folder = tmp_path / FOLDER
    write_cifar10(folder)
    spoil(folder / file, change)
    place = folder
    if packed:
        place = tmp_path / ARCHIVE
        pack(folder, place)
    with pytest.raises(ValueError, match=found) as caught:
        load_cifar10(place)
    assert str(place / file) in str(caught.value)
    assert "download it again" in str(caught.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is no directory"):
        load_cifar10(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"holds none of data_batch_1\.bin, cifar-10-bin"):
        load_cifar10(tmp_path)
    write_cifar10(tmp_path)
    (tmp_path / TRAIN[3]).unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks data_batch_4\.bin"):
        load_cifar10(tmp_path)


def python_version() -> bytes:
    """An archive with a pickle in it, as the Python version of CIFAR-10 has."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as file:
        member = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        member.size = 3
        file.addfile(member, io.BytesIO(b"\x80\x04."))
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"<html>404</html>", "broken archive"),
        (gzip.compress(b"no tar"), "broken archive"),
        (python_version()[:-20], "broken archive"),
        (python_version(), r"lacks data_batch_1\.bin.*binary version"),
    ],
    ids=["page", "compressed", "cut", "python"],
)
def test_a_damaged_or_foreign_archive_is_refused(
    tmp_path: Path, content: bytes, found: str
) -> None:
    (tmp_path / ARCHIVE).write_bytes(content)
    with pytest.raises(ValueError, match=found) as caught:
        load_cifar10(tmp_path)
    assert str(tmp_path / ARCHIVE) in str(caught.value)
