"""What the figures of a page of results are of: a line that says the day, and this version.

A hook of mkdocs. Nothing measures them again at a release, so each page says when it was measured.
"""

from __future__ import annotations

import re
from typing import Any

import splitkit

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def note(markdown: str) -> str:
    """The line, of the last day that a page names."""
    day = max(DAY.findall(markdown))
    return (
        f"*The figures are of the code of {day}, or of the days named beside them; this site is of "
        f"version {splitkit.__version__}. The changelog says what changed.*"
    )


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """mkdocs' hook."""
    is_measured = page.file.src_uri.startswith("results/") and DAY.search(markdown)
    return f"{markdown.rstrip()}\n\n{note(markdown)}\n" if is_measured else markdown
