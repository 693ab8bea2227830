"""Addresses and ports for load balancers."""

import socket

import pytest

from ninelives.dataplane import loopback, sockets
from ninelives.dataplane.loopback import pick_address, pick_port


def test_addresses_are_the_same_for_the_same_region_and_differ_between_regions() -> None:
    first = pick_address("/one", ())

    assert first == pick_address("/one", ())
    assert first.startswith("127.")
    assert not first.startswith("127.0.")
    second = pick_address("/one", {first})
    assert len({first, second, pick_address("/two", ())}) == 3


def test_an_address_on_which_somebody_listens_is_not_picked() -> None:
    address = pick_address("/busy", ())
    with socket.create_server((address, 0)):
        assert address != pick_address("/busy", ())


def test_a_system_with_one_loopback_address_gets_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "_may_bind", lambda _: False)

    assert "127.0.0.1" == pick_address("/one", ())


def test_a_port_is_itself_unless_taken() -> None:
    address = pick_address("/ports", ())
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]
        assert pick_port(address, port) is None
    assert port == pick_port(address, port)


def test_lingering_connections_of_an_earlier_listener_do_not_take_its_port() -> None:
    address = pick_address("/ports", ())
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection((address, port))
        connection, _ = server.accept()
        connection.close()
        client.close()

    assert port == pick_port(address, port)


@pytest.mark.parametrize(("shifted", "expected"), [(None, 8080), (98, None)])
def test_a_privileged_port_is_shifted_where_it_is_kept_from_us(
    monkeypatch: pytest.MonkeyPatch, shifted: int | None, expected: int | None
) -> None:
    errors = {80: 13, 8080: shifted}
    monkeypatch.setattr(loopback, "_bind_error", lambda _, port: errors[port])

    assert expected == pick_port("127.1.2.3", 80)


def test_connections_are_counted_by_where_they_lead_in_both_ways_of_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((pick_address("/count", ()), 0)) as server:
        address, port = server.getsockname()
        place, other = f"{address}:{port}", f"{address}:{port - 1}"
        clients = [socket.create_connection((address, port)) for _ in range(3)]

        def refused() -> list[str]:
            raise OSError

        assert {place: 3} == sockets.connections_to({place, other})
        with monkeypatch.context() as patch:
            patch.setattr(sockets, "_dumped", refused)
            assert {place: 3} == sockets.connections_to({place, other})
        for client in clients:
            client.close()
        assert {} == sockets.connections_to({place, other})
