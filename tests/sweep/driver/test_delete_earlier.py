"""An earlier sweep is deleted from every place, and nothing else is."""

import pytest

from sweep import workspace
from sweep.config.check import load
from sweep.driver.delete_earlier import delete_earlier
from sweep.search.study import has_study, open_study
from sweep.tracking import sweeps
from sweep.workers.checkpoints import FolderStore
from tests.sweep.conftest import TINY

pytestmark = pytest.mark.timeout(120)  # the store's tables are made


def test_an_earlier_sweep_is_gone_from_search_record_checkpoints_and_folder(tmp_path, sweep_home):
    (tmp_path / "tiny.yaml").write_text(TINY)
    spec, document = load(tmp_path / "tiny.yaml")
    folder, uri = workspace.folder("tiny"), workspace.local_tracking_uri()
    search_storage = f"sqlite:///{tmp_path / 'search.db'}"
    shared = tmp_path / "shared"
    for name in ("tiny-1", "of-somebody-else"):
        with FolderStore(str(shared / name)).write("0000"):
            pass
    (folder / "record").mkdir(parents=True)
    workspace.remember_sweep("tiny", document.text, uri, search_storage, f"{shared}/tiny-1")
    open_study(search_storage, spec)
    sweeps.open_sweep(uri, spec, document.text, {})

    for _ in range(2):  # a deletion that was cut off may be done again
        delete_earlier("tiny", uri, workspace.journal("tiny"))
        assert not has_study(search_storage, "tiny")
        assert sweeps.find_sweep(uri, "tiny") is None
        assert [path.name for path in shared.iterdir()] == ["of-somebody-else"]
        assert [path.name for path in folder.iterdir()] == ["sweep.yaml"]
