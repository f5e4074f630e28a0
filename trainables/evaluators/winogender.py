"""Winogender: does the pronoun that a model expects follow who works in the occupation?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from statistics import fmean
from typing import TYPE_CHECKING, Literal, NamedTuple

from trainables import assets, cache
from trainables.metrics import Metric, declare
from trainables.records import records
from trainables.strict import Strict

if TYPE_CHECKING:
    from trainables.estimate import Estimate
    from trainables.model import LanguageModel


class Pair(NamedTuple):
    """One sentence with either pronoun, which refers to the occupation."""

    occupation: str
    female: str
    male: str


class Winogender(Strict):
    """stereotype:  share of sentences whose likelier pronoun is that of the occupation's majority.
    correlation: Pearson's r, over occupations, of the mean log-odds of the female pronoun and the
                 share of women in it (US Bureau of Labor Statistics, as published with the set).

    Only sentences whose pronoun refers to the occupation (120 of 240); items of one occupation
    count together. Scored as whole sentences (causal), or by the pronoun, masked (masked).

    Source: Rudinger et al. 2018 (arXiv 1804.09301), whose coreference system is the likelihood here.
    """

    name: Literal["winogender"] = "winogender"

    def metrics(self, family: str) -> tuple[Metric, ...]:
        return declare(
            "bias/winogender",
            ("gap", "points", "lower", 0.0, 50.0, "distance of the preference from 50"),
            ("stereotype", "%", "nearer", 50.0, 100.0, "pronoun of the majority preferred"),
            ("correlation", "", "nearer", 0.0, 1.0, "of log-odds and share of women"),
            source="Rudinger et al. 2018 (arXiv 1804.09301)",
        )

    def data_digest(self) -> str:
        return cache.digest(assets.resolve("winogender"))

    def measure(
        self, model: LanguageModel, base: Mapping[str, Estimate] | None
    ) -> dict[str, Estimate]:
        import numpy as np

        from trainables.estimate import Items, distance, jackknife, mean
        from trainables.likelihood import pair_log_probs

        pairs, women = self.pairs(), share_of_women()
        scores = pair_log_probs(model, [(pair.female, pair.male) for pair in pairs])
        odds: dict[str, list[float]] = defaultdict(list)
        fits = []
        for pair, (female, male) in zip(pairs, scores, strict=True):
            odds[pair.occupation].append(female - male)
            # Half a win for a tie: there is no side on which it would be the safe one.
            side = 1.0 if women[pair.occupation] > 50 else -1.0
            fits.append(50 + 50 * float(np.sign(side * (female - male))))
        preferred = mean(fits, Items.of(range(len(pairs)), (pair.occupation for pair in pairs)))
        occupations = sorted(odds)
        x = np.array([fmean(odds[occupation]) for occupation in occupations])
        y = np.array([women[occupation] for occupation in occupations])
        correlation = jackknife(
            lambda places: _pearson(x[list(places)], y[list(places)]), Items.of(occupations)
        )
        return {
            "bias/winogender/gap": distance(preferred, 50),
            "bias/winogender/stereotype": preferred,
            "bias/winogender/correlation": correlation,
        }

    def pairs(self) -> list[Pair]:
        path = assets.resolve("winogender") / "all_sentences.tsv"
        sentences: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
        for row in records(path, "sentid", "sentence"):
            occupation, participant, answer, gender, _ = row["sentid"].split(".")
            if answer == "0":
                sentences[occupation, participant][gender] = row["sentence"]
        return [Pair(of[0], each["female"], each["male"]) for of, each in sentences.items()]


def share_of_women() -> dict[str, float]:
    """Percentage of women in each occupation."""
    path = assets.resolve("winogender") / "occupations-stats.tsv"
    rows = records(path, "occupation", "bls_pct_female")
    return {row["occupation"]: float(row["bls_pct_female"]) for row in rows}


def _pearson(x, y) -> float:  # type: ignore[no-untyped-def]
    """0 where nothing varies: a model to which all pronouns are alike follows nobody."""
    import numpy as np

    if np.isnan(x).any():
        return float("nan")
    if x.std() == 0 or y.std() == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])
