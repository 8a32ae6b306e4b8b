"""`dashplate verify`: each kind of harm that a job can have come to is found, named, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.standin import Drive
from dashplate.cli.program import app
from dashplate.commands.checks.verify import EXAMPLES, Finding, Report, check, compare
from db.engine import session
from db.keeping.verify import FileRow, VideoFiles
from pipeline.errors import UsageError
from store import FileInfo, Store
from tests.support.road import Road
from tests.support.tables.findings import owe_deletion


def _found(road: Road, job: int, **given: bool) -> dict[str, list[str]]:
    return check(road.url, road.store, job, **given).examples


def _crop(road: Road) -> tuple[str, Path]:
    name = min(road.files)
    return name, road.folder / "store" / name


def test_a_job_as_it_should_be(road: Road) -> None:
    job, _ = road.run("one.mp4", "two.mp4")
    report = check(road.url, road.store, job)
    assert report == Report(videos=2, files=len(road.files), bytes=report.bytes)
    assert report.well
    assert report.bytes == sum(file.size for file in road.store.files())


def test_a_job_that_is_half_done_is_well_too(road: Road) -> None:
    job = road.submit("one.mp4", drive=Drive(segments=3))
    assert check(road.url, road.store, job).well
    road.open(job)
    assert check(road.url, road.store, job).well
    to_read = road.detect()
    # A worker has written a picture, and not yet its row.
    name = f"crops/{job}/1/00002-7/0000-0.png"
    road.store.put(name, b"a picture")
    assert check(road.url, road.store, job).well
    road.read(to_read)
    assert check(road.url, road.store, job).well
    road.aggregate()
    # The end of the video has swept it.
    assert check(road.url, road.store, job).well
    assert name not in road.files


def test_a_missing_file(road: Road) -> None:
    job, _ = road.run("one.mp4")
    name, path = _crop(road)
    path.unlink()
    assert _found(road, job) == _found(road, job, quick=True) == {"missing": [name]}


def test_a_file_cut_short(road: Road) -> None:
    job, _ = road.run("one.mp4")
    name, path = _crop(road)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    assert (
        _found(road, job) == _found(road, job, quick=True) == {"size": [f"{name}: {size - 1} bytes in place of {size}"]}
    )


def test_a_file_with_one_bit_turned(road: Road) -> None:
    job, _ = road.run("one.mp4")
    name, path = _crop(road)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert _found(road, job) == {"damaged": [name]}
    assert check(road.url, road.store, job, quick=True).well


def test_files_without_a_row_are_found_and_swept(road: Road) -> None:
    job, (video,) = road.run("one.mp4")
    other, _ = road.run("two.mp4")
    strays = sorted([
        f"crops/{job}/{video}/00000-9/0000-0.png", f"frames/{job}/{video}/77.jpg",
        f"crops/{job}/4711/00000-1/0000-0.png", f"frames/{job}/stray.jpg",
    ])  # fmt: skip
    before = road.files
    for name in strays:
        road.store.put(name, b"a picture")
    report = check(road.url, road.store, job)
    assert (report.counts, sorted(report.examples["orphan"])) == ({"orphan": 4}, strays)
    assert check(road.url, road.store, other).well
    swept = check(road.url, road.store, job, sweep=True)
    assert swept.removed == 4
    assert swept.well
    assert road.files == before


def test_what_waits_for_its_deletion_is_no_orphan(road: Road) -> None:
    job, (video,) = road.run("one.mp4")
    road.store.put(f"crops/{job}/{video}/00000-9/0000-0.png", b"a picture")
    road.store.put(f"frames/{job}/{video}/77.jpg", b"a picture")
    with session(road.url) as db:
        owe_deletion(db, [f"crops/{job}/{video}/00000-9/", f"frames/{job}/{video}/77.jpg"])
    report = check(road.url, road.store, job)
    assert report.well
    assert report.waiting == 2


def test_rows_of_the_first_release_have_no_checksum(road: Road) -> None:
    job, (video,) = road.run("one.mp4")
    name, path = _crop(road)
    old = f"crops/{job}/{video}/00000/0000-0.png"
    (road.folder / "store" / old).parent.mkdir()
    path.rename(road.folder / "store" / old)
    road.do("UPDATE crops SET sha256 = NULL, size = NULL, name = :old WHERE name = :name", old=old, name=name)
    road.do("UPDATE sightings SET crop = :old WHERE crop = :name", old=old, name=name)
    report = check(road.url, road.store, job)
    assert report.well
    assert report.without_checksum == 1


def test_a_sighting_whose_crop_has_no_row(road: Road) -> None:
    job, _ = road.run("one.mp4")
    road.do("UPDATE sightings SET crop = 'crops/1/1/00000-1/9999-0.png' WHERE index = 0")
    assert _found(road, job) == {"reference": ["crops/1/1/00000-1/9999-0.png"]}


@pytest.mark.parametrize(
    ("harm", "kind", "sentence"),
    [
        ("UPDATE videos SET segments_done = 1", "counter", "video 1: segments_done is 1, its segments give 2"),
        ("UPDATE videos SET footage_done_s = 12", "counter", "video 1: footage_done_s is 12, its segments give 20"),
        ("UPDATE jobs SET videos = 7", "counter", "the job: videos is 7, its videos give 1"),
        ("UPDATE jobs SET footage_s = 0", "counter", "the job: footage_s is 0, its videos give 20"),
        ("UPDATE segments SET state = 'pending' WHERE index = 1", "state",
         "video 1 is done, and its segment 1 is pending"),
        ("UPDATE jobs SET finished_at = NULL", "state", "the job is finished and has no end"),
        ("UPDATE jobs SET state = 'running'", "state", "the job is running and has ended"),
        ("INSERT INTO outbox (kind, key, job_id) VALUES ('aggregate', 1, 1)", "state",
         "video 1 has ended, and aggregate of it is still owed"),
        ("UPDATE jobs SET options = options || '{\"hashed\": true}'", "clear", "video 1: sighting 0 is not hashed"),
    ],
)  # fmt: skip
def test_rows_that_contradict_each_other(road: Road, harm: str, kind: str, sentence: str) -> None:
    job, _ = road.run("one.mp4")
    road.do(harm)
    found = _found(road, job)
    assert sentence in found[kind], found


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        ("DELETE FROM outbox", "video 1 is aggregating, and nobody is asked to go on with it"),
        ("UPDATE videos SET finished_at = now()", "video 1 is aggregating and has ended"),
        ("UPDATE jobs SET finished_at = now()", "the job has ended, and 1 of its videos have not"),
    ],
)
def test_an_unfinished_job_that_nobody_will_finish(road: Road, harm: str, sentence: str) -> None:
    job = road.submit("one.mp4")
    road.open(job)
    road.read(road.detect())
    assert check(road.url, road.store, job).well
    road.do(harm)
    assert sentence in _found(road, job)["state"]


def test_a_held_segment_without_a_lease(road: Road) -> None:
    job = road.submit("one.mp4")
    road.open(job)
    road.do("UPDATE segments SET state = 'queued' WHERE index = 0")
    road.do("UPDATE segments SET state = 'detecting' WHERE index = 0")
    assert _found(road, job) == {"state": ["video 1: segment 0 is detecting without a lease"]}


def test_somebody_at_work_between_the_looks_is_no_finding(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read before files: what is purged between the two is missing at first sight only."""
    job, _ = road.run("one.mp4")
    really = Store.files
    purged: list[str] = []

    def files(self: Store, folder: str = "") -> Iterator[FileInfo]:
        if not purged:
            for table in ("sightings", "tracklets", "frames"):
                road.do(f"DELETE FROM {table}")
            purged.extend(file.name for file in really(self))
            for name in purged:
                self.remove(name)
        return really(self, folder)

    monkeypatch.setattr(Store, "files", files)
    assert check(road.url, road.store, job, quick=True).well
    assert purged


