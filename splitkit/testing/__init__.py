"""Property-based checks for one's own operators, functions and linear maps (needs hypothesis).

``check_operator(A, shape)`` looks for points at which A breaks what it declares: its constants, its
resolvent, its Cayley operator. A failure raises AssertionError with the property as a formula, the
numbers on both sides, and the points.
"""

from splitkit.testing import strategies as strategies
from splitkit.testing.checks_function import check_function as check_function
from splitkit.testing.checks_linear import check_linear_operator as check_linear_operator
from splitkit.testing.checks_operator import check_operator as check_operator
from splitkit.testing.registry import Registered as Registered, registered as registered
