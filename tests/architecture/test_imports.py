"""A file imports only from its own room and from rooms before it, and few rooms know a library."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class House:
    """A package: its rooms in order, and the rooms that may import each third-party library."""

    package: str
    rooms: tuple[str, ...]
    libraries: dict[str, tuple[str, ...]]


# `__init__` is the package's own: a room after it may `import splitkit`, and importing splitkit
# loads no room after it.
SPLITKIT_ROOMS = (
    "meshes",
    "fates",
    "backend",
    "tracing",
    "inductor",
    "loops",
    "derivatives",
    "arguments",
    "looks",
    "outcomes",
    "docstrings",
    "display",
    "progress",
    "arithmetic",
    "notation",
    "graph_sums",
    "properties",
    "operators",
    "linear",
    "functions",
    "problems",
    "proofs",
    "solvers",
    "versions",
    "__init__",
    "estimators",
    "interfaces",
    "testing",
    "__main__",
)
SPLITKIT = House(
    "splitkit",
    SPLITKIT_ROOMS,
    libraries={
        "numpy": SPLITKIT_ROOMS,
        "array_api_compat": ("backend", "tracing", "inductor"),
        "jax": ("tracing", "derivatives"),
        "torch": ("meshes", "inductor", "derivatives"),
        "scipy": (
            "linear",
            "functions",
            "problems",
            "proofs",
            "solvers",
            "estimators",
            "interfaces",
            "testing",
        ),
        "clarabel": ("proofs",),
        "highspy": ("problems",),
        "numba": ("functions",),
        "sklearn": ("estimators",),
        "cvxpy": ("interfaces",),
        "qpsolvers": ("interfaces",),
        "tqdm": ("progress",),
        "matplotlib": ("solvers",),
        "hypothesis": ("testing",),
        "pytest": ("testing",),
    },
)

NETWORK_ROOMS = (
    "arguments",
    "activations",
    "linear",
    "equilibrium",
    "implicit",
    "layers",
    "models",
    "baselines",
    "certify",
    "data",
    "training",
    "reproduce",
    "__init__",
    "testing",
    "__main__",
)
TORCHLESS = ("arguments", "activations", "equilibrium")
NETWORKS = House(
    "splitkit_nn",
    NETWORK_ROOMS,
    libraries={
        "splitkit": NETWORK_ROOMS,
        "numpy": NETWORK_ROOMS,
        "torch": tuple(room for room in NETWORK_ROOMS if room not in TORCHLESS),
        "sklearn": ("data",),
        "scipy": ("equilibrium", "data"),
        "pooch": ("data",),
        "torchdiffeq": ("baselines",),
        "torchdeq": ("baselines",),
        "tqdm": ("training",),
        "filelock": ("training",),
        "matplotlib": ("training",),
        "hypothesis": ("testing",),
    },
)


def runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below this one that is not under `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            kept: list[ast.AST] = list(child.orelse)
        else:
            kept = [child]
        for each in kept:
            yield each
            yield from runtime_nodes(each)


def imported_names(source: str, path: Path) -> Iterator[tuple[int, str]]:
    """The line and the absolute dotted name of everything that the file at `path` imports."""
    for node in runtime_nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = path.parts[: -node.level] if node.level else ()
            module = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def violations(house: House, path: Path, source: str) -> Iterator[str]:
    """What the file at `path`, relative to the root, imports against the tables above."""
    own = path.with_suffix("").parts[1]
    if own not in house.rooms:
        yield f"{path}: {own} is not a room of {house.package}; give it its place in the table"
        return
    for line, name in imported_names(source, path):
        library, *inside = name.split(".")
        if library == house.package:
            room = inside[0] if inside and inside[0] in house.rooms else "__init__"
            allowed = house.rooms.index(room) <= house.rooms.index(own)
        else:
            allowed = library in sys.stdlib_module_names or own in house.libraries.get(library, ())
        if not allowed:
            yield f"{path}:{line}: {own} may not import {name}"


@pytest.mark.parametrize("house", [SPLITKIT, NETWORKS], ids=lambda house: house.package)
def test_imports_follow_the_order_of_the_rooms(house: House) -> None:
    files = sorted((ROOT / house.package).rglob("*.py"))
    assert files
    found = [
        violation
        for file in files
        for violation in violations(house, file.relative_to(ROOT), file.read_text("utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("splitkit/operators/sum.py", "from splitkit.linear import Affine"),
        ("splitkit/operators/sum.py", "from splitkit import linear"),
        ("splitkit/operators/sum.py", "from ..linear.affine import Affine"),
        ("splitkit/operators/sum.py", "from .. import solvers"),
        ("splitkit/operators/__init__.py", "from ..solvers import solve"),
        ("splitkit/operators/sum.py", "import splitkit as sk"),
        ("splitkit/operators/sum.py", "def lazy():\n    import splitkit.functions"),
        ("splitkit/operators/sum.py", "import scipy.linalg"),
        ("splitkit/operators/sum.py", "import array_api_compat"),
        ("splitkit/solvers/engine.py", "import torch"),
        ("splitkit/backend.py", "from cupy import ndarray"),
        ("splitkit/functions/norms.py", "from hypothesis import given"),
        ("splitkit/testing/checks.py", "import splitkit_nn"),
        ("splitkit/__init__.py", "from .testing import check_operator"),
        ("splitkit/attic.py", ""),
        ("splitkit_nn/equilibrium/inclusions.py", "import torch"),
        ("splitkit_nn/layers/mondeq.py", "from splitkit_nn.training import train"),
        (
            "splitkit_nn/activations/relu.py",
            "if TYPE_CHECKING:\n    pass\nelse:\n    import sklearn",
        ),
    ],
)
def test_offending_import_is_found(path: str, source: str) -> None:
    house = NETWORKS if path.startswith("splitkit_nn/") else SPLITKIT
    assert len(list(violations(house, Path(path), source))) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("splitkit/linear/affine.py", "from ..operators import Operator\nimport scipy.linalg"),
        ("splitkit/linear/affine.py", "from . import dense\nfrom .dense import Dense"),
        ("splitkit/linear/__init__.py", "from .affine import Affine as Affine"),
        ("splitkit/operators/sum.py", "import math\nfrom collections.abc import Callable"),
        ("splitkit/backend.py", "if TYPE_CHECKING:\n    import torch"),
        ("splitkit/backend.py", "if typing.TYPE_CHECKING:\n    from .solvers import solve"),
        ("splitkit/testing/checks.py", "import hypothesis\nimport splitkit as sk"),
        (
            "splitkit_nn/layers/mondeq.py",
            "import torch\nfrom splitkit import solve\nfrom .. import linear",
        ),
    ],
)
def test_orderly_import_is_let_through(path: str, source: str) -> None:
    house = NETWORKS if path.startswith("splitkit_nn/") else SPLITKIT
    assert not list(violations(house, Path(path), source))


def test_importing_the_core_loads_no_optional_library() -> None:
    optional = "{'torch', 'cupy', 'jax', 'hypothesis', 'matplotlib', 'sklearn'}"
    script = f"import sys, splitkit; print(*sorted({optional} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def unexplained_imports(source: str) -> list[int]:
    """Lines of imports inside of functions without a comment on them or above, or at the head of
    their section (``# -- …``) that speaks of importing.
    """
    lines, found = source.splitlines(), []
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            near = lines[node.lineno - 2 : node.end_lineno]
            heads = [line for line in lines[: node.lineno] if line.startswith("    # -- ")]
            section = bool(heads) and "import this one" in heads[-1]
            if not section and not any("#" in line for line in near):
                found.append(node.lineno)
    return found


@pytest.mark.parametrize("package", ["splitkit", "splitkit_nn"])
def test_an_import_inside_of_a_function_has_its_reason_beside_it(package: str) -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / package).rglob("*.py"))
        if (lines := unexplained_imports(path.read_text()))
    }
    assert found == {}


def test_an_import_without_a_reason_is_found() -> None:
    bare = "def f():\n    from a import b\n"
    assert unexplained_imports(bare) == [2]
    assert unexplained_imports(bare.replace("b\n", "b  # optional\n")) == []
