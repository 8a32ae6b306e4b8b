"""`dashplate evidence`: what database and store hold goes into the package, on record; what is hidden does not."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line.in_process import Said, run_command
from tests.support.road import Road

SECRET = "fedcba9876543210" * 4


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return tmp_path / "new" / "case.zip"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPLATE_SIGNING_KEY", SECRET)
    monkeypatch.setenv("DASHPLATE_USER", "somebody")


def sightings(road: Road, job: int) -> list[Any]:
    return road.ask("SELECT * FROM plate_sightings WHERE job = :job ORDER BY sighting", job=job)


def facts(package: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(package) as file:
        found: list[dict[str, Any]] = json.loads(file.read("sightings.json"))
    return found


def verified(*words: object) -> Said:
    return run_command("evidence", "--verify", *words)


def test_all_sightings_of_a_plate_are_packaged_and_it_can_be_checked(road: Road, package: Path) -> None:
    job, _ = road.run("a.mp4")
    again, _ = road.run("b.mp4")
    (plate, *_) = {row["plate"] for row in sightings(road, job)}
    road.do("UPDATE sightings SET plate_id = (SELECT id FROM plates WHERE text = :p) WHERE id = :s",
            p=plate, s=sightings(road, again)[0]["sighting"])  # fmt: skip
    wanted = [row for row in sightings(road, job) + sightings(road, again) if row["plate"] == plate]
    assert len(wanted) > 1
    # As people type it.
    said = run_command("evidence", f"{plate[:2].lower()} {plate[2:]}", "--case", "a theft", "--to", package)
    assert said.code == 0, said.err
    assert f"{len(wanted)} sightings" in said.out
    found = facts(package)
    assert [one["sighting"] for one in found] == [row["sighting"] for row in wanted]
    for one, row in zip(found, wanted, strict=True):
        assert (one["plate"], one["job"]["id"], one["video"]["path"]) == (plate, row["job"], row["video"])
        assert one["video"]["sha256"] == hashlib.sha256(Path(row["video"]).read_bytes()).hexdigest()
        assert [crop["file"] for tracklet in one["tracklets"] for crop in tracklet["crops"]]
        assert [tracklet["reading"]["text"] for tracklet in one["tracklets"]]
        # A stand-in is no video.
        assert [left["what"] for left in one["left_out"]] == ["clip"]
    with zipfile.ZipFile(package) as file:
        for one, row in zip(found, wanted, strict=True):
            assert file.read(one["frame"]["file"]) == road.store.get(row["frame"])
            crops = {crop["file"] for tracklet in one["tracklets"] for crop in tracklet["crops"]}
            assert road.store.get(row["crop"]) in [file.read(name) for name in crops]
        assert json.loads(file.read("manifest.json"))["case"].startswith("a theft: ")
    entry = road.ask("SELECT who, query, rows FROM audit WHERE action = 'evidence'")
    assert [(row["who"], row["rows"]) for row in entry] == [("somebody", len(wanted))]
    told = verified(package)
    assert told.code == 0, told.out
    public = said.out.split()[-1]
    assert verified(package, "--public-key", public).code == 0
    assert verified(package, "--public-key", "0" * 64).code == 1


def test_sightings_are_named_by_number_and_pictures_that_are_gone_are_told(road: Road, package: Path) -> None:
    job, _ = road.run("a.mp4")
    row, *_ = sightings(road, job)
    road.store.remove(row["frame"])
    said = run_command("evidence", "--sighting", row["sighting"], "--no-clips", "--to", package)
    assert said.code == 0, said.err
    assert f"left out, sighting-{row['sighting']}/frame.jpg" in said.err
    (one,) = facts(package)
    assert one["frame"] is None
    assert verified(package).code == 0
    package.write_bytes(package.read_bytes().replace(b"\x89PNG", b"\x89PNH"))
    broken = verified(package)
    assert broken.code in (1, 2)


def test_a_plate_is_found_under_what_a_person_reads_and_under_the_machines(road: Road, package: Path) -> None:
    job, (video,) = road.run("a.mp4")
    began = dt.datetime(2026, 5, 1, 12, 0, 0, tzinfo=dt.UTC)
    road.do("UPDATE videos SET recorded_at = :at, recorded_from = 'file', clock_zone = '+00:00' WHERE id = :id",
            at=began, id=video)  # fmt: skip
    row, *_ = sightings(road, job)
    run_command("correct", row["sighting"], "XO12YIZ", "--note", "seen in the frame")
    # With O as 0, and I as 1.
    for wanted in ("x0 12 y1z", row["plate"]):
        said = run_command("evidence", wanted, "--no-clips", "--to", package)
        assert said.code == 0, said.err
        one = next(one for one in facts(package) if one["sighting"] == row["sighting"])
        assert one["plate"] == row["plate"]
        correction = one["correction"]
        assert (correction["plate"], correction["by"]) == ("XO12YIZ", "somebody")
        assert (correction["note"], correction["is_plate"]) == ("seen in the frame", True)
        assert dt.datetime.fromisoformat(correction["at"]).tzinfo is not None
        seen = dt.datetime.fromisoformat(one["recorded_at"]) - began
        assert seen.total_seconds() == pytest.approx(row["best_s"], abs=0.001)
        assert one["video"]["recorded_from"] == "file"


def test_a_clock_without_a_zone_and_a_place_stand_in_the_package(road: Road, package: Path) -> None:
    job, (video,) = road.run("a.mp4")
    road.do("UPDATE videos SET recorded_at = '2026-05-01 12:00Z', recorded_from = 'overlay', clock_zone = NULL,"
            " clock_error_s = 2, camera = 'front' WHERE id = :id", id=video)  # fmt: skip
    road.do("UPDATE sightings SET lat = 48.137, lon = 11.575, place_error_m = 6 WHERE video_id = :id", id=video)
    road.do("INSERT INTO places (name, lat, lon, radius_m) VALUES ('depot', 48.137, 11.575, 50)")
    row, *_ = sightings(road, job)
    said = run_command("evidence", "--sighting", row["sighting"], "--no-clips", "--to", package)
    assert said.code == 0, said.err
    (one,) = facts(package)
    assert one["recorded_at"].startswith("2026-05-01T12:00:")
    assert dt.datetime.fromisoformat(one["recorded_at"]).tzinfo is None
    video_told = one["video"]
    assert (video_told["recording_began_at"], video_told["clock_zone"]) == ("2026-05-01T12:00:00", None)
    assert (video_told["clock_error_s"], video_told["camera"]) == (2, "front")
    assert "clock on screen" in video_told["recording_time"]
    place = one["place"]
    assert (place["lat"], place["lon"], place["place_error_m"], place["named"]) == (48.137, 11.575, 6, "depot")


def test_without_a_key_only_a_package_that_says_so_is_written(
    road: Road, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = road.run("a.mp4")
    row, *_ = sightings(road, job)
    monkeypatch.delenv("DASHPLATE_SIGNING_KEY")
    words = ("evidence", "--sighting", row["sighting"], "--no-clips", "--to", package)
    run_command(*words).assert_refused("There is no key to sign with")
    assert not package.exists()
    assert run_command(*words, "--unsigned").code == 0
    told = verified(package)
    assert told.code == 1
    assert "not signed" in told.out


def test_what_is_not_there_or_hidden_is_refused(road: Road, package: Path, plate_key: None) -> None:
    job, _ = road.run("a.mp4", hashed=True)
    hidden, *_ = sightings(road, job)
    for words, sentence in (
        (("--sighting", hidden["sighting"]), "stored as a keyed hash"),
        ((hidden["plate"],), "stored as a keyed hash"),
        (("AB*",), "is no plate"),
        ((), "Name plates"),
    ):
        run_command("evidence", *words, "--to", package).assert_refused(sentence)
    run_command("evidence", "AB12CDE").assert_refused("--to case.zip")
    for words, sentence in (
        (("ZZ99ZZZ",), "There is no sighting of ZZ99ZZZ."), (("--sighting", 10**9), "There is no sighting 1000000000."),
    ):  # fmt: skip
        said = run_command("evidence", *words, "--to", package)
        assert (said.code, said.out) == (1, "")
        assert sentence in said.err
    assert not package.exists()
