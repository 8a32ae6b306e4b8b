"""Addresses and paths as a user writes them: one spelling, no secrets, nothing that opens something else."""

from __future__ import annotations

import ipaddress
import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Inaccessible, UsageError
from pipeline.sources.http import fetch
from pipeline.sources.roots import PUBLIC, NotAllowed, check_allowed, is_public, join_roots, split_roots
from pipeline.sources.source import Remote, Source, printable, shown, source_of, stored
from pipeline.video.image_size import picture_size

SECRET = "hunter2"


def remote(url: str) -> Remote:
    source = source_of(url)
    assert isinstance(source, Remote)
    return source


# One spelling


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("s3://b/k.mp4", "s3://b/k.mp4"),
        ("S3://b/dir/my file?#1.mp4", "s3://b/dir/my file?#1.mp4"),
        ("s3://b/a@b:c.mp4", "s3://b/a@b:c.mp4"),
        ("HTTPS://Cam.Example.ORG:443/a/../b c.mp4#t=3", "https://cam.example.org/b%20c.mp4"),
        ("http://h/a/%2e%2e/b.mp4", "http://h/b.mp4"),
        ("http://h:8080/a.mp4?file=3", "http://h:8080/a.mp4?file=3"),
        ("https://bücher.example/ü.mp4", "https://xn--bcher-kva.example/%C3%BC.mp4"),
        ("sftp://me@NAS/v/a.mp4", "sftp://me@nas/v/a.mp4"),
        ("abfs://cards@store.dfs.core.windows.net/a.mp4", "abfs://cards@store.dfs.core.windows.net/a.mp4"),
    ],
)
def test_an_address_has_one_spelling_and_survives_storing(typed: str, url: str) -> None:
    source = source_of(typed)
    assert str(source) == stored(source) == url
    assert source_of(stored(source)) == source


@pytest.mark.parametrize(
    ("url", "name", "suffix"),
    [
        ("https://h/day%201/my%20clip.MP4?x=1", "my clip.MP4", ".MP4"),
        ("s3://bucket/day/100%25.mp4", "100%25.mp4", ".mp4"),
        ("s3://bucket/day/", "day", ""),
        ("s3://bucket", "bucket", ""),
        ("https://h/", "h", ""),
    ],
)
def test_names_and_endings_are_those_of_the_object(url: str, name: str, suffix: str) -> None:
    assert (remote(url).name, remote(url).suffix) == (name, suffix)


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name))
def test_any_path_survives_storing(name: bytes) -> None:
    path = Path(b"/cards/".decode(), os.fsdecode(name))
    text = stored(path)
    text.encode()  # What PostgreSQL takes.
    assert source_of(text) == path


def test_file_addresses_are_paths() -> None:
    assert source_of("file:///cards/a%20b.mp4") == Path("/cards/a b.mp4")
    with pytest.raises(UsageError, match="another machine"):
        source_of("file://nas/cards/a.mp4")


# What is refused


@pytest.mark.parametrize(
    "url",
    [
        f"https://me:{SECRET}@h/a.mp4",
        f"https://{SECRET}@h/a.mp4",
        f"s3://key:{SECRET}@bucket/a.mp4",
        f"sftp://me:{SECRET}@h/a.mp4",
        f"ftp://me%3A{SECRET}@h/a.mp4",
        f"https://h/a.mp4?X-Amz-Signature={SECRET}",
        f"https://h/a.mp4?sv=1&SIG={SECRET}",
        f"https://h/a.mp4?access_token={SECRET}",
        f"https://me:{SECRET}@[::1/a.mp4",
        f"https://me:{SECRET}@h\\@x/a.mp4",
        f"zip://a.mp4::https://me:{SECRET}@h/a.zip",
        f"simplecache::https://me:{SECRET}@h/a.mp4",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as problem:
        source_of(url)
    chain: BaseException | None = problem.value
    while chain is not None:
        assert SECRET not in str(chain)
        chain = None if chain.__suppress_context__ else chain.__cause__ or chain.__context__


@pytest.mark.parametrize("scheme", ["reference", "dir", "simplecache", "filecache", "local", "zip", "tar", "git", "x"])
def test_schemes_that_open_something_else_are_refused(scheme: str) -> None:
    with pytest.raises(UsageError, match=f"{scheme}:// is not read here"):
        source_of(f"{scheme}://a.mp4")


@pytest.mark.parametrize(
    "url", ["zip://a.mp4::s3://b/c.zip", "simplecache::s3://b/a.mp4", "s3://b/x::https://h/a.mp4", "dir::file:///etc"]
)
def test_chained_addresses_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="on top of another"):
        source_of(url)
    assert source_of("day::1.mp4") == Path("day::1.mp4")


@pytest.mark.parametrize(
    "url",
    [
        "s3://b/../c.mp4", "s3://b/a/./c.mp4", "https://h/a/..%2f..%2fb.mp4", "https://h/a/%252e%252e/b.mp4",
        "gs://b/%2e%2e/c", "https://h/a/..;/b.mp4",
    ],
)  # fmt: skip
def test_addresses_that_lead_upwards_in_disguise_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="leads upwards"):
        source_of(url)


