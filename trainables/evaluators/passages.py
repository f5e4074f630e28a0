"""What the evaluators share that measure on passages of general text: perplexity and kl."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from pydantic import Field

from trainables.data import tables

if TYPE_CHECKING:
    from trainables.data.queries import Query
    from trainables.data.tokenizer import Tokenizer
    from trainables.metrics.estimate import Items
    from trainables.scoring.general_text import Passage

# What stands for the set in the names of metrics: `general`, or the set's own name beside others.
LABEL = Field(
    None,
    max_length=100,  # of the 250 that MLflow takes for the whole name
    pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
    description="name of the set in its metrics",
)


class OnPassages(Protocol):
    """The settings of an evaluator that decide the passages it measures on.

    data:       a set of general texts.
    limit:      number of passages.
    max_tokens: tokens of a passage.
    context:    first tokens of a passage that are read and not counted.
    """

    @property
    def data(self) -> str: ...
    @property
    def limit(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...
    @property
    def context(self) -> int: ...


def refuse_long_context(evaluator: OnPassages) -> None:
    """Refuse an evaluator whose passages have no tokens to count.

    Raises:
        ValueError: its context takes more than half of max_tokens.
    """
    if 2 * evaluator.context > evaluator.max_tokens:
        raise ValueError(
            f"must have a context of at most half of max_tokens ({evaluator.max_tokens}), but got "
            f"{evaluator.context}"
        )


def refuse_nothing_counted(texts: Sequence[object], name: str, tokenizer: Tokenizer) -> None:
    """Refuse a set of texts of which none is drawn, as none has a token that is predicted.

    Args:
        texts: the passages or sentences that were drawn.
        name: of the set.

    Raises:
        ValueError: there are none.
    """
    from trainables.scoring.general_text import fewest_tokens

    if not texts:
        raise ValueError(
            f"{name} must have a text to measure on of at least {fewest_tokens(tokenizer)} tokens, but "
            "all have fewer: nothing stands before a text, so that its first token is not predicted. "
            "Longer texts, or a model.start that is a token, would do."
        )


def passage_queries(
    evaluator: OnPassages, tokenizer: Tokenizer
) -> tuple[list[Passage], list[list[Query]]]:
    """Return the passages that an evaluator measures on, and the queries of each one's tokens.

    Where a passage of max_tokens tokens does not fit into the model's positions, passages are as long
    as do fit, and at most half of that is context. Passages without a token to predict are left out.

    Raises:
        ValueError: no passage has one.
    """
    from trainables.data.queries import room
    from trainables.scoring.general_text import draw_passages, fewest_tokens, nll_queries

    table = tables.articles(evaluator.data, "held_out", tokenizer)
    length = min(evaluator.max_tokens, room(tokenizer))
    articles = zip(table["ids"], table["source"], strict=True)
    context = min(evaluator.context, length // 2)
    min_tokens = fewest_tokens(tokenizer)
    passages = draw_passages(articles, evaluator.limit, length, context, min_tokens)
    refuse_nothing_counted(passages, evaluator.data, tokenizer)
    groups = [nll_queries(tokenizer, each.ids, each.num_context) for each in passages]
    return passages, groups


def items_of(passages: Sequence[Passage]) -> Items:
    """Return passages as the items of an estimate; those of one article are one cluster."""
    from trainables.metrics.estimate import Items
    from trainables.scoring.general_text import name_of

    return Items.of((name_of(each.ids) for each in passages), (each.source for each in passages))
