"""Everything that one trial is: which model, which data, which recipe, what is measured."""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from trainables.data import sources
from trainables.data.counterfactual import Rule, Words
from trainables.data.sets import ALIGNMENT_SETS, TEXT_SETS
from trainables.data.tokenizer import Family
from trainables.evaluators import AnyEvaluator
from trainables.metrics.guard import Guard, derived_metrics
from trainables.metrics.metric import Metric
from trainables.metrics.names import COST, SHORTFALL, TRAINED, parse
from trainables.objectives import AnyObjective, NoObjective
from trainables.parameters import AllParameters, AnyParameters
from trainables.regularisers import AnyRegulariser, NoRegulariser
from trainables.schema.strict import Strict, by_name


class ModelConfig(Strict):
    """The base model that is debiased.

    path:   a folder, a catalogued name (smollm2-135m, miniature-llama, miniature-bert), or
            OWNER/REPO on the Hugging Face Hub.
    family: causal = next-token prediction (Llama); masked = fill in the blank (BERT).
    """

    path: str
    family: Family = "causal"


class AlignmentConfig(Strict):
    """The sentences that the objective sees, each with its counterfactual twin."""

    data: str
    size: int | None = Field(None, ge=1, description="pairs used; all of them when left out")
    seed: int = Field(0, ge=0, lt=2**31, description="which pairs are drawn, if size is given")
    swap: Rule = Field("improved", description="the rule that makes twins, where none are given")
    words: Words = Field("gender", description="the words that are swapped, where none are given")

    @field_validator("data")
    @classmethod
    def _known(cls, name: str) -> str:
        return sources.check_name(name, ALIGNMENT_SETS, "pairs")

    @model_validator(mode="after")
    def _swaps_where_no_twins_are_given(self) -> Self:
        sources.check_swap(self.data, self.swap, self.words)
        return self


class ReplayConfig(Strict):
    """General text mixed into training; ratio = its share of the texts that are trained on."""

    data: str
    ratio: float = Field(0.0, ge=0, lt=1)

    @field_validator("data")
    @classmethod
    def _known(cls, name: str) -> str:
        return sources.check_name(name, TEXT_SETS, "texts")


class TrainConfig(Strict):
    """How the optimiser runs; one step sees batch_size texts, in `accumulation` equal parts."""

    lr: float = Field(ge=0, le=1, description="0 is the control that moves nothing")
    steps: int = Field(ge=1)
    batch_size: int = Field(16, ge=1, description="texts a step")
    accumulation: int = Field(1, ge=1, description="parts a step is cut into to save memory")
    report_every: int | None = Field(None, ge=1, description="steps; only at the end if left out")
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    warmup: float = Field(0.0, ge=0, lt=1, description="share of the steps")
    weight_decay: float = Field(0.0, ge=0)
    clip: float = Field(1.0, ge=0, description="gradient norm; 0 = no clipping")
    dtype: Literal["fp32", "bf16"] = "fp32"
    zero_stage: Literal[0, 1, 2] = Field(
        0, description="1 and 2 share memory among processes; alone they only cost time"
    )
    max_tokens: int = Field(128, ge=2, description="longer texts are cut")

    @model_validator(mode="after")
    def _parts_are_equal(self) -> Self:
        if self.batch_size % self.accumulation:
            raise ValueError(
                "batch_size must be a multiple of accumulation, "
                f"but got {self.batch_size} and {self.accumulation}"
            )
        return self

    def deepspeed(self) -> dict[str, Any]:
        """DeepSpeed's configuration, as it is used and recorded.

        What its releases changed the default of is explicit: clipping (1.0 since 0.19.3) and the
        check of bf16 overflow, which skips steps.
        """
        return {
            "train_micro_batch_size_per_gpu": self.batch_size // self.accumulation,
            "gradient_accumulation_steps": self.accumulation,
            "gradient_clipping": self.clip,
            "bf16": {"enabled": self.dtype == "bf16", "check_grad_overflow": False},
            "fp16": {"enabled": False},
            "zero_optimization": {"stage": self.zero_stage, "overlap_comm": False},
            "zero_allow_untested_optimizer": True,
            "steps_per_print": 10**9,
            "wall_clock_breakdown": False,
        }


