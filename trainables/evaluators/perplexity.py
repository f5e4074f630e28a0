"""Perplexity: the NLL of held-out general text, and its rise over the base model."""

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
    """NLL of held-out general text in nats per token, its exponential, and its rise over the base.

    nll_rise = NLL(θ) − NLL(θ₀). It is 0 for the base θ₀, and negative for a model that predicts better.
    ratio_rise = exp(nll_rise) − 1, the share by which the perplexity has grown. Both are paired text by
    text, so their standard errors are those of the differences.

    An item is a text. Its outcome is the mean over its tokens, weighted by their number. Texts of one
    source (the sentences of an article) are one cluster for standard errors. Each text stands alone
    after the start token and is cut at max_tokens. Masked models have every token masked once, together
    with every 7th token after and before it, so the value has no noise of drawn masks.

    No text is trained on that may be measured on here: see Evaluator.general.
    """

    name: Literal["perplexity"] = "perplexity"
    data: str = "bold_wikipedia"
    limit: int = Field(200, ge=1, description="texts, drawn once for all from the held-out split")
    max_tokens: int = Field(128, ge=2)

    @field_validator("data")
    @classmethod
    def _data_is_known(cls, name: str) -> str:
        """Return the name, if it is a known set of general texts or a file."""
        return sources.check_name(name, TEXT_SETS, "texts")

    @property
    def general(self) -> str:
        """The set whose held-out part is measured on."""
        return self.data

    def metrics(self, family: str) -> tuple[Metric, ...]:
        """Declare NLL, perplexity and the rises of both."""
        return declare(
            "forgetting/general",
            ("nll_rise", "nats/token", "lower", 0.0, 2.0, "NLL of held-out text over the base's"),
            ("nll", "nats/token", "lower", 0.0, 12.0, "NLL of held-out general text"),
            ("perplexity", "", "lower", 1.0, 1e5, "exp(NLL) of held-out general text"),
            ("ratio_rise", "", "lower", 0.0, 10.0, "perplexity over the base's, less 1"),
        )

    def data_digest(self) -> str:
        """Return the sha256 of the set of general texts."""
        return sources.digest(self.data)

    def items(self) -> list[tuple[str, str]]:
        """Return (source, text) of all texts of the set, of which the held-out ones are measured on.

        Raises:
            ValueError: a row lacks its text.
        """
        return list(sources.read_texts(self.data))

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        """Return NLL and perplexity, and their rises over the base.

        Raises:
            ValueError: the base was measured on other texts.
        """
        from trainables.metrics.estimate import Items, delta_method, mean
        from trainables.scoring.likelihood import log_probs

        table = tables.texts(self.data, "held_out", model.tokenizer)
        texts = draw_texts(
            zip(table["ids"], table["source"], strict=True), self.limit, self.max_tokens
        )
        groups = [nll_queries(model.tokenizer, ids) for ids in texts]
        values = log_probs(model, groups)
        lengths = list(map(len, values))
        nll_I = [-math.fsum(text) / len(text) for text in values]
        nll = mean(nll_I, Items.of(map(name_of, texts), texts.values()), lengths)
        perplexity = _exp(nll.value)
        name = "forgetting/general"
        base_nll = base[f"{name}/nll"] if base else nll
        if base_nll.items != nll.items:
            raise ValueError("the base must be measured on the same texts: measure it anew.")
        rise = mean(nll.outcomes_I - base_nll.outcomes_I, nll.items, lengths)  # type: ignore[operator]
        ratio = _exp(rise.value)
        return {
            f"{name}/nll_rise": rise,
            f"{name}/ratio_rise": delta_method(ratio - 1, (ratio, rise)),
            f"{name}/nll": nll,
            f"{name}/perplexity": delta_method(perplexity, (perplexity, nll)),
        }


def _exp(value: float) -> float:
    """Return e to the power of the value, infinite where it is beyond what a float holds."""
    return math.exp(value) if value < 700 else math.inf
