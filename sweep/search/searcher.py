"""ParetoSearch, which connects Ray Tune to an Optuna study.

The study (sweep/search/study.py) is the only memory of the search: Tune pickles nothing of it, and a
killed sweep goes on from it. A trial of the sweep is one trial of Optuna. Optuna's number of the trial
names it everywhere.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState
from ray.tune.search import Searcher

from analysis.record import names
from sweep.config.check import fault_of_trial
from sweep.outcome import Outcome, outcome_of
from sweep.search import replicates
from sweep.search.interrupted import InterruptedTrial
from sweep.search.study import OPTUNA_STATES
from sweep.space import draw
from sweep.tracking.control_requests import Requests
from sweep.trial_request import REPLICATE_OF, RETRY_OF, TrialRequest
from sweep.workers.result import TrialResult
from trainables.config import TrialConfig

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from trainables.metrics.metric import Metric


def _raise(error: Exception) -> None:
    """Raise an exception, as a function."""
    raise error


class ParetoSearch(Searcher):  # type: ignore[misc]
    """A ray.tune Searcher over several goals; Tune's own metric and mode must not be set.

    Trials that the study knows as begun and not ended are suggested first, under their own number and
    with their own parameters.

    out_of_time: whether the hours of the budget were over at the last call of `suggest`.
    """

    def __init__(
        self,
        spec: SweepSpec,
        study: optuna.Study,
        metrics: Mapping[str, Metric],
        on_end: Callable[[Outcome], None],
        requests: Callable[[], Requests] = Requests,
        on_error: Callable[[Exception], None] = _raise,
        *,
        only_requested: bool = False,
        lost: Collection[int] = (),
    ) -> None:
        """Read from the study which trials are left.

        Args:
            spec: the sweep.
            study: the one in which its trials are.
            metrics: name -> metric for at least every goal.
            on_end: called with the outcome of each trial, once Optuna has it.
            requests: returns the current requests of users: to pause, to stop, to retry a trial.
            on_error: called with the exception for which an outcome could not be kept. The sweep must
                then end: the trial would be run once more if Tune got this exception.
            only_requested: whether to run nothing but what users have requested: retries and reruns.
            lost: numbers of complete trials of which the record has lost results. They may be retried,
                as failed ones.
        """
        super().__init__(metric=None, mode=None)
        self._spec = spec
        self._study = study
        self.metrics = metrics
        self._on_end = on_end
        self._requests = requests
        self._on_error = on_error
        self._live: dict[str, optuna.Trial] = {}
        self._failures: dict[str, TrialResult] = {}
        self._deaths: dict[str, str] = {}
        self._lost = frozenset(lost)
        known_trials = study.get_trials(deepcopy=False)
        self._interrupted = [
            (trial.number, trial._trial_id)
            for trial in known_trials
            if trial.state == TrialState.RUNNING and not only_requested
        ]
        num_begun = sum(not replicates.is_beyond_budget(trial) for trial in known_trials)
        self._num_new = 0 if only_requested else max(0, spec.num_trials - num_begun)
        hours = spec.budget.hours
        self._deadline = time.monotonic() + (hours * 3600 if hours else math.inf)
        self.out_of_time = False

    @property
    def num_left(self) -> int:
        """Number of trials that have not ended; a request counts once Optuna numbers its trial."""
        num_begun = len(self._interrupted) + len(self._live)
        return self._num_new + num_begun + len(self._waiting())

    @property
    def num_to_run(self) -> int:
        """Number of trials that have not ended, with all that users have requested."""
        return self.num_left + len(self._to_retry()) + len(self._to_rerun())

    @property
    def num_trials(self) -> int:
        """Number of all trials of the sweep: ended, begun and still to come, with all requested."""
        known_trials = self._study.get_trials(deepcopy=False)
        return self._num_new + len(known_trials) + len(self._to_retry()) + len(self._to_rerun())

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the TrialRequest of the next trial, as a configuration that Tune hands to a worker.

        Return None if there is none now but may be later, and Searcher.FINISHED if there will be none.
        A drawn tree that is no valid trial is suggested, too, with its fault: the worker reports it as
        a failure.

        trial_id: Tune's id of the trial.
        """
        request = self._requests().request
        self.out_of_time = time.monotonic() >= self._deadline
        if self.out_of_time or request in ("stop", "cancel"):
            return str(Searcher.FINISHED)
        if request == "pause" and self.num_to_run:
            return None
        trial = self._next_trial()
        if trial is None:  # a retry of one that runs may still be requested
            return None if self._live else str(Searcher.FINISHED)
        self._live[trial_id] = trial
        tree = draw.suggest(self._spec.trial, trial)
        attrs = trial.user_attrs
        if replicates.SEED in attrs:
            tree["seed"] = attrs[replicates.SEED]
        # The recorder and the worker read the tree too, but only to parse what is checked here.
        fault = fault_of_trial(tree, self._spec.resources.workers_per_trial)
        if fault and self._spec.replicates.seeds > 1:
            trial.set_user_attr(replicates.IS_ALONE, True)
        recipe = "" if fault else TrialConfig.model_validate(tree).fingerprint()
        retry_of, replicate_of = attrs.get(RETRY_OF), attrs.get(REPLICATE_OF)
        return TrialRequest(trial.number, tree, fault, recipe, retry_of, replicate_of).to_config()

    def _next_trial(self) -> optuna.Trial | None:
        """Return the next trial of Optuna, or None if there is none now.

        Interrupted trials come first, then those that users have requested, then the replicates that a
        drawn recipe lacks, then new ones.
        """
        if self._interrupted:
            number, trial_id = self._interrupted.pop(0)
            self._study.sampler = self._sampler(number)
            return InterruptedTrial(self._study, trial_id)
        for failed in self._to_retry():
            self._study.enqueue_trial(failed.params, user_attrs=replicates.retry_attrs(failed))
        for requested in self._to_rerun():
            self._study.enqueue_trial(requested.params, user_attrs=requested.user_attrs)
        if not (waiting := self._waiting()):
            if not self._num_new:
                return None
            self._num_new -= 1
            known_trials = self._study.get_trials(deepcopy=False)
            if missing := replicates.next_missing(known_trials, self._spec):
                self._study.enqueue_trial(missing.params, user_attrs=missing.user_attrs)
                waiting = self._waiting()
        number = waiting[0] if waiting else len(self._study.get_trials(deepcopy=False))
        self._study.sampler = self._sampler(number)
        return self._study.ask()

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        """Return a sampler for one trial, seeded by the sweep and the number of the trial.

        A sampler of its own for each trial makes an interrupted search suggest the trials that an
        undisturbed one would have suggested.
        """
        text = f"{self._spec.name} {self._spec.search.seed} {number}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
        return self._spec.search.sampler.build(seed, self._spec.trial)

    def _waiting(self) -> list[int]:
        """Return the numbers of the enqueued trials that have not begun."""
        states = (TrialState.WAITING,)
        return [trial.number for trial in self._study.get_trials(deepcopy=False, states=states)]

    def _to_retry(self) -> list[optuna.trial.FrozenTrial]:
        """Return the trials whose retry is requested and not yet numbered by Optuna."""
        requested = self._requests().retried_trials
        if not requested:
            return []
        known_trials = self._study.get_trials(deepcopy=False)
        retried = {trial.user_attrs.get(RETRY_OF) for trial in known_trials}
        numbers = {trial.number for trial in known_trials if trial.state == TrialState.FAIL}
        numbers = (numbers | self._lost) & requested - retried
        return [trial for trial in known_trials if trial.number in numbers]

    def _to_rerun(self) -> list[replicates.Replicate]:
        """Return the replicates that users have requested and Optuna has not numbered yet."""
        requested = self._requests().reruns
        if not requested:
            return []
        return list(replicates.to_rerun(self._study.get_trials(deepcopy=False), requested))

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Remember the failure in a report, if any; Optuna gets nothing before a trial ends."""
        trial_result = TrialResult.of(result)
        if trial_result and trial_result.failure:
            self._failures[trial_id] = trial_result

    def on_death(self, trial_id: str, why: str) -> str:
        """Return the reason to record for a trial whose process died: `why`, or `cancelled`.

        It is `cancelled` if a user requested the end of the trial. Tune may try the trial again.

        Args:
            trial_id: Tune's id of the trial.
            why: how its process died, in a few words.
        """
        trial = self._live.get(trial_id)
        if trial is not None and trial.number in self._requests().cancelled_trials:
            why = "cancelled"
        self._deaths[trial_id] = why
        return why

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Give the outcome of a trial that has ended to Optuna, then to `on_end`.

        Later calls for the same trial do nothing.

        Args:
            trial_id: Tune's id of the trial.
            result: its last result, as Tune passes it on.
            error: whether its process raised an exception or died.
        """
        trial = self._live.get(trial_id)
        if trial is None:
            return
        try:
            trial_result = TrialResult.of(result)
            outcome = self._outcome(trial_id, trial, trial_result, error=error)
            self._tell(trial, outcome, trial_result)
            del self._live[trial_id]
            self._on_end(outcome)
        except Exception as not_kept:  # of a database, of a disk
            self._on_error(not_kept)

    def _outcome(
        self, trial_id: str, trial: optuna.Trial, result: TrialResult | None, *, error: bool
    ) -> Outcome:
        """Return the outcome of a trial, with its own reason for a failure where it gave one."""
        # That of a last report is in `result` alone.
        own, death = self._failures.pop(trial_id, result), self._deaths.pop(trial_id, "")
        state, failure = outcome_of(result, error=error)
        if own is not None and own.failure:
            return Outcome(trial.number, state, own.failure, own.input_changed)
        return Outcome(trial.number, state, (error and death) or failure)

    def _tell(self, trial: optuna.Trial, outcome: Outcome, result: TrialResult | None) -> None:
        """Give Optuna the costs and constraints of a complete trial, or the state of another."""
        if outcome.state == names.TrialState.COMPLETE:
            assert result is not None
            for name, bound in self._spec.constraints.items():
                trial.set_constraint(name, bound.excess(result.metrics[name]))
            costs = [self.metrics[goal].cost(result.metrics[goal]) for goal in self._spec.goals]
            self._study.tell(trial, costs)
            return
        if outcome.failure:
            trial.set_user_attr("failure", outcome.failure)
        self._study.tell(trial, state=OPTUNA_STATES[outcome.state])

    def __getstate__(self) -> dict[str, Any]:
        """Return an empty state: Tune pickles its searcher, but the study is the memory."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the study is the memory of the search."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: a search is restored by sweep.search.study.open_study."""
