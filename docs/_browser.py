"""Opens every page of the built site in headless Chromium, narrow and wide, light and dark.

``make browser``: needs Chromium and its driver (Debian: ``chromium-driver``), and selenium. A page
is wrong if the browser says an error, if it is wider than the window, if a formula is not drawn, or
if a symbol of one stands in the text.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from selenium import webdriver

SITE = Path(__file__).parents[1] / "site"
WIDTHS = (390, 1440)
LOOK = r"""
const wide = document.documentElement.scrollWidth - window.innerWidth;
const formulas = [...document.querySelectorAll("math")];
const beyond = formulas.filter(m => m.getBoundingClientRect().right > window.innerWidth + 1
    && !m.closest("table, .formula, [display=block]")).length;
const flat = formulas.filter(m => m.offsetParent && m.getBoundingClientRect().height < 4).length;
const left = document.querySelectorAll(".arithmatex").length;
const body = getComputedStyle(document.body);
const texts = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
const SYMBOLS = /[‖∂∇√½ᵢⱼ₀-₉⁰-⁹⁺⁻²ᵀΣ]/;
const plain = [];
for (let node = texts.nextNode(); node; node = texts.nextNode())
    if (!node.parentElement.closest("code, pre, math, svg") && SYMBOLS.test(node.data))
        plain.push(node.data.trim().slice(0, 60));
return [wide, flat + left, beyond, plain, body.backgroundColor, body.color];
"""


def faults(browser: webdriver.Chrome, page: Path, width: int, dark: bool) -> Iterator[str]:
    """What is wrong with the page in a window of this width, by night or by day."""
    browser.get(page.as_uri())
    wide, undrawn, beyond, plain, background, text = browser.execute_script(LOOK)
    if wide > 0:
        yield f"is {wide} pixels wider than {width}"
    if undrawn:
        yield f"{undrawn} formulas are not drawn"
    if beyond:
        yield f"{beyond} formulas end beyond {width}"
    yield from (f"formula in the text: {each!r}" for each in plain)
    bright = [sum(map(int, re.findall(r"\d+", each)[:3])) for each in (background, text)]
    if (bright[0] < bright[1]) != dark:
        yield f"text of {text} on {background}"
    for entry in browser.get_log("browser"):
        if entry["level"] == "SEVERE":
            yield f"console: {entry['message'].splitlines()[0][:200]}"


def main(site: Path = SITE) -> int:
    """Look at all of them; 1 if one is wrong."""
    os.environ["SE_OFFLINE"] = "true"  # selenium takes the driver that is here
    pages = [page for page in sorted(site.rglob("*.html")) if page.name != "404.html"]  # a server's
    found = 0
    for width in WIDTHS:
        for dark in (False, True):
            options = webdriver.ChromeOptions()
            for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
                options.add_argument(argument)
            options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
            with webdriver.Chrome(options=options) as browser:
                size = {
                    "width": width,
                    "height": 900,
                    "deviceScaleFactor": 1,
                    "mobile": width < 500,
                }
                browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
                browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
                for page in pages:
                    for fault in faults(browser, page, width, dark):
                        found += 1
                        print(f"{page.relative_to(site)} ({width}, {scheme[0]['value']}): {fault}")
    print(f"{len(pages)} pages, {len(WIDTHS)} widths, light and dark: {found} faults")
    return 1 if found or not pages else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else SITE))
