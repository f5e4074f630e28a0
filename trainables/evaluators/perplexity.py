"""Overall forgetting: how much worse general text is predicted than by the base model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from trainables.data import sources, tables
from trainables.data.sets import TEXT_SETS
from trainables.evaluators.base import Evaluator
from trainables.metrics.metric import Metric, declare
from trainables.scoring.general_text import draw_texts, name_of, nll_queries

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class Perplexity(Evaluator):
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
        from trainables.metrics.estimate import Items, delta_method, mean
        from trainables.scoring.likelihood import log_probs

        table = tables.texts(self.data, "held_out", model.tokenizer)
        texts = draw_texts(
            zip(table["ids"], table["source"], strict=True), self.limit, self.max_tokens
        )
        groups = [nll_queries(model.tokenizer, ids) for ids in texts]
        found = log_probs(model, groups)
        lengths = list(map(len, found))
        nll_I = [-math.fsum(each) / len(each) for each in found]
        nll = mean(nll_I, Items.of(map(name_of, texts), texts.values()), lengths)
        perplexity = math.exp(nll.value) if nll.value < 700 else math.inf
        name = "forgetting/general"
        measured = {
            f"{name}/nll": nll,
            f"{name}/perplexity": delta_method(perplexity, (perplexity, nll)),
        }
        before = base[f"{name}/nll"] if base else nll
        if before.items != nll.items:
            raise ValueError("the base must be measured on the same texts: measure it anew.")
        rise = mean(nll.outcomes_I - before.outcomes_I, nll.items, lengths)  # type: ignore[operator]
        ratio = math.exp(rise.value) if rise.value < 700 else math.inf
        return {
            f"{name}/nll_rise": rise,
            f"{name}/ratio_rise": delta_method(ratio - 1, (ratio, rise)),
            **measured,
        }
