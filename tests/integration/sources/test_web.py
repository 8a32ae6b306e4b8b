"""Files on web servers of every temper: read by ranges, refused, cut off, replaced, and lied about."""

from __future__ import annotations

import gzip
import hashlib
import io
import multiprocessing
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pipeline.errors import Away, Inaccessible, Unreadable, UsageError
from pipeline.sources.expand import expand
from pipeline.sources.fingerprints import fingerprint, fingerprints
from pipeline.sources.remote import BLOCK_BYTES, BLOCKS_KEPT, open_remote
from pipeline.sources.roots import check_allowed, split_roots
from pipeline.sources.source import source_of
from pipeline.video.decode import Decoder
from pipeline.video.photograph import read_photo
from pipeline.video.probe import changed_since, probe
from pipeline.video.split import split
from tests.support.decoded import assert_like_the_path
from tests.support.media_files import TIDY, photo, with_sound, write_clip
from tests.support.web_server import WebServer, web_server


def test_a_video_on_a_web_server_gives_the_frames_that_it_gives_here(
    site: WebServer, clip: Path, tmp_path: Path
) -> None:
    sound = with_sound(tmp_path)
    site.files |= {"/my clip.mp4": clip.read_bytes(), "/sound.mp4": sound.read_bytes()}
    assert_like_the_path(site.remote("/my%20clip.mp4"), clip)
    assert_like_the_path(site.remote("/sound.mp4"), sound)


def test_a_photograph_on_a_web_server_is_read(site: WebServer, tmp_path: Path) -> None:
    path = photo(tmp_path)
    site.files["/p.jpg"] = path.read_bytes()
    info = probe(site.remote("/p.jpg"))
    here, there = read_photo(path), read_photo(info.path)
    assert here is not None
    assert there is not None
    assert (here.image == there.image).all()


def test_probe_and_worker_read_only_what_they_need(
    site: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(TIDY, seconds=20, options={"preset": "ultrafast", "bf": "0", "crf": "5"})
    path = write_clip(tmp_path / "long.mp4", recipe)
    site.files["/long.mp4"] = path.read_bytes()
    monkeypatch.setattr("pipeline.video.container.BLOCK_BYTES", 64 * 1024)
    monkeypatch.setattr("pipeline.video.container.open_remote", lambda remote, block=0: open_remote(remote, 64 * 1024))
    info = probe(site.remote("/long.mp4"))
    size = path.stat().st_size
    assert size > 4_000_000
    assert site.sent < size / 5
    site.sent = 0
    span = split(info, target_s=2.0, first_s=1.0)[4]
    assert len(list(Decoder(info, span))) == round(30 * (info.seconds(span.end_pts) - info.seconds(span.start_pts)))
    assert site.sent < size / 3


def test_no_more_than_a_few_blocks_of_a_file_are_held(site: WebServer) -> None:
    content = b"".join(bytes([number]) * 1000 for number in range(50))
    site.files["/a.mp4"] = content
    with open_remote(site.remote("/a.mp4"), block_bytes=1000) as file:
        assert file.read() == content
        assert len(file._blocks) == BLOCKS_KEPT  # type: ignore[attr-defined]
        file.seek(-10, io.SEEK_END)
        assert file.read(100) == content[-10:]


def test_an_index_page_is_a_folder(site: WebServer) -> None:
    site.files |= {
        "/cards/": '<a href="../">up</a><a href="1.mp4">1</a><a href="day/">day</a><a href="notes.txt">n</a>'
        '<a href="/secret/9.mp4">out</a><a href="http://127.0.0.1:1/cards/8.mp4">away</a><a href="?sort=name">s</a>',
        "/cards/day/": '<a href="my%20clip.MP4">2</a><a href="../">up</a><a href="/cards/">t</a><a href=".3.mp4">3</a>',
    }
    found = list(expand([f"{site.url}/cards/"], split_roots(f"{site.url}/")))
    assert [str(source) for source in found] == [f"{site.url}/cards/1.mp4", f"{site.url}/cards/day/my%20clip.MP4"]
    assert found[1].name == "my clip.MP4"
    for pattern in ("cards/**/my*.MP4", "cards/*/*clip*"):
        assert list(expand([f"{site.url}/{pattern}"], split_roots(f"{site.url}/"))) == found[1:]
    site.files["/cards/1*.mp4"] = b"x"
    assert [source.name for source in expand([f"{site.url}/cards/1*.mp4"], split_roots(site.url))] == ["1*.mp4"]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(404, "is not there (HTTP 404)"), (403, "may not be read (HTTP 403)"), (418, "refuses (HTTP 418)")],
)
def test_a_server_that_refuses_is_quoted(site: WebServer, status: int, sentence: str) -> None:
    site.statuses["/a.mp4"] = status, -1
    with pytest.raises(Inaccessible) as problem:
        probe(site.remote("/a.mp4"))
    assert sentence in str(problem.value)
    assert not isinstance(problem.value, Away)
    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 507, 522])
