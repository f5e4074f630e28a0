"""A part of the model, frozen."""

import itertools

import pytest
import torch
from pydantic import ValidationError

from tests.trainables.models.conftest import made
from trainables.models.loading import load
from trainables.models.structure import structure_of
from trainables.parameters import Freeze
from trainables.trial import run_trial


def trained(model, **settings):
    """Return the names of the weights that require a gradient."""
    with Freeze(**settings).training(model, seed=0):
        return {name for name, weight in model.module.named_parameters() if weight.requires_grad}


def names(model, *parts):
    """Return the names of the weights that have one of the parts in them."""
    return {n for n, _ in model.module.named_parameters() if any(part in n for part in parts)}


def test_the_first_and_the_last_blocks_of_a_llama(llama):
    every = names(llama, "")
    assert every - trained(llama, first_blocks=1) == names(llama, "layers.0.")
    assert every - trained(llama, last_blocks=1) == names(llama, "layers.1.")
    assert every - trained(llama, first_blocks=1, last_blocks=1) == names(llama, "layers.")


def test_the_first_and_the_last_blocks_of_a_bert(bert):
    every = names(bert, "")
    assert every - trained(bert, first_blocks=1) == names(bert, "layer.0.")
    assert every - trained(bert, last_blocks=1) == names(bert, "layer.1.")


def test_the_embeddings_of_a_llama_are_its_head_too(llama):
    every = names(llama, "")
    assert every - trained(llama, embeddings=True) == {"model.embed_tokens.weight"}
    assert every - trained(llama, head=True) == {"model.embed_tokens.weight", "model.norm.weight"}


def test_the_embeddings_of_a_bert_have_positions_and_its_head_is_what_comes_after_the_blocks(bert):
    every = names(bert, "")
    assert every - trained(bert, embeddings=True) == names(bert, "bert.embeddings.")
    shared = {"bert.embeddings.word_embeddings.weight"}
    assert every - trained(bert, head=True) == names(bert, "cls.") | shared


def test_attention_and_mlp_are_the_whole_of_a_block_without_its_norms(model):
    every = names(model, "")
    attention = every - trained(model, attention=True)
    mlp = every - trained(model, mlp=True)
    inside = names(model, "layers.", "layer.")
    assert not attention & mlp
    norms = {name for name in inside if "norm" in name.lower()}
    assert inside - attention - mlp == norms
    assert all("attn" in name or "attention" in name for name in attention)


def test_frozen_weights_do_not_change_in_a_trial_and_the_others_do(configure, name):
    config = configure(
        name, objective="cda", parameters={"name": "freeze", "first_blocks": 1, "embeddings": True}
    )
    list(run_trial(config))
    model = load(config.model.path, config.model.family)
    start = dict(model.base.named_parameters())
    moved = {
        key for key, now in model.module.named_parameters() if not torch.equal(now, start[key])
    }
    not_frozen = trained(model, first_blocks=1, embeddings=True)
    assert moved
    assert moved <= not_frozen
    assert len(moved) > 0.8 * len(not_frozen)


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_it_resumes_in_every_stage(stage, configure, tmp_path):
    config = configure(
        objective="cda",
        parameters={"name": "freeze", "last_blocks": 1},
        train={"zero_stage": stage, "report_every": 3},
    )
    reports = run_trial(config)
    next(reports)
    next(reports).save_state(tmp_path / "half")
    end = next(reports)
    list(reports)
    (again,) = run_trial(config, resume_from=tmp_path / "half")
    assert again.metrics == end.metrics


def test_more_blocks_than_the_model_has_are_one_clear_sentence(model):
    with pytest.raises(ValueError, match="must be together at most the 2 blocks of"):
        trained(model, first_blocks=2, last_blocks=1)
    assert all(weight.requires_grad for weight in model.module.parameters())


class Lenient(Freeze):
    """Freezes whatever it is told, and refuses only what leaves nothing to train."""

    def refuse_misfit(self, *_):
        pass


def test_settings_are_refused_before_a_trial_where_they_would_leave_it_nothing_to_train(model):
    structure, num_refused = model.architecture.structure, 0
    flags = itertools.product([False, True], repeat=4)
    for first, last, (embeddings, head, attention, mlp) in itertools.product([0, 1], [0, 1], flags):
        settings = {"first_blocks": first, "last_blocks": last, "embeddings": embeddings}
        settings |= {"head": head, "attention": attention, "mlp": mlp}
        if not any(settings.values()):
            continue
        refusals = []
        for refuse in (
            lambda s=settings: Freeze(**s).refuse_misfit("it", structure),
            lambda s=settings: Lenient(**s).training(model, 0).__enter__(),
        ):
            try:
                refuse()
            except ValueError as error:
                refusals.append(str(error))
        model.module.requires_grad_(True)
        assert len(refusals) in (0, 2), (settings, refusals)
        num_refused += bool(refusals)
    assert num_refused >= 4


def test_a_model_that_is_frozen_as_a_whole_is_one_clear_sentence(model):
    with pytest.raises(
        ValueError, match=r"must be together at most 1 for .* embeddings are frozen"
    ):
        trained(model, first_blocks=2, embeddings=True, head=True)


def test_freezing_nothing_is_one_clear_sentence():
    with pytest.raises(ValidationError, match="must freeze something"):
        Freeze()


def test_blocks_that_are_no_modules_are_one_clear_sentence():
    xlm = structure_of(made("XLMWithLMHeadModel", emb_dim=16, n_layers=2, n_heads=2, vocab_size=30))
    with pytest.raises(
        ValueError, match="must be all or lora for it, whose 2 blocks are no modules"
    ):
        Freeze(attention=True).refuse_misfit("it", xlm)


def test_a_model_without_attention_has_none_to_be_frozen():
    mamba = structure_of(
        made("MambaForCausalLM", hidden_size=16, num_hidden_layers=2, state_size=4, vocab_size=30)
    )
    Freeze(mlp=True, first_blocks=1).refuse_misfit("it", mamba)
    with pytest.raises(ValueError, match="attention must be left out for it, in whose blocks no"):
        Freeze(attention=True).refuse_misfit("it", mamba)
