"""Overall forgetting: how much worse general text is predicted than by the base model."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from trainables import data, sources
from trainables.metrics import Metric, declare
from trainables.sets import TEXT_SETS
from trainables.strict import Strict

if TYPE_CHECKING:
    from trainables.estimate import Estimate
    from trainables.model import LanguageModel
    from trainables.queries import Query
    from trainables.tokenizer import Tokenizer

GROUP = 7  # masked models: every 7th token is masked at once, so about the 15 % of training


class Perplexity(Strict):
    """NLL in nats per token of held-out general text, its exponential, and its rise over the base.

    nll_rise = NLL(θ) − NLL(θ₀): 0 for the base model, and negative for one that predicts better;
    ratio_rise = exp(nll_rise) − 1, the share by which the perplexity has grown. Both are paired,
    text by text, so their standard error is that of the differences. An item is a text; its
    outcome the mean over its tokens, which it weighs with their number. Texts of one source (the
    sentences of an article) count together.
    Each text stands alone after the start token, cut at max_tokens. masked: every token is masked
    once, with every GROUP-th token of its text, so the value has no noise of drawn masks.
    """

    name: Literal["perplexity"] = "perplexity"
    data: str = "bold_wikipedia"
    limit: int = Field(200, ge=1, description="texts, drawn once for all from the held-out split")
    max_tokens: int = Field(128, ge=2)

    @field_validator("data")
    @classmethod
    def _known(cls, name: str) -> str:
        return sources.check_name(name, TEXT_SETS, "texts")

    @property
    def general(self) -> str:
        """The set whose held-out half nothing is trained on."""
        return self.data

    def metrics(self, family: str) -> tuple[Metric, ...]:
        return declare(
            "forgetting/general",
            ("nll_rise", "nats/token", "lower", 0.0, 2.0, "NLL of held-out text over the base's"),
            ("nll", "nats/token", "lower", 0.0, 12.0, "NLL of held-out general text"),
            ("perplexity", "", "lower", 1.0, 1e5, "exp(NLL) of held-out general text"),
            ("ratio_rise", "", "lower", 0.0, 10.0, "perplexity over the base's, less 1"),
        )

    def data_digest(self) -> str:
        return sources.digest(self.data)

    def items(self) -> list[tuple[str, str]]:
        """All texts of the set, of which the held-out ones are measured on."""
        return list(sources.read_texts(self.data))

    def texts(self) -> tuple[()]:
        """None: what is held out of general text is never learnt, see stream.py."""
        return ()

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        from trainables.estimate import Items, along, mean
        from trainables.likelihood import log_probs

        table = data.texts(self.data, "held_out", model.tokenizer)
        texts = drawn(zip(table["ids"], table["source"], strict=True), self.limit, self.max_tokens)
        groups = [nll_queries(model.tokenizer, ids) for ids in texts]
        found = log_probs(model, groups)
        lengths = list(map(len, found))
        nll_I = [-math.fsum(each) / len(each) for each in found]
        nll = mean(nll_I, Items.of(map(name_of, texts), texts.values()), lengths)
        perplexity = math.exp(nll.value) if nll.value < 700 else math.inf
        name = "forgetting/general"
        measured = {f"{name}/nll": nll, f"{name}/perplexity": along(perplexity, (perplexity, nll))}
        before = base[f"{name}/nll"] if base else nll
        if before.items != nll.items:
            raise ValueError("the base must be measured on the same texts: measure it anew.")
        rise = mean(nll.outcomes_I - before.outcomes_I, nll.items, lengths)  # type: ignore[operator]
        ratio = math.exp(rise.value) if rise.value < 700 else math.inf
        return {
            f"{name}/nll_rise": rise,
            f"{name}/ratio_rise": along(ratio - 1, (ratio, rise)),
            **measured,
        }


def drawn(
    texts: Iterable[tuple[Sequence[int], str]], limit: int, max_tokens: int
) -> dict[tuple[int, ...], str]:
    """The same `limit` texts, cut, for every model of a tokenizer, each with its source.

    They are drawn from the whole set, because the texts of a source are often sorted by subject;
    and no text twice, because a sentence that two articles share is one item.
    """
    distinct: dict[tuple[int, ...], str] = {}
    for ids, source in texts:
        distinct.setdefault(tuple(ids[:max_tokens]), source)
    places = random.Random("held out").sample(range(len(distinct)), min(limit, len(distinct)))
    every = list(distinct.items())
    return dict(every[place] for place in sorted(places))


def nll_queries(tokenizer: Tokenizer, ids: Sequence[int]) -> list[Query]:
    """Every token of a text asked for once: after those before it, or with every GROUP-th masked."""
    from trainables.likelihood import queries_of
    from trainables.queries import masked

    if tokenizer.family == "causal":
        return queries_of(tokenizer, ids)
    starts = range(min(GROUP, len(ids)))
    return [masked(tokenizer, ids, range(t, len(ids), GROUP)) for t in starts]


def name_of(ids: Sequence[int]) -> str:
    """A text is called by its digest."""
    return hashlib.sha256(str(list(ids)).encode()).hexdigest()[:12]
