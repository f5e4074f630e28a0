"""Llama's family and BERT's: real architectures and tokenizers, and the trap that each one sets."""

import json
import math
import random
from dataclasses import dataclass, replace
from typing import get_args

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from tests.conformance import gradient_step, laws, perturb, state, text_predictions, unchanged
from tests.conformance import objective as objective_laws
from tests.small_sets import write_sets
from tests.trainables.families import KINDS, LAYERS
from trainables.config import TrialConfig
from trainables.data.comparisons import Comparison, compare
from trainables.data.queries import sentence_query, training_query
from trainables.data.sets.multiple_choice import Item
from trainables.evaluators.stereoset import causal_queries, masked_queries
from trainables.models.fusion import fused_weights
from trainables.models.joint_forward import predict_jointly
from trainables.models.language_model import LanguageModel
from trainables.objectives import Dropout, Equalising, Orthogonal
from trainables.objectives.equalising import word_pairs
from trainables.parameters import Freeze, Lora
from trainables.regularisers import Mixout
from trainables.scoring.choices import scores as choice_scores
from trainables.scoring.features import features, whole_texts
from trainables.scoring.likelihood import log_probs, queries_of
from trainables.trial import run_trial

TEXTS = [
    "the nurse said that she was tired",
    "The nurse, who had seen zorro's cat, said that she'd left.",
    "the wolf",
]
TWINS = (
    "When the nurse came home to the market she was sad.",
    "When the pilot came home to the market he was sad.",
)


@pytest.fixture(scope="module")
def lms(tmp_path_factory):
    made = {}
    for name, kind in KINDS.items():
        folder = tmp_path_factory.mktemp(name)
        kind.write(folder)
        made[name] = LanguageModel(folder, kind.family)
    return made


