"""The GPU benchmark is rehearsed on the CPU: the same code on small models."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "gpu.py"


def imported(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPT.with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def modules(monkeypatch):
    """``gpu`` and ``released``, forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("gpu", "released"):
        monkeypatch.setitem(sys.modules, name, None)
    return imported("released"), imported("gpu")


def cifar10(folder):
    """Twelve images in the files of CIFAR-10."""
    rng = np.random.default_rng(0)
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    for name in names:
        records = rng.integers(0, 256, size=(2, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        (folder / name).write_bytes(records.tobytes())
    return folder


def test_a_rehearsal_on_the_cpu_prints_every_table(modules, tmp_path, capsys):
    data = cifar10(tmp_path)
    modules[1].main(["--device", "cpu", "--quick", "--repeats", "1", "--data", str(data)])
    printed = capsys.readouterr().out
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    steps, floors, gaps = (
        [[cell.strip("| ") for cell in row] for row in rows if row[1] != "way" and len(row) == n]
        for n in (5 + 1, 6, 5)
    )
    assert {row[1] for row in steps if "splitkit" in row[1]} == {"splitkit"}
    names = {"dense 8", "conv 4", "multi-tier 2/3/4"}
    assert names <= {row[0] for row in steps}
    assert names <= {row[0] for row in floors}
    measured = [row for row in gaps if row[1] in ("float32", "float64")]
    assert len(measured) == 3 * 2 * 2  # models, precisions, libraries
    assert all(float(row[3]) <= float(row[4]) for row in measured)
    assert re.search(r"An epoch of cifar10-conv \(10 images.*iterations", printed)


def test_without_a_gpu_it_says_so(modules, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="no CUDA device on this machine"):
        modules[1].main([])


def test_the_floor_of_a_dense_step_is_that_of_its_product(modules):
    _, gpu = modules
    machine = gpu.Machine(bandwidth=1e9, peak=1e12)
    P = gpu.ROWS[0].make().layer.parametrization
    (flops, size), *rest = gpu.kernels(P, 128)
    assert not rest
    assert flops == 2 * 128 * 87**2
    assert size == 4 * (3 * 128 * 87 + 87**2)
    assert machine.floor([(flops, size)]) == max(flops / 1e12, size / 1e9)


def test_the_operations_of_a_convolution_are_counted(modules):
    """Against the shapes of the arrays that a step multiplies and transforms."""
    _, gpu = modules
    P = gpu.QUICK[1].make().layer.parametrization
    blocks = P.operator(exact=False).blocks
    z = torch.zeros(8, P.channels, P.grid.height, P.grid.width)
    Z = P.grid.transform(z)
    to, back, product, around = gpu.kernels(P, 8)
    assert to == back
    assert to[1] == 4 * z.numel() + 8 * Z.numel()
    assert product == (8 * Z.numel() * blocks.shape[-1], 8 * (2 * Z.numel() + blocks.numel()))
    assert around == (0.0, 12 * z.numel())


RELEASED = {
    "mon": """
import torch
class MONBorderReLU(torch.nn.Module):
    def __init__(self, border):
        super().__init__()
        self.border = border
    def forward(self, *z):
        return z
""",
    "train": "import torchvision.datasets as dset\nimport torchvision.transforms\nimport mon\n",
    "splitting": "import utils\nclass MONPeacemanRachford: pass\n",
    "utils": "import train\n",
}


def test_released_code_is_loaded_as_it_is(tmp_path, modules, monkeypatch):
    released, _ = modules
    with pytest.raises(FileNotFoundError, match=r"has no mon\.py: clone"):
        released.load(tmp_path)
    for name, text in RELEASED.items():
        (tmp_path / f"{name}.py").write_text(text)
    for name in ("rfft", "irfft"):
        monkeypatch.setattr(torch, name, None, raising=False)
        monkeypatch.delattr(torch, name)
    before = set(sys.modules)
    train, splitting = released.load(tmp_path)
    assert not {"mon", "train", "utils", "splitting", "torchvision"} & (set(sys.modules) - before)
    assert splitting.MONPeacemanRachford
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(torch.irfft(torch.rfft(x, 2, onesided=False), 2, onesided=False), x)
    x = torch.tensor([[[[1.0, -1.0, 1.0], [2.0, 3.0, 4.0], [1.0, 1.0, 1.0]]]], requires_grad=True)
    (z,) = train.mon.MONBorderReLU(1)(x)
    z.sum().backward()
    inside = torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
    torch.testing.assert_close(x.grad[0, 0], inside)
    torch.testing.assert_close(z[0, 0], 3.0 * inside)
    with torch.no_grad():
        assert train.mon.MONBorderReLU(1)(x)[0] is x
