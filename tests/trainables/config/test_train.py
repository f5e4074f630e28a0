"""The settings of the optimiser, and DeepSpeed's configuration."""

import itertools

import pytest
from pydantic import ValidationError

from tests.trainables.config.trees import FULL, config, with_leaf
from trainables.config import TrialConfig


def test_a_step_is_cut_into_equal_parts():
    for batch_size, accumulation in itertools.product((1, 4, 6), (1, 2, 3, 4)):
        tree = with_leaf(FULL, ("train",), {"lr": 0.1, "steps": 1} | {"batch_size": batch_size})
        tree = with_leaf(tree, ("train", "accumulation"), accumulation)
        if batch_size % accumulation == 0:
            TrialConfig.model_validate(tree)
        else:
            with pytest.raises(ValidationError, match="batch_size must be a multiple of"):
                TrialConfig.model_validate(tree)


def test_a_training_ends_after_at_most_all_of_its_steps():
    train = {"lr": 0.1, "steps": 5}
    assert [config(train=train | more).train.last_step for more in ({}, {"stop_after": 3})] == [
        5,
        3,
    ]
    with pytest.raises(ValidationError, match="stop_after must be at most steps, but got 6 and 5"):
        config(train=train | {"stop_after": 6})


def test_a_key_that_is_left_out_is_in_no_tree_so_that_recipes_keep_their_fingerprint():
    assert "stop_after" not in config(train={"lr": 0.1, "steps": 5}).tree()["train"]


def test_settings_of_deepspeed_with_changing_defaults_are_explicit():
    train = {"lr": 0.1, "steps": 1, "batch_size": 12, "accumulation": 3, "clip": 0.0}
    settings = config(train=train).train.deepspeed()
    assert settings["train_micro_batch_size_per_gpu"] == 4
    assert settings["gradient_accumulation_steps"] == 3
    assert settings["gradient_clipping"] == 0.0
    assert settings["bf16"] == {"enabled": False, "check_grad_overflow": False}
    assert settings["fp16"] == {"enabled": False}
    assert settings["zero_optimization"]["stage"] == 0
    settings = config(train=train | {"dtype": "bf16", "zero_stage": 2}).train.deepspeed()
    assert settings["bf16"] == {"enabled": True, "check_grad_overflow": False}
    assert settings["zero_optimization"]["stage"] == 2
