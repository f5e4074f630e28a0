"""Words of a gendered pair, equally likely everywhere."""

import math

import pytest
import torch

from tests.conformance import TEXTS, text_predictions
from trainables.models.language_model import LanguageModel
from trainables.objectives import Equalising
from trainables.objectives.equalising import word_pairs


def test_the_pairs_are_the_gendered_words_that_are_one_token_each(model):
    words = {
        frozenset(model.tokenizer.hf.convert_ids_to_tokens(pair))
        for pair in word_pairs(model.tokenizer)
    }
    assert words == {frozenset(("he", "she"))}, "the only gendered words that the miniatures know"


def test_equally_likely_words_have_no_loss(llama):
    """All weights are zero, so all logits are, and all words are equally likely."""
    model = LanguageModel(llama.path, "causal")
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.zero_()
    assert Equalising().text_loss(model, text_predictions(model)).item() == 0


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_the_loss_is_the_mean_gap_over_places_by_a_slow_loop(weight, model):
    texts = text_predictions(model)
    ((first, second),) = word_pairs(model.tokenizer)
    gaps = [abs(row[first] - row[second]).item() for row in texts.log_prob_NV]
    loss = Equalising(weight=weight).text_loss(model, texts).item()
    assert loss == pytest.approx(weight * math.fsum(gaps) / len(gaps), rel=1e-5)
    assert len(gaps) == len(texts.targets_N) >= len(TEXTS)


def test_the_gap_of_logits_is_the_gap_of_probabilities(llama):
    """log p(m) − log p(f) is what the two logits differ by, whatever the rest."""
    texts = text_predictions(llama)
    ((first, second),) = word_pairs(llama.tokenizer)
    ratio = texts.log_prob_NV.exp()[:, first] / texts.log_prob_NV.exp()[:, second]
    loss = Equalising().text_loss(llama, texts).item()
    assert loss == pytest.approx(ratio.log().abs().mean().item(), rel=1e-4)


def test_a_tokenizer_without_such_words_is_one_clear_sentence(pieces_bert):
    with pytest.raises(ValueError, match="needs gendered words that are one token each") as caught:
        Equalising().text_loss(pieces_bert, text_predictions(pieces_bert, ["the nurse said that"]))
    assert "\n" not in str(caught.value)
