"""The words of other programs, as a receiver gets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from email import message_from_bytes
from email.policy import HTTP
from urllib.parse import parse_qs

import cv2
import numpy as np
import pytest
from sqlalchemy import text

from dashplate.delivery.receivers import wanted_events
from db.engine import session
from db.states import EndpointFormat, EventKind
from pipeline.errors import UsageError
from store import Store
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
