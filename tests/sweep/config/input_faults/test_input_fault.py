"""What a check raises becomes a fault with the key that its sentence begins with, or of the model."""

import pytest

from sweep.config.input_faults.input_fault import faults_of
from trainables.config import TrialConfig

TRIAL = TrialConfig.model_validate(
    {
        "model": {"path": "miniature-llama"},
        "alignment": {"data": "miniature"},
        "train": {"lr": 1e-3, "steps": 1},
        "evaluators": ["weights"],
    }
)


@pytest.mark.parametrize(
    ("raised", "key", "value", "sentence"),
    [
        ("model.start must be auto.", ("model", "start"), "auto", "trial.model.start must be auto."),
        ("model.path: the chat template must end.", ("model", "path"), "miniature-llama",
         "trial.model.path: the chat template must end."),
        ("objective none needs words.", ("objective",), TRIAL.objective,
         "trial.objective none needs words."),
        ("/data/my models/x must stay as it is.", ("model", "path"), "miniature-llama",
         "trial.model.path: /data/my models/x must stay as it is."),
        ("the weights of x must be numbers.", ("model", "path"), "miniature-llama",
         "trial.model.path: the weights of x must be numbers."),
    ],
    ids=["key", "colon", "mapping", "path", "words"],
)  # fmt: skip
def test_the_key_is_that_of_the_sentence_if_it_begins_with_one(raised, key, value, sentence):
    def check():
        raise ValueError(raised)

    (fault,) = faults_of(check, TRIAL)
    assert (fault.key, fault.value, str(fault)) == (key, value, sentence)
    assert faults_of(lambda: None, TRIAL) == []
