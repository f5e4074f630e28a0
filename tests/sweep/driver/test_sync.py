"""Entries that a sweep could not deliver are delivered later, also to another store."""

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest

from analysis.record.names import digests_in
from sweep import workspace
from sweep.cli import live_display
from sweep.driver.run_sweep import run
from sweep.driver.running_sweep import CannotRun
from sweep.driver.sync import sync
from tests.sweep.conftest import pretending, verb

pytestmark = [
    *(pytest.mark.long, pytest.mark.slow),
    *(pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")),
]


def test_the_record_of_a_lost_store_is_delivered_to_another(spec_of, tmp_path):
    from analysis.record.reader import read_sweep
    from sweep.tracking.sweeps import delete_sweep, find_sweep

    spec, document = spec_of(5)
    record = run(spec, document, run_trial=pretending((0, 1)))
    before = read_sweep(spec.name, tracking_uri=record.tracking_uri)
    sync(spec.name)  # nothing to do
    delete_sweep(record.tracking_uri, spec.name)
    with pytest.raises(CannotRun, match="name the store that everything is to be delivered"):
        sync(spec.name)
    uri = f"sqlite:///{tmp_path / 'other.db'}"
    synced = sync(spec.name, tracking_uri=uri, on_delivered=live_display.draw_last_front)
    assert (synced.num_refused, synced.has_ended) == (0, True)
    assert synced.num_delivered > 5
    assert synced.gone == [], "pretended trials have no files"
    record = find_sweep(uri, spec.name)
    on_front = {
        int(run.data.tags["sweep.trial"])
        for run in record.trial_runs()
        if run.data.tags["on_front"] == "true"
    }
    assert on_front == set(before.trials_on_front())
    note = record._client.get_run(record.run_id).data.tags["mlflow.note.content"]
    assert f"{before.front_size} of " in note
    drawn = {entry.path for entry in record._client.list_artifacts(record.run_id, "front")}
    assert "front/front.html" in drawn
    after = read_sweep(spec.name, tracking_uri=workspace.tracking_uri(spec.name))
    assert workspace.tracking_uri(spec.name) == uri
    assert after.state == before.state == "finished"
    pd.testing.assert_frame_equal(
        after.trials.drop(columns="run_id"), before.trials.drop(columns="run_id")
    )
    assert after.base == before.base


def test_files_that_went_with_a_lost_store_are_named_and_the_record_is_not_called_complete(
    spec_of, tmp_path
):
    from sweep.tracking.outbox import Outbox
    from sweep.tracking.sweeps import delete_sweep

    spec, document = spec_of(2)
    record = run(spec, document, run_trial=pretending())
    outbox = Outbox(workspace.outbox(spec.name))
    outbox.attach(0, b"table", "items.parquet")
    outbox.attach(None, b"table", "items.parquet")
    sync(spec.name)
    assert (
        verb("sync", spec.name).stdout
        == f"0 entries delivered; the record of {spec.name} is complete.\n"
    )
    delete_sweep(record.tracking_uri, spec.name)
    ended = verb("sync", spec.name, "--tracking-uri", f"sqlite:///{tmp_path / 'other.db'}")
    assert ended.exit_code == 0, ended.stderr
    assert (
        "2 files went with the store that had taken them: trial 0/items.parquet, sweep/"
        in ended.stderr
    )
    assert "complete" not in ended.stdout
    assert ended.stdout.endswith(f"the record of {spec.name} has all else.\n")


def test_files_that_were_deleted_are_written_anew_or_named(spec_of, caplog):
    from analysis.record.reader import read_sweep
    from sweep.tracking.outbox import Outbox

    spec, document = spec_of(2)
    record = run(spec, document, run_trial=pretending())
    outbox = Outbox(workspace.outbox(spec.name))
    outbox.attach(1, b"table", "items.parquet")
    sync(spec.name)
    before = read_sweep(spec.name, tracking_uri=record.tracking_uri)
    own = Path(unquote(urlsplit(record.own_run().info.artifact_uri).path))
    shutil.rmtree(own.parent.parent)
    for words in ("status", "front"):
        assert f"have `sweep sync {spec.name}` record anew" in verb(words, spec.name).stderr
    synced = verb("sync", spec.name)
    assert synced.exit_code == 0, synced.stderr
    assert "the tracking store lacks what it had taken of the sweep itself" in caplog.text
    assert "1 file went with the store that had taken it: trial 1/items.parquet" in (
        " ".join(synced.stderr.split())
    )
    after = read_sweep(spec.name, tracking_uri=record.tracking_uri)
    pd.testing.assert_frame_equal(after.trials, before.trials)
    assert {"declarations.json", "sweep.yaml"} <= {file.name for file in own.iterdir()}
    assert "complete" in verb("sync", spec.name).stdout


def test_a_record_that_has_lost_results_is_said_once_with_another_exit_code(spec_of, caplog):
    from sweep.tracking.entries.kinds import Tagged
    from sweep.tracking.outbox import Outbox

    spec, document = spec_of(2)
    run(spec, document, run_trial=pretending())
    assert verb("sync", spec.name).exit_code == 0
    Outbox(workspace.outbox(spec.name)).put(Tagged(trial=1, tags={"sweep.state": "lost"}))
    ended = verb("sync", spec.name)
    assert ended.exit_code == 1
    assert f"the record of {spec.name} has lost results of trial 1" in ended.stderr
    assert ended.stdout.endswith(f"the record of {spec.name} has all else.\n")
    resumed = verb("resume", spec.name)
    assert resumed.exit_code == 1
    said = "\n".join([*caplog.messages, resumed.output])
    assert said.count(f"the record of {spec.name} has lost results of trial 1, which is") == 1


def test_a_search_whose_password_is_not_here_is_said_not_to_be_looked_at(
    spec_of, caplog, monkeypatch
):
    spec, document = spec_of(2)
    run(spec, document, run_trial=pretending())
    (workspace.folder(spec.name) / "storage").write_text("postgresql://me:***@127.0.0.1:1/none\n")
    ended = verb("sync", spec.name)
    assert ended.exit_code == 0
    assert ended.stdout.endswith(f"whether the record of {spec.name} is complete is not known.\n")
    assert caplog.messages == [
        f"whether results of {spec.name} were lost is not known: OPTUNA_STORAGE must be the address of "
        "its search with its password, postgresql://me:***@127.0.0.1:1/none"
    ]
    caplog.clear()
    monkeypatch.setenv("OPTUNA_STORAGE", "postgresql://me:hunter2@127.0.0.1:1/none")
    assert not sync(spec.name).is_compared
    (message,) = caplog.messages
    assert message.startswith("the storage postgresql://me:***@127.0.0.1:1/none")


def test_a_search_that_is_gone_is_said_not_to_be_compared(spec_of, caplog):
    spec, document = spec_of(2)
    run(spec, document, run_trial=pretending())
    assert sync(spec.name).is_compared
    workspace.journal(spec.name).unlink()
    assert not sync(spec.name).is_compared
    (message,) = caplog.messages
    assert message == (
        f"whether results of {spec.name} were lost is not known: its search is not in "
        f"{workspace.journal(spec.name)} any more"
    )


def test_an_old_copy_of_a_store_gets_the_trials_that_it_lacks(spec_of, tmp_path):
    from analysis.record.reader import read_sweep
    from sweep.driver.run_sweep import resume

    spec, document = spec_of(2)
    run(spec, document, run_trial=pretending())
    store = workspace.local_store()
    copy = store.read_bytes()
    spec, document = spec_of(4)
    resume(spec, document, run_trial=pretending())
    store.write_bytes(copy)
    uri = workspace.local_tracking_uri()
    assert len(read_sweep(spec.name, tracking_uri=uri).trials) == 2
    assert sync(spec.name).num_delivered > 4
    after = read_sweep(spec.name, tracking_uri=uri)
    assert after.trials["state"].tolist() == ["complete"] * 4
    assert after.state == "finished"
    assert sync(spec.name).num_delivered == 0


def test_an_old_copy_of_the_folder_is_refused_before_anything_is_written_over_the_record(
    spec_of, tmp_path
):
    from sweep.driver.run_sweep import resume
    from sweep.tracking.journal.marks import DELIVERED
    from sweep.tracking.sweeps import find_sweep

    spec, document = spec_of(2)
    run(spec, document, run_trial=pretending())
    copy = shutil.copytree(workspace.folder(spec.name), tmp_path / "copy")
    spec, document = spec_of(4)
    record = resume(spec, document, run_trial=pretending())
    before = [run.data for run in record.trial_runs()]
    shutil.rmtree(workspace.folder(spec.name))
    shutil.copytree(copy, workspace.folder(spec.name))
    (workspace.outbox(spec.name) / DELIVERED).unlink()  # all of the old journal is to be delivered
    with pytest.raises(CannotRun, match="nor its journal knows that trials 2, 3 ended: put the"):
        sync(spec.name)
    record = find_sweep(workspace.local_tracking_uri(), spec.name)
    assert [run.data.tags for run in record.trial_runs()] == [data.tags for data in before]
    assert record.has_ended()


def test_the_record_is_delivered_also_where_the_search_alone_is_an_older_copy(spec_of):
    from sweep.driver.run_sweep import resume
    from sweep.tracking.journal.marks import DELIVERED

    spec, document = spec_of(2)
    run(spec, document, run_trial=pretending())
    older = workspace.journal(spec.name).read_bytes()
    spec, document = spec_of(4)
    resume(spec, document, run_trial=pretending())
    workspace.journal(spec.name).write_bytes(older)
    (workspace.outbox(spec.name) / DELIVERED).unlink()
    synced = sync(spec.name)
    assert (synced.has_ended, synced.lost) == (True, [])
    assert synced.num_delivered > 4


def test_another_store_gets_what_the_sweep_began_with_without_its_data(spec_of, tmp_path, caplog):
    from sweep.tracking.journal.entries import entries_of
    from sweep.tracking.provenance.beginning import beginning_in, beginning_of
    from sweep.tracking.sweeps import delete_sweep, find_sweep

    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"stereotype": "she was sad", "antistereotype": "he was sad"}\n')
    spec, document = spec_of(2, **{"data: miniature, size: 50": f"data: {pairs}"})
    record = run(spec, document, run_trial=pretending())
    began = beginning_in(record.tags())
    pairs.unlink()
    delete_sweep(record.tracking_uri, spec.name)
    uri = f"sqlite:///{tmp_path / 'other.db'}"
    assert sync(spec.name, tracking_uri=uri).has_ended
    record = find_sweep(uri, spec.name)
    assert beginning_in(record.tags()) == began
    assert f"alignment.{pairs}" in digests_in(record.tags())
    assert not caplog.messages

    folder = workspace.outbox(spec.name)
    entries = [e for e in entries_of(folder) if e.trial is not None or not beginning_of([e])]
    lines = [f"{entry.model_dump_json()}\n" for entry in entries]
    (folder / "journal.jsonl").write_text("".join(lines))  # as an early release has written it
    for mark in ("written", "delivered"):
        (folder / mark).unlink()
    uri = f"sqlite:///{tmp_path / 'third.db'}"
    ended = verb("sync", spec.name, "--tracking-uri", uri)
    assert ended.exit_code == 2
    assert "trial.alignment.data" in ended.stderr
    assert "does not, as those of early releases: today's are recorded" in caplog.text
    assert find_sweep(uri, spec.name) is None


def test_a_sweep_stays_where_it_was_if_another_store_cannot_be_opened(spec_of, tmp_path):
    spec, document = spec_of(2)
    run(spec, document, run_trial=pretending())
    before = workspace.tracking_uri(spec.name)
    uri = f"sqlite:///{tmp_path / 'other.db'}"
    (tmp_path / "artifacts").touch()  # where the files of the other store would go
    ended = verb("sync", spec.name, "--tracking-uri", uri)
    assert ended.exit_code
    assert workspace.tracking_uri(spec.name) == before
    (tmp_path / "artifacts").unlink()
    assert verb("sync", spec.name, "--tracking-uri", uri).exit_code == 0
    assert workspace.tracking_uri(spec.name) == uri
