"""DPO and NPO are what TRL's own trainer computes for the same sentences."""

import copy
import os

import pytest
import torch
import trl

from tests.conformance import PAIRS, pair_predictions, perturb
from trainables.objectives import Dpo, Npo

BETA = 0.3


def loss_by_trl(folder, model, base, loss_type, *, rejected_alone=False):
    """Return the loss that DPOTrainer computes of PAIRS, with the start token as the prompt."""
    arguments = trl.DPOConfig(
        beta=BETA, loss_type=[loss_type], report_to="none", use_cpu=True, bf16=False,
        max_length=None, output_dir=str(folder),
    )  # fmt: skip
    encoded = [model.tokenizer.encode(list(pair)) for pair in PAIRS]
    examples = [
        {
            "prompt_ids": [model.tokenizer.start_ids[0]],
            "chosen_ids": [] if rejected_alone else less,
            "rejected_ids": more,
        }
        for more, less in encoded
    ]
    from datasets import Dataset

    words = Dataset.from_list([{"prompt": "the", "chosen": "wolf", "rejected": "cook"}])
    trainer = trl.DPOTrainer(
        model=model.module, ref_model=base, args=arguments, train_dataset=words,
        processing_class=model.tokenizer.hf,
    )  # fmt: skip
    model.module.eval()
    with torch.no_grad():
        return float(trainer.compute_loss(model.module, trainer.data_collator(examples)))


@pytest.fixture
def moved(llama, tmp_path, monkeypatch):
    """(folder, model, base), with the model away from its base."""
    model = copy.copy(llama)  # TRL leaves its hooks in a model
    model.module, base = copy.deepcopy(llama.module), copy.deepcopy(llama.module)
    perturb(model, 0.05)
    monkeypatch.setattr(os, "environ", os.environ.copy())  # TRL leaves a RANK in it
    return tmp_path, model, base


def loss_of(objective, model):
    return objective.pair_loss(model, pair_predictions(model, objective)).item()


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("objective", "loss_type"),
    [(Dpo(beta=BETA), "sigmoid"), (Dpo(beta=BETA, form="ipo", per="token"), "ipo")],
)
def test_dpo_is_that_of_trl(objective, loss_type, moved):
    loss = loss_of(objective, moved[1])
    assert loss == pytest.approx(loss_by_trl(*moved, loss_type), rel=1e-4)


@pytest.mark.timeout(120)
def test_npo_is_trls_dpo_with_an_empty_chosen_text(moved):
    """(2/β) · −log σ(−β (ℓ(x⁻) − ℓ₀(x⁻)))."""
    loss = loss_of(Npo(beta=BETA), moved[1])
    expected = 2 / BETA * loss_by_trl(*moved, "sigmoid", rejected_alone=True)
    assert loss == pytest.approx(expected, rel=1e-4)
