"""Machines with an address, processes, a home and a /tmp of their own, all on this one (Linux, root).

Each is a set of kernel namespaces in which sshd runs. Their network has no way out, and their processes
see none but their own: what `ray up` and `ray stop` do there reaches nothing else on this machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from tests.markdown import ROOT
from trainables.assets import cache

PROGRAMS = ("ip", "nsenter", "rsync", "setpriv", "ssh", "ssh-keygen", "sshd", "unshare")
NETWORK = "198.51.100"  # of addresses that are for examples (RFC 5737)
KEY = "~/.ssh/key"  # with which each machine lets the others in
WITH_THIS_PROCESS = ("setpriv", "--pdeathsig=KILL")  # what runs under it ends when we do, however
NAMESPACES = (
    "--net",
    "--pid",
    "--mount",
    "--uts",
    "--ipc",
    "--mount-proc",
    "--fork",
    "--kill-child",
)
PATIENCE_S = 30.0

# What the first process of a machine does before it becomes sshd. What is written to Python's environment
# or to the cache goes to the machine's own folder, which is in /tmp and cannot be seen once that is mounted.
START = """
set -e
mount -t overlay overlay -o "lowerdir=$PREFIX,upperdir=$OWN/prefix,workdir=$OWN/work" "$PREFIX"
mount -t overlay overlay -o "lowerdir=$CACHE,upperdir=$OWN/cache,workdir=$OWN/cache-work" "$OWN/home/.cache/equipoise"
mount --bind "$OWN/resolv.conf" /etc/resolv.conf
mount --rbind "$OWN/home" "$HOME"
mount --bind "$OWN/passwd" /etc/passwd
mount --bind "$SHARED" /media
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
mkdir /run/sshd
hostname "$NAME"
mount --bind "$OWN/tmp" /tmp
exec "$(command -v sshd)" -D -e -f "$HOME/.ssh/sshd_config"
"""
SSHD = """
HostKey {home}/.ssh/key
AuthorizedKeysFile {home}/.ssh/key.pub
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
PidFile none
"""
# pip builds and installs from what is there. PIP_NO_BUILD_ISOLATION means the opposite of what it says.
BASHRC = """
export PATH="{prefix}/bin:$PATH" PIP_NO_INDEX=1 PIP_NO_BUILD_ISOLATION=0 PIP_ROOT_USER_ACTION=ignore
"""
SHARED = "/media"  # a folder that all machines see
HOME = "/mnt"  # /root may hold the Python that all machines share
ENVIRONMENT = {
    "HOME": HOME,
    "USER": "root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}


class CannotRun(RuntimeError):
    """This machine lacks what it takes to make others of it."""


@dataclass(frozen=True)
class Machine:
    """A machine that is up.

    address: of IPv4, in the network of all machines.
    home: the folder on this machine that is its HOME.
    pid: its first process, as it is numbered here.
    """

    name: str
    address: str
    home: Path
    pid: int

    def words(self, command: str) -> list[str]:
        """Return the words that run a command of bash on it, as a user would at its terminal."""
        enter = ["nsenter", f"--target={self.pid}", "--all"]
        return [*enter, "bash", "-c", f". ~/.bashrc; cd; {command}"]

    def run(self, command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command of bash on it, to its end; timeout: seconds."""
        return subprocess.run(
            self.words(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=ENVIRONMENT,
            check=False,
        )

    def processes(self) -> set[str]:
        """Return the names of the processes that a program on it sees, but of those that look."""
        return {*self.run("exec cat /proc/[0-9]*/comm").stdout.split("\n")} - {"", "cat", "bash"}

    def commands(self) -> str:
        """Return the command lines of all processes on it."""
        return self.run("exec cat /proc/[0-9]*/cmdline").stdout.replace("\0", " ")

    def copy_project(self) -> None:
        """Copy the files of this project that git knows or would add to ~/equipoise."""
        words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in listed.stdout.split("\0")[:-1]:
            if (ROOT / name).is_file():
                copy = self.home / "equipoise" / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy)

    def lose_power(self) -> None:
        """End all of its processes at once."""
        psutil.Process(self.pid).kill()


