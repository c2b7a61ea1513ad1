"""The libraries and profiles are those of the public plugin; here is what this repository adds."""

import gc

import pytest
from hypothesis.internal.conjecture import providers

from tests import quick_jax, quick_strict
from tests.sampling import is_taken

pytest_plugins = ("splitkit.testing.plugin", "pytester")

# Hypothesis mixes numbers that it finds in the source into what it draws: the same seeds would draw
# other cases after every edit, and in every selection of tests
providers._get_local_constants = providers.Constants

quick_strict.intern()
quick_jax.compile_quickly()

# libraries and collected tests are a million objects that stay: the collector would walk over them
# again and again, for a quarter of the time that collecting takes
gc.disable()


def pytest_collection_finish():
    quick_jax.share_dialects()
    gc.freeze()
    gc.enable()


_STATES = {}  # of the generators of modules, before their first test


@pytest.fixture(autouse=True)
def drawn_as_if_alone(request):
    """A test draws of its module's ``RNG`` what it draws alone, whatever ran before it."""
    generator = getattr(request.module, "RNG", None)
    if generator is not None:
        bits = generator.bit_generator
        bits.state = _STATES.setdefault(request.module.__name__, bits.state)


@pytest.fixture(params=["float64", "float32"])
def dtype(request, xp):
    """A dtype of the library."""
    return getattr(xp, request.param)


def pytest_collection_modifyitems(config, items):
    """Leave out what ordinary runs do not take of samples; and where there is no GPU, let one test
    of a file say so for all that need one. Thousands would be set up, skipped and reported.
    """
    left_out = {item for item in items if not is_taken(item)}
    files = {}
    for item in items:
        if item not in left_out and item.get_closest_marker("gpu"):
            files.setdefault(item.path, []).append(item)
    if files and not has_gpu():
        for first, *others in files.values():
            more = f"(nor for {len(others)} more tests of this file)"
            first.add_marker(pytest.mark.skip(reason=f"no CUDA device on this machine {more}"))
            left_out.update(others)
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


def has_gpu():
    import torch  # takes seconds, which the process that deals out tests need not spend

    return torch.cuda.is_available()
