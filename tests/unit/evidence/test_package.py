"""Evidence packages: other programs open them, and their pages say what is known."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2
import pytest

from dashplate.evidence.case import Original
from dashplate.evidence.clocks import told_by
from dashplate.evidence.package import MANIFEST, PUBLIC_KEY, SIGNATURE
from dashplate.evidence.page import printed
from dashplate.evidence.signing import Signer, short
from dashplate.evidence.verify import verify
from pipeline.records import RecordedFrom
from store import Store
from tests.conftest import missing
from tests.support.evidence_package import FRAME, NOW, PLATE, exhibit, flat, text_of


@pytest.mark.parametrize("source", [None, *RecordedFrom])
def test_every_clock_has_its_sentence(source: RecordedFrom | None, pack: Callable[..., Path], store: Store) -> None:
    at = None if source is None else NOW
    package = pack(exhibit(store, 7, recorded_at=at, recording_began_at=at, recorded_from=source and source.value))
    (page,) = text_of(package)
    facts = first_facts(package)
    sentence = facts["video"]["recording_time"]
    assert sentence.endswith(".")
    assert flat(sentence) in flat(page), "the font has all its letters"
    if source is not None:
        # A zone that nobody knows is not taken for UTC.
        assert "camera’s local time, zone not known" in page
        assert facts["recorded_at"] == facts["video"]["recording_began_at"] == "2026-11-30T12:00:00"
        assert "2026-11-30 12:00:00 (camera’s local" in page


def test_every_clock_says_something_else() -> None:
    assert len({told_by(source) for source in (None, *RecordedFrom)}) == len(RecordedFrom) + 1
    assert "clock on screen" in told_by(RecordedFrom.OVERLAY)


def test_time_and_place_are_told_with_what_they_are_worth(pack: Callable[..., Path], store: Store) -> None:
    others = [{"at": "2026-11-30T17:31:00", "from": "filename", "error_s": 1.0}]
    clock = {"recorded_from": "gps", "clock_zone": "+05:30", "clock_error_s": 0.5, "clock_others": others}
    place = {"lat": 12.971598, "lon": 77.594566, "place_error_m": 5.4, "place": "depot", "movement": "oncoming"}
    package = pack(exhibit(store, 7, recorded_at=NOW, recording_began_at=NOW, **clock, **place))
    facts = first_facts(package)
    assert facts["recorded_at"] == facts["video"]["recording_began_at"] == "2026-11-30T17:30:00+05:30"
    told = [facts["video"][name] for name in ("clock_zone", "clock_error_s", "other_clocks")]
    assert told == ["+05:30", 0.5, others]
    assert facts["place"] == {
        "lat": 12.971598, "lon": 77.594566, "place_error_m": 5.4, "bearing_deg": None, "speed_mps": None,
        "named": "depot",
    }  # fmt: skip
    assert facts["movement"] == "oncoming"
    (page,) = text_of(package)
    assert "2026-11-30 17:30:00 UTC+05:30, give or take 0.5 s." in page
    assert "latitude 12.971598, longitude 77.594566 (WGS 84), give or take 5 m; in depot" in page


def test_a_place_that_nobody_knows_is_said_to_be_unknown(pack: Callable[..., Path], store: Store) -> None:
    package = pack(exhibit(store, 7))
    assert first_facts(package)["place"] is None
    assert "no track of the camera tells it" in text_of(package)[0]


def test_a_package_holds_everything_and_its_manifest_lists_it(
    pack: Callable[..., Path], store: Store, key: Signer
) -> None:
    package = pack(exhibit(store, 7), exhibit(store, 9, "AB12CDE"))
    with zipfile.ZipFile(package) as file:
        assert file.testzip() is None
        names = set(file.namelist())
        manifest = json.loads(file.read(MANIFEST))
        facts = json.loads(file.read("sightings.json"))
        for one in manifest["files"]:
            data = file.read(one["name"])
            assert (len(data), hashlib.sha256(data).hexdigest()) == (one["size"], one["sha256"])
        assert file.read("sighting-7/frame.jpg") == store.get("frames/1/1/7.jpg"), "pictures are what was stored"
    pictures = {f"sighting-{n}/{name}" for n in (7, 9) for name in ("frame.jpg", "crop-0-3-0.png", "crop-0-3-1.png")}
    assert {one["name"] for one in manifest["files"]} == {*pictures, "sightings.json", "evidence.pdf", "README.txt"}
    assert names == {one["name"] for one in manifest["files"]} | {MANIFEST, SIGNATURE, PUBLIC_KEY}
    assert (manifest["made_by"], manifest["made_at"], manifest["signed_with"]) == (
        "somebody",
        NOW.isoformat(),
        key.public,
    )
    assert manifest["originals"] == [{"path": "/videos/卡/trip.mp4", "sha256": "ab" * 32, "size": 123_456}]
    (first, _) = facts
    assert (first["plate"], first["runners_up"][0]["text"]) == (PLATE, "粤Z1Z34港")
    assert first["models"]["detector"]["sha256"]
    assert first["models"]["packages"]["av"]
    assert {one["file"] for one in first["tracklets"][0]["crops"]} <= pictures


def test_other_programs_open_it(pack: Callable[..., Path], store: Store, tmp_path: Path) -> None:
    for program in ("unzip", "openssl"):
        if shutil.which(program) is None:
            missing(f"there is no {program} here")
    package = pack(exhibit(store, 7))
    subprocess.run(["unzip", "-t", "-q", package], check=True)
    folder = tmp_path / "unzipped"
    subprocess.run(["unzip", "-q", package, "-d", folder], check=True)
    words = [
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "public-key.pem",
        "-rawin",
        "-in",
        "manifest.json",
        "-sigfile",
        "manifest.sig",
    ]
    assert " ".join(words) in (folder / "README.txt").read_text(), "as the package itself says"
    subprocess.run(["openssl", *words], cwd=folder, check=True)
    (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes() + b" ")
    assert subprocess.run(["openssl", *words], cwd=folder, capture_output=True).returncode != 0


def test_a_page_says_what_and_how_in_words_that_can_be_searched(
    pack: Callable[..., Path], store: Store, key: Signer
) -> None:
    pages = text_of(pack(exhibit(store, 7), exhibit(store, 9, "AB12CDE")))
    assert len(pages) == 2
    first, second = pages
    for words in (PLATE, "Sighting 7", "97.0% sure", "粤Z1Z34港 2.0%", "ab" * 32, "somebody", "plate-reader", "a tour"):
        assert words in first, words
    assert "AB12CDE" in second
    assert short(key.public) in " ".join(first.split())
    # What the font has not is spelled out, and nothing is lost.
    assert r"/videos/\u5361/trip.mp4" in first
    assert printed("Škoda Ђ 粤 → 卡") == r"Škoda Ђ 粤 → \u5361"


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (3840, 2160), (64, 48)])
def test_the_plate_is_framed_where_it_is_whatever_the_pictures_shape(
    pack: Callable[..., Path], store: Store, size: tuple[int, int]
) -> None:
    one = exhibit(store, 7, size=size)
    width, height = size
    box = {"x1": width / 2, "y1": height / 2, "x2": width / 2 + width / 8, "y2": height / 2 + height / 24}
    one.kept.row.update(box)  # type: ignore[attr-defined]
    with zipfile.ZipFile(pack(one)) as file:
        page = pypdfium2.PdfDocument(file.read("evidence.pdf"))[0].render(scale=3).to_numpy()
    red = cv2.inRange(page[:, :, :3], (0, 0, 180), (90, 90, 255)) > 0
    blue = cv2.inRange(page[:, :, :3], tuple(c - 12 for c in FRAME), tuple(c + 12 for c in FRAME)) > 0
    rows, columns = (np.flatnonzero(blue.mean(axis=axis) > 0.02) for axis in (1, 0))
    red_rows, red_columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    middle = (red_columns[0] + red_columns[-1]) / 2, (red_rows[0] + red_rows[-1]) / 2
    across = (middle[0] - columns[0]) / (columns[-1] - columns[0])
    down = (middle[1] - rows[0]) / (rows[-1] - rows[0])
    assert (across, down) == pytest.approx((0.5 + 1 / 16, 0.5 + 1 / 48), abs=0.03)


def test_what_is_not_there_is_told_and_the_rest_is_packed(pack: Callable[..., Path], store: Store) -> None:
    one = exhibit(store, 7)
    store.remove("frames/1/1/7.jpg")
    store.put("crops/1/1/7-1.png", b"something else")
    one.original = Original(problem="trip.mp4 is not there.")
    package = pack(one)
    assert verify(package).wrong == ()
    with zipfile.ZipFile(package) as file:
        (facts,) = json.loads(file.read("sightings.json"))
        assert "sighting-7/crop-0-3-1.png" not in file.namelist(), "a damaged picture is no evidence"
    assert {one["what"] for one in facts["left_out"]} == {"sighting-7/frame.jpg", "sighting-7/crop-0-3-1.png"}
    assert [one["file"] for one in facts["tracklets"][0]["crops"]] == ["sighting-7/crop-0-3-0.png"]
    assert facts["frame"] is None
    (page,) = text_of(package)
    assert "not hashed: trip.mp4 is not there." in page
    assert "Left out" in page


def test_many_things_left_out_stay_on_the_page(pack: Callable[..., Path], store: Store) -> None:
    one = exhibit(store, 7)
    one.left_out = [(f"thing {number}", "It is not there, " * 12) for number in range(40)]
    (page,) = text_of(pack(one))
    assert "More stands in sightings.json" in page
    assert "Made by somebody" in page


def first_facts(package: Path) -> dict[str, Any]:
    with zipfile.ZipFile(package) as file:
        told: dict[str, Any] = json.loads(file.read("sightings.json"))[0]
    return told


def test_what_a_person_reads_stands_beside_what_the_machine_reads(pack: Callable[..., Path], store: Store) -> None:
    said = {"corrected": "AB12CDF", "corrected_by": "ada", "corrected_at": NOW, "correction_note": "x" * 1000}
    package = pack(exhibit(store, 7, "AB12CDE", **said))
    told = first_facts(package)
    assert (told["plate"], told["read_as"]) == ("AB12CDE", "AB12CDE")
    assert told["correction"] == {
        "plate": "AB12CDF", "is_plate": True, "by": "ada", "at": NOW.isoformat(), "note": "x" * 1000,
    }  # fmt: skip
    (page,) = text_of(package)
    assert "The machine reads AB12CDE; a person reads AB12CDF." in page
    assert "ada at 2026-11-30 12:00:00 UTC" in page
    assert "The original video" in page, "a long note leaves room for the rest"


def test_what_a_person_says_is_no_plate_is_told(pack: Callable[..., Path], store: Store) -> None:
    package = pack(exhibit(store, 7, "SALE", corrected="", corrected_by="ada", corrected_at=NOW))
    said = first_facts(package)["correction"]
    assert (said["plate"], said["is_plate"]) == (None, False)
    assert "a person says that it is no plate" in text_of(package)[0]
    assert first_facts(pack(exhibit(store, 8)))["correction"] is None


def test_a_page_says_when_it_was_recorded_and_who_says_so(pack: Callable[..., Path], store: Store) -> None:
    began, seen = NOW - dt.timedelta(hours=1), NOW - dt.timedelta(hours=1) + dt.timedelta(seconds=2)
    times = {"recorded_at": seen, "recording_began_at": began}
    package = pack(exhibit(store, 7, recorded_from="container", clock_zone="UTC", **times))
    told = first_facts(package)
    assert (told["recorded_at"], told["video"]["recording_began_at"]) == (seen.isoformat(), began.isoformat())
    assert told["video"]["recorded_from"] == "container"
    page = " ".join(text_of(package)[0].split())
    assert "2026-11-30 11:00:02 UTC. The video’s container names the time" in page
    page = " ".join(text_of(pack(exhibit(store, 7, recorded_from="file", **times)))[0].split())
    assert "The file names no time." in page
    package = pack(exhibit(store, 8))
    assert first_facts(package)["recorded_at"] is None
    assert "unknown. Nothing says when it was recorded." in text_of(package)[0]
