"""A file that has changed since it was written, by one bit, is never read as if it had not."""

import gzip
import json
import os
import random
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import splitkit_nn as sknn
from splitkit_nn.__main__ import main
from splitkit_nn.data import load_cifar10, load_digits, load_svhn, read_idx
from splitkit_nn.data.cifar10 import ARCHIVE, FOLDER, RECORD, TEST
from splitkit_nn.training.config import Config
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import find_recipe
from splitkit_nn.training.run import DamagedFileError, RunDirectory, read_metrics
from splitkit_nn.training.train import train
from splitkit_nn.training.trainer import Trainer
from tests.nn.data.idx_files import write_idx
from tests.nn.data.image_files import write_cifar10, write_svhn

CPU = torch.device("cpu")
DIGITS = load_digits()
FEW = replace(DIGITS, train_x=DIGITS.train_x[:64], train_y=DIGITS.train_y[:64])
RECIPE = replace(find_recipe("digits"), epochs=2)
FLIPS = 100


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def packs(changed: bytes, content: bytes) -> bool:
    """Whether a gzip file holds these bytes: its time, its name and the bits between the end of the
    packed data and the next byte are of no file inside.
    """
    try:
        return gzip.decompress(changed) == content
    except (EOFError, OSError, zlib.error):
        return False


