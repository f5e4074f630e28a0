"""The Ray cluster of a sweep: join one, or start one on this machine."""

from __future__ import annotations

import atexit
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sweep.driver import interrupts
from sweep.driver.cluster.head_address import connect, host_and_port, silent
from sweep.driver.cluster.open_clusters import refusal_of_head
from sweep.driver.cluster.ray_processes import in_own_sessions
from sweep.driver.cluster.session_folder import end_ray_in, session_folder
from sweep.driver.cluster.watch import OnLost, ended, watched
from sweep.driver.running_sweep import CannotRun
from trainables.schema.text.masking import holds_secret
from trainables.schema.text.shown import MAX_NAME, as_word, first_line

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow is the record
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # the worker checks, one trial at a time
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # our progress prints a line for each failed trial
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # the worker changes to the folder in which the sweep was started
}


# How long Ray may be lost: while it starts here, as it may tell by itself why it does not; while it
# runs elsewhere, as its head may come back (after 60 s Ray ends this process without a sentence). One
# that runs here does not come back. And how long its end may take, if it still runs and if it has gone.
STARTING_S, ELSEWHERE_S, ENDING_S, ENDING_GONE_S = 10.0, 45.0, 60.0, 5.0
NOT_ENDED = "Ray does not end in good order"


@contextmanager
def joined(address: str | None, tracking_uri: str, on_lost: OnLost | None = None) -> Iterator[None]:
    """Within the block, be part of the Ray cluster at an address, or of one on this machine for None.

    A cluster that this process has joined before is used as it is, and stays joined. Of one on this
    machine no process and no file is left after the block, however it ends.

    tracking_uri: address of the tracking store, which every node must be able to write.
    on_lost: if given, it is called when Ray has gone, in a thread, and its result ends the process.

    Raises:
        CannotRun: the cluster cannot be joined, or its nodes cannot all write the tracking store.
    """
    os.environ |= ENVIRONMENT
    import ray

    # Our progress prints a line for each failed trial, and the command line a summary at the end.
    logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)
    if ray.is_initialized():
        yield
        return
    files: str | None = None
    started: list[subprocess.Popen[bytes]] = []

    def watch(
        loss: Callable[[], str], patience_s: float, every_s: float = 0.5
    ) -> AbstractContextManager[None]:
        if on_lost is None:
            return nullcontext()
        return watched(loss, patience_s, partial(_end_process, on_lost, files), every_s)

    at_the_end = ExitStack()
    try:
        if not address:
            with _refusing_to_start():
                files = at_the_end.enter_context(session_folder())
        at_the_end.callback(_leave)
        with in_own_sessions(started), watch(lambda: ended(started), STARTING_S):
            _connect(address, files)
        if address:
            head = address if host_and_port(address) else ray.get_runtime_context().gcs_address
            watch_while_it_runs = watch(lambda: silent(head), ELSEWHERE_S, 5.0)
        else:
            watch_while_it_runs = watch(lambda: ended(started), 0.0)
        with watch_while_it_runs:
            _refuse_shared_file(tracking_uri)
            yield
    finally:
        with interrupts.signals_ignored():
            patience_s = ENDING_GONE_S if ended(started) else ENDING_S
            with watch(lambda: NOT_ENDED, patience_s):
                at_the_end.close()


def _leave() -> None:
    """Leave the cluster, and end it if it is of this process.

    As its C++ part ends, Ray gives SIGTERM back to the system, which would end this process; then it
    waits a second for its processes. So the handlers are put back in between.
    """
    import ray
    from ray._private.state import state

    disconnect = state.disconnect  # called right after the end of the C++ part (ray 2.60)

    def put_back_and_disconnect() -> None:
        interrupts.put_back()
        disconnect()

    state.disconnect = put_back_and_disconnect
    try:
        ray.shutdown()
    finally:
        del state.disconnect
        interrupts.put_back()


def num_nodes() -> int:
    """Return the number of nodes of the cluster that are up."""
    import ray

    return sum(node["Alive"] for node in ray.nodes())


