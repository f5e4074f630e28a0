"""Whether a sweep is resumed or run, after a kill between any two steps of its beginning."""

import hashlib

import pytest

from sweep import workspace
from sweep.queue.begun import has_begun
from sweep.queue.entry import Entry
from sweep.queue.scheduler import Away
from sweep.tracking import sweeps
from tests.servers import free_port
from trainables.schema.yaml_file import read

pytestmark = pytest.mark.timeout(120)  # an empty store takes its time where the machine is busy


def entry(**fields):
    return Entry(number=1, sweep="tiny", key="0" * 32, added=0, state="running", **fields)


@pytest.fixture
def spec_is_written(sweep_home, tiny):
    from sweep.config.check import check

    document = read(tiny)
    uri = workspace.local_tracking_uri()
    workspace.spec("tiny").parent.mkdir(parents=True)
    workspace.remember_sweep("tiny", document.text, uri, workspace.journal("tiny"), None)
    return check(document), document


def test_before_its_spec_is_written_it_is_run(sweep_home):
    assert not has_begun(entry())


def test_with_its_spec_alone_it_is_run(spec_is_written):
    assert not has_begun(entry())


def test_once_it_is_recorded_it_is_resumed(spec_is_written):
    spec, document = spec_is_written
    artifacts = workspace.artifact_location(workspace.local_tracking_uri(), "tiny")
    sweeps.open_sweep(workspace.local_tracking_uri(), spec, document.text, {}, artifacts)
    assert has_begun(entry())


def test_once_its_journal_is_there_it_is_resumed_without_a_look_at_mlflow(spec_is_written):
    workspace.outbox("tiny").mkdir()
    assert has_begun(entry(tracking_uri=f"http://127.0.0.1:{free_port()}"))


def test_another_sweep_of_its_name_is_not_resumed(spec_is_written, tiny):
    workspace.outbox("tiny").mkdir()
    digest = hashlib.sha256(tiny.read_bytes())
    assert has_begun(entry(files={workspace.SPEC: digest.hexdigest()}))
    digest.update(b"# with another line")
    assert not has_begun(entry(files={workspace.SPEC: digest.hexdigest()}))


def test_while_mlflow_is_away_it_is_not_known(spec_is_written):
    with pytest.raises(Away, match="tiny: whether it is recorded is not known"):
        has_begun(entry(tracking_uri=f"http://127.0.0.1:{free_port()}"))
