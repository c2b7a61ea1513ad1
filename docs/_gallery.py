"""The gallery: a page and a notebook for each example, made of the script.

A hook of mkdocs. ``python docs/_gallery.py [NAME …]`` runs the examples, or those, and writes their
pictures and what they print into ``docs/assets/gallery/``, which the pages show: a build runs none.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import re
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples"
SHOWN = ROOT / "docs" / "assets" / "gallery"
SHARED = "pictures"
WIDTH, COLOURS = 1000, 128  # of a picture
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != SHARED))


def source(name: str) -> str:
    """The script."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def said(name: str) -> tuple[str, str]:
    """The first sentence of the script's docstring, without its end, and what follows."""
    doc = ast.get_docstring(ast.parse(source(name))) or ""
    first, _, rest = doc.partition("\n\n")
    return " ".join(first.split()).removesuffix("."), rest


def draws(name: str) -> bool:
    """Whether it writes a picture."""
    return "picture: str | Path | None" in source(name)


def page(name: str) -> str:
    """The example, as Markdown."""
    title, rest = said(name)
    parts = [f"# {title}", rest, f"[As a notebook]({name}.ipynb) · `examples/{name}.py`"]
    if draws(name):
        parts.append(f"![What it draws](../assets/gallery/{name}.png)")
    printed = SHOWN / f"{name}.txt"
    if printed.exists():
        parts.append(f"```text\n{printed.read_text(encoding='utf-8')}```")
    body = source(name).split('"""', 2)[2].strip()
    parts.append(f"```python\n{body}\n```")
    return "\n\n".join(part for part in parts if part)


def notebook(name: str) -> str:
    """The example, as a notebook that needs no other file."""
    title, rest = said(name)
    body = source(name).split('"""', 2)[2].partition('\nif __name__ == "__main__":')[0].strip()
    cells = [_cell("markdown", f"# {title}\n\n{rest}".strip())]
    if f"from {SHARED} import" in body:
        cells.append(_cell("code", f"%%writefile {SHARED}.py\n{source(SHARED)}"))
    if f"import {name}" in body:  # another process imports it
        cells.append(_cell("code", f"%%writefile {name}.py\n{source(name)}"))
    cells.append(_cell("code", body))
    last = "main()"
    if draws(name):
        last = f'from IPython.display import Image\n\nmain("{name}.png")\nImage("{name}.png")'
    cells.append(_cell("code", last))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1)


def _cell(kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text}
    cell["id"] = f"{kind}-{len(text)}"
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def grid() -> str:
    """Pictures that lead to their pages."""
    drawn = [name for name in NAMES if draws(name)]
    others = [name for name in NAMES if not draws(name)]
    pictures = "\n\n".join(
        f"[![{said(name)[0]}](assets/gallery/{name}.png)<br>{said(name)[0]}](gallery/{name}.md)"
        for name in drawn
    )
    lines = "\n".join(f"- [{said(name)[0]}](gallery/{name}.md)" for name in others)
    return f'<div class="gallery" markdown>\n\n{pictures}\n\n</div>\n\n{lines}'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """mkdocs' hook: add the pages and the notebooks."""
    from mkdocs.structure.files import File  # the pages are tested without mkdocs

    for name in NAMES:
        for kind, content in (("md", page(name)), ("ipynb", notebook(name))):
            files.append(File.generated(config, f"gallery/{name}.{kind}", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """mkdocs' hook."""
    return markdown.replace("<!-- gallery -->", grid())


def show(name: str) -> None:
    """Run the example, and keep what it draws and prints."""
    from PIL import Image  # of matplotlib

    main = runpy.run_path(str(FOLDER / f"{name}.py"))["main"]
    path, printed = SHOWN / f"{name}.png", io.StringIO()
    with contextlib.redirect_stdout(printed):
        found = main(path) if "picture" in inspect.signature(main).parameters else main()
    lines = [line for line in printed.getvalue().splitlines() if not line.startswith("picture: ")]
    lines += [f"{what}: off by {difference:.1e}" for what, difference in found.items()]
    # times are the machine's own
    text = re.sub(r"[\d.]+(?= m?s\b)|(?<=ms, then )[\d.]+", "…", "\n".join(lines) + "\n")
    (SHOWN / f"{name}.txt").write_text(text, encoding="utf-8")
    if draws(name):
        picture = Image.open(path).convert("RGB")
        picture.thumbnail((WIDTH, WIDTH))
        picture.quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER))
    SHOWN.mkdir(parents=True, exist_ok=True)
    for chosen in sys.argv[1:] or NAMES:
        show(re.sub(r"\W", "", chosen))
