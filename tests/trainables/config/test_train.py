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


def test_deepspeed_is_told_all_that_its_releases_changed_the_default_of():
    train = {"lr": 0.1, "steps": 1, "batch_size": 12, "accumulation": 3, "clip": 0.0}
    told = config(train=train).train.deepspeed()
    assert told["train_micro_batch_size_per_gpu"] == 4
    assert told["gradient_accumulation_steps"] == 3
    assert told["gradient_clipping"] == 0.0
    assert told["bf16"] == {"enabled": False, "check_grad_overflow": False}
    assert told["fp16"] == {"enabled": False}
    assert told["zero_optimization"]["stage"] == 0
    told = config(train=train | {"dtype": "bf16", "zero_stage": 2}).train.deepspeed()
    assert told["bf16"] == {"enabled": True, "check_grad_overflow": False}
    assert told["zero_optimization"]["stage"] == 2
