"""The public names and their signatures are those of the list."""

from difflib import unified_diff
from pathlib import Path

import pytest

from tests.docs.hooks import hook

LIST = Path(__file__).parents[2] / "docs" / "api.txt"


def test_no_public_name_and_no_argument_changes_in_silence():
    pytest.importorskip("torch")
    known, found = LIST.read_text().splitlines(), list(hook("_api").lines())
    changes = "\n".join(unified_diff(known, found, "docs/api.txt", "now", n=0, lineterm=""))
    assert not changes, (
        f"python docs/_api.py > docs/api.txt, and say it in CHANGELOG.md:\n{changes}"
    )


def test_it_has_no_addresses_and_no_private_names():
    text = LIST.read_text()
    assert " at 0x" not in text
    assert "._" not in text
    assert len(text.splitlines()) == len(set(text.splitlines()))
