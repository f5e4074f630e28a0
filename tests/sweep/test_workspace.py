"""Where a sweep writes, and the addresses that it remembers for `sweep resume`."""

from pathlib import Path

import pytest

from sweep import workspace
from sweep.tracking.store import addresses
from sweep.tracking.whole_file import DamagedFile

LOCAL = "sqlite:////elsewhere/mlflow.db"


@pytest.fixture
def remember(sweep_home):
    """remember(…): remember a sweep `tiny` with these addresses; the rest is local."""

    def remember(tracking_uri=None, search_storage=None, checkpoint_root=None):
        workspace.folder("tiny").mkdir(parents=True, exist_ok=True)
        workspace.remember_sweep(
            "tiny",
            "name: tiny",
            tracking_uri or workspace.local_tracking_uri(),
            search_storage or workspace.journal("tiny"),
            checkpoint_root,
        )

    return remember


def files_of(name):
    return {path.name for path in workspace.folder(name).iterdir()}


def test_a_sweep_of_which_nothing_is_remembered_is_local(sweep_home):
    assert workspace.tracking_uri("tiny") == f"sqlite:///{sweep_home}/mlflow.db"
    assert workspace.search_storage("tiny") == sweep_home / "tiny" / "search.journal"
    assert workspace.checkpoint_root("tiny") is None


def test_home_is_an_absolute_folder_here_unless_one_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEP_HOME", raising=False)
    assert workspace.home() == tmp_path / "sweeps"
    monkeypatch.setenv("SWEEP_HOME", "elsewhere")
    assert workspace.folder("tiny") == tmp_path / "elsewhere" / "tiny"


def test_only_addresses_that_are_named_have_a_file(remember, sweep_home):
    remember()
    assert files_of("tiny") == {"sweep.yaml", "started_in"}
    assert (sweep_home / "tiny" / "sweep.yaml").read_text() == "name: tiny"
    remember(LOCAL, "postgresql://me@h/x", "s3://bucket/tiny-1234abcd")
    address_files = {"tracking_uri", "storage", "kept_at"}
    assert files_of("tiny") == {"sweep.yaml", "started_in"} | address_files
    assert workspace.tracking_uri("tiny") == LOCAL
    assert workspace.search_storage("tiny") == "postgresql://me@h/x"
    assert workspace.checkpoint_root("tiny") == "s3://bucket/tiny-1234abcd"
    workspace.remember_checkpoint_root("tiny", None)
    assert workspace.checkpoint_root("tiny") is None
    remember()
    assert files_of("tiny") == {"sweep.yaml", "started_in"}


def test_passwords_are_not_remembered(remember):
    for named, remembered in (
        ("postgresql://me@h/x", "postgresql://me@h/x"),
        ("postgresql://me:secret@h/x", "postgresql://me:***@h/x"),
        ("postgresql://me@h/x?password=secret", "postgresql://me@h/x?password=***"),
        ("postgresql://me:secret@[h/x", "postgresql://me:***@[h/x"),
        (workspace.journal("tiny"), workspace.journal("tiny")),
    ):
        remember("postgresql://me:secret@h/m", named)
        assert workspace.search_storage("tiny") == remembered
    assert workspace.tracking_uri("tiny") == "postgresql://me:***@h/m"
    with pytest.raises(
        addresses.BadAddress, match=r"the password of .* is not kept: name it again"
    ):
        addresses.refuse_hidden(workspace.tracking_uri("tiny"), "--tracking-uri")


def test_relative_paths_are_from_the_folder_of_the_start_while_it_is_there(
    remember, tmp_path, monkeypatch, caplog
):
    start = tmp_path / "start"
    start.mkdir()
    monkeypatch.chdir(start)
    remember()
    monkeypatch.chdir(tmp_path)
    assert workspace.start_folder("tiny") == start
    assert caplog.messages == []
    start.rmdir()
    assert workspace.start_folder("tiny") == tmp_path
    assert workspace.start_folder("another") == tmp_path
    gone, unknown = caplog.messages
    assert gone.startswith(
        f"{workspace.folder('tiny') / 'started_in'} must hold the folder in which tiny was started, but "
        f"{start} is no folder any more: relative paths of its spec are taken from the current one, "
    )
    assert "in which another was started, but is not there: relative paths" in unknown


