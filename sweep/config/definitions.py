"""What a sweep's numbers depend on besides models and data, which must not change within it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from analysis.record.names import FIRST_VERSION, Tag
from sweep.config.spec import SweepSpec
from trainables.data.opening import Opening
from trainables.models import pretrained


def definitions(spec: SweepSpec) -> dict[str, str]:
    """Return the tags that say how a sweep measures, given its spec.

    They are the version of each evaluator, and what a causal model reads before a text.

    Raises:
        ValueError: as of pretrained.start_of.
    """
    trials = spec.trials()
    evaluators = {evaluator.name: evaluator for trial in trials for evaluator in trial.evaluators}
    tags = {f"{Tag.EVALUATOR}{name}": str(e.version) for name, e in sorted(evaluators.items())}
    model = trials[0].model  # the same for all trials
    if model.family == "causal":
        tags[Tag.START] = _start(model.path, model.opening)
    return tags


def differences(recorded: Mapping[str, str], spec: SweepSpec) -> list[str]:
    """Return a clause for each definition that differs from that by which a sweep began to measure.

    recorded: the tags of the sweep's own run. The first releases recorded no definitions: their
        evaluators are of version 1, and their texts begin behind BOS, or behind EOS if there is none.
    """
    clauses = []
    for tag, now in definitions(spec).items():
        is_start = tag == Tag.START
        then = recorded.get(tag) or (_first_start(spec) if is_start else FIRST_VERSION)
        if then == now:
            continue
        if is_start:
            clauses.append(f"its texts began behind {then!r}, and would begin behind {now!r}")
        else:
            name = tag.removeprefix(Tag.EVALUATOR)
            clauses.append(f"it began with version {then} of {name}, and this release has {now}")
    return clauses


def _start(path: str, opening: Opening) -> str:
    """Return what a causal model reads before a text, as it is recorded."""
    return pretrained.start_of(path, opening) or "(nothing)"


def _first_start(spec: SweepSpec) -> str:
    """Return what texts began behind when that was no setting yet."""
    path = spec.trials()[0].model.path
    for start in ("bos", "eos"):
        with suppress(ValueError):  # the tokenizer has no such token
            return _start(path, Opening(start))
    return "(nothing)"
