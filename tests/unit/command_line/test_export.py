"""What leaves Dashplate: one row per plate and video, the columns users build on, JSON that others can parse."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from dashplate.export import PlateRow, plain, to_csv, to_json, to_json_lines, unique_plates
from dashplate.show import videos_table
from output.files import json_text

#: What spreadsheets and scripts of users rely on; more may follow.
PROMISED = "video,plate,country,confidence,first_seen_s,last_seen_s,reads,best_frame_s,x1,y1,x2,y2,crop"


def sighting(plate: str, first_s: float = 1.0, **changes: Any) -> Any:
    row = {
        "video_id": 1, "video": "a.mp4", "plate": plate, "shown": plate, "country": "GB", "confidence": 0.91234,
        "confirmed": True, "reads": 3, "first_s": first_s, "last_s": first_s + 2, "best_s": first_s + 1,
        "x1": 10.4, "y1": 20.6, "x2": 90.2, "y2": 40.0, "crop": "crops/1.png", "frame": "frames/1.jpg",
        "alternatives": [{"text": "AB12CD3", "confidence": 0.04}],
        "read_as": "AB12CDE", "corrected": None, "corrected_by": None, "corrected_at": None, "recorded_at": None,
        "recorded_from": None, "first_seen_at": None, "last_seen_at": None, "clock_from": None, "clock_zone": None,
        "clock_error_s": None, "lat": None, "lon": None, "bearing_deg": None, "speed_mps": None, "place_error_m": None,
        "movement": None, "drive": None, "passing": 1, "camera": None, "country_confidence": None,
        "place": None,
    }  # fmt: skip
    return row | changes


def located(name: str) -> str:
    """As a store in object storage names its files."""
    return f"s3://bucket/{name}"


def parsed(rows: Iterable[PlateRow]) -> list[dict[str, str]]:
    return list(csv.DictReader(to_csv(rows)))


def test_the_columns_begin_as_promised() -> None:
    assert next(to_csv([])).startswith(PROMISED)


def test_a_plate_that_passes_twice_is_one_row_of_its_video() -> None:
    files = {"crop": "crops/2.png", "frame": "frames/2.jpg"}
    found = unique_plates(
        [
            sighting("AB12CDE", 1.0, confidence=0.7, best_s=1.5, reads=2, confirmed=False),
            sighting("XY34ZZZ", 5.0),
            sighting("AB12CDE", 50.0, confidence=0.9, best_s=51.0, x1=300.0, reads=4, **files),
            sighting("AB12CDE", 3.0, video_id=2, video="b.mp4"),
        ],
        located,
    )
    rows = list(found)
    assert [(row.video, row.plate) for row in rows] == [
        ("a.mp4", "AB12CDE"), ("a.mp4", "XY34ZZZ"), ("b.mp4", "AB12CDE"),
    ]  # fmt: skip
    twice = rows[0]
    assert (twice.first_seen_s, twice.last_seen_s, twice.reads, twice.sightings) == (1.0, 52.0, 6, 2)
    assert (twice.confidence, twice.best_frame_s, twice.x1, twice.crop) == (0.9, 51.0, 300, "s3://bucket/crops/2.png")
    assert twice.frame == "s3://bucket/frames/2.jpg", "of the surest, as the crop"
    assert twice.confirmed


def test_a_persons_reading_stands_beside_the_machines() -> None:
    """The newest of a plate's passings; what is no plate is told apart from what nobody has looked at."""
    noon, one = (datetime(2026, 11, 30, hour, tzinfo=UTC) for hour in (12, 13))
    said = {"corrected": "AB12CDF", "corrected_by": "ada", "corrected_at": noon}
    rows = parsed(
        unique_plates(
            [
                sighting("AB12CDE", 1.0, **said),
                sighting("AB12CDE", 50.0, **said | {"corrected": "AB12CDG", "corrected_at": one}, confidence=0.1),
                sighting("SALE", 60.0, corrected="", corrected_by="token web", corrected_at=noon),
                sighting("XY34ZZZ", 70.0),
            ],
            located,
        )
    )
    assert [(row["plate"], row["corrected"], row["corrected_by"], row["corrected_at"]) for row in rows] == [
        ("AB12CDE", "AB12CDG", "ada", one.isoformat()),
        ("SALE", "", "token web", noon.isoformat()),
        ("XY34ZZZ", "", "", ""),
    ]
    assert rows[0]["confidence"] == "0.9123", "of the surest sighting, as before"