def assert_noticed(path: Path, read: Callable[[], object]) -> None:
    """Flip 100 bits of the file, one at a time: the first, the last, others at random."""
    content, drawn = path.read_bytes(), random.Random(0)
    packed = gzip.decompress(content) if path.suffix == ".gz" else None
    read()
    bits, noticed = range(8 * len(content)), 0
    for bit in [*bits[:8], *bits[-8:], *drawn.sample(bits, FLIPS - 16)]:
        changed = flipped(content, bit)
        if packed is not None and packs(changed, packed):
            continue
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=str(path)):
            read()
        noticed += 1
    assert noticed > 0.7 * FLIPS
    path.write_bytes(content)
    read()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run that was broken off after its first epoch."""
    run = RunDirectory(tmp_path_factory.mktemp("begun"))
    trainer = Trainer(RECIPE, FEW, CPU)
    trainer.run_epoch(lambda epoch, step: None)
    run.write_config(Config(RECIPE, None))
    run.write_epoch(trainer)
    return run


def test_a_flipped_bit_in_a_run(begun: RunDirectory) -> None:
    trainer = Trainer(RECIPE, FEW, CPU)
    assert_noticed(begun.path / "checkpoint.pt", lambda: begun.read_checkpoint(trainer))
    assert_noticed(begun.model_path, lambda: begun.read_model(trainer.model))
    assert_noticed(begun.path / "checkpoint.pt", lambda: sknn.load(begun.path / "checkpoint.pt"))


def test_a_flipped_bit_in_a_configuration(begun: RunDirectory) -> None:
    """Most are noticed; the others, as in blanks, change nothing."""
    path, config = begun.path / "config.json", begun.read_config()
    content, noticed = path.read_bytes(), 0
    bits = random.Random(0).sample(range(8 * len(content)), 2 * FLIPS)
    for bit in bits:
        path.write_bytes(flipped(content, bit))
        try:
            assert begun.read_config() == config
        except DamagedFileError:
            noticed += 1
    path.write_bytes(content)
    assert noticed > 0.9 * len(bits)


def test_a_flipped_bit_in_a_saved_model(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    sknn.save(sknn.DenseClassifier(3, 4, 2), path)
    assert_noticed(path, lambda: sknn.load(path))
    assert torch.load(path, weights_only=True).keys() == {"format", "description", "state"}


def test_a_flipped_bit_in_the_values_that_torch_wrote(tmp_path: Path) -> None:
    path, state = tmp_path / "state.pt", sknn.DenseClassifier(3, 4, 2).state_dict()
    torch.save(state, path)
    content, values = path.read_bytes(), state["head.weight"].numpy().tobytes()
    start = content.index(values)
    for byte in range(start, start + len(values)):
        path.write_bytes(flipped(content, 8 * byte + byte % 8))
        with pytest.raises(ValueError, match=r"checksum of its \w+/data/\d+ is another"):
            sknn.load(path)


def test_a_flipped_bit_in_packed_images(tmp_path: Path) -> None:
    write_cifar10(tmp_path / FOLDER, records=1)
    with tarfile.open(tmp_path / ARCHIVE, "w:gz") as file:
        file.add(tmp_path / FOLDER, FOLDER)
    assert_noticed(tmp_path / ARCHIVE, lambda: load_cifar10(tmp_path / ARCHIVE))
    path = tmp_path / "images-idx3-ubyte.gz"
    write_idx(path, np.arange(240, dtype=np.uint8).reshape(10, 4, 6))
    assert_noticed(path, lambda: read_idx(path))


def test_what_is_larger_than_it_should_be_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a-idx3-ubyte.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"\0\0\x08\x01\0\0\0\x04")
        for _ in range(64):
            file.write(bytes(2**20))
    monkeypatch.setattr(gzip, "decompress", lambda data: pytest.fail("read whole"))
    with pytest.raises(ValueError, match=r"5 bytes of values \(followed by trailing garbage"):
        read_idx(path)
    write_cifar10(tmp_path / FOLDER, records=1)
    (tmp_path / FOLDER / "other.bin").write_bytes(b"mine")
    assert len(load_cifar10(tmp_path / FOLDER).test_x) == 1
    monkeypatch.setattr("splitkit_nn.data.cifar10.LARGEST", 2)
    (tmp_path / FOLDER / TEST).write_bytes(bytes(3 * RECORD))
    with pytest.raises(ValueError, match="found 9219 bytes, expected at most 2 records"):
        load_cifar10(tmp_path / FOLDER)
    with tarfile.open(tmp_path / ARCHIVE, "w:gz") as archive:
        archive.add(tmp_path / FOLDER, FOLDER)
    with pytest.raises(ValueError, match=f"9219 bytes of {TEST}, at most 2 records"):
        load_cifar10(tmp_path / ARCHIVE)
    write_svhn(tmp_path / "svhn")
    monkeypatch.setattr("splitkit_nn.data.svhn.LARGEST", 19)
    with pytest.raises(ValueError, match=r"X of shape \(32, 32, 3, 20\), more than 19 images"):
        load_svhn(tmp_path)


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """What begins a member of an archive."""
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


MANY = 8 * 2**30
MEGABYTES = bytes(2**21)
PACKED = {
    "no tar": MEGABYTES,
    "a foreign file": header("other.bin", MANY) + MEGABYTES,
    "one of the files": header(TEST, MANY) + MEGABYTES,
    "attributes": header("x", MANY, tarfile.XHDTYPE) + MEGABYTES,
    "a long name": header("x", MANY, tarfile.GNUTYPE_LONGNAME) + MEGABYTES,
    "many empty files": header("x", 0) * 4096,
    "files again": (header(TEST, RECORD) + bytes(RECORD + -RECORD % 512)) * 512,
    "a long end": header(TEST, 0) + MEGABYTES,
}


@pytest.mark.parametrize("packed", PACKED)
def test_what_a_packed_archive_promises_is_not_believed(tmp_path: Path, packed: str) -> None:
    (tmp_path / ARCHIVE).write_bytes(gzip.compress(PACKED[packed], 1))
    tracemalloc.start()
    try:
        with pytest.raises(
            ValueError, match=r"more than 1048576 bytes beside|at most 10000 records"
        ):
            load_cifar10(tmp_path / ARCHIVE)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def test_what_a_packed_model_promises_is_not_believed(tmp_path: Path) -> None:
    path, again = tmp_path / "model.pt", tmp_path / "again.pt"
    torch.save({"head.weight": torch.zeros(2**18)}, path)
    for kind, match in (
        (zipfile.ZIP_DEFLATED, "are packed into its"),
        (zipfile.ZIP_STORED, "says that it is a directory"),
    ):
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(again, "w", kind) as target:
            for entry in source.infolist():
                made = zipfile.ZipInfo(entry.filename)
                made.external_attr, made.compress_type = 0x10, kind
                target.writestr(made, source.read(entry))
        with pytest.raises(ValueError, match=match):
            sknn.load(again)


def test_what_a_packed_matrix_promises_is_not_believed(tmp_path: Path) -> None:
    """Its header says 20 images, the numbers in it are more."""
    path = tmp_path / "svhn" / "test_32x32.mat"
    write_svhn(path.parent, test=400)
    content = bytearray(path.read_bytes())
    kind, length = struct.unpack("<2I", content[128:136])
    matrix = zlib.decompress(content[136 : 136 + length]).replace(
        struct.pack("<4i", 32, 32, 3, 400), struct.pack("<4i", 32, 32, 3, 20)
    )
    packed = zlib.compress(matrix, 1)
    content[128 : 136 + length] = struct.pack("<2I", kind, len(packed)) + packed
    path.write_bytes(content)
    with pytest.raises(ValueError, match="more is packed in it than its headers promise"):
        load_svhn(tmp_path)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("change", [{"seed": 3}, {"batch_size": 7}, {"m": 0.5}])
def test_a_run_with_other_settings_does_not_go_on(
    tmp_path: Path,
    begun: RunDirectory,
    change: dict[str, float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    content = json.loads((begun.path / "config.json").read_text())
    (out / "checkpoint.pt").write_bytes((begun.path / "checkpoint.pt").read_bytes())
    content["settings"] |= change
    (out / "config.json").write_text(json.dumps(content))
    arguments = ["train", "digits", "--out", str(out), "--resume", "--no-progress"]
    assert main(arguments) == 2
    assert "it has changed since it was written" in capsys.readouterr().err
    del content["sha256"]
    (out / "config.json").write_text(json.dumps(content))
    assert main(arguments) == 1
    key, value = next(iter(change.items()))
    assert (
        f"{key} = {RECIPE.settings[key]} there, {value} in config.json" in capsys.readouterr().err
    )
    recipe: Recipe = replace(RECIPE, **change)  # type: ignore[arg-type]
    with pytest.raises(DamagedFileError, match=f"{key} = "):
        train(Config(recipe, None), FEW, out, CPU, progress=False, resume=True)


ODD = ["[]", "3", "null", "{", "\0", '"' * 9, "[" * 100_000, '{"settings": 3}']
VALUES = [None, [], {}, "x", -1, 1e400, 10**400, True, "\0", {"recipe": {}}, [[1]]]


def test_an_odd_configuration_is_an_error_by_name(begun: RunDirectory, tmp_path: Path) -> None:
    whole = json.loads((begun.path / "config.json").read_text())
    del whole["sha256"]
    texts = list(ODD)
    for value in VALUES:
        texts += [json.dumps(whole | {key: value}) for key in ("recipe", "settings", "device")]
        for key in whole["settings"]:
            texts.append(json.dumps(whole | {"settings": whole["settings"] | {key: value}}))
    run, refused = RunDirectory(tmp_path), 0
    for text in texts:
        (tmp_path / "config.json").write_text(text)
        try:
            run.read_config()
        except DamagedFileError:
            refused += 1
    assert refused > 0.8 * len(texts)  # null is one for some


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text.split("\n", 1)[0] + "\n",
        lambda text: text[:-20],
        lambda text: text.replace("\n1,", "\n2,"),
        lambda text: text.replace("\n1,", "\none,"),
        lambda text: text.strip() + ",7\n",
        lambda text: "epoch\n1\n",
        lambda text: text.replace("\n1,", "\n1,\0"),
        lambda text: text.replace("\n1,", '\n1,"'),
    ],
)
def test_short_metrics_are_an_error_by_name(
    begun: RunDirectory, tmp_path: Path, change: Callable[[str], str]
) -> None:
    assert len(read_metrics(begun.path / "metrics.csv")) == 1
    path = tmp_path / "metrics.csv"
    path.write_text(change((begun.path / "metrics.csv").read_text()))
    with pytest.raises(DamagedFileError, match=str(path)):
        read_metrics(path)


def test_a_flipped_bit_in_metrics(begun: RunDirectory) -> None:
    """The checkpoint has them too."""
    path = begun.path / "metrics.csv"
    content, history, noticed = path.read_bytes(), begun.read_history(), 0
    for bit in random.Random(0).sample(
        range(8 * content.index(b"\n") + 8, 8 * len(content)), FLIPS
    ):
        path.write_bytes(flipped(content, bit))
        try:
            assert list(map(repr, begun.read_history())) == list(map(repr, history))
        except DamagedFileError:
            noticed += 1
    assert noticed > 0.9 * FLIPS
    path.write_bytes(content)


def test_a_path_that_cannot_be_written_is_refused_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Trainer, "run_epoch", lambda *args: pytest.fail("trained"))
    with pytest.raises(SystemExit) as ended:
        main(["train", "digits", "--out", os.fsdecode(bytes(tmp_path) + b"/\xff")])
    assert ended.value.code == 2
    assert "is not UTF-8: give it another name" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["train", "digits", "--out", str(tmp_path / "file" / "run")]) == 2
    assert f"{tmp_path / 'file'} is no directory" in capsys.readouterr().err
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert main(["train", "digits", "--out", str(tmp_path / "new" / "run")]) == 2
    assert f"{tmp_path} cannot be written to" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_no_file_is_left_as_it_is(tmp_path: Path) -> None:
    model = sknn.DenseClassifier(3, 4, 2)
    pipe, link = tmp_path / "pipe", tmp_path / "link.pt"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, Path("/dev/full")):
        before = path.stat().st_mode
        with pytest.raises(OSError, match=f"{path} is no file, and stays as it is"):
            sknn.save(model, path)
        assert path.stat().st_mode == before
    link.symlink_to(tmp_path / "target.pt")
    sknn.save(model, link)
    assert link.is_symlink()
    sknn.load(tmp_path / "target.pt")
