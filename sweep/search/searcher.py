"""ParetoSearch: Ray Tune asks, an Optuna study that we own answers.

The study (sweep/search/study.py) is the only memory of the search: Tune pickles nothing of it, and a
killed sweep goes on from what the study says. One trial = one Optuna trial = one number, which names
it everywhere.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState
from ray.tune.search import Searcher

from sweep.config.check import fault_of_trial
from sweep.outcome import Outcome, outcome_of
from sweep.samplers.base import RETRY_OF
from sweep.search.study import OPTUNA_STATES
from sweep.space import draw
from sweep.tracking.requests import Requests
from sweep.workers.result import FAULT, TrialResult

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from trainables.metrics.metric import Metric


def _raise(trouble: Exception) -> None:
    raise trouble


class ParetoSearch(Searcher):  # type: ignore[misc]
    """A ray.tune Searcher over several goals, to be run without Tune's metric and mode.

    Trials that the study knows as begun and not ended are suggested first, under their own number
    and with their own parameters. `on_end` hears of each trial once it is told to Optuna; `asked`
    says what people want of the sweep at the moment; `on_trouble` hears what kept a trial's end from
    being told or recorded, after which the sweep must end (Tune would run the trial once more).
    """

    def __init__(
        self,
        spec: SweepSpec,
        study: optuna.Study,
        metrics: Mapping[str, Metric],
        on_end: Callable[[Outcome], None],
        asked: Callable[[], Requests] = Requests,
        on_trouble: Callable[[Exception], None] = _raise,
    ) -> None:
        super().__init__(metric=None, mode=None)
        self._spec = spec
        self._study = study
        self.metrics = metrics
        self._on_end = on_end
        self._asked = asked
        self._on_trouble = on_trouble
        self._live: dict[str, optuna.Trial] = {}
        self._failures: dict[str, str] = {}
        self._deaths: dict[str, str] = {}
        known = study.get_trials(deepcopy=False)
        self._interrupted = [
            (t.number, t._trial_id) for t in known if t.state == TrialState.RUNNING
        ]
        self._num_new = max(0, spec.num_trials - sum(RETRY_OF not in t.user_attrs for t in known))
        hours = spec.budget.hours
        self._deadline = time.monotonic() + (hours * 3600 if hours else math.inf)
        self.out_of_time = False

    @property
    def num_left(self) -> int:
        """Trials that have not ended, those to be tried again apart that have no number yet."""
        begun = len(self._interrupted) + len(self._live)
        return self._num_new + begun + len(self._waiting())

    @property
    def num_to_run(self) -> int:
        """Trials that there is still something to do for."""
        return self.num_left + len(self._to_retry())

    @property
    def num_trials(self) -> int:
        """All trials, those that are yet to come included."""
        known = self._study.get_trials(deepcopy=False)
        return self._num_new + len(known) + len(self._to_retry())

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        wish = self._asked().request
        self.out_of_time = time.monotonic() >= self._deadline
        if self.out_of_time or wish in ("stop", "cancel"):
            return str(Searcher.FINISHED)
        if wish == "pause" and self.num_to_run:
            return None
        trial = self._next()
        if trial is None:  # one that fails may be asked to be tried again
            return None if self._live else str(Searcher.FINISHED)
        self._live[trial_id] = trial
        tree = draw.suggest(self._spec.trial, trial)
        config: dict[str, Any] = {"number": trial.number, "trial": tree}
        if fault := fault_of_trial(tree):
            config[FAULT] = fault
        return config | {k: v for k, v in trial.user_attrs.items() if k == RETRY_OF}

    def _next(self) -> optuna.Trial | None:
        """What was interrupted, what is to be tried again, what is new: in this order."""
        if self._interrupted:
            number, trial_id = self._interrupted.pop(0)
            self._study.sampler = self._sampler(number)
            return optuna.Trial(self._study, trial_id)
        for failed in self._to_retry():
            self._study.enqueue_trial(failed.params, user_attrs={RETRY_OF: failed.number})
        if not (waiting := self._waiting()):
            if not self._num_new:
                return None
            self._num_new -= 1
        number = waiting[0] if waiting else len(self._study.get_trials(deepcopy=False))
        self._study.sampler = self._sampler(number)
        return self._study.ask()

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        """Return a sampler for one trial, seeded by the number of the trial.

        With one for each, a search that was interrupted suggests the trials that an undisturbed one
        would have suggested.
        """
        text = f"{self._spec.name} {self._spec.search.seed} {number}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
        return self._spec.search.sampler.build(seed, self._spec.trial)

    def _waiting(self) -> list[int]:
        """Trials that are to be tried again, and have a number already."""
        waiting = (TrialState.WAITING,)
        return [t.number for t in self._study.get_trials(deepcopy=False, states=waiting)]

    def _to_retry(self) -> list[optuna.trial.FrozenTrial]:
        """Failed trials that are asked to be tried again, and have not been."""
        asked = self._asked().retried_trials
        if not asked:
            return []
        known = self._study.get_trials(deepcopy=False)
        tried = {trial.user_attrs.get(RETRY_OF) for trial in known}
        failed = [trial for trial in known if trial.state == TrialState.FAIL]
        return [trial for trial in failed if trial.number in asked - tried]

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing is learnt before a trial ends, but why it is about to fail."""
        reported = TrialResult.of(result)
        if reported and reported.failure:
            self._failures[trial_id] = reported.failure

    def on_death(self, trial_id: str, why: str) -> str:
        """A trial's process has died, of that, or because it was asked to; it may be tried again."""
        trial = self._live.get(trial_id)
        if trial is not None and trial.number in self._asked().cancelled_trials:
            why = "cancelled"
        self._deaths[trial_id] = why
        return why

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        trial = self._live.get(trial_id)
        if trial is None:
            return
        try:
            ending = self._tell(trial_id, trial, TrialResult.of(result), error=error)
            del self._live[trial_id]
            self._on_end(ending)
        except Exception as trouble:  # of a database, of a disk
            self._on_trouble(trouble)

    def _tell(
        self,
        trial_id: str,
        trial: optuna.Trial,
        result: TrialResult | None,
        *,
        error: bool,
    ) -> Outcome:
        said, death = self._failures.pop(trial_id, ""), self._deaths.pop(trial_id, "")
        if error:
            said = said or death
        state, failure = outcome_of(result, error=error)
        ending = Outcome(trial.number, state, said or failure)
        if ending.state == "complete":
            assert result is not None
            for name, bound in self._spec.constraints.items():
                trial.set_constraint(name, bound.excess(result.metrics[name]))
            costs = [self.metrics[goal].cost(result.metrics[goal]) for goal in self._spec.goals]
            self._study.tell(trial, costs)
        else:
            if ending.failure:
                trial.set_user_attr("failure", ending.failure)
            self._study.tell(trial, state=OPTUNA_STATES[ending.state])
        return ending

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its searcher, but the study is the memory."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing, for the same reason."""

    def restore(self, checkpoint_path: str) -> None:
        """See sweep.study.open_study."""
