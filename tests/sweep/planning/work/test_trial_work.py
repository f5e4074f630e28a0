"""What a trial has to compute."""

import pytest

from sweep.planning.work.known_texts import PAIRS
from sweep.planning.work.shapes import CATALOGUED
from sweep.planning.work.text_sizes import mean_tokens
from sweep.planning.work.trial_work import kinds_of, trained_weights, work_of
from trainables.config import TrialConfig

SHAPE = CATALOGUED["smollm2-135m"]
ONE = {
    "model": {"path": "smollm2-135m"},
    "alignment": {"data": "bug", "size": 500},
    "train": {"lr": 1e-5, "steps": 50, "batch_size": 8, "max_tokens": 48},
    "evaluators": ["weights"],
}


def trial(**changes) -> TrialConfig:
    """Return a trial with changes."""
    return TrialConfig.model_validate(ONE | changes)


def work(**changes):
    """Return the work of a trial with changes."""
    return work_of(trial(**changes), SHAPE)


PER_TEXT = mean_tokens(PAIRS["bug"].tenths, 5.0, 48)


def test_a_step_takes_six_flop_a_weight_and_token():
    plain = work()
    assert plain.step_tokens == pytest.approx(8 * PER_TEXT)
    assert plain.step_flop == pytest.approx(6 * SHAPE.num_weights * 8 * PER_TEXT)
    assert plain.num_steps == 50


@pytest.mark.parametrize(
    ("objective", "rows"),
    [
        ("none", 1), ("cda", 1), ("task_vector", 1), ("likelihood_gap", 2), ("dpo", 2),
        ("counterfactual_js", 2), ("gradient_difference", 2),
    ],
)  # fmt: skip
def test_objectives_that_compare_read_both_texts_of_a_pair(objective, rows):
    assert work(objective=objective).step_tokens == pytest.approx(rows * 8 * PER_TEXT)


def test_replayed_texts_take_the_places_of_pairs():
    replayed = work(objective="likelihood_gap", replay={"data": "bold_wikipedia", "ratio": 0.25})
    general = mean_tokens((53, 68, 82, 96, 112, 129, 149, 174, 211, 302), 5.0, 48)
    assert replayed.step_tokens == pytest.approx(6 * 2 * PER_TEXT + 2 * general)


def test_a_comparison_with_the_base_adds_its_head_and_its_states_once():
    held = work(regulariser={"name": "kl_to_base"})
    more = 2 * SHAPE.num_in_head * 8 * PER_TEXT
    assert held.step_flop - work().step_flop == pytest.approx(more)
    assert held.base_rows == 400, "50 steps of 8 texts"
    assert held.base_tokens == pytest.approx(400 * PER_TEXT)
    assert work().base_rows == 0


def test_general_texts_of_a_regulariser_are_read_beside_those_of_the_step():
    held = work(regulariser={"name": "kl_to_base", "data": "bold_wikipedia", "texts": 4})
    assert held.step_tokens > work().step_tokens + 4 * 20
    assert held.base_rows == 200


def test_a_masked_model_reads_its_base_in_each_step():
    changes = {"model": {"path": "google-bert/bert-base-uncased", "family": "masked"}}
    held, plain = work(regulariser="kl_to_base", **changes), work(**changes)
    assert held.base_rows == 0
    assert held.step_flop - plain.step_flop > 2 * SHAPE.num_weights * 8 * PER_TEXT


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({}, 1),
        ({"train": ONE["train"] | {"report_every": 25}}, 2),
        ({"train": ONE["train"] | {"report_every": 20}}, 3),
        ({"train": ONE["train"] | {"report_every": 99}}, 1),
        ({"fusion": {"also": [0.25, 0.5]}}, 3),
        ({"train": ONE["train"] | {"report_every": 25}, "fusion": {"also": [0.5]}}, 4),
    ],
)
def test_a_trial_is_measured_at_each_report_and_at_each_further_alpha(changes, times):
    assert work(**changes).num_measurements == times


def test_a_trial_that_is_ended_early_has_the_steps_up_to_its_first_report():
    whole = work(train=ONE["train"] | {"report_every": 10}, fusion={"also": [0.5]})
    early = whole.until_first_report()
    assert (early.num_steps, early.num_measurements) == (10, 2)
    assert (whole.num_steps, whole.num_measurements) == (50, 10)


def test_adapters_and_frozen_parts_are_few_weights():
    lora = trained_weights(trial(parameters={"name": "lora", "rank": 8}), SHAPE)
    # 2.44 M, as peft counts them for every linear layer of SmolLM2-135M.
    assert lora == pytest.approx(2.44e6, rel=0.25)
    half = trained_weights(trial(parameters={"name": "freeze", "first_blocks": 15}), SHAPE)
    in_blocks = SHAPE.num_weights - SHAPE.num_in_head
    assert half == pytest.approx(in_blocks / 2 + SHAPE.num_in_head)
    assert trained_weights(trial(), SHAPE) == SHAPE.num_weights


def test_kinds_have_words_and_counts_that_are_set_and_no_weights():
    found = kinds_of(
        trial(
            objective={"name": "likelihood_gap", "weight": 3},
            parameters={"name": "lora", "rank": 64},
        )
    )
    assert found == ("likelihood_gap", "none", "lora rank=64")
