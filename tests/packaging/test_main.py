"""``python -m splitkit`` checks itself, and says on what it runs."""

import numpy as np

import splitkit as sk
from splitkit.__main__ import main
from splitkit.versions import PACKAGES


def test_the_check_of_an_installation_passes_and_names_versions(capsys, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    assert main() == 0
    printed = capsys.readouterr().out
    for name in PACKAGES:
        assert f"\n{name} " in printed
    assert np.__version__ in printed
    assert "Nehalem" in printed
    assert "as they should be" in printed


def test_a_method_that_comes_elsewhere_is_noticed(monkeypatch, capsys):
    true = sk.compare

    def wrong(*arguments, **options):
        compared = true(*arguments, **options)
        next(iter(compared.solutions.values())).x[0] += 1e-3
        return compared

    monkeypatch.setattr(sk, "compare", wrong)
    assert main() == 1
    assert "WRONG" in capsys.readouterr().out
