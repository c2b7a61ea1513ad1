"""The libraries and profiles are those of the public plugin; here is what this repository adds."""

import array_api_compat.torch
import pytest

pytest_plugins = ("splitkit.testing.plugin", "pytester")


@pytest.fixture(params=["float64", "float32"])
def dtype(request, xp):
    """A dtype of the library."""
    return getattr(xp, request.param)


def pytest_collection_modifyitems(items):
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if gpu and not array_api_compat.torch.cuda.is_available():
        for item in gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))
