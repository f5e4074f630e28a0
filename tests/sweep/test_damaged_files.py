"""Every file that a sweep keeps in its folder may be damaged: refused in a sentence, or made anew."""

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from sweep import workspace
from sweep.config.check import load
from sweep.driver.earlier.deletion import delete_earlier
from sweep.driver.run_sweep import run
from sweep.driver.running_sweep import CannotRun
from sweep.tracking.entries.kinds import Tagged
from sweep.tracking.outbox import Outbox
from sweep.tracking.store import addresses
from sweep.tracking.whole_file import DamagedFile
from tests.sweep.conftest import ONE_WORKER, TINY, pretending, verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("cluster")]

# Of NAME/, all files that are read back; the last is not there unless a database is named.
FILES = [
    "sweep.yaml", "started_in", "harness_tasks", "kept_at", "tracking_uri", "search.journal",
    "search.journal.written", "record/journal.jsonl", "record/written", "record/delivered",
    "record/refused.jsonl", "record/set_aside", "storage",
]  # fmt: skip
DAMAGES = {
    "cut": lambda content: content[:-2],
    "empty": lambda _: b"",
    "zeros": lambda content: bytes(len(content)),
    "elsewhere": None,  # the path of a stranger's folder
    "above": lambda _: b"../..",
    "deep": lambda _: b"[" * 10**5,
    "a folder": Path.mkdir,  # in its place
    "a link": Path.symlink_to,  # to a stranger's file
}
REFUSALS = (DamagedFile, CannotRun, addresses.BadAddress, OSError)


@pytest.fixture(scope="module")
def as_left(tmp_path_factory, empty_store, cluster) -> Path:
    """A folder with a finished sweep that has one file of each kind; no test may change it."""
    folder = tmp_path_factory.mktemp("left")
    (folder / "sweeps").mkdir()
    (folder / "strangers" / "models").mkdir(parents=True)
    (folder / "strangers" / "models" / "weights").write_text("of somebody else")
    shutil.copy(empty_store, folder / "sweeps")
    keep = f"checkpoints: {{resume: true, storage_path: {folder}/strangers}}\n"
    text = TINY.replace("trials: 4", "trials: 2").replace(ONE_WORKER, "") + keep
    (folder / "tiny.yaml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWEEP_HOME", str(folder / "sweeps"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        run(*load(folder / "tiny.yaml"), run_trial=pretending(faulty=range(7), failure="nan"))
        workspace.remember_harness_tasks("tiny", folder / "tasks")
        Outbox(workspace.outbox("tiny")).set_aside(Tagged(trial=None, tags={"a": "b"}), "400")
    shutil.copytree(Path(__file__).parents[1] / "harness_tasks", folder / "tasks")
    return folder


RARE = {"zeros", "above", "a folder"}  # each is read as one of the others is


@pytest.fixture(
    params=[pytest.param(each, marks=[pytest.mark.long] * (each in RARE)) for each in DAMAGES]
)
def damaged(request, as_left, tmp_path, monkeypatch):
    """A function that damages this file of a copy of that sweep, and returns the copy's folder."""

    def damaged(file):
        folder = tmp_path / "copy"
        shutil.copytree(as_left, folder)
        own = folder / "sweeps" / "tiny"
        root = (own / "kept_at").read_text().replace(str(as_left), str(folder))
        Path(root).mkdir(exist_ok=True)
        (own / "kept_at").write_text(root)
        monkeypatch.setenv("SWEEP_HOME", str(folder / "sweeps"))
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        monkeypatch.chdir(folder)
        (own / "tracking_uri").write_text(workspace.local_tracking_uri())
        path = own / file
        content = path.read_bytes() if path.exists() else f"sqlite:///{folder}/a.db".encode()
        damage = DAMAGES[request.param]
        path.unlink(missing_ok=True)
        if damage is Path.mkdir:
            path.mkdir()
        elif damage is Path.symlink_to:
            path.symlink_to(folder / "strangers" / "models" / "weights")
        else:
            path.write_bytes(damage(content) if damage else str(folder / "strangers").encode())
        return folder

    return damaged


def of_others(folder):
    """The files beside the sweep and its store, with what is in them."""
    sweeps, roots = folder / "sweeps", (folder / "strangers").glob("tiny-*")
    own = [
        *roots,
        *(sweeps / name for name in ("tiny", "mlflow.db", "mlflow.db.lock", "artifacts")),
    ]
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {p: p.read_bytes() for p in paths if not any(map(p.is_relative_to, own))}


def refuse_traceback(result):
    """Fail unless a verb has ended with what it shows, or with a sentence."""
    assert result.exit_code in (0, 1, 2), result.output
    assert "Traceback" not in result.output
    assert len(result.output) < 10_000


@pytest.mark.parametrize("file", FILES)
def test_what_reads_a_damaged_file_ends_in_a_sentence_and_touches_nothing_else(file, damaged):
    folder = damaged(file)
    before = of_others(folder)
    for words in (("status", "tiny"), ("ls",), ("stop", "tiny"), ("retry", "tiny")):
        refuse_traceback(verb(*words))
    with suppress(*REFUSALS):
        delete_earlier("tiny", workspace.local_tracking_uri(), workspace.journal("tiny"), {})
    assert of_others(folder) == before
    assert before, "the stranger's is among them"


@pytest.mark.long
@pytest.mark.parametrize("damaged", ["cut", "elsewhere"], indirect=True)
@pytest.mark.parametrize("file", FILES)
def test_a_sweep_with_a_damaged_file_is_resumed_replaced_or_refused_in_a_sentence(file, damaged):
    folder = damaged(file)
    before = of_others(folder)
    for words in (("front", "tiny"), ("sync", "tiny"), ("resume", "tiny")):
        refuse_traceback(verb(*words))
    with suppress(*REFUSALS):
        run(*load(folder / "tiny.yaml"), replace=True, run_trial=pretending())
    assert of_others(folder) == before
