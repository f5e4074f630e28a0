"""The metrics that can be goals: those of a spec, or those of every evaluator for a model family."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError

from sweep.config.trial_file import refuse_trial
from sweep.space.corners import Corner, corners
from sweep.space.extent import extent_faults
from sweep.space.faults import domain_faults, without_domains
from trainables.config import REPLAY_METRIC, Measurement, ModelConfig
from trainables.data.tokenizer import Family
from trainables.evaluators import AnyEvaluator
from trainables.evaluators.base import Evaluator
from trainables.metrics.guard import Guard, derived_metrics
from trainables.metrics.metric import Metric
from trainables.schema.faults import MAX_SENTENCES, MAX_WORD, Place, did_you_mean
from trainables.schema.strict import Strict
from trainables.schema.text.shown import as_value, as_word
from trainables.schema.yaml_file import MAX_PATH, Document, SpecError, validate

MAX_METRICS = 3  # that a sentence lists
MAX_COMPARED = 100  # metrics, of which it lists those that are most like a wrong name
FROM_SEVERAL = ""  # in place of an evaluator's name, of metrics that follow from several evaluators


class PossibleGoal(NamedTuple):
    """A metric that every trial measures, and the name of the evaluator that it comes from."""

    metric: Metric
    evaluator: str


class _OnlyModel(Strict):
    """The part of a trial that says which model it measures."""

    model: ModelConfig


def of_trial(tree: dict[str, Any]) -> list[PossibleGoal]:
    """Return what every branch of a trial measures, in the order of its evaluators.

    It follows from model, evaluators and replay alone, so faults elsewhere do not matter.

    tree: the key `trial` of a spec, without bad domains, of an extent that can be checked.

    Raises:
        pydantic.ValidationError: the model or the evaluators are wrong.
    """
    return _common(
        _goals(measured.evaluators, measured.model.family, bool(corner.tree.get("replay")))
        for corner in _different(tree)
        for measured in [Measurement.model_validate(_keys(corner, Measurement))]
    )


def of_spec(document: Document) -> list[PossibleGoal]:
    """Return what every branch of the trial in a spec measures, which may be a draft.

    Without evaluators it is what every evaluator would measure, as in `of_family`.

    Raises:
        SpecError: its model or its evaluators are wrong, it has no trial, or one of too large a space.
    """
    refuse_trial(document)
    tree = document.tree.get("trial")
    sound_tree = without_domains(tree, [fault.place for fault in domain_faults(tree)])
    if not isinstance(sound_tree, dict):
        raise SpecError([f"{document.at(('trial',))} must be a mapping with a model."])
    for fault in extent_faults(sound_tree):
        raise SpecError([f"{document.at(('trial', *fault.place))} {fault.sentence}"])
    model: type[Measurement | _OnlyModel] = (
        Measurement if "evaluators" in next(corners(sound_tree)).tree else _OnlyModel
    )
    goals: list[Iterable[PossibleGoal]] = []
    for corner in _different(sound_tree):
        origins = {place: ("trial", *origin) for place, origin in corner.origins.items()}
        keys = _keys(corner, model)
        measured = validate(model, document, tree=keys, origins=origins)
        family, has_replay = measured.model.family, bool(corner.tree.get("replay"))
        evaluators = measured.evaluators if isinstance(measured, Measurement) else _examples()
        goals.append(_goals(evaluators, family, has_replay))
    return _common(goals)


def faults_of(document: Document, tree: dict[str, Any]) -> list[str]:
    """Return a fault for each goal or constraint of a spec that some branch of its trial lacks.

    There is none if model or evaluators are wrong.

    tree: as in `of_trial`.
    """
    try:
        metrics = [goal.metric.name for goal in of_trial(tree)]
    except ValidationError:
        return []
    goals, constraints = document.tree.get("goals"), document.tree.get("constraints")
    names: list[tuple[Place, Any]] = []
    if isinstance(goals, list):
        names += [(("goals", number), goal) for number, goal in enumerate(goals)]
    if isinstance(constraints, dict):
        names += [(("constraints", name), name) for name in constraints]
    missing = ((place, name) for place, name in names if name not in metrics)
    return [
        f"{document.at(place)} must be a metric that the trial's evaluators measure in every branch "
        f"{_in_words(metrics, name, document.path)}"
        for place, name in islice(missing, MAX_SENTENCES + 1)
    ]


def _in_words(metrics: list[str], name: object, path: Path) -> str:
    """Return the end of a sentence: some metrics, how all are listed, and a name that is none."""
    close = did_you_mean(name, metrics)
    listed = difflib.get_close_matches(
        str(name)[:MAX_WORD], metrics[:MAX_COMPARED], n=MAX_METRICS, cutoff=0.0
    )
    such_as = "" if close else f"such as {', '.join(listed)}; "
    every = f"`sweep metrics {as_word(path, MAX_PATH)}` lists all {len(metrics)}"
    return f"({such_as}{every}), but got {as_value(name)}{close or '.'}"


def _different(tree: dict[str, Any]) -> Iterable[Corner]:
    """Return corners of a trial that differ in what they measure, one of each kind."""
    keys = Measurement.model_fields
    found: dict[str, Corner] = {}
    for corner in corners(tree):
        parts = [corner.tree.get(key) for key in keys]
        found.setdefault(repr((parts, bool(corner.tree.get("replay")))), corner)
    return found.values()


def of_family(family: Family) -> list[PossibleGoal]:
    """Return what every evaluator measures with its default settings, and what follows from them.

    A word in capitals in the name of a metric stands for any value of a setting.
    """
    return _goals(_examples(), family, has_replay=True)


def without_example(family: Family) -> dict[str, list[str]]:
    """Return the required keys of each evaluator of a family whose metrics no default tells."""
    return {
        evaluator.model_fields["name"].default: [
            key for key, field in evaluator.model_fields.items() if field.is_required()
        ]
        for evaluator in _classes()
        if not evaluator.examples() and family in evaluator.families
    }


def _classes() -> tuple[type[Evaluator], ...]:
    """Return the class of every evaluator."""
    union, *_ = get_args(AnyEvaluator)
    return get_args(union)


def _examples() -> list[Evaluator]:
    """Return the examples of every evaluator."""
    return [example for evaluator in _classes() for example in evaluator.examples()]


def _keys(corner: Corner, model: type[Strict]) -> dict[str, Any]:
    """Return the keys of a concrete trial that a part of its schema has."""
    return {key: corner.tree[key] for key in model.model_fields if key in corner.tree}


def _goals(evaluators: Iterable[Evaluator], family: Family, has_replay: bool) -> list[PossibleGoal]:
    """Return the metrics of evaluators, those that follow from them, and that of a replay."""
    measured = [
        PossibleGoal(metric, evaluator.name)
        for evaluator in evaluators
        for metric in evaluator.metrics(family)
    ]
    further = [
        *derived_metrics([goal.metric.name for goal in measured], Guard()),
        *([REPLAY_METRIC] if has_replay else []),
    ]
    return measured + [PossibleGoal(metric, FROM_SEVERAL) for metric in further]


def _common(goals_of_branches: Iterable[Iterable[PossibleGoal]]) -> list[PossibleGoal]:
    """Return the goals of the first branch that all others have too, by the names of the metrics."""
    first, *others = ({goal.metric.name: goal for goal in goals} for goals in goals_of_branches)
    return [goal for name, goal in first.items() if all(name in other for other in others)]
