"""The one result that a worker hands to Tune."""

import json
import pickle
from dataclasses import replace

import pytest

from sweep.workers.result import (
    RESULT_KEY,
    Attachment,
    TrialResult,
    pack_training,
    recorded_training,
)

GAP, RISE = "bias/stereoset/gap", "forgetting/general/nll_rise"
RESULT = TrialResult(
    step=4, progress=0.5, metrics={GAP: 3.0, RISE: 0.25}, errors={GAP: 0.5}, df={GAP: 9.0, RISE: 0.0},
    machine={"system/cpu_utilization_percentage": 90.0},
)  # fmt: skip


def test_tune_gets_one_object_and_whether_the_trial_is_done():
    mapping = RESULT.for_tune()
    assert mapping == {RESULT_KEY: RESULT, "done": False}
    assert TrialResult.of(mapping) is RESULT


@pytest.mark.parametrize("mapping", [None, {}, {"done": True}])
def test_a_trial_whose_process_reported_nothing_has_no_result(mapping):
    assert TrialResult.of(mapping) is None


def test_finite_metrics_their_errors_the_machine_and_progress_are_recorded():
    result = TrialResult(
        step=4, progress=0.5, metrics={GAP: 3.0, RISE: float("nan")}, errors={GAP: 0.5, RISE: float("inf")},
        df={GAP: 9.0, RISE: 0.0}, machine=RESULT.machine,
    )  # fmt: skip
    assert result.recorded() == {
        GAP: 3.0, f"se/{GAP}": 0.5, f"df/{GAP}": 9.0, f"df/{RISE}": 0.0, "progress": 0.5, "system/cpu_utilization_percentage": 90.0,
    }  # fmt: skip


def test_a_result_comes_back_from_json_and_through_pickle_with_its_items():
    assert TrialResult.from_json(RESULT.to_json()) == RESULT
    copy = pickle.loads(pickle.dumps(TrialResult(step=0, items=Attachment(b"items"))))  # noqa: S301
    assert copy.items.take() == b"items"


def test_items_are_taken_once_so_that_tune_keeps_none():
    result = TrialResult(step=0, items=Attachment(b"items"))
    assert result.items.take() == b"items"
    assert result.items.take() == b""
    assert b"items" not in pickle.dumps(result).replace(b"items", b"", 1), (
        "but for the field's name"
    )


def test_the_course_of_a_training_is_recorded_under_its_own_names_where_it_is_finite():
    packed = pack_training({1: {"loss": 3.0, "lr": 0.5}, 3: {"loss": float("nan"), "lr": 0.25}})
    expected = {1: {"train/loss": 3.0, "train/lr": 0.5}, 3: {"train/lr": 0.25}}
    assert recorded_training(packed.content) == expected
    assert recorded_training(pack_training({}).take()) == {}


def test_a_result_that_waits_in_a_checkpoint_has_the_training_that_led_to_it():
    result = TrialResult(step=2, training=pack_training({2: {"loss": 3.0}}))
    again = TrialResult.from_json(result.to_json())
    assert again == result
    assert recorded_training(again.training.take()) == {2: {"train/loss": 3.0}}
    assert again.training.take() == b"", "Tune keeps none"


def test_a_result_as_an_earlier_release_wrote_it_into_a_checkpoint_is_read():
    before = {
        **RESULT.metrics, "step": 4, "progress": 0.5, "failure": "", "done": False,
        "record": {**RESULT.metrics, f"se/{GAP}": 0.5, "progress": 0.5, **RESULT.machine},
    }  # fmt: skip
    assert TrialResult.from_json(json.dumps(before)) == replace(RESULT, df={})
    later = json.loads(RESULT.to_json())
    del later["df"]
    assert TrialResult.from_json(json.dumps(later)) == replace(RESULT, df={})


@pytest.mark.parametrize(("progress", "full"), [(1.0, True), (1 - 1e-12, True), (0.999, False)])
def test_a_trial_that_has_made_all_its_steps_is_full(progress, full):
    assert TrialResult(step=1, progress=progress).is_full == full


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "3", '{"step": 4', "[" * 10**5, '{"steps": 4}', '{"step": "4"}'),
        *('{"metrics": [1]}', '{"metrics": {"a": null}}', '{"progress": []}', '{"record": {}}'),
        *('{"training": 3}', '{"training": "{"}', '{"training": "[1]"}', '{"df": {"a": 1%s}}' % ("0" * 400)),
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_what_is_no_result_is_refused_when_it_is_read(text):
    with pytest.raises(ValueError, match=r"^it holds no result of a trial$"):
        TrialResult.from_json(text)
