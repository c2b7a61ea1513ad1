"""The section of sets and cones lists what is exported, and marks what is not convex."""

import re
from pathlib import Path

from splitkit import functions
from splitkit.functions import Cone, Indicator

PAGE = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text()
SECTION = re.search(r"^## Sets and cones\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)[
    1
]
SETS = {
    cls.__name__: cls
    for cls in vars(functions).values()
    if isinstance(cls, type) and issubclass(cls, Indicator) and cls not in (Indicator, Cone)
}


def test_every_set_and_cone_is_listed():
    listed = set(re.findall(r"^\| `(\w+)`", SECTION, flags=re.MULTILINE))
    assert listed == {*SETS, "SupportFunction"}


def test_exactly_the_non_convex_ones_are_marked():
    marked = set(re.findall(r"^\| `(\w+)` †", SECTION, flags=re.MULTILINE))
    assert marked == {name for name, cls in SETS.items() if not cls.convex}
