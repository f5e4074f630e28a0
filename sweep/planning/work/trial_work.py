"""What a trial has to compute, in floating-point operations (FLOP), by its configuration alone.

N weights read a token in 2 N operations. With gradient that is 2 N more for the states, and 2 more for
each weight that is trained: 6 N where all are (Kaplan et al. 2020, arXiv 2001.08361). What attention
adds for long texts is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sweep.planning.work import text_sizes
from sweep.planning.work.evaluation_work import tokens_read
from trainables.parameters.freeze import Freeze
from trainables.parameters.lora import Lora

if TYPE_CHECKING:
    from pydantic import BaseModel

    from sweep.planning.work.shapes import ModelShape
    from trainables.config import TrialConfig
    from trainables.evaluators import AnyEvaluator

# Matrices of a block that LoRA adapts beside, in units of width²: in and out of each, together.
LORA_SIDES = 14


@dataclass(frozen=True)
class TrialWork:
    """What one trial computes.

    Attributes:
        kind: of what its steps are: the objective, the regulariser, the parameters, without weights.
        num_steps: of the optimiser.
        step_tokens: tokens of a step that the model reads with gradient.
        step_flop: of a step.
        num_trained: weights that are trained.
        num_measurements: how often all evaluators run: at each report behind step 0, at each α.
        steps_to_first_report: after which a scheduler may end it at the earliest.
        evaluations: evaluator -> its FLOP.
        base_rows: distinct texts whose states of the base are kept for later, of all its steps.
        base_tokens: tokens of these.
    """

    kind: tuple[str, str, str]
    num_steps: int
    step_tokens: float
    step_flop: float
    num_trained: int
    num_measurements: int
    steps_to_first_report: int
    evaluations: dict[AnyEvaluator, float]
    base_rows: int
    base_tokens: float

    def until_first_report(self) -> TrialWork:
        """Return the work of the same trial if it is ended at its first report behind step 0."""
        num_reports = max(1, self.num_steps // self.steps_to_first_report)
        return replace(
            self,
            num_steps=self.steps_to_first_report,
            num_measurements=max(1, self.num_measurements // num_reports),
        )


def work_of(trial: TrialConfig, shape: ModelShape) -> TrialWork:
    """Return what a trial computes with a model of this shape."""
    train, objective, regulariser = trial.train, trial.objective, trial.regulariser
    characters = text_sizes.characters_a_token(trial.model.path)
    pairs = text_sizes.pairs_of(trial.alignment.data)
    tokens_of_pair = text_sizes.mean_tokens(pairs.tenths, characters, train.max_tokens)
    ratio = trial.replay.ratio if trial.replay else 0.0
    old, new = ratio * train.batch_size, (1 - ratio) * train.batch_size
    sides_trained = len(objective.trains_on)
    # A text that is both trained on and compared is read once.
    rows_of_item = 2 if objective.compares is not None else min(1, sides_trained)
    rows, tokens = new * rows_of_item, new * rows_of_item * tokens_of_pair
    if trial.replay and old:
        general = text_sizes.general_of(trial.replay.data)
        rows += old
        tokens += old * text_sizes.mean_tokens(general.tenths, characters, train.max_tokens)
    anchor_rows, anchor_tokens = _anchors(trial, characters)
    num_trained = trained_weights(trial, shape)
    step_flop = (tokens + anchor_tokens) * (4 * shape.num_weights + 2 * num_trained)
    base_rows, base_tokens = 0, 0.0
    if objective.uses_base or regulariser.uses_base:
        read_rows, read_tokens = (anchor_rows, anchor_tokens) if anchor_rows else (rows, tokens)
        step_flop += 2 * shape.num_in_head * read_tokens
        distinct = _distinct(trial, read_rows)
        base_rows = round(distinct)
        base_tokens = distinct * read_tokens / max(1e-9, read_rows)
        if trial.model.family == "masked" and not anchor_rows:  # new masks each time: none is kept
            step_flop += 2 * shape.num_weights * read_tokens
            base_rows, base_tokens = 0, 0.0
    if regulariser.holds_weights:
        step_flop += 6 * num_trained
    every = train.report_every or train.last_step
    num_reports = train.last_step // every + bool(train.last_step % every)
    return TrialWork(
        kinds_of(trial),
        train.last_step,
        tokens + anchor_tokens,
        step_flop,
        num_trained,
        num_reports * (1 + len(trial.fusion.also)),
        min(every, train.last_step),
        evaluations_of(trial, shape),
        base_rows,
        base_tokens,
    )


def evaluations_of(trial: TrialConfig, shape: ModelShape) -> dict[AnyEvaluator, float]:
    """Return evaluator -> FLOP of one measurement, for each evaluator of a trial."""
    characters = text_sizes.characters_a_token(trial.model.path)
    return {
        each: 2 * shape.num_weights * tokens_read(each, trial.model.family, characters)
        for each in trial.evaluators
    }


def kinds_of(trial: TrialConfig) -> tuple[str, str, str]:
    """Return the kinds of a trial's objective, regulariser and parameters."""
    return kind_of(trial.objective), kind_of(trial.regulariser), kind_of(trial.parameters)


def kind_of(plugin: BaseModel) -> str:
    """Return the name of an objective, a regulariser or parameters, with its words and counts.

    What is left at its default is not shown.

    Fractions, such as a weight, change no time, and are left out.

    >>> from trainables.objectives import Cda
    >>> kind_of(Cda(sides="one")), kind_of(Cda())
    ('cda sides=one', 'cda')
    """
    fields, values = type(plugin).model_fields, dict[str, Any](plugin)
    settings = (
        f"{key}={value}"
        for key, value in values.items()
        if isinstance(value, str | bool | int) and value != fields[key].default
    )
    return " ".join([str(values["name"]), *settings])


def trained_weights(trial: TrialConfig, shape: ModelShape) -> int:
    """Return how many weights a trial trains; of parts of a model, by usual proportions."""
    parameters, num_layers = trial.parameters, shape.num_layers
    if isinstance(parameters, Lora):
        return parameters.rank * LORA_SIDES * shape.width * num_layers
    if isinstance(parameters, Freeze):
        in_head = shape.num_in_head
        in_blocks = max(0, shape.num_weights - in_head)
        frozen = parameters.first_blocks + parameters.last_blocks
        share = max(0, num_layers - frozen) / num_layers
        # Attention has about a third of the weights of a block.
        part = 1 - parameters.attention / 3 - parameters.mlp * 2 / 3
        outside = 0 if parameters.embeddings or parameters.head else in_head
        return round(in_blocks * share * max(0.0, part)) + outside
    return shape.num_weights


def _anchors(trial: TrialConfig, characters: float) -> tuple[float, float]:
    """Return (rows, tokens) a step of the regulariser's own texts."""
    if trial.regulariser.anchor is None:
        return 0.0, 0.0
    name, num_texts = trial.regulariser.anchor
    tenths = text_sizes.general_of(name).tenths
    per_text = text_sizes.mean_tokens(tenths, characters, trial.train.max_tokens)
    return float(num_texts), num_texts * per_text


def _distinct(trial: TrialConfig, rows_a_step: float) -> float:
    """Return how many of the rows that a trial reads differ: no more than its pairs have texts."""
    num_rows = rows_a_step * trial.train.steps
    size = trial.alignment.size or text_sizes.pairs_of(trial.alignment.data).num_texts
    is_of_pairs = trial.regulariser.anchor is None
    return min(num_rows, 2 * size) if size and is_of_pairs else num_rows
