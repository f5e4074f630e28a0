"""How long a device takes for the work of a trial: usually, or as trials were recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sweep.planning.devices import CPU_CORE, GPU_BF16, GPU_FP32, Device
from sweep.planning.interval import Interval

if TYPE_CHECKING:
    from sweep.planning.work.shapes import ModelShape
    from sweep.planning.work.trial_work import TrialWork
    from trainables.evaluators import AnyEvaluator


class Speed(Protocol):
    """What a device takes for the parts of a trial, in seconds.

    basis: from where this is known, in a few words.
    """

    @property
    def basis(self) -> str:
        """From where the speed is known, in a few words."""

    def start_s(self) -> Interval:
        """Return the seconds from the start of a worker until its model is loaded."""

    def setup_s(self) -> Interval:
        """Return the seconds of a trial before its first step: data, optimiser."""

    def step_s(self, work: TrialWork) -> Interval:
        """Return the seconds of a step."""

    def reading_s(self, flop: float) -> Interval:
        """Return the seconds of so many FLOP without gradient."""

    def evaluation_s(self, evaluator: AnyEvaluator, flop: float) -> Interval:
        """Return the seconds of one measurement by an evaluator."""


ALONE, TOGETHER = Interval(1.0, 1.0, 1.0), Interval(1.0, 1.2, 2.0)  # with what processes exchange


@dataclass(frozen=True)
class DefaultSpeed:
    """The speed that is usual for a type of device.

    Attributes:
        device: what is usual.
        num_cores: on which a trial computes, of a CPU; 1 for a GPU.
        shape: of the model.
        is_gpu: for the words.
        num_processes: that share the micro-batches of a step; they also exchange gradients.
    """

    device: Device
    num_cores: int
    shape: ModelShape
    is_gpu: bool
    num_processes: int = 1

    @property
    def basis(self) -> str:
        """From where the speed is known."""
        name = "a GPU" if self.is_gpu else "a CPU core"
        return f"usual FLOP a second of {name}, rough"

    def start_s(self) -> Interval:
        """Return the seconds of imports and of loading the model."""
        return self._around(self.device.start_s + self.device.load_s * self.shape.num_weights)

    def setup_s(self) -> Interval:
        """Return the seconds of a trial before its first step."""
        copied = self.device.weight_s * self.shape.num_weights
        return self._around(self.device.setup_s + copied)

    def step_s(self, work: TrialWork) -> Interval:
        """Return the seconds for the FLOP, the trained weights and the tensors of a step."""
        computing = work.step_flop / (
            self.device.train_flop_s * self.num_cores * self.num_processes
        )
        updating = self.device.weight_s * work.num_trained
        step = self._around(computing + updating + self.device.tensor_s * self.shape.num_tensors)
        return step * (ALONE if self.num_processes == 1 else TOGETHER)

    def reading_s(self, flop: float) -> Interval:
        """Return the seconds for the FLOP."""
        return self._around(flop / (self.device.read_flop_s * self.num_cores))

    def evaluation_s(self, evaluator: AnyEvaluator, flop: float) -> Interval:
        """Return the seconds for the FLOP of a measurement, and for its data."""
        return self._around(self.device.evaluator_s) + self.reading_s(flop)

    def _around(self, seconds: float) -> Interval:
        """Return seconds with the range of the device and of the model's size."""
        return Interval.around(seconds, self.device.factor * self.shape.factor)


@dataclass(frozen=True)
class ScaledSpeed:
    """The usual speed times a factor, by which trials that were recorded took longer.

    Attributes:
        default: the usual speed, of which the values alone count.
        factor: what recorded trials took, divided by what is usual.
        basis: from where the factor is known, in a few words.
    """

    default: DefaultSpeed
    factor: Interval
    basis: str

    def start_s(self) -> Interval:
        """Return the usual seconds: the record does not tell when a worker started."""
        return self.default.start_s()

    def setup_s(self) -> Interval:
        """Return the usual seconds times the factor."""
        return self.factor * self.default.setup_s().value

    def step_s(self, work: TrialWork) -> Interval:
        """Return the usual seconds times the factor."""
        return self.factor * self.default.step_s(work).value

    def reading_s(self, flop: float) -> Interval:
        """Return the usual seconds times the factor."""
        return self.factor * self.default.reading_s(flop).value

    def evaluation_s(self, evaluator: AnyEvaluator, flop: float) -> Interval:
        """Return the usual seconds times the factor."""
        return self.factor * self.default.evaluation_s(evaluator, flop).value


def usual_speed(
    shape: ModelShape, *, is_gpu: bool, num_cores: int, dtype: str, num_processes: int = 1
) -> DefaultSpeed:
    """Return the usual speed in fp32 or bf16 of processes with a GPU each, or some cores of a CPU."""
    if is_gpu:
        device = GPU_BF16 if dtype == "bf16" else GPU_FP32
        return DefaultSpeed(device, 1, shape, True, num_processes)
    return DefaultSpeed(CPU_CORE, num_cores, shape, False, num_processes)


def trial_seconds(work: TrialWork, speed: Speed) -> dict[str, Interval]:
    """Return part of a trial -> its seconds: setup, training, measuring."""
    measuring = Interval.exactly(0.0)
    for evaluator, flop in work.evaluations.items():
        measuring += speed.evaluation_s(evaluator, flop)
    return {
        "setup": speed.setup_s(),
        "training": speed.step_s(work) * work.num_steps,
        "measuring": measuring * work.num_measurements,
    }
