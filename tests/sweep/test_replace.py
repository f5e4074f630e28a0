"""An earlier sweep is deleted wherever it was kept, and nothing else is."""

import pytest

from sweep import home, tracking
from sweep.replace import delete_earlier
from sweep.spec import load
from sweep.storage import Storage
from sweep.study import is_kept, open_study
from tests.sweep.conftest import TINY

pytestmark = pytest.mark.timeout(120)  # the store's tables are made


def test_it_is_gone_from_search_record_checkpoints_and_folder(tmp_path, sweep_home):
    (tmp_path / "tiny.yaml").write_text(TINY)
    spec, document = load(tmp_path / "tiny.yaml")
    folder, uri = home.folder("tiny"), home.local_tracking_uri()
    search_storage = f"sqlite:///{tmp_path / 'search.db'}"
    shared = tmp_path / "shared"
    for name in ("tiny-1", "of-somebody-else"):
        with Storage(str(shared / name)).write("0000"):
            pass
    (folder / "record").mkdir(parents=True)
    home.remember("tiny", document.text, uri, search_storage, f"{shared}/tiny-1")
    open_study(search_storage, spec)
    tracking.open_sweep(uri, spec, document.text, {})

    for _ in range(2):  # what was cut off may be done again
        delete_earlier("tiny", uri, home.journal("tiny"))
        assert not is_kept(search_storage, "tiny")
        assert tracking.find_sweep(uri, "tiny") is None
        assert [path.name for path in shared.iterdir()] == ["of-somebody-else"]
        assert [path.name for path in folder.iterdir()] == ["sweep.yaml"]
