"""The API reference: a page for each room, made of what the packages' registries import.

A hook of mkdocs. Every public name stands with its docstring, as ``help`` shows it, which has the
formula, the hypotheses and the source; a new name needs nothing but its line in the registry.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files


@dataclass(frozen=True)
class Page:
    """Names of some modules, on a page.

    Attributes
    ----------
    path, title : str
    first : str
        What the page says first.
    within : tuple of str
        Beginnings of the names of the modules that define them; the longest that fits decides.
    whole : tuple of str
        Modules that are shown whole, and not imported: what they need may be missing.
    """

    path: str
    title: str
    first: str
    within: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


def _functions(path: str, title: str, first: str, *rooms: str) -> Page:
    return Page(path, title, first, tuple(f"splitkit.functions.{room}." for room in rooms))


PACKAGES = (
    "splitkit",
    "splitkit.solvers",
    "splitkit.operators",
    "splitkit.linear",
    "splitkit.functions",
    "splitkit.problems",
    "splitkit.proofs",
    "splitkit.estimators",
    "splitkit.testing",
    "splitkit_nn",
    "splitkit_nn.testing",
)

PAGES = (
    Page(
        "solving",
        "Solving",
        "Solve, minimize, explain, plan; what comes back, and the rules that stop.",
        ("splitkit.solvers.", "splitkit.outcomes", "splitkit.versions", "splitkit.meshes"),
    ),
    Page(
        "methods",
        "Methods and accelerators",
        "Each with its iteration, its theorem and its source. `sk.explain` says which hold.",
        ("splitkit.solvers.methods.",),
    ),
    Page(
        "operators",
        "Operators",
        "Monotone operators, their algebra, their resolvents, and what is known of them.",
        ("splitkit.operators.", "splitkit.properties"),
    ),
    Page(
        "linear",
        "Linear maps",
        "Maps with adjoints, norms, products and shifted solves by their structure.",
        ("splitkit.linear.",),
    ),
    _functions(
        "norms",
        "Norms and spectral functions",
        "With values and proximal maps.",
        "norms",
        "spectral",
    ),
    _functions(
        "losses",
        "Losses, penalties, entropies",
        "With their constants.",
        "losses",
        "penalties",
        "entropies",
    ),
    _functions("sets", "Sets", "By their projections; as operators, normal cones.", "sets"),
    _functions("cones", "Cones", "Sets with polars.", "cones"),
    Page(
        "calculus",
        "Calculus of functions",
        "Functions made of functions, and their subdifferentials.",
        ("splitkit.functions.",),
    ),
    Page(
        "problems",
        "Problems",
        "Problems by their names, and programs that solve themselves.",
        ("splitkit.problems.",),
    ),
    Page(
        "proofs",
        "Proofs",
        "Rates of steps, proved by small semidefinite programs.",
        ("splitkit.proofs.",),
    ),
    Page(
        "estimators",
        "Estimators",
        "Linear models for scikit-learn.",
        ("splitkit.estimators.",),
    ),
    Page(
        "interfaces",
        "Interfaces",
        "Doors for modelling languages.",
        whole=("splitkit.interfaces.cvxpy", "splitkit.interfaces.qpsolvers"),
    ),
    Page(
        "testing",
        "Testing",
        "Property-based checks of operators, functions, maps, methods and layers.",
        ("splitkit.testing.", "splitkit_nn.testing."),
    ),
    Page(
        "layers",
        "Layers",
        "Equilibrium layers, their parametrizations, activations and gradients.",
        (
            "splitkit_nn.layers.",
            "splitkit_nn.linear.",
            "splitkit_nn.activations.",
            "splitkit_nn.implicit.",
            "splitkit_nn.equilibrium.",
        ),
    ),
    Page(
        "models",
        "Models, certificates, training",
        "Whole classifiers, what is certified of them, and how they are kept.",
        ("splitkit_nn.",),
    ),
)


def public(package: ModuleType) -> Iterator[tuple[str, str]]:
    """Name and defining module of each class and function that a registry imports."""
    for name, value in vars(package).items():
        is_code = inspect.isclass(value) or inspect.isfunction(value)
        if is_code and not name.startswith("_") and value.__module__.startswith("splitkit"):
            yield name, value.__module__


def shown(page: Page) -> dict[str, list[str]]:
    """The modules of a page in the order of the registries, each with its public names."""
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        for name, module in public(import_module(package)):
            names = found.setdefault(module, [])
            if _page_of(module) is page and name not in names:
                names.append(name)
    return {module: names for module, names in found.items() if names}


def _page_of(module: str) -> Page | None:
    """The one that names the longest beginning."""
    fitting = [
        (len(start), page)
        for page in PAGES
        for start in page.within
        if f"{module}.".startswith(start)
    ]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def text(page: Page) -> str:
    """The page, as Markdown with a directive for each name."""
    parts = [f"# {page.title}", page.first]
    for module, names in shown(page).items():
        parts += [f"::: {module}.{name}" for name in names]
    parts += [f"::: {module}" for module in page.whole]
    return "\n\n".join(parts)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """mkdocs' hook: add the pages."""
    from mkdocs.structure.files import File  # the pages are tested without mkdocs

    for page in PAGES:
        files.append(File.generated(config, f"reference/{page.path}.md", content=text(page)))
    return files
