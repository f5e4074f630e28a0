"""An earlier sweep is deleted from every place, and nothing else is."""

import pytest

from sweep import workspace
from sweep.config.check import load
from sweep.driver.earlier.deletion import delete_earlier
from sweep.search.study import has_study, open_study
from sweep.tracking import control_requests, sweeps
from sweep.tracking.store import errors
from sweep.tracking.whole_file import DamagedFile
from sweep.workers.checkpoints import FolderStore
from tests.sweep.conftest import TINY

pytestmark = pytest.mark.timeout(120)  # the store's tables are made


def test_an_earlier_sweep_is_gone_from_search_record_checkpoints_and_folder(tmp_path, sweep_home):
    (tmp_path / "tiny.yaml").write_text(TINY)
    spec, document = load(tmp_path / "tiny.yaml")
    folder, uri = workspace.folder("tiny"), workspace.local_tracking_uri()
    search_storage = f"sqlite:///{tmp_path / 'search.db'}"
    shared = tmp_path / "shared"
    for name in ("tiny-1234abcd", "of-somebody-else"):
        with FolderStore(str(shared / name)).write("0000"):
            pass
    (folder / "record").mkdir(parents=True)
    workspace.remember_sweep("tiny", document.text, uri, search_storage, f"{shared}/tiny-1234abcd")
    workspace.remember_harness_tasks("tiny", tmp_path)
    open_study(search_storage, spec)
    sweeps.open_sweep(uri, spec, document.text, {})

    for _ in range(2):  # a deletion that was cut off may be done again
        assert delete_earlier("tiny", uri, workspace.journal("tiny"), {}) == "go"
        assert not has_study(search_storage, "tiny")
        assert sweeps.find_sweep(uri, "tiny") is None
        assert [path.name for path in shared.iterdir()] == ["of-somebody-else"]
        assert [path.name for path in folder.iterdir()] == ["sweep.yaml"]


def test_what_users_request_while_it_is_deleted_is_meant_for_the_next_one(tmp_path, sweep_home):
    """Its driver was killed, so that it still counts as running; what was asked of that one is over."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    spec, document = load(tmp_path / "tiny.yaml")
    uri = workspace.local_tracking_uri()
    earlier = sweeps.open_sweep(uri, spec, document.text, {})
    control_requests.request(earlier, "cancel")
    tags = earlier.tags()
    assert delete_earlier("tiny", uri, workspace.journal("tiny"), tags) == "go"

    earlier = sweeps.open_sweep(uri, spec, document.text, {})
    tags = earlier.tags()
    control_requests.request(earlier, "stop")
    assert delete_earlier("tiny", uri, workspace.journal("tiny"), tags) == "stop"
    with pytest.raises(Exception, match="active") as refused:  # too late for the earlier one
        control_requests.request(earlier, "stop")
    assert errors.is_of_store(refused.value)

    new = sweeps.open_sweep(uri, spec, document.text, {}, requested="stop")
    assert control_requests.Requests.from_tags(new.tags()).request == "stop"


@pytest.mark.parametrize("file", ["kept_at", "storage"])
def test_nothing_is_deleted_where_an_address_is_not_as_it_was_written(file, tmp_path, sweep_home):
    (tmp_path / "tiny.yaml").write_text(TINY)
    spec, document = load(tmp_path / "tiny.yaml")
    uri, shared = workspace.local_tracking_uri(), tmp_path / "shared"
    with FolderStore(str(shared / "tiny-1234abcd")).write("0000"):
        pass
    workspace.outbox("tiny").mkdir(parents=True)
    root = f"{shared}/tiny-1234abcd"
    workspace.remember_sweep("tiny", document.text, uri, workspace.journal("tiny"), root)
    open_study(workspace.journal("tiny"), spec)
    tags = sweeps.open_sweep(uri, spec, document.text, {}).tags()
    content = str(shared).encode() if file == "kept_at" else bytes(20)
    (workspace.folder("tiny") / file).write_bytes(content)
    paths = {*tmp_path.rglob("*")}

    with pytest.raises(DamagedFile, match=f"{file} must hold"):
        delete_earlier("tiny", uri, workspace.journal("tiny"), {})
    assert {*tmp_path.rglob("*")} == paths
    assert has_study(workspace.journal("tiny"), "tiny")
    assert sweeps.find_sweep(uri, "tiny").tags() == tags


def test_of_a_folder_elsewhere_the_link_alone_is_deleted(tmp_path, sweep_home):
    """As where `ray` was moved to a larger disk."""
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "file").touch()
    workspace.folder("tiny").mkdir()
    (workspace.folder("tiny") / "ray").symlink_to(tmp_path / "scratch")
    delete_earlier("tiny", workspace.local_tracking_uri(), workspace.journal("tiny"), {})
    assert [*workspace.folder("tiny").iterdir()] == []
    assert (tmp_path / "scratch" / "file").exists()
