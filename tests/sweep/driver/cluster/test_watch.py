"""What counts as the loss of Ray, and when it ends the process."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweep.driver.cluster.watch import connect, ended, host_and_port, silent, watched


def test_a_loss_that_lasts_is_told_once_with_its_reason():
    reasons, began = [], time.monotonic()
    with watched(lambda: "gone", 0.3, reasons.append, every_s=0.05):
        while not reasons and time.monotonic() < began + 5:
            time.sleep(0.01)
        assert time.monotonic() - began >= 0.3
        time.sleep(0.2)
    assert reasons == ["gone"]


def test_a_loss_that_passes_is_not_told():
    answers, reasons = iter(["gone", "gone", "", "gone"] + [""] * 100), []
    with watched(lambda: next(answers), 0.25, reasons.append, every_s=0.1):
        time.sleep(0.9)
    assert reasons == []


def test_after_the_block_nothing_is_told():
    reasons = []
    with watched(lambda: "gone", 0.1, reasons.append, every_s=0.05):
        pass
    time.sleep(0.3)
    assert reasons == []


def test_ray_has_gone_once_a_process_has_ended_that_every_trial_needs(tmp_path):
    """Others may end."""

    def started(name, code):
        program = tmp_path / name
        program.symlink_to(Path(sys.executable).resolve())
        return subprocess.Popen([str(program), "-S", "-c", code])

    head = started("gcs_server", "import time; time.sleep(60)")
    agent = started("log_monitor", "")
    agent.wait()
    assert ended([agent, head]) == ""
    head.kill()
    head.wait()
    assert ended([agent, head]) == (
        "Ray, which runs the trials, has gone: its gcs_server has ended"
    )


def test_a_head_elsewhere_has_gone_if_its_port_takes_no_connection():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert silent(address) == ""
    assert silent(address) == (
        f"Ray, which runs the trials, has gone: its head at {address} is away (Connection refused)"
    )


@pytest.mark.parametrize("scheme", ["", "ray://"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_an_address_with_a_port_is_connected_to_however_it_is_written(host, scheme):
    family = socket.AF_INET6 if "::" in host else socket.AF_INET
    bound = host.strip("[]")
    try:
        server = socket.create_server((bound, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with server:
        address = f"{scheme}{host}:{server.getsockname()[1]}"
        connect(address)
        assert silent(address) == ""
    with pytest.raises(OSError, match="Connection refused"):
        connect(address)
    assert "is away" in silent(address)


@pytest.mark.parametrize("address", ["auto", "ray://head", "head", "ray://", ":6379", "head:99999"])
def test_an_address_that_names_no_host_and_port_is_left_to_ray(address):
    assert host_and_port(address) is None
    connect(address)
    assert silent(address) == ""


@pytest.mark.parametrize("host", ["a" * 70, "a..b"])
def test_a_name_that_no_host_can_have_is_an_error_of_the_system(host):
    with pytest.raises(OSError, match="is no name of a host"):
        connect(f"{host}:6379")
    assert "is no name of a host" in silent(f"{host}:6379")