@pytest.mark.parametrize("url", ["https://", "https:///a.mp4", "s3:///a.mp4", "https://h:99999/a", "http://h/a\nb.mp4"])
def test_addresses_that_are_none_are_a_mistake(url: str) -> None:
    with pytest.raises(UsageError):
        source_of(url)


# Roots


def test_roots_are_split_without_cutting_addresses_apart() -> None:
    text = "/data/cards:s3://bucket/cards/:https://cam.example.org:8443/x:http://[fd00::1]:80/:/mnt:gs://b"
    assert [str(root) for root in split_roots(text)] == [
        "/data/cards", "s3://bucket/cards/", "https://cam.example.org:8443/x", "http://[fd00::1]/", "/mnt", "gs://b",
    ]  # fmt: skip
    assert split_roots("") == split_roots(":") == ()
    odd = (source_of("s3://bucket/2026-01-01T10:00/"), Path("/cards/10:30"), Path("/plain"))
    assert split_roots(join_roots(odd)) == odd
    assert join_roots(odd[2:]) == "/plain"
    with pytest.raises(UsageError, match="JSON list"):
        split_roots('["/cards", 7]')
    assert split_roots("~/cards") == (Path("~/cards").expanduser(),)


@pytest.mark.parametrize(
    ("url", "root", "lies_under"),
    [
        ("s3://bucket/cards/a.mp4", "s3://bucket/cards/", True),
        ("s3://bucket/cards/a.mp4", "s3://bucket/cards", True),
        ("s3://bucket/cards2/a.mp4", "s3://bucket/cards", False),
        ("s3://bucket2/cards/a.mp4", "s3://bucket", False),
        ("gs://bucket/cards/a.mp4", "s3://bucket/", False),
        ("https://CAM.example.org/x/a.mp4", "https://cam.example.org/", True),
        ("https://cam.example.org.evil.example/a.mp4", "https://cam.example.org/", False),
        ("https://cam.example.org:8443/a.mp4", "https://cam.example.org/", False),
        ("http://cam.example.org/a.mp4", "https://cam.example.org/", False),
        ("https://cam.example.org:443/a.mp4", "https://cam.example.org", True),
        ("https://cam.example.org/x/../secret/a.mp4", "https://cam.example.org/x/", False),
        ("https://cam.example.org/x/%2e%2e/secret/a.mp4", "https://cam.example.org/x/", False),
        ("https://cam.example.org/x/./y/../a.mp4", "https://cam.example.org/x/", True),
        ("https://cam.example.org/x%2Fa.mp4", "https://cam.example.org/x/", False),
        ("sftp://nas/video/a.mp4", "sftp://nas/video/", True),
        ("sftp://nas:2222/video/a.mp4", "sftp://nas/video/", False),
        ("s3://bucket/cards/a.mp4", "/bucket/cards", False),
    ],
)
def test_an_address_lies_under_a_root_component_by_component(url: str, root: str, lies_under: bool) -> None:
    if lies_under:
        assert check_allowed(remote(url), [source_of(root)]) == remote(url)
    else:
        with pytest.raises(NotAllowed, match="lies outside the addresses"):
            check_allowed(remote(url), [source_of(root)])


def test_roots_that_are_addresses_allow_no_path(tmp_path: Path) -> None:
    with pytest.raises(NotAllowed, match="outside the folders"):
        check_allowed(tmp_path / "a.mp4", split_roots("s3://bucket/"))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "localhost.", "cam.localhost", "[::1]", "[::]",
        "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    ],
)  # fmt: skip
def test_private_hosts_are_refused_unless_a_root_names_them(host: str) -> None:
    source = remote(f"http://{host}:8000/a.mp4")
    with pytest.raises(NotAllowed, match="private network address"):
        check_allowed(source, [])
    with pytest.raises(NotAllowed, match="private network address"):
        fetch(source, 0, 1)
    with pytest.raises(NotAllowed, match="private network address"):
        check_allowed(source, [PUBLIC])
    check_allowed(source, split_roots(f"http://{host}:8000/"))
    with pytest.raises(NotAllowed, match="outside"):
        check_allowed(source, split_roots("http://192.168.9.9:8000/"))


def test_public_addresses_are_public() -> None:
    for text in ("93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"):
        assert is_public(ipaddress.ip_address(text))
    assert check_allowed(remote("https://93.184.216.34/a.mp4"), [])


def test_other_hosts_need_a_root() -> None:
    with pytest.raises(Inaccessible, match="sftp://nas/ in DASHPLATE_ROOTS"):
        check_allowed(remote("sftp://nas/a.mp4"), [])
    assert check_allowed(remote("s3://bucket/a.mp4"), [])


