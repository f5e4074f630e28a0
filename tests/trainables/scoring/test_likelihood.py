"""Log-likelihoods against a loop that is slow and plainly right."""

import json
import random
import shutil

import pytest
import torch
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    MistralConfig,
    MistralForCausalLM,
)

from trainables.data.queries import Query, masked_query
from trainables.models import miniature
from trainables.models.joint_forward import predict_jointly
from trainables.models.language_model import LanguageModel
from trainables.scoring.likelihood import (
    READS_TREES,
    greedy_log_probs,
    log_probs,
    queries_of,
    reads_trees,
    start_first_queries,
)

SENTENCES = [
    "the nurse said that she was tired",
    "anna found the red lamp at the market today",
    "the wolf eats deer",
    "when the plumber came home he was happy",
    "the",
]


def scores(model, sentences):
    return log_probs(
        model, [queries_of(model.tokenizer, ids) for ids in model.tokenizer.encode(sentences)]
    )


def without_trees(folder):
    """Return the causal model of a folder, which scores each query in a row of its own."""
    model = LanguageModel(folder, "causal")
    model.memo(READS_TREES, None, lambda: False)
    return model


def flat(groups):
    return [value for group in groups for value in group]


def test_each_token_has_the_log_probability_of_the_slow_loop(model, oracle):
    expected = [oracle(model).log_probs(ids) for ids in model.tokenizer.encode(SENTENCES)]
    actual = scores(model, SENTENCES)
    assert [len(group) for group in actual] == [len(group) for group in expected]
    assert flat(actual) == pytest.approx(flat(expected), abs=1e-4)


def test_pieces_of_words_have_the_log_probability_of_the_slow_loop(pieces_bert, oracle):
    sentences = ["the nurse said that zorro was quick.", "it's odd, that"]
    expected = [
        oracle(pieces_bert).log_probs(ids) for ids in pieces_bert.tokenizer.encode(sentences)
    ]
    assert flat(scores(pieces_bert, sentences)) == pytest.approx(flat(expected), abs=1e-4)


def test_a_prefix_is_read_and_not_scored(model, oracle):
    prefix, ids = model.tokenizer.encode(["the capital of", "the wolf eats deer"])
    (actual,) = log_probs(model, [queries_of(model.tokenizer, ids, prefix)])
    assert actual == pytest.approx(oracle(model).log_probs(ids, prefix), abs=1e-4)
    assert len(actual) == len(ids)


def test_the_start_read_by_the_first_token_alone_is_that_of_the_slow_loop(llama, oracle):
    rows = llama.tokenizer.encode(SENTENCES)
    actual = log_probs(llama, [start_first_queries(llama.tokenizer, ids) for ids in rows])
    for ids, values in zip(rows, actual, strict=True):
        assert values == pytest.approx(oracle(llama).log_probs_start_first(ids), abs=1e-4)


def test_the_start_token_alone_is_read_once_for_all_texts(llama):
    (ids,) = llama.tokenizer.encode(SENTENCES[:1])
    groups = [start_first_queries(llama.tokenizer, ids)] * 3
    assert shapes_read(llama, lambda: log_probs(llama, groups)) == [(1, 1 + len(ids) - 1)]


def test_an_empty_or_too_long_text_is_refused_whichever_tokens_read_the_start(llama):
    with pytest.raises(ValueError, match="at least one token"):
        start_first_queries(llama.tokenizer, [])
    with pytest.raises(ValueError, match="positions"):
        start_first_queries(llama.tokenizer, [5] * (llama.tokenizer.max_tokens + 1))


def test_tokens_masked_together_do_not_see_each_other(bert, oracle):
    (ids,) = bert.tokenizer.encode([SENTENCES[0]])
    ((first, second),) = log_probs(bert, [[masked_query(bert.tokenizer, ids, [1, 4])]])
    assert first == pytest.approx(oracle(bert).at_mask(ids, 1, [4]), abs=1e-4)
    assert second == pytest.approx(oracle(bert).at_mask(ids, 4, [1]), abs=1e-4)
    assert first != pytest.approx(oracle(bert).at_mask(ids, 1), abs=1e-4)


