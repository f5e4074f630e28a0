"""Clusters that let everybody in: refused where other machines reach them, unless a user allows it."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

from sweep.driver.cluster.head_address import host_and_port
from trainables.schema.text.shown import MAX_NAME, as_word

OPTION, VARIABLE = "--insecure", "EQUIPOISE_INSECURE"
ASK_S = 10.0  # until a service that does not answer counts as none
# A request of Ray's head that changes nothing, and is answered only to those who know the token.
ANY_REQUEST = "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, reached by itself alone.

    >>> is_loopback("127.0.0.1"), is_loopback("10.0.0.7"), is_loopback("head")
    (True, False, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_here(address: str) -> bool:
    """Return whether an address of HTTP is this machine's own, reached without a proxy."""
    from requests.utils import get_environ_proxies

    return is_loopback(urlsplit(address).hostname or "") and not get_environ_proxies(address)


def allow() -> None:
    """Let this process, and the jobs that it submits, use clusters that let everybody in."""
    os.environ[VARIABLE] = "1"


def are_allowed() -> bool:
    """Return whether clusters that let everybody in may be used."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


def refusal_of_head(address: str) -> str:
    """Return why Ray's head at HOST:PORT must not be used, as a sentence; empty if it may be.

    It is asked without a token. One that does not answer, or asks for TLS, may be used: Ray says more.
    """
    place = host_and_port(address)
    if place is None or is_loopback(place[0]) or are_allowed():
        return ""
    import grpc

    host, port = place
    with grpc.insecure_channel(f"[{host}]:{port}" if ":" in host else f"{host}:{port}") as channel:
        ask = channel.unary_unary(ANY_REQUEST)
        try:
            ask(b"", timeout=ASK_S)
        except grpc.RpcError:
            return ""
    return _sentence(address)


def refusal_of_job_api(address: str) -> str:
    """Return why the job API at an address must not be used, as a sentence; empty if it may be.

    It is asked without a token. One that does not answer may be used: whoever uses it says why. So may
    one that leads to another host, as a gateway does to have its users log in.
    """
    if is_here(address) or are_allowed():
        return ""
    import requests

    try:
        answer = requests.get(f"{address}/api/authentication_mode", timeout=ASK_S)
    except requests.RequestException:
        return ""
    is_elsewhere = urlsplit(answer.url).hostname != urlsplit(address).hostname
    if is_elsewhere or not (answer.ok or answer.status_code == requests.codes.not_found):
        return ""
    if not answer.ok and not _is_of_ray(address):  # an older Ray, or another program
        return ""
    try:
        is_closed = answer.json()["authentication_mode"] == "token"
    except (ValueError, LookupError, TypeError):
        is_closed = False
    return "" if is_closed else _sentence(address)


def _is_of_ray(address: str) -> bool:
    """Return whether what answers at an address says that it is Ray."""
    import requests

    try:
        return "ray_version" in requests.get(f"{address}/api/version", timeout=ASK_S).json()
    except (requests.RequestException, ValueError, TypeError):
        return False


def _sentence(address: str) -> str:
    """Return why a cluster is refused that lets everybody in."""
    return (
        f"--address must be a cluster that lets in those alone who know its token, but "
        f"{as_word(address, MAX_NAME)} lets everybody in, who can then run any program there: start "
        f"its head with RAY_AUTH_MODE=token, or use it as it is with {OPTION}."
    )
