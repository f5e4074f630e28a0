"""KL divergence from the predictions of the base model to those of this model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainables.data import sources, tables
from trainables.data.sets import ALIGNMENT_SETS, TEXT_SETS
from trainables.evaluators.base import Evaluator
from trainables.evaluators.passages import (
    LABEL,
    items_of,
    passage_queries,
    refuse_long_context,
    refuse_nothing_counted,
)
from trainables.metrics import bounds
from trainables.metrics.metric import Metric, declare

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class Kl(Evaluator):
    """Mean over tokens of KL(p₀ ‖ p), in nats: 0 for the base model, never below 0, unbounded above.

    p₀ and p are the distributions over the vocabulary that the base and the model predict. of chooses
    the texts:

    general:   passages of the held-out part of the general texts `data`, the tokens that perplexity
               counts: how far predictions have changed overall.
    alignment: the sentences as found of the alignment set `data`. They are drawn from the whole set and
               not only from the pairs that a trial uses. Shenfeld et al. 2025 (RL's Razor, arXiv
               2509.04259) saw that KL on the new task predicts forgetting best.

    Masked models have every token masked once, as for perplexity. `label` takes the place of `general`
    or `alignment` in the name of the metric. No trial is refused for training on these texts: those
    held out are never trained on, and those of alignment are meant to be.
    """

    version: ClassVar[int] = 2  # 1 read sentences, each behind BOS

    name: Literal["kl"] = "kl"
    of: Literal["general", "alignment"] = Field("general", description="which kind of text")
    data: str = Field("bold_wikipedia", description="a known set, or a file")
    label: str | None = LABEL
    limit: int = Field(100, ge=1, description="passages or sentences, drawn once for all")
    max_tokens: int = Field(256, ge=2, description="tokens of a passage or sentence")
    context: int = Field(32, ge=0, description="first tokens of a passage that are not counted")

    @model_validator(mode="after")
    def _check_context(self) -> Self:
        """Refuse a context that leaves nothing to count."""
        refuse_long_context(self)
        return self

    @model_validator(mode="after")
    def _data_is_known(self) -> Self:
        """Refuse data that are neither a known set of the kind that `of` says nor a file."""
        if self.of == "general":
            sources.check_name(self.data, TEXT_SETS, "general texts as data")
        else:
            sources.check_name(self.data, ALIGNMENT_SETS, "pairs as data, of: alignment,")
        return self

    @property
    def general(self) -> str | None:
        """The set whose held-out part is measured on; None for alignment."""
        return self.data if self.of == "general" else None

    def metrics(self, family: str) -> tuple[Metric, ...]:
        """Declare the mean KL."""
        return declare(
            f"forgetting/{self.label or self.of}",
            (
                *("kl_rise", "nats/token", "lower", 0.0, 2.0, bounds.NOT_NEGATIVE),
                f"KL to the base on {self.of} text",
            ),
        )

    def data_digest(self) -> str:
        """Return the sha256 of the set of texts or pairs."""
        return sources.digest(self.data)

    def items(self) -> Sequence[object]:
        """Return all texts (general) or pairs (alignment) of the set.

        Raises:
            ValueError: a row lacks what it needs.
        """
        read = sources.read_texts if self.of == "general" else sources.read_pairs
        return list(read(self.data))

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        """Return the mean KL from the base to the model, its items the passages or sentences.

        Raises:
            ValueError: no text has a token to predict.
        """
        from trainables.data.queries import room
        from trainables.metrics.estimate import Items, mean
        from trainables.scoring.divergence import kl_from_base
        from trainables.scoring.general_text import (
            draw_sentences,
            fewest_tokens,
            name_of,
            nll_queries,
        )
        from trainables.scoring.likelihood import join_groups

        if self.of == "general":
            passages, groups = passage_queries(self, model.tokenizer)
            items = items_of(passages)
        else:
            as_found = (
                row["stereotype_ids" if row["original_is_stereotype"] else "antistereotype_ids"]
                for row in tables.pairs(self.data, model.tokenizer)
            )
            min_tokens = fewest_tokens(model.tokenizer)
            max_tokens = min(self.max_tokens, room(model.tokenizer))
            sentences = draw_sentences(as_found, self.limit, max_tokens, min_tokens)
            refuse_nothing_counted(sentences, self.data, model.tokenizer)
            groups = [nll_queries(model.tokenizer, ids) for ids in sentences]
            items = Items.of(map(name_of, sentences))
        values = join_groups(groups, kl_from_base(model, [q for group in groups for q in group]))
        means = (math.fsum(text) / len(text) for text in values)
        return {f"forgetting/{self.label or self.of}/kl_rise": mean(means, items, map(len, values))}
