"""How often the 95 % interval of a recipe's mean over seeds holds the true value, by simulation.

    python -m tests.benchmarks.coverage_recipes

Metrics and intervals are computed by the code that measures models and averages replicates. The true value
is that over all terms, items and seeds. An item is decided by what it has of its own, which some items
draw anew with each seed, and by what a seed moves all items by.
"""

from __future__ import annotations

import argparse
import math
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from rich.console import Console
from rich.table import Table

from analysis.record.recipes import RecipeMean, mean_over_seeds
from analysis.record.replicates import of_items
from trainables.metrics.bounds import ANY, FROM_50, Bounds
from trainables.metrics.estimate import Estimate, Items, distance, mean
from trainables.metrics.interval import UNKNOWN_DF, interval

ITEMS_OF_A_TERM = 24
PLACE = 0.25  # what is above it in a normal distribution of variance 1 is the rarer decision: 40 %
NUM_SEEDS = (2, 3, 6)
MANY_SEEDS = 10  # for gaps, whose bias by chance does not shrink with seeds
NUM_TERMS = (3, 5, 10, 40)
EFFECTS = (0.0, 0.5, 1.0, 3.0)
ANEW = (0.0, 0.5, 1.0)


class Setting(NamedTuple):
    """What recipes are drawn by.

    num_seeds, num_terms: of each recipe.
    effect: standard deviation between seeds over the standard error of items, about.
    anew: share of the items that each seed decides anew.
    alike: share of the variance of an item that its term decides.
    is_decision: whether outcomes are decisions, as of SS; else they are numbers, as an NLL is made of.
    gap: the true distance of SS from 50 where seeds have no effect; the metric is then this distance.
    """

    num_seeds: int
    num_terms: int
    effect: float
    anew: float
    alike: float = 0.0
    is_decision: bool = True
    gap: float | None = None


class Found(NamedTuple):
    """What was found by simulation.

    held: share of the intervals that hold the true value, of those that are shown.
    half_width: the median half of an interval, in standard deviations of the mean.
    unknown: share of `± ?` among all.
    """

    held: float
    half_width: float
    unknown: float


@cache
def items_of(num_terms: int) -> Items:
    """Return the items of so many terms."""
    terms = [f"{term:02}" for term in range(num_terms) for _ in range(ITEMS_OF_A_TERM)]
    return Items.of(range(len(terms)), terms)


def draw(rng: Generator, setting: Setting) -> tuple[list[Estimate], float]:
    """Return one metric of each replicate of a recipe, and its true value."""
    num_seeds, num_terms, effect, anew, alike, is_decision, gap = setting
    place = PLACE if gap is None else -NormalDist().inv_cdf(0.5 + gap / 100)
    items = items_of(num_terms)
    cluster_I = items.cluster_I
    of_term_I = rng.normal(0, math.sqrt(alike), num_terms)[cluster_I]
    lasting_I, *new = rng.normal(0, math.sqrt(1 - alike), (1 + num_seeds, len(cluster_I)))
    is_new_I = rng.random(len(cluster_I)) < anew
    density = math.exp(-(place**2) / 2) / math.sqrt(2 * math.pi)
    share = 0.5 * math.erfc(place / math.sqrt(2))
    se_of_items = math.sqrt((1 + (ITEMS_OF_A_TERM - 1) * alike) / len(cluster_I))
    if is_decision:
        se_of_items *= math.sqrt(share * (1 - share)) / density
    spread = effect * se_of_items
    outcomes_RI = np.array([of_term_I + np.where(is_new_I, new_I, lasting_I) for new_I in new])
    outcomes_RI += rng.normal(0, spread, (num_seeds, 1))
    if not is_decision:
        return [mean(outcomes_I, items) for outcomes_I in outcomes_RI], 0.0
    truth = 50 * math.erfc(place / math.sqrt(1 + spread**2) / math.sqrt(2))
    decisions_RI = 100.0 * (outcomes_RI > place)
    estimates = [mean(row_I, items, of_decisions=True) for row_I in decisions_RI]
    if gap is not None:
        return [distance(one, 50) for one in estimates], mean_gap(place, spread)
    return estimates, truth


@cache
def mean_gap(place: float, spread: float) -> float:
    """Return the mean distance of SS from 50 over many seeds, each measured on endless items."""
    of_seeds = np.random.default_rng(0).normal(0, spread, 10**5)
    return float(np.mean([abs(100 * NormalDist().cdf(one - place) - 50) for one in of_seeds]))


def means_of(replicates: list[Estimate], bounds: Bounds) -> tuple[RecipeMean, RecipeMean]:
    """Return the mean over replicates, where the record has items and where it has not."""
    values, errors = [one.value for one in replicates], [one.se for one in replicates]
    dfs = [one.df for one in replicates]
    known = (
        values,
        [math.nan if se is None else se for se in errors],
        [UNKNOWN_DF if se is None else df for se, df in zip(errors, dfs, strict=True)],
    )
    return mean_over_seeds(*known, of_items(replicates), bounds), mean_over_seeds(*known)


def simulate(setting: Setting, repetitions: int, seed: int = 0) -> tuple[Found, Found]:
    """Return what is found with the items of replicates, and without them."""
    rng = np.random.default_rng(seed)
    held: tuple[list[bool], list[bool]] = ([], [])
    halves: tuple[list[float], list[float]] = ([], [])
    errors = []
    bounds = ANY if setting.gap is None else FROM_50
    for _ in range(repetitions):
        replicates, truth = draw(rng, setting)
        for number, (value, se, df) in enumerate(means_of(replicates, bounds)):
            if not math.isnan(se):
                ends = interval(value, se, df)
                assert ends is not None
                held[number].append(ends[0] - 1e-9 <= truth <= ends[1] + 1e-9)
                halves[number].append((ends[1] - ends[0]) / 2)
        errors.append(value - truth)
    deviation = float(np.std(errors))
    with_items, without = (
        Found(
            float(np.mean(held[number])) if held[number] else math.nan,
            float(np.median(halves[number])) / deviation if held[number] else math.nan,
            1 - len(held[number]) / repetitions,
        )
        for number in (0, 1)
    )
    return with_items, without


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--alike", type=float, default=0.0)
    parser.add_argument("--numbers", action="store_true", help="outcomes that are no decisions")
    parser.add_argument("--gap", type=float, help="of |SS − 50|, whose true value is this")
    options = parser.parse_args()
    table = Table(title="% that hold the true value, half an interval: with items | without")
    for heading in ("seeds", "anew", "effect", *(f"{num} terms" for num in NUM_TERMS)):
        table.add_column(heading, justify="right")
    for num_seeds in NUM_SEEDS if options.gap is None else (*NUM_SEEDS, MANY_SEEDS):
        for anew in ANEW:
            for effect in EFFECTS:
                cells = []
                for num_terms in NUM_TERMS:
                    setting = Setting(
                        *(num_seeds, num_terms, effect, anew, options.alike),
                        *(not options.numbers, options.gap),
                    )
                    both = simulate(setting, options.repetitions)
                    words = [f"{100 * one.held:.1f} {one.half_width:.1f}" for one in both]
                    unknown = f" ({100 * both[0].unknown:.0f})" if both[0].unknown > 0.005 else ""
                    cells.append(" | ".join(words) + unknown)
                table.add_row(str(num_seeds), f"{anew:g}", f"{effect:g}", *cells)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