def test_a_server_in_trouble_is_away(site: WebServer, status: int) -> None:
    site.statuses["/a.mp4"] = status, -1
    for look in (probe, fingerprint):
        with pytest.raises(Away, match=rf"in trouble \(HTTP {status}\)"):
            look(site.remote("/a.mp4"))


def test_a_server_that_is_not_there_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for url, sentence in (
        (f"http://127.0.0.1:{port}/a.mp4", "was lost or refused"),
        ("http://cards.invalid/a.mp4", r"The host of a\.mp4 is not known"),
    ):
        with pytest.raises(Away, match=sentence):
            probe(check_allowed(source_of(url), split_roots(url)))


def test_trouble_that_passes_is_waited_out(site: WebServer, clip: Path) -> None:
    site.files["/a.mp4"] = clip.read_bytes()
    site.statuses["/a.mp4"] = 503, 2
    site.cut_after, site.cuts = 5000, 2
    assert_like_the_path(site.remote("/a.mp4"), clip)
    assert site.cuts == 0


def test_trouble_that_stays_is_told_also_in_the_middle_of_a_segment(
    site: WebServer, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files["/a.mp4"] = clip.read_bytes()
    info = probe(site.remote("/a.mp4"))
    site.statuses["/a.mp4"] = 500, -1
    with pytest.raises(Away, match="in trouble"):
        list(Decoder(info, split(info)[0]))
    # After the container was opened: what comes next cannot be read.
    monkeypatch.setattr("pipeline.video.container.open_remote", lambda remote, block=0: open_remote(remote, 4096))
    site.statuses.clear()
    frames = iter(Decoder(info, split(info)[0]))
    next(frames)
    site.statuses["/a.mp4"] = 500, -1
    with pytest.raises(Away, match="in trouble"):
        list(frames)


def test_a_server_that_says_nothing_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.http.TIMEOUT", aiohttp.ClientTimeout(total=0.5))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.mp4"
        with pytest.raises(Away, match="does not answer in time"):
            probe(check_allowed(source_of(url), split_roots(url)))


def test_a_forked_worker_reads_on_its_own(site: WebServer, s3: Any) -> None:
    """Celery's pool forks after the parent may have read; a shared connection would mix the answers."""
    site.files["/a.mp4"] = b"web"
    s3.put_object(Bucket="cards", Key="a.mp4", Body=b"s3")
    sources = (site.remote("/a.mp4"), source_of("s3://cards/a.mp4"))

    def read() -> bytes:
        return b" ".join(open_remote(source).read() for source in sources)  # type: ignore[arg-type]

    assert read() == b"web s3"
    for _ in range(2):
        child = multiprocessing.get_context("fork").Process(target=lambda: os._exit(7 if read() == b"web s3" else 1))
        child.start()
        child.join(20)
        assert child.exitcode == 7
    assert read() == b"web s3"


def test_a_server_without_ranges_is_read_whole_up_to_a_bound(
    site: WebServer, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.ranges = False
    site.files["/a.mp4"] = clip.read_bytes()
    assert_like_the_path(site.remote("/a.mp4"), clip)
    monkeypatch.setattr("pipeline.sources.http.WHOLE_BYTES", 1000)
    with pytest.raises(Unreadable, match="sends files only whole"):
        probe(site.remote("/a.mp4"))


def test_a_server_that_lies_is_not_believed(site: WebServer) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    site.answers |= {
        "/other.mp4": (206, {"Content-Range": "bytes 5-6/100"}, b"xy"),
        "/bare.mp4": (206, {}, b"xy"),
        "/much.mp4": (206, {"Content-Range": "bytes 0-99999999/100000000"}, bytes(5 * BLOCK_BYTES)),
        "/gone.mp4": (416, {"Content-Range": "bytes */0"}, b""),
        "/page/": (200, {"Content-Type": "text/html", "Content-Encoding": "gzip"}, bomb),
        "/packed.mp4": (200, {"Content-Type": "video/mp4", "Content-Encoding": "gzip"}, bomb),
    }
    for name in ("other", "bare"):
        with pytest.raises(Unreadable, match="another part of the file"):
            probe(site.remote(f"/{name}.mp4"))
    with open_remote(site.remote("/much.mp4"), block_bytes=1000) as file:
        assert len(file.read(1000)) == 1000
    with pytest.raises(Unreadable, match=r"empty \(0 bytes\)"):
        probe(site.remote("/gone.mp4"))
    with pytest.raises(UsageError, match="holds no video"):
        list(expand([f"{site.url}/page/"], split_roots(f"{site.url}/")))
    with pytest.raises(Unreadable, match="is an archive or packed"):
        probe(site.remote("/packed.mp4"))


def test_a_file_that_is_replaced_on_the_web_is_not_mixed(site: WebServer) -> None:
    site.files["/a.mp4"] = bytes(5000)
    with open_remote(site.remote("/a.mp4"), block_bytes=1000) as file:
        file.read(1)
        site.files["/a.mp4"] = bytes(4999) + b"1"
        file.seek(2000)
        with pytest.raises(Inaccessible, match="was replaced while it was read"):
            file.read(1)


def test_the_etag_tells_versions_of_one_address_apart(site: WebServer) -> None:
    site.files["/a.mp4"] = b"1"
    before = fingerprint(site.remote("/a.mp4"))
    assert changed_since(site.remote("/a.mp4"), before) is None
    site.files["/a.mp4"] = b"2"
    assert fingerprint(site.remote("/a.mp4")) != before
    assert changed_since(site.remote("/a.mp4"), before)


def test_an_etag_that_two_cameras_share_does_not_make_one_file_of_two(site: WebServer) -> None:
    """nginx and Apache make it from size and second of change."""
    for name in ("front", "rear"):
        site.files[f"/{name}.mp4"] = name[:4].encode()
        site.headers[f"/{name}.mp4"] = {"ETag": '"66f1-4"'}
    front, rear = (fingerprint(site.remote(f"/{name}.mp4")) for name in ("front", "rear"))
    assert front != rear


@pytest.mark.parametrize(
    ("header", "is_one"),
    [
        ("Digest: sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=", True),
        ("Digest: md5=HUXZLQLMuI/KZ5KDcJPcOA==", True),
        ("Repr-Digest: sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4:", True),
        ("Digest: adler32=03da0195", False),
        # Of the range that was asked for, which is the same byte in many a file.
        ("Content-MD5: HUXZLQLMuI/KZ5KDcJPcOA==", False),
        ("Last-Modified: Mon, 23 Nov 2026 10:00:00 GMT", False),
    ],
)
def test_a_checksum_of_the_whole_content_makes_one_file_of_two_addresses(
    site: WebServer, header: str, is_one: bool
) -> None:
    name, _, value = header.partition(": ")
    for path in ("/a.mp4", "/b.mp4"):
        site.files[path] = b"same"
        site.headers[path] = {"ETag": f'"{path}"', name: value}
    first, second = (fingerprint(site.remote(path)) for path in ("/a.mp4", "/b.mp4"))
    assert (first == second) is is_one


def test_what_an_earlier_version_registered_is_still_that_file(site: WebServer) -> None:
    site.files["/a.mp4"] = b"1"
    site.headers["/a.mp4"] = {"ETag": '"66f1-4"'}
    [found] = fingerprints([site.remote("/a.mp4")])
    before = hashlib.sha256(b"etag 66f1-4").hexdigest()
    assert found.former == before != found.fingerprint
    assert changed_since(site.remote("/a.mp4"), before) is None
    site.headers["/a.mp4"] = {"ETag": '"66f2-4"'}
    assert changed_since(site.remote("/a.mp4"), before)


def test_the_login_comes_from_netrc_and_goes_nowhere_else(
    site: WebServer, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
    netrc.chmod(0o600)
    site.files["/a.mp4"] = clip.read_bytes()
    site.login = aiohttp.encode_basic_auth("me", "s3cret")
    with pytest.raises(Inaccessible, match="HTTP 401"):
        probe(site.remote("/a.mp4"))
    monkeypatch.setenv("NETRC", str(netrc))
    assert probe(site.remote("/a.mp4")).frames == 180
    with web_server() as other:
        other.files["/a.mp4"] = clip.read_bytes()
        elsewhere = f"http://localhost:{other.port}/"
        site.files.clear()
        site.login, site.redirects = None, {"/a.mp4": f"{elsewhere}a.mp4"}
        led = check_allowed(source_of(f"{site.url}/a.mp4"), split_roots(f"{site.url}/:{elsewhere}"))
        assert probe(led).frames == 180
        assert set(other.logins) == {None}
