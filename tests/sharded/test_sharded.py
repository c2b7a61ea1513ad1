"""Points and data that JAX cuts over devices are solved as they lie, and exchange no more than they
must.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.sampling import THOROUGH

# an iteration needs one sum over the devices where Aᵀ(Ax − b) has parts on each, one for Ax, one
# for a mean, and two for a sum that is evaluated twice; neighbours pass on a row of an image for D
# and one for Dᵀ
LEAST = {
    "rows": {"all-reduce": 1},
    "columns": {"all-reduce": 1},
    "strips": {"collective-permute": 2},
    "players": {"all-reduce": 2},
    "consensus": {"all-reduce": 1},
    "batch": {},
}
# processes, and the devices of each
SHARES = [(1, 4), (1, 8), (2, 2)] if settings().max_examples >= THOROUGH else [(1, 4)]


def meeting_place():
    """An address of this machine at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture(scope="module", params=SHARES, ids=lambda p: f"{p[0]} × {p[1]} devices")
def found(request):
    pytest.importorskip("jax")
    processes, devices = request.param
    here = dict(
        os.environ,
        XLA_FLAGS=f"{os.environ.get('XLA_FLAGS', '')} "  # as tests/conftest.py lets it compile
        f"--xla_force_host_platform_device_count={devices}",
        JAX_ENABLE_X64="1",
        PYTHONPATH=str(Path(__file__).parents[2]),
        JAX_PLATFORMS="cpu",
        # devices wait for each other, each with a thread, of which there are else as many as cores
        JAX_CPU_ENABLE_ASYNC_DISPATCH="0",
        NPROC=str(4 * devices),
    )
    script = Path(__file__).with_name("on_a_mesh.py")
    meet = meeting_place()
    shares = [[str(rank), meet] for rank in range(processes)] if processes > 1 else [[]]
    running = [
        subprocess.Popen(
            [sys.executable, str(script), *share],
            env=here,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]
    ended = [process.communicate() for process in running]
    for process, (_, error) in zip(running, ended, strict=True):
        assert process.returncode == 0, error
    said = [json.loads(out.splitlines()[-1]) for out, _ in ended]
    assert all(each == said[0] for each in said)
    return said[0]


@pytest.mark.parametrize("name", LEAST)
def test_what_is_cut_over_devices_is_solved_as_on_one(found, name):
    case = found[name]
    assert case["distance"] <= 1e-10 * case["size"]
    assert case["kept"]


@pytest.mark.parametrize("name", LEAST)
def test_an_iteration_exchanges_no_more_than_it_must(found, name):
    assert found[name]["collectives"] == LEAST[name]


def test_a_mesh_with_explicit_axes_is_refused_with_the_remedy(found):
    assert "AxisType.Auto" in found["explicit"]
