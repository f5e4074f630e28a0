"""The description of a sweep that MLflow shows with its run, as Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.record.names import Artifact
from sweep.space.names import domain_lines
from sweep.tracking import sweeps

if TYPE_CHECKING:
    from sweep.driver.running import RunningSweep


MAX_NOTE_CHARS = 8000  # characters of a tag in MLflow


@dataclass(frozen=True)
class Drawn:
    """A front as it was drawn: in a line, as a Markdown table, and the numbers of its trials."""

    headline: str
    table: str
    members: frozenset[int]


def description(started: RunningSweep, drawn: Drawn) -> str:
    """Markdown: the front, then what is searched for it; MLflow shows the first lines at once."""
    spec, record = started.spec, started.record
    report = f"{record.runs_url}/{record.run_id}/artifacts/{Artifact.FRONT}/{Artifact.FRONT_PAGE}"
    trials = f"{record.runs_url}?viewStateShareKey={sweeps.VIEW}&workflowType=machine_learning"
    first = f"**{drawn.headline}** · [the front]({report}) · [all trials]({trials})"
    goals = [
        f"- `{goal.name}` in {goal.unit}, "
        + (f"nearer to {goal.ideal:g}" if goal.better == "nearer" else goal.better)
        + f" is better: {goal.about}"
        for goal in started.goals.values()
    ]
    bounds = [
        f"- `{name}` "
        + " and ".join(
            f"{at} {value:g}" for at, value in bound.model_dump(exclude_none=True).items()
        )
        for name, bound in spec.constraints.items()
    ]
    hours = f", {spec.budget.hours:g} hours" if spec.budget.hours else ""
    budget = f"**Budget:** {started.num_trials()} trials{hours}; search {spec.search.sampler.name}"
    parts = [
        first,
        drawn.table,
        "**Goals**",
        "\n".join(goals),
        *(["**Constraints**", "\n".join(bounds)] if bounds else []),
        budget,
        "**Searched**",
        "\n".join(f"- {line}" for line in domain_lines(spec.trial)) or "nothing",
    ]
    text = "\n\n".join(part for part in parts if part)
    return text if len(text) <= MAX_NOTE_CHARS else text[: MAX_NOTE_CHARS - 1] + "…"
