"""Other programs' clients, byte for byte: what they send is understood, what they read is there."""

from __future__ import annotations

import base64
import datetime as dt
from pathlib import Path

import cv2
import numpy as np
import pytest

from db.access.tokens import Scope
from tests.conftest import SHARED_DATA
from tests.support.service import Served


@pytest.fixture(scope="module")
def picture(shared_data: Path) -> bytes:
    return (SHARED_DATA / "hongkong" / "GV5679.png").read_bytes()


def test_the_succeeded_service(served: Served, picture: bytes) -> None:
    with served.client(Scope.READ) as client:
        told = client.post("/", files={"file": ("car.png", picture, "image/png")}).json()
    assert set(told) == {"detections", "output_image"}
    (found,) = told["detections"]
    assert set(found) == {"bb_confidence", "bounding_box", "ocr_pred"}
    assert found["ocr_pred"] == "GV5679"
    x, y, width, height = found["bounding_box"]
    assert x >= 0
    assert y >= 0
    assert width > 4 * height > 0
    assert cv2.imdecode(np.frombuffer(base64.b64decode(told["output_image"]), np.uint8), cv2.IMREAD_COLOR) is not None


@pytest.mark.parametrize("slash", ["", "/"])
def test_plate_recognizer_snapshot(served: Served, picture: bytes, slash: str) -> None:
    sent = {"regions": ["hk", "xx-yy"], "camera_id": "gate-1", "timestamp": "2026-11-29T10:00:00Z", "mmc": "true",
            "config": '{"region":"strict"}'}  # fmt: skip
    headers = {"Authorization": f"Token {served.token(Scope.READ)}"}
    with served.client() as client:
        file = {"upload": ("car.jpg", picture)}
        answer = client.post(f"/v1/plate-reader{slash}", data=sent, files=file, headers=headers)
        assert answer.status_code == 201, answer.text
        told = answer.json()
        assert (told["filename"], told["camera_id"], told["timestamp"]) == ("car.jpg", "gate-1", sent["timestamp"])
        (plate,) = told["results"]
        assert plate["plate"] == "gv5679"
        assert plate["region"]["code"] == "hk"
        assert 0.7 <= plate["region"]["score"] <= 1
        assert set(plate["box"]) == {"xmin", "ymin", "xmax", "ymax"}
        assert plate["candidates"][0] == {"score": plate["score"], "plate": "gv5679"}
        # Clients read these without asking whether they are there; an empty list would break one of them.
        assert plate["vehicle"]["type"]
        assert "model_make" not in plate
        before = told["usage"]["calls"]
        assert told["usage"]["max_calls"] > before > 0
        usage = client.get(f"/v1/statistics{slash}", headers=headers).json()["usage"]
    now = dt.datetime.now(dt.UTC)
    assert (usage["calls"], usage["month"], usage["year"]) == (before, now.month, now.year)
    assert dt.datetime.fromisoformat(usage["resets_on"]) > now


def test_plate_recognizer_takes_base64_and_no_private_address(served: Served, picture: bytes) -> None:
    """As `requests` sends them without a file: a form that is no multipart."""
    with served.client(Scope.READ) as client:
        for encoded in (
            base64.b64encode(picture),
            base64.encodebytes(picture),
            b"data:image/png;base64," + base64.b64encode(picture),
        ):
            told = client.post("/v1/plate-reader/", data={"upload": encoded.decode()}).json()
            assert [plate["plate"] for plate in told["results"]] == ["gv5679"]
        for url, sentence in (
            (f"{served.url}/healthz", "outside the addresses that may be read"),
            (f"file://{served.folder}/x.jpg", "is an http:// or https:// address"),
            ("s3://bucket/x.jpg", "is an http:// or https:// address"),
            ("no address", "is an http:// or https:// address"),
        ):
            inside = client.post("/v1/plate-reader/", data={"upload": "", "upload_url": url})
            assert inside.status_code == 422
            assert sentence in inside.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/vision/alpr", "/v1/image/alpr"])
def test_codeproject(served: Served, picture: bytes, path: str) -> None:
    with served.client(Scope.READ) as client:
        told = client.post(path, files={"upload": ("car.png", picture)}).json()
        assert told["success"] is True
        assert (told["message"], told["count"]) == ("Found Plate: GV5679", 1)
        (plate,) = told["predictions"]
        assert (plate["label"], plate["plate"]) == ("Plate: GV5679", "GV5679")
        assert plate["x_max"] > plate["x_min"]
        assert dt.datetime.strptime(told["timestampUTC"], "%a, %d %b %Y %H:%M:%S GMT")
        empty = cv2.imencode(".png", np.full((480, 640, 3), 90, np.uint8))[1].tobytes()
        none = client.post(path, files={"upload": ("road.png", empty)}).json()
        assert (none["success"], none["predictions"], none["message"]) == (True, [], "No plates found")
        failed = client.post(path, files={"upload": ("note.txt", b"no picture")})
    assert failed.status_code == 200
    assert failed.json()["success"] is False
    assert "is no photograph" in failed.json()["error"]
