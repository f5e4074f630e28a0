"""Where Ray's head listens, by its address, and whether it does."""

import socket

import pytest

from sweep.driver.cluster.head_address import connect, host_and_port, silent


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


@pytest.mark.parametrize(
    "address",
    ["auto", "ray://head", "head", "ray://", ":6379", "head:99999", f"head:{'1' * 5000}"],
    ids=lambda address: address[:12],
)
def test_an_address_that_names_no_host_and_port_is_left_to_ray(address):
    assert host_and_port(address) is None
    connect(address)
    assert silent(address) == ""


@pytest.mark.parametrize("host", ["a" * 70, "a..b"])
def test_a_name_that_no_host_can_have_is_an_error_of_the_system(host):
    with pytest.raises(OSError, match="is no name of a host"):
        connect(f"{host}:6379")
    assert "is no name of a host" in silent(f"{host}:6379")
