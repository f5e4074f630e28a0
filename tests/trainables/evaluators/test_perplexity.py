"""NLL of held-out text, against a slow loop."""

import json
import math
import random

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.conformance import perturb
from trainables.data import tables
from trainables.data.opening import Opening
from trainables.data.sets import miniature
from trainables.data.splits import is_held_out
from trainables.evaluators import Perplexity
from trainables.metrics import estimate
from trainables.models.language_model import LanguageModel
from trainables.scoring.general_text import draw_passages

NLL, RISE, RATIO, PERPLEXITY = (
    f"forgetting/general/{name}" for name in ("nll", "nll_rise", "ratio_rise", "perplexity")
)


def evaluator(**settings):
    return Perplexity.model_validate({"data": "miniature", "limit": 5} | settings)


def measure(model, base, **settings):
    return estimate.values(evaluator(**settings).measure(model, base))


def slow_nll(model, oracle, limit=5):
    """The NLL of the miniature's texts, each one an article shorter than twice the context."""
    texts = [text for text in miniature.general_texts() if is_held_out(text)]
    distinct = list(dict.fromkeys(map(tuple, model.tokenizer.encode(texts))))
    drawn = random.Random("held out").sample(range(len(distinct)), limit)
    log_p = []
    for ids in (list(distinct[n]) for n in drawn):
        if model.family == "causal":
            log_p += oracle(model).log_probs(ids)[len(ids) // 2 :]
        else:
            for t in range(len(ids)):
                together = [other for other in range(len(ids)) if other % 7 == t % 7]
                log_p.append(oracle(model).at_mask(ids, t, together))
    return -sum(log_p) / len(log_p)


def test_the_nll_is_that_of_the_slow_loop(model, oracle):
    assert measure(model, {})[NLL] == pytest.approx(slow_nll(model, oracle), rel=1e-4)


def written(folder, articles):
    """Write rows of {text, source} into a file, and return its path."""
    path = folder / "articles.jsonl"
    rows = [{"text": text, "source": key} for key, texts in articles.items() for text in texts]
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def held_out_articles(num_articles, num_sentences):
    """Return {key: sentences} of articles that are all held out."""
    keys = [f"article {n}" for n in range(30 * num_articles) if is_held_out(f"article {n}")]
    sentences = iter(miniature.general_texts())
    return {key: [next(sentences) for _ in range(num_sentences)] for key in keys[:num_articles]}


def test_the_sentences_of_an_article_are_read_as_one_text_with_context(
    llama, oracle, tmp_path, own_cache
):
    """Windows of 12 tokens, of which 4 are context: each other token counts once, after those."""
    articles = held_out_articles(3, 3)
    log_p = []
    for ids in llama.tokenizer.encode([" ".join(texts) for texts in articles.values()]):
        for start in range(0, len(ids) - 4, 8):
            window = ids[start : start + 12]
            if len(window) > 8:
                log_p += oracle(llama).log_probs(window)[4:]
    settings = {"data": written(tmp_path, articles), "max_tokens": 12, "context": 4, "limit": 99}
    assert measure(llama, {}, **settings)[NLL] == pytest.approx(-np.mean(log_p), rel=1e-4)


def test_the_passages_of_an_article_are_one_cluster(llama, tmp_path, own_cache):
    data = written(tmp_path, held_out_articles(3, 6))
    (nll,) = (evaluator(data=data, max_tokens=12, context=4, limit=99).measure(llama, {})[NLL],)
    assert len(nll.items.names) > 6
    assert len(set(nll.items.clusters)) == 3


@pytest.mark.parametrize("context", [65, 200])
def test_a_context_beyond_half_of_a_passage_is_refused(context):
    with pytest.raises(ValueError, match=r"context of at most half of max_tokens \(128\)"):
        evaluator(max_tokens=128, context=context)


@pytest.mark.parametrize("label", [".", "..", "...", ".a", "a/b", "", "ü"])
def test_a_label_that_could_not_stand_in_a_name_is_refused(label):
    """MLflow takes a metric's name for a path, in which `..` is the folder above."""
    with pytest.raises(ValidationError, match="should match pattern"):
        Perplexity(data="miniature", label=label)


def test_a_label_takes_the_place_of_general(llama):
    assert set(measure(llama, {}, label="mine")) == {
        f"forgetting/mine/{name}" for name in ("nll", "nll_rise", "ratio_rise", "perplexity")
    }


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
    log_p = [
        value for ids in distinct for value in oracle(llama).log_probs(list(ids))[len(ids) // 2 :]
    ]
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
    table = tables.articles("miniature", "held_out", model.tokenizer)
    passages = draw_passages(zip(table["ids"], table["source"], strict=True), 20, 256, 32)
    is_causal = model.family == "causal"
    weights = np.array([len(ids) - is_causal * (len(ids) // 2) for ids, _, _ in passages])
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


@pytest.fixture
def bare(llama):
    """Return the miniature with nothing before a text."""
    return LanguageModel(llama.path, "causal", Opening("none"))


@pytest.mark.parametrize("settings", [{}, {"context": 0}, {"context": 0, "max_tokens": 2}])
def test_a_text_without_a_predicted_token_is_left_out(settings, bare, oracle, tmp_path, own_cache):
    """A word is a token of the miniature, so that a rest of an article may be one alone."""
    texts = {"a": ["she"], "b": ["he"], "c": ["the nurse"], "d": ["the nurse was happy ."]}
    keys = [f"article {n}" for n in range(300) if is_held_out(f"article {n}")]
    articles = dict(zip(keys, texts.values(), strict=False))
    (nll,) = (
        evaluator(data=written(tmp_path, articles), limit=99, **settings).measure(bare, {})[NLL],
    )
    assert math.isfinite(nll.value)
    assert set(nll.items.clusters) == set(keys[2:4])


def test_a_set_without_a_predicted_token_is_one_sentence(bare, llama, tmp_path, own_cache):
    keys = [f"article {n}" for n in range(90) if is_held_out(f"article {n}")]
    data = written(tmp_path, {keys[0]: ["she"], keys[1]: ["he"]})
    with pytest.raises(
        ValueError, match=r"must have a text .* of at least 2 tokens, .*model\.start"
    ):
        evaluator(data=data).measure(bare, {})
    assert math.isfinite(evaluator(data=data).measure(llama, {})[NLL].value), "with a start"


def test_unknown_data_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"\(bold_wikipedia, miniature\).* but got 'wikitext'"):
        evaluator(data="wikitext")
