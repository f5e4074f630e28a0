"""What is wrong with the models of a sweep, for its trials."""

from __future__ import annotations

from functools import partial

from sweep.config.input_faults.input_fault import (
    InputFault,
    fault_in,
    fault_of_evaluator,
    faults_of,
)
from sweep.config.input_faults.reading_faults import reading_faults
from trainables.assets import cache
from trainables.config import TrialConfig
from trainables.data.tokenizer import Family
from trainables.models import pretrained
from trainables.models.fitness.tested import Ability
from trainables.objectives.base import Objective
from trainables.schema.faults import Fault


def model_faults(trials: list[TrialConfig]) -> list[InputFault]:
    """Return a fault for each model that a trial could not load, or not train as it says.

    That is one of another family, of an architecture that is not known or would be measured wrongly,
    without some of its weights or special tokens, or without what parameters, objective or precision
    need; or one that reads the texts of a set as alike, or not to their end.
    """
    faults = []
    for path, family in sorted({(trial.model.path, trial.model.family) for trial in trials}):
        try:
            structure = pretrained.look_through(path, family)
            abilities = pretrained.abilities_of(path, family)
        except ValueError as error:
            faults.append(_why_unfit(path, family, error))
            continue
        of_model = [t for t in trials if (t.model.path, t.model.family) == (path, family)]
        for parameters, trial in {trial.parameters: trial for trial in of_model}.items():
            faults += faults_of(partial(parameters.refuse_misfit, path, structure), trial)
        for objective, trial in {trial.objective: trial for trial in of_model}.items():
            # Only a few look at the tokenizer, and to load one takes seconds.
            if type(objective).refuse_misfit is not Objective.refuse_misfit:
                asked = (objective.model_dump_json(), cache.source_digest("objectives", "data"))
                check = partial(
                    pretrained.check_tokenizer, path, family, objective.refuse_misfit, asked
                )
                faults += faults_of(check, trial)
        trial_by_needs = {(t.objective, t.train.dtype, t.evaluators): t for t in of_model}
        for trial in trial_by_needs.values():
            faults += _faults_of_lacks(trial, abilities)
        faults += reading_faults(of_model)
        with_start = [trial for trial in of_model if family == "causal"]
        for opening, trial in {trial.model.opening: trial for trial in with_start}.items():
            faults += faults_of(partial(pretrained.start_of, path, opening), trial)
    return faults


def _faults_of_lacks(trial: TrialConfig, abilities: frozenset[Ability]) -> list[InputFault]:
    """Return the faults of a trial for which its model is not able enough."""
    path, family = trial.model.path, trial.model.family
    faults = []
    if trial.objective.reads_states and "layers" not in abilities:
        sentence = (
            f"must be of an objective that reads no hidden states, as {path} returns others than one "
            f"a token and block, but got {trial.objective.name!r}."
        )
        faults.append(fault_in(trial, Fault(("objective", "name"), sentence)))
    if trial.train.dtype == "bf16" and "bf16" not in abilities:
        sentence = (
            f"must be fp32 for {path}, which has parts that compute in fp32 whatever its weights are, "
            f"but got 'bf16'."
        )
        faults.append(fault_in(trial, Fault(("train", "dtype"), sentence)))
    as_harness = [evaluator for evaluator in trial.evaluators if evaluator.starts_as_harness]
    if as_harness and family == "causal" and not pretrained.has_harness_start(path):
        sentence = (
            f" must be left out for {path}, whose tokenizer has neither a BOS nor an EOS token, from "
            f"which lm-evaluation-harness predicts the first token of a text."
        )
        faults += [fault_of_evaluator(evaluator, sentence) for evaluator in as_harness]
    return faults


def _why_unfit(path: str, family: Family, error: ValueError) -> InputFault:
    """Return the fault of a model that cannot be loaded as one of a family, given the error."""
    try:
        real_family = pretrained.family_of(path)
    except ValueError:
        real_family = family
    if real_family == family:
        return InputFault(("model", "path"), path, f": {error}")
    sentence = f" must be {real_family}, as {path} is a {real_family} model, but got {family!r}."
    return InputFault(("model", "family"), family, sentence)
