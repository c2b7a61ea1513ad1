"""What the tests of trainings share."""

import pytest


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the pictures out, which take longer than a short training."""
    monkeypatch.setattr("splitkit_nn.training.train._draw", lambda trainer, run: [])
