"""The conformance table: what it prints, and that the page's has a column for each backend."""

import re
from pathlib import Path

import splitkit as sk
from splitkit.testing.backends import BACKENDS
from tests.testing import conformance

PAGE = (Path(__file__).parents[2] / "docs" / "backends.md").read_text()


def test_the_page_shows_every_backend_and_every_kind():
    start = PAGE.index("| | `numpy`")
    header, _, *rows = PAGE[start:].split("\n\n", maxsplit=1)[0].splitlines()
    assert re.findall(r"`([\w-]+)`", header) == list(BACKENDS)
    assert [row.split("|")[1].strip() for row in rows] == list(conformance.kinds())
    for row in rows:
        for cell in row.split("|")[2:-1]:
            assert re.fullmatch(r" (not measured|\d+/\d+, \d+/\d+) ", cell), row


def test_the_table_counts_what_passes_and_names_what_does_not(monkeypatch, capsys, tmp_path):
    def right(xp, dtype, examples):
        assert xp.zeros(1, dtype=dtype).dtype == dtype

    def wrong(xp, dtype, examples):
        if dtype == xp.float32:
            raise TypeError("no single precision here")

    rows = {"operators": [("right", right), ("wrong", wrong)]}
    monkeypatch.setattr(conformance, "kinds", lambda: rows)
    out = tmp_path / "columns.json"
    assert conformance.main(["--backends", "numpy", "--out", str(out)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("| | `numpy` | `strict` |")
    assert "| operators | 2/2, 1/2 | not measured |" in printed
    assert "numpy float32 operators: wrong: TypeError: no single precision here" in printed
    assert conformance.main(["--backends", "strict", "--out", str(out)]) == 1
    assert "| operators | 2/2, 1/2 | 2/2, 1/2 | not measured |" in capsys.readouterr().out


def test_each_kind_of_thing_is_checked():
    rows = conformance.kinds()
    assert conformance.kind_of(sk.functions.Simplex()) == "sets"
    assert conformance.kind_of(sk.functions.L1Norm()) == "functions"
    assert conformance.kind_of(sk.Identity()) == "operators"
    assert all(rows.values())
