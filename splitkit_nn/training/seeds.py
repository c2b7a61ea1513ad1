"""One recipe with several seeds: a run for each, and their mean ± standard deviation."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.report import accuracy_line
from splitkit_nn.training.run import RunDirectory

SUMMARY = "summary.md"


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation (None for a single value)."""

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return cls(statistics.mean(values), deviation)

    def __format__(self, spec: str) -> str:
        if self.deviation is None:
            return format(self.mean, spec)
        return f"{self.mean:{spec}} ± {self.deviation:{spec}}"


def summarize(recipe: Recipe, out: Path, runs: Sequence[Path]) -> list[str]:
    """The lines about several finished runs, also saved as a page in ``out``."""
    accuracies = [RunDirectory(run).read_history()[-1].test_accuracy for run in runs]
    spread = Spread.of([100 * accuracy for accuracy in accuracies])
    lines = [
        *(
            f"{run.name}: {accuracy_line('test', accuracy)}"
            for run, accuracy in zip(runs, accuracies, strict=True)
        ),
        f"test accuracy: {spread:.2f} % over {len(runs)} seeds",
    ]
    page = f"# {recipe.name}\n\n" + "".join(f"- {line}\n" for line in lines)
    RunDirectory(out).write(SUMMARY, page.encode())
    return lines
