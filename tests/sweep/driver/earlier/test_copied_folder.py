"""A sweep that goes on in a copy of its folder says where its files are kept."""

import shutil

import pytest

from sweep import workspace
from sweep.config.check import load
from sweep.driver.earlier.copied_folder import warn_of_copy
from sweep.tracking import sweeps
from tests.sweep.conftest import TINY

pytestmark = pytest.mark.timeout(120)  # the store's tables are made


def test_a_copy_of_the_folder_of_sweeps_says_that_files_are_kept_beside_the_original(
    tmp_path, sweep_home, monkeypatch, caplog
):
    (tmp_path / "tiny.yaml").write_text(TINY)
    spec, document = load(tmp_path / "tiny.yaml")
    uri, artifacts = workspace.local_tracking_uri(), workspace.home() / "artifacts" / "tiny"
    record = sweeps.open_sweep(
        uri, spec, document.text, {}, artifacts=workspace.artifact_location(uri, "tiny")
    )
    warn_of_copy(record)
    moved = artifacts.rename(tmp_path / "elsewhere")
    artifacts.symlink_to(moved)
    warn_of_copy(record)
    assert caplog.text == ""

    copy = tmp_path / "copy"
    shutil.copytree(workspace.home(), copy)
    monkeypatch.setenv("SWEEP_HOME", str(copy))
    record = sweeps.find_sweep(workspace.local_tracking_uri(), "tiny")
    warn_of_copy(record)
    (warning,) = [entry.getMessage() for entry in caplog.records]
    assert warning == (
        f"the files of tiny are kept in {artifacts}, as its experiment in MLflow says, not in "
        f"{copy}/artifacts/tiny: if this store is a copy, the original writes there, too"
    )
