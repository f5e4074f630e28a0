"""How often the 95 % interval of each kind of metric holds the true value, by simulation.

    python -m tests.benchmarks.coverage

Clusters are drawn from a population whose value is known, items from clusters, and the metric and its
interval are computed by the code that measures models. `alike` is the share of the variance of an item
that its cluster decides: at 0 the items of a cluster are as independent as any others.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from analysis.stats.paired import PairedTest, df_of_decisions, paired_t_test
from trainables.evaluators.seat import effect_size
from trainables.evaluators.stereoset import Scores, aggregate
from trainables.metrics.estimate import Estimate, Items, delta_method, mean
from trainables.metrics.interval import interval
from trainables.metrics.jackknife import jackknife

CLUSTERS = (3, 5, 10, 40)
ALIKE = (0.0, 0.05, 0.2, 0.7)
ITEMS_OF_A_TERM = 24
FRAMES = 6
WITHOUT_CLUSTERS = ("alone", "few otherwise")

Floats = NDArray[np.float64]


class Shown(NamedTuple):
    """What is shown of a metric, and what it should hold.

    interval: the ends of the 95 % interval; None where `± ?` is shown.
    truth: the value in the population.
    """

    interval: tuple[float, float] | None
    truth: float

    @classmethod
    def of(cls, estimate: Estimate, truth: float) -> Shown:
        """Return what is shown of an estimate."""
        return cls(interval(estimate.value, estimate.se, estimate.df), truth)


class Coverage(NamedTuple):
    """How often intervals held the true value.

    held: share of those that were shown.
    unknown: share of `± ?` among all.
    """

    held: float
    unknown: float


# Takes a source of randomness, a number of clusters and `alike`; returns what is shown, by metric.
Draw = Callable[[Generator, int, float], Mapping[str, Shown]]


def coverage(
    draw: Draw, num_clusters: int, alike: float, repetitions: int, seed: int = 0
) -> dict[str, Coverage]:
    """Return the coverage of the intervals that a function draws, by metric."""
    rng = np.random.default_rng(seed)
    held: dict[str, list[bool]] = defaultdict(list)
    for _ in range(repetitions):
        for name, (ends, truth) in draw(rng, num_clusters, alike).items():
            known = [ends[0] - 1e-9 <= truth <= ends[1] + 1e-9] if ends else []
            held[name] += known
    return {
        name: Coverage(float(np.mean(known)) if known else math.nan, 1 - len(known) / repetitions)
        for name, known in held.items()
    }


def shares(rng: Generator, num_clusters: int, alike: float, share: float) -> Floats:
    """Return the probability of an outcome of 1 in each cluster, beta distributed around `share`."""
    if not alike:
        return np.full(num_clusters, share)
    total = 1 / alike - 1
    return rng.beta(share * total, (1 - share) * total, num_clusters)


def normal(rng: Generator, cluster_I: NDArray[np.intp], alike: float) -> Floats:
    """Return a normal outcome for each item, of variance 1."""
    of_cluster = rng.normal(0, math.sqrt(alike), cluster_I.max() + 1)
    return of_cluster[cluster_I] + rng.normal(0, math.sqrt(1 - alike), len(cluster_I))


def terms(rng: Generator, num_clusters: int, alike: float, ss: float) -> dict[str, Shown]:
    """Draw StereoSet's metrics; a meaningful sentence wins with the probability 0.9."""
    rows = []
    chances = zip(*(shares(rng, num_clusters, alike, p) for p in (ss, 0.9)), strict=True)
    for term, (stereotype, meaningful) in enumerate(chances):
        is_won, is_meant = (rng.random(ITEMS_OF_A_TERM) < p for p in (stereotype, meaningful))
        for won, meant in zip(is_won, is_meant, strict=True):
            first, second = (2.0, 1.0) if won else (1.0, 2.0)
            rows.append(Scores(str(term), first, second, 0.0 if meant else 3.0))
    truths = {"ss": 100 * ss, "lms": 90.0, "icat": 1.8 * (50 - abs(100 * ss - 50))}
    truths |= {"gap": abs(100 * ss - 50), "term_gap": true_term_gap(alike, ss)}
    measured = aggregate(rows)
    return {f"{name}, SS {100 * ss:g}": Shown.of(measured[name], truths[name]) for name in truths}


