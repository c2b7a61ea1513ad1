"""Progress bars: of a whole training, how well it does and the time that is left; of long steps."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from tqdm.auto import tqdm

from splitkit.progress import PATIENCE, Progress
from splitkit_nn.training.trainer import Step, Trainer

RECENT = 20  # batches whose mean is shown


@contextmanager
def training_bar(trainer: Trainer, *, shown: bool | None) -> Iterator[Callable[[int, Step], None]]:
    """A bar on stderr, and lines to the package's logger; its value is a ``watch`` for
    ``Trainer.run_epoch``.
    """
    log, due = logging.getLogger("splitkit_nn"), time.monotonic() + PATIENCE
    recent: deque[Step] = deque(maxlen=RECENT)
    total, done = trainer.recipe.epochs * trainer.batches, len(trainer.history) * trainer.batches
    if shown is None and "ipykernel" in sys.modules:
        shown = True
    hidden = None if shown is None else not shown  # None: tqdm's word for "but on a terminal"
    with tqdm(total=total, initial=done, disable=hidden, unit="batch", dynamic_ncols=True) as bar:

        def watch(epoch: int, step: Step) -> None:
            nonlocal due
            recent.append(step)
            mean, history = Step(*np.mean(recent, axis=0)), trainer.history
            tested = f" (test {history[-1].test_accuracy:.1%})" if history else ""
            said = (
                f"loss {mean.loss:.3f}, accuracy {mean.accuracy:.1%}{tested}, "
                f"iterations {mean.forward_iterations:.0f} forward "
                f"{mean.backward_iterations:.0f} backward, alpha {step.alpha:.3g}, "
                f"learning rate {trainer.learning_rate:.1e}"
            )
            bar.set_description(f"epoch {epoch}/{trainer.recipe.epochs}", refresh=False)
            bar.set_postfix_str(said, refresh=False)
            bar.update()
            if time.monotonic() >= due:
                due = time.monotonic() + PATIENCE
                log.info("epoch %d of %d: %s", epoch, trainer.recipe.epochs, said)

        yield watch


@contextmanager
def steps_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """The progress of long work; ``watch`` takes (steps done, of all)."""
    with Progress(None, what=what, package="splitkit_nn") as bar:
        yield bar.step
