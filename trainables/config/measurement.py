"""The evaluators of a model, and the metrics that they declare together."""

from collections import Counter
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from trainables.config.model import ModelConfig
from trainables.data.files.kinds import dataset_label
from trainables.evaluators import AnyEvaluator
from trainables.evaluators.kl import Kl
from trainables.metrics.metric import Metric
from trainables.schema.strict import Strict

MAX_EVALUATORS = 50  # of one trial


def _named_apart(evaluators: tuple[AnyEvaluator, ...]) -> tuple[AnyEvaluator, ...]:
    """Return the evaluators with a label for each set of a kind, if they measure on several of it.

    So forgetting/general/…, or forgetting/alignment/…, is the forgetting of one set in every metric.
    """
    sets = {kind_and_set for each in evaluators if (kind_and_set := _set_of(each))}
    num_sets = Counter(kind for kind, _ in sets)
    named = []
    for each in evaluators:
        kind, name = _set_of(each) or ("", "")
        if num_sets[kind] > 1 and getattr(each, "label", "") is None:
            each = each.model_copy(update={"label": dataset_label(name)})
        named.append(each)
    return tuple(named)


def _set_of(evaluator: AnyEvaluator) -> tuple[str, str] | None:
    """Return (general or alignment, name) of the set that forgetting is measured on, if any."""
    if evaluator.general:
        return "general", evaluator.general
    return ("alignment", evaluator.data) if isinstance(evaluator, Kl) else None


Evaluators = Annotated[
    tuple[AnyEvaluator, ...],
    Field(strict=False, min_length=1, max_length=MAX_EVALUATORS),
    AfterValidator(_named_apart),
]


class Measurement(Strict):
    """A model to measure as it is, and the evaluators that measure it."""

    model: ModelConfig
    evaluators: Evaluators

    @model_validator(mode="after")
    def _check_metrics(self) -> Self:
        """Raise ValueError if two evaluators share a metric, or one cannot measure the model."""
        refuse_other_family(self.model, self.evaluators)
        refuse_duplicates(self.metrics())
        return self

    def metrics(self) -> tuple[Metric, ...]:
        """Return the declarations of all metrics, in the order of the evaluators."""
        return metrics_of(self.model, self.evaluators)


def metrics_of(model: ModelConfig, evaluators: Evaluators) -> tuple[Metric, ...]:
    """Return the declarations of the evaluators' metrics for a model, in order."""
    return tuple(metric for evaluator in evaluators for metric in evaluator.metrics(model.family))


def refuse_other_family(model: ModelConfig, evaluators: Evaluators) -> None:
    """Raise ValueError if an evaluator cannot measure models of this family."""
    for evaluator in evaluators:
        if model.family not in evaluator.families:
            raise ValueError(
                f"evaluator {evaluator.name} is for {' and '.join(evaluator.families)} models, but "
                f"model.family is {model.family}: leave it out"
            )


def refuse_duplicates(metrics: tuple[Metric, ...]) -> None:
    """Raise ValueError if two metrics have the same name."""
    names = Counter(metric.name for metric in metrics)
    if duplicates := sorted(name for name, num in names.items() if num > 1):
        raise ValueError(
            "evaluators must measure different things, but two of them measure "
            f"{', '.join(duplicates)}: give one of them a `label` if it has that key, rename a file of "
            f"yours, or leave one out"
        )
