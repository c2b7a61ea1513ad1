"""The page of complex points: its Python runs, and its table has everything that is registered."""

import re

from splitkit.testing import registered
from tests.docs.hooks import hook
from tests.docs.test_pages import run


def test_its_python_runs():
    assert abs(run("docs/complex.md")["x"][3]) > 1


def test_its_table_lists_everything_once():
    found = hook("_complex").found()
    listed = [name for answers in found.values() for names in answers for name in names]
    assert sorted(listed) == sorted({thing.name for thing in registered()})
    assert hook("_complex").on_page_markdown("<!-- complex -->").count("\n") == len(found) + 1


def test_orders_refuse_and_norms_act():
    found = hook("_complex").found()
    acts = {name for names, _ in found.values() for name in names}
    assert {"L1Norm", "GroupL2Norm", "NuclearNorm", "AffineSet", "Fourier", "Wavelet"} <= acts
    assert acts.isdisjoint({"NonNegative", "Simplex", "Hinge", "SecondOrderCone", "Max"})
    assert re.match(r"\| \| act \| refuse \|", hook("_complex").table())
