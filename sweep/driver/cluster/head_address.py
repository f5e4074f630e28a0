"""The address of the head of a Ray cluster: where it listens, and whether it does."""

from __future__ import annotations

import socket

from analysis.record.names import is_whole_number


def host_and_port(address: str) -> tuple[str, int] | None:
    """Return where Ray's head at an address listens; None if it names no port, as `auto` does.

    >>> host_and_port("ray://[::1]:6379"), host_and_port("ray://head")
    (('::1', 6379), None)
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    is_port = port.isascii() and is_whole_number(port) and int(port) < 2**16
    return (host.removeprefix("[").removesuffix("]"), int(port)) if host and is_port else None


def connect(address: str) -> None:
    """Connect to an address for a moment, where it names a port.

    Raises:
        OSError: within seconds, if no process listens there.
    """
    if place := host_and_port(address):
        try:
            socket.create_connection(place, timeout=5).close()
        except UnicodeError as error:  # of a name with an empty or an overlong part
            raise OSError(f"{place[0]!r:.80} is no name of a host") from error


def silent(address: str) -> str:
    """Return that Ray's head at an address cannot be reached, in words; empty if it can.

    Of an address without a port it cannot be told, and counts as reached.
    """
    try:
        connect(address)
    except OSError as error:
        reason = error.strerror or str(error)
        return f"Ray, which runs the trials, has gone: its head at {address} is away ({reason})"
    return ""
