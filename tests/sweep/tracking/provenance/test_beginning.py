"""What a sweep began with is in its journal, so that another store gets it as it was."""

import pytest

from analysis.record.names import digests_in
from sweep.tracking import sweeps
from sweep.tracking.delivery import deliver_batch
from sweep.tracking.entries.kinds import Tagged
from sweep.tracking.journal.entries import entries_of
from sweep.tracking.outbox import Outbox
from sweep.tracking.provenance.beginning import (
    add_inputs,
    began_with,
    beginning_in,
    beginning_of,
    is_whole,
    remember_beginning,
)
from tests.sweep.conftest import TINY

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "record")


def test_the_journal_has_what_a_sweep_began_with_and_what_was_added_once(record, outbox):
    remember_beginning(record, outbox)
    began = beginning_of(entries_of(outbox.folder))
    assert began == beginning_in(record.tags())
    assert began["digest.alignment.x"] == "ab"
    assert {"version.torch", "evaluator.stereoset", "model.start"} <= began.keys()
    assert is_whole(began)
    add_inputs(record, {"alignment.y": "cd"})
    for _ in range(2):
        remember_beginning(record, outbox)
    assert beginning_of(entries_of(outbox.folder)) == began | {"digest.alignment.y": "cd"}
    assert len([*entries_of(outbox.folder)]) == 2
    deliver_batch(record, outbox)
    assert digests_in(record.tags()) == {"alignment.x": "ab", "alignment.y": "cd"}


def test_the_first_word_of_the_journal_counts_and_that_of_other_entries_does_not(outbox):
    for digest in ("ab", "cd"):
        outbox.put(Tagged(trial=None, tags={"digest.alignment.x": digest, "sweep.alive": "1"}))
    outbox.put(Tagged(trial=0, tags={"digest.alignment.z": "ef"}))
    began = beginning_of(entries_of(outbox.folder))
    assert began == {"digest.alignment.x": "ab"}
    assert not is_whole(began)


def test_an_input_that_was_added_is_an_input_of_the_sweeps_run(record):
    add_inputs(record, {"alignment.y": "cd"})
    inputs = {
        one.dataset.name: one.dataset.digest for one in record.own_run().inputs.dataset_inputs
    }
    assert inputs == {"alignment.x": "ab", "alignment.y": "cd"}


def test_a_record_that_is_opened_anew_has_what_the_sweep_began_with(tracking_uri, spec, record):
    began = beginning_in(record.tags()) | {"version.torch": "0.1", "evaluator.stereoset": "0"}
    began.pop("mlflow.source.git.commit", None)
    sweeps.delete_sweep(tracking_uri, spec.name)
    anew = sweeps.open_sweep(tracking_uri, spec, TINY, digests_in(record.tags()), began=began)
    assert beginning_in(anew.tags()) == began


def test_a_tag_that_was_edited_in_mlflow_is_said_and_the_journal_counts(record, outbox, caplog):
    assert began_with(record, outbox.folder) == beginning_in(record.tags())
    remember_beginning(record, outbox)
    began = began_with(record, outbox.folder)
    assert caplog.messages == []
    record.set_tags({"digest.alignment.x": "ef", "digest.model.y": "ab"})
    assert began_with(record, outbox.folder) == began | {"digest.model.y": "ab"}
    (message,) = caplog.messages
    assert message.startswith("the tag digest.alignment.x of ")
    assert message.endswith(
        "in MLflow must be 'ab', as its journal says, but is 'ef': that of the journal counts"
    )
