"""The table of methods, of what their docstrings say in the lines Takes, Assumes, …, Source.

A hook of mkdocs: a table each stands in the place of ``<!-- methods -->``, ``<!-- by name -->`` and
``<!-- accelerators -->``.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from splitkit.solvers import methods
from splitkit.solvers.method import Method
from splitkit.solvers.methods import BY_NAME, METHODS
from splitkit.solvers.wrapper import Wrapper

FACTS = ("Takes", "Assumes", "Steps", "Rate", "Oracles")
COLUMNS = (*FACTS, "Source")
ACCELERATORS = tuple(
    kind
    for kind in vars(methods).values()
    if inspect.isclass(kind) and issubclass(kind, Wrapper) and kind is not methods.Accelerator
)


def facts(kind: type[Method]) -> dict[str, str]:
    """What the docstring of a method says, by the name of the line."""
    paragraphs = (inspect.getdoc(kind) or "").split("\n\n")
    found = {}
    for paragraph in paragraphs:
        for name, said in re.findall(
            rf"^({'|'.join(COLUMNS)}): (.*?)(?=^(?:{'|'.join(COLUMNS)}): |\Z)",
            paragraph,
            flags=re.MULTILINE | re.DOTALL,
        ):
            found[name] = " ".join(said.split()).removesuffix(".")
    return found


def table(kinds: tuple[type[Method], ...]) -> str:
    """A line each, with links to the pages of the reference."""
    lines = ["| method | " + " | ".join(map(str.lower, COLUMNS)) + " |"]
    lines.append("|---" * (1 + len(COLUMNS)) + "|")
    for kind in kinds:
        path = f"{kind.__module__}.{kind.__name__}"
        said = facts(kind)
        cells = (said[name].replace("|", r"\|") for name in COLUMNS)
        lines.append(f"| [`{kind.__name__}`][{path}] | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """mkdocs' hook."""
    for mark, kinds in (("methods", METHODS), ("by name", BY_NAME), ("accelerators", ACCELERATORS)):
        markdown = markdown.replace(f"<!-- {mark} -->", table(kinds))
    return markdown


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """mkdocs' hook: what is long needs wide columns."""
    if page.file.src_uri != "methods.md":
        return html
    return html.replace("<table>", '<div class="facts"><table>').replace(
        "</table>", "</table></div>"
    )
