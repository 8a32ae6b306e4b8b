"""Files that lie elsewhere, on real servers: S3 as moto serves it, and web servers of every temper."""

from __future__ import annotations

import gzip
import hashlib
import io
import multiprocessing
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import fsspec
import pytest
from tenacity import stop_after_attempt, wait_none

from pipeline.errors import Away, Inaccessible, MissingDependency, Unreadable, UsageError
from pipeline.retry import SOURCE
from pipeline.sources import http
from pipeline.sources.expand import expand
from pipeline.sources.fingerprints import fingerprint, fingerprints
from pipeline.sources.remote import BLOCK_BYTES, BLOCKS_KEPT, open_remote
from pipeline.sources.roots import check_allowed, split_roots
from pipeline.sources.source import Remote, Source, source_of
from pipeline.video.decode import Decoder
from pipeline.video.probe import changed_since, probe, read_photo
from pipeline.video.split import split
from tests.support.media_files import TIDY, photo, tidy, with_sound, write_clip
from tests.support.s3_server import bucket, forget_drivers, s3_server
from tests.support.web_server import WebServer, web_server

BUCKET = "cards"


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def s3(storage: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with bucket(storage, BUCKET, monkeypatch) as client:
        yield client


@pytest.fixture
def site() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tidy(tmp_path_factory.mktemp("clips"))


def allowed(site: WebServer, path: str) -> Remote:
    """The file, opened under a root that names the server."""
    source = check_allowed(source_of(f"{site.url}{path}"), split_roots(f"{site.url}/"))
    assert isinstance(source, Remote)
    return source


def assert_like_the_path(remote: Source, path: Path) -> None:
    """Probe and every segment's frames are those of the same file here."""
    here, there = probe(path), probe(remote)
    assert replace(there, path=path) == here
    for span in split(here, target_s=2.0, first_s=1.0):
        ours = [(frame.pts, frame.image.tobytes()) for frame in Decoder(here, span, sample_fps=5)]
        theirs = [(frame.pts, frame.image.tobytes()) for frame in Decoder(there, span, sample_fps=5)]
        assert theirs == ours


# Object stores


def test_a_video_in_a_bucket_gives_the_frames_that_it_gives_here(s3: Any, clip: Path) -> None:
    s3.upload_file(str(clip), BUCKET, "2026/drive 1.mp4")
    assert_like_the_path(source_of("s3://cards/2026/drive 1.mp4"), clip)


def test_a_bucket_a_prefix_and_a_pattern_mean_the_media_below(s3: Any) -> None:
    hidden = ("a/._1.mp4", "a/.Trashes/4.mp4")
    for key in ("a/1.mp4", "a/2.MOV", "a/b/3.jpg", "a/notes.txt", "c/5.dat", "c/6.mp4", *hidden):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    s3.put_object(Bucket=BUCKET, Key="a/b/", Body=b"")

    def keys(*words: str) -> list[str]:
        return [str(source).removeprefix("s3://cards/") for source in expand(words)]

    assert keys("s3://cards") == keys("s3://cards/") == ["a/1.mp4", "a/2.MOV", "a/b/3.jpg", "c/6.mp4"]
    assert keys("s3://cards/a") == keys("s3://cards/a/") == ["a/1.mp4", "a/2.MOV", "a/b/3.jpg"]
    assert keys("s3://cards/**/*.mp4") == ["a/1.mp4", "c/6.mp4"]
    assert keys("s3://cards/c/*.dat", "s3://cards/c") == ["c/5.dat", "c/6.mp4"]
    assert keys("s3://cards/*/[12].*") == ["a/1.mp4", "a/2.MOV"]
    with pytest.raises(UsageError, match="No object fits"):
        keys("s3://cards/none/*.mp4")


def test_a_name_with_wildcards_wins_over_the_pattern(s3: Any) -> None:
    for key in ("take [1].mp4", "take 1.mp4"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    assert [str(found) for found in expand(["s3://cards/take [1].mp4"])] == ["s3://cards/take [1].mp4"]


def test_what_is_put_into_a_bucket_later_is_seen_by_the_next_look(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="a/1.mp4", Body=b"x")
    assert len(list(expand(["s3://cards/a/"]))) == 1
    s3.put_object(Bucket=BUCKET, Key="a/2.mp4", Body=b"x")
    assert len(list(expand(["s3://cards/a/"]))) == 2


def test_a_key_that_cannot_be_an_address_is_passed_over_aloud(s3: Any, caplog: pytest.LogCaptureFixture) -> None:
    for key in ("a/1.mp4", "a/../2.mp4"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    assert [source.name for source in expand(["s3://cards"])] == ["1.mp4"]
    assert "a/../2.mp4 is passed over" in caplog.text


def test_a_change_is_seen_after_a_listing(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="a/1.mp4", Body=b"1")
    [found] = expand(["s3://cards/a/"])
    before = fingerprint(found)
    s3.put_object(Bucket=BUCKET, Key="a/1.mp4", Body=b"2")
    assert fingerprint(source_of(str(found))) != before
    assert changed_since(source_of(str(found)), before)


def test_the_same_bytes_are_recognised_under_another_name_and_other_bytes_are_not(s3: Any) -> None:
    for key, body in (("a.mp4", b"1"), ("b.mp4", b"1"), ("c.mp4", b"2")):
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    first, second, third = (fingerprint(source_of(f"s3://cards/{key}.mp4")) for key in "abc")
    assert first == second != third
    # What a listing brought along is as good as asking for each.
    assert [item.fingerprint for item in fingerprints(expand(["s3://cards"]))] == [first, second, third]
    assert [len(item) for item in (first, third)] == [64, 64]


def test_what_a_bucket_does_not_give_is_told(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Inaccessible, match=r"gone\.mp4 is not there"):
        probe(source_of("s3://cards/gone.mp4"))
    with pytest.raises(Inaccessible, match="there is no bucket s3://no-such"):
        probe(source_of("s3://no-such/a.mp4"))
    assert [str(found) for found in expand(["s3://no-such/", "s3://cards/gone"])] == [
        "s3://no-such/", "s3://cards/gone",
    ]  # fmt: skip
    gone = next(fingerprints([source_of("s3://cards/gone.mp4")]))
    assert gone.fingerprint == "path:s3://cards/gone.mp4"
    assert gone.reason is not None
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    forget_drivers()
    with pytest.raises(Inaccessible, match="no credentials were found"):
        probe(source_of("s3://cards/gone.mp4"))


def test_a_storage_that_does_not_answer_may_do_so_later(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("pipeline.retry.SOURCE", SOURCE.copy(wait=wait_none(), stop=stop_after_attempt(2)))
    forget_drivers()
    with pytest.raises(Away, match=r"storage of a\.mp4 does not answer"):
        probe(source_of("s3://cards/a.mp4"))


def test_what_a_storage_answers_tells_whether_it_is_worth_waiting_for(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.retry.SOURCE", SOURCE.copy(stop=stop_after_attempt(1)))
    monkeypatch.setattr("pipeline.sources.remote._S3_CONFIG", {"retries": {"max_attempts": 0}})
    with web_server() as storage:
        monkeypatch.setenv("AWS_ENDPOINT_URL", storage.url)
        forget_drivers()
        for status, code, error in (
            (503, "SlowDown", Away),
            (500, "InternalError", Away),
            (502, "BadGateway", Away),
            (429, "TooManyRequests", Away),
            (403, "AccessDenied", Inaccessible),
            (400, "InvalidRequest", Inaccessible),
        ):
            said = f"<Error><Code>{code}</Code><Message>As it is said.</Message></Error>".encode()
            storage.answers[f"/cards/{code}.mp4"] = status, {"Content-Type": "application/xml"}, said
            with pytest.raises(Inaccessible) as problem:
                fingerprint(source_of(f"s3://cards/{code}.mp4"))
            assert type(problem.value) is error, problem.value


def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="a.mp4", Body=bytes(3 * BLOCK_BYTES))
    with open_remote(source_of("s3://cards/a.mp4")) as file:
        file.read(1)
        s3.put_object(Bucket=BUCKET, Key="a.mp4", Body=bytes(3 * BLOCK_BYTES - 1) + b"1")
        file.seek(2 * BLOCK_BYTES)
        with pytest.raises(Inaccessible, match="was replaced while it was read"):
            file.read(1)


def test_a_driver_that_is_not_installed_is_named() -> None:
    with pytest.raises(MissingDependency, match="pip install adlfs"):
        list(expand(["az://container/cards/"]))


def test_any_storage_that_fsspec_knows_is_read(clip: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/cards/a.mp4", clip.read_bytes())
    try:
        [found] = expand(["memory://cards/"])
        assert str(found) == "memory://cards/a.mp4"
        assert_like_the_path(found, clip)
        assert fingerprint(found) == fingerprint(found)
    finally:
        memory.rm("/cards", recursive=True)


# The web


def test_a_video_on_a_web_server_gives_the_frames_that_it_gives_here(
    site: WebServer, clip: Path, tmp_path: Path
) -> None:
    sound = with_sound(tmp_path)
    site.files |= {"/my clip.mp4": clip.read_bytes(), "/sound.mp4": sound.read_bytes()}
    assert_like_the_path(allowed(site, "/my%20clip.mp4"), clip)
    assert_like_the_path(allowed(site, "/sound.mp4"), sound)


def test_a_photograph_on_a_web_server_is_read(site: WebServer, tmp_path: Path) -> None:
    path = photo(tmp_path)
    site.files["/p.jpg"] = path.read_bytes()
    info = probe(allowed(site, "/p.jpg"))
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
    info = probe(allowed(site, "/long.mp4"))
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
    with open_remote(allowed(site, "/a.mp4"), block_bytes=1000) as file:
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
        probe(allowed(site, "/a.mp4"))
    assert sentence in str(problem.value)
    assert not isinstance(problem.value, Away)
    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 507, 522])
def test_a_server_in_trouble_is_away(site: WebServer, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setattr("pipeline.retry.SOURCE", SOURCE.copy(stop=stop_after_attempt(1)))
    site.statuses["/a.mp4"] = status, -1
    for look in (probe, fingerprint):
        with pytest.raises(Away, match=rf"in trouble \(HTTP {status}\)"):
            look(allowed(site, "/a.mp4"))


def test_a_server_that_is_not_there_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.retry.SOURCE", SOURCE.copy(stop=stop_after_attempt(1)))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for url, sentence in (
        (f"http://127.0.0.1:{port}/a.mp4", "was lost or refused"),
        ("http://cards.invalid/a.mp4", r"The host of a\.mp4 is not known"),
    ):
        with pytest.raises(Away, match=sentence):
            probe(check_allowed(source_of(url), split_roots(url)))


def test_a_transient_error_is_retried(site: WebServer, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.retry.SOURCE", SOURCE.copy(wait=wait_none()))
    site.files["/a.mp4"] = clip.read_bytes()
    site.statuses["/a.mp4"] = 503, 2
    site.cut_after, site.cuts = 5000, 2
    assert_like_the_path(allowed(site, "/a.mp4"), clip)
    assert site.cuts == 0


def test_an_error_that_stays_is_told_also_in_the_middle_of_a_segment(
    site: WebServer, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.retry.SOURCE", SOURCE.copy(wait=wait_none(), stop=stop_after_attempt(2)))
    site.files["/a.mp4"] = clip.read_bytes()
    info = probe(allowed(site, "/a.mp4"))
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
    monkeypatch.setattr("pipeline.retry.SOURCE", SOURCE.copy(wait=wait_none(), stop=stop_after_attempt(2)))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.mp4"
        with pytest.raises(Away, match="does not answer in time"):
            probe(check_allowed(source_of(url), split_roots(url)))


def test_a_forked_worker_reads_on_its_own(site: WebServer, s3: Any) -> None:
    """Celery's pool forks after the parent may have read; a shared connection would mix the answers."""
    site.files["/a.mp4"] = b"web"
    s3.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"s3")
    sources = (allowed(site, "/a.mp4"), source_of("s3://cards/a.mp4"))

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
    assert_like_the_path(allowed(site, "/a.mp4"), clip)
    monkeypatch.setattr("pipeline.sources.http.WHOLE_BYTES", 1000)
    with pytest.raises(Unreadable, match="sends files only whole"):
        probe(allowed(site, "/a.mp4"))


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
            probe(allowed(site, f"/{name}.mp4"))
    with open_remote(allowed(site, "/much.mp4"), block_bytes=1000) as file:
        assert len(file.read(1000)) == 1000
    with pytest.raises(Unreadable, match=r"empty \(0 bytes\)"):
        probe(allowed(site, "/gone.mp4"))
    with pytest.raises(UsageError, match="holds no video"):
        list(expand([f"{site.url}/page/"], split_roots(f"{site.url}/")))
    with pytest.raises(Unreadable, match="is an archive or packed"):
        probe(allowed(site, "/packed.mp4"))


def test_a_file_that_is_replaced_on_the_web_is_not_mixed(site: WebServer) -> None:
    site.files["/a.mp4"] = bytes(5000)
    with open_remote(allowed(site, "/a.mp4"), block_bytes=1000) as file:
        file.read(1)
        site.files["/a.mp4"] = bytes(4999) + b"1"
        file.seek(2000)
        with pytest.raises(Inaccessible, match="was replaced while it was read"):
            file.read(1)


def test_the_etag_tells_versions_of_one_address_apart(site: WebServer) -> None:
    site.files["/a.mp4"] = b"1"
    before = fingerprint(allowed(site, "/a.mp4"))
    assert changed_since(allowed(site, "/a.mp4"), before) is None
    site.files["/a.mp4"] = b"2"
    assert fingerprint(allowed(site, "/a.mp4")) != before
    assert changed_since(allowed(site, "/a.mp4"), before)


def test_an_etag_that_two_cameras_share_does_not_make_one_file_of_two(site: WebServer) -> None:
    """nginx and Apache make it from size and second of change."""
    for name in ("front", "rear"):
        site.files[f"/{name}.mp4"] = name[:4].encode()
        site.headers[f"/{name}.mp4"] = {"ETag": '"66f1-4"'}
    front, rear = (fingerprint(allowed(site, f"/{name}.mp4")) for name in ("front", "rear"))
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
    first, second = (fingerprint(allowed(site, path)) for path in ("/a.mp4", "/b.mp4"))
    assert (first == second) is is_one


def test_what_an_earlier_version_registered_is_still_that_file(site: WebServer) -> None:
    site.files["/a.mp4"] = b"1"
    site.headers["/a.mp4"] = {"ETag": '"66f1-4"'}
    [found] = fingerprints([allowed(site, "/a.mp4")])
    before = hashlib.sha256(b"etag 66f1-4").hexdigest()
    assert found.former == before != found.fingerprint
    assert changed_since(allowed(site, "/a.mp4"), before) is None
    site.headers["/a.mp4"] = {"ETag": '"66f2-4"'}
    assert changed_since(allowed(site, "/a.mp4"), before)


def test_the_login_comes_from_netrc_and_goes_nowhere_else(
    site: WebServer, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
    netrc.chmod(0o600)
    site.files["/a.mp4"] = clip.read_bytes()
    site.login = aiohttp.encode_basic_auth("me", "s3cret")
    with pytest.raises(Inaccessible, match="HTTP 401"):
        probe(allowed(site, "/a.mp4"))
    monkeypatch.setenv("NETRC", str(netrc))
    assert probe(allowed(site, "/a.mp4")).frames == 180
    with web_server() as other:
        other.files["/a.mp4"] = clip.read_bytes()
        elsewhere = f"http://localhost:{other.port}/"
        site.files.clear()
        site.login, site.redirects = None, {"/a.mp4": f"{elsewhere}a.mp4"}
        led = check_allowed(source_of(f"{site.url}/a.mp4"), split_roots(f"{site.url}/:{elsewhere}"))
        assert probe(led).frames == 180
        assert set(other.logins) == {None}


# What may not be asked


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
                probe(allowed(site, path))
        assert private.asked == []
        assert {path for path, _ in site.asked} == {"/a.mp4", "/b.mp4"}


def test_redirects_under_a_root_are_followed_and_rings_are_not(site: WebServer, clip: Path) -> None:
    site.files["/a.mp4"] = clip.read_bytes()
    site.redirects |= {"/old.mp4": "/a.mp4", "/ring.mp4": "/ring.mp4"}
    assert probe(allowed(site, "/old.mp4")).frames == 180
    with pytest.raises(Inaccessible, match="only redirected"):
        probe(allowed(site, "/ring.mp4"))
    site.redirects["/file.mp4"] = "file:///etc/passwd"
    with pytest.raises(Inaccessible, match="not followed"):
        probe(allowed(site, "/file.mp4"))
