"""Predictions for all terms of a loss from one forward."""

import copy
import math

import pytest
import torch

from tests.conformance import LONGER, PAIRS, TEXTS, perturb, queries, text_predictions
from trainables.data.comparisons import compare
from trainables.data.queries import Query
from trainables.models.joint_forward import Forward, cheapest_batches, predict_jointly
from trainables.models.language_model import LanguageModel


def test_token_log_probs_are_those_of_transformers_one_text_at_a_time(model):
    perturb(model, 0.02)
    actual = text_predictions(model).token_log_prob_N.tolist()
    expected = []
    for query in queries(model):
        row = torch.tensor([query.ids], device=model.device)
        table = model.module(row).logits[0].double().log_softmax(-1)
        expected += [table[t, token].item() for t, token in query.targets.items()]
    assert actual == pytest.approx(expected, abs=1e-4)


def test_the_whole_distribution_holds_the_token_and_sums_to_one(model):
    texts = text_predictions(model)
    sums_N = texts.log_prob_NV.exp().sum(-1)
    assert torch.allclose(sums_N, torch.ones_like(sums_N))
    chosen = texts.log_prob_NV.gather(1, texts.targets_N[:, None])[:, 0]
    assert torch.allclose(chosen, texts.token_log_prob_N, atol=1e-6)


def test_likelihoods_worked_out_by_hand(llama):
    """All weights zero: every token has the probability 1 / V."""
    model = LanguageModel(llama.path, "causal")
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.zero_()
    groups = {"texts": [Query([5, 6], {0: 6, 1: 7}), Query([8], {0: 9}), Query([8, 4], {})]}
    texts = predict_jointly(model, groups)["texts"]
    log_p = -math.log(model.tokenizer.vocab_size)
    assert texts.log_likelihood("sentence").tolist() == pytest.approx([2 * log_p, log_p, 0])
    assert texts.log_likelihood("token").tolist() == pytest.approx([log_p, log_p, 0])


def test_a_row_of_several_queries_is_read_once(llama):
    (ids, second) = llama.tokenizer.encode(list(PAIRS[0]))
    whole = compare(llama.tokenizer, ids, second, "sentences", "")
    some = compare(llama.tokenizer, ids, second, "differing", "")
    forward = Forward(llama, [*whole, *some, whole[0]], hidden=False)
    assert len(forward.row_of) == len(forward.lengths_R) == 2
    assert len(forward.place_of) == len(forward.logits_MV) == 2 * len(ids)


def test_each_group_has_the_predictions_that_it_would_have_alone(model):
    perturb(model, 0.02)
    ids, second = model.tokenizer.encode(list(PAIRS[1]))
    groups = {
        "texts": queries(model),
        "pairs": [*compare(model.tokenizer, ids, second, "sentences", "")],
        "shared": [*compare(model.tokenizer, ids, second, "shared", "")],
        "longer": queries(model, [LONGER]),
        "none": [],
    }
    together = predict_jointly(model, groups)
    for name, group in groups.items():
        if not group:
            assert together[name].num_rows == 0
            continue
        alone = predict_jointly(model, {"alone": group})["alone"]
        for values in ("token_log_prob_N", "log_prob_NV", "base_log_prob_NV"):
            joint, apart = getattr(together[name], values), getattr(alone, values)
            assert torch.allclose(joint, apart, atol=1e-4), (name, values)
        assert torch.equal(together[name].rows_N, alone.rows_N)


def test_the_gradient_of_all_that_is_read_reaches_the_weights(model):
    texts = text_predictions(model)
    (texts.log_likelihood("token").sum() + texts.log_prob_NV.sum()).backward()
    touched = [w for w in model.module.parameters() if w.grad is not None and w.grad.any()]
    assert len(touched) > 10
    assert not texts.base_log_prob_NV.requires_grad


@pytest.mark.parametrize("recurs", [True, False])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_at_the_start_the_base_says_the_same(dtype, recurs, model):
    model.reset(dtype)
    texts = text_predictions(model, recurs=recurs)
    near = {"fp32": 1e-5, "bf16": 0.05}[dtype]
    assert torch.allclose(texts.base_log_prob_NV, texts.log_prob_NV, atol=near)
    first, second = texts.base_log_likelihood("token"), texts.log_likelihood("token")
    assert torch.allclose(first, second, atol=near)


def test_padding_may_be_any_token_since_it_is_never_read(model):
    expected = text_predictions(model, [*TEXTS, LONGER]).token_log_prob_N
    pad_id, model.tokenizer.pad_id = model.tokenizer.pad_id, 17
    try:
        actual = text_predictions(model, [*TEXTS, LONGER]).token_log_prob_N
    finally:
        model.tokenizer.pad_id = pad_id
    assert torch.allclose(actual, expected, atol=1e-6)


def test_the_positions_of_text_leave_out_start_and_end_tokens(model):
    texts = text_predictions(model)
    # Of a sentence a causal model does not read the last token, which it only predicts.
    unread = 1 if model.family == "causal" else 0
    lengths = [len(ids) - unread for ids in model.tokenizer.encode(TEXTS)]
    assert texts.is_text_BT.sum(1).tolist() == lengths
    assert texts.is_text_BT[:, 1].all()
    assert not texts.is_text_BT[:, 0].any()


def test_hidden_states_are_those_of_transformers(model):
    base = copy.deepcopy(model.module)
    perturb(model, 0.02)
    group = [*compare(model.tokenizer, *model.tokenizer.encode(list(PAIRS[0])), "as_written", "")]
    actual = predict_jointly(
        model, {"pair": group, "longer": queries(model, [LONGER])}, hidden=True
    )["pair"]
    for b, query in enumerate(group):
        for states, module in (
            (actual.states_LBTD, model.module),
            (actual.base_states_LBTD, base),
        ):
            row = torch.tensor([query.ids], device=model.device)
            layers = module(row, output_hidden_states=True).hidden_states
            assert len(layers) == len(states) == 3
            for layer, expected in zip(states, layers, strict=True):
                assert torch.allclose(layer[b, : len(query.ids)], expected[0], atol=1e-4)
        marked = actual.is_target_BT[b].nonzero()[:, 0].tolist()
        assert marked == list(query.targets)


@pytest.mark.parametrize(
    ("lengths", "forward_cost", "batches"),
    [
        ([3, 3, 9, 9], 10**6, [range(4)]),
        ([3, 3, 9, 9], 0, [range(2), range(2, 4)]),
        # apart: 6 + 18 + 2 · 11 = 46; together: 36 + 11 = 47; with 13 it is the other way round
        ([3, 3, 9, 9], 11, [range(2), range(2, 4)]),
        ([3, 3, 9, 9], 13, [range(4)]),
        ([5], 7, [range(1)]),
        ([], 7, []),
    ],
)
def test_rows_are_cut_where_it_costs_least_as_worked_out_by_hand(lengths, forward_cost, batches):
    assert cheapest_batches(lengths, forward_cost) == batches
