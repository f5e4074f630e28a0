"""The whole configuration of one trial."""

import hashlib
import json
from typing import Any, Self

from pydantic import Field, model_validator

from trainables.config.data import AlignmentConfig, ReplayConfig
from trainables.config.fusion import FusionConfig
from trainables.config.measurement import (
    Evaluators,
    metrics_of,
    refuse_duplicates,
    refuse_other_family,
)
from trainables.config.model import ModelConfig
from trainables.config.train import TrainConfig
from trainables.evaluators import AnyEvaluator
from trainables.metrics.guard import Guard, derived_metrics
from trainables.metrics.metric import Metric
from trainables.metrics.names import COST, SHORTFALL, parse
from trainables.objectives import AnyObjective, NoObjective
from trainables.parameters import AllParameters, AnyParameters
from trainables.regularisers import AnyRegulariser, NoRegulariser
from trainables.schema.faults import Place
from trainables.schema.flatten import flatten
from trainables.schema.strict import Strict

REPLAY_METRIC = Metric(
    SHORTFALL, "texts", "lower", 0.0, 1e6, "required by the ratio, lacking in the set", lowest=0.0
)

# The keys that name the sets which a trial trains on.
ALIGNMENT: Place = ("alignment", "data")
REPLAY: Place = ("replay", "data")
REGULARISER: Place = ("regulariser", "data")


class TrialConfig(Strict):
    """The configuration of one trial.

    Loss = NLL(texts) + objective(pairs, texts) + regulariser(weights, texts).
    """

    model: ModelConfig
    alignment: AlignmentConfig
    objective: AnyObjective = NoObjective()
    regulariser: AnyRegulariser = NoRegulariser()
    parameters: AnyParameters = AllParameters()
    replay: ReplayConfig | None = None
    train: TrainConfig
    evaluators: Evaluators
    fusion: FusionConfig = FusionConfig()
    guard: Guard = Guard()
    seed: int = Field(0, ge=0, lt=2**31)
    allow_overlap: bool = Field(False, description="train on texts that are measured on")

    @model_validator(mode="after")
    def _check_metrics(self) -> Self:
        """Raise ValueError if two evaluators share a metric, or one cannot measure the model."""
        refuse_other_family(self.model, self.evaluators)
        metrics = metrics_of(self.model, self.evaluators)
        refuse_duplicates(metrics)
        refuse_duplicates(derived_metrics([metric.name for metric in metrics], self.guard))
        return self

    @model_validator(mode="after")
    def _check_terms(self) -> Self:
        """Raise ValueError if objective, regulariser, parameters and replay do not go together."""
        objective, regulariser = self.objective, self.regulariser
        if self.model.family not in objective.families:
            raise ValueError(
                f"objective {objective.name} is for {' and '.join(objective.families)} models, "
                f"but model.family is {self.model.family}"
            )
        if regulariser.holds_weights and self.parameters.adapts:
            raise ValueError(
                f"regulariser {regulariser.name} holds the weights of the base, which "
                f"parameters {self.parameters.name} leaves as they are: choose kl_to_base or none, "
                f"or parameters all or freeze"
            )
        if self.train.zero_stage == 3 and self.parameters.adapts:
            raise ValueError(
                f"train.zero_stage must be at most 2 with parameters {self.parameters.name}, whose "
                f"adapters are merged to be measured, but got 3"
            )
        is_replayed = REPLAY in self.trained_texts()
        has_texts = regulariser.anchor or objective.trains_on or is_replayed
        if regulariser.reads_texts and not has_texts:
            raise ValueError(
                f"regulariser {regulariser.name} needs texts, but objective {objective.name} trains "
                f"on none and nothing is replayed: give the regulariser data of its own, or a replay"
            )
        return self

    def metrics(self) -> tuple[Metric, ...]:
        """Return the declarations of all metrics that this trial reports.

        First those of the evaluators, in order, and those derived from them; then the same at each
        further α, without costs; then the shortfall of the replay.
        """
        metrics = metrics_of(self.model, self.evaluators)
        metrics += derived_metrics([metric.name for metric in metrics], self.guard)
        with_alpha = [metric for metric in metrics if parse(metric.name).family != COST]
        fused = tuple(metric.at(alpha) for alpha in self.fusion.also for metric in with_alpha)
        return metrics + fused + ((REPLAY_METRIC,) if self.replay else ())

    def named_sets(self) -> dict[Place, str]:
        """Return key -> name of each set to train on that the trial names, read or not."""
        names = {ALIGNMENT: self.alignment.data}
        if self.replay:
            names[REPLAY] = self.replay.data
        if texts_from := self.regulariser.texts_from:
            names[REGULARISER] = texts_from
        return names

    def trained_texts(self) -> dict[Place, str]:
        """Return key -> name of each set of general texts that the trial trains on.

        A replay of ratio 0 reads none.
        """
        is_replayed = self.replay is not None and self.replay.ratio > 0
        unread = {ALIGNMENT} if is_replayed else {ALIGNMENT, REPLAY}
        return {key: name for key, name in self.named_sets().items() if key not in unread}

    def measured_texts(self) -> dict[AnyEvaluator, str]:
        """Return evaluator -> name of the set of general texts on whose held-out part it measures."""
        return {each: each.general for each in self.evaluators if each.general}

    def tree(self) -> dict[str, Any]:
        """Return nested plain values, defaults included: TrialConfig.model_validate(tree) == self."""
        return self.model_dump(mode="json")

    def flat(self) -> dict[str, Any]:
        """Return {dotted name: scalar} without empty values, as MLflow's params need it.

        A list is one string of words. Evaluators are given by their names alone.
        """
        flat = flatten(self.tree() | {"evaluators": [e.name for e in self.evaluators]})
        words = {
            name: " ".join(map(str, value)) if isinstance(value, list) else value
            for name, value in flat.items()
        }
        return {name: value for name, value in words.items() if value not in (None, "")}

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that are equal for trials that differ in their seed alone."""
        text = json.dumps(self.model_dump(mode="json", exclude={"seed"}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
