"""The libraries and profiles are those of the public plugin; here is what this repository adds."""

import gc

import array_api_compat.torch
import pytest
from hypothesis.internal.conjecture import providers

from tests import quick_strict

pytest_plugins = ("splitkit.testing.plugin", "pytester")

# Hypothesis mixes numbers that it finds in the source into what it draws: the same seeds would draw
# other cases after every edit, and in every selection of tests
providers._get_local_constants = providers.Constants

quick_strict.intern()

# libraries and collected tests are a million objects that stay: the collector would walk over them
# again and again, for a quarter of the time that collecting takes
gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


@pytest.fixture(params=["float64", "float32"])
def dtype(request, xp):
    """A dtype of the library."""
    return getattr(xp, request.param)


def pytest_collection_modifyitems(items):
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if gpu and not array_api_compat.torch.cuda.is_available():
        for item in gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))
