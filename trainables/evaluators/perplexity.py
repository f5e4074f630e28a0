"""Overall forgetting: how much worse general text is predicted than by the base model."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from trainables import data
from trainables.metrics import Metric, declare
from trainables.strict import Strict

if TYPE_CHECKING:
    from trainables.model import LanguageModel

GROUP = 7  # masked models: every 7th token is masked at once, so about the 15 % of training


class Perplexity(Strict):
    """NLL in nats per token of held-out general text, its exponential, and its rise over the base.

    rise = NLL(θ) − NLL(θ₀): 0 for the base model, and negative for one that predicts better.
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
        return data.check_name(name, data.TEXT_SETS, "texts")

    def metrics(self, family: str) -> tuple[Metric, ...]:
        return declare(
            "forgetting/general",
            ("nll_rise", "nats/token", "lower", 0.0, 2.0, "NLL of held-out text over the base's"),
            ("nll", "nats/token", "lower", 0.0, 12.0, "NLL of held-out general text"),
            ("perplexity", "", "lower", 1.0, 1e5, "exp(NLL) of held-out general text"),
        )

    def data_digest(self) -> str:
        return data.digest(self.data)

    def measure(self, model: LanguageModel, base: Mapping[str, float] | None) -> dict[str, float]:
        from trainables.batch import masked
        from trainables.likelihood import log_probs, queries_of

        table = data.texts(self.data, "held_out", model)
        # The texts of a source are often sorted by subject, so the first would be one subject alone.
        drawn = random.Random("held out").sample(range(len(table)), min(self.limit, len(table)))
        texts = [ids[: self.max_tokens] for ids in table[sorted(drawn)]["ids"]]
        if model.family == "causal":
            groups = [queries_of(model, ids) for ids in texts]
        else:
            groups = [
                [masked(model, ids, range(t, len(ids), GROUP)) for t in range(min(GROUP, len(ids)))]
                for ids in texts
            ]
        nll = -fmean(value for values in log_probs(model, groups) for value in values)
        found = {
            "forgetting/general/nll": nll,
            "forgetting/general/perplexity": math.exp(nll) if nll < 700 else math.inf,
        }
        if base is None:
            return found
        return {
            "forgetting/general/nll_rise": nll - base.get("forgetting/general/nll", nll),
            **found,
        }