@contextmanager
def _refusing_to_start() -> Iterator[None]:
    """Turn an error of the block, which starts Ray on this machine, into CannotRun."""
    try:
        yield
    except Exception as error:  # Ray raises one of no class of its own if it does not start in time
        raise CannotRun(
            f"Ray must start on this machine, but does not: {first_line(error).rstrip('.')}. If the "
            f"machine is busy, try again; --address joins a cluster that is up."
        ) from error


def _connect(address: str | None, folder: str | None) -> None:
    """Join the cluster at an address, or start one on this machine for None.

    folder: for the files of one on this machine.

    Raises:
        CannotRun: the cluster at the address cannot be joined, or none can be started here.
    """
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        with interrupts.handlers_put_back():
            if not address:
                with _refusing_to_start():
                    local = {"include_dashboard": False, "_temp_dir": folder}
                    _hide_token()
                    ray.init(address="local", **local, **quiet)
                    _hide_token()
                return
            _refuse_shown_secret(address)
            try:
                connect(address)  # Ray would wait for minutes
                _refuse_open(address)
                ray.init(address=address, **quiet)
                _refuse_open(ray.get_runtime_context().gcs_address)
            except CannotRun:
                raise
            except Exception as error:
                raise CannotRun(
                    f"--address must be a Ray cluster that is up and lets us in (auto or HOST:PORT), "
                    f"but {address!r} cannot be joined: {first_line(error)}"
                ) from error
    finally:
        _leave_terminal_as_it_is()


def _refuse_open(address: str) -> None:
    """Raise CannotRun if a head lets everybody in whom its network reaches."""
    if refusal := refusal_of_head(address):
        raise CannotRun(refusal)


def _end_process(on_lost: OnLost, files: str | None, reason: str) -> None:
    """End this process with the exit code that `on_lost` returns for the reason.

    files: the folder of Ray's files, which goes with its processes; None if there are none here.
    """
    code = on_lost(reason)
    if files:
        end_ray_in(Path(files).parent)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _refuse_shown_secret(address: str) -> None:
    """Raise CannotRun if this process's command has a secret, which Ray shows to all of a cluster."""
    if holds_secret(address):
        raise CannotRun(
            f"--address must be that of a Ray cluster (auto or HOST:PORT) without a user name and a "
            f"password, but got {as_word(address, MAX_NAME)}: put a token of Ray's into "
            f"~/.ray/auth_token."
        )
    if any(map(holds_secret, sys.argv)):
        raise CannotRun(
            "the command must hold no password or token where it joins a cluster, as Ray shows it to "
            "all users of that: set MLFLOW_TRACKING_URI and OPTUNA_STORAGE in place of --tracking-uri "
            "and --storage, and a token of Ray's in ~/.ray/auth_token."
        )


def _leave_terminal_as_it_is() -> None:
    """Keep colorama, which Ray loads, from writing an escape sequence at the end of this process.

    It would reset the colours of any terminal, also of one that knows none.
    """
    if colorama := sys.modules.get("colorama"):
        atexit.unregister(colorama.initialise.reset_all)


def _hide_token() -> None:
    """Make the file of the token that lets users into a cluster private; Ray lets all users read it.

    Where there is none yet, its folder is made private, so that it is from the moment on that Ray
    writes it.
    """
    token = Path("~/.ray/auth_token").expanduser()
    if token.is_file():
        if token.stat().st_mode & 0o077:
            token.chmod(0o600)
        return
    # Where this cannot be written, Ray writes no token: it has one by RAY_AUTH_TOKEN, or says so.
    with suppress(OSError):
        token.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if token.parent.stat().st_mode & 0o077:
            token.parent.chmod(0o700)


def _refuse_shared_file(tracking_uri: str) -> None:
    """Raise CannotRun if the store is an SQLite file and the cluster has more than one node."""
    num = num_nodes()
    if num > 1 and tracking_uri.startswith("sqlite"):
        raise CannotRun(
            f"the cluster has {num} nodes, which cannot all write one SQLite file: start "
            f"an MLflow server that they reach and name it with --tracking-uri."
        )