def test_the_order_of_sentences_changes_nothing(model):
    order = random.Random(0).sample(range(len(SENTENCES)), len(SENTENCES))
    shuffled = scores(model, [SENTENCES[n] for n in order])
    expected = scores(model, SENTENCES)
    for n, actual in zip(order, shuffled, strict=True):
        assert actual == pytest.approx(expected[n], abs=1e-5)


def test_a_sentence_alone_scores_as_among_others(model):
    together = scores(model, SENTENCES)
    for sentence, expected in zip(SENTENCES, together, strict=True):
        (alone,) = scores(model, [sentence])
        assert alone == pytest.approx(expected, abs=1e-5)


def shapes_read(model, read):
    """Return (rows, tokens) of every forward that a model makes while `read()` runs."""
    shapes = []
    hook = model.module.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)),
        with_kwargs=True,
    )
    read()
    hook.remove()
    return shapes


# Trees: what queries have in common at their start is read once.

ALTERNATIVES = [
    "the nurse said that she was tired",
    "the nurse said that he was tired",
    "the nurse said that he was happy today",
    "the nurse said",
    "the wolf eats deer",
    "the nurse said that he was tired",
]


def test_alternatives_score_in_one_tree_as_each_alone(llama, oracle):
    ids = llama.tokenizer.encode(ALTERNATIVES)
    actual = scores(llama, ALTERNATIVES)
    for sentence_ids, values in zip(ids, actual, strict=True):
        assert values == pytest.approx(oracle(llama).log_probs(sentence_ids), abs=1e-4)


def test_a_common_start_is_read_once(llama):
    scores(llama, SENTENCES[:1])
    pair = ALTERNATIVES[:2]
    ((rows, tokens),) = shapes_read(llama, lambda: scores(llama, pair))
    # <s> the nurse said that + (she was) + (he was): the last word is asked for and not read.
    assert (rows, tokens) == (1, 5 + 2 + 2)
    ((rows, tokens),) = shapes_read(llama, lambda: scores(llama, [pair[0]] * 3))
    assert (rows, tokens) == (1, 7)


def test_two_questions_at_one_place_have_two_answers(llama, oracle):
    prefix, first, second = llama.tokenizer.encode(["the wolf eats", "deer", "grass"])
    queries = [queries_of(llama.tokenizer, ids, prefix) for ids in (first, second)]
    ((deer,), (grass,)) = log_probs(llama, queries)
    assert deer == pytest.approx(oracle(llama).log_probs(first, prefix)[0], abs=1e-4)
    assert grass == pytest.approx(oracle(llama).log_probs(second, prefix)[0], abs=1e-4)
    assert deer > grass


def test_random_forests_score_as_lines(llama):
    rng = random.Random(0)
    words = rng.sample(
        range(10, llama.tokenizer.vocab_size), 3
    )  # so few that many starts are common
    queries = [
        queries_of(llama.tokenizer, rng.choices(words, k=rng.randint(1, 12))) for _ in range(60)
    ]
    assert reads_trees(llama)
    expected = log_probs(without_trees(llama.path), queries)
    assert flat(log_probs(llama, queries)) == pytest.approx(flat(expected), abs=1e-4)


def test_a_model_that_ignores_the_mask_of_a_tree_reads_line_by_line(llama, oracle):
    """As one with ALiBi or a recurrent state, which sees every token before."""
    model = LanguageModel(llama.path, "causal")

    def see_all_before(module, args, kwargs):
        if kwargs["attention_mask"].ndim == 4:
            kwargs["attention_mask"] = torch.ones_like(kwargs["attention_mask"]).tril()
        return args, kwargs

    model.base.register_forward_pre_hook(see_all_before, with_kwargs=True)
    actual = scores(model, ALTERNATIVES[:2])
    assert not reads_trees(model)
    expected = [oracle(llama).log_probs(ids) for ids in llama.tokenizer.encode(ALTERNATIVES[:2])]
    assert flat(actual) == pytest.approx(flat(expected), abs=1e-4)


@pytest.mark.parametrize("spoiled", ["diverged", "bf16"])
def test_neither_training_nor_precision_decides_how_a_model_is_read(spoiled, llama):
    model = LanguageModel(llama.path, "causal")
    model.reset("bf16" if spoiled == "bf16" else "fp32")
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.mul_(float("nan") if spoiled == "diverged" else 1)
    actual = flat(scores(model, ALTERNATIVES))
    assert all((value != value) == (spoiled == "diverged") for value in actual)
    assert reads_trees(model)


