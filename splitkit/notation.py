"""How expressions are written: as text, and as LaTeX for notebooks.

A sum binds its terms more loosely than a product its factors; a factor that carries a prefix or a
superscript takes no further superscript. A part that binds more loosely than its place allows is
put in parentheses.
"""

from __future__ import annotations

import re
from typing import Any

SUM, PRODUCT, FACTOR, ATOM = range(4)

MINUS = {"text": "−", "latex": "-"}


class Notation:
    """What has a repr and a LaTeX form; a node gives ``__repr__``, ``latex`` and ``binding``."""

    binding: int = ATOM  # how tightly the node holds its parts: SUM, PRODUCT, FACTOR or ATOM

    def latex(self) -> str:
        """The expression in LaTeX's mathematics; by default the name of the class."""
        return name_in_latex(type(self).__name__)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


def text(node: Any, place: int = SUM) -> str:
    """The node's repr, in parentheses if it binds more loosely than its place."""
    return repr(node) if node.binding >= place else f"({node!r})"


def latex(node: Any, place: int = SUM) -> str:
    """The node's LaTeX, in parentheses if it binds more loosely than its place."""
    inner = node.latex()
    return str(inner) if node.binding >= place else rf"\left({inner}\right)"


def multiple(c: float, part: str, style: str = "text") -> str:
    """c · part, with a coefficient of ±1 left out."""
    sign = MINUS[style] if c < 0 else ""
    size = abs(c)
    if size == 1:
        return sign + part
    separator = r"\," if style == "latex" else " "
    return f"{sign}{number(size, style)}{separator}{part}"


def total(parts: list[str], style: str = "text") -> str:
    """part + part + …, with a sign that a part starts with taken for the operation."""
    minus = MINUS[style]
    written = parts[0]
    for part in parts[1:]:
        if part.startswith(minus):
            written += f" {minus} {part.removeprefix(minus)}"
        else:
            written += f" + {part}"
    return written


def number(value: float, style: str = "text") -> str:
    """Six digits; in LaTeX powers of ten as such."""
    digits = f"{value:g}"
    if style == "text":
        return digits
    mantissa, has_exponent, exponent = digits.partition("e")
    power = rf"10^{{{int(exponent)}}}" if has_exponent else ""
    if not power:
        return mantissa.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
    return power if mantissa == "1" else rf"{mantissa}\cdot {power}"


def name_in_latex(name: str) -> str:
    """A single letter in italics, a longer name upright; what LaTeX would interpret is escaped."""
    escaped = re.sub(r"([_%$#&{}])", r"\\\1", re.sub(r"[\\^~]", "", name))
    return escaped if len(name) == 1 and name.isalpha() else rf"\mathrm{{{escaped}}}"