@cache
def true_term_gap(alike: float, ss: float) -> float:
    """Return the mean of a term's distance from 50 over many terms with as many items."""
    rng = np.random.default_rng(0)
    won = rng.binomial(ITEMS_OF_A_TERM, shares(rng, 10**6, alike, ss))
    return float(np.abs(100 * won / ITEMS_OF_A_TERM - 50).mean())


def answers(rng: Generator, num_clusters: int, alike: float) -> dict[str, Shown]:
    """Draw the share of right answers to some 15 questions a cluster, and BBQ's ratio."""
    sizes = 1 + rng.poisson(14, num_clusters)
    cluster_I = np.repeat(np.arange(num_clusters), sizes)
    items = Items.of(range(len(cluster_I)), cluster_I)
    right, known, biased = (
        (rng.random(len(cluster_I)) < shares(rng, num_clusters, one, p)[cluster_I]).astype(float)
        for p, one in ((0.9, alike), (0.5, alike / 2), (0.6, alike))
    )
    ratio = mean(biased, items, known, of_decisions=True)
    return {
        "accuracy 0.9": Shown.of(mean(right, items, of_decisions=True), 0.9),
        "BBQ's ratio": Shown.of(delta_method(200 * ratio.value - 100, (200.0, ratio)), 20.0),
    }


def alone(rng: Generator, num_clusters: int, alike: float) -> dict[str, Shown]:
    """Draw the share of right answers to so many independent questions."""
    right = (rng.random(num_clusters) < 0.9).astype(float)
    accuracy = mean(right, Items.of(range(num_clusters)), of_decisions=True)
    return {"accuracy 0.9, items alone": Shown.of(accuracy, 0.9)}


def few_otherwise(rng: Generator, num_otherwise: int, alike: float) -> dict[str, Shown]:
    """Draw the paired difference of two accuracies on 400 questions, so many of them decided otherwise.

    num_otherwise: questions that the second model is expected to decide otherwise than the first.
    """
    num_items = 400
    items = Items.of(range(num_items))
    right = (rng.random(num_items) < 0.5).astype(float)
    is_otherwise = rng.random(num_items) < num_otherwise / num_items
    first = mean(right, items, of_decisions=True)
    either = mean(np.where(is_otherwise, 1 - right, right), items, of_decisions=True)
    # Twice as many of the questions that the first got wrong, and none of the others.
    is_bettered = (right == 0) & (rng.random(num_items) < 2 * num_otherwise / num_items)
    better = mean(np.where(is_bettered, 1.0, right), items, of_decisions=True)
    return {
        "accuracy, paired, C decided otherwise": Shown(ends_of(paired(first, either)), 0.0),
        "accuracy, paired, C bettered": Shown(
            ends_of(paired(first, better)), num_otherwise / num_items
        ),
    }


def articles(rng: Generator, num_clusters: int) -> tuple[Items, Floats]:
    """Return texts, 1 to 20 an article, and their lengths in tokens."""
    sizes = np.clip(np.round(np.exp(rng.normal(1.2, 0.8, num_clusters))), 1, 20).astype(int)
    labels = np.repeat(np.arange(num_clusters), sizes)
    lengths = np.round(np.exp(rng.normal(3, 0.5, len(labels)))).clip(2, 128)
    return Items.of(range(len(labels)), labels), lengths


def general_text(rng: Generator, num_clusters: int, alike: float) -> dict[str, Shown]:
    """Draw means over tokens: NLL, perplexity, the paired difference of two models' NLLs."""
    items, lengths = articles(rng, num_clusters)
    nll = mean(4 + 0.5 * normal(rng, items.cluster_I, alike), items, lengths)
    perplexity = math.exp(nll.value)
    outcomes_I: Floats = nll.outcomes_I  # type: ignore[assignment]
    other = mean(outcomes_I + 0.1 * normal(rng, items.cluster_I, alike), items, lengths)
    return {
        "NLL": Shown.of(nll, 4.0),
        "perplexity": Shown.of(delta_method(perplexity, (perplexity, nll)), math.exp(4)),
        "NLL, paired": Shown(ends_of(paired(nll, other)), 0.0),
    }


