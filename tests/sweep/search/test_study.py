"""The study of a sweep in a journal or a database: opened, found, deleted."""

import subprocess
import sys
import threading
import time

import pytest

from sweep.config.check import load
from sweep.search.study import delete_study, has_study, open_study
from sweep.tracking.store import addresses
from tests import servers

pytestmark = pytest.mark.timeout(120)


def test_a_study_is_found_and_deleted_by_its_name_and_no_other_is(postgres, tiny):
    url, (spec, _) = postgres.url("studies"), load(tiny)
    delete_study(url, "tiny")
    open_study(url, spec).ask()
    open_study(url, spec.model_copy(update={"name": "other"})).ask()
    assert has_study(url, "tiny")
    delete_study(url, "tiny")
    assert not has_study(url, "tiny")
    assert len(open_study(url, spec.model_copy(update={"name": "other"})).trials) == 1


def test_a_study_waits_for_a_server_that_restarts(tiny):
    try:
        with servers.postgresql() as server:
            study = open_study(server.url("studies"), load(tiny)[0])
            trial = study.ask()
            server.stop()
            restart = threading.Timer(1.0, server.start)
            began = time.monotonic()
            restart.start()
            study.tell(trial, [1.0, 2.0])
            assert time.monotonic() - began > 0.9
            restart.join()
            assert [trial.state.name for trial in study.trials] == ["COMPLETE"]
    except servers.NotInstalled as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("redis://me:secret@h/0", r"must be a database, as .* but got 'redis://me:\*\*\*@h/0'"),
        ("search.journal", "must be a database, as postgresql://USER@HOST/NAME, but got 'search"),
        ("postgresql://me:secret@127.0.0.1:9/x", r"must be a database that can be .* refused"),
        ("postgresql://me:sec@ret@127.0.0.1:9/x", "must be written with %40 for @"),
        ("postgresql://me@127.0.0.1:9/x?password=secret", r"x\?password=\*\*\* must be a database"),
        ("mysql://me:secret@127.0.0.1:9/x", "MySQLdb"),
        ("sqlite:////dev/null/x.db", "must be a database that can be written, but"),
    ],
)
def test_a_storage_that_cannot_be_used_is_one_sentence_without_its_password(url, sentence):
    with pytest.raises(addresses.BadAddress, match=sentence) as caught:
        has_study(url, "tiny")
    assert "sec" not in str(caught.value).replace("search", "")
    assert "\n" not in str(caught.value)


def test_a_missing_driver_is_one_sentence_with_how_to_install_it():
    code = (
        "import sys; sys.modules['psycopg'] = None; from sweep.search import study\n"
        "from sweep.tracking.store import addresses, preparing\n"
        "for use in (lambda u: study.has_study(u, 'x'), preparing.prepare_store):\n"
        "    try: use('postgresql://me:secret@127.0.0.1:9/x')\n"
        "    except addresses.BadAddress as error: print(error)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.count("`pip install -e '.[postgresql]'` brings it") == 2, ended.stdout
    assert "secret" not in ended.stdout + ended.stderr


def test_a_journal_exists_from_its_study_on_until_it_is_deleted(tiny, tmp_path):
    journal = tmp_path / "search.journal"
    assert not has_study(journal, "tiny")
    open_study(journal, load(tiny)[0]).ask()
    assert has_study(journal, "tiny")
    for _ in range(2):
        delete_study(journal, "tiny")
        assert not has_study(journal, "tiny")


@pytest.mark.parametrize(
    ("dialect", "sentence"),
    [
        ("pysqlcipher", "must be a database that can be written, but: .*pysqlcipher3|sqlcipher3"),
        ("nosuch", "must be a database that can be written, but: .*sqlite.nosuch"),
    ],
)
def test_a_library_that_is_not_here_is_said_before_anything_is_made(dialect, sentence, tmp_path):
    with pytest.raises(addresses.BadAddress, match=sentence):
        has_study(f"sqlite+{dialect}:///{tmp_path}/search.db", "tiny")
    assert not list(tmp_path.iterdir())


def test_to_ask_for_a_study_makes_no_file(tmp_path, tiny):
    """The address may be one that a damaged file holds."""
    url = f"sqlite:///{tmp_path}/search.db"
    assert not has_study(url, "tiny")
    delete_study(url, "tiny")
    assert not (tmp_path / "search.db").exists()
    open_study(f"{url}?timeout=5", load(tiny)[0])
    assert has_study(f"{url}?timeout=5", "tiny")
    with pytest.raises(addresses.BadAddress, match="must be a database that can be written"):
        has_study(f"sqlite:///{tmp_path}/absent/search.db", "tiny")
