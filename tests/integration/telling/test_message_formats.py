"""The words of other programs, as a receiver gets them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import HTTP
from types import SimpleNamespace
from urllib.parse import parse_qs

import cv2
import numpy as np
import pytest
from sqlalchemy import text

from dashplate.delivery import foreign
from dashplate.delivery.receivers import wanted_events
from db.engine import session
from db.states import EndpointFormat, EventKind
from pipeline.errors import UsageError
from store import Store
from tests.support.database import run_sql
from tests.support.telling import Telling, a_video
from tests.support.webhook_receiver import Receiver


@pytest.mark.parametrize("with_picture", [True, False])
def test_plate_recognizers_stream_is_spoken(
    telling: Telling, receivers: Callable[[], Receiver], with_picture: bool
) -> None:
    receiver = receivers()
    telling.add(receiver, "gate", format=EndpointFormat.PLATERECOGNIZER)
    _, video = a_video(telling.url, "AA11")
    if with_picture:
        kept = Store(str(telling.log.parent / "store"))
        file = kept.put_image(f"frames/1/{video}/1/2000.jpg", np.zeros((40, 60, 3), np.uint8))
        with session(telling.url) as db:
            add = text(
                "INSERT INTO frames (video_id, pts, name, sha256, size) VALUES (:video, 1000, :name, :sha, :size)"
            )
            db.execute(add, {"video": video, "name": file.name, "sha": file.sha256, "size": file.size})
    telling.start()
    telling.told(1)
    (asked,) = receiver.asked
    if with_picture:
        head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
        form = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in message_from_bytes(head + asked.body, policy=HTTP).iter_parts()  # type: ignore[attr-defined]
        }
        assert cv2.imdecode(np.frombuffer(form["upload"], np.uint8), cv2.IMREAD_COLOR).shape == (40, 60, 3)
        said = form["json"]
    else:
        assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
        said = parse_qs(asked.body.decode())["json"][0]
    about = json.loads(said)
    (result,) = about["data"]["results"]
    assert (about["hook"]["event"], about["data"]["camera_id"], result["plate"]) == ("recognition", "gate", "aa11")
    assert set(result) >= {"box", "score", "dscore", "region", "candidates", "vehicle", "position_sec", "source_url"}
    assert about["data"]["timestamp"].endswith("Z")


def test_openalprs_groups_are_spoken(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.add(receiver, "gate", format=EndpointFormat.OPENALPR)
    a_video(telling.url, "AA11")
    telling.start()
    telling.told(1)
    (group,) = receiver.said.values()
    assert (group["data_type"], group["best_plate_number"], group["best_plate"]["plate"]) == (
        "alpr_group",
        "AA11",
        "AA11",
    )
    assert group["epoch_end"] - group["epoch_start"] == 2000
    assert len(group["best_plate"]["coordinates"]) == 4
    with pytest.raises(UsageError, match="no words"):
        wanted_events(EndpointFormat.OPENALPR, [EventKind.JOB])


def test_other_programs_hear_where_and_when_it_was(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    """The camera's place, the moment on the clock of the place; -1 where nobody knows the place."""
    groups, streams = receivers(), receivers()
    telling.add(groups, "groups", format=EndpointFormat.OPENALPR)
    telling.add(streams, "streams", format=EndpointFormat.PLATERECOGNIZER)
    _, video = a_video(telling.url, "AA11", "BB22")
    run_sql(
        telling.url,
        "UPDATE videos SET recorded_at = '2026-10-25 10:00:00Z', recorded_from = 'gps', clock_zone = '+05:30' "
        "WHERE id = :video",
        video=video,
    )
    run_sql(telling.url, "UPDATE sightings SET lat = 12.9716, lon = 77.5946 WHERE video_id = :video AND text = 'AA11'",
            video=video)  # fmt: skip
    telling.start()
    telling.told(4)
    told = {group["best_plate_number"]: group for group in groups.said.values()}
    places = {plate: (group["gps_latitude"], group["gps_longitude"]) for plate, group in told.items()}
    assert places == {"AA11": (12.9716, 77.5946), "BB22": (-1, -1)}
    begins = datetime(2026, 10, 25, 10, tzinfo=UTC).timestamp()
    assert 1000 * begins <= told["AA11"]["epoch_start"] < told["AA11"]["epoch_end"] <= 1000 * (begins + 10)
    data = [json.loads(parse_qs(asked.body.decode())["json"][0])["data"] for asked in streams.asked]
    assert {one["timestamp_local"][:14] + one["timestamp_local"][-6:] for one in data} == {"2026-10-25T15:+05:30"}
    assert {one["timestamp"][:14] for one in data} == {"2026-10-25T10:"}


def test_a_local_time_of_no_known_zone_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """However the machine's own clock is set."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    at = datetime(2026, 10, 25, 10, tzinfo=UTC)
    told = SimpleNamespace(seen={"clock_zone": None, "recorded_at": at}, moment=at)
    try:
        assert foreign._local(told).isoformat() == "2026-10-25T10:00:00"  # type: ignore[arg-type]
        told.seen["recorded_at"] = None
        assert foreign._local(told).isoformat() == "2026-10-25T19:00:00+09:00"  # type: ignore[arg-type]
    finally:
        monkeypatch.undo()
        time.tzset()