def test_the_report_in_a_few_lines_and_the_exit_code(road: Road) -> None:
    job, _ = road.run("one.mp4", drive=Drive(segments=12))
    run = CliRunner()
    well = run.invoke(app, ["verify", str(job)])
    assert well.exit_code == 0
    assert "All is well." in well.stdout
    crops = sorted(name for name in road.files if name.startswith("crops/"))
    for name in crops[: EXAMPLES + 5]:
        road.store.remove(name)
    told = run.invoke(app, ["verify", str(job), "--quick"])
    assert told.exit_code == 1
    assert "25 files that rows name are not in the store:" in told.stdout
    assert told.stdout.count(".png") == EXAMPLES
    assert "and 5 more" in told.stdout
    found = json.loads(run.invoke(app, ["verify", str(job), "--json"]).stdout)
    assert found["found"]["missing"]["count"] == 25
    assert found["well"] is False


def test_a_job_that_is_not_there(road: Road) -> None:
    with pytest.raises(UsageError, match="There is no job 77"):
        check(road.url, road.store, 77)


def test_rows_and_files_compared() -> None:
    """The comparison by itself: no database, no store."""
    rows = (FileRow("a", 5, None), FileRow("b", 5, None), FileRow("c", None, None))
    listing = {name: FileInfo(name, 5, None) for name in ("a", "c", "d", "e/f")}
    assert compare(VideoFiles(True, rows, frozenset("ax")), listing, ["e/"]) == [
        Finding("missing", "b"), Finding("reference", "x"), Finding("orphan", "d"),
    ]  # fmt: skip
    assert compare(VideoFiles(False, rows[:1], frozenset()), listing, []) == []
