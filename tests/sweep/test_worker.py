"""A worker without Ray around it: what it records and returns, report by report."""

import tempfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sweep import tracking
from sweep.spec import SweepSpec, load
from sweep.worker import Assignment, Worker
from tests.sweep.conftest import TINY
from trainables.report import Report

pytestmark = pytest.mark.timeout(120)
NAMES = list(SweepSpec.model_validate(YAML(typ="safe", pure=True).load(TINY)).metrics())


def reports(*values, saved=None):
    """A trial of which each value is a report of all metrics, in equal steps."""

    def run_trial(config, *, resume_from=None):
        first = int((resume_from / "at").read_text()) + 1 if resume_from else 0
        for number, value in list(enumerate(values))[first:]:
            if isinstance(value, Exception):
                raise value
            metrics = value if isinstance(value, dict) else dict.fromkeys(NAMES, value)
            progress = 1.0 if len(values) == 1 else number / (len(values) - 1)

            def save(folder, at=number):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "at").write_text(str(at))

            def save_items(file, at=number):
                file.write_text(f"items of report {at}")

            errors = dict.fromkeys(NAMES[:1], 0.5)
            yield Report(number, progress, metrics, save, save, errors, save_items)

    return run_trial


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    (folder / "tiny.yaml").write_text(TINY)
    spec, document = load(folder / "tiny.yaml")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    return tracking.open_sweep(uri, spec, document.text, {}, str(folder / "artifacts")), spec


@pytest.fixture
def begin(record, request):
    """begin(run_trial, **assignment) -> a worker that has been given a trial."""
    opened, spec = record
    numbers = iter(range(hash(request.node.name) % 10**9 * 100, 10**12))

    def begin(run_trial, *, number=None, **more):
        worker = Worker.__new__(Worker)
        config = {
            "number": number or next(numbers),
            "trial": spec.trials()[0].tree(),
        }
        worker.setup(config, Assignment(opened, run_trial, **more))
        return worker

    return begin


def recorded(record, run_id, name):
    return [(e.step, e.value) for e in record[0]._client.get_metric_history(run_id, name)]


def test_each_report_is_recorded_and_returned_and_the_last_is_done(begin, record):
    worker = begin(reports(3.0, 2.0, 1.0))
    results = [worker.step() for _ in range(3)]
    assert [result["done"] for result in results] == [False, False, True]
    assert [result[NAMES[0]] for result in results] == [3.0, 2.0, 1.0]
    run_id = results[0]["run_id"]
    assert recorded(record, run_id, NAMES[0]) == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert recorded(record, run_id, "progress") == [(0, 0.0), (1, 0.5), (2, 1.0)]


def artifact(record, run_id):
    client = record[0]._client
    with tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(run_id, "items.parquet", folder)).read_text()


def test_standard_errors_are_recorded_in_a_group_of_their_own(begin, record):
    worker = begin(reports(3.0, 2.0))
    run_id = worker.step()["run_id"]
    worker.step()
    assert recorded(record, run_id, f"se/{NAMES[0]}") == [(0, 0.5), (1, 0.5)]


def test_items_are_kept_of_the_base_and_of_the_end(begin, record):
    worker = begin(reports(3.0, 2.0, 1.0))
    run_id = [worker.step() for _ in range(3)][-1]["run_id"]
    assert artifact(record, run_id) == "items of report 2"
    assert artifact(record, record[0].run_id) == "items of report 0"
    parent = record[0]._client.get_run(record[0].run_id).data.metrics
    assert parent[NAMES[0]] == 3.0
    assert parent[f"se/{NAMES[0]}"] == 0.5


def test_what_was_drawn_and_is_no_trial_fails_with_its_reason_and_the_worker_stays_usable(begin):
    worker = begin(reports(1.0))
    config = worker._given
    drawn = config["trial"] | {"train": config["trial"]["train"] | {"accumulation": 3}}
    worker.reset_config(config | {"trial": drawn})
    result = worker.step()
    assert result["done"]
    assert result["failure"] == (
        "what was drawn is no trial: train batch_size must be a multiple of accumulation, "
        "but got 4 and 3."
    )
    worker.reset_config(config | {"number": config["number"] + 1})
    assert worker.step()["failure"] == ""


def test_a_diverged_trial_ends_with_its_reason_and_the_worker_stays_usable(begin, record):
    worker = begin(reports(3.0, float("nan"), 1.0))
    worker.step()
    result = worker.step()
    assert result["done"]
    assert "step 1 reported" in result["failure"]
    assert "diverged" in result["failure"]
    run = record[0]._client.get_run(result["run_id"])
    assert run.data.tags["sweep.failure"] == result["failure"]
    assert recorded(record, result["run_id"], NAMES[0]) == [(0, 3.0)], "NaN is not a number"
    assert worker.reset_config({"number": 5, "trial": record[1].trials()[0].tree()})
    assert worker.step()[NAMES[0]] == 3.0


def test_a_report_without_a_declared_metric_is_a_failure_that_names_it(begin):
    result = begin(reports({NAMES[0]: 1.0})).step()
    assert "did not report bias/miniature/gap_drop, bias/miniature/icat" in result["failure"]


def test_an_exception_is_recorded_with_its_reason_and_raised(begin, record):
    worker = begin(reports(1.0, ValueError("no such data"), 2.0))
    run_id = worker.step()["run_id"]
    with pytest.raises(ValueError, match="no such data"):
        worker.step()
    tags = record[0]._client.get_run(run_id).data.tags
    assert tags["sweep.failure"] == "ValueError: no such data"


def test_a_trial_run_again_records_no_step_twice(begin, record):
    worker = begin(reports(3.0, 2.0, 1.0), number=71)
    run_id = worker.step()["run_id"]
    worker.step()
    again = begin(reports(3.0, 2.0, 1.0), number=71)
    results = [again.step() for _ in range(3)]
    assert results[-1]["run_id"] == run_id
    assert recorded(record, run_id, NAMES[0]) == [(0, 3.0), (1, 2.0), (2, 1.0)]


def test_with_resume_points_an_interrupted_trial_goes_on_from_its_last_report(
    begin, record, tmp_path
):
    worker = begin(reports(4.0, 3.0, 2.0, 1.0), number=81, checkpoints=tmp_path)
    for _ in range(3):
        worker.step()
    again = begin(reports(4.0, 3.0, 2.0, 1.0), number=81, checkpoints=tmp_path)
    result = again.step()
    assert (result["step"], result["done"]) == (3, True)
    assert [step for step, _ in recorded(record, result["run_id"], NAMES[0])] == [0, 1, 2, 3]
    assert list(tmp_path.iterdir()) == [], "a finished trial leaves no resume point"


def test_a_finished_model_is_kept_on_request(begin, record):
    result = begin(reports(1.0), keep_models=True).step()
    files = record[0]._client.list_artifacts(result["run_id"], "model")
    assert [file.path for file in files] == ["model/at"]
