"""Whatever a store has lost of a trial, or has otherwise, no verb ends in a traceback."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sweep import workspace
from sweep.config.check import load
from sweep.driver.run_sweep import run
from sweep.tracking.entries.kinds import Opened, Reported, contents, with_only
from sweep.tracking.journal.entries import entries_of
from sweep.tracking.outbox import Outbox
from tests.sweep.conftest import TINY, pretending, verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("cluster")]

OF_TRIAL = "run_uuid IN (SELECT run_uuid FROM runs WHERE name = 'tiny-0000')"
TABLES = ("params", "tags", "latest_metrics")
VERBS = [
    ("ls",), ("status", "tiny"), ("front", "tiny"), ("front", "tiny", "--format", "json"),
    ("compare", "tiny", "base", "0"), ("compare", "tiny", "0", "1"),
]  # fmt: skip


@pytest.fixture(scope="module")
def as_left(tmp_path_factory, empty_store, cluster) -> Path:
    """A SWEEP_HOME with a finished sweep of two complete trials; no test may change it."""
    folder = tmp_path_factory.mktemp("left") / "sweeps"
    folder.mkdir()
    shutil.copy(empty_store, folder)
    (folder / "tiny.yaml").write_text(TINY.replace("trials: 4", "trials: 2"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWEEP_HOME", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        run(*load(folder / "tiny.yaml"), run_trial=pretending())
    return folder


@pytest.fixture
def copied(as_left, tmp_path, monkeypatch):
    """A function that returns a copy of that folder by a name of its own, which is the SWEEP_HOME then."""

    def copied(name: str = "sweeps") -> Path:
        folder = tmp_path / name  # of its own: MLflow keeps a file open that it has opened
        shutil.copytree(as_left, folder)
        monkeypatch.setenv("SWEEP_HOME", str(folder))
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        (folder / "tiny" / "tracking_uri").write_text(workspace.local_tracking_uri())
        return folder

    return copied


@pytest.fixture
def home(copied) -> Path:
    """A copy of that folder, which is the SWEEP_HOME."""
    return copied()


def names(home: Path, table: str) -> list[str]:
    """What trial 0 has in a table, by name."""
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        rows = database.execute(f"SELECT key FROM {table} WHERE {OF_TRIAL} ORDER BY key")
        return [name for (name,) in rows]


def refuse_traceback(*words: str) -> str:
    """Fail unless a verb ends with what it shows, or with a sentence; return what it shows."""
    result = verb(*words)  # raises what the verb does not catch
    assert result.exit_code in (0, 1, 2), (words, result.output)
    assert "Traceback" not in result.output
    return result.output


def delete(home: Path, table: str, name: str) -> None:
    """Delete what trial 0 has by a name in a table."""
    with closing(sqlite3.connect(home / "mlflow.db")) as database, database:
        statement = f"DELETE FROM {table} WHERE key = ? AND {OF_TRIAL}"
        assert database.execute(statement, (name,)).rowcount == 1


def set_aside(home: Path, name: str) -> None:
    """Have the entries of trial 0 so far as they have a name count as refused, so that it stays away."""
    outbox = Outbox(home / "tiny" / "record")
    for entry in [*entries_of(outbox.folder)]:
        if entry.trial == 0 and isinstance(entry, Opened | Reported):
            for field, key in ((f, k) for f, c in contents(entry).items() for k in c if k == name):
                outbox.set_aside(with_only(entry, [(field, key)]), "no")


def rounds(home: Path) -> list[dict[str, str]]:
    """For each round a name in each table, such that every name has its turn."""
    of_table = {table: names(home, table) for table in TABLES}
    num = max(map(len, of_table.values()))
    return [{t: own[n % len(own)] for t, own in of_table.items()} for n in range(num)]


@pytest.mark.long
def test_a_setting_and_a_metric_whose_row_is_gone_come_back_by_sync(home):
    before = {table: names(home, table) for table in TABLES}
    for table, name in (
        ("params", "seed"),
        ("latest_metrics", "bias/miniature/gap"),
        ("tags", "seed"),
    ):
        delete(home, table, name)
    for words in VERBS:
        refuse_traceback(*words)
    said = refuse_traceback("sync", "tiny")
    assert "entries delivered; the record of tiny is complete." in said
    assert "\n0 entries" not in f"\n{said}"
    assert {table: names(home, table) for table in TABLES} == before


@pytest.mark.long
@pytest.mark.parametrize(
    "damage",
    ["gone", "a word", "infinite"],
)
def test_a_sweep_goes_on_and_runs_again_where_the_store_has_no_seed_of_a_trial(damage, home):
    if damage == "gone":
        set_aside(home, "seed")
        delete(home, "params", "seed")
    else:
        with closing(sqlite3.connect(home / "mlflow.db")) as database, database:
            text = {"a word": "x", "infinite": "inf"}[damage]
            database.execute("UPDATE params SET value = ? WHERE key = 'seed'", (text,))
    for words in (*VERBS, ("resume", "tiny"), ("sync", "tiny")):
        refuse_traceback(*words)


def test_a_run_that_is_no_trial_any_more_ends_a_resume_in_a_sentence(home):
    set_aside(home, "sweep.role")
    delete(home, "tags", "sweep.role")
    said = refuse_traceback("resume", "tiny")
    assert "its list of runs must be what the sweep wrote, but the store" in said


@pytest.mark.long
def test_no_verb_fails_but_with_a_sentence_whichever_name_of_a_trial_the_store_has_lost(
    as_left, copied
):
    for number, lost in enumerate(rounds(as_left)):
        home = copied(str(number))
        for table, name in lost.items():
            set_aside(home, name)
            delete(home, table, name)
        for words in (*VERBS, ("resume", "tiny"), ("sync", "tiny")):
            refuse_traceback(*words)
