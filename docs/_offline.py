"""Search without a network: the theme would fetch a script for it from elsewhere, at each page.

A hook of mkdocs. The script, by which pages that no server gives are searched, lies beside them.
"""

from __future__ import annotations

import posixpath
from typing import Any

ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
HERE = "assets/javascripts/iframe-worker.js"


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """mkdocs' hook."""
    return output.replace(ELSEWHERE, posixpath.relpath(HERE, posixpath.dirname(page.url) or "."))


def on_post_template(output_content: str, **_: Any) -> str:
    """mkdocs' hook, for the page that says that there is none."""
    return output_content.replace(ELSEWHERE, f"/{HERE}")
