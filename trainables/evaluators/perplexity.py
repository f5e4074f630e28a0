"""Perplexity: the NLL of held-out general text, and its rise over the base model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from trainables.data import sources
from trainables.data.sets import TEXT_SETS
from trainables.evaluators.base import Evaluator
from trainables.evaluators.passages import LABEL, items_of, passage_queries, refuse_long_context
from trainables.metrics import bounds
from trainables.metrics.metric import Metric, declare

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class Perplexity(Evaluator):
    """NLL of held-out general text in nats per token, its exponential, and its rise over the base.

    nll_rise = NLL(θ) − NLL(θ₀). It is 0 for the base θ₀, and negative for a model that predicts better.
    ratio_rise = exp(nll_rise) − 1, the share by which the perplexity has grown. Both are paired text by
    text, so their standard errors are those of the differences.

    An item is a passage: up to max_tokens tokens of one article, whose sentences are joined. Its
    outcome is the mean over its tokens, weighted by their number. Of a causal model's passage the first
    `context` tokens, at most half, are read and not counted: what stands before a text moves the NLL
    of its first tokens most, and a model learns from any training how texts begin. Longer articles are
    several passages, each of which begins with the last `context` tokens of the one before it. The
    passages of an article are one cluster for standard errors. Masked models have every token masked
    once, together with every 7th token after and before it, so the value has no noise of drawn masks.

    The metrics are forgetting/general/…. If a trial measures several general sets, they are
    forgetting/SET/… for each, or forgetting/LABEL/… where `label` is set.

    No text is trained on that may be measured on here: see Evaluator.general.
    """

    version: ClassVar[int] = 2  # 1 read sentences, each behind BOS

    name: Literal["perplexity"] = "perplexity"
    data: str = Field("bold_wikipedia", description="a known set, or a file of texts")
    label: str | None = LABEL
    limit: int = Field(
        100, ge=1, description="passages, drawn once for all from the held-out split"
    )
    max_tokens: int = Field(256, ge=2, description="tokens of a passage")
    context: int = Field(32, ge=0, description="first tokens of a passage that are not counted")

    @model_validator(mode="after")
    def _check_context(self) -> Self:
        """Refuse a context that leaves nothing to count."""
        refuse_long_context(self)
        return self

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
        nats = "nats/token"
        return declare(
            f"forgetting/{self.label or 'general'}",
            (
                "nll_rise",
                nats,
                "lower",
                0.0,
                2.0,
                bounds.ANY,
                "NLL of held-out text over the base's",
            ),
            ("nll", nats, "lower", 0.0, 12.0, bounds.NOT_NEGATIVE, "NLL of held-out general text"),
            ("perplexity", "", "lower", 1.0, 1e5, (1.0, None), "exp(NLL) of held-out general text"),
            (
                *("ratio_rise", "", "lower", 0.0, 10.0, (-1.0, None)),
                "perplexity over the base's, less 1",
            ),
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
            ValueError: the base was measured on other texts, or no text has a token to predict.
        """
        from trainables.metrics.estimate import delta_method, mean
        from trainables.scoring.likelihood import log_probs

        passages, groups = passage_queries(self, model.tokenizer)
        values = log_probs(model, groups)
        lengths = list(map(len, values))
        nll_I = [-math.fsum(text) / len(text) for text in values]
        nll = mean(nll_I, items_of(passages), lengths)
        perplexity = _exp(nll.value)
        name = f"forgetting/{self.label or 'general'}"
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
