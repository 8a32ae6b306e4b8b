"""Sightings with pictures in a store, as evidence packages hold them; and what a package says."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2

from dashplate.evidence.case import Exhibit, Original
from db.findings.evidence import SightingKept, TrackletKept
from output.files import jpeg_bytes, png_bytes
from pipeline.job_options import JobOptions
from pipeline.video.clip import ClipRequest
from store import Store

NOW = dt.datetime(2026, 11, 30, 12, 0, 0, tzinfo=dt.UTC)
PLATE = "粤Z1234港"
#: BGR, which nothing else on a page has.
FRAME = (200, 120, 40)


def observation(pts: int) -> dict[str, Any]:
    return {"pts": pts, "time_s": pts / 1000, "box": [500.0, 300.0, 620.0, 330.0], "confidence": 0.9}


def exhibit(
    store: Store, number: int, plate: str = PLATE, size: tuple[int, int] = (1280, 720), **changes: Any
) -> Exhibit:
    """A sighting with a frame and two crops in the store, as its rows tell of it."""
    width, height = size
    frame = store.put(f"frames/1/1/{number}.jpg", jpeg_bytes(np.full((height, width, 3), FRAME, np.uint8)))
    crops = [
        store.put(f"crops/1/1/{number}-{rank}.png", png_bytes(np.full((40, 150, 3), rank, np.uint8))) for rank in (0, 1)
    ]
    characters = [{"char": char, "confidence": 0.98} for char in plate]
    reading = {
        "id": number, "segment": 0, "tracklet": 3, "first": observation(1000), "last": observation(3000), "seen": 21,
        "text": plate, "confidence": 0.97, "characters": characters, "alternatives": [], "country": "CN", "reads": 2,
        "crops_read": 2, "best_crop": 0,
    }  # fmt: skip
    pictures = [
        {"rank": rank, "observation": observation(2000 + rank), "plate": [10, 5, 140, 35], "quality": 0.8,
         "name": one.name, "sha256": one.sha256}
        for rank, one in enumerate(crops)
    ]  # fmt: skip
    row = {
        "sighting": number, "plate": plate, "read_as": plate, "shown": plate, "country": "CN", "confidence": 0.97,
        "confirmed": True, "reads": 2, "characters": characters,
        "alternatives": [{"text": "粤Z1Z34港", "confidence": 0.02}], "job": 1, "job_name": "a tour", "video_id": 1,
        "video": "/videos/卡/trip.mp4", "first_s": 1.0, "best_s": 2.0, "last_s": 3.0, "first_pts": 1000,
        "best_pts": 2000, "last_pts": 3000, "x1": 500.0, "y1": 300.0, "x2": 620.0, "y2": 330.0, "processed_at": NOW,
        "submitted_at": NOW, "corrected": None, "corrected_by": None, "corrected_at": None, "correction_note": None,
        "recorded_at": None, "recorded_from": None, "recording_began_at": None,
        "clock_zone": None, "clock_error_s": None, "clock_others": None, "lat": None, "lon": None,
        "place_error_m": None, "bearing_deg": None, "speed_mps": None, "place": None, "movement": None, "camera": None,
        "tracklets": [[0, 3]], "options": {}, "kind": "video", "codec": "h264", "width": width, "height": height,
        "frame_rate": 30.0, "duration_s": 60.0, "content": "c", "fingerprint": "f", "frame": frame.name,
        "frame_pts": 2000, "frame_sha256": frame.sha256,
    }  # fmt: skip
    row |= changes
    made = Exhibit(SightingKept(row, JobOptions(), (TrackletKept(reading, pictures),)), None)  # type: ignore[arg-type]
    made.original = Original("ab" * 32, 123_456)
    return made


def uncut(wanted: ClipRequest) -> bytes:
    raise AssertionError(wanted)


def text_of(package: Path) -> list[str]:
    """The text of each page, as a PDF reader finds it."""
    with zipfile.ZipFile(package) as file:
        document = pypdfium2.PdfDocument(file.read("evidence.pdf"))
    return [page.get_textpage().get_text_bounded() for page in document]


def flat(text: str) -> str:
    """Without white space: lines of a page break anywhere."""
    return "".join(text.split())


def rewritten(package: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A copy with other contents."""
    with zipfile.ZipFile(package) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    change(contents)
    other = package.with_name("other.zip")
    with zipfile.ZipFile(other, "w") as file:
        for name, data in contents.items():
            file.writestr(name, data)
    return other
