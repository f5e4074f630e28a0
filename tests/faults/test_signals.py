"""Signals at random moments of the first 20 s of `run`, `resume` and `submit --follow`.

SIGINT, SIGTERM, SIGHUP and SIGQUIT go to the process or to its group, one or two of them, or its terminal is closed.
Each ends the command with its exit code, leaves no process, and the command that its last sentence names
goes on. `make faults` sends a few; EQUIPOISE_SIGNALS=100 is the long form.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests import terminals
from tests.sweep.conftest import TINY, optuna_states
from tests.sweep.remote.test_jobs import head  # noqa: F401

SIGNALS = int(os.environ.get("EQUIPOISE_SIGNALS", "3"))
SEED = int(os.environ.get("EQUIPOISE_SEED", "0"))
FIRST_S = 20.0
# What Python takes to start on a busy machine; before, a signal ends the process by itself.
UP_S = 1.5
PATIENCE_S = 15.0
NUM_TRIALS = 6

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(300 + 150 * SIGNALS)]


class Place:
    """Folders of a sweep and of Ray, and the environment of commands that run there."""

    def __init__(self, folder: Path, files: str, further: dict[str, str]) -> None:
        self.folder, self.files = folder, files
        self.environment = os.environ | {
            "SWEEP_HOME": str(folder / "sweeps"),
            "RAY_TMPDIR": files,
            **further,
        }
        for name in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS"):
            self.environment.pop(name, None)
        self.spec = folder / "tiny.yaml"
        text = TINY.replace("trials: 4", f"trials: {NUM_TRIALS}").replace("steps: 2,", "steps: 40,")
        self.spec.write_text(text.replace("resources: {at_once: 1}", "resources: {at_once: 2}"))

    def start(self, *words: object, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start `sweep WORDS…` in a session and a group of its own.

        stdout: if it is a terminal, that becomes the terminal of the session.
        """
        return subprocess.Popen(
            [sys.executable, "-m", "sweep", *map(str, words)], env=self.environment,
            stdout=stdout, stderr=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=terminals.take_over,
        )  # fmt: skip

    def left(self) -> list[str]:
        """Return the command lines of processes that were started here and still run."""
        lines = []
        for process in psutil.process_iter():
            try:
                paths = [file.path for file in process.open_files()]
                words = [*process.cmdline(), *process.environ().values(), *paths]
                if any(self.files in word for word in words) and process.pid != os.getpid():
                    lines.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return lines


@dataclass(frozen=True)
class Interruption:
    """A signal to a process: its number, after how many seconds, and how it comes there.

    way: `process`, `group` (as Ctrl-C on a keyboard), or `terminal`, whose end makes it a SIGHUP.
    again_after_s: when a second one follows the first; None for none.
    """

    number: int
    after_s: float
    way: str = "process"
    again_after_s: float | None = None

    @classmethod
    def drawn(cls, draws: random.Random) -> "Interruption":
        """Return one that is drawn at random."""
        number = draws.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
        way = draws.choice(["process", "group", "terminal"])
        again_after_s = draws.choice([None, draws.uniform(0, 2)])
        if way == "terminal":
            number, again_after_s = signal.SIGHUP, None
        return cls(number, draws.uniform(0, FIRST_S), way, again_after_s)

    def send(self, process: subprocess.Popen[str], terminal: terminals.Terminal | None) -> None:
        """Send it to a process that was started with a terminal or without one."""
        if terminal:
            terminal.close()
            return
        send = os.killpg if self.way == "group" else os.kill
        send(process.pid, self.number)
        if self.again_after_s is not None:
            time.sleep(self.again_after_s)
            if process.poll() is None:
                send(process.pid, self.number)


def interrupt(place: Place, interruption: Interruption, *words: object) -> tuple[int, str]:
    """Start a command, interrupt it after a while, and return its exit code and standard error."""
    terminal = terminals.Terminal() if interruption.way == "terminal" else None
    process = place.start(*words, stdout=terminal.end if terminal else subprocess.PIPE)
    try:
        out, errors = process.communicate(timeout=interruption.after_s)
    except subprocess.TimeoutExpired:
        interruption.send(process, terminal)
        out, errors = process.communicate(timeout=90)
    if terminal:
        terminal.close()
    is_up = interruption.after_s > UP_S
    assert "Traceback" not in errors or (not is_up and "/sweep/cli/" not in errors), errors
    # Where KeyboardInterrupt was raised within `exec` of a text, as in the making of a dataclass, Python
    # ends by SIGINT itself, which shells show as 130, too.
    code = 130 if process.returncode == -signal.SIGINT else process.returncode
    allowed = {0, 130} if is_up else {0, 130, -interruption.number}
    assert code in allowed, (interruption, code, out, errors)
    return code, errors


