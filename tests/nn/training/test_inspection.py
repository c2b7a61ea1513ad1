"""``evaluate``, ``certify`` and ``figures`` on whatever holds a model."""

import re
import shutil
from pathlib import Path

import pytest
import torch

import splitkit_nn as sknn
from splitkit_nn.__main__ import main
from splitkit_nn.training import convergence

Caught = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the digits and, outside of it, its model in each kind of file."""
    out = tmp_path_factory.mktemp("places")
    quick = ("--epochs", "2", "--no-progress", "--tol", "0.01")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("splitkit_nn.training.train.find_spec", lambda name: None)
        assert main(["train", "digits", "--out", str(out / "run"), *quick]) == 0
    shutil.copy(out / "run" / "model.pt", out / "state.pt")
    shutil.copy(out / "run" / "checkpoint.pt", out / "checkpoint.pt")
    model = sknn.load(out / "state.pt")
    sknn.save(model, out / "saved.pt")
    state = {
        "mon.linear_module.U.weight": model.layer.parametrization.U.weight,
        "mon.linear_module.U.bias": model.layer.parametrization.U.bias,
        "mon.linear_module.A.weight": model.layer.parametrization.A,
        "mon.linear_module.B.weight": model.layer.parametrization.B,
        "Wout.weight": model.head.weight,
        "Wout.bias": model.head.bias,
    }
    torch.save({key: value.detach() for key, value in state.items()}, out / "released.pt")
    torch.manual_seed(0)
    sknn.save(sknn.MonDEQ(sknn.MonotoneConv2d(1, 2, 4), "hardtanh"), out / "layer.pt")
    torch.save(sknn.MonDEQ(sknn.MonotoneConv2d(1, 2, 4)).state_dict(), out / "layer-state.pt")
    return out


FILES = ("state.pt", "checkpoint.pt", "saved.pt", "released.pt")
INSIDE = ("run", "run/model.pt", "run/checkpoint.pt")


def test_the_accuracy_is_the_same_wherever_the_model_lies(places: Path, capsys: Caught) -> None:
    for name in INSIDE:
        assert main(["evaluate", str(places / name)]) == 0
    for name in FILES:
        assert main(["evaluate", str(places / name), "--recipe", "digits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(INSIDE) + len(FILES)
    assert len(set(lines)) == 1
    assert re.fullmatch(r"test accuracy: \d+\.\d\d %", lines[0])


@pytest.mark.parametrize("name", ["run", *FILES])
def test_certify(name: str, places: Path, capsys: Caught) -> None:
    recipe = () if name == "run" else ("--recipe", "digits")
    assert main(["certify", str(places / name), "--steps", "1", *recipe]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines))
    for label in ("distance to the true", "strong monotonicity m", "solver iter", "ℓ2 radius"):
        assert sum(line.startswith(label) for line in lines) == 1
    picture = "run/certified.png" if name == "run" else f"{Path(name).stem}-certified.png"
    assert (places / picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["run", "layer.pt"])
def test_figures(name: str, places: Path, capsys: Caught, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convergence, "LIMIT", 100)
    assert main(["figures", str(places / name)]) == 0
    printed = capsys.readouterr().out
    shown = "first 64 test images" if name == "run" else "64 standard normal inputs"
    assert shown in printed
    rows = re.findall(r"^([\d.e-]+) +(\d+|–) +(\d+|–) +(\d+|–) +(\d+|–)$", printed, re.MULTILINE)
    assert len(rows) == 14
    assert rows[-1][2] == rows[-1][4] == "–"  # forward-backward at α = 16
    pairs = re.findall(r"^\d+ +(\d\.\d\de[+-]\d+) +(\d\.\d\de[+-]\d+)$", printed, re.MULTILINE)
    assert len(pairs) == 6
    assert all(float(bound) >= float(error) for bound, error in pairs)
    picture = "run/convergence.png" if name == "run" else f"{Path(name).stem}-convergence.png"
    assert (places / picture).read_bytes().startswith(b"\x89PNG")


def test_a_bare_layer_is_certified_as_far_as_it_goes(places: Path, capsys: Caught) -> None:
    assert main(["certify", str(places / "layer.pt")]) == 0
    assert main(["certify", str(places / "layer-state.pt"), "--side", "4", "--m", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("certified for 64 standard normal inputs") == 2
    assert printed.count("certified accuracy: needs a classifier") == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("figures", "none.pt"), "neither a run nor a model's file"),
        (("certify", "layer-state.pt"), "without its images' side: give it"),
        (("certify", "layer.pt", "--side", "1", "2", "3"), "--side 1 2 3: give one number"),
        (("certify", "layer.pt", "--recipe", "digits"), "does not take the images of digits"),
        (("certify", "saved.pt", "--data", "x"), "say by --recipe"),
        (("certify", "run", "--m", "2"), "--m: .* is a run, which knows its own"),
        (("certify", "run", "--steps", "-1"), "--steps -1"),
        (("evaluate", "saved.pt"), "say by --recipe which images"),
        (("figures", "run/metrics.csv"), "no file of tensors"),
        (("figures", "saved.pt", "--recipe", "didgits"), "did you mean digits"),
    ],
)
def test_what_is_missing_is_said(
    words: tuple[str, ...], message: str, places: Path, capsys: Caught
) -> None:
    command, name, *options = words
    assert main([command, str(places / name), *options]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.search(message, printed.err)
