"""The verb that shows the record in MLflow's own interface: ui."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from typing import Annotated
from urllib.parse import urlsplit

import typer

from sweep import workspace
from sweep.cli.options import FAILED, WRONG, TrackingUri, leave, store_of

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Words after `python -m` that start MLflow's server: such that nothing can be changed, and to which
# users log in, who may then change what MLflow allows them to.
READ_ONLY = ("uvicorn", "--log-level", "warning", "--factory", "sweep.cli.read_only:app")
WITH_LOGIN = ("mlflow", "server", "--app-name", "basic-auth")
SECRETS = ("MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY")
USERS = "users.db"  # in $SWEEP_HOME
MODEL_TRAINING = "?workflowType=machine_learning"  # and not MLflow's other half, for chats
LOOK_EVERY_S = 0.2  # whether the server answers
GRACE_S = 5.0  # until a process that is told to end has ended

app = typer.Typer()


@app.command(epilog="Example: sweep ui miniature")
def ui(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="the sweep whose page is shown")
    ] = None,
    tracking_uri: TrackingUri = None,
    host: Annotated[
        str, typer.Option(help="address to listen at; beyond loopback, users must log in")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
    write: Annotated[
        bool, typer.Option("--write", help="let users, who must log in, change the record")
    ] = False,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="open no browser, also at a terminal that has one")
    ] = False,
) -> None:
    """Show the record of all sweeps, or the page of one, in MLflow's own interface."""
    store = store_of(tracking_uri, name or "")
    page = _page(name, store)
    opens = _has_browser() and not no_open
    if store.startswith("http"):
        url = f"{store.rstrip('/')}/{page}"
        print(url)
        if opens:
            webbrowser.open(url)
        return
    words = [*READ_ONLY, "--host", host, "--port", str(port)]
    if write or host not in LOOPBACK:
        option = "--write" if write else f"--host {host}"
        missing = [secret for secret in SECRETS if not os.environ.get(secret)]
        if missing:
            leave(
                WRONG,
                f"{option} is open to others, so people must log in: set {' and '.join(missing)}"
                f" in the environment, or leave {option.split()[0]} out.",
            )
        if find_spec("flask_wtf") is None:  # MLflow would end in a traceback
            leave(
                WRONG,
                f"{option} lets people log in, for which MLflow needs more: install mlflow[auth] "
                f"(`pip install 'mlflow[auth]'`), or leave {option.split()[0]} out.",
            )
        _keep_users_at_home()
        words = [*WITH_LOGIN, "--host", host, "--port", str(port)]
    _refuse_taken(host, port)
    shown_host = f"[{host}]" if ":" in host else host
    url = f"http://{shown_host}:{port}/{page}"
    print("MLflow's server starts, which takes some seconds …", file=sys.stderr, flush=True)
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # of MLflow's own code, four times each
    os.environ.setdefault("MLFLOW_UVICORN_OPTS", "--log-level warning")  # no line for each request
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ["MLFLOW_BACKEND_STORE_URI"] = store  # not in the arguments, which others can list
    os.environ.setdefault("MLFLOW_REGISTRY_STORE_URI", store)  # else it says that it takes the same
    raise SystemExit(_serve(words, url, opens))


def _keep_users_at_home() -> None:
    """Have MLflow keep the users of its server in $SWEEP_HOME, where nobody else can read them.

    Its own default is the folder in which it starts. MLFLOW_AUTH_CONFIG_PATH names another file.
    """
    if os.environ.get("MLFLOW_AUTH_CONFIG_PATH"):
        return
    home = workspace.home()
    home.mkdir(parents=True, exist_ok=True)
    users, settings = home / USERS, (home / USERS).with_suffix(".ini")
    for file in (users, settings):
        file.touch(mode=0o600)
    address = f"sqlite:///{users.absolute()}".replace("%", "%%")  # as ini files have it
    settings.write_text(
        f"[mlflow]\ndatabase_uri = {address}\ndefault_permission = READ\nadmin_username = admin\n"
    )
    os.environ["MLFLOW_AUTH_CONFIG_PATH"] = str(settings.absolute())


def _serve(words: list[str], url: str, opens: bool) -> int:
    """Run `python -m WORDS…` until it ends, and return its exit code; end it when this process ends.

    The server has a process group of its own. So Ctrl-C does not reach its processes, each of which
    would print a traceback while it starts, but ends them by SIGTERM.

    Args:
        url: a page, whose address is printed once the server answers.
        opens: whether a process of its own opens the page in the browser then.

    Raises:
        SystemExit: the server ended before it answered.
        KeyboardInterrupt: at Ctrl-C, SIGTERM or SIGHUP, when the server has ended.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as it is under nohup
            signal.signal(number, signal.default_int_handler)
    started: list[subprocess.Popen[bytes]] = []
    try:
        server = [sys.executable, "-m", *words]
        started.append(subprocess.Popen(server, stdin=subprocess.DEVNULL, process_group=0))
        while started[0].poll() is None and not _answers(url):
            time.sleep(LOOK_EVERY_S)
        if started[0].poll() is not None:
            address = url.partition("#")[0]
            leave(
                FAILED, f"MLflow's server must answer at {address}, but ended: it says why above."
            )
        print(f"{url} (Ctrl-C ends it)", flush=True)
        if opens:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "webbrowser", url],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0,
                )
            )  # fmt: skip
        return started[0].wait()
    finally:
        for process in started:
            _end(process)


def _answers(url: str) -> bool:
    """Return whether the server of a page answers a request, with whatever status."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=5)  # by no proxy
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all others of its group, by force if they take more than GRACE_S."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C changes nothing
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)


def _page(name: str | None, store: str) -> str:
    """Return the part of an address that leads to the page of a sweep; to the list of all for None.

    Raises:
        SystemExit: the store is none of MLflow, or has no such sweep.
    """
    from analysis.record.mlflow_client import connect, sweep_run
    from sweep.tracking.store.preparing import is_new_file

    every = f"#/experiments{MODEL_TRAINING}"
    if name is None and is_new_file(store):
        return every
    try:
        known = connect(store)
        if name is None:
            return every
        run = sweep_run(known, name)
    except ValueError as error:
        leave(WRONG, str(error))
    return f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}{MODEL_TRAINING}"


def _refuse_taken(host: str, port: int) -> None:
    """Exit with 1 and a sentence if nothing can listen at an address."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = str(error) if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        leave(FAILED, f"cannot listen at {host}:{port} ({reason}): give another --port.")


def _has_browser() -> bool:
    """Return whether a person sits at this terminal who can be shown a page in a window."""
    has_window = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return has_window and sys.stdout.isatty()
