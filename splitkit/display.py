"""How results show themselves: a heading, then a line a quantity, as text and as HTML.

Arrays are abbreviated to their dtype, shape and first and last entries, so that a result is short
whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from numbers import Integral, Real
from typing import Any

from splitkit.backend import is_array, is_traced, namespace, to_numpy

ENTRIES = 3  # of an array at either end
LINES = 9  # below the heading


class Shown:
    """What has a short repr and an HTML form: a class gives ``heading`` and ``rows``.

    Quantities that are None are left out.
    """

    def heading(self) -> str:
        """What it is, in a line."""
        return type(self).__name__

    def rows(self) -> Iterator[tuple[str, Any]]:
        """Name and value of each quantity."""
        raise NotImplementedError

    def _written(self) -> list[tuple[str, str]]:
        return [(name, written(value)) for name, value in self.rows() if value is not None]

    def as_text(self, lines: int | None = None) -> str:
        """The heading and so many rows below it; None: all."""
        rows = self._written()
        if lines is not None and len(rows) > lines:
            rows = [*rows[: lines - 1], ("…", f"and {len(rows) - lines + 1} more")]
        width = max((len(name) for name, _ in rows), default=0)
        return "\n".join(
            [self.heading(), *(f"    {name:<{width}}  {value}" for name, value in rows)]
        )

    def __repr__(self) -> str:
        return self.as_text(LINES)

    def _repr_html_(self) -> str:
        return table(self.heading(), self._written())


def table(caption: str, rows: Iterable[Sequence[str]], *, head: Sequence[str] = ()) -> str:
    """An HTML table; the first cell of a row names it."""
    align = ' style="text-align:left"'
    top = "".join(f"<th{align}>{escape(name)}</th>" for name in head)
    lines = [f"<tr>{top}</tr>"] if head else []
    for name, *cells in rows:
        rest = "".join(f"<td{align}>{escape(cell)}</td>" for cell in cells)
        lines.append(f"<tr><th{align}>{escape(name)}</th>{rest}</tr>")
    return f"<table><caption>{escape(caption)}</caption>{''.join(lines)}</table>"


def written(value: Any) -> str:
    """A quantity in a line: numbers by four digits, arrays abbreviated, points block by block."""
    if isinstance(value, tuple) and value and all(map(is_array, value)):
        return f"({', '.join(map(written, value))})"
    if is_array(value):
        return _array(value)
    if isinstance(value, Real) and not isinstance(value, Integral):
        return f"{value:.4g}"
    return " ".join(str(value).split("\n"))


def _array(x: Any) -> str:
    if not x.ndim and not is_traced(x):
        return f"{to_numpy(x).item():.4g}"
    kind = f"{str(x.dtype).rpartition('.')[2]}{list(x.shape)}"
    if is_traced(x):
        return kind
    flat = namespace(x).reshape(x, (-1,))
    if flat.shape[0] <= 2 * ENTRIES:
        return f"{kind} {_numbers(flat)}"
    return f"{kind} {_numbers(flat[:ENTRIES])} … {_numbers(flat[-ENTRIES:])}"


def _numbers(entries: Any) -> str:
    return "  ".join(f"{entry:.4g}" for entry in to_numpy(entries).tolist())
