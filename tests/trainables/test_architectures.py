"""Every architecture of tests/trainables/architectures.py can be measured, trained and saved.

What is read of the modules is in tests/trainables/models/test_architecture.py; tokenizers as the models
come with them are in tests/trainables/test_families.py.
"""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from tests.conformance import (
    PAIRS,
    TEXTS,
    gradient_step,
    members,
    objective,
    pair_predictions,
    parameters,
    perturb,
    regulariser,
    text_predictions,
)
from tests.small_sets import write_sets
from tests.trainables.architectures import ARCHITECTURES
from trainables.config import TrialConfig
from trainables.data.comparisons import compare
from trainables.models.fusion import fused_weights
from trainables.models.joint_forward import predict_jointly
from trainables.models.language_model import LanguageModel
from trainables.objectives import AnyObjective, Dpo, Dropout, NoObjective
from trainables.parameters import Freeze, Lora
from trainables.regularisers import AnyRegulariser, Mixout
from trainables.scoring.likelihood import log_probs, queries_of
from trainables.training.loss import loss
from trainables.trial import run_trial

EVALUATORS = [
    {"name": "stereoset", "data": "miniature", "limit": 4},
    {"name": "crows_pairs", "limit": 4},
    "winobias",
    "winogender",
    {"name": "winogender", "ask": "referent"},
    {"name": "bbq", "limit": 4},
    {"name": "seat", "data": "miniature", "permutations": 99},
    {"name": "perplexity", "data": "miniature", "limit": 4},
    {"name": "kl", "data": "miniature", "limit": 4},
    {"name": "multiple_choice", "task": "miniature_facts", "limit": 4},
    {"name": "probe", "data": "miniature", "train": 8, "test": 8},
    {"name": "finetune", "data": "miniature", "train": 8, "test": 8, "steps": 1, "batch_size": 4},
    "weights",
]


