"""What a report of a fault should say of the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "splitkit",
    "numpy",
    "scipy",
    "array-api-compat",
    "torch",
    "jax",
    "cupy",
    "clarabel",
    "highspy",
    "scikit-learn",
    "cvxpy",
    "qpsolvers",
    "hypothesis",
    "matplotlib",
    "tqdm",
)
VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "MKL_CBWR",
    "ATEN_CPU_CAPABILITY",
    "JAX_PLATFORMS",
)


def versions() -> Iterator[tuple[str, str]]:
    """Python, the platform, installed packages that matter here, variables that change rounding."""
    yield "python", platform.python_version()
    yield "platform", f"{platform.platform()}, {os.cpu_count()} processors"
    for name in PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"
    for name in VARIABLES:
        if name in os.environ:
            yield name, os.environ[name]


def show_versions() -> None:
    """Print what a report of a fault should say: versions, platform, and what changes rounding.

    Examples
    --------
    >>> import splitkit as sk
    >>> sk.show_versions()  # doctest: +ELLIPSIS
    python             3...
    """
    for name, found in versions():
        print(f"{name:<18} {found}")
