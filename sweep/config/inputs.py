"""The models and data sets that trials read, and the names by which their digests are recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Literal, NamedTuple

from trainables.data import sources
from trainables.metrics.names import parse
from trainables.models import pretrained
from trainables.schema.text.shown import MAX_NAME, as_word

if TYPE_CHECKING:
    from trainables.config import TrialConfig

InputRole = Literal["model", "alignment", "replay", "regulariser", "evaluator"]

KEYS: dict[str, str] = {
    "model": "trial.model.path",
    "alignment": "trial.alignment.data",
    "replay": "trial.replay.data",
    "regulariser": "trial.regulariser.data",
    "evaluator": "trial.evaluators",
}


class Input(NamedTuple):
    """A model or a data set that a trial reads.

    key:    of the spec, where the input is named.
    role:   what the trial reads it for.
    source: its name there: a path, the name of a set, or what an evaluator measures on.
    digest: fetches it if it is not here yet, and returns its sha256.
    """

    key: str
    role: InputRole
    source: str
    digest: Callable[[], str]

    @property
    def name(self) -> str:
        """The name by which its digest is recorded, as alignment.bug."""
        return f"{self.role}.{self.source}"


def role_in(name: str) -> str:
    """Return the role in a recorded name of an input.

    >>> role_in("alignment.bug")
    'alignment'
    """
    return name.partition(".")[0]


def inputs_of(trials: Iterable[TrialConfig]) -> Iterator[Input]:
    """Yield every model and data set of every trial, some of them more than once."""
    for trial in trials:
        path, aligned = trial.model.path, trial.alignment.data
        yield Input(KEYS["model"], "model", path, partial(pretrained.digest, path))
        yield Input(KEYS["alignment"], "alignment", aligned, partial(sources.digest, aligned))
        if trial.replay:
            replayed = trial.replay.data
            yield Input(KEYS["replay"], "replay", replayed, partial(sources.digest, replayed))
        if texts := trial.regulariser.texts_from:
            digest = partial(sources.digest, texts)
            yield Input(KEYS["regulariser"], "regulariser", texts, digest)
        for evaluator in trial.evaluators:
            dataset = parse(evaluator.metrics(trial.model.family)[0].name).dataset
            key = f"{KEYS['evaluator']}: {evaluator.name}"
            yield Input(key, "evaluator", dataset, evaluator.data_digest)


def sets_of(trial: TrialConfig) -> list[str]:
    """Return the names of the data sets of a trial, without its model."""
    return [entry.name for entry in inputs_of([trial]) if entry.role != "model"]


def general_sets(trials: list[TrialConfig]) -> list[tuple[str, str]]:
    """Return (key of the spec, name) of every set of general texts, that of evaluators first."""
    evaluators = dict.fromkeys(chain.from_iterable(trial.evaluators for trial in trials))
    measured = {(f"evaluators: {e.name}", e.general) for e in evaluators if e.general}
    trained = {("replay.data", trial.replay.data) for trial in trials if trial.replay}
    trained |= {("regulariser.data", name) for t in trials if (name := t.regulariser.texts_from)}
    return [*sorted(measured), *sorted(trained)]


def inputs_by_name(trials: Iterable[TrialConfig]) -> dict[str, dict[str, Input]]:
    """Return name -> key -> input, for the inputs of trials, each once.

    Evaluators may have data of one name that differ. Their own names are in their keys.
    """
    inputs: dict[str, dict[str, Input]] = {}
    for entry in inputs_of(trials):
        inputs.setdefault(entry.name, {})[entry.key] = entry
    return inputs


def joined_digest(digests: Iterable[str]) -> str:
    """Return one digest for all inputs of a name, from that of each."""
    different = list(dict.fromkeys(digests))
    if len(different) == 1:
        return different[0]
    return hashlib.sha256(" ".join(different).encode()).hexdigest()


def reason_unread(error: Exception) -> str:
    """Return why an input cannot be read, as a clause."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {as_word(error.filename or '', MAX_NAME)}"
    return str(error).rstrip(".")
