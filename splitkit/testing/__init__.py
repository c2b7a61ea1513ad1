"""Property-based checks for one's own operators, functions and linear maps (needs hypothesis).

``check_operator(A, shape)`` looks for points at which A breaks what it declares: its constants, its
resolvent, its Cayley operator. A failure raises AssertionError with the property as a formula, the
numbers on both sides, the points, and code that shows it again (``replay``).
``parametrize_with_checks`` makes a pytest test of each property. ``check_activation`` and
``check_layer`` are those of ``splitkit_nn.testing``, loaded when they are asked for.
"""

from importlib import import_module
from typing import Any

try:
    import hypothesis as _hypothesis  # noqa: F401
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "splitkit.testing needs hypothesis, which is missing: pip install 'splitkit[testing]'",
        name="hypothesis",
    ) from _error

from splitkit.testing import strategies as strategies
from splitkit.testing._report import Violation as Violation
from splitkit.testing._suite import Suite as Suite, replay as replay, suite as suite
from splitkit.testing.checks_function import check_function as check_function
from splitkit.testing.checks_linear import check_linear_operator as check_linear_operator
from splitkit.testing.checks_method import check_method as check_method
from splitkit.testing.checks_operator import check_operator as check_operator
from splitkit.testing.parametrize import parametrize_with_checks as parametrize_with_checks
from splitkit.testing.real_form import real_form as real_form
from splitkit.testing.registry import Registered as Registered, registered as registered

OF_NETWORKS = ("check_activation", "check_layer")


def __getattr__(name: str) -> Any:
    # by name, so that splitkit itself never imports splitkit_nn, and torch with it
    if name in OF_NETWORKS:
        return getattr(import_module("splitkit_nn.testing"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
