"""The progress bar of a solve: at once if asked for, else after three seconds, on a terminal."""

from __future__ import annotations

import time
from typing import Any, Self

PATIENCE = 3.0  # seconds


class Progress:
    """A bar of ``tqdm`` over the iterations, made when it is first shown.

    Parameters
    ----------
    wanted : bool or None
        None: a bar after ``PATIENCE``, if tqdm is installed and there is a terminal.
    max_iter : int

    Raises
    ------
    ImportError
        The bar is wanted, and tqdm is missing.
    """

    def __init__(self, wanted: bool | None, max_iter: int) -> None:
        self.wanted, self.max_iter = wanted, max_iter
        self.bar: Any = None
        self.shown_from = time.monotonic() + PATIENCE
        if wanted:
            self._show()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def report(self, k: int, ratio: float, **values: float) -> None:
        """The iteration, the worst residual relative to its tolerance, and other values by name."""
        if self.bar is None:
            if self.wanted is False or time.monotonic() < self.shown_from:
                return
            self._show()
        if self.bar is not None:
            shown = {"residual/tolerance": ratio} | values
            text = ", ".join(f"{name} {value:.3g}" for name, value in shown.items())
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(k - self.bar.n)

    def _show(self) -> None:
        try:
            from tqdm import tqdm  # optional, and not loaded before a bar is shown
        except ImportError:
            if self.wanted:
                raise ImportError("progress=True needs tqdm: pip install tqdm") from None
            self.wanted = False
            return
        on_terminal = False if self.wanted else None  # None: tqdm's word for "only there"
        self.bar = tqdm(total=self.max_iter, disable=on_terminal, leave=False)
