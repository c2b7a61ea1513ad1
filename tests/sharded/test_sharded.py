"""Points and data that JAX cuts over devices are solved as they lie, and exchange no more than they
must; what Torch cuts over processes is refused by name.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import splitkit as sk

# an iteration needs one sum over the devices where Aᵀ(Ax − b) has parts on each, and one for Ax
LEAST = {"rows": {"all-reduce": 1}, "columns": {"all-reduce": 1}}


@pytest.fixture(scope="module")
def found():
    pytest.importorskip("jax")
    here = dict(
        os.environ,
        XLA_FLAGS="--xla_force_host_platform_device_count=2",
        JAX_ENABLE_X64="1",
        JAX_PLATFORMS="cpu",
        # devices wait for each other, each with a thread, of which there are else as many as cores
        JAX_CPU_ENABLE_ASYNC_DISPATCH="0",
        NPROC="8",
    )
    script = Path(__file__).with_name("on_a_mesh.py")
    ran = subprocess.run(
        [sys.executable, str(script)], env=here, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["rows", "columns", "strips"])
def test_what_is_cut_over_devices_is_solved_as_on_one(found, name):
    case = found[name]
    assert case["distance"] <= 1e-10 * case["size"]
    assert case["kept"]


@pytest.mark.parametrize("name", LEAST)
def test_an_iteration_exchanges_no_more_than_it_must(found, name):
    assert found[name]["collectives"] == LEAST[name]


def test_a_mesh_with_explicit_axes_is_refused_with_the_remedy(found):
    assert "AxisType.Auto" in found["explicit"]


def test_what_torch_cuts_over_processes_is_refused_by_name():
    class Cut(torch.Tensor):
        """As ``torch.distributed.tensor.DTensor``, of one process."""

        def full_tensor(self):
            return torch.Tensor(self)

    x0 = torch.zeros(3, dtype=torch.float64).as_subclass(Cut)
    with pytest.raises(TypeError, match=r"x0 is a DTensor.*x0\.full_tensor\(\)"):
        sk.solve(sk.Affine(torch.eye(3, dtype=torch.float64)), x0)
    assert np.all(sk.solve(sk.Affine(np.eye(3)), np.zeros(3)).x == 0.0)
