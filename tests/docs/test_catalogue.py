"""The catalogue lists what is exported, and nothing else."""

import re
from pathlib import Path

from splitkit import functions
from splitkit.functions import Function, Indicator

PAGE = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text()


def names(section):
    """The first column of the section's table."""
    text = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    body = next(part for part in text if part.startswith(section + "\n"))
    return re.findall(r"^\| `(\w+)`", body, flags=re.MULTILINE)


def elsewhere():
    """What the page lists under other headings."""
    page = set(re.findall(r"^\| `(\w+)`", PAGE, flags=re.MULTILINE))
    return page - set(names("Norms, penalties and losses"))


def test_every_norm_penalty_and_loss_stands_in_its_section():
    listed = names("Norms, penalties and losses")
    exported = {
        cls.__name__
        for cls in vars(functions).values()
        if isinstance(cls, type)
        and issubclass(cls, Function)
        and not issubclass(cls, Indicator)
        and cls is not Function
        and not cls.__module__.startswith("splitkit.functions.calculus.")
    }
    assert set(listed) == exported - elsewhere()
    assert listed == sorted(listed)


def test_exactly_the_non_convex_ones_are_marked():
    marked = set(re.findall(r"^\| `(\w+)` †", PAGE, flags=re.MULTILINE))
    listed = names("Norms, penalties and losses")
    assert marked & set(listed) == {n for n in listed if not getattr(functions, n).convex}


def test_each_function_and_set_has_its_formula_its_work_and_its_source():
    rows = re.findall(r"^\| `\w+`(?: †)? \|.*$", PAGE, flags=re.MULTILINE)
    cells = [re.split(r"(?<!\\)\|", row)[1:-1] for row in rows]
    short = [row for row in cells if len(row) == 4]
    assert len(short) >= 110
    assert [row[0] for row in short if not all(map(str.strip, row))] == []