@pytest.mark.parametrize("kind", ["mistral", "gemma3"])
def test_tokens_beyond_the_window_of_a_layer_are_not_seen_in_trees_either(kind, tmp_path):
    """Long queries are read line by line, under the model's own mask; short ones in trees."""
    sizes = {
        "vocab_size": 246, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16, "sliding_window": 32,
        "max_position_embeddings": 128,
    }  # fmt: skip
    torch.manual_seed(0)
    made, config = {
        "mistral": (MistralForCausalLM, MistralConfig),
        "gemma3": (Gemma3ForCausalLM, Gemma3TextConfig),
    }[kind]
    more = {"layer_types": ["sliding_attention", "full_attention"]} if kind == "gemma3" else {}
    module = made(config(**sizes, **more))
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.2 * torch.randn(weight.shape))  # so that what is seen matters
    folder = tmp_path / kind
    shutil.copytree(miniature.folder("miniature-llama"), folder)
    (folder / "model.safetensors").unlink()
    module.save_pretrained(folder)
    model = LanguageModel(folder, "causal")
    rng = random.Random(0)
    prefix = rng.choices(range(10, 246), k=60)
    queries = [
        queries_of(model.tokenizer, rng.choices(range(10, 246), k=3), prefix) for _ in range(4)
    ]
    queries += [
        queries_of(model.tokenizer, rng.choices(range(10, 246), k=3), prefix[:8]) for _ in range(4)
    ]
    actual = log_probs(model, queries)
    assert reads_trees(model)
    expected = log_probs(without_trees(folder), queries)
    assert flat(actual) == pytest.approx(flat(expected), abs=1e-4)


@pytest.mark.parametrize("num_positions", [3, 8, 20])
def test_a_model_of_few_positions_scores_texts_that_fit(num_positions, llama, tmp_path):
    folder = tmp_path / "short"
    shutil.copytree(llama.path, folder)
    config = json.loads((folder / "config.json").read_text())
    config["max_position_embeddings"] = num_positions
    (folder / "config.json").write_text(json.dumps(config))
    model = LanguageModel(folder, "causal")
    queries = [queries_of(model.tokenizer, ids) for ids in ([12, 13], [12, 14])]
    assert reads_trees(model)
    assert flat(log_probs(model, queries)) == pytest.approx(
        flat(log_probs(llama, queries)), abs=1e-5
    )


def test_a_prefix_begins_as_the_tokenizer_has_it(llama, monkeypatch):
    """Llama 3 puts its start token before every text, SmolLM2 before none; without a prefix the
    start token is what the first token is predicted from, and stands there once."""
    (ids,), start = llama.tokenizer.encode(["the wolf eats deer"]), llama.tokenizer.start_ids[0]
    for adds, before in ((True, [start]), (False, [])):
        monkeypatch.setattr(llama.tokenizer, "adds_start", adds)
        (with_prefix,), (alone,) = (
            queries_of(llama.tokenizer, ids[2:], ids[:2]),
            queries_of(llama.tokenizer, ids),
        )
        assert list(with_prefix.ids) == [*before, *ids[:-1]]
        assert list(alone.ids) == [start, *ids[:-1]]
        assert list(with_prefix.targets.values()) == ids[2:]


def test_scoring_twice_gives_the_very_same(model):
    assert scores(model, SENTENCES) == scores(model, SENTENCES)


def test_groups_without_questions_stay_empty(model):
    (ids,) = model.tokenizer.encode(["the wolf eats deer"])
    queries = queries_of(model.tokenizer, ids)
    actual = log_probs(model, [[], queries, [], queries, []])
    assert [len(group) for group in actual] == [0, len(ids), 0, len(ids), 0]
    assert log_probs(model, []) == []


def test_a_query_that_asks_for_nothing_is_not_read(model):
    (ids,) = model.tokenizer.encode(["the wolf eats deer"])
    queries = queries_of(model.tokenizer, ids)
    alone = log_probs(model, [queries])
    assert log_probs(model, [[Query([model.tokenizer.start_ids[0]], {})], queries]) == [[], *alone]
    assert log_probs(model, [[Query([model.tokenizer.start_ids[0]], {})]]) == [[]]


