"""NLL of held-out text, against a slow loop."""

import math
import random

import numpy as np
import pytest
import torch

from tests.conformance import perturb
from trainables.data import tables
from trainables.data.sets import miniature
from trainables.data.splits import is_held_out
from trainables.evaluators import Perplexity
from trainables.metrics import estimate
from trainables.scoring.general_text import draw_texts

NLL, RISE, RATIO, PERPLEXITY = (
    f"forgetting/general/{name}" for name in ("nll", "nll_rise", "ratio_rise", "perplexity")
)


def evaluator(**settings):
    return Perplexity.model_validate({"data": "miniature", "limit": 5} | settings)


def measure(model, base, **settings):
    return estimate.values(evaluator(**settings).measure(model, base))


def slow_nll(model, oracle, limit=5, max_tokens=128):
    texts = [text for text in miniature.general_texts() if is_held_out(text)]
    distinct = list(dict.fromkeys(tuple(ids[:max_tokens]) for ids in model.tokenizer.encode(texts)))
    drawn = random.Random("held out").sample(range(len(distinct)), limit)
    log_p = []
    for ids in (list(distinct[n]) for n in drawn):
        if model.family == "causal":
            log_p += oracle(model).log_probs(ids)
        else:
            for t in range(len(ids)):
                together = [other for other in range(len(ids)) if other % 7 == t % 7]
                log_p.append(oracle(model).at_mask(ids, t, together))
    return -sum(log_p) / len(log_p)


@pytest.mark.parametrize("max_tokens", [128, 3])
def test_the_nll_is_that_of_the_slow_loop(max_tokens, model, oracle):
    values = measure(model, {}, max_tokens=max_tokens)
    assert values[NLL] == pytest.approx(slow_nll(model, oracle, max_tokens=max_tokens), rel=1e-4)


def test_long_texts_are_masked_every_seventh_token_together(pieces_bert, oracle):
    expected = slow_nll(pieces_bert, oracle, limit=2)
    assert measure(pieces_bert, {}, limit=2)[NLL] == pytest.approx(expected, rel=1e-4)
    assert min(map(len, pieces_bert.tokenizer.encode(miniature.general_texts()[:5]))) > 14


def test_tokens_and_not_texts_have_equal_weight(llama, oracle, tmp_path, own_cache):
    texts = miniature.general_texts()[:200]
    texts = [" ".join(text.split()[: 2 + n % 6]) for n, text in enumerate(texts)]
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    table = tables.texts(str(tmp_path / "texts.txt"), "held_out", llama.tokenizer)
    distinct = dict.fromkeys(map(tuple, table["ids"]))
    log_p = [value for ids in distinct for value in oracle(llama).log_probs(list(ids))]
    assert len({len(ids) for ids in table["ids"]}) > 1
    values = measure(llama, {}, data=str(tmp_path / "texts.txt"), limit=200)
    assert values[NLL] == pytest.approx(-sum(log_p) / len(log_p), rel=1e-4)


def test_the_rise_is_the_difference_from_the_base(model):
    base = evaluator().measure(model, {})
    assert (base[RISE].value, base[RISE].se, base[RATIO].value) == (0, None, 0)
    perturb(model, 0.05)
    moved = evaluator().measure(model, base)
    assert moved[RISE].value == pytest.approx(moved[NLL].value - base[NLL].value)
    assert moved[RISE].value > 0
    assert moved[RATIO].value == pytest.approx(moved[PERPLEXITY].value / base[PERPLEXITY].value - 1)
    model.reset("fp32")
    assert measure(model, moved)[RISE] == pytest.approx(-moved[RISE].value)


def test_the_rise_is_paired_text_by_text(model):
    """Its standard error is that of the differences."""
    base = evaluator(limit=20).measure(model, {})
    perturb(model, 0.01)
    moved = evaluator(limit=20).measure(model, base)
    pairs = zip(moved[NLL].outcomes_I, base[NLL].outcomes_I, strict=True)
    assert list(moved[RISE].outcomes_I) == pytest.approx([now - before for now, before in pairs])
    table = tables.texts("miniature", "held_out", model.tokenizer)
    texts = draw_texts(zip(table["ids"], table["source"], strict=True), 20, 128)
    weights = np.array([len(ids) for ids in texts])
    influences = weights * (moved[RISE].outcomes_I - moved[RISE].value) / weights.sum()
    assert moved[RISE].se == pytest.approx(math.sqrt(20 / 19 * sum(influences**2)))


def test_the_perplexity_is_the_exponential_of_the_nll(model):
    values = measure(model, {})
    assert values[PERPLEXITY] == pytest.approx(math.exp(values[NLL]))


def test_a_perplexity_beyond_all_floats_is_infinite(llama):
    with torch.no_grad():
        llama.module.lm_head.weight.mul_(1e4)
    values = measure(llama, {})
    assert values[NLL] > 700
    assert values[PERPLEXITY] == math.inf


def test_a_model_that_knows_nothing_has_the_perplexity_of_its_vocabulary(llama):
    with torch.no_grad():
        for weight in llama.module.parameters():
            weight.zero_()
    assert measure(llama, {})[PERPLEXITY] == pytest.approx(llama.tokenizer.vocab_size, rel=1e-4)


@pytest.mark.parametrize("limit", [1, 3])
def test_the_limit_is_the_number_of_texts(limit, llama, oracle):
    expected = slow_nll(llama, oracle, limit=limit)
    assert measure(llama, {}, limit=limit)[NLL] == pytest.approx(expected, rel=1e-4)


def test_texts_are_drawn_from_the_whole_of_a_sorted_source(llama, tmp_path, own_cache):
    # Every text in the second half ends in unlikely words.
    texts = sorted(miniature.general_texts()[:400], key=lambda text: text.split()[-1])
    odd = [f"{text} {'red ' * 9}" for text in texts[200:]]
    (tmp_path / "texts.txt").write_text("\n".join(texts[:200] + odd))
    (tmp_path / "first.txt").write_text("\n".join(texts[:200]))
    mixed, first = (
        measure(llama, {}, data=str(tmp_path / name), limit=16)[NLL]
        for name in ("texts.txt", "first.txt")
    )
    assert mixed > first + 0.5


def test_unknown_data_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"\(bold_wikipedia, miniature\).* but got 'wikitext'"):
        evaluator(data="wikitext")
