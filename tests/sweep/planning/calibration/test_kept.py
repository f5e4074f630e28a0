"""What was measured is kept for each machine and model, and is the speed of later plans."""

import pytest

from sweep.planning.calibration.kept import (
    MEASURED_FACTOR,
    VERSION,
    CalibratedSpeed,
    Calibration,
    MeasuredEvaluation,
    MeasuredStep,
    file_of,
    keep,
    kept,
)
from sweep.planning.plan import make_plan
from sweep.planning.speed import usual_speed
from sweep.planning.work.shapes import CATALOGUED
from sweep.planning.work.trial_work import work_of
from tests.sweep.planning.conftest import LAPTOP, SERVER, shipped

SHAPE = CATALOGUED["smollm2-135m"]
WORKS = {work_of(trial, SHAPE).kind: work_of(trial, SHAPE) for trial in shipped("smollm2").trials()}
TRIAL = shipped("smollm2").trials()[0]
KINDS = [("none",) * 3, ("likelihood_gap", "none"), ("none", "l2_to_base")]


def work(objective, regulariser="none"):
    """Return the work of a trial of smollm2 with this objective and this regulariser."""
    return next(w for kind, w in WORKS.items() if kind[0] == objective and kind[1] == regulariser)


def step(work, times: float) -> MeasuredStep:
    """Return a measurement of a step that took so many times what is usual."""
    usual = usual_speed(SHAPE, is_gpu=False, num_cores=1, dtype="fp32").step_s(work).value
    return MeasuredStep(
        kind=work.kind, step_flop=work.step_flop, num_trained=work.num_trained,
        seconds=usual * times, tokens_s=100.0,
    )  # fmt: skip


def calibration(**changes) -> Calibration:
    """Return a calibration in which steps took twice what is usual, and likelihood_gap three times."""
    evaluations = [
        MeasuredEvaluation(evaluator=each.model_dump_json(), flop=flop, seconds=7.0)
        for each, flop in work("none").evaluations.items()
    ]
    steps = (
        step(work("none"), 2),
        step(work("likelihood_gap"), 3),
        step(work("none", "kl_to_base"), 2),
    )
    values = {
        "version": VERSION, "when": "2026-11-28", "at_once": 2, "start_s": 10.0, "setup_s": 1.0,
        "peak_memory": 3_000_000_000, "share": 1.0, "steps": steps, "evaluations": tuple(evaluations),
    }  # fmt: skip
    return Calibration.model_validate(values | changes)


@pytest.fixture
def speed():
    """The speed that the calibration gives."""
    return CalibratedSpeed(
        calibration(), usual_speed(SHAPE, is_gpu=False, num_cores=1, dtype="fp32")
    )


def test_what_was_measured_is_the_speed(speed):
    measured = speed.calibration.steps[1].seconds
    found = speed.step_s(work("likelihood_gap"))
    assert found.value == pytest.approx(measured)
    assert found.high == pytest.approx(measured * MEASURED_FACTOR)
    assert speed.start_s().value == 10
    evaluator = TRIAL.evaluators[0]
    assert speed.evaluation_s(evaluator, 1e9).value == 7


def test_parts_that_were_measured_apart_are_put_together(speed):
    usual = speed.default
    together = work("likelihood_gap", "kl_to_base")
    found = speed.step_s(together)
    assert found.value == pytest.approx(3 * usual.step_s(together).value)
    assert found.high > found.value * MEASURED_FACTOR
    unknown = work("counterfactual_js")
    found = speed.step_s(unknown)
    assert 2 <= found.value / usual.step_s(unknown).value <= 3, "as others"


def test_an_evaluator_that_was_not_measured_is_as_fast_as_all_others(speed):
    usual = speed.default
    other = TRIAL.evaluators[0].model_copy(update={"limit": 3})
    took = 7.0 * len(TRIAL.evaluators)
    expected = sum(usual.evaluation_s(e, f).value for e, f in work("none").evaluations.items())
    found = speed.evaluation_s(other, 1e12)
    assert found.value == pytest.approx(usual.evaluation_s(other, 1e12).value * took / expected)


def test_it_is_kept_for_its_machine_model_and_load(tmp_path):
    file = file_of(LAPTOP, TRIAL, 2, 1, "a processor")
    assert kept(file) is None
    keep(calibration(), file)
    assert kept(file) == calibration()
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    others = [
        file_of(SERVER, TRIAL, 2, 1, "a GPU"), file_of(LAPTOP, TRIAL, 3, 1, "a processor"),
        file_of(LAPTOP, TRIAL, 2, 2, "a processor"),
        file_of(LAPTOP, shipped("miniature").trials()[0], 2, 1, "a processor"),
    ]  # fmt: skip
    assert len({file, *others}) == 5


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[1", b'{"version": 1}'])
def test_a_damaged_file_is_no_calibration(content):
    file = file_of(LAPTOP, TRIAL, 2, 1, "a processor")
    keep(calibration(), file)
    file.write_bytes(content)
    assert kept(file) is None


def test_one_of_another_release_is_no_calibration():
    file = file_of(LAPTOP, TRIAL, 2, 1, "a processor")
    keep(calibration(version=VERSION + 1), file)
    assert kept(file) is None


def test_a_machine_that_was_busy_may_be_faster(speed):
    busy = CalibratedSpeed(calibration(share=0.5), speed.default)
    for name in ("start_s", "setup_s"):
        assert getattr(busy, name)().value == getattr(speed, name)().value
        assert getattr(busy, name)().low == pytest.approx(getattr(speed, name)().low / 2)
    keep(calibration(share=0.5), file_of(LAPTOP, TRIAL, 2, 1, "a processor"))
    notes = make_plan(shipped("smollm2"), machine=LAPTOP, slots=2).notes
    assert notes[0].startswith("other programs ran while this was calibrated: a trial had its")
    assert "50% of the time" in notes[0]


def test_a_plan_uses_it():
    spec = shipped("smollm2")
    before = make_plan(spec, machine=LAPTOP, slots=2)
    keep(calibration(), file_of(LAPTOP, TRIAL, 2, 1, "a processor"))
    after = make_plan(spec, machine=LAPTOP, slots=2)
    assert after.row("a trial").basis == "calibration of 2026-11-28"
    assert after.parts["measuring"].value == pytest.approx(7.0 * len(TRIAL.evaluators))
    assert after.row("memory of a worker").interval.value == 3e9

    def width(plan):
        interval = plan.row("a trial").interval
        return interval.high / interval.low

    assert width(after) < width(before) / 2
    assert not any("--calibrate" in note for note in after.notes)
