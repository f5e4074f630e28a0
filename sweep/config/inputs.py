"""The models and data sets that trials read, and the names by which their digests are recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Literal, NamedTuple

from sweep.config.input_faults.input_fault import InputFault, fault_of_evaluator
from trainables.config import ALIGNMENT, REGULARISER, REPLAY, TrialConfig
from trainables.data import sources
from trainables.evaluators import AnyEvaluator
from trainables.metrics.names import parse
from trainables.models import pretrained
from trainables.schema.faults import Place
from trainables.schema.text.shown import MAX_NAME, as_word

InputRole = Literal["model", "alignment", "replay", "regulariser", "evaluator"]

# What a trial reads the input for that a key of it names.
ROLES: dict[Place, InputRole] = {
    ("model", "path"): "model",
    ALIGNMENT: "alignment",
    REPLAY: "replay",
    REGULARISER: "regulariser",
    ("evaluators",): "evaluator",
}
KEYS: dict[str, Place] = {role: key for key, role in ROLES.items()}


class Input(NamedTuple):
    """A model or a data set that a trial reads.

    role:   what the trial reads it for.
    value:  what the trial has at the key of that role: a path, the name of a set, or an evaluator.
    source: that name, or that of what the evaluator measures on.
    digest: fetches it if it is not here yet, and returns its sha256.
    """

    role: InputRole
    value: str | AnyEvaluator
    source: str
    digest: Callable[[], str]

    @property
    def place(self) -> str:
        """The key of the spec that names it, as sentences have it: with the name of an evaluator."""
        return str(self.fault(""))

    def fault(self, sentence: str) -> InputFault:
        """Return a fault of it; the sentence is what follows its key, and the name of an evaluator."""
        if isinstance(self.value, str):
            return InputFault(KEYS[self.role], self.value, sentence)
        return fault_of_evaluator(self.value, sentence)

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
        path = trial.model.path
        yield Input("model", path, path, partial(pretrained.digest, path))
        for key, name in trial.named_sets().items():
            yield Input(ROLES[key], name, name, partial(sources.digest, name))
        for evaluator in trial.evaluators:
            dataset = parse(evaluator.metrics(trial.model.family)[0].name).dataset
            yield Input("evaluator", evaluator, dataset, evaluator.data_digest)


def sets_of(trial: TrialConfig) -> list[str]:
    """Return the names of the data sets of a trial, without its model."""
    return [entry.name for entry in inputs_of([trial]) if entry.role != "model"]


def inputs_by_name(trials: Iterable[TrialConfig]) -> dict[str, dict[str, Input]]:
    """Return name -> place -> input, for the inputs of trials, each once.

    Evaluators may have data of one name that differ. Their own names are in their places.
    """
    inputs: dict[str, dict[str, Input]] = {}
    for entry in inputs_of(trials):
        inputs.setdefault(entry.name, {})[entry.place] = entry
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
