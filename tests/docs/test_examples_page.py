"""The gallery lists every example, and nothing else."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "examples.md").read_text()


def test_every_example_is_listed_once():
    listed = re.findall(r"^\| `(\w+)\.py`", PAGE, flags=re.MULTILINE)
    shared = {"pictures"}
    assert sorted(listed) == sorted({p.stem for p in (ROOT / "examples").glob("*.py")} - shared)


def test_the_commands_name_files_that_are_there():
    commands = re.findall(r"^python (\S+)", PAGE, flags=re.MULTILINE)
    assert commands
    assert [name for name in commands if not (ROOT / name).exists()] == []
