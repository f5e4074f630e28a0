"""What a sound spec comes to, in sentences: its trials, and what they take of their data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

from sweep.config.input_faults.read_data import measured_texts, trained_texts
from sweep.config.spec import SweepSpec
from sweep.space import names
from trainables.config import REPLAY, TrialConfig
from trainables.contamination import TrainingPairs
from trainables.data import sources
from trainables.left_to_train import texts_left
from trainables.metrics.names import SHORTFALL
from trainables.models import pretrained
from trainables.schema.counted import counted


def summary(spec: SweepSpec) -> list[str]:
    """Return sentences on a spec whose models and data are there: its trials, then their parts.

    Raises:
        ValueError, AssetError: as `preflight.prepare`, which is to be called first.
    """
    trials = spec.trials()
    return [
        _trials(spec),
        f"goals: {', '.join(spec.goals)}.",
        f"searched: {', '.join(names.searched_names(spec.trial)) or 'nothing'}.",
        *_start(trials[0]),
        *_pairs(trials),
        *_replay(trials),
        *_divisions(trials),
    ]


def _trials(spec: SweepSpec) -> str:
    """Return how many trials and recipes there are, and whether a recipe will lack seeds."""
    sampler, num_trials, num_seeds = spec.search.sampler, spec.num_trials, spec.replicates.seeds
    trials = counted(num_trials, "trial")
    if sampler.is_exhaustive:
        trials += f" of a {sampler.name} of {counted(sampler.num_points(spec.trial), 'point')}"
    if num_seeds == 1:
        return f"{trials}."
    num_whole, num_left = divmod(num_trials, num_seeds)
    recipes = f"{counted(num_whole, 'recipe')} of {num_seeds} seeds"
    if not num_left:
        return f"{trials}, {recipes}."
    last = f"one of {counted(num_left, 'seed')} alone"
    fitting = " or ".join(str(n * num_seeds) for n in (num_whole, num_whole + 1) if n)
    return (
        f"{trials}, {f'{recipes} and {last}' if num_whole else last}: replicates.seeds is "
        f"{num_seeds}, so that no recipe lacks seeds if budget.trials is {fitting}."
    )


def _start(trial: TrialConfig) -> Iterator[str]:
    """Yield what the model of all trials reads before a text."""
    if trial.model.family == "causal":
        yield pretrained.start_sentence(trial.model.path, trial.model.opening)


def _pairs(trials: Iterable[TrialConfig]) -> Iterator[str]:
    """Yield how many pairs each alignment set has, and how many of them a trial takes."""
    sizes = defaultdict(set)
    for trial in trials:
        sizes[_pair_set(trial)].add(trial.alignment.size)
    for pair_set, taken in sizes.items():
        num_pairs = sum(1 for _ in sources.read_pairs(*pair_set))
        yield (
            f"{pair_set.data}: {counted(num_pairs, 'pair')} to align on, of which a trial takes "
            f"{_in_words(taken)} (alignment.size)."
        )


def _in_words(sizes: set[int | None]) -> str:
    """Return the sizes that are drawn, in words; None stands for all pairs.

    >>> _in_words({200, 1000}), _in_words({5, 7, 9}), _in_words({None})
    ('200 or 1000', '5 to 9', 'all')
    """
    numbers = sorted(size for size in sizes if size is not None)
    words = [str(number) for number in numbers]
    if len(words) > 2:
        words = [f"{words[0]} to {words[-1]}"]
    return " or ".join([*words, *(["all"] if None in sizes else [])])


def _replay(trials: Iterable[TrialConfig]) -> Iterator[str]:
    """Yield how many texts each replay set has, how many a trial may want, and what it will lack.

    The text of a pair and what is held out are not replayed (trainables/training/stream.py).
    """
    trials_by_set: dict[str, list[TrialConfig]] = defaultdict(list)
    for trial in trials:
        if name := trial.trained_texts().get(REPLAY):
            trials_by_set[name].append(trial)
    for name, some in trials_by_set.items():
        ratio = max(trial.replay.ratio for trial in some if trial.replay)
        num_texts = max(trial.train.last_step * trial.train.batch_size for trial in some)
        different = {(_pair_set(trial), trial.evaluators): trial for trial in some}
        num_wanted = round(ratio * num_texts)
        texts = min((texts_left(trial, name) for trial in different.values()), key=len)
        num_there, num_repeats = len(texts), len(texts) - len(set(texts))
        there = f"{name}: {counted(num_there, 'text')} to replay"
        there += f" ({counted(num_repeats, 'repeat')} among them)" * bool(num_repeats)
        if num_wanted <= num_there:
            yield f"{there}, of which a trial takes at most {num_wanted}."
        else:
            yield (
                f"{there}, but a trial may want {num_wanted} (replay.ratio {ratio:g} of "
                f"{counted(num_texts, 'text')}, which is train.steps × train.batch_size): new texts "
                f"take the places of the {num_wanted - num_there} that are missing ({SHORTFALL})."
            )


def _pair_set(trial: TrialConfig) -> TrainingPairs:
    """Return the alignment set of a trial, with the rule that makes its twins."""
    return TrainingPairs(trial.alignment.data, trial.alignment.swap, trial.alignment.words)


def _divisions(trials: list[TrialConfig]) -> Iterator[str]:
    """Yield a sentence on each set of which a part is kept to measure on."""
    divided = chain(measured_texts(trials), trained_texts(trials))
    for name in dict.fromkeys(name for _, name in divided):
        held_out, num_sources, num_texts = sources.num_held_out(name)
        of = "" if num_sources == held_out else f" ({counted(num_sources, 'source')})"
        yield (
            f"{name}: {held_out} of {counted(num_texts, 'text')} {'is' if held_out == 1 else 'are'} "
            f"held out of training, to measure on{of}."
        )
    evaluators = dict.fromkeys(chain.from_iterable(trial.evaluators for trial in trials))
    yield from filter(None, (evaluator.division() for evaluator in evaluators))
