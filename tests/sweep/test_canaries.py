"""No secret that lies around a sweep is left anywhere by it: real sweeps, and a search of everything."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.markdown import ROOT
from tests.servers import PASSWORD
from tests.sweep import canaries
from tests.sweep.conftest import GRID, verb
from tests.sweep.remote.test_jobs import head as head
from trainables.assets.cache import cache_dir

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]

SPEC = (
    GRID.replace("name: tiny", "name: kept")
    .replace("choice: [1e-4, 1e-2]", "choice: [1e-4]")
    .replace("choice: [1, 100]", "choice: [1]")
)
# What a library says that fails, in the trials without an objective.
ERROR = (
    "postgres://me:{PGPASSWORD}@h/x https://h/?token={HF_TOKEN} s3://{AWS_SECRET_ACCESS_KEY}@b "
    "{GITHUB_TOKEN} and {OPENAI_API_KEY} are refused, MLFLOW_TRACKING_TOKEN={MLFLOW_TRACKING_TOKEN}"
)
FAILING = """    if config.objective.name == "none":
        import json
        raise RuntimeError({error!r}.format(**json.loads(open({values!r}).read())))
"""
IMPORT = "    from trainables.trial import run_trial\n"  # where the worker begins a trial


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """A repository of our code with a token in its remote's address, and changes that hold keys.

    Its workers fail with an error that holds secrets.
    """
    folder = tmp_path_factory.mktemp("code")
    listed = ["git", "-C", ROOT, "ls-files", "-z", "sweep", "trainables", "analysis", "*.yaml"]
    for name in subprocess.check_output(listed, text=True).strip("\0").split("\0"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    (folder / ".env").write_text("first\n")
    remote = f"https://x-access-token:{canaries.OF_REMOTE}@github.com/a/b.git"
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (
        ["init", "-q"], ["remote", "add", "origin", remote],
        ["add", "-f", "."], [*who, "commit", "-qm", "first"],
    ):  # fmt: skip
        subprocess.run(["git", "-C", folder, *words], check=True)
    (folder / ".env").write_text(f"DATABASE={canaries.OF_DOT_ENV}\n")
    with (folder / "cluster.yaml").open("a") as file:
        file.write(f"\nservice:\n  password: {canaries.OF_CODE}\n")
    worker, values = folder / "sweep" / "workers" / "assignment.py", folder / "values.json"
    values.write_text(json.dumps(canaries.OF_ENVIRONMENT))
    assert IMPORT in worker.read_text()
    failing = FAILING.format(error=ERROR, values=str(values))
    worker.write_text(worker.read_text().replace(IMPORT, failing + IMPORT))
    return folder


class Stage:
    """A folder in which commands run, with secrets around them; all they print is kept in it."""

    def __init__(self, folder, code, environment):
        self.folder, self._num_printed = folder, 0
        self._environment = {
            **os.environ, **canaries.OF_ENVIRONMENT, "HF_HUB_OFFLINE": "1",
            "HOME": str(folder / "home"), "SWEEP_HOME": str(folder / "sweeps"),
            "EQUIPOISE_CACHE": str(cache_dir()), "PYTHONPATH": str(code), **environment,
        }  # fmt: skip
        for name in ("home", "sweeps"):
            (folder / name).mkdir()
        (folder / ".env").write_text(f"PASSWORD={canaries.OF_DOT_ENV}\n")
        (folder / "kept.yaml").write_text(SPEC)

    def run(self, *words, code=0):
        """Run `sweep WORDS…`, keep what it prints, and return that."""
        ended = subprocess.run(
            [sys.executable, "-m", "sweep", *words], cwd=self.folder, env=self._environment,
            capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip
        printed = ended.stdout + ended.stderr
        self._num_printed += 1
        (self.folder / f"printed-{self._num_printed}.txt").write_text(printed)
        assert ended.returncode == code, printed
        return printed

    def left(self):
        """File -> whose secrets are in it, but for the file that was planted."""
        return {f: whose for f, whose in canaries.secrets_below(self.folder).items() if f != ".env"}


@pytest.fixture(scope="module")
def rays_folder():
    """A folder for Ray's own files, short enough for its sockets, which all users may enter."""
    with tempfile.TemporaryDirectory(prefix="canary-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def local(code, rays_folder, postgres, tmp_path_factory):
    """(a stage on which sweeps have run here, the command lines that were seen meanwhile)."""
    addresses = {"OPTUNA_STORAGE": postgres.url("canaries"), "TMPDIR": str(rays_folder)}
    stage = Stage(tmp_path_factory.mktemp("local"), code, addresses)
    with canaries.watched_commands() as commands:
        printed = " ".join(stage.run("run", "kept.yaml").split())
        assert (
            "RuntimeError: postgres://me:***@h/x https://h/?token=*** s3://***@b *** and" in printed
        )
        assert "the record gets code.diff, the changes of Equipoise's own code (" in printed
        stage.run("run", "kept.yaml", code=2)
        stage.run("front", "kept", "--out-dir", "export")
        stage.run("status", "kept")
        (stage.folder / "again.yaml").write_text(SPEC.replace("name: kept", "name: again"))
        assert "code.diff" not in stage.run("run", "again.yaml", "--no-diff")
    return stage, commands


def test_a_search_finds_what_is_planted_in_any_form(tmp_path):
    for whose, secret in canaries.ALL.items():
        for number, form in enumerate(canaries.forms(secret)):
            file = tmp_path / f"{whose.replace(' ', '-')}-{number}"
            file.write_bytes(b"x" + form + b"y")
            assert whose in canaries.secrets_below(tmp_path)[file.name]


def test_nothing_that_is_printed_kept_or_recorded_holds_a_secret(local):
    stage, commands = local
    assert stage.left() == {}
    files = [path for path in stage.folder.rglob("*") if path.is_file()]
    assert [f for f in files if PASSWORD.encode() in f.read_bytes()] == [], "of the database"
    names = {path.name for path in files}
    assert {"mlflow.db", "front.html", "trial.yaml", "printed-1.txt", "storage"} <= names
    assert any(name.startswith("error") for name in names), "Ray Tune's own files are searched"
    assert len(commands) > 20
    shown = [line for line in commands if canaries.secrets_in(line)]
    assert shown == [], "of processes, which all users of the machine can list"


def test_the_changes_of_the_code_are_there_without_their_secrets_or_not_at_all(local):
    stage, _ = local
    (diff,) = stage.folder.rglob("code.diff")
    text = diff.read_text()
    assert "+  password: ***\n" in text
    assert "# it may hold secrets, and is not shown: .env\n" in text


@pytest.mark.parametrize("name", ["run", "ls", "status", "front", "sync", "resume", "retry", "ui"])
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "http", "x"])
def test_no_verb_repeats_the_secrets_of_an_address_that_it_refuses(local, name, scheme):
    stage, _ = local
    secret = canaries.OF_ADDRESS
    uri = f"{scheme}://me:{secret}@127.0.0.1:9/x?token={secret}"
    what = {"run": [stage.folder / "kept.yaml"], "ls": []}.get(name, ["kept"])
    ended = verb(name, *what, "--tracking-uri", uri, SWEEP_HOME=str(stage.folder / "sweeps"))
    assert ended.exit_code == 2, ended.stdout
    assert secret not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_rays_own_folder_is_gone_or_has_no_secret_in_it(local, rays_folder):
    assert local
    assert canaries.secrets_below(rays_folder) == {}


def test_a_sweep_that_is_submitted_takes_no_secret_of_this_machine_along(head, code, tmp_path):
    environment, jobs = head
    token = Path(environment["RAY_AUTH_TOKEN_PATH"]).read_text()
    login = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    stage = Stage(tmp_path, code, login)
    stage.run("submit", "kept.yaml", "--yes", "--address", jobs, "--follow", "--no-diff")
    uri = f"http://h/?token={canaries.OF_ADDRESS}"
    refused = stage.run(
        "submit", "kept.yaml", "--yes", "--address", jobs, "--tracking-uri", uri, code=2
    )
    assert "must hold no password or token" in refused
    assert stage.left() == {}
    on_cluster = Path(environment["SWEEP_HOME"]).parent
    assert (on_cluster / "sweeps" / "kept" / "front").is_dir()
    session = Path(environment["RAY_TMPDIR"])
    assert any(session.rglob("*.log"))
    for folder in (on_cluster, session):
        assert canaries.secrets_below(folder) == {}
    for folder in (tmp_path, on_cluster / "sweeps"):
        assert not [
            f for f in folder.rglob("*") if f.is_file() and token.encode() in f.read_bytes()
        ]
