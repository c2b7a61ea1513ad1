"""The progress of long work: a bar at once if asked for, else after three seconds, on a terminal or
in a notebook; and a line every three seconds to the logger of the package, where that takes it.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

PATIENCE = 3.0  # seconds


class Progress:
    """A bar of ``tqdm``, made when it is first shown, and lines of a log.

    Parameters
    ----------
    wanted : bool or None
        None: a bar after ``PATIENCE``, if tqdm is installed and there is a terminal or a notebook.
    total : int, optional
    what : str
        What is counted.
    package : str
        Whose logger is told, at level INFO.

    Raises
    ------
    ImportError
        The bar is wanted, and tqdm is missing.
    """

    def __init__(
        self,
        wanted: bool | None,
        total: int | None = None,
        what: str = "iteration",
        package: str = "splitkit",
    ) -> None:
        self.wanted, self.total, self.what, self.package = wanted, total, what, package
        self.bar: Any = None
        self.due = time.monotonic() + PATIENCE  # of the bar, and of the next line
        if wanted:
            self._show()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def report(self, k: int, **values: float) -> None:
        """The iteration, and values by name."""
        is_due = time.monotonic() >= self.due
        if self.bar is None and not is_due:
            return
        text = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
        if is_due:
            self.due = time.monotonic() + PATIENCE
            of = "" if self.total is None else f" of {self.total}"
            log = logging.getLogger(self.package)
            log.info("%s %d%s%s", self.what, k, of, text and f": {text}")
            if self.bar is None and self.wanted is None:
                self._show()
        if self.bar is not None:
            self.bar.total = self.total
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(k - self.bar.n)

    def step(self, done: int, of: int | None = None) -> None:
        """So many steps of so many are done."""
        self.total = of
        self.report(done)

    def _show(self) -> None:
        try:
            with warnings.catch_warnings():  # a notebook without ipywidgets has a plain bar
                warnings.simplefilter("ignore")
                from tqdm.auto import tqdm  # optional, and not loaded before a bar is shown
        except ImportError:
            if self.wanted:
                raise ImportError("progress=True needs tqdm: pip install tqdm") from None
            self.wanted = False
            return
        wanted = self.wanted or "ipykernel" in sys.modules
        on_terminal = False if wanted else None  # None: tqdm's word for "only there"
        desc = None if self.what == "iteration" else self.what
        self.bar = tqdm(total=self.total, desc=desc, disable=on_terminal, leave=False)


class _Told:
    def __init__(self, bar: Progress) -> None:
        self.bar, self.done = bar, 0


TOLD: ContextVar[_Told | None] = ContextVar("TOLD", default=None)


@contextmanager
def telling(wanted: bool | None, what: str) -> Iterator[None]:
    """A bar of what ``tell`` is told within; where there is one already, work within that."""
    if TOLD.get() is not None:
        yield
        return
    with Progress(wanted, what=what) as bar:
        token = TOLD.set(_Told(bar))
        try:
            yield
        finally:
            TOLD.reset(token)


def tell(what: str, done: int = 1) -> None:
    """So many more of them are done; the bar of something else is only shown if it is due."""
    told = TOLD.get()
    if told is not None:
        told.done += done if what == told.bar.what else 0
        told.bar.report(told.done)
