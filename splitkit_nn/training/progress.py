"""Progress bars: of a whole training, how well it does and the time that is left; of long steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

import numpy as np
from tqdm import tqdm

from splitkit_nn.training.trainer import Step, Trainer

RECENT = 20  # batches whose mean is shown


class ProgressBar:
    """A context manager whose value is a ``watch`` for ``Trainer.run_epoch``; on stderr."""

    def __init__(self, trainer: Trainer, *, shown: bool) -> None:
        self.trainer = trainer
        self.recent: deque[Step] = deque(maxlen=RECENT)
        self.bar = tqdm(
            total=trainer.recipe.epochs * trainer.batches,
            initial=len(trainer.history) * trainer.batches,
            disable=not shown,
            unit="batch",
            dynamic_ncols=True,
        )

    def __enter__(self) -> ProgressBar:
        return self

    def __call__(self, epoch: int, step: Step) -> None:
        """Count one batch."""
        self.recent.append(step)
        mean = Step(*np.mean(self.recent, axis=0))
        self.bar.set_description(f"epoch {epoch}/{self.trainer.recipe.epochs}", refresh=False)
        self.bar.set_postfix_str(
            f"loss {mean.loss:.3f}, accuracy {mean.accuracy:.1%}{self._tested()}, "
            f"iterations {mean.forward_iterations:.0f} forward "
            f"{mean.backward_iterations:.0f} backward, alpha {step.alpha:.3g}, "
            f"learning rate {self.trainer.learning_rate:.1e}",
            refresh=False,
        )
        self.bar.update()

    def _tested(self) -> str:
        history = self.trainer.history
        return f" (test {history[-1].test_accuracy:.1%})" if history else ""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.bar.close()


@contextmanager
def steps_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for work of more than two seconds; ``watch`` takes (steps done, of all)."""
    with tqdm(desc=what, delay=2.0, leave=False, dynamic_ncols=True) as bar:

        def watch(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        yield watch
