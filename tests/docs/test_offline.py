"""No page asks another server for a script."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.docs.hooks import DOCS, hook

OFFLINE = hook("_offline")
SCRIPT = f'<script src="{OFFLINE.ELSEWHERE}"></script>'


def test_the_script_for_search_lies_beside_the_pages():
    assert "IFrameWorker" in (DOCS / OFFLINE.HERE).read_text(encoding="utf-8")
    for url, path in (
        ("install.html", "assets/javascripts/iframe-worker.js"),
        ("results/units.html", "../assets/javascripts/iframe-worker.js"),
    ):
        page = OFFLINE.on_post_page(SCRIPT, page=SimpleNamespace(url=url))
        assert page == f'<script src="{path}"></script>'
    assert "https" not in OFFLINE.on_post_template(SCRIPT)


def test_it_is_what_the_theme_asks_for():
    material = pytest.importorskip("material")
    plugin = Path(next(iter(material.__path__)), "plugins", "offline", "plugin.py")
    assert OFFLINE.ELSEWHERE in plugin.read_text(encoding="utf-8")
