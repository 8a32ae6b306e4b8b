"""Files in object stores: S3 as moto serves it, and whatever fsspec knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest

from pipeline.errors import Away, Deleted, Inaccessible, MissingDependency, UsageError
from pipeline.sources.expand import expand
from pipeline.sources.fingerprints import fingerprint, fingerprints
from pipeline.sources.remote import BLOCK_BYTES, open_remote
from pipeline.sources.source import source_of
from pipeline.video.probe import changed_since, probe
from tests.support.decoded import assert_like_the_path
from tests.support.s3_server import forget_drivers
from tests.support.web_server import web_server
from workers.allowed import must_not_be_deleted, place_of
from workers.settings import settings


def test_a_video_in_a_bucket_gives_the_frames_that_it_gives_here(s3: Any, clip: Path) -> None:
    s3.upload_file(str(clip), "cards", "2026/drive 1.mp4")
    assert_like_the_path(source_of("s3://cards/2026/drive 1.mp4"), clip)


def test_a_bucket_a_prefix_and_a_pattern_mean_the_media_below(s3: Any) -> None:
    hidden = ("a/._1.mp4", "a/.Trashes/4.mp4")
    for key in ("a/1.mp4", "a/2.MOV", "a/b/3.jpg", "a/notes.txt", "c/5.dat", "c/6.mp4", *hidden):
        s3.put_object(Bucket="cards", Key=key, Body=b"x")
    s3.put_object(Bucket="cards", Key="a/b/", Body=b"")

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
        s3.put_object(Bucket="cards", Key=key, Body=b"x")
    assert [str(found) for found in expand(["s3://cards/take [1].mp4"])] == ["s3://cards/take [1].mp4"]


def test_what_is_put_into_a_bucket_later_is_seen_by_the_next_look(s3: Any) -> None:
    s3.put_object(Bucket="cards", Key="a/1.mp4", Body=b"x")
    assert len(list(expand(["s3://cards/a/"]))) == 1
    s3.put_object(Bucket="cards", Key="a/2.mp4", Body=b"x")
    assert len(list(expand(["s3://cards/a/"]))) == 2


def test_a_key_that_cannot_be_an_address_is_passed_over_aloud(s3: Any, caplog: pytest.LogCaptureFixture) -> None:
    for key in ("a/1.mp4", "a/../2.mp4"):
        s3.put_object(Bucket="cards", Key=key, Body=b"x")
    assert [source.name for source in expand(["s3://cards"])] == ["1.mp4"]
    assert "a/../2.mp4 is passed over" in caplog.text


def test_a_change_is_seen_after_a_listing(s3: Any) -> None:
    s3.put_object(Bucket="cards", Key="a/1.mp4", Body=b"1")
    [found] = expand(["s3://cards/a/"])
    before = fingerprint(found)
    s3.put_object(Bucket="cards", Key="a/1.mp4", Body=b"2")
    assert fingerprint(source_of(str(found))) != before
    assert changed_since(source_of(str(found)), before)


def test_the_same_bytes_are_recognised_under_another_name_and_other_bytes_are_not(s3: Any) -> None:
    for key, body in (("a.mp4", b"1"), ("b.mp4", b"1"), ("c.mp4", b"2")):
        s3.put_object(Bucket="cards", Key=key, Body=body)
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
    forget_drivers()
    with pytest.raises(Away, match=r"storage of a\.mp4 does not answer"):
        probe(source_of("s3://cards/a.mp4"))


def test_what_a_storage_answers_tells_whether_it_is_worth_waiting_for(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.storage_drivers._S3_CONFIG", {"retries": {"max_attempts": 0}})
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
    s3.put_object(Bucket="cards", Key="a.mp4", Body=bytes(3 * BLOCK_BYTES))
    with open_remote(source_of("s3://cards/a.mp4")) as file:
        file.read(1)
        s3.put_object(Bucket="cards", Key="a.mp4", Body=bytes(3 * BLOCK_BYTES - 1) + b"1")
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


def test_a_bucket_is_asked_whether_an_upload_was_deleted(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPLATE_STORE_DIR", "s3://cards/results")
    settings.cache_clear()
    try:
        here, gone = (place_of(f"uploads/{number * 32}/trip.mp4") for number in "ab")
        s3.put_object(Bucket="cards", Key=f"results/uploads/{'a' * 32}/trip.mp4", Body=b"x")
        must_not_be_deleted(here)
        # Nothing is known of what was no upload.
        must_not_be_deleted(source_of("s3://cards/2026/none.mp4"))
        with pytest.raises(Deleted, match="was uploaded and is deleted since"):
            must_not_be_deleted(gone)
    finally:
        settings.cache_clear()