def selectivity(rng: Generator, num_clusters: int, alike: float) -> dict[str, Shown]:
    """Draw a difference of means on different items: of C terms, and of 2 C articles."""
    labels = np.repeat(np.arange(num_clusters), ITEMS_OF_A_TERM)
    terms = Items.of(range(len(labels)), labels)
    items, lengths = articles(rng, 2 * num_clusters)
    stereotypes = mean(0.3 + 0.5 * normal(rng, terms.cluster_I, alike), terms)
    general = mean(0.1 + 0.2 * normal(rng, items.cluster_I, alike), items, lengths)
    value = stereotypes.value - general.value
    return {"selectivity": Shown.of(delta_method(value, (1.0, stereotypes), (-1.0, general)), 0.2)}


def seat(rng: Generator, num_clusters: int, alike: float) -> dict[str, Shown]:
    """Draw an effect size of C words against C others, in six sentences each."""
    words = np.repeat(np.arange(2 * num_clusters), FRAMES)
    is_x = words < num_clusters
    # d = 0.7: the variance of all sentences holds a quarter of the squared difference.
    difference = 0.7 / math.sqrt(1 - 0.35**2)
    associations = normal(rng, words, alike) + np.where(is_x, difference / 2, -difference / 2)
    items = Items.of(range(len(words)), words)
    effect = jackknife(partial(effect_size, associations, int(is_x.sum())), items, is_x.tolist())
    return {"SEAT's d (C words a side)": Shown.of(effect, 0.7)}


def decisions(rng: Generator, num_clusters: int, alike: float) -> dict[str, Shown]:
    """Draw the paired difference of SS of two models, which decide some items each for itself."""
    cluster_I = np.repeat(np.arange(num_clusters), ITEMS_OF_A_TERM)
    items = Items.of(range(len(cluster_I)), cluster_I)
    shown = {}
    for rate in (0.1, 1.0):
        common, one, other = (
            100.0 * (rng.random(len(cluster_I)) < shares(rng, num_clusters, alike, 0.6)[cluster_I])
            for _ in range(3)
        )
        is_own = rng.random(len(cluster_I)) < rate
        first, second = (
            mean(np.where(is_own, own, common), items, of_decisions=True) for own in (one, other)
        )
        name = f"SS, paired, {100 * rate:.0f} % decided anew"
        shown[name] = Shown(ends_of(paired(first, second)), 0.0)
    return shown


def paired(one: Estimate, other: Estimate) -> PairedTest:
    """Return the paired test of two estimates on the same items, as `sweep compare` makes it."""
    change_I = other.influences_I - one.influences_I  # type: ignore[operator]
    change_C = np.bincount(one.items.cluster_I, weights=change_I)
    df = min(one.design_df, other.design_df)
    if one.is_of_decisions and other.is_of_decisions:
        df = min(df, df_of_decisions(change_C))
    return paired_t_test(other.value - one.value, change_C, df)


def ends_of(test: PairedTest) -> tuple[float, float] | None:
    """Return the interval of a paired test, None if it says nothing."""
    return None if math.isnan(test.p) else (test.low, test.high)


DRAWS: dict[str, Draw] = {
    "terms": partial(terms, ss=0.6),
    "fair terms": partial(terms, ss=0.5),
    "answers": answers,
    "alone": alone,
    "few otherwise": few_otherwise,
    "general text": general_text,
    "selectivity": selectivity,
    "seat": seat,
    "decisions": decisions,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--only", choices=DRAWS, help="a group of metrics")
    options = parser.parse_args()
    table = Table(title="95 % intervals that hold the true value, in % (of which are ± ?)")
    for heading in ("metric", "alike", *(f"{num} clusters" for num in CLUSTERS)):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for name in [options.only] if options.only else DRAWS:
        cells: dict[tuple[str, float], list[str]] = defaultdict(list)
        for alike in ALIKE[:1] if name in WITHOUT_CLUSTERS else ALIKE:
            for num_clusters in CLUSTERS:
                found = coverage(DRAWS[name], num_clusters, alike, options.repetitions)
                for metric, (held, unknown) in found.items():
                    share = f" ({100 * unknown:.0f})" if unknown >= 0.005 else ""
                    cells[metric, alike].append(f"{100 * held:.1f}{share}")
        for (metric, alike), row in sorted(cells.items()):
            table.add_row(metric, f"{alike:g}", *row)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
