"""The study of a sweep in a database: found, deleted, and there again once a server is."""

import subprocess
import sys
import threading
import time

import pytest

from sweep import workspace
from sweep.config.check import load
from sweep.search.study import delete_study, has_study, open_study
from sweep.tracking import addresses
from tests import servers

pytestmark = pytest.mark.timeout(120)


def test_a_study_is_found_and_deleted_by_its_name_and_no_other_is(postgres, tiny):
    kept, (spec, _) = postgres.url("studies"), load(tiny)
    delete_study(kept, "tiny")
    open_study(kept, spec).ask()
    open_study(kept, spec.model_copy(update={"name": "other"})).ask()
    assert has_study(kept, "tiny")
    delete_study(kept, "tiny")
    assert not has_study(kept, "tiny")
    assert len(open_study(kept, spec.model_copy(update={"name": "other"})).trials) == 1


def test_a_server_that_restarts_is_waited_for(tiny):
    try:
        with servers.postgresql() as server:
            study = open_study(server.url("studies"), load(tiny)[0])
            trial = study.ask()
            server.stop()
            again = threading.Timer(1.0, server.start)
            began = time.monotonic()
            again.start()
            study.tell(trial, [1.0, 2.0])
            assert time.monotonic() - began > 0.9
            again.join()
            assert [t.state.name for t in study.trials] == ["COMPLETE"]
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


def test_a_missing_driver_is_one_sentence_with_what_brings_it():
    code = (
        "import sys; sys.modules['psycopg'] = None; from sweep.search import study\n"
        "from sweep.tracking import addresses\n"
        "for use in (lambda u: study.has_study(u, 'x'), addresses.prepare_store):\n"
        "    try: use('postgresql://me:secret@127.0.0.1:9/x')\n"
        "    except addresses.BadAddress as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.count("`pip install -e '.[postgresql]'` brings it") == 2, said.stdout
    assert "secret" not in said.stdout + said.stderr


def test_what_is_remembered_of_an_address_is_no_password(sweep_home):
    def remembered(storage):
        workspace.folder("tiny").mkdir(parents=True, exist_ok=True)
        workspace.remember("tiny", "", "postgresql://me:secret@h/m", storage, None)
        return workspace.storage("tiny")

    assert remembered("postgresql://me@h/x") == "postgresql://me@h/x"
    assert remembered("postgresql://me:secret@h/x") == "postgresql://me:***@h/x"
    assert remembered("postgresql://me@h/x?password=secret") == "postgresql://me@h/x?password=***"
    assert remembered(workspace.journal("tiny")) == workspace.journal("tiny")
    assert workspace.tracking_uri("tiny") == "postgresql://me:***@h/m"
    with pytest.raises(
        addresses.BadAddress, match=r"the password of .* is not kept: name it again"
    ):
        addresses.refuse_hidden(workspace.tracking_uri("tiny"), "--tracking-uri")


def test_a_journal_that_cannot_be_read_is_one_sentence(tiny, tmp_path):
    journal = tmp_path / "search.journal"
    open_study(journal, load(tiny)[0]).ask()
    journal.write_bytes(b"no line of Optuna\n" + journal.read_bytes())
    with pytest.raises(
        addresses.BadAddress, match=r"search\.journal must be a journal of Optuna, but"
    ):
        open_study(journal, load(tiny)[0])
