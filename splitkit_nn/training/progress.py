"""Progress bars: of a whole training, how well it does and the time that is left; of long steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from tqdm import tqdm

from splitkit_nn.training.trainer import Step, Trainer

RECENT = 20  # batches whose mean is shown


@contextmanager
def training_bar(trainer: Trainer, *, shown: bool) -> Iterator[Callable[[int, Step], None]]:
    """A bar on stderr; its value is a ``watch`` for ``Trainer.run_epoch``."""
    recent: deque[Step] = deque(maxlen=RECENT)
    total, done = trainer.recipe.epochs * trainer.batches, len(trainer.history) * trainer.batches
    with tqdm(
        total=total, initial=done, disable=not shown, unit="batch", dynamic_ncols=True
    ) as bar:

        def watch(epoch: int, step: Step) -> None:
            recent.append(step)
            mean, history = Step(*np.mean(recent, axis=0)), trainer.history
            tested = f" (test {history[-1].test_accuracy:.1%})" if history else ""
            bar.set_description(f"epoch {epoch}/{trainer.recipe.epochs}", refresh=False)
            bar.set_postfix_str(
                f"loss {mean.loss:.3f}, accuracy {mean.accuracy:.1%}{tested}, "
                f"iterations {mean.forward_iterations:.0f} forward "
                f"{mean.backward_iterations:.0f} backward, alpha {step.alpha:.3g}, "
                f"learning rate {trainer.learning_rate:.1e}",
                refresh=False,
            )
            bar.update()

        yield watch


@contextmanager
def steps_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for work of more than two seconds; ``watch`` takes (steps done, of all)."""
    with tqdm(desc=what, delay=2.0, leave=False, dynamic_ncols=True) as bar:

        def watch(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        yield watch
