"""How expressions are written: as text, and as LaTeX for notebooks.

A sum binds its terms more loosely than a product its factors; a factor that carries a prefix or a
superscript takes no further superscript. A part that binds more loosely than its place allows is
put in parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SUM, PRODUCT, FACTOR, ATOM = range(4)


@dataclass(frozen=True)
class Style:
    """A way of writing, ``TEXT`` or ``LATEX``: its symbols, and ``s(node, place)`` for a part."""

    is_latex: bool
    minus: str
    dot: str
    space: str  # between a coefficient and what it multiplies
    apply: str  # between the factors of a composition
    transpose: str
    inverse: str
    after: str
    kron: str
    times: str
    parallel: str
    partial: str

    def __call__(self, node: Any, place: int = SUM) -> str:
        """The node, in parentheses if it binds more loosely than its place."""
        inner = str(node.latex() if self.is_latex else repr(node))
        binding = tightness(inner) if self.is_latex and node.formula else node.binding
        return inner if binding >= place else self.grouped(inner)

    def grouped(self, inner: str) -> str:
        """In parentheses."""
        return rf"\left({inner}\right)" if self.is_latex else f"({inner})"

    def name(self, name: str) -> str:
        """A name: in LaTeX upright, with what LaTeX would interpret escaped."""
        return name_in_latex(name) if self.is_latex else name

    def called(self, node: Any, arguments: str | None = None) -> str:
        """The name of the node's class, in text with its arguments if there are any to be had."""
        name = self.name(type(node).__name__)
        return name if self.is_latex or arguments is None else f"{name}({arguments})"

    def indexed(self, base: str, index: str) -> str:
        """base with a lower index."""
        return f"{{{base}}}_{{{index}}}" if self.is_latex else f"{base}_{index}"

    def multiple(self, c: float, part: str) -> str:
        """c · part, with a coefficient of ±1 left out."""
        sign = self.minus if c < 0 else ""
        size = abs(c)
        if size == 1:
            return sign + part
        return f"{sign}{self.number(size)}{self.space}{part}"

    def product(self, factors: Sequence[Any]) -> str:
        """A B …."""
        first, *others = factors
        return self.apply.join([self(first, PRODUCT), *(self(A, FACTOR) for A in others)])

    def total(self, parts: Iterable[str]) -> str:
        """part + part + …, with a sign that a part starts with taken for the operation."""
        written, *others = parts
        for part in others:
            if part.startswith(self.minus):
                written += f" {self.minus} {part.removeprefix(self.minus)}"
            else:
                written += f" + {part}"
        return written

    def number(self, value: float) -> str:
        """Six digits; in LaTeX powers of ten as such."""
        digits = f"{value:g}"
        if not self.is_latex:
            return digits
        mantissa, has_exponent, exponent = digits.partition("e")
        if not has_exponent:
            return mantissa.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
        power = rf"10^{{{int(exponent)}}}"
        return power if mantissa == "1" else rf"{mantissa}\cdot {power}"


TEXT = Style(False, "−", "·", " ", " ", "ᵀ", "⁻¹", " ∘ ", " ⊗ ", " × ", " □ ", "∂")
LATEX = Style(
    True, "-", r"\cdot", r"\,", r" \, ", r"^\top", "^{-1}", r" \circ ", r" \otimes ", r" \times ",
    r" \,□\, ", r"\partial ",
)  # fmt: skip


BRACKETED = r"\{[^{}]*\}|\([^()]*\)|\[[^][]*\]|\\\|.*?\\\|"
# Of attributes that are arrays, where it is not the first of their name.
LETTERS = {
    "center": "c",
    "delta": r"\delta",
    "epsilon": r"\varepsilon",
    "gamma": r"\gamma",
    "tau": r"\tau",
    "total": "s",
    "value": "b",
}


class Notation:
    """What has a repr and a LaTeX form: a node gives ``write``, which makes both, and ``binding``;
    a leaf ``__repr__``.
    """

    binding: int = ATOM  # how tightly the node holds its parts: SUM, PRODUCT, FACTOR or ATOM
    formula: str = ""  # of a leaf in LaTeX, see ``filled``

    def write(self, s: Style) -> str:
        """The expression in a style; by default the name of the class."""
        return s.called(self)

    def latex(self) -> str:
        """The expression in LaTeX's mathematics."""
        return filled(self.formula, self) if self.formula else self.write(LATEX)

    def at(self, argument: str) -> str | None:
        """The value at an argument in LaTeX, where the formula has a place for one."""
        return filled(self.formula, self, argument) if "@" in self.formula else None

    def __repr__(self) -> str:
        return self.write(TEXT)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


def filled(formula: str, node: Any, argument: str = r"\cdot") -> str:
    """The formula of a node: ``@`` is the argument; ``<name>`` an attribute, a number as such, an
    array as a letter, an expression as it is written, ``<name*>`` one in front, where 1 is left
    out; what stands in ``⟦⟧`` is left out where the attribute in it is None.
    """

    def attribute(found: re.Match[str]) -> str:
        value = getattr(node, found[1])
        if isinstance(value, Notation):
            return value.latex()
        if getattr(value, "shape", None):
            return LETTERS.get(found[1], found[1][0]) + (LATEX.space if found[2] else "")
        number = LATEX.number(float(value))
        if not found[2]:
            return number
        return "" if number == "1" else number + LATEX.space

    def optional(found: re.Match[str]) -> str:
        names = re.findall(r"<(\w+)\*?>", found[1])
        return "" if any(getattr(node, name) is None for name in names) else found[1]

    text = re.sub(r"⟦(.*?)⟧", optional, formula)
    return re.sub(r"<(\w+)(\*?)>", attribute, text).replace("@", argument)


def tightness(latex: str) -> int:
    """How tightly what is written holds its parts: by what stands outside of all brackets."""
    outside, bare = "", re.sub(r"\\[{}]", lambda brace: brace[0][1], latex)
    while bare != outside:
        outside, bare = bare, re.sub(BRACKETED, "", bare)
    if re.search(r" [+-] |^-", outside):
        return SUM
    if re.search(r"\\(,|sum|frac|circ)|^\d", outside):
        return PRODUCT
    return FACTOR if re.search(r"[_^]", outside) else ATOM


def matrix_in_latex(rows: Iterable[Iterable[str]]) -> str:
    """Blocks in rows and columns."""
    lines = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{pmatrix}}{lines}\end{{pmatrix}}"


def name_in_latex(name: str) -> str:
    """A single letter in italics, a longer name upright; what LaTeX would interpret is escaped."""
    escaped = re.sub(r"([_%$#&{}])", r"\\\1", re.sub(r"[\\^~]", "", name))
    return escaped if len(name) == 1 and name.isalpha() else rf"\mathrm{{{escaped}}}"
