"""What is wrong with sets that trials both train on and are measured on."""

from __future__ import annotations

from functools import partial

from sweep.config.input_faults.input_fault import InputFault, fault_in
from sweep.config.input_faults.read_data import read_data
from trainables import contamination, left_to_train
from trainables.config import TrialConfig
from trainables.models import pretrained


def overlap_faults(trials: list[TrialConfig]) -> list[InputFault]:
    """Return a fault for each set that a trial trains on and that holds texts it is measured on.

    Of benchmarks it may hold none, unless the trial allows it; of held-out general texts it may not
    consist. The models of the trials must be sound.
    """
    # Of trials with the same sets and model, whatever else differs, the one with the most pairs.
    trial_by_data = {
        (read_data(trial), trial.allow_overlap, trial.model): trial
        for trial in sorted(trials, key=lambda trial: trial.alignment.size or 0)
    }
    faults = []
    for trial in trial_by_data.values():
        model = trial.model
        load_tokenizer = partial(pretrained.tokenizer_of, model.path, model.family, model.opening)
        found = [
            *contamination.faults_of(trial),
            *left_to_train.faults_of(trial, load_tokenizer),
        ]
        faults += [fault_in(trial, fault) for fault in found]
    return faults