@contextmanager
def machines(names: list[str], folder: Path) -> Iterator[list[Machine]]:
    """Within the block, have machines of these names, which know each other's KEY.

    folder: for their files, an empty one in /tmp.

    Raises:
        CannotRun: this is no Linux, we are not root, or something is missing.
    """
    _refuse_if_lacking()
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True
    )
    with ExitStack() as at_the_end:
        switch = subprocess.Popen([*WITH_THIS_PROCESS, "unshare", "--net", "sleep", "infinity"])
        at_the_end.callback(_end, switch)
        _until(lambda: _namespace(switch.pid, "net") != _namespace(os.getpid(), "net"))
        _in_network(switch.pid, "ip link add bridge type bridge && ip link set bridge up")
        started = []
        for number, name in enumerate(names, 1):
            holder = _start(name, folder)
            at_the_end.callback(_end, holder)
            machine = Machine(
                name, f"{NETWORK}.{number}", folder / name / "home", _child(holder.pid)
            )
            _connect(machine, switch.pid, number)
            started.append(machine)
        for machine in started:
            words = machine.words(f": < /dev/tcp/{machine.address}/22")
            _until(partial(_succeeds, words))
        yield started


def _refuse_if_lacking() -> None:
    """Raise CannotRun unless machines can be made of this one."""
    if sys.platform != "linux" or os.geteuid():
        raise CannotRun("machines in namespaces need Linux and its root user")
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        raise CannotRun(
            f"{', '.join(missing)} must be installed (Debian: openssh-server, rsync, iproute2)"
        )
    try_all = ["unshare", *NAMESPACES, "mount", "-t", "tmpfs", "tmpfs", "/run"]
    if not _succeeds(try_all):
        raise CannotRun("root must be allowed to make namespaces and to mount in them")
    hidden = [path for path in ("/tmp", HOME) if Path(sys.prefix).is_relative_to(path)]
    if sys.prefix == sys.base_prefix or hidden:
        raise CannotRun(f"Python must run in a virtual environment outside of /tmp and {HOME}")


def _start(name: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a machine without a network, and return the process that holds its namespaces.

    folder: of all machines; its own files are in NAME below it.
    """
    own, shared = folder / name, folder / "shared"
    shared.mkdir(exist_ok=True)
    parts = ("prefix", "work", "cache", "cache-work", "tmp", "home/.ssh", "home/.cache/equipoise")
    for part in parts:
        (own / part).mkdir(parents=True)
    (own / "home/.ssh").chmod(0o700)
    cache.cache_dir().mkdir(parents=True, exist_ok=True)
    (own / "resolv.conf").touch()  # the network has no names
    (own / "home/.bashrc").write_text(BASHRC.format(prefix=sys.prefix))
    (own / "home/.ssh/sshd_config").write_text(SSHD.format(home=HOME))
    (own / "passwd").write_text(
        f"root:x:0:0:root:{HOME}:/bin/bash\nsshd:x:100:65534::/run/sshd:/bin/false\n"
    )
    for key in ("key", "key.pub"):
        shutil.copy(folder / key, own / "home/.ssh")
    places = {"NAME": name, "OWN": str(own), "SHARED": str(shared), "PREFIX": sys.prefix}
    places["CACHE"] = str(cache.cache_dir())
    with (own / "sshd.log").open("w") as log:
        return subprocess.Popen(
            [*WITH_THIS_PROCESS, "unshare", *NAMESPACES, "bash", "-c", START],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=ENVIRONMENT | places,
        )


def _connect(machine: Machine, switch: int, number: int) -> None:
    """Give a machine its address, and connect it with the bridge in the network of a process."""
    _in_network(
        switch,
        f"ip link add port{number} type veth peer name eth0 netns {machine.pid} &&"
        f"ip link set port{number} master bridge up",
    )
    # Ray finds the address of a machine by its route to the internet, which leads nowhere here.
    _in_network(
        machine.pid,
        f"ip link set lo up && ip address add {machine.address}/24 dev eth0 &&"
        f"ip link set eth0 up && ip route add default dev eth0",
    )


def _in_network(pid: int, command: str) -> None:
    """Run a command of the shell in the network of a process."""
    subprocess.run(["nsenter", f"--target={pid}", "--net", "sh", "-c", command], check=True)


def _child(pid: int) -> int:
    """Return the only child of a process, once it is there."""
    process = psutil.Process(pid)
    _until(process.children)
    (child,) = process.children()
    return child.pid


def _succeeds(words: list[str]) -> bool:
    """Return whether a command exits with 0."""
    return subprocess.run(words, env=ENVIRONMENT, capture_output=True, check=False).returncode == 0


def _namespace(pid: int, kind: str) -> str:
    """Return which namespace of a kind (net, pid, …) a process is in."""
    return str(Path(f"/proc/{pid}/ns/{kind}").readlink())


def _until(is_so: Callable[[], object]) -> None:
    """Wait until something is so, for PATIENCE_S at most."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("a machine in namespaces does not start")
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process; with the first one of a machine, the kernel ends all of its processes."""
    process.kill()
    process.wait()
