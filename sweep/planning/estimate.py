"""The numbers of a plan, for a model whose size is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from sweep.planning import disk, memory
from sweep.planning.calibration.kept import CalibratedSpeed
from sweep.planning.interval import ZERO, Interval
from sweep.planning.slots import Slots, time_of_trials
from sweep.planning.speed import Speed, trial_seconds
from sweep.planning.work.shapes import ModelShape
from sweep.planning.work.trial_work import TrialWork, kinds_of
from sweep.schedulers import NoScheduler
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from trainables.config import TrialConfig

HOUR = 3600.0
# Seconds of a sweep beside its trials: Ray starts, the stores are opened, the front is drawn.
AROUND = Interval(8.0, 18.0, 40.0)
ACTOR = Interval(1.0, 4.0, 12.0)  # seconds until Ray has started the process of a worker
BETWEEN = Interval(0.03, 0.1, 0.3)  # seconds from one trial to the next, with its record
KEYS = ("objective", "regulariser", "parameters")  # of a trial, whose options are listed


@dataclass(frozen=True)
class Row:
    """One number of a plan.

    Attributes:
        name: of the number.
        unit: s, h, bytes, or "" for money.
        interval: the number with its range; None if it cannot be estimated.
        basis: what it rests on, in a few words.
    """

    name: str
    unit: str
    interval: Interval | None
    basis: str


@dataclass(frozen=True)
class Option:
    """What a trial takes with one option: the key of the trial, the option in words, seconds."""

    key: str
    option: str
    seconds: Interval


@dataclass(frozen=True)
class Estimate:
    """The numbers of a plan for a model whose size is known.

    works: drawn trials with their work.
    """

    spec: SweepSpec
    shape: ModelShape
    speed: Speed
    room: Slots
    works: list[tuple[TrialConfig, TrialWork]]

    def rows(self, price: float | None) -> list[Row]:
        """Return all rows; price as make_plan takes it."""
        resources, num = self.spec.resources, self._num_workers()
        basis = self.speed.basis
        trial, wall = self.mean_trial(), self.wall()
        trials = counted(self.spec.num_trials, "trial")
        at_once = f"{trials}, {self.room.num} at once ({self.room.source})"
        slot_hours = wall * (num / HOUR)
        rows = [Row("a trial", "s", trial, basis), Row("time", "s", wall, at_once)]
        gpus = resources.gpus_per_trial
        if gpus:
            rows.append(Row("accelerator-hours", "h", slot_hours * gpus, f"time × {num * gpus:g}"))
        cores = resources.cpus_per_process * resources.workers_per_trial
        rows.append(Row("CPU-hours", "h", slot_hours * cores, f"time × {num * cores}"))
        if price is not None:
            paid, of = (slot_hours * gpus, "accelerator") if gpus else (slot_hours, "slot")
            rows.append(Row("money", "", paid * price, f"{price:g} an hour and {of}"))
        return rows + self._memory_rows() + self._disk_rows()

    def _num_workers(self) -> int:
        """Return how many workers are started: one for each slot, and no more than trials."""
        return min(self.room.num, self.spec.num_trials)

    def wall(self) -> Interval:
        """Return the seconds of the sweep from its start to its front, in the hours that it has."""
        durations = [self._seconds(work) + BETWEEN for _, work in self.works]
        num_trials, slots = self.spec.num_trials, self.room.num
        trials = time_of_trials(durations, num_trials, slots, self.spec.search.sampler.name)
        if not isinstance(self.spec.scheduler, NoScheduler):
            shortest = [
                self._seconds(work.until_first_report()) + BETWEEN for _, work in self.works
            ]
            ended = time_of_trials(shortest, num_trials, slots, "random")
            trials = Interval(ended.low, (ended.value + trials.value) / 2, trials.high)
        wall = AROUND + ACTOR + self.speed.start_s() + self._once() + trials
        if hours := self.spec.budget.hours:
            longest = max(duration.high for duration in durations)
            wall = wall.within(0, hours * HOUR + longest)
        return wall

    def parts(self) -> dict[str, Interval]:
        """Return part -> seconds: the start of a worker, and what the mean trial consists of."""
        seconds = [trial_seconds(work, self.speed) for _, work in self.works]
        parts = {name: _mean([each[name] for each in seconds]) for name in seconds[0]}
        return {"start": self.speed.start_s() + ACTOR, "once": self._once()} | parts

    def options(self) -> list[Option]:
        """Return what a trial takes with each option of KEYS that has more than one."""
        found = []
        # In the order of the file.
        in_order = [kinds_of(trial) for trial in self.spec.trials()]
        for place, key in enumerate(KEYS):
            seconds: dict[str, list[Interval]] = {kind[place]: [] for kind in in_order}
            for _, work in self.works:
                seconds.setdefault(work.kind[place], []).append(self._seconds(work))
            if len(seconds) > 1:
                found += [Option(key, kind, _mean(some)) for kind, some in seconds.items() if some]
        return found

    def _seconds(self, work: TrialWork) -> Interval:
        """Return the seconds of a trial in a worker that runs."""
        return sum(trial_seconds(work, self.speed).values(), ZERO)

    def mean_trial(self) -> Interval:
        """Return the mean over drawn trials."""
        return _mean([self._seconds(work) for _, work in self.works])

    def _once(self) -> Interval:
        """Return the seconds for what is done once for all trials, if the cache does not have it yet.

        It is the measurement of the base, and the states of the base for texts that come again. A
        calibration has measured the base, on this machine.
        """
        evaluations = self.works[0][1].evaluations.items()
        base = sum((self.speed.evaluation_s(each, flop) for each, flop in evaluations), ZERO)
        most = max(work.base_tokens for _, work in self.works)
        states = self.speed.reading_s(2 * self.shape.num_weights * most)
        is_measured = isinstance(self.speed, CalibratedSpeed)
        expected = states.value / self.room.num + (0.0 if is_measured else base.value)
        return Interval(0.0, expected, base.high + states.high)

    def peak_memory(self) -> Interval:
        """Return the most bytes of a worker, as calibrated or by its model, of the trial with most."""
        if isinstance(self.speed, CalibratedSpeed):
            return Interval.around(self.speed.calibration.peak_memory, 1.2)
        resources = self.spec.resources
        is_gpu, size = resources.gpus_per_trial > 0, resources.workers_per_trial
        peaks = [
            memory.peak_memory(trial, work, self.shape, is_gpu=is_gpu, num_processes=size)
            for trial, work in self.works
        ]
        return max(peaks, key=lambda peak: peak.value)

    def _memory_rows(self) -> list[Row]:
        """Return the row of a worker's memory."""
        is_calibrated = isinstance(self.speed, CalibratedSpeed)
        of = "of the GPU" if self.spec.resources.gpus_per_trial else "of the host"
        basis = self.speed.basis if is_calibrated else "weights, moments, activations"
        return [Row("memory of a worker", "bytes", self.peak_memory(), f"{of}, {basis}")]

    def _disk_rows(self) -> list[Row]:
        """Return a row for each kind of file."""
        num = self.spec.num_trials
        files = disk.files(
            self.spec.checkpoints, self.works, self.shape, num_trials=num, slots=self._num_workers()
        )
        basis = {
            "checkpoints": "checkpoints.resume: running trials",
            "models": f"checkpoints.model: {counted(num, 'trial')}",
            "record": "MLflow, search, items",
            "cache": "states of the base, for later trials",
        }
        return [Row(f"disk, {kind}", "bytes", size, basis[kind]) for kind, size in files.items()]


def _mean(intervals: Sequence[Interval]) -> Interval:
    """Return the mean of each number of some intervals."""
    return Interval(
        fmean(each.low for each in intervals),
        fmean(each.value for each in intervals),
        fmean(each.high for each in intervals),
    )
