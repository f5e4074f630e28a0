"""Words that fill the blanks of a context; scores of them are in tests/trainables/evaluators."""

import pytest

from trainables.scoring.blanks import blank_queries


def shown(model, query):
    """Return what a query reads, as words, and its targets by their place among them."""
    name = model.tokenizer.hf.convert_ids_to_tokens
    return " ".join(name(list(query.ids))), {t: name(x) for t, x in query.targets.items()}


def test_each_sub_token_is_predicted_after_those_before_it_at_every_blank_and_counted_at_the_first(
    pieces_bert,
):
    first, second = blank_queries(pieces_bert.tokenizer, ["the ", " said that ", "."], "ab")
    assert shown(pieces_bert, first) == (
        "[CLS] the [MASK] said that [MASK] . [SEP]",
        {2: "a"},
    )
    assert shown(pieces_bert, second) == (
        "[CLS] the a [MASK] said that a [MASK] . [SEP]",
        {3: "##b"},
    )


def test_a_context_that_does_not_fit_is_refused(pieces_bert):
    long = " the" * pieces_bert.tokenizer.max_tokens
    with pytest.raises(ValueError, match="positions"):
        blank_queries(pieces_bert.tokenizer, ["", long], "ab")