class FusionConfig(Strict):
    """The model is θ₀ + α (θ − θ₀), on the line from the base θ₀ to what was trained, θ.

    WiSE-FT: Wortsman and others 2022, Robust fine-tuning of zero-shot models (arXiv 2109.01903);
    the best trade-off against forgetting that Lin and others 2023 found, Mitigating the alignment
    tax of RLHF (arXiv 2309.06256).

    alpha: that of the trial itself: what is measured, saved and told to the search.
    also:  more of them, each measured as a candidate of its own, `fusion/α/…` in the metrics.
    """

    alpha: float = Field(TRAINED, ge=0, le=1)
    also: tuple[Annotated[float, Field(strict=True, ge=0, le=1)], ...] = Field((), strict=False)

    @field_validator("also")
    @classmethod
    def _are_told_apart(cls, also: tuple[float, ...]) -> tuple[float, ...]:
        if len({float(f"{alpha:g}") for alpha in also} & set(also)) < len(also):
            raise ValueError(
                "must hold different numbers of at most six digits, which name their metrics, "
                f"but got {', '.join(map(str, also))}"
            )
        return also


REPLAY_METRIC = Metric(
    SHORTFALL, "texts", "lower", 0.0, 1e6, "asked for by the ratio, lacking in the set"
)

Evaluators = Annotated[
    tuple[Annotated[AnyEvaluator, BeforeValidator(by_name)], ...],
    Field(strict=False, min_length=1),
]


class Measurement(Strict):
    """A model as it is, and what to measure of it."""

    model: ModelConfig
    evaluators: Evaluators

    @model_validator(mode="after")
    def _metrics_are_told_apart(self) -> Self:
        _refuse_names_twice(self.metrics())
        return self

    def metrics(self) -> tuple[Metric, ...]:
        """The declaration of everything measured, in the evaluators' order."""
        return _measured(self.model, self.evaluators)


def _measured(model: ModelConfig, evaluators: Evaluators) -> tuple[Metric, ...]:
    return tuple(metric for each in evaluators for metric in each.metrics(model.family))


def _refuse_names_twice(metrics: tuple[Metric, ...]) -> None:
    names = [metric.name for metric in metrics]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"evaluators must measure different things, but two of them measure {', '.join(twice)}"
        )


class TrialConfig(Strict):
    """One trial. Loss = NLL of the texts + objective(pairs, texts) + regulariser(weights, texts)."""

    model: ModelConfig
    alignment: AlignmentConfig
    objective: Annotated[AnyObjective, BeforeValidator(by_name)] = NoObjective()
    regulariser: Annotated[AnyRegulariser, BeforeValidator(by_name)] = NoRegulariser()
    parameters: Annotated[AnyParameters, BeforeValidator(by_name)] = AllParameters()
    replay: ReplayConfig | None = None
    train: TrainConfig
    evaluators: Evaluators
    fusion: FusionConfig = FusionConfig()
    guard: Guard = Guard()
    seed: int = Field(0, ge=0, lt=2**31)
    allow_overlap: bool = Field(False, description="learn texts that are measured on")

    @model_validator(mode="after")
    def _metrics_are_told_apart(self) -> Self:
        _refuse_names_twice(_measured(self.model, self.evaluators))
        return self

    @model_validator(mode="after")
    def _terms_fit_together(self) -> Self:
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
        replayed = self.replay is not None and self.replay.ratio > 0
        if regulariser.reads_texts and not (regulariser.anchor or objective.trains_on or replayed):
            raise ValueError(
                f"regulariser {regulariser.name} needs texts, but objective {objective.name} learns "
                f"none and nothing is replayed: give the regulariser data of its own, or a replay"
            )
        return self

    def metrics(self) -> tuple[Metric, ...]:
        """The declaration of every metric that this trial reports, in the evaluators' order.

        Then those of the fused weights; what the trial costs has no α.
        """
        measured = _measured(self.model, self.evaluators)
        measured += derived_metrics([metric.name for metric in measured], self.guard)
        of_weights = [metric for metric in measured if parse(metric.name).family != COST]
        fused = tuple(metric.at(alpha) for alpha in self.fusion.also for metric in of_weights)
        return measured + fused + ((REPLAY_METRIC,) if self.replay else ())

    def tree(self) -> dict[str, Any]:
        """Nested plain values with nothing left out; TrialConfig.model_validate(tree) == self."""
        return self.model_dump(mode="json")

    def flat(self) -> dict[str, Any]:
        """Dotted name -> scalar, as MLflow's params want it; evaluators as one word each."""
        flat = _flatten(self.tree() | {"evaluators": [e.name for e in self.evaluators]})
        return {name: value for name, value in flat.items() if value not in (None, "")}

    def fingerprint(self) -> str:
        """Equal for replicates: the same trial but for its seed."""
        text = json.dumps(self.model_dump(mode="json", exclude={"seed"}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = " ".join(map(str, value)) if isinstance(value, list) else value
    return flat