def test_a_text_without_a_token_to_score_is_one_clear_sentence(model):
    with pytest.raises(ValueError, match="must have at least one token, but got none"):
        queries_of(model.tokenizer, [])


def test_of_a_prefix_too_long_for_the_model_the_end_is_read(model, oracle):
    ids, prefix = model.tokenizer.encode(
        ["the wolf eats deer", "the nurse left when she felt sad " * 20]
    )
    assert len(prefix) > model.tokenizer.max_tokens == 64
    (actual,) = log_probs(model, [queries_of(model.tokenizer, ids, prefix)])
    if model.family == "causal":
        read = [*prefix, *ids][-(model.tokenizer.max_tokens + 1) :]
        expected = [
            float(oracle(model).predicted(read[:t], -1)[read[t]])
            for t in range(len(read) - len(ids), len(read))
        ]
    else:
        read = prefix[len(prefix) + len(ids) + 2 - model.tokenizer.max_tokens :]
        expected = oracle(model).log_probs(ids, read)
    assert actual == pytest.approx(expected, abs=1e-4)


def test_a_text_too_long_for_the_model_is_one_clear_sentence(model):
    (ids,) = model.tokenizer.encode(["the wolf eats deer " * 20])
    with pytest.raises(ValueError, match=r"must fit into the 64 positions of .*, but has 8"):
        queries_of(model.tokenizer, ids)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_while_scoring_and_then_as_it_was(training, edited):
    dropout = {"hidden_dropout_prob": 0.5, "attention_probs_dropout_prob": 0.5}
    model = LanguageModel(edited("miniature-bert", config=dropout), "masked")
    model.module.train(training)
    assert scores(model, SENTENCES) == scores(model, SENTENCES)
    assert model.module.training == training


def test_scoring_leaves_no_gradient_and_no_graph(model):
    scores(model, SENTENCES)
    assert all(weight.grad is None for weight in model.module.parameters())
    assert torch.is_grad_enabled()


def test_the_likelihood_with_gradient_is_the_one_without(model):
    ids = model.tokenizer.encode(SENTENCES)
    if model.family == "causal":
        queries = [queries_of(model.tokenizer, sentence)[0] for sentence in ids]
    else:
        queries = [
            masked_query(model.tokenizer, sentence, range(0, len(sentence), 2)) for sentence in ids
        ]
    expected = log_probs(model, [[query] for query in queries])
    texts = predict_jointly(model, {"texts": queries})["texts"]
    per_sentence, per_token = texts.log_likelihood("sentence"), texts.log_likelihood("token")
    assert per_sentence.requires_grad
    assert per_sentence.tolist() == pytest.approx([sum(group) for group in expected], abs=1e-4)
    assert per_token.tolist() == pytest.approx(
        [sum(group) / len(group) for group in expected], abs=1e-5
    )


def test_a_token_is_greedy_where_no_other_is_likelier(model, oracle):
    queries = [
        query
        for text in SENTENCES
        for query in queries_of(model.tokenizer, *model.tokenizer.encode([text]))
    ]
    scores = greedy_log_probs(model, queries)
    assert [[value for value, _ in tokens] for tokens in scores] == log_probs(
        model, [[q] for q in queries]
    )
    for query, tokens in zip(queries, scores, strict=True):
        for (place, token), (_, is_greedy) in zip(query.targets.items(), tokens, strict=True):
            predicted = oracle(model).predicted(list(query.ids), place)
            assert is_greedy == (int(predicted.argmax()) == token)
    assert {is_greedy for tokens in scores for _, is_greedy in tokens} == {True, False}


def test_of_equally_likely_tokens_the_first_is_greedy(llama):
    with torch.no_grad():
        for weight in llama.module.parameters():
            weight.zero_()
    first, other = (Query([5, 6], {1: token}) for token in (0, 1))
    assert [
        [greedy for _, greedy in tokens] for tokens in greedy_log_probs(llama, [first, other])
    ] == [
        [True],
        [False],
    ]
