"""Whole sweeps on a real Ray, started, refused and resumed; their trials do not train."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from analysis.record.names import digests_in
from sweep import workspace
from sweep.driver import run_sweep
from sweep.driver.run_sweep import Backends, resume, run
from sweep.driver.running_sweep import CannotRun
from sweep.search.study import open_study
from tests.sweep.conftest import GRID, ONE_WORKER, POINTS, pretending, states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]


def test_twenty_trials_are_twenty_trials_everywhere_and_run_once(spec_of):
    spec, document = spec_of(20)
    record = run(spec, document, run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 20}, {"FINISHED": 20}, [])
    before = {run.info.run_id: run.info.end_time for run in record.trial_runs()}
    resume(spec, document, run_trial=pretending())
    assert {run.info.run_id: run.info.end_time for run in record.trial_runs()} == before


@pytest.mark.long
def test_each_point_of_a_grid_is_run_once_under_its_number(spec_of):
    spec, document = spec_of(None, GRID)
    record = run(spec, document, run_trial=pretending())
    study = open_study(workspace.folder(spec.name) / "search.journal", spec)
    assert [trial.params for trial in study.trials] == POINTS
    rates = {
        int(r.data.tags["sweep.trial"]): float(r.data.params["train.lr"])
        for r in record.trial_runs()
    }
    assert rates == {number: point["train.lr"] for number, point in enumerate(POINTS)}
    assert record._client.get_run(record.run_id).info.status == "FINISHED"


@pytest.mark.long
def test_the_metrics_of_a_trial_at_other_alphas_come_back_as_candidates(spec_of):
    from analysis.record.candidate import Candidate
    from analysis.record.reader import read_sweep

    fusion = "fusion: {alpha: {choice: [0.5, 1.0]}, also: [0, 0.5]}\n  evaluators:"
    spec, document = spec_of(4, **{"evaluators:": fusion})
    record = run(spec, document, run_trial=pretending())
    sweep = read_sweep(spec.name, tracking_uri=record.tracking_uri)
    expected = []
    for number, own in zip(sweep.trials["trial"], sweep.trials["fusion.alpha"], strict=True):
        expected += [f"{number}"] if own == 0.5 else [f"{number}", f"{number}@0.5"]
    rows = sweep.candidates().to_dict("records")
    assert [str(Candidate.of(row)) for row in rows] == expected
    assert set(sweep.trials["fusion.also"]) == {"0.0 0.5"}
    assert len(open_study(workspace.folder(spec.name) / "search.journal", spec).trials) == 4


@pytest.mark.long
def test_a_resumed_sweep_obeys_what_is_requested_while_it_starts_and_nothing_before(
    spec_of, monkeypatch
):
    from analysis.record.reader import read_state
    from sweep.tracking.control_requests import request
    from sweep.tracking.sweeps import find_sweep

    prepare = run_sweep.preflight.prepare
    spec, document = spec_of(2)
    record = run(spec, document, run_trial=pretending())
    request(record, "stop")
    spec, document = spec_of(4)
    resume(spec, document, run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 4}, {"FINISHED": 4}, []), (
        "the request was for an earlier one"
    )

    def prepare_and_request(*arguments):
        request(find_sweep(record.tracking_uri, spec.name), "stop")
        return prepare(*arguments)

    monkeypatch.setattr(run_sweep.preflight, "prepare", prepare_and_request)
    spec, document = spec_of(9)
    resume(spec, document, run_trial=pretending())
    assert states(spec)[0] == {"COMPLETE": 4}, "it was requested before any trial began"
    assert read_state(spec.name, tracking_uri=record.tracking_uri) == "stopped"


def test_an_alignment_set_that_changes_fails_the_trials_that_follow(spec_of, tmp_path):
    """Those before it stand; each has that reason, none is tried again, and resuming is refused."""
    pairs = tmp_path / "pairs.csv"
    rows = "".join(f"she cries at {word},he cries at {word}\n" for word in ("work", "home"))
    pairs.write_text(f"stereotype,antistereotype\n{rows}")

    def run_trial(config, *, resume_from=None):
        begun = tmp_path / "begun"
        with begun.open("a") as file:
            file.write("trial\n")
        if len(begun.read_text().split()) == 3:
            pairs.write_text(pairs.read_text().replace("home", "school"))
        yield from pretending()(config)

    spec, document = spec_of(
        6, **{"data: miniature, size: 50": f"data: {pairs}", "budget": f"{ONE_WORKER}budget"}
    )
    record = run(spec, document, run_trial=run_trial)
    optuna, mlflow, reasons = states(spec)
    assert (optuna, mlflow) == ({"COMPLETE": 2, "FAIL": 4}, {"FINISHED": 2, "FAILED": 4})
    (reason,) = set(reasons)
    assert reason.startswith(
        f"trial.alignment.data: {pairs} must be what the sweep began with (sha"
    )
    assert (tmp_path / "begun").read_text().count("trial") == 3, "no trial begins with other data"
    with pytest.raises(CannotRun) as caught:
        resume(spec, document, run_trial=run_trial)
    assert str(caught.value) == reason
    assert digests_in(record.tags())[f"alignment.{pairs}"][:12] in reason


@pytest.mark.long
def test_a_sweep_recorded_elsewhere_is_remembered_to_be_until_it_is_replaced(
    spec_of, tmp_path, monkeypatch
):
    from sweep.tracking.sweeps import find_sweep

    monkeypatch.chdir(tmp_path)
    spec, document = spec_of(2)
    (tmp_path / "elsewhere").mkdir()
    uri = f"sqlite:///{tmp_path}/elsewhere/mine.db"
    run(spec, document, Backends(uri), run_trial=pretending())
    assert workspace.tracking_uri(spec.name) == uri
    assert len(find_sweep(uri, spec.name).trial_runs()) == 2
    assert (tmp_path / "elsewhere" / "artifacts" / "tiny").is_dir(), "beside the database"
    assert not (tmp_path / "mlruns").exists()
    files = [path for path in (workspace.folder(spec.name) / "ray").rglob("*") if path.is_file()]
    assert files
    for path in files:  # a tracking URI may hold a password
        assert b"mine.db" not in path.read_bytes(), path

    local = workspace.local_tracking_uri()
    with pytest.raises(CannotRun, match="start anew with --replace"):
        run(spec, document, Backends(local), run_trial=pretending())
    with pytest.raises(CannotRun, match="start anew with --replace"):
        run(spec, document, Backends(f"sqlite:///{tmp_path}/new.db"), run_trial=pretending())
    assert not (tmp_path / "new.db").exists(), "what is refused changes nothing"
    run(spec, document, Backends(local), run_trial=pretending(), replace=True)
    assert workspace.tracking_uri(spec.name) == local
    run(*spec_of(3), run_trial=pretending(), replace=True)
    assert states(spec) == ({"COMPLETE": 3}, {"FINISHED": 3}, [])


def test_a_sweep_is_resumed_with_the_data_it_began_with_from_any_folder(
    spec_of, tmp_path, monkeypatch
):
    """Relative paths are from where it was started; changed contents are refused."""
    first, elsewhere = tmp_path / "first", tmp_path / "elsewhere"
    first.mkdir()
    elsewhere.mkdir()
    pairs = first / "pairs.jsonl"
    pairs.write_text('{"stereotype": "she was sad", "antistereotype": "he was sad"}\n')
    spec, document = spec_of(2, **{"data: miniature, size: 50": "data: pairs.jsonl"})

    def run_trial(config, *, resume_from=None):
        from pathlib import Path

        from trainables.report import Report

        exists = float(Path(config.alignment.data).exists())
        names = [metric.name for metric in config.metrics()]
        yield Report(1, 1.0, dict.fromkeys(names, exists), print, print)

    monkeypatch.chdir(first)
    record = run(spec, document, run_trial=run_trial)
    assert {run.data.metrics[spec.goals[0]] for run in record.trial_runs()} == {1.0}
    monkeypatch.chdir(elsewhere)
    resume(spec, document, run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 2}, {"FINISHED": 2}, [])
    pairs.write_text('{"stereotype": "he was sad", "antistereotype": "she was sad"}\n')
    with pytest.raises(
        CannotRun, match=r"alignment.data: pairs.jsonl must be what the sweep began"
    ):
        resume(spec, document, run_trial=pretending())


@pytest.mark.long
def test_data_of_an_option_that_was_appended_is_recorded_and_must_stay(spec_of, tmp_path):
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    for path, word in ((first, "sad"), (second, "glad")):
        path.write_text(f'{{"stereotype": "she was {word}", "antistereotype": "he was {word}"}}\n')
    old = "data: miniature, size: 50"
    spec, document = spec_of(2, **{old: f"data: {{choice: [{first}]}}"})
    run(spec, document, run_trial=pretending())
    grown = spec_of(8, **{old: f"data: {{choice: [{first}, {second}]}}"})
    record = resume(*grown, run_trial=pretending())
    name = f"alignment.{second}"
    assert name in digests_in(record.tags())
    inputs = [
        {one.dataset.name for one in run.inputs.dataset_inputs} & {name, f"alignment.{first}"}
        for run in record.trial_runs()
        if run.data.params["alignment.data"] == str(second)
    ]
    assert inputs
    assert all(each == {name} for each in inputs)
    second.write_text(second.read_text().replace("glad", "mad"))
    with pytest.raises(CannotRun, match=r"second.jsonl must be what the sweep began with"):
        resume(*grown, run_trial=pretending())


def test_a_refused_sweep_leaves_no_record(spec_of):
    from sweep.tracking.sweeps import find_sweep

    spec, document = spec_of(2, budget="resources: {cpus_per_trial: 64}\nbudget")
    with pytest.raises(CannotRun):
        run(spec, document, run_trial=pretending())
    assert find_sweep(workspace.local_tracking_uri(), spec.name) is None


@pytest.mark.long
def test_a_refused_sweep_replaces_nothing(spec_of):
    """It is refused by the cluster that it would run on."""
    from sweep.tracking.sweeps import find_sweep

    spec, document = spec_of(2)
    run(spec, document, run_trial=pretending())
    record = find_sweep(workspace.local_tracking_uri(), spec.name)
    search = workspace.journal(spec.name).read_bytes()
    too_large = spec_of(3, budget="resources: {cpus_per_trial: 64}\nbudget")
    with pytest.raises(CannotRun):
        run(*too_large, replace=True, run_trial=pretending())
    assert find_sweep(workspace.local_tracking_uri(), spec.name).run_id == record.run_id
    assert len(record.trial_runs()) == 2
    assert workspace.journal(spec.name).read_bytes() == search


@pytest.mark.long
def test_an_older_copy_of_the_whole_folder_writes_nothing_over_the_record(
    spec_of, tmp_path, caplog
):
    from sweep.tracking.sweeps import find_sweep

    spec, document = spec_of(2)
    run(spec, document, run_trial=pretending())
    shutil.copytree(workspace.folder(spec.name), tmp_path / "older")
    resume(*spec_of(5), run_trial=pretending())
    record = find_sweep(workspace.local_tracking_uri(), spec.name)
    before = {run.info.run_id: run.to_dictionary() for run in record.trial_runs()}
    shutil.rmtree(workspace.folder(spec.name))
    shutil.move(tmp_path / "older", workspace.folder(spec.name))
    caplog.clear()
    with pytest.raises(CannotRun, match="but does not know that trials 2, 3, 4 ended: put the"):
        resume(*spec_of(5), run_trial=pretending())
    assert {run.info.run_id: run.to_dictionary() for run in record.trial_runs()} == before
    assert "delivered again" not in caplog.text


@pytest.mark.long
def test_a_sweep_whose_files_were_moved_is_not_resumed_beside_them(spec_of, tmp_path):
    spec, document = spec_of(2)
    record = run(spec, document, run_trial=pretending())
    folder = Path(urlsplit(record.own_run().info.artifact_uri).path)
    moved = folder.rename(tmp_path / "moved")
    with pytest.raises(CannotRun, match="if its files were moved, put them back") as error:
        resume(spec, document, run_trial=pretending())
    assert f"must be in {folder}, but is not" in str(error.value).replace("file://", "")
    assert not folder.exists()
    folder.symlink_to(moved)
    resume(spec, document, run_trial=pretending())


@pytest.mark.long
def test_a_resumed_sweep_may_spend_more_and_search_more_but_not_become_another(spec_of):
    from sweep.tracking.sweeps import find_sweep

    spec, document = spec_of(2)
    run(spec, document, run_trial=pretending())
    grown = {"  train:": "      - {name: cda, sides: two}\n  train:"}
    resume(*spec_of(9, **grown), run_trial=pretending())
    record = find_sweep(workspace.local_tracking_uri(), spec.name)
    runs = sorted(record.trial_runs(), key=lambda run: int(run.data.tags["sweep.trial"]))
    assert [r.data.tags["sweep.space_version"] for r in runs] == ["1"] * 2 + ["2"] * 7
    assert "cda" in {r.data.params["objective.name"] for r in runs[2:]}
    entries = record._client.list_artifacts(record.run_id, "versions")
    assert [entry.path for entry in entries] == ["versions/1.yaml", "versions/2.yaml"]
    for replaced, sentence in (
        ({}, r"\.yaml:6: trial\.objective\.choice\.2 must stay .*'cda'.*, but is gone\.\n"),
        (
            grown | {"steps: 2": "steps: 3"},
            r"\.yaml:\d+: trial.train.steps must stay 2, but is 3\.\n",
        ),
    ):
        with pytest.raises(CannotRun, match=f"{sentence}budget, resources and checkpoints may"):
            resume(*spec_of(9, **replaced), run_trial=pretending())
    assert {run.info.status for run in record.trial_runs()} == {"FINISHED"}


def test_a_sweep_whose_store_is_not_there_is_not_resumed_and_no_store_is_made(spec_of, tmp_path):
    spec, document = spec_of(2)
    with pytest.raises(CannotRun, match="no sweep named 'tiny' is recorded in the tracking store"):
        resume(spec, document, Backends(f"sqlite:///{tmp_path}/absent.db"))
    assert [*tmp_path.glob("absent*")] == []


@pytest.mark.long
def test_a_damaged_checkpoint_is_said_and_its_trial_runs_from_its_start(spec_of, caplog):
    spec, document = spec_of(1, **{"search:": "checkpoints: {resume: true}\nsearch:"})
    folder = workspace.folder(spec.name) / "checkpoints" / "0000"
    folder.mkdir(parents=True)
    (folder / "latest").write_text("/")
    run(spec, document, run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 1}, {"FINISHED": 1}, [])
    (said,) = [text for text in caplog.messages if "begins anew" in text]
    assert said.startswith(f"trial 0 begins anew, as its checkpoint in {folder} cannot be used: ")
    assert not folder.exists()
