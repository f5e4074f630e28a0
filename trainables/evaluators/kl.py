"""Forgetting as the drift of predictions: KL from the base model's to this one's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from trainables.data import sources, tables
from trainables.data.sets import ALIGNMENT_SETS, TEXT_SETS
from trainables.evaluators.base import Evaluator
from trainables.metrics.metric import Metric, declare

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class Kl(Evaluator):
    """Mean over tokens of KL(p₀ ‖ p) in nats: 0 for the base model, never below, unbounded above.

    On general text (held out, as for perplexity): how much of all that was known has moved. On
    the alignment set that trials draw their texts from (not on those they drew alone), its sentences
    as they were found: Shenfeld et al. 2025 (RL's Razor, arXiv 2509.04259) saw that KL on the new
    task predicts forgetting best. masked: as for perplexity.
    """

    name: Literal["kl"] = "kl"
    of: Literal["general", "alignment"] = "general"
    data: str = "bold_wikipedia"
    limit: int = Field(100, ge=1, description="texts, drawn once for all")
    max_tokens: int = Field(128, ge=2)

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.of == "general":
            sources.check_name(self.data, TEXT_SETS, "general texts as data")
        else:
            sources.check_name(self.data, ALIGNMENT_SETS, "pairs as data, of: alignment,")
        return self

    @property
    def general(self) -> str | None:
        """The set whose held-out half nothing is trained on."""
        return self.data if self.of == "general" else None

    def metrics(self, family: str) -> tuple[Metric, ...]:
        return declare(
            f"forgetting/{self.of}",
            ("kl_rise", "nats/token", "lower", 0.0, 2.0, f"KL to the base on {self.of} text"),
        )

    def data_digest(self) -> str:
        return sources.digest(self.data)

    def items(self) -> Sequence[object]:
        """All that the set has."""
        read = sources.read_texts if self.of == "general" else sources.read_pairs
        return list(read(self.data))

    def texts(self) -> tuple[()]:
        """None: what is held out is never learnt, and `of: alignment` is about what is."""
        return ()

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        from trainables.metrics.estimate import Items, mean
        from trainables.scoring.divergence import kl_from_base
        from trainables.scoring.general_text import draw_texts, name_of, nll_queries
        from trainables.scoring.likelihood import join_groups

        if self.of == "general":
            rows = tables.texts(self.data, "held_out", model.tokenizer)
            found_ids, sources = rows["ids"], rows["source"]
        else:
            found_ids = [
                row["stereotype_ids" if row["original_is_stereotype"] else "antistereotype_ids"]
                for row in tables.pairs(self.data, model.tokenizer)
            ]
            sources = map(name_of, found_ids)
        texts = draw_texts(zip(found_ids, sources, strict=True), self.limit, self.max_tokens)
        groups = [nll_queries(model.tokenizer, ids) for ids in texts]
        found = join_groups(groups, kl_from_base(model, [q for group in groups for q in group]))
        each = (math.fsum(values) / len(values) for values in found)
        items = Items.of(map(name_of, texts), texts.values())
        return {f"forgetting/{self.of}/kl_rise": mean(each, items, map(len, found))}