@pytest.fixture(scope="module", autouse=True)
def small_cache(tmp_path_factory):
    """Set a cache folder for this file that holds small benchmarks."""
    folder = tmp_path_factory.mktemp("cache")
    write_sets(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EQUIPOISE_CACHE", str(folder))
        yield folder


@pytest.fixture(params=list(KINDS))
def named(request):
    return request.param


@pytest.fixture
def kind(named):
    return KINDS[named]


@pytest.fixture
def lm(named, lms):
    """Return each model in turn, at its base weights."""
    lms[named].reset("fp32")
    lms[named].module.eval()
    return lms[named]


def tokens_of(lm, ids):
    return lm.tokenizer.hf.convert_ids_to_tokens(list(ids))


def ordinary(lm, number, seed=0):
    """Return ids of `number` random tokens that are not special."""
    known = sorted(set(range(len(lm.tokenizer.hf))) - set(lm.tokenizer.hf.all_special_ids))
    return random.Random(seed).choices(known, k=number)


# (a) Special tokens before and after a sentence


def test_texts_are_encoded_without_special_tokens(lm):
    for ids in lm.tokenizer.encode(TEXTS):
        assert set(ids).isdisjoint(set(lm.tokenizer.hf.all_special_ids))


def test_the_special_tokens_around_a_text_are_known(lm, kind):
    assert tokens_of(lm, [lm.tokenizer.start_ids[0]]) == [kind.start]
    (ids,) = lm.tokenizer.encode(TEXTS[:1])
    around = (
        [lm.tokenizer.start_ids[0]] * kind.adds_start,
        [lm.tokenizer.end_id] if kind.end else [],
    )
    assert lm.tokenizer.hf(TEXTS[0])["input_ids"] == [*around[0], *ids, *around[1]]
    assert lm.tokenizer.adds_start == kind.adds_start
    if kind.end:
        assert tokens_of(lm, [lm.tokenizer.end_id]) == [kind.end]


def test_every_sentence_is_scored_with_the_start_token_once_and_first(lm, kind):
    for ids in lm.tokenizer.encode(TEXTS):
        for query in queries_of(lm.tokenizer, ids):
            assert query.ids[0] == lm.tokenizer.start_ids[0]
            assert list(query.ids).count(lm.tokenizer.start_ids[0]) == 1
            if kind.end:
                assert query.ids[-1] == lm.tokenizer.end_id
                assert list(query.ids).count(lm.tokenizer.end_id) == 1


def test_before_a_prefix_the_start_token_stands_where_the_tokenizer_puts_it(lm, kind):
    question, answer = lm.tokenizer.encode(TEXTS[:2])
    for query in queries_of(lm.tokenizer, answer, question):
        assert list(query.ids).count(lm.tokenizer.start_ids[0]) == kind.adds_start
        assert (query.ids[0] == lm.tokenizer.start_ids[0]) == kind.adds_start


def test_a_pair_of_texts_is_read_as_the_tokenizer_would_put_it(lm, kind):
    (query,) = whole_texts(lm.tokenizer, [(TEXTS[0], TEXTS[2])], max_tokens=60)
    if kind.family == "masked":
        assert query.ids == lm.tokenizer.hf(TEXTS[0], TEXTS[2])["input_ids"]
    else:
        (ids,) = lm.tokenizer.encode([f"{TEXTS[0]}\n{TEXTS[2]}"])
        assert query.ids == [lm.tokenizer.start_ids[0], *ids]


def test_the_two_texts_of_a_pair_are_told_apart_where_the_model_does(lm, kind):
    pair = (TEXTS[0], TEXTS[2])
    (actual,) = features(lm, [pair], pooling="mean")
    inputs = lm.tokenizer.hf(*pair, return_tensors="pt")
    if kind.family == "causal":
        (query,) = whole_texts(lm.tokenizer, [pair], max_tokens=60)
        inputs = {"input_ids": torch.tensor([query.ids])}
    inputs = {name: tensor.to(lm.device) for name, tensor in inputs.items()}
    with torch.no_grad():
        states_TD = lm.module.base_model(**inputs).last_hidden_state[0].cpu()
    first = 1 if kind.family == "causal" else 0
    assert_close(actual, states_TD[first:].mean(0), atol=1e-4, rtol=1e-4)
    assert ("token_type_ids" in inputs) == lm.architecture.has_segments


# (b) The space before a word


def test_words_within_a_text_are_known_with_their_space(lm, kind):
    he, she = lm.tokenizer.encode(
        ["the cook said that he was sad", "the cook said that she was sad"]
    )
    apart = [(a, b) for a, b in zip(he, she, strict=True) if a != b]
    assert [tokens_of(lm, pair) for pair in apart] == [[kind.he, kind.she]]


def test_equalised_are_the_words_as_they_stand_within_a_text(lm, kind):
    actual = [tokens_of(lm, pair) for pair in word_pairs(lm.tokenizer)]
    assert [kind.he, kind.she] in actual
    spaced = kind.he[: -len("he")]
    assert all(token.startswith(spaced) for pair in actual for token in pair)


FILLED = [
    ("the cook said that BLANK was sad", "the cook said that she was sad"),
    ("the cook's BLANK, was sad", "the cook's drum, was sad"),
    ("the cook was BLANK.", "the cook was senioraged."),
]


@pytest.mark.parametrize(("context", "text"), FILLED)
def test_stereosets_word_is_read_as_it_stands_in_its_sentence(context, text, lm, kind):
    whole = lm.tokenizer.encode([text])[0]
    if kind.family == "causal":
        ((query,),) = causal_queries(lm, [(context, text)])
        assert list(query.targets.values()) == whole
        return
    (group,) = masked_queries(lm, [(context, text)])
    for query in group:
        assert [token for token in query.ids if token == lm.tokenizer.mask_id] == [
            lm.tokenizer.mask_id
        ]
    last = list(group[-1].ids)
    for t, token in group[-1].targets.items():
        last[t] = token
    assert last == [lm.tokenizer.start_ids[0], *whole, lm.tokenizer.end_id]
    # So does a text with the mask in it, as the reference tokenises it.
    with_mask = lm.tokenizer.hf(context.replace("BLANK", lm.tokenizer.hf.mask_token))["input_ids"]
    assert list(group[0].ids) == with_mask


def test_an_alternative_begins_with_its_space(lm, kind):
    whole = lm.tokenizer.encode(["the cook said that she"])[0]
    before = lm.tokenizer.encode(["the cook said that"])[0]
    expected = log_probs(lm, [queries_of(lm.tokenizer, whole[len(before) :], before)])
    (actual,) = choice_scores(lm, [Item("the cook said that", [" she", " he"], 0)])
    assert tokens_of(lm, whole[len(before) :]) == [kind.she]
    assert actual[0] == pytest.approx(expected[0][0], abs=1e-5)


def test_case_counts_but_for_an_uncased_model(lm, named):
    lower, upper = lm.tokenizer.encode(["the wolf he saw", "The Wolf HE saw"])
    assert (lower == upper) == (named == "bert-uncased")


# (c) Limits


def test_the_longest_text_fits_and_one_longer_is_one_clear_sentence(lm, kind):
    assert lm.tokenizer.max_tokens == kind.max_tokens
    room = kind.max_tokens - (2 if kind.family == "masked" else 0)
    longest = ordinary(lm, room)
    (actual,) = log_probs(lm, [queries_of(lm.tokenizer, longest)])
    assert len(actual) == room
    assert all(map(math.isfinite, actual))
    learnt = predict_jointly(lm, {"texts": [training_query(lm.tokenizer, longest, "")]})["texts"]
    assert learnt.token_log_prob_N.isfinite().all()
    for ask in (
        lambda ids: queries_of(lm.tokenizer, ids),
        lambda ids: training_query(lm.tokenizer, ids, ""),
    ):
        with pytest.raises(ValueError, match=f"must fit into the {kind.max_tokens} positions of"):
            ask([*longest, longest[0]])


def longest_twins(lm, comparison):
    """Return the ids of the longest pair that a model reads: texts that differ in one token.

    A causal model does not read the last token, except where hidden states are compared.
    """
    room = lm.tokenizer.max_tokens - (2 if lm.family == "masked" else comparison == "as_written")
    ids = ordinary(lm, room)
    twin = list(ids)
    twin[room // 2] = next(token for token in ordinary(lm, 9, 1) if token not in ids)
    return ids, twin


@pytest.mark.parametrize("comparison", get_args(Comparison))
def test_the_longest_pair_fits_and_one_longer_is_one_clear_sentence(comparison, lm):
    ids, twin = longest_twins(lm, comparison)
    first, second = compare(lm.tokenizer, ids, twin, comparison, "")
    actual = predict_jointly(lm, {"one": [first], "other": [second]}, hidden=True)
    assert all(predictions.token_log_prob_N.isfinite().all() for predictions in actual.values())
    if comparison == "first_difference" and lm.family == "causal":
        return  # what follows the difference is not read
    with pytest.raises(ValueError, match="positions of"):
        compare(lm.tokenizer, [*ids, ids[0]], [*twin, ids[0]], comparison, "")


def test_of_a_prefix_that_is_too_long_the_end_is_read(lm):
    prefix, answer = ordinary(lm, 100), ordinary(lm, 3, 1)
    for query in queries_of(lm.tokenizer, answer, prefix):
        assert len(query.ids) == lm.tokenizer.max_tokens
    (actual,) = log_probs(lm, [queries_of(lm.tokenizer, answer, prefix)])
    assert all(map(math.isfinite, actual))


def test_a_long_text_has_the_features_of_its_beginning(lm):
    text = " ".join(TEXTS * 9)
    (query,) = whole_texts(lm.tokenizer, [(text,)], max_tokens=1000)
    assert len(query.ids) == lm.tokenizer.max_tokens
    assert features(lm, [(text,)], pooling="summary", max_tokens=1000).isfinite().all()


# (d)–(f) Predictions


def every_query(lm):
    """Return queries of every kind and of many lengths, by kind."""
    ids = lm.tokenizer.encode(TEXTS)
    groups = {
        "texts": [
            training_query(lm.tokenizer, text_ids, f"seed {n}") for n, text_ids in enumerate(ids)
        ]
    }
    more, less = lm.tokenizer.encode(list(TWINS))
    for comparison in get_args(Comparison):
        groups[comparison] = list(compare(lm.tokenizer, more, less, comparison, "seed"))
    return groups


def by_oracle(oracle, lm, queries):
    """Return log p of every target, each row read alone by transformers with eager attention."""
    return [
        float(oracle(lm).predicted(list(query.ids), place)[token])
        for query in queries
        for place, token in query.targets.items()
    ]


def test_log_probabilities_in_training_are_those_of_transformers(lm, oracle):
    groups = every_query(lm)
    actual = predict_jointly(lm, groups)  # in one forward, so all but the longest are padded
    for name, queries in groups.items():
        expected = by_oracle(oracle, lm, queries)
        assert actual[name].token_log_prob_N.tolist() == pytest.approx(expected, abs=2e-4), name
        assert expected, name


def test_measured_log_probabilities_are_those_of_training(lm):
    every = [query for queries in every_query(lm).values() for query in queries]
    trained_on = predict_jointly(lm, {"all": every})["all"].token_log_prob_N.tolist()
    (measured,) = log_probs(lm, [every])
    assert measured == pytest.approx(trained_on, abs=2e-4)


def test_whole_sentences_are_scored_as_by_the_slow_loop(lm, oracle):
    ids = lm.tokenizer.encode(TEXTS)
    actual = log_probs(lm, [queries_of(lm.tokenizer, text_ids) for text_ids in ids])
    for text_ids, values in zip(ids, actual, strict=True):
        expected = by_oracle(oracle, lm, queries_of(lm.tokenizer, text_ids))
        assert values == pytest.approx(expected, abs=2e-4)
        assert len(values) == len(text_ids)


def test_the_base_predicts_the_same_whether_cached_or_computed(lm, named):
    groups = every_query(lm)
    perturb(lm, 0.05)
    from_cache = predict_jointly(lm, groups, recurring=frozenset(groups))
    computed = predict_jointly(lm, groups)
    for name in groups:
        assert_close(
            from_cache[name].base_log_prob_NV, computed[name].base_log_prob_NV, atol=2e-4, rtol=0
        )
    # Gemma 2 caps what its head puts out, so the head's input does not tell its predictions.
    assert (lm.base_cache is None) == (named == "gemma-2")


def test_the_base_in_less_precision_is_where_training_starts(lm):
    groups = every_query(lm)
    lm.reset("bf16")
    lm.module.eval()
    actual = predict_jointly(lm, groups)
    for predictions in actual.values():
        base_N = predictions.base_log_prob_NV.gather(1, predictions.targets_N[:, None])[:, 0]
        assert_close(base_N, predictions.token_log_prob_N, atol=0.15, rtol=0.05)


# (g) Which weights are trained


@dataclass(frozen=True)
class Weights:
    """Names of an architecture's weights, for each setting of Freeze.

    Names in a block are relative to it. A tied matrix has the name of the embeddings.
    """

    block: str
    attention: str
    mlp: str
    embeddings: str
    head: str
    linear_in_head: frozenset[str] = frozenset()  # beside the vocabulary's

    def frozen(self, setting: str) -> set[str]:
        names = getattr(self, setting).split()
        if setting in ("attention", "mlp"):
            return {self.block.format(n) + name for n in range(LAYERS) for name in names}
        return set(names)


LLAMA = Weights(
    "model.layers.{}.",
    "self_attn.q_proj.weight self_attn.k_proj.weight self_attn.v_proj.weight self_attn.o_proj.weight",
    "mlp.gate_proj.weight mlp.up_proj.weight mlp.down_proj.weight",
    "model.embed_tokens.weight",
    "model.embed_tokens.weight model.norm.weight",
)
GPT2 = Weights(
    "transformer.h.{}.",
    "attn.c_attn.weight attn.c_attn.bias attn.c_proj.weight attn.c_proj.bias",
    "mlp.c_fc.weight mlp.c_fc.bias mlp.c_proj.weight mlp.c_proj.bias",
    "transformer.wte.weight transformer.wpe.weight",
    "transformer.wte.weight transformer.ln_f.weight transformer.ln_f.bias",
)
BERT = Weights(
    "bert.encoder.layer.{}.",
    "attention.self.query.weight attention.self.query.bias attention.self.key.weight "
    "attention.self.key.bias attention.self.value.weight attention.self.value.bias "
    "attention.output.dense.weight attention.output.dense.bias",
    "intermediate.dense.weight intermediate.dense.bias output.dense.weight output.dense.bias",
    "bert.embeddings.word_embeddings.weight bert.embeddings.position_embeddings.weight "
    "bert.embeddings.token_type_embeddings.weight bert.embeddings.LayerNorm.weight "
    "bert.embeddings.LayerNorm.bias",
    "bert.embeddings.word_embeddings.weight cls.predictions.bias "
    "cls.predictions.transform.dense.weight cls.predictions.transform.dense.bias "
    "cls.predictions.transform.LayerNorm.weight cls.predictions.transform.LayerNorm.bias",
    frozenset({"cls.predictions.transform.dense"}),
)
WEIGHTS = {
    "llama-3.2": LLAMA,
    "smollm2": LLAMA,
    "llama-2": replace(LLAMA, head="lm_head.weight model.norm.weight"),
    "gpt2": GPT2,
    "gemma-2": LLAMA,
    "bert-uncased": BERT,
    "bert-cased": BERT,
    "roberta": replace(
        BERT,
        block="roberta.encoder.layer.{}.",
        embeddings=BERT.embeddings.replace("bert.", "roberta."),
        head="roberta.embeddings.word_embeddings.weight lm_head.bias lm_head.dense.weight "
        "lm_head.dense.bias lm_head.layer_norm.weight lm_head.layer_norm.bias",
        linear_in_head=frozenset({"lm_head.dense"}),
    ),
}


@pytest.mark.parametrize("setting", ["embeddings", "head", "attention", "mlp", "first_blocks"])
def test_a_setting_freezes_its_weights_of_this_architecture(setting, lm, named):
    every = dict(lm.module.named_parameters())
    before = state(lm.module)
    with Freeze.model_validate({setting: 1 if setting == "first_blocks" else True}).training(lm, 0):
        frozen = {name for name, weight in every.items() if not weight.requires_grad}
        if setting == "first_blocks":
            first = WEIGHTS[named].block.format(0)
            assert frozen == {name for name in every if name.startswith(first)} != set()
        else:
            assert frozen == WEIGHTS[named].frozen(setting)
        at_first = {name: weight.detach().clone() for name, weight in every.items()}
        gradient_step(lm, -text_predictions(lm).token_log_prob_N.mean())
        moved = {name for name, weight in every.items() if not torch.equal(weight, at_first[name])}
        assert moved
        assert moved.isdisjoint(frozen)
    assert all(weight.requires_grad for weight in every.values())
    lm.reset("fp32")
    assert unchanged(lm.module, before)


def test_adapted_are_all_linear_layers_but_the_vocabulary_head(lm, named):
    of_blocks = WEIGHTS[named].frozen("attention") | WEIGHTS[named].frozen("mlp")
    expected = {name.removesuffix(".weight") for name in of_blocks if name.endswith(".weight")}
    expected |= WEIGHTS[named].linear_in_head
    assert set(lm.architecture.structure.linear) == expected
    with Lora(rank=2).training(lm, seed=0):
        adapted = {n for n, part in lm.module.named_modules() if hasattr(part, "lora_A")}
    assert adapted == expected


@pytest.mark.parametrize("law", laws("parameters"), ids=lambda law: law.__name__)
def test_adapters_keep_to_the_laws_of_parameters(law, lm):
    law(Lora(rank=2), lm)


def test_every_linear_layer_is_mixed(lm):
    expected = text_predictions(lm).token_log_prob_N
    linear = {*lm.architecture.structure.linear}
    with Mixout(p=0.5).training(lm):
        mixed = {name for name, part in lm.module.named_modules() if "forward" in vars(part)}
        assert linear <= mixed
        lm.module.train()
        at_base = text_predictions(lm).token_log_prob_N
        assert_close(at_base, expected, atol=1e-4, rtol=1e-4)
        perturb(lm, 0.05)
        assert not torch.equal(
            text_predictions(lm).token_log_prob_N, text_predictions(lm).token_log_prob_N
        )
        gradient_step(lm, -text_predictions(lm).token_log_prob_N.mean())
    lm.module.eval()
    lm.reset("fp32")
    assert torch.equal(text_predictions(lm).token_log_prob_N, expected)


@pytest.mark.parametrize("objective", [Equalising(), Orthogonal()], ids=lambda o: o.name)
@pytest.mark.parametrize(
    "law",
    [
        objective_laws.gives_a_finite_scalar_with_a_gradient_if_it_has_a_loss,
        objective_laws.does_not_depend_on_order_or_padding,
    ],
    ids=lambda law: law.__name__,
)
def test_objectives_that_look_into_a_model_keep_to_their_laws(law, objective, lm):
    law(objective, lm)


@pytest.mark.parametrize(("hidden", "attention"), [(0.5, 0.0), (0.0, 0.5)])
def test_each_kind_of_dropout_acts_on_this_architecture_in_training(hidden, attention, lm):
    lm.module.train()
    before = text_predictions(lm).token_log_prob_N
    with Dropout(hidden=hidden, attention=attention).training(lm):
        first, second = (text_predictions(lm).token_log_prob_N for _ in range(2))
        assert not torch.equal(first, second)
        gradient_step(lm, -first.mean())
    lm.module.eval()
    lm.reset("fp32")
    assert torch.equal(text_predictions(lm).token_log_prob_N, before)


# (h) Saved as transformers reads it


@pytest.mark.parametrize("adapted", [False, True])
def test_a_saved_model_predicts_the_same_through_transformers_alone(adapted, lm, kind, tmp_path):
    auto = {"causal": AutoModelForCausalLM, "masked": AutoModelForMaskedLM}[kind.family]
    (ids,) = lm.tokenizer.encode(TEXTS[:1])
    read = torch.tensor([[lm.tokenizer.start_ids[0], *ids]], device=lm.device)
    every = Lora(rank=2).training(lm, seed=0) if adapted else Freeze(first_blocks=1).training(lm, 0)
    with every:
        for _ in range(2):
            gradient_step(lm, -text_predictions(lm).token_log_prob_N.mean(), length=0.3)
        with fused_weights(lm, 0.5 if adapted else 1.0), torch.no_grad():
            expected = lm.module(input_ids=read).logits
            lm.save(tmp_path)
    saved, loading = auto.from_pretrained(tmp_path, output_loading_info=True)
    saved.to(lm.device)
    assert not any(loading[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        assert_close(saved.eval()(input_ids=read).logits, expected, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(lm.base(input_ids=read).logits, expected, atol=1e-3)
    tied = saved.get_input_embeddings().weight is saved.get_output_embeddings().weight
    assert tied == saved.config.tie_word_embeddings
    again = LanguageModel(tmp_path, kind.family)
    assert again.tokenizer.encode(TEXTS) == lm.tokenizer.encode(TEXTS)
    assert (again.tokenizer.start_ids[0], again.tokenizer.adds_start) == (
        lm.tokenizer.start_ids[0],
        lm.tokenizer.adds_start,
    )


def test_a_bert_as_it_was_first_published_is_read(lms, tmp_path):
    """Its file has gamma and beta, a pooler, a next-sentence head, and no copy of the tied matrix."""
    lm = lms["bert-uncased"]
    lm.reset("fp32")
    lm.save(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights.pop("cls.predictions.decoder.weight", None)
    weights.pop("cls.predictions.decoder.bias", None)
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): weight
        for name, weight in weights.items()
    }
    old |= {
        "cls.seq_relationship.weight": torch.ones(2, 32),
        "bert.pooler.dense.bias": torch.ones(32),
    }
    save_file(old, tmp_path / "model.safetensors", metadata={"format": "pt"})
    again = LanguageModel(tmp_path, "masked")
    assert unchanged(again.module, state(lm.module))


def test_a_gpt2_as_it_was_first_published_is_read(lms, tmp_path):
    """Its file has the body alone, with the masks of attention as buffers."""
    lm = lms["gpt2"]
    lm.reset("fp32")
    lm.save(tmp_path)
    old = {
        name.removeprefix("transformer."): weight
        for name, weight in load_file(tmp_path / "model.safetensors").items()
    }
    old["h.0.attn.bias"] = torch.ones(1, 1, 64, 64)
    save_file(old, tmp_path / "model.safetensors", metadata={"format": "pt"})
    again = LanguageModel(tmp_path, "causal")
    assert unchanged(again.module, state(lm.module))


def test_rope_scaling_is_read_as_llama_3_2_writes_it(lms, tmp_path):
    lm = lms["llama-3.2"]
    lm.reset("fp32")
    lm.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    scaling = config.pop("rope_parameters")
    written = config | {"rope_theta": scaling.pop("rope_theta"), "rope_scaling": scaling}
    (tmp_path / "config.json").write_text(json.dumps(written))
    again = LanguageModel(tmp_path, "causal")
    texts = lm.batch([sentence_query(lm.tokenizer, ordinary(lm, 60))])
    assert torch.equal(again.logits(texts), lm.logits(texts))
    (tmp_path / "config.json").write_text(json.dumps(written | {"rope_scaling": None}))
    plain = LanguageModel(tmp_path, "causal")
    assert not torch.allclose(plain.logits(texts), lm.logits(texts), atol=1e-2)


# (i) A whole trial


def trial(lm, **changes):
    tree = {
        "model": {"path": str(lm.path), "family": lm.family},
        "alignment": {"data": "miniature", "size": 24},
        "replay": {"data": "miniature", "ratio": 0.25},
        "train": {"lr": 1e-3, "steps": 3, "batch_size": 4},
        "allow_overlap": True,  # of the small benchmarks
        "evaluators": [
            {"name": "stereoset", "data": "miniature", "limit": 6},
            {"name": "crows_pairs", "limit": 6},
            {"name": "perplexity", "data": "miniature", "limit": 4},
            {"name": "multiple_choice", "task": "miniature_facts", "limit": 4},
            {"name": "winobias", "limit": 6},
            {"name": "probe", "data": "miniature", "train": 8, "test": 8},
            {"name": "kl", "data": "miniature", "limit": 4},
            "weights",
        ],
    }
    return TrialConfig.model_validate(tree | changes)


@pytest.mark.parametrize("objective", ["dpo", "cda"])
def test_a_trial_measures_numbers_before_and_after(objective, lm):
    config = trial(lm, objective={"name": objective})
    first, last = (report.metrics for report in run_trial(config))
    assert all(map(math.isfinite, [*first.values(), *last.values()]))
    assert sorted(last) == sorted(metric.name for metric in config.metrics())
    assert first["forgetting/general/nll_rise"] == 0 != last["forgetting/general/nll_rise"]


@pytest.mark.parametrize("named", ["llama-3.2", "roberta"])
def test_a_trial_that_is_resumed_ends_as_one_that_was_not(named, lm, tmp_path):
    config = trial(
        lm,
        train={"lr": 1e-3, "steps": 3, "batch_size": 4, "report_every": 1},
        evaluators=[{"name": "stereoset", "data": "miniature", "limit": 6}, "weights"],
    )
    reports = run_trial(config)
    next(reports)
    next(reports).save_state(tmp_path)
    expected = [(report.step, report.metrics) for report in reports]
    actual = run_trial(config, resume_from=tmp_path)
    assert [(report.step, report.metrics) for report in actual] == expected
