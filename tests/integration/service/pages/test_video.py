"""The page of a video: what it shows of each kind and state, to whom, and that this is put on record."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from db.access.scopes import Scope
from db.engine import session
from db.findings.mapping import observation_json, path_bytes
from db.models import Segment, SightingRow, TrackletRow, Video
from db.states import SegmentState, VideoState
from pipeline.job_options import JobOptions
from pipeline.records import Box, Observation
from tests.support.found import sighted
from tests.support.media_files import B_FRAMES, photo, write_clip
from tests.support.pages import person
from tests.support.service import Served

SMALL = replace(B_FRAMES, width=320, height=180, seconds=8)


@pytest.fixture
def drive(served: Served) -> Path:
    return write_clip(served.folder / "<img src=x onerror=alert(1)>\u202e.mp4", SMALL)


def video_of(served: Served, sighting: int) -> int:
    with session(served.database_url) as db:
        return db.get_one(SightingRow, sighting).video_id


def change(served: Served, video: int, **values: object) -> None:
    with session(served.database_url) as db:
        row = db.get_one(Video, video)
        for name, value in values.items():
            setattr(row, name, value)


def test_a_video_is_shown_with_its_sightings_and_put_on_record(served: Served, drive: Path) -> None:
    numbers = sighted(served.database_url, drive, [1.0, 2.0, 7.0])
    video = video_of(served, numbers[0])
    with person(served, Scope.SEARCH) as client:
        page = client.get(f"/videos/{video}")
        assert page.status_code == 200, page.text
        assert 'data-kind="whole"' in page.text
        assert page.text.count("data-sighting=") == 3
        assert "<img src=x" not in page.text
        assert "\u202e" not in page.text
        assert "320 × 180" in page.text
        assert served.last_audited("video")[1] == f"video {video}"
        told = client.get(f"/videos/{video}/timeline").json()["sightings"]
        assert [(one, at) for one, at, _ in told] == list(zip(numbers, [1.0, 2.0, 7.0], strict=True))
        assert client.get("/videos/999999999").status_code == 404
    with person(served, Scope.SUBMIT) as other:
        for address in ("", "/timeline", "/boxes", "/sightings?after_s=0&after=0", "/state"):
            assert other.get(f"/videos/{video}{address}").status_code == 403


def test_a_long_list_comes_bit_by_bit(served: Served, drive: Path) -> None:
    numbers = sighted(served.database_url, drive, [index / 10 for index in range(60)])
    video = video_of(served, numbers[0])
    with person(served, Scope.SEARCH) as client:
        first = client.get(f"/videos/{video}").text
        assert first.count("data-sighting=") == 40
        more = client.get(f"/videos/{video}/sightings", params={"after_s": 3.9, "after": numbers[39]}).text
        assert more.count("data-sighting=") == 20
        assert f'data-sighting="{numbers[40]}"' in more
        assert "hx-get" not in more
        assert client.get(f"/videos/{video}/sightings", params={"after_s": 3.9, "after": 2**63}).status_code == 422


def test_boxes_are_the_whole_path_and_those_of_earlier_rows_some_of_it(served: Served, drive: Path) -> None:
    (whole, some) = sighted(served.database_url, drive, [2.0, 6.0])
    video = video_of(served, whole)
    path = tuple(Observation(index * 1000, index / 10, Box(index, 2, index + 30, 12), 0.5) for index in range(20, 24))
    with session(served.database_url) as db:
        row = db.get_one(Video, video)
        row.time_base_num, row.time_base_den = 1, 10_000
        segment = Segment(
            video_id=video, job_id=row.job_id, index=0, start_pts=0, end_pts=80_000, start_s=0.0, end_s=8.0,
            state=SegmentState.DONE,
        )  # fmt: skip
        db.add(segment)
        db.flush()
        for index, (sighting, stored) in enumerate(((whole, path_bytes(path)), (some, None))):
            first, last = observation_json(path[0]), observation_json(path[-1])
            db.add(TrackletRow(segment_id=segment.id, index=index, first=first, last=last, seen=4, path=stored))
            db.get_one(SightingRow, sighting).tracklets = [[0, index]]
    with person(served, Scope.SEARCH) as client:
        told = client.get(f"/videos/{video}/boxes", params={"since": 0, "until": 60}).json()["sightings"]
        assert [len(one["stretches"][0]) for one in told] == [4, 2]
        assert told[0]["stretches"][0][1] == [2.1, 21.0, 2.0, 51.0, 12.0]
        assert told[0]["plate"] == "AB00CDE"
        assert served.last_audited("boxes")[1] == f"video {video} from second 0.0"
        assert client.get(f"/videos/{video}/boxes", params={"since": 0, "until": 999}).status_code == 422


def test_what_was_given_up_is_told_with_its_sentence(served: Served, drive: Path) -> None:
    (number,) = sighted(served.database_url, drive, [1.0])
    video = video_of(served, number)
    with session(served.database_url) as db:
        segment = Segment(
            video_id=video, job_id=db.get_one(Video, video).job_id, index=0, start_pts=0, end_pts=9, start_s=2.0,
            end_s=4.5, state=SegmentState.QUARANTINED, problem="The decoder died <b>five</b> times.",
        )  # fmt: skip
        db.add(segment)
    with person(served, Scope.SEARCH) as client:
        page = client.get(f"/videos/{video}").text
    assert "The decoder died &lt;b&gt;five&lt;/b&gt; times." in page
    assert "0:02.0 – 0:04.5" in page


def test_hashed_plates_and_what_is_gone_are_not_shown_and_it_is_said_why(served: Served, drive: Path) -> None:
    (hashed,) = sighted(served.database_url, drive, [1.0], JobOptions(hashed=True, evidence=False))
    with person(served, Scope.SEARCH) as client:
        page = client.get(f"/videos/{video_of(served, hashed)}").text
        assert "<dash-player" not in page
        assert "/pictures/" not in page
        assert "stored as keyed hashes" in page
        assert client.get(f"/videos/{video_of(served, hashed)}/boxes").json()["sightings"] == []
        refused = client.get(f"/v1/videos/{video_of(served, hashed)}/file")
        assert (refused.status_code, "keyed hashes" in refused.text) == (409, True)


def test_a_video_that_goes_on_is_followed_and_its_end_shows_the_page_anew(served: Served, drive: Path) -> None:
    (number,) = sighted(served.database_url, drive, [1.0])
    video = video_of(served, number)
    with person(served, Scope.SEARCH) as client:
        assert f'hx-get="/videos/{video}/state"' in client.get(f"/videos/{video}").text
        part = client.get(f"/videos/{video}/state", headers={"HX-Request": "true"})
        assert "hx-refresh" not in part.headers
        change(served, video, state=VideoState.UNREADABLE)
        part = client.get(f"/videos/{video}/state", headers={"HX-Request": "true"})
        assert part.headers["hx-refresh"] == "true"


def test_a_photograph_is_a_picture(served: Served) -> None:
    (still,) = sighted(served.database_url, photo(served.folder), [0.0])
    video = video_of(served, still)
    with person(served, Scope.SEARCH) as client:
        assert 'data-kind="picture"' in client.get(f"/videos/{video}").text
        sent = client.get(f"/v1/videos/{video}/file")
        assert (sent.status_code, sent.headers["content-type"]) == (200, "image/jpeg")


def test_the_file_is_sent_in_ranges_where_a_browser_plays_it(served: Served, drive: Path) -> None:
    (number,) = sighted(served.database_url, drive, [1.0])
    address = f"/v1/videos/{video_of(served, number)}/file"
    data = drive.read_bytes()
    with served.client(Scope.SEARCH) as client:
        whole = client.get(address)
        assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "video/mp4", data)
        part = client.get(address, headers={"Range": "bytes=100-"})
        assert (part.status_code, part.content) == (206, data[100:])
        assert part.headers["content-range"] == f"bytes 100-{len(data) - 1}/{len(data)}"
        assert client.get(address, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
        assert served.last_audited("file")[1] == f"video {video_of(served, number)}"
        drive.write_bytes(data[:-10])
        replaced = client.get(address)
        assert (replaced.status_code, "is not the file" in replaced.json()["detail"]) == (409, True)
        drive.unlink()
        assert client.get(address).status_code == 404


def test_what_lies_outside_the_roots_is_not_sent(served: Served, drive: Path) -> None:
    outside = Path(shutil.copy(drive, served.folder.parent / "outside.mp4"))
    (number,) = sighted(served.database_url, outside, [1.0])
    with served.client(Scope.SEARCH) as client:
        answer = client.get(f"/v1/videos/{video_of(served, number)}/file")
    assert (answer.status_code, "outside the folders" in answer.json()["detail"]) == (409, True)


def test_seconds_of_any_video_are_cut(served: Served) -> None:
    stream = write_clip(served.folder / "drive.ts", replace(SMALL, seconds=6))
    (number,) = sighted(served.database_url, stream, [1.0])
    video = video_of(served, number)

    def piece(client: httpx.Client, since: float, until: float) -> httpx.Response:
        return client.get(f"/v1/videos/{video}/clip", params={"from": since, "to": until})

    with person(served, Scope.SEARCH) as someone:
        assert 'data-kind="pieces"' in someone.get(f"/videos/{video}").text
    with served.client(Scope.SEARCH) as client:
        refused = client.get(f"/v1/videos/{video}/file")
        assert (refused.status_code, "Ask for clips" in refused.json()["detail"]) == (409, True)
        cut = piece(client, 2.01, 3)
        assert (cut.status_code, cut.headers["content-type"]) == (200, "video/mp4"), cut.text
        first_s = float(cut.headers["x-first-second"])
        assert 2.01 <= first_s < 2.01 + 2 / SMALL.fps
        assert served.last_audited("clip")[1] == f"video {video}"
        assert piece(client, 100, 110).status_code == 409
        for since, until in ((0, 20.5), (3, 3), (5, 2)):
            assert piece(client, since, until).status_code == 409
