"""Fetch the models and data of a sweep and look through them, before its first trial starts."""

from __future__ import annotations

from sweep.config.input_faults.data_faults import data_faults
from sweep.config.input_faults.input_fault import InputFault
from sweep.config.input_faults.model_faults import model_faults
from sweep.config.input_faults.overlap_faults import overlap_faults
from sweep.config.inputs import inputs_by_name, joined_digest, reason_unread
from sweep.config.places import with_lines
from sweep.config.sound_part import sound_trials
from sweep.config.spec import SweepSpec
from trainables.assets.errors import AssetError
from trainables.config import TrialConfig
from trainables.schema.faults import MAX_SENTENCES
from trainables.schema.text.printable import in_one_line
from trainables.schema.yaml_file import FURTHER, Document


class DoNotFit(ValueError):
    """Models or data are not as the spec needs them; a sentence for each fault, one a line."""


def prepare(spec: SweepSpec, document: Document | None = None) -> dict[str, str]:
    """Fetch every model and data set that the trials of a sweep may use, and check them.

    document: the file of the spec, with which each fault has its line.

    Returns:
        Name of an input (`Input.name`) -> its sha256.

    Raises:
        DoNotFit: a model or a set cannot be had, a model cannot be loaded, is of another family or
            lacks what is to be trained, a set is too small, a row lacks a field, or a trial would train
            on texts that it is measured on.
    """
    digests, faults = _digests_and_faults(spec.trials())
    if faults:
        raise DoNotFit("\n".join(map(in_one_line, _sentences(faults, document))))
    return digests


def faults_of_sound_part(document: Document) -> list[str]:
    """Return the faults of the models and data of a spec whose file has faults of its own."""
    return _sentences(_digests_and_faults(sound_trials(document))[1], document)


def _digests_and_faults(trials: list[TrialConfig]) -> tuple[dict[str, str], list[InputFault]]:
    """Return name -> sha256 of each input of these trials, and every fault."""
    digests, faults = _digests(trials)
    if not faults:
        faults = [*model_faults(trials), *data_faults(trials)]
    return digests, faults or overlap_faults(trials)


def _sentences(faults: list[InputFault], document: Document | None) -> list[str]:
    """Return the sentences of the first MAX_SENTENCES faults, each once, with lines if from a document.

    If there are more, the last one says so.
    """
    every = map(str, faults) if document is None else with_lines(document, faults)
    sentences: dict[str, None] = {}
    for sentence in every:
        if len(sentences) == MAX_SENTENCES and sentence not in sentences:
            return [*sentences, FURTHER]
        sentences[sentence] = None
    return list(sentences)


def _digests(trials: list[TrialConfig]) -> tuple[dict[str, str], list[InputFault]]:
    """Fetch every input once. Return name -> sha256, and a fault for each that cannot be had.

    After more faults than are shown the rest is not fetched.
    """
    digests: dict[str, str] = {}
    faults: list[InputFault] = []
    for name, inputs in inputs_by_name(trials).items():
        found = []
        for entry in inputs.values():
            if len(faults) > MAX_SENTENCES:
                break
            try:
                found.append(entry.digest())
            except (AssetError, ValueError) as error:
                faults.append(entry.fault(f": {error}"))
            except OSError as error:
                reason = reason_unread(error)
                faults.append(entry.fault(f": must be what can be read, but: {reason}."))
        digests[name] = joined_digest(found)
    return digests, faults