@pytest.fixture(scope="module", autouse=True)
def small_cache(tmp_path_factory):
    """Set a cache folder for this file that holds small benchmarks."""
    folder = tmp_path_factory.mktemp("cache")
    write_sets(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EQUIPOISE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Return a function from the name of an architecture to its model, which is loaded once."""
    models = {}

    def load(name):
        if name not in models:
            folder = tmp_path_factory.mktemp(name)
            ARCHITECTURES[name].write(folder)
            models[name] = LanguageModel(folder, ARCHITECTURES[name].family)
        models[name].reset("fp32")
        models[name].module.eval()
        return models[name]

    return load


@pytest.fixture(params=list(ARCHITECTURES))
def name(request):
    return request.param


@pytest.fixture
def lm(name, loaded):
    """Return each model in turn, at its base weights."""
    return loaded(name)


def plain(lm):
    """Return the model of a folder as transformers loads it by itself."""
    auto = {"causal": AutoModelForCausalLM, "masked": AutoModelForMaskedLM}[lm.family]
    return auto.from_pretrained(lm.path).eval().to(lm.device)


def trial(lm, **changes):
    tree = {
        "model": {"path": str(lm.path), "family": lm.family},
        "alignment": {"data": "miniature", "size": 8},
        "train": {"lr": 1e-3, "steps": 1, "batch_size": 4},
        "allow_overlap": True,  # of the small benchmarks
        "evaluators": ["weights"],
    }
    return TrialConfig.model_validate(tree | changes)


def end(config):
    """Return the metrics at the end of a trial."""
    *_, last = run_trial(config)
    return last.metrics


@torch.no_grad()
def test_log_likelihoods_are_those_of_a_plain_forward_of_transformers(lm):
    module = plain(lm)
    ids = lm.tokenizer.encode(TEXTS)
    groups = [queries_of(lm.tokenizer, text) for text in ids]
    expected = []
    for queries, text in zip(groups, ids, strict=True):
        for query in queries:
            logits_TV = (
                module(input_ids=torch.tensor([query.ids], device=lm.device)).logits[0].cpu()
            )
            places, targets = list(query.targets), torch.tensor(list(query.targets.values()))
            expected += (-cross_entropy(logits_TV[places], targets, reduction="none")).tolist()
            if lm.family == "causal":
                assert query.ids == [lm.tokenizer.hf.bos_token_id, *text[:-1]]
            else:
                assert list(query.ids).count(lm.tokenizer.mask_id) == 1
    measured = [value for values in log_probs(lm, groups) for value in values]
    every = [query for group in groups for query in group]
    # in one forward with a longer text, so that all rows are padded
    longer = queries_of(lm.tokenizer, (ids[0] * 9)[:60])
    trained_on = predict_jointly(lm, {"texts": every, "longer": longer})["texts"]
    assert measured == pytest.approx(expected, abs=2e-4)
    assert trained_on.token_log_prob_N.tolist() == pytest.approx(expected, abs=2e-4)
    assert max(expected) - min(expected) > 1, "predictions are far apart"


def test_every_evaluator_measures_what_it_declares(lm):
    config = trial(lm, evaluators=EVALUATORS)
    first = {}
    for evaluator in config.evaluators:
        first |= evaluator.measure(lm, {})
    values = {key: estimate.value for key, estimate in first.items()}
    declared = [m.name for e in config.evaluators for m in e.metrics(lm.family)]
    assert sorted(values) == sorted(declared)
    assert all(map(math.isfinite, values.values()))
    perturb(lm, 0.1)
    (kl,) = (e for e in config.evaluators if e.name == "kl")
    assert kl.measure(lm, {})["forgetting/general/kl_rise"].value > 0


@pytest.mark.parametrize("kind", members(AnyObjective), ids=lambda kind: kind.__name__)
def test_every_objective_has_a_finite_loss_with_a_gradient(kind, lm):
    objective.gives_a_finite_scalar_with_a_gradient_if_it_has_a_loss(kind(), lm)


@pytest.mark.long
@pytest.mark.timeout(120)
def test_every_objective_and_every_regulariser_trains(lm):
    for kind in members(AnyObjective):
        moved = end(trial(lm, objective={"name": kind.model_fields["name"].default}))
        assert 0 < moved["forgetting/weights/distance_rise"] < 1, kind
    for kind in members(AnyRegulariser):
        name = kind.model_fields["name"].default
        data = {"data": "miniature"} if "data" in kind.model_fields else {}
        small = {"fisher": {"examples": 4}, "recadam": {"midpoint": 0, "strength": 1.0}}.get(
            name, {}
        )
        moved = end(trial(lm, objective="cda", regulariser={"name": name} | data | small))
        assert 0 < moved["forgetting/weights/distance_rise"] < 1, kind


def test_regularisers_are_zero_at_the_base_and_above_it_elsewhere(lm):
    for kind in members(AnyRegulariser):
        data = {"data": "miniature", "examples": 4} if kind.__name__ == "Fisher" else {}
        regulariser.is_zero_at_the_base(kind(**data), lm)
        perturb(lm, 0.01)
        assert regulariser._loss(kind(**data), lm) >= 0
        lm.reset("fp32")


def test_mixed_weights_are_those_of_every_linear_layer(lm):
    expected = text_predictions(lm).token_log_prob_N
    with Mixout(p=0.5).training(lm):
        mixed = {n for n, part in lm.module.named_modules() if "forward" in vars(part)}
        assert set(lm.architecture.structure.linear) <= mixed
        lm.train(own_dropout=False)
        assert_close(text_predictions(lm).token_log_prob_N, expected, atol=1e-4, rtol=1e-4)
        perturb(lm, 0.05)
        first, second = (text_predictions(lm).token_log_prob_N for _ in range(2))
        assert not torch.equal(first, second)


def test_the_base_predicts_the_same_from_its_cached_states(lm, name):
    """Its states are what the vocabulary head reads, whatever width that has."""
    ids = lm.tokenizer.encode(list(PAIRS[0]))
    groups = {"pair": list(compare(lm.tokenizer, *ids, "sentences", "seed"))}
    perturb(lm, 0.05)
    from_cache = predict_jointly(lm, groups, recurring=frozenset(groups))["pair"]
    computed = predict_jointly(lm, groups)["pair"]
    assert_close(from_cache.base_log_prob_NV, computed.base_log_prob_NV, atol=2e-4, rtol=0)
    # Gemma 2 caps what its head returns, and this DeBERTa has no module for its head.
    assert (lm.base_cache is None) == (name in ("gemma2", "deberta-v3-own-head"))


def test_hidden_states_of_the_embeddings_and_of_each_block_have_one_width(lm):
    ids = lm.tokenizer.encode(list(PAIRS[0]))
    pair = compare(lm.tokenizer, *ids, "as_written", "seed")
    predictions = predict_jointly(lm, {"pair": list(pair)}, hidden=True)["pair"]
    assert predictions.states_LBTD.shape[0] == lm.architecture.structure.num_blocks + 1
    assert_close(predictions.states_LBTD, predictions.base_states_LBTD, atol=1e-5, rtol=1e-5)
    assert len({layer.norm().item() for layer in predictions.states_LBTD}) == 3


# Dropout


def test_without_its_own_dropout_two_forwards_in_training_are_equal(lm):
    lm.train(own_dropout=False)
    first, second = (text_predictions(lm).token_log_prob_N for _ in range(2))
    assert torch.equal(first, second)
    assert first.requires_grad
    lm.train()
    first, second = (text_predictions(lm).token_log_prob_N for _ in range(2))
    drops = lm.path.name.rstrip("0123456789") not in ("mpt",)  # whose rate is a whole number
    assert torch.equal(first, second) != drops


def test_the_loss_of_dpo_begins_at_log_2_whatever_the_dropout(lm):
    lm.train(own_dropout=False)
    pairs = pair_predictions(lm, Dpo(beta=1.0))
    assert Dpo(beta=1.0).pair_loss(lm, pairs).item() == pytest.approx(math.log(2), abs=1e-4)


@pytest.mark.parametrize("name", ["opt", "bloom", "gpt-neox", "albert", "modernbert"])
def test_a_trial_with_dpo_begins_at_log_2_at_each_step_that_moves_nothing(name, lm, monkeypatch):
    losses = []

    def observed(*arguments):
        losses.append(loss(*arguments))
        return losses[-1]

    monkeypatch.setattr("trainables.trial.loss", observed)
    train = {"lr": 0.0, "steps": 3, "batch_size": 4}
    end(trial(lm, objective={"name": "dpo", "beta": 1.0}, train=train))
    assert [value.total.item() for value in losses] == pytest.approx([math.log(2)] * 3, abs=1e-4)


@pytest.mark.parametrize(("hidden", "attention"), [(0.5, 0.0), (0.0, 0.5), (0.0, 0.0)])
def test_each_kind_of_dropout_acts_in_training_and_leaves_nothing_behind(hidden, attention, lm):
    before = text_predictions(lm).token_log_prob_N
    with Dropout(hidden=hidden, attention=attention).training(lm):
        lm.train()
        for part in lm.module.modules():
            if hasattr(part, "layerdrop"):
                part.layerdrop = 0.0  # which is no dropout of states
        first, second = (text_predictions(lm).token_log_prob_N for _ in range(2))
        assert torch.equal(first, second) == (hidden == attention == 0)
        gradient_step(lm, -first.mean())
    lm.module.eval()
    lm.reset("fp32")
    assert torch.equal(text_predictions(lm).token_log_prob_N, before)


# Which weights are trained


def test_adapters_are_those_of_all_linear_layers_but_the_vocabulary_head(lm):
    with Lora(rank=2).training(lm, seed=0):
        adapted = {n for n, part in lm.module.named_modules() if hasattr(part, "lora_A")}
    assert adapted == set(lm.architecture.structure.linear)
    assert len(adapted) >= 4


@pytest.mark.parametrize(
    "law",
    [
        parameters.start_at_the_base_and_undo_every_change,
        parameters.a_lower_loss_shows_in_the_fused_model,
    ],
    ids=lambda law: law.__name__,
)
def test_adapters_keep_to_the_laws_of_parameters(law, lm):
    law(Lora(rank=2), lm)


def frozen(lm, **settings):
    """Return the names of the weights that want no gradient."""
    with Freeze(**settings).training(lm, 0):
        return {n for n, weight in lm.module.named_parameters() if not weight.requires_grad}


def test_a_frozen_block_is_the_block_and_nothing_else(lm, name):
    every = {n for n, _ in lm.module.named_parameters()}
    blocks = ARCHITECTURES[name].blocks
    if name == "albert":
        with pytest.raises(
            ValueError, match=r"must be left out for .*, whose 2 blocks share their"
        ):
            frozen(lm, first_blocks=1)
        return
    for number, end_of_blocks in enumerate(("first_blocks", "last_blocks")):
        inside = {n for n in every if n.startswith(f"{blocks}.{number}.")}
        assert frozen(lm, **{end_of_blocks: 1}) == inside != set()


def test_every_weight_is_before_in_or_after_the_blocks(lm, name):
    kind = ARCHITECTURES[name]
    every = {n for n, _ in lm.module.named_parameters()}
    inside = {n for n in every if n.startswith(f"{kind.blocks}.")}
    words = {id(weight) for weight in lm.module.get_input_embeddings().parameters()}
    table = {n for n, weight in lm.module.named_parameters() if id(weight) in words}
    before, after = (
        {n for n in every if f"{n}.".startswith(tuple(f"{part}." for part in parts))}
        for parts in (kind.before, kind.after)
    )
    is_tied = lm.module.config.get_text_config().tie_word_embeddings
    head = set() if is_tied else {"lm_head.weight"} & every
    assert frozen(lm, embeddings=True) == table | before
    assert frozen(lm, head=True) == after | head | (table if is_tied else set())
    assert every == inside | table | before | after | head


def test_attention_and_mlp_are_the_whole_of_the_blocks_without_norms(lm, name):
    inside = {
        n for n, _ in lm.module.named_parameters() if n.startswith(f"{ARCHITECTURES[name].blocks}.")
    }
    attention, mlp = frozen(lm, attention=True), frozen(lm, mlp=True)
    assert attention
    assert mlp
    assert not attention & mlp
    left = inside - attention - mlp
    assert all("norm" in n.lower() or ".ln_" in n for n in left)
    assert all("attn" in n or "attention" in n for n in attention)


# Saved


@pytest.mark.parametrize("adapted", [False, True])
def test_a_saved_model_predicts_the_same_in_transformers_alone(adapted, lm, tmp_path):
    (ids,) = lm.tokenizer.encode(TEXTS[:1])
    read = torch.tensor([ids], device=lm.device)
    how = Lora(rank=2).training(lm, seed=0) if adapted else Freeze(attention=True).training(lm, 0)
    auto = {"causal": AutoModelForCausalLM, "masked": AutoModelForMaskedLM}[lm.family]
    with how:
        for _ in range(2):
            gradient_step(lm, -text_predictions(lm).token_log_prob_N.mean(), length=0.3)
        with fused_weights(lm, 1.0), torch.no_grad():
            expected = lm.module(input_ids=read).logits
            lm.save(tmp_path)
    saved, loading = auto.from_pretrained(tmp_path, output_loading_info=True)
    saved.to(lm.device)
    assert not any(loading[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        assert_close(saved.eval()(input_ids=read).logits, expected, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(lm.base(input_ids=read).logits, expected, atol=1e-3)
    again = LanguageModel(tmp_path, lm.family)
    assert again.architecture == lm.architecture
    assert again.tokenizer.encode(TEXTS) == lm.tokenizer.encode(TEXTS)


def test_the_longest_row_is_read_and_no_longer_one_is_tried(lm, name):
    assert lm.tokenizer.max_tokens == ARCHITECTURES[name].positions
    room = min(lm.tokenizer.max_tokens, 64) - (2 if lm.family == "masked" else 0)
    (ids,) = lm.tokenizer.encode(["the"])
    (values,) = log_probs(lm, [queries_of(lm.tokenizer, ids * room)])
    assert len(values) == room
    assert all(map(math.isfinite, values))


def test_no_objective_at_all_with_a_rate_of_zero_moves_nothing(lm):
    config = trial(lm, objective=NoObjective().model_dump(), train={"lr": 0.0, "steps": 2})
    assert end(config)["forgetting/weights/distance_rise"] == 0
