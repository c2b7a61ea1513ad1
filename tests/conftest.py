"""The libraries and dtypes that the tests run on, and how long Hypothesis looks."""

import os

import array_api_compat.numpy
import array_api_compat.torch
import array_api_strict
import pytest
from hypothesis import settings

LIBRARIES = {
    "numpy": array_api_compat.numpy,
    "torch": array_api_compat.torch,
    "strict": array_api_strict,
}

settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True, database=None)
settings.register_profile("dev", deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(params=LIBRARIES.values(), ids=LIBRARIES.keys())
def xp(request):
    """An Array API namespace."""
    return request.param


@pytest.fixture(params=["float64", "float32"])
def dtype(request, xp):
    """A dtype of the library."""
    return getattr(xp, request.param)


def pytest_collection_modifyitems(items):
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if gpu and not array_api_compat.torch.cuda.is_available():
        for item in gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))
