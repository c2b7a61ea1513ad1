"""What an ordinary run takes where each operation is compiled anew; a thorough one takes all."""

import pytest
from hypothesis import settings

ONE_IN = 16
THOROUGH = 1000  # examples of the profile splitkit-thorough


def sample_on_jax(backend, xp, dtype, position):
    """Skip all but one in so many on JAX, and those in single precision."""
    sampled = dtype == xp.float64 and position % ONE_IN == 0
    if backend.name == "jax" and not sampled and settings().max_examples < THOROUGH:
        pytest.skip("JAX compiles each operation anew: thorough runs take all, others a sample")
