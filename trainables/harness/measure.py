"""Measure a model on a task: the harness's requests, our answers, the harness's judgement of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from trainables.harness import library
from trainables.harness.declared import describe, is_of_decisions
from trainables.harness.estimates import average, estimate
from trainables.harness.loaded import Loaded, load
from trainables.metrics.estimate import Estimate

if TYPE_CHECKING:
    from trainables.models.language_model import LanguageModel

Key = tuple[str, str]  # the harness's names of a metric and of a filter


class Results(NamedTuple):
    """The results of one metric: the ids of the items that have one, and one result for each."""

    ids: list[int]
    values: list[Any]


def measure(
    model: LanguageModel, name: str, num_fewshot: int | None, limit: int | None
) -> dict[str, Estimate]:
    """Return the metrics that a task or group declares; all are NaN for a model that has diverged.

    The arguments are those of `loaded.load`.

    Raises:
        ValueError: an answer has no token, something does not fit into the model, or the task does
            not give a metric that it declares.
        AssetError: the data cannot be had.
    """
    from trainables.harness.engine import Diverged, Engine

    description = describe(name)
    tasks = load(name, num_fewshot, limit)
    is_group = len(tasks) > 1
    estimates: dict[Key, list[Estimate]] = defaultdict(list)
    try:
        for loaded in tasks:
            aggregations = loaded.task.aggregation()
            for key, results in judged(loaded, Engine(model)).items():
                if key in {(m.metric, m.filter) for m in description.measured}:
                    items = [f"{loaded.leaf.name} {n}" if is_group else str(n) for n in results.ids]
                    aggregate = aggregations.get(key[0], library.aggregations()["mean"])
                    estimates[key].append(_estimate(loaded, key[0], results, items, aggregate))
    except Diverged:
        return {m.declared.name: Estimate(math.nan) for m in description.measured}
    _refuse_missing(name, [(m.metric, m.filter) for m in description.measured], estimates)
    return {
        m.declared.name: average(parts, by_size=m.by_size) if is_group else parts[0]
        for m in description.measured
        if (parts := estimates[m.metric, m.filter])
    }


def _estimate(
    loaded: Loaded, metric: str, results: Results, items: Sequence[str], aggregate: Any
) -> Estimate:
    """Return the estimate of a metric from the results of the items, which have these names.

    aggregate: the harness's function from results to the value.

    Raises:
        ValueError: the harness cannot aggregate the results.
    """
    try:
        with library.quiet():  # of libraries, about parts without one of two labels
            decides = is_of_decisions(metric, results.values)
            return estimate(results.values, items, aggregate, of_decisions=decides)
    except Exception as error:  # of the harness's metrics, and of libraries below them
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ValueError(
            f"the task {loaded.leaf.name} of lm-evaluation-harness must have results of which "
            f"{metric} can be computed, but: {reason[:300]}"
        ) from error


def judged(loaded: Loaded, engine: Any) -> dict[Key, Results]:
    """Return the results of each metric and filter of a task, with the answers of a harness's model.

    engine: an `lm_eval.api.model.LM`.

    Raises:
        ValueError: the task cannot judge the answers, or `engine` cannot give one.
    """
    task = loaded.task
    requests_of_kind: dict[str, list[Any]] = defaultdict(list)
    requests_of_doc: dict[int, list[Any]] = defaultdict(list)
    for request in task.instances:
        request.resps.clear()  # of the model that was measured before
        request.filtered_resps.clear()
        requests_of_kind[request.request_type] += [request] * request.repeats
        requests_of_doc[request.doc_id].append(request)
    with library.seeded():
        for kind, requests in requests_of_kind.items():
            answers = getattr(engine, kind)(requests, disable_tqdm=True)
            for request, answer in zip(requests, answers, strict=True):
                request.resps.append(answer)
        try:
            with library.quiet():
                task.apply_filters()
                return _results(loaded, requests_of_doc)
        except Exception as error:  # of the code of the task, or of what it needs
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise ValueError(
                f"the task {loaded.leaf.name} of lm-evaluation-harness must be able to judge the "
                f"answers, but: {reason[:300]}"
            ) from error


def _results(loaded: Loaded, requests_of_doc: Mapping[int, Sequence[Any]]) -> dict[Key, Results]:
    """Return the results of each metric and filter of a task, from its answered requests by item."""
    results: dict[Key, Results] = defaultdict(lambda: Results([], []))
    for filter_name in loaded.task.instances[0].filtered_resps:
        for number, doc in loaded.docs:
            requests = sorted(requests_of_doc[number], key=lambda request: request.idx)
            answers = [request.filtered_resps[filter_name] for request in requests]
            for metric, value in loaded.task.process_results(doc, answers).items():
                key = (metric, filter_name)
                results[key].ids.append(number)
                results[key].values.append(value)
    return results


def _refuse_missing(name: str, declared: Sequence[Key], given: Mapping[Key, Any]) -> None:
    """Raise ValueError if a task gives no result for a metric that its YAML declares."""
    missing = [metric for metric, filter_name in declared if (metric, filter_name) not in given]
    if missing:
        got = ", ".join(sorted({metric for metric, _ in given})) or "none"
        raise ValueError(
            f"the task {name} must give the metrics that its YAML lists, but gives no "
            f"{', '.join(missing)} (given: {got})."
        )
