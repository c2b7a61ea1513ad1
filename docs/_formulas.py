"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network.

A hook of mkdocs: what stands between dollars is LaTeX, which pymdownx.arithmatex marks.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

LONG = 50  # characters of LaTeX, from which a formula may be wider than a phone and scrolls
MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\(?:\(|\[)(?P<latex>.*?)\\(?:\)|\])</(?P=tag)>',
    flags=re.DOTALL,
)


def mathml(latex: str, *, display: bool) -> str:
    """The formula, in a line or by itself."""
    from latex2mathml.converter import convert  # the hooks are tested without it

    drawn = convert(latex, display="block" if display else "inline")
    # without a group around it a bar grows with its exponent alone, and leaves the line
    return str(drawn).replace("<mo>&#x02016;</mo>", '<mo stretchy="false">&#x02016;</mo>')


def on_page_content(html: str, **_: Any) -> str:
    """mkdocs' hook."""

    def drawn(found: re.Match[str]) -> str:
        formula = mathml(unescape(found["latex"]), display=found["tag"] == "div")
        is_long = found["tag"] == "span" and len(found["latex"]) > LONG
        return f'<span class="formula">{formula}</span>' if is_long else formula

    return MARKED.sub(drawn, html)
