"""The process that measures what a trial takes.

    python -m sweep.planning.calibration.measuring REQUEST ANSWER

It does what a worker does (sweep/workers/worker.py), without Ray: it loads the model, and makes a few
steps of some trials and one measurement by each evaluator. Its arguments are files of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.models.language_model import LanguageModel

WARM_STEPS = 2  # before steps are timed: they fill caches and reserve memory
TIMED_S, MAX_TIMED = 4.0, 40  # steps are timed until either is reached, WARM_STEPS at least
LOOKED_AT = 40  # steps of a trial whose tokens are counted


class Request(NamedTuple):
    """What is to be measured.

    Attributes:
        trials: whose steps are timed, as trees; the evaluators are those of the first.
        spawned: the time at which the process was started, in seconds since 1970.
        evaluates_first: whether evaluators come before steps. Processes that are measured at the same
            time take turns, so that none waits for the base values of another.
    """

    trials: list[dict[str, Any]]
    spawned: float
    evaluates_first: bool


def measured(request: Request) -> dict[str, Any]:
    """Return what was measured, in plain values.

    Its keys are start_s, setup_s, peak_memory, share (of the time in which this process had its
    processor), steps (seconds and tokens_s of each trial, in order) and evaluations (evaluator as JSON
    -> seconds).
    """
    from trainables.config import TrialConfig
    from trainables.models.loading import load
    from trainables.training.process_group import start_deepspeed

    trials = [TrialConfig.model_validate(tree) for tree in request.trials]
    first = trials[0]
    model = load(first.model.path, first.model.family, first.model.opening)
    model.reset(first.train.dtype)
    start_deepspeed()
    start_s = time.time() - request.spawned
    began, had = time.perf_counter(), time.thread_time()
    evaluations: dict[str, float] = {}
    if request.evaluates_first:
        evaluations = _evaluations(first, model)
    steps, setups = [], []
    for trial in trials:
        setup_s, step = _steps(trial, model)
        setups.append(setup_s)
        steps.append(step)
    evaluations = evaluations or _evaluations(first, model)
    share = (time.thread_time() - had) / (time.perf_counter() - began)
    return {
        "start_s": start_s,
        "setup_s": median(setups[1:] or setups),  # the first one also tokenises the data
        "steps": steps,
        "evaluations": evaluations,
        "peak_memory": _peak_memory(model),
        # A GPU is computing while this process waits.
        "share": 1.0 if model.device.type == "cuda" else min(1.0, share),
    }


def _steps(trial: TrialConfig, model: LanguageModel) -> tuple[float, dict[str, float]]:
    """Return the seconds before the first step of a trial, and {seconds, tokens_s} of its steps."""
    import torch

    from trainables.determinism import only_repeatable_kernels
    from trainables.training.engine import Engine
    from trainables.training.loss import loss
    from trainables.training.shards import module_to_cut
    from trainables.training.stream import MicroBatch, Stream

    def batches_of(step: int) -> list[MicroBatch]:
        return list(stream.micro_batches(step % trial.train.steps))

    began = time.perf_counter()
    model.reset(trial.train.dtype)
    stream = Stream(trial, model)
    prepared = trial.objective.prepare(model, stream.pairs)
    drops_nothing = trial.objective.uses_base or trial.regulariser.uses_base
    with ExitStack() as stack:
        stack.enter_context(module_to_cut(model, trial.train))
        stack.enter_context(trial.parameters.training(model, trial.seed))
        stack.enter_context(trial.objective.training(model))
        stack.enter_context(trial.regulariser.training(model))
        engine = stack.enter_context(Engine(model, trial.train, trial.regulariser.pull_to_base))
        setup_s = time.perf_counter() - began
        times: list[tuple[float, int]] = []
        total_s, num_made = 0.0, 0
        while num_made < 2 * WARM_STEPS or (total_s < TIMED_S and num_made < MAX_TIMED):
            began = time.perf_counter()
            model.train(own_dropout=trial.objective.sets_dropout or not drops_nothing)
            batches = batches_of(num_made % WARM_STEPS)
            for batch in batches:
                with only_repeatable_kernels(model.takes_repeatable_kernels):
                    engine.backward(loss(trial, model, batch, prepared).total)
            if model.device.type == "cuda":
                torch.cuda.synchronize()
            seconds = time.perf_counter() - began
            if num_made >= WARM_STEPS:
                times.append((seconds, sum(map(_num_tokens, batches))))
                total_s += seconds
            num_made += 1
    every = max(1, trial.train.steps // LOOKED_AT)
    looked_at = range(0, trial.train.steps, every)
    mean_tokens = sum(_num_tokens(b) for n in looked_at for b in batches_of(n)) / len(looked_at)
    seconds_a_token = sum(s for s, _ in times) / max(1, sum(tokens for _, tokens in times))
    return setup_s, {"seconds": seconds_a_token * mean_tokens, "tokens_s": 1 / seconds_a_token}


def _num_tokens(batch: Any) -> int:
    """Return how many tokens of a micro-batch are read with gradient: equal rows once."""
    pairs = [text for pair in batch.pairs for text in (pair.stereotype, pair.antistereotype)]
    rows = {tuple(query.ids) for query in (*batch.texts, *pairs, *batch.anchors)}
    return sum(map(len, rows))


def _evaluations(trial: TrialConfig, model: LanguageModel) -> dict[str, float]:
    """Return evaluator as JSON -> seconds of one measurement, after the base is measured and kept."""
    from trainables.measure import base_value

    seconds = {}
    for evaluator in trial.evaluators:
        base = base_value(evaluator, model, trial.train.dtype)
        model.reset(trial.train.dtype)
        began = time.perf_counter()
        evaluator.measure(model, base)
        seconds[evaluator.model_dump_json()] = time.perf_counter() - began
    return seconds


def _peak_memory(model: LanguageModel) -> int:
    """Return the most bytes that this process has had at once, of the device that it computes on."""
    import resource

    import torch

    if model.device.type == "cuda":
        return int(torch.cuda.max_memory_reserved())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    request_file, answer_file = map(Path, sys.argv[1:])
    answer = measured(Request(**json.loads(request_file.read_text(encoding="utf-8"))))
    answer_file.write_text(json.dumps(answer), encoding="utf-8")