def test_one_root_stands_for_every_public_address(tmp_path: Path) -> None:
    roots = split_roots(join_roots([tmp_path, PUBLIC, source_of("http://192.168.1.5/cards/")]))
    assert roots[1] == PUBLIC
    for url in ("https://93.184.216.34/a.mp4", "http://cam.example.org/a.mp4", "s3://bucket/a.mp4"):
        assert check_allowed(remote(url), roots)
    assert check_allowed(remote("http://192.168.1.5/cards/a.mp4"), roots)
    with pytest.raises(NotAllowed, match="outside the addresses"):
        check_allowed(remote("http://192.168.1.5/admin"), roots)
    with pytest.raises(NotAllowed, match="private network address"):
        check_allowed(remote("http://192.168.1.6/cards/a.mp4"), roots)
    with pytest.raises(NotAllowed, match="nobody has allowed"):
        check_allowed(remote("sftp://nas/a.mp4"), roots)
    with pytest.raises(NotAllowed, match="outside the folders"):
        check_allowed(Path("/etc/hostname"), roots)
    with pytest.raises(UsageError, match="public:// is not read here"):
        source_of("public://")


def test_a_host_has_one_spelling() -> None:
    roots = split_roots("https://cam.example.org/a/:public:///")
    assert check_allowed(source_of("https://cam.example.org./a/1.mp4"), roots) == Remote(
        "https://cam.example.org/a/1.mp4"
    )
    with pytest.raises(NotAllowed):
        check_allowed(source_of("https://cam.example.org./secret"), roots)


def test_addresses_of_clouds_own_services_are_not_public() -> None:
    with pytest.raises(NotAllowed):
        check_allowed(source_of("http://192.0.0.192/latest/"), (PUBLIC,))


def test_a_host_that_a_root_names_may_be_private_below_that_root_only() -> None:
    roots = split_roots("http://cam.internal/cards/:public://")
    assert check_allowed(remote("http://cam.internal/cards/a.mp4"), roots)
    for url in (
        "http://cam.internal/admin",
        "http://cam.internal:8080/cards/a.mp4",
        "https://cam.internal/cards/a.mp4",
    ):
        with pytest.raises(NotAllowed, match="outside the addresses"):
            check_allowed(remote(url), roots)


# Names in sentences


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("drive 🚗👨‍👩‍👧.mp4", "drive 🚗👨‍👩‍👧.mp4"),
        ("two\nlines\r.mp4", "two\\nlines\\r.mp4"),
        ("\x1b[31mred.mp4", "\\x1b[31mred.mp4"),
        ("gpj\u202e4pm.exe", "gpj\\u202e4pm.exe"),
        ("line\u2028end.mp4", "line\\u2028end.mp4"),
        (os.fsdecode(b"caf\xe9.mp4"), "caf\\udce9.mp4"),
    ],
)
def test_names_are_shown_on_one_line_without_controls(name: str, safe: str) -> None:
    assert shown(Path("/cards", name)) == printable(name) == safe


@given(st.text(max_size=300))
def test_whatever_a_name_holds_a_log_line_stays_one(name: str) -> None:
    line = printable(name)
    assert len(line.splitlines()) <= 1
    assert len(line) <= 120
    line.encode()


# What a picture says of its size


@pytest.mark.parametrize("ending", [".png", ".jpg", ".bmp", ".tiff", ".webp"])
@pytest.mark.parametrize("shape", [(37, 61), (200, 300)])
def test_the_size_in_the_header_is_that_of_the_picture(ending: str, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    for options in ([], [cv2.IMWRITE_WEBP_QUALITY, 50] if ending == ".webp" else []):
        data = cv2.imencode(ending, image, options)[1].tobytes()
        assert picture_size(data) == shape[::-1]
        for length in range(0, 40):
            picture_size(data[:length])


def test_a_jpeg_of_two_frames_is_as_large_as_the_larger() -> None:
    small, large = (struct.pack(">BBHBHHB", 0xFF, 0xC0, 8, 8, side, side, 0) for side in (10, 60_000))
    assert picture_size(b"\xff\xd8" + b"\xff\xe0\x00\x02" + small + large + b"\xff\xda") == (60_000, 60_000)


@given(
    st.binary(max_size=200),
    st.sampled_from([b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"BM", b"II*\0", b"MM\0*", b"RIFF", b"\xff\xd8\xff"]),
)
def test_broken_headers_are_no_pictures(data: bytes, magic: bytes) -> None:
    found = picture_size(magic + data)
    assert found is None or len(found) == 2


def test_a_source_is_hashed_by_what_it_names() -> None:
    listed: Source = Remote("s3://b/a.mp4", details={"size": 1})
    assert {listed} == {source_of("s3://b/a.mp4")}
