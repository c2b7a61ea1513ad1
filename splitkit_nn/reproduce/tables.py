"""Tables 1 and E1 in Markdown, the measured beside the printed; cells without a run say so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from splitkit_nn.reproduce.found import FoundRun, Group, group
from splitkit_nn.reproduce.paper import PUBLISHED, ROWS, Published, Row
from splitkit_nn.training.recipes import RECIPES
from splitkit_nn.training.trainer import initial_model

NOT_RUN, NO_RECIPE = "not yet run", "no recipe"


def tables(runs: Sequence[FoundRun]) -> str:
    """Both tables, and the unfinished runs."""
    return "\n".join((_table_1(runs), _table_e1(), _unfinished(runs)))


def _table_1(runs: Sequence[FoundRun]) -> str:
    heads = (
        "data",
        "model",
        "parameters",
        "here",
        "test accuracy %",
        "here",
        "runs",
        "iterations a step, forward / backward",
        "training",
        "settings",
    )
    lines = [
        line
        for row in (*ROWS, *PUBLISHED)
        for line in _measured(row, [run for run in runs if run.name == row.recipe])
    ]
    return "## Table 1\n\n" + _markdown(heads, lines)


def _measured(row: Row | Published, runs: Sequence[FoundRun]) -> list[tuple[str, ...]]:
    """A line for each way in which the row's recipe was run, its own settings first."""
    printed = f"{row.parameters:,}" if isinstance(row, Row) else row.parameters
    known = (row.data, row.model, printed, _parameters(row.recipe), row.accuracy)
    groups = group(runs)
    own = [found for found in groups if not found.changed]
    missing = NOT_RUN if row.recipe in RECIPES else NO_RECIPE
    figures = _figures(own[0]) if own else (missing, "0", "–", "–", "recipe's")
    changed = [found for found in groups if found.changed]
    return [(*known, *figures), *(("", "", "", "", "", *_figures(found)) for found in changed)]


def _figures(found: Group) -> tuple[str, ...]:
    return (
        f"{found.accuracy:.2f}",
        str(len(found.runs)),
        f"{found.forward:.1f} / {found.backward:.1f}",
        f"{found.seconds:.0f} s",
        found.changed or "recipe's",
    )


def _parameters(name: str) -> str:
    if name not in RECIPES:
        return NO_RECIPE
    try:
        model = initial_model(RECIPES[name])
    except ModuleNotFoundError as error:
        return str(error)
    return f"{sum(p.numel() for p in model.parameters()):,}"


def _table_e1() -> str:
    heads = ("recipe", "units or channels", "epochs", "here", "lr", "here", "schedule", "here")
    lines = []
    for row in ROWS:
        recipe = RECIPES[row.recipe]
        epochs, lr = (str(row.epochs), str(recipe.epochs)), (f"{row.lr:g}", f"{recipe.lr:g}")
        lines.append((row.recipe, row.size, *epochs, *lr, row.schedule, str(recipe.schedule)))
    return "## Table E1\n\n" + _markdown(heads, lines)


def _unfinished(runs: Sequence[FoundRun]) -> str:
    lines = [
        f"- {run.label}: epoch {len(run.history)} of {run.config.recipe.epochs}, "
        f"test accuracy {run.history[-1].test_accuracy:.2%}\n"
        for run in runs
        if not run.whole
    ]
    return "## Unfinished runs\n\n" + "".join(lines) if lines else ""


def _markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * len(heads)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (heads, rule, *lines))