def test_no_signal_leaves_a_process_or_a_sweep_that_does_not_go_on(tmp_path, request, capsys):
    draws = random.Random(SEED)
    counts: dict[tuple[str, str, int], int] = {}
    for number in range(SIGNALS):
        verb = ("run", "resume", "submit")[number % 3]
        interruption = Interruption.drawn(draws)
        folder = tmp_path / str(number)
        folder.mkdir()
        with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as files:
            if verb == "submit":
                environment, address = request.getfixturevalue("head")
                place = Place(folder, files, environment)
                code = interrupted_submission(place, interruption, address, f"sent-{number}")
            else:
                place = Place(folder, files, {})
                code = interrupted_sweep(place, verb, interruption)
        key = (verb, interruption.way, code)
        counts[key] = counts.get(key, 0) + 1
    with capsys.disabled():
        for (verb, way, code), count in sorted(counts.items()):
            print(f"\n{verb}, {way}: {count} ended with {code}", end="")


def interrupted_sweep(place: Place, verb: str, interruption: Interruption) -> int:
    """Interrupt a sweep here as it starts or is resumed, then go on; return the first exit code."""
    if verb == "resume":
        interrupt(place, Interruption(signal.SIGINT, 14.0), "run", place.spec)
        words: tuple[object, ...] = ("resume", "tiny")
        if not (place.folder / "sweeps" / "tiny" / "record").is_dir():  # it was too slow to begin
            words = ("run", "--replace", place.spec)
    else:
        words = ("run", place.spec)
    code, errors = interrupt(place, interruption, *words)
    assert_nothing_runs(place)
    assert os.listdir(place.files) == []
    if code == 0:
        return code
    go_on = re.search(r"`sweep (resume|front) tiny`", errors)
    words = (go_on[1], "tiny") if go_on else ("run", "--replace", place.spec)
    if code == 130 and interruption.after_s > UP_S and not go_on:
        # Where the machine was slow, the verb had not begun.
        assert "`sweep run --replace` starts anew" in errors or errors == "interrupted.\n"
    ended = place.start(*words)
    out, errors = ended.communicate(timeout=300)
    assert ended.returncode == 0, (words, out, errors)
    assert optuna_states(place.folder / "sweeps", "tiny") == {"COMPLETE": NUM_TRIALS}
    return code


def interrupted_submission(
    place: Place, interruption: Interruption, address: str, name: str
) -> int:
    """Interrupt a command that follows a job, and see that the job ends well; return the exit code."""
    place.spec.write_text(place.spec.read_text().replace("name: tiny", f"name: {name}", 1))
    words = ("submit", place.spec, "--yes", "--address", address, "--follow")
    code, errors = interrupt(place, interruption, *words)
    if "runs on" in errors:
        assert statuses(place, address, name)
    if not statuses(place, address, name):
        ended = place.start(*words)
        out, errors = ended.communicate(timeout=300)
        assert ended.returncode == 0, (out, errors)
    deadline = time.monotonic() + 300
    while set(found := statuses(place, address, name)) & {"PENDING", "RUNNING"}:
        assert time.monotonic() < deadline
        time.sleep(1)
    assert found == ["SUCCEEDED"]
    return code


STATUSES = """
import sys
from ray.job_submission import JobSubmissionClient
jobs = JobSubmissionClient(sys.argv[1]).list_jobs()
print(*[job.status.value for job in jobs if job.metadata.get("sweep") == sys.argv[2]])
"""


def statuses(place: Place, address: str, name: str) -> list[str]:
    """Return the states of the jobs of a sweep. Ray reads its token once a process, so in another one."""
    words = [sys.executable, "-c", STATUSES, address, name]
    process = subprocess.run(
        words, env=place.environment, capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


def assert_nothing_runs(place: Place) -> None:
    """Fail if a process that was started here still runs after a while."""
    deadline = time.monotonic() + PATIENCE_S
    while left := place.left():
        assert time.monotonic() < deadline, left
        time.sleep(0.3)
