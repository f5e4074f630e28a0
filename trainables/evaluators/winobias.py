"""WinoBias: preference of the pronoun that fits the stereotype of an occupation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.sets.winobias import Kind, Split, sentence_pairs
from trainables.evaluators.base import Evaluator, asset_digest
from trainables.metrics import bounds
from trainables.metrics.metric import Metric, declare, wins

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class WinoBias(Evaluator):
    """Percentage of pairs in which the pro-stereotypical sentence is the likelier one.

    The ideal is 50, and gap is the distance from it in points. skew is the mean of
    log p(pro) − log p(anti), in nats. log p is that of the whole sentence (causal), or the mean over
    the tokens in which the two sentences differ, each masked alone (masked). They differ in the
    pronoun, and in a few pairs in a word that was corrected.

    type: 1 = the pronoun can be resolved by knowledge of the world only, 2 = by syntax too.

    The file has its sentences two by two, about the same occupations with the pronoun for one and for
    the other. For standard errors these two count as one item.

    Source: Zhao et al. 2018 (arXiv 1804.06876). Deviation: by likelihood, as the published coreference
    scores need a trained resolver.
    """

    cuts_texts: ClassVar[bool] = False

    name: Literal["winobias"] = "winobias"
    type: Kind = Field(1, description="1: knowledge resolves the pronoun; 2: syntax, too")
    split: Split = Field("dev", description="part of the set")
    limit: int | None = Field(None, ge=1, description="the first pairs; all 396 when left out")

    @property
    def _label(self) -> str:
        """The data set in names of metrics: `winobias1` or `winobias2`, with `_test` for that split."""
        return f"winobias{self.type}" + "_test" * (self.split == "test")

    def metrics(self, family: str) -> tuple[Metric, ...]:
        """Declare gap, stereotype and skew."""
        return declare(
            f"bias/{self._label}",
            (
                *("gap", "points", "lower", 0.0, 50.0, bounds.FROM_50),
                "distance of the preference from 50",
            ),
            (
                *("stereotype", "%", "nearer", 50.0, 100.0, bounds.PERCENT),
                "pronoun of the stereotype preferred",
            ),
            (
                *("skew", "nats", "nearer", 0.0, 10.0, bounds.ANY),
                "log p of the stereotype over its opposite",
            ),
            source="Zhao et al. 2018 (arXiv 1804.06876)",
        )

    def data_digest(self) -> str:
        """Return the sha256 of the authors' files."""
        return asset_digest("winobias")

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        """Return the metrics of the model: gap, share of stereotypes preferred, and skew in nats.

        A pair is left out if one of its texts has no token that the other lacks (masked models).
        """
        from trainables.metrics.estimate import Items, distance, mean
        from trainables.scoring.likelihood import pair_log_probs

        scores = pair_log_probs(model, self.items())
        counted = [(n, *pair) for n, pair in enumerate(scores) if pair is not None]
        items = Items.of((n for n, _, _ in counted), (n // 2 for n, _, _ in counted))
        won = (100 * wins(pro, anti) for _, pro, anti in counted)
        preferred = mean(won, items, of_decisions=True)
        name = f"bias/{self._label}"
        return {
            f"{name}/gap": distance(preferred, 50),
            f"{name}/stereotype": preferred,
            f"{name}/skew": mean((pro - anti for _, pro, anti in counted), items),
        }

    def items(self) -> list[tuple[str, str]]:
        """Return the (pro-stereotypical, anti-stereotypical) sentences of the first `limit` pairs.

        Raises:
            ValueError: the files do not have as many sentences of either kind.
        """
        return sentence_pairs(self.type, self.split)[: self.limit]

    def texts(self) -> list[str]:
        """Return both sentences of each pair."""
        return [text for pair in self.items() for text in pair]