def test_a_row_says_when_its_frame_was_recorded() -> None:
    there = datetime(2026, 11, 30, 13, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    rows = parsed(
        unique_plates(
            [
                sighting("AB12CDE", 1.0, recorded_at=there, recorded_from="container", clock_zone="+05:30"),
                sighting("AB12CDE", 50.0, recorded_at=there + timedelta(seconds=49), confidence=0.1),
                sighting("XY34ZZZ", 70.0),
            ],
            located,
        )
    )
    assert [(row["recorded_at"], row["recorded_from"]) for row in rows] == [
        ("2026-11-30T08:00:00+00:00", "container"), ("", ""),
    ]  # fmt: skip


def test_a_row_names_the_region_where_its_form_does() -> None:
    rows = parsed(
        unique_plates(
            [
                sighting("7ABC123", 1.0, country="US", read_as="7ABC123"),
                sighting("ABC1234", 9.0, country="US", read_as="ABC1234"),
                sighting("7ABC124", 20.0, country=None, read_as="7ABC124"),
            ],
            located,
        )
    )
    assert [row["region"] for row in rows] == ["California:0.995", "", ""]


def test_a_row_survives_the_csv() -> None:
    video = 'a, "quoted" name\u00e9.mp4'
    (row,) = parsed(unique_plates([sighting("AB12CDE", video=video, country=None, crop=None, frame=None)], located))
    assert row["video"] == video
    assert (row["country"], row["crop"], row["frame"]) == ("", "", "")
    assert [row[name] for name in ("confidence", "x1", "y1", "x2", "y2")] == ["0.9123", "10", "21", "90", "40"]
    assert row["alternatives"] == "AB12CD3:0.040"


def test_json_lines_are_one_object_a_plate() -> None:
    rows = unique_plates([sighting("AB12CDE"), sighting("粤B12345", 9.0)], located)
    lines = to_json_lines(rows)
    assert [json.loads(line)["plate"] for line in lines] == ["AB12CDE", "粤B12345"]


def test_the_whole_job_is_json_that_says_when_and_how_much() -> None:
    when = datetime(2026, 3, 1, 12, tzinfo=UTC)
    job: Any = {"job": 1, "created_at": when, "footage_s": Decimal("18.5"), "finished_at": None}
    video: Any = {"path": "a.mp4", "state": "truncated", "problem": "a.mp4 is cut off.", "frame_rate": 29.97}
    whole = json.loads("".join(to_json(job, [video], unique_plates([sighting("AB12CDE")], located))))
    assert whole["job"] == {"job": 1, "created_at": when.isoformat(), "footage_s": 18.5, "finished_at": None}
    assert whole["videos"] == [video]
    assert whole["plates"][0]["plate"] == "AB12CDE"


def test_a_job_is_written_as_if_it_were_written_whole() -> None:
    """Piece by piece, byte for byte: with and without videos and plates, and with names that hold anything."""
    job: Any = {"job": 1, "name": "a\nb \u202e \x1b[2J", "overlays": []}
    videos: list[Any] = [{"path": "a.mp4", "overlays": [[0.0, 1.0], [2, 3]]}, {"path": "\ud800\n.mp4", "overlays": {}}]
    sightings = [sighting("粤B12345", video_id=number, video=f"{number}\t.mp4") for number in range(3)]
    for files, found in ((videos, sightings), ([], []), (videos[:1], [])):
        rows = list(unique_plates(found, located))
        whole = {"job": plain(job), "videos": [plain(v) for v in files], "plates": [asdict(row) for row in rows]}
        assert "".join(to_json(job, files, rows)) == json_text(whole, indent=2) + "\n"


def test_places_that_were_not_looked_at_are_shown_beside_what_is_wrong() -> None:
    video: Any = {
        "path": "a.mp4", "state": "truncated", "problem": "a.mp4 is cut off.", "duration_s": 60.0, "plates": 2,
        "segments": 7, "segments_ended": 7, "overlays": [[0.0, 675.0, 298.75, 711.0], [994, 675, 1280, 711]],
    }  # fmt: skip
    remark = "Ignored, text on screen: 0,675–299,711; 994,675–1280,711."
    assert list(videos_table([video]).columns[-1].cells) == [f"a.mp4 is cut off. {remark}"]
    bare = video | {"problem": None, "overlays": None}
    assert list(videos_table([bare]).columns[-1].cells) == [""]


def test_states_are_told_as_their_words() -> None:
    from db.states import VideoState

    row: Any = {"state": VideoState.DONE}
    assert json.dumps(plain(row)) == '{"state": "done"}'
