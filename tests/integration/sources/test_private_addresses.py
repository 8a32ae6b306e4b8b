"""Private network addresses are asked by no name, and redirects lead to none."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pipeline.errors import Inaccessible
from pipeline.sources import http
from pipeline.sources.roots import check_allowed
from pipeline.sources.source import Remote, source_of
from pipeline.video.probe import probe
from tests.support.web_server import WebServer, web_server


def test_a_private_address_is_not_asked_by_any_name(site: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    site.files["/a.mp4"] = b"secret"
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]"):
        remote = Remote(f"http://{host}:{site.port}/a.mp4")
        for ask in (lambda r: check_allowed(r, []), lambda r: http.fetch(r, 0, 1), probe):
            with pytest.raises(Inaccessible, match=r"a\.mp4 lies on a private network address"):
                ask(remote)
    assert site.asked == []


def test_a_name_that_turns_private_is_noticed_by_the_connection(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def rebound(host: object, *rest: object, **more: object) -> object:
        return real("127.0.0.1" if host == "cam.example.org" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    source = check_allowed(source_of(f"http://cam.example.org:{site.port}/a.mp4"), [])
    with pytest.raises(Inaccessible, match=r"a\.mp4 lies on a private network address"):
        probe(source)
    assert site.asked == []


def test_a_redirect_leads_nowhere_that_may_not_be_asked(site: WebServer) -> None:
    with web_server() as private:
        private.files["/meta-data.mp4"] = b"secret"
        site.redirects["/a.mp4"] = f"{private.url}/meta-data.mp4"
        site.redirects["/b.mp4"] = f"http://localhost:{private.port}/meta-data.mp4"
        for path in ("/a.mp4", "/b.mp4"):
            with pytest.raises(Inaccessible, match="outside the addresses that may be read"):
                probe(site.remote(path))
        assert private.asked == []
        assert {path for path, _ in site.asked} == {"/a.mp4", "/b.mp4"}


def test_redirects_under_a_root_are_followed_and_rings_are_not(site: WebServer, clip: Path) -> None:
    site.files["/a.mp4"] = clip.read_bytes()
    site.redirects |= {"/old.mp4": "/a.mp4", "/ring.mp4": "/ring.mp4"}
    assert probe(site.remote("/old.mp4")).frames == 180
    with pytest.raises(Inaccessible, match="only redirected"):
        probe(site.remote("/ring.mp4"))
    site.redirects["/file.mp4"] = "file:///etc/passwd"
    with pytest.raises(Inaccessible, match="not followed"):
        probe(site.remote("/file.mp4"))
