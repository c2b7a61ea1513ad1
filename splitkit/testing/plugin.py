"""A pytest plugin: the ``xp`` fixture, and Hypothesis profiles.

Opt in with ``pytest_plugins = "splitkit.testing.plugin"`` in a ``conftest.py``.

A test that takes ``xp`` runs once for each library of ``splitkit.testing.backends``, with its
namespace; one that is not here is skipped, with the reason. Profiles, chosen by
``--hypothesis-profile`` or by ``HYPOTHESIS_PROFILE``:

- ``splitkit-dev`` (the default): 40 examples, new ones at every run;
- ``splitkit-ci`` (the default where ``CI`` is set): 40 examples, the same ones at every run;
- ``splitkit-thorough``: 1000 examples, and searches that go on for longer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import settings

from splitkit.testing.backends import BACKENDS, Backend

settings.register_profile("splitkit-dev", max_examples=40, deadline=None, print_blob=True)
settings.register_profile(
    "splitkit-ci",
    max_examples=40,
    deadline=None,
    derandomize=True,
    print_blob=True,
    database=None,
)
settings.register_profile("splitkit-thorough", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "splitkit-ci" if os.environ.get("CI") else "splitkit-dev")
)


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark of what needs a GPU."""
    config.addinivalue_line("markers", "gpu: needs a CUDA device")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each backend that is registered when tests are collected."""
    if "xp_backend" in metafunc.fixturenames:
        parameters = [
            pytest.param(each, id=each.name, marks=[pytest.mark.gpu] if each.gpu else [])
            for each in BACKENDS.values()
        ]
        metafunc.parametrize("xp_backend", parameters, indirect=True, scope="session")


@pytest.fixture(scope="session")
def xp_backend(request: pytest.FixtureRequest) -> Backend:
    """A backend that can be used here, of which ``xp`` is the namespace."""
    found: Backend = request.param
    try:
        found.load()
    except LookupError as error:
        pytest.skip(str(error))
    return found


@pytest.fixture
def xp(xp_backend: Backend) -> Iterator[Any]:
    """The namespace of a backend; arrays that it makes are on the backend's device."""
    with ExitStack() as stack:
        yield xp_backend.enter(stack)
