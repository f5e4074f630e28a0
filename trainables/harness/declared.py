"""The metrics of a task, read from its YAML before anything runs; tasks that cannot be measured.

No code that a YAML names is run here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from trainables.harness import folder, library
from trainables.harness.index import Leaf, find, leaves
from trainables.metrics import bounds
from trainables.metrics.metric import Metric
from trainables.metrics.names import RELATIVE
from trainables.schema.faults import did_you_mean

OUTPUT_TYPES = ("multiple_choice", "loglikelihood", "loglikelihood_rolling", "generate_until")
NONE = "none"  # the name of the filter of a task that lists no filters
# Unit, least and greatest value of the metrics that are known. The greater is the ideal if higher is
# better, and the worst if it is not. Perplexities have no greatest value: this is that of `perplexity`.
RANGES = {
    **dict.fromkeys(
        ("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match", "em"),
        ("share", 0.0, 1.0),
    ),
    **dict.fromkeys(("f1", "mcc"), ("", 0.0, 1.0)),
    "brier_score": ("", 0.0, 2.0),
    **dict.fromkeys(("perplexity", "word_perplexity"), ("", 1.0, 1e5)),
    "byte_perplexity": ("", 1.0, 256.0),
    "bits_per_byte": ("bits/byte", 0.0, 8.0),
    **dict.fromkeys(("bleu", "chrf", "chrf++"), ("points", 0.0, 100.0)),
    "ter": ("%", 0.0, 100.0),
    "likelihood_diff": ("nats", 0.0, 20.0),
}
UNKNOWN = ("", 0.0, 1.0)
# The lowest and highest possible values, where they are known; most are those of the range.
BOUNDS: dict[str, bounds.Bounds] = {
    **{metric: (low, high) for metric, (_, low, high) in RANGES.items()},
    "mcc": (-1.0, 1.0),
    **dict.fromkeys(("perplexity", "word_perplexity", "byte_perplexity"), (1.0, None)),
    **dict.fromkeys(("bits_per_byte", "ter", "likelihood_diff"), bounds.NOT_NEGATIVE),
    "pct_stereotype": bounds.SHARE,
}
# The harness calls the lower share the better one, though a fair model has this one.
IDEALS = {"pct_stereotype": 0.5}
# Metrics whose results are right or wrong, or one sentence preferred or the other.
OF_DECISIONS = {metric for metric, (unit, _, _) in RANGES.items() if unit == "share"} | {*IDEALS}
BY_CHANCE = ("acc", "acc_norm", "acc_bytes", "acc_mutual_info")


class Measured(NamedTuple):
    """One metric of a task or group.

    metric:   its name in the harness.
    filter:   the harness's filter of the answers that it is computed on.
    by_size:  whether a group's tasks count by their number of items, not equally.
    declared: its declaration.
    """

    metric: str
    filter: str
    by_size: bool
    declared: Metric


class Description(NamedTuple):
    """What can be known of a task or group before its data are read.

    leaves:   its tasks; one, unless it is a group.
    measured: its metrics.
    """

    leaves: tuple[Leaf, ...]
    measured: tuple[Measured, ...]

    def fixes(self, num_fewshot: int) -> bool:
        """Return whether a YAML fixes another number of examples: at 0, which the harness keeps."""
        return num_fewshot > 0 and any(leaf.config.get("num_fewshot") == 0 for leaf in self.leaves)

    def is_usual(self, num_fewshot: int | None) -> bool:
        """Return whether a number of examples, or None, is what the YAML of every task sets."""
        if num_fewshot is None:
            return True
        return all((leaf.config.get("num_fewshot") or 0) == num_fewshot for leaf in self.leaves)


def describe(name: str) -> Description:
    """Return what can be known of a task or group before its data are read.

    Raises:
        ValueError: it cannot be found or measured; the sentence is for the key `task` of a spec.
    """
    return _describe(name, folder.current())


@lru_cache(maxsize=64)
def _describe(name: str, _folder: folder.Folder | None) -> Description:
    """Return `describe` for tasks that may be found in this folder."""
    parts = tuple(leaves(name))
    for leaf in parts:
        _refuse_unusable(leaf)
    entry = find(name)
    if entry.kind == "GROUP" and entry.path:
        measured = tuple(_of_group(name, library.read_yaml(entry.path), parts))
    else:
        measured = tuple(_of_task(parts[0]))
    if not measured:
        raise ValueError(f"must be a task with a metric, but {name} has none")
    return Description(parts, measured)


def _refuse_unusable(leaf: Leaf) -> None:
    """Raise ValueError if a task cannot be measured here, with the reason."""
    name, config = leaf.name, leaf.config
    output_type = config.get("output_type", "generate_until")
    reasons = {
        "is a Python class, whose metrics no YAML declares": "class" in config,
        "runs code that the model has written (unsafe_code)": bool(config.get("unsafe_code")),
        "shows images or plays sounds": bool(
            config.get("doc_to_image") or config.get("doc_to_audio")
        ),
        f"has the output_type {output_type!r}, which is none of {', '.join(OUTPUT_TYPES)}": (
            output_type not in OUTPUT_TYPES
        ),
    }
    for reason, is_so in reasons.items():
        if is_so:
            raise ValueError(f"must be a task that can be measured here, but {name} {reason}")


def _metrics_in(config: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield (name, whether higher is better) of each metric of a task's YAML.

    Raises:
        ValueError: a metric is not known or code of the Hub, or its direction is unknown.
    """
    name = config.get("task")
    listed = config.get("metric_list")
    if listed is None:
        output_type = config.get("output_type", "generate_until")
        listed = [{"metric": metric} for metric in library.default_metrics(output_type)]
    for entry in listed:
        metric = str(entry["metric"])
        is_own_code = metric.startswith("/")  # a function, given as the path of its code
        metric = metric.rpartition(".")[2] if is_own_code else metric
        if metric == "bypass":
            continue
        is_computed_by_task = is_own_code or config.get("process_results") is not None
        if entry.get("hf_evaluate"):
            raise ValueError(
                f"must be a task whose metrics come with the harness, but {metric} of {name} is code "
                "of the Hugging Face Hub, which is never run"
            )
        if not is_computed_by_task and metric not in library.known_metrics():
            raise ValueError(
                "must be a task whose metrics come with the harness, and not from the Hugging Face "
                f"Hub, whose code is never run, but {metric} of {name} is none of its metrics"
                f"{did_you_mean(metric, library.known_metrics())}"
            )
        higher = entry.get("higher_is_better", library.higher_is_better(metric))
        if higher is None:
            raise ValueError(
                f"must be a task that says whether a higher {metric} is better, but {name} does not: "
                "add higher_is_better to its YAML"
            )
        yield metric, bool(higher)


