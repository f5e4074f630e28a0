"""The description of a sweep, in Markdown, that MLflow shows with its run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.record.names import Artifact
from sweep.space.names import domain_lines
from sweep.tracking import sweeps
from trainables.schema.counted import counted
from trainables.schema.text.escaping import in_code, in_markdown

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from sweep.driver.running_sweep import RunningSweep
    from trainables.metrics.metric import Metric

MAX_NOTE_CHARS = 8000  # that MLflow takes in a tag


@dataclass(frozen=True)
class DrawnFront:
    """A front in words, when its pictures were drawn.

    headline: its size and hypervolume, in a line.
    table:    a Markdown table of its members.
    members:  the numbers of all replicates of the recipes among them.
    """

    headline: str
    table: str
    members: frozenset[int]


def description(running: RunningSweep, front: DrawnFront) -> str:
    """Return Markdown of a sweep: its front, goals, constraints, budget and search space.

    The front comes first, because MLflow shows the first lines only until they are unfolded. A text of
    more than MAX_NOTE_CHARS characters is cut.
    """
    spec, record = running.spec, running.record
    report = f"{record.runs_url}/{record.run_id}/artifacts/{Artifact.FRONT}/{Artifact.FRONT_PAGE}"
    trials = f"{record.runs_url}?viewStateShareKey={sweeps.VIEW}&workflowType=machine_learning"
    budget = counted(running.num_trials(), "trial")
    if spec.budget.hours:
        budget += f", {counted(spec.budget.hours, 'hour')}"
    bounds = _bounds(spec)
    paragraphs = [
        f"**{in_markdown(front.headline)}** · [the front]({report}) · [all trials]({trials})",
        front.table,
        "**Goals**",
        _goals(running.goals.values()),
        *(["**Constraints**", bounds] if bounds else []),
        f"**Budget:** {budget}; search {spec.search.sampler.name}",
        "**Searched**",
        "\n".join(f"- {line}" for line in domain_lines(spec.trial)) or "nothing",
    ]
    text = "\n\n".join(filter(None, paragraphs))
    return text if len(text) <= MAX_NOTE_CHARS else text[: MAX_NOTE_CHARS - 1] + "…"


def _goals(goals: Iterable[Metric]) -> str:
    """Return a Markdown list of goals, each with its unit and the direction in which it is better."""
    return "\n".join(
        f"- {in_code(goal.name)} in {in_markdown(goal.unit)}, "
        + (f"nearer to {goal.ideal:g}" if goal.better == "nearer" else goal.better)
        + f" is better: {in_markdown(goal.about)}"
        for goal in goals
    )


def _bounds(spec: SweepSpec) -> str:
    """Return a Markdown list of the constraints of a sweep; empty if it has none."""
    return "\n".join(
        f"- {in_code(name)} "
        + " and ".join(
            f"{side} {value:g}" for side, value in bound.model_dump(exclude_none=True).items()
        )
        for name, bound in spec.constraints.items()
    )
