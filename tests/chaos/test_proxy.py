"""The network between workers and servers: what is cut is reset, what is silent waits, what comes late comes whole."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from bench.chaos.disturbed.proxy import Proxy

_LOOPBACK = "127.0.0.1"


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server((_LOOPBACK, 0)) as listening:
        listening.settimeout(5)
        yield listening


@pytest.fixture
def proxy(server: socket.socket) -> Iterator[Proxy]:
    with Proxy(lambda: int(server.getsockname()[1])) as made:
        yield made


def _pair(proxy: Proxy, server: socket.socket) -> tuple[socket.socket, socket.socket]:
    """A client's end and the server's."""
    client = socket.create_connection((_LOOPBACK, proxy.port), timeout=5)
    end, _ = server.accept()
    end.settimeout(5)
    return client, end


def test_it_forwards_both_ways_and_knows_who_is_who(proxy: Proxy, server: socket.socket) -> None:
    client, end = _pair(proxy, server)
    much = bytes(range(256)) * 4000
    threading.Thread(target=client.sendall, args=(much,)).start()
    heard = b""
    while len(heard) < len(much):
        heard += end.recv(65536)
    assert heard == much
    end.sendall(b"back")
    assert client.recv(10) == b"back"
    assert proxy.client_port(end.getpeername()[1]) == client.getsockname()[1]
    client.close()
    assert end.recv(10) == b""


def test_a_cut_resets_both_ends_and_new_connections_go_through(proxy: Proxy, server: socket.socket) -> None:
    assert proxy.cut() == 0
    ends = _pair(proxy, server)
    assert proxy.cut() == 1
    for end in ends:
        with pytest.raises(ConnectionResetError):
            end.recv(10)
    client, end = _pair(proxy, server)
    client.sendall(b"new")
    assert end.recv(10) == b"new"


def test_what_is_sent_into_silence_comes_late(proxy: Proxy, server: socket.socket) -> None:
    client, end = _pair(proxy, server)
    proxy.silence()
    client.sendall(b"late")
    # Taken by nobody yet.
    with socket.create_connection((_LOOPBACK, proxy.port), timeout=5) as other:
        other.sendall(b"too")
        end.settimeout(0.1)
        with pytest.raises(TimeoutError):
            end.recv(10)
        end.settimeout(5)
        proxy.sound()
        assert end.recv(10) == b"late"
        another, _ = server.accept()
        assert another.recv(10) == b"too"


def test_a_forgotten_connection_is_reset_and_the_server_hears_of_it_later(proxy: Proxy, server: socket.socket) -> None:
    client, end = _pair(proxy, server)
    proxy.silence()
    client.sendall(b"lost")
    proxy.sound(forgetful=True)
    with pytest.raises(ConnectionResetError):
        client.recv(10)
    end.settimeout(0.1)
    with pytest.raises(TimeoutError):
        end.recv(10)
    end.settimeout(5)
    with pytest.raises(ConnectionResetError):
        end.recv(10)


def test_a_server_that_is_away_hangs_up(server: socket.socket) -> None:
    with Proxy(lambda: None) as proxy, socket.create_connection((_LOOPBACK, proxy.port), timeout=5) as client:
        assert client.recv(10) == b""
