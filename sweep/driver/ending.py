"""How the run of a sweep has ended: the status and the state of its record, or what stopped it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.record.names import SweepState, TrialState
from sweep.driver.running_sweep import Stopped
from sweep.workers import disk

if TYPE_CHECKING:
    from optuna import Study

    from sweep.driver.control_callback import ControlCallback
    from sweep.search.searcher import ParetoSearch
    from sweep.tracking.entries.kinds import Status


def end_of(search: ParetoSearch, study: Study, control: ControlCallback) -> tuple[Status, str]:
    """Return the status and the state to record of a sweep whose trials run no more.

    Raises:
        Stopped: it was cancelled, or Tune ended its run while trials were left.
        KeyboardInterrupt: Ctrl-C, after which Tune returns as if the sweep had ended.
    """
    from sweep.search.study import outcomes

    request = control.listener.requests.request
    ends_early = request == "stop" or search.out_of_time
    # A `cancel` that was carried out stays one, even if `go` was requested since.
    if search.num_left and (request == "cancel" or control.has_cancelled):
        raise Stopped(SweepState.CANCELLED, "cancelled")
    if search.num_left and control.interrupt.is_set:
        raise KeyboardInterrupt
    # Such as a `cancel` that the search obeyed, and that `go` withdrew before the run was ended.
    if search.num_left and not ends_early:
        raise Stopped(SweepState.INTERRUPTED, "its run ended while trials were left")
    any_complete = any(outcome.state == TrialState.COMPLETE for outcome in outcomes(study))
    status: Status = "FINISHED" if any_complete else "FAILED"
    if search.num_left and request == "stop":
        return status, SweepState.STOPPED
    return status, SweepState.FINISHED if any_complete else SweepState.FAILED


def stopped_by(cause: Exception) -> Stopped | None:
    """Return the Stopped to raise for an exception, or None if it is a defect of ours."""
    from sweep.driver.control_callback import OutcomeNotKept

    if full := disk.full_disk_in(cause):
        return Stopped(SweepState.INTERRUPTED, f"the disk is full ({full}): make room")
    if isinstance(cause, OutcomeNotKept):
        return Stopped(SweepState.INTERRUPTED, str(cause))
    return None