def _filters_in(config: dict[str, Any]) -> list[str]:
    """Return the names of a task's filters."""
    listed = config.get("filter_list")
    return [NONE] if listed is None else [str(entry["name"]) for entry in listed]


def _of_task(leaf: Leaf) -> Iterator[Measured]:
    """Yield each metric of a task, on the answers of each of its filters."""
    filters = _filters_in(leaf.config)
    for metric, higher in _metrics_in(leaf.config):
        for name in filters:
            quantity = metric if len(filters) == 1 else f"{metric}_{name}"
            declared = _declaration(leaf.name, metric, quantity, higher, leaf.config)
            yield Measured(metric, name, True, declared)


def _of_group(name: str, config: dict[str, Any], parts: tuple[Leaf, ...]) -> Iterator[Measured]:
    """Yield each metric that a group averages over its tasks.

    Raises:
        ValueError: it does not say which, or averages in another way than by the mean.
    """
    listed = config.get("aggregate_metric_list") or []
    if not listed:
        raise ValueError(
            f"must be one task, or a group that says how its tasks are averaged, but {name} does not "
            f"say it: take one evaluator for each of {', '.join(leaf.name for leaf in parts)}"
        )
    for entry in [listed] if isinstance(listed, dict) else listed:
        metric = str(entry["metric"])
        if entry.get("aggregation", "mean") != "mean":
            raise ValueError(
                f"must be a group that averages by the mean, but {name} does so by code of its own"
            )
        owners = [leaf for leaf in parts if metric in dict(_metrics_in(leaf.config))]
        if not owners:
            raise ValueError(
                f"must be a group whose tasks have what it averages, but none of {name} has {metric}"
            )
        filters = entry.get("filter_list") or sorted(
            {name for leaf in owners for name in _filters_in(leaf.config)}
        )
        filters = [filters] if isinstance(filters, str) else filters
        for filter_name in filters:
            quantity = metric if len(filters) == 1 else f"{metric}_{filter_name}"
            higher = dict(_metrics_in(owners[0].config))[metric]
            declared = _declaration(name, metric, quantity, higher, owners[0].config)
            by_size = bool(entry.get("weight_by_size", True))
            yield Measured(metric, filter_name, by_size, declared)


def _declaration(
    task: str, metric: str, quantity: str, higher: bool, config: dict[str, Any]
) -> Metric:
    """Return the declaration of a metric, from its name in the harness and its direction.

    Raises:
        ValueError: its name says that it is a change against the base, which it is not.
    """
    if quantity.endswith(RELATIVE):
        raise ValueError(
            f"must be a task whose metrics do not end in {' or '.join(RELATIVE)}, which changes "
            f"against the base do, but {task} has {quantity}"
        )
    unit, low, high = RANGES.get(metric, UNKNOWN)
    choices = config.get("doc_to_choice")
    if metric in BY_CHANCE and higher and isinstance(choices, list) and choices:
        low = high / len(choices)
    ideal, worst = (high, low) if higher else (low, high)
    about, ends = f"{metric} of {task}", BOUNDS.get(metric, bounds.ANY)
    if metric in IDEALS:
        name = f"task/{plain(task)}/{plain(quantity)}"
        return Metric(name, "share", "nearer", IDEALS[metric], 1.0, about, _source(), *ends)
    if metric not in RANGES:
        about += ", whose range is taken as 0 to 1"
    return Metric(
        f"task/{plain(task)}/{plain(quantity)}", unit, "higher" if higher else "lower",
        ideal, worst, about, _source(), *ends,
    )  # fmt: skip


def is_of_decisions(metric: str, results: Sequence[Any]) -> bool:
    """Return whether the results of a metric are decisions, given its name in the harness.

    Of a metric that a task computes by code of its own, nobody says: they are if each is 0 or 1.
    """
    if metric in RANGES or metric in IDEALS:
        return metric in OF_DECISIONS
    return all(isinstance(result, int | float) and result in (0, 1) for result in results)


def _source() -> str:
    """Return the name and the version of the harness."""
    return f"lm-evaluation-harness {library.version()}"


def plain(name: str) -> str:
    """Return a name of the harness in characters that MLflow takes.

    >>> plain("chrf++"), plain("pass@1"), plain("exact_match_strict-match")
    ('chrfpp', 'pass_at_1', 'exact_match_strict-match')
    """
    return re.sub(r"[^\w.:-]", "_", name.replace("+", "p").replace("@", "_at_"))