@pytest.mark.parametrize(
    ("tracking_uri", "location"),
    [
        (LOCAL, "/elsewhere/artifacts/tiny"),
        ("postgresql://me@h/m", "HOME/artifacts/tiny"),
        ("http://localhost:5000", None),
        ("databricks", None),
    ],
)
def test_artifacts_are_beside_a_file_or_in_the_workspace_unless_a_server_has_a_place(
    tracking_uri, location, sweep_home: Path
):
    expected = location and location.replace("HOME", str(sweep_home))
    assert workspace.artifact_location(tracking_uri, "tiny") == expected


def test_the_sweeps_that_were_run_here_are_listed_and_their_files_are_in_their_folders(
    remember, sweep_home
):
    assert workspace.names() == []
    remember()
    assert workspace.names() == ["tiny"]
    assert workspace.spec("tiny") == sweep_home / "tiny" / "sweep.yaml"
    assert workspace.outbox("tiny") == sweep_home / "tiny" / "record"


def test_the_folder_of_own_tasks_is_remembered_if_one_was_named(remember, sweep_home, tmp_path):
    remember()
    assert workspace.harness_tasks("tiny") is None
    workspace.remember_harness_tasks("tiny", tmp_path)
    assert workspace.harness_tasks("tiny") == tmp_path
    workspace.remember_harness_tasks("tiny", None)
    assert files_of("tiny") == {"sweep.yaml", "started_in"}


@pytest.mark.parametrize("path", ["/shared", "/a/b", "s3://bucket", "s3://b/c", "file:///shared"])
def test_checkpoints_of_a_sweep_are_in_a_place_of_its_own(path, remember):
    root = workspace.new_checkpoint_root(path, "tiny")
    assert root.startswith(f"{path}/tiny-")
    assert root != workspace.new_checkpoint_root(path, "tiny")
    remember(checkpoint_root=root)
    assert workspace.checkpoint_root("tiny") == root


@pytest.mark.parametrize(
    "address",
    [
        *("/", "/shared", "/shared/", "/shared/tiny-1234abcd/", "/shared/tiny-1234abc", "/tiny-1234abcd"),
        *("/shared/other-1234abcd", "/shared/tiny-1234abcd/..", "../shared/tiny-1234abcd", "../.."),
        *("s3://bucket", "s3://tiny-1234abcd", "tiny-1234abcd", "[" * 3000, "/shared/tiny-1234ABCD"),
    ],
    ids=lambda address: address[:40],
)  # fmt: skip
def test_another_place_for_checkpoints_is_refused_as_it_is_somebody_elses(address, remember):
    remember(checkpoint_root=address)
    with pytest.raises(DamagedFile, match=r"kept_at must hold .* which ends in /tiny- and 8") as no:
        workspace.checkpoint_root("tiny")
    assert len(str(no.value)) < 400 + len(str(workspace.folder("tiny")))


@pytest.mark.parametrize("content", ["../..", ".", "tiny", "[[[["])
def test_a_folder_that_was_remembered_is_an_absolute_path(content, remember):
    remember()
    for file, read in (
        ("started_in", workspace.start_folder),
        ("harness_tasks", workspace.harness_tasks),
    ):
        (workspace.folder("tiny") / file).write_text(content)
        with pytest.raises(DamagedFile, match=rf"{file} must hold .* begins with /, but holds '"):
            read("tiny")


def test_the_folder_of_all_sweeps_stays_the_same_wherever_the_process_goes(tmp_path, monkeypatch):
    """Also that of ./sweeps, of which another folder may have a copy."""
    monkeypatch.setenv("SWEEP_HOME", "")
    monkeypatch.chdir(tmp_path)
    workspace.keep_home()
    monkeypatch.chdir("/")
    assert workspace.home() == tmp_path / "sweeps"
