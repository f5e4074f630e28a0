"""The door to the harness: imported late, quiet, with random states as they were."""

import random

import numpy as np
import pytest
import torch

from trainables.harness import library


def test_the_harness_is_imported_only_where_a_task_is_used(modules_after):
    loaded = modules_after("import trainables.config, trainables.evaluators, sweep.config.check")
    assert "lm_eval" not in loaded
    assert "datasets" not in loaded


def test_random_states_are_seeded_within_and_as_before_afterwards():
    def draws():
        return random.random(), float(np.random.random()), float(torch.rand(()))

    random.seed(7)
    np.random.seed(7)
    torch.manual_seed(7)
    expected = draws()
    random.seed(7)
    np.random.seed(7)
    torch.manual_seed(7)
    with library.seeded():
        inside = draws()
    assert draws() == expected
    with library.seeded():
        assert draws() == inside
    assert inside != expected


def test_what_the_harness_prints_is_dropped(capfd):
    with library.quiet():
        print("advice")
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_no_code_of_a_metric_is_fetched_from_the_hub(python):
    code = (
        "from trainables.harness import library\n"
        "with library.quiet():\n"
        "    import evaluate\n"
        "print(evaluate.config.HF_EVALUATE_OFFLINE)"
    )
    assert python("-c", code)[:2] == (0, "True\n")
