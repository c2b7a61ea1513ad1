"""How much of what splitkit offers goes through its public checks on each array library.

    python -m tests.testing.conformance [--backends numpy torch …] [--examples 4] [--out FILE]

prints a Markdown table: a row for each kind of thing, a column for each backend that the package
knows, and in the cells how many things passed of how many, in double and in single precision. What
failed is printed below. ``--out`` keeps the columns that were measured before, so that a backend
whose hardware is elsewhere can be added there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

import splitkit as sk
import splitkit_nn as sknn
from splitkit import functions, problems
from splitkit.backend import to_numpy
from splitkit.functions.base import Indicator
from splitkit.solvers.methods import METHODS
from splitkit.testing import registered, suite
from splitkit.testing._inclusions import AT_REST, MATRICES
from splitkit.testing.backends import BACKENDS, Backend
from splitkit_nn.activations import ACTIVATIONS
from tests import quick_strict

DTYPES = ("float64", "float32")
NOT_MEASURED = "not measured"
Check = Callable[[Any, Any, int], None]  # (namespace, dtype, examples)


def kinds() -> dict[str, list[tuple[str, Check]]]:
    """The rows: named checks of each kind of thing."""
    rows: dict[str, list[tuple[str, Check]]] = {}
    for thing in registered():
        rows.setdefault(kind_of(thing.make()[0]), []).append((str(thing), check_of(thing)))
    rows["methods"] = [(kind.label, method_check(kind)) for kind in METHODS]
    rows["activations"] = [(name, activation_check(name)) for name in ACTIVATIONS]
    rows["layers"] = [("dense layer", layer_check)]
    return rows


def kind_of(thing: Any) -> str:
    if isinstance(thing, sk.LinearOperator):
        return "linear maps"
    if isinstance(thing, Indicator):
        return "sets"
    if isinstance(thing, functions.Function):
        return "functions"
    return "problems" if type(thing).__module__.startswith(problems.__name__) else "operators"


def check_of(thing: Any) -> Check:
    return lambda xp, dtype, examples: thing.check(xp=xp, dtype=dtype, max_examples=examples)


def method_check(kind: type[sk.Method]) -> Check:
    """The method finds known solutions with its operators on that library: one of each kind."""

    def check(xp: Any, dtype: Any, examples: int) -> None:
        checked = suite(kind(), xp=xp, dtype=dtype)
        for matrix in (MATRICES[1], *AT_REST):
            checked.replay("solution", (matrix, 1000))

    return check


def activation_check(name: str) -> Check:
    def check(xp: Any, dtype: Any, examples: int) -> None:
        suite(ACTIVATIONS[name](), (2, 4), xp=xp, dtype=dtype).run(max_examples=examples)

    return check


def layer_check(xp: Any, dtype: Any, examples: int) -> None:
    """z = σ(Wz + Ux + b) for the layer on plain arrays."""
    rng = np.random.default_rng(0)
    S = rng.standard_normal((4, 4))
    W, U, b = S - S.T - S @ S.T / 4, rng.standard_normal((4, 3)), rng.standard_normal(4)
    tol = 100 * float(xp.finfo(dtype).eps)
    parameters = (xp.asarray(a.tolist(), dtype=dtype) for a in (W, U, b))
    layer = sknn.ArrayMonDEQ(*parameters, tol=tol)
    x = rng.standard_normal((2, 3))
    z = to_numpy(layer(xp.asarray(x.tolist(), dtype=dtype)))
    gap = np.abs(z - np.maximum(z @ W.T + x @ U.T + b, 0)).max()
    assert gap <= 100 * tol * (1 + np.abs(z).max()), gap


def measure(backend: Backend, examples: int, failures: list[str]) -> dict[str, str] | None:
    """The cells of a backend's column; None if it is not here."""
    with ExitStack() as stack:
        try:
            xp = backend.enter(stack)
        except LookupError as error:
            print(f"{NOT_MEASURED}: {error}", file=sys.stderr)
            return None
        cells = {}
        for kind, things in kinds().items():
            passed = []
            for name in DTYPES:
                bad = list(failing(xp, getattr(xp, name), things, examples))
                failures += [f"{backend.name} {name} {kind}: {each}" for each in bad]
                passed.append(f"{len(things) - len(bad)}/{len(things)}")
            cells[kind] = ", ".join(passed)
            print(f"{backend.name}: {kind} {cells[kind]}", file=sys.stderr, flush=True)
        return cells


def failing(xp: Any, dtype: Any, things: list[tuple[str, Check]], examples: int) -> Iterator[str]:
    for name, check in things:
        try:
            with np.errstate(all="ignore"):
                check(xp, dtype, examples)
        except Exception as error:  # whatever it is, the thing does not work there
            yield f"{name}: {type(error).__name__}: {error}"


def table(columns: dict[str, dict[str, str] | None]) -> str:
    """The Markdown table of columns by backend."""
    lines = [
        f"| | {' | '.join(f'`{name}`' for name in columns)} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for kind in kinds():
        cells = [NOT_MEASURED if cell is None else cell[kind] for cell in columns.values()]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; the exit status is 1 if something failed."""
    parser = argparse.ArgumentParser(description="Check everything on each array library.")
    parser.add_argument("--backends", nargs="+", default=list(BACKENDS), choices=list(BACKENDS))
    parser.add_argument("--examples", type=int, default=4, help="cases drawn for each thing (4)")
    parser.add_argument("--out", type=Path, help="JSON file of columns, read and extended")
    options = parser.parse_args(arguments)
    quick_strict.intern()
    known: dict[str, Any] = {}
    if options.out is not None and options.out.exists():
        known = json.loads(options.out.read_text())
    failures: list[str] = []
    for name in options.backends:
        column = measure(BACKENDS[name], options.examples, failures)
        if column is not None:
            known[name] = column
            if options.out is not None:
                options.out.write_text(json.dumps(known, indent=1))
    print(table({name: known.get(name) for name in BACKENDS}))
    print("\n".join(failures))
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
