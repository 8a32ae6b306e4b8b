"""What leaves the result store: what no row names, soon and surely; and nothing else, whoever is at it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench.standin import Drive
from dashplate.commands.checks.verify import check
from db.engine import session
from db.findings import stored_files
from db.jobs import cancel, control
from db.jobs.videos import end_video
from db.keeping.retention import PurgeScope
from db.queue.outbox import MAX_FAILURES
from db.states import Stage, VideoState
from store import FileInfo, Store, StoreUnavailable, video_folders
from tests.support.road import Road
from tests.support.tables.findings import owe_deletion
from workers.maintenance import store_gc
from workers.maintenance.apply_retention import purge_all
from workers.maintenance.store_gc import clear_deletions, clear_video
from workers.maintenance.sweeper import _end_exhausted
from workers.steps import segment_stages


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends a video is killed right after the commit."""
    monkeypatch.setattr("workers.steps.aggregate.clear_video", lambda *_: 0)


def owed(road: Road) -> list[str]:
    return [row["name"] for row in road.ask("SELECT name FROM deletions ORDER BY id")]


def stray(road: Road, job: int, video: int) -> str:
    """A picture of an attempt that nobody heard of again."""
    name = f"crops/{job}/{video}/00000-9/0000-0.png"
    road.store.put(name, b"a picture")
    return name


def work_off(road: Road) -> None:
    road.clear()
    assert owed(road) == []


def test_notes_name_a_video_s_folders(road: Road) -> None:
    job, (video,) = road.run("one.mp4")
    with session(road.url) as db:
        stored_files.owe_sweep(db, [video])
    assert sorted(owed(road)) == sorted(video_folders(job, video))


@pytest.mark.usefixtures("killed")
def test_strays_go_although_whoever_ended_the_video_was_killed(road: Road) -> None:
    job = road.submit("one.mp4")
    (video,) = road.open(job)
    lost = stray(road, job, video)
    road.read(road.detect())
    road.aggregate()
    assert lost in road.files
    assert check(road.url, road.store, job).well, "an orphan that is owed is none"
    named = road.files - {lost}
    work_off(road)
    assert road.files == named


@pytest.mark.parametrize("options", [{}, {"evidence": False}])
def test_strays_of_a_cancelled_video_go(road: Road, options: dict[str, Any]) -> None:
    job = road.submit("one.mp4", **options)
    road.open(job)
    road.detect()
    cancel.cancel(road.url, job)
    (video,) = road.open(job)
    stray(road, job, video)
    before = road.files
    work_off(road)
    gone = before - road.files
    # Its own tracklets stay where pictures are kept, for all that they are not shown.
    assert (len(gone), road.files) == ((1, before - gone) if not options else (len(before), set()))
    assert gone


def test_strays_of_a_video_that_is_given_up_go(road: Road) -> None:
    job = road.submit("one.mp4")
    (video,) = road.open(job)
    road.read(road.detect())
    lost = stray(road, job, video)
    road.do("UPDATE outbox SET failures = :most, problem = 'It broke.', sent_at = NULL", most=MAX_FAILURES)
    _end_exhausted(road.url)
    assert road.video(video).state is VideoState.FAILED
    named = road.files - {lost}
    work_off(road)
    assert road.files == named


def test_a_video_that_never_had_segments_owes_nothing(road: Road) -> None:
    job = road.submit("one.mp4")
    (row,) = road.ask("SELECT id FROM videos WHERE job_id = :job", job=job)
    with session(road.url) as db:
        assert end_video(db, row["id"], VideoState.UNREADABLE, "Noise.")
    assert owed(road) == []


@pytest.mark.parametrize("evidence", [True, False])
def test_what_a_killed_worker_was_just_writing_goes_too(road: Road, evidence: bool) -> None:
    """A draft is not listed before it is an hour old; it may show a plate all the same."""
    job = road.submit("one.mp4", evidence=evidence)
    (video,) = road.open(job)
    draft = road.folder / "store" / f"crops/{job}/{video}/00001-1/.draft-0123456789abcdef"
    draft.parent.mkdir(parents=True)
    draft.write_bytes(b"half a picture")
    road.do("UPDATE segments SET attempt = 1, losses = 1 WHERE index = 1")
    road.read(road.detect())
    assert draft.exists()
    road.aggregate()
    assert not draft.exists()
    assert check(road.url, road.store, job).well
    assert bool(road.files) is evidence


@pytest.mark.usefixtures("killed")
def test_a_late_note_spares_what_a_rerun_has_written(road: Road) -> None:
    """Without evidence the whole folder was owed; the crops that are to be read next lie in it."""
    job, (video,) = road.run("one.mp4", evidence=False)
    assert owed(road)
    control.rerun(road.url, job, Stage.DETECT, {})
    to_read = road.detect()
    work_off(road)
    road.read(to_read)
    road.aggregate()
    work_off(road)
    assert (road.video(video).state, road.files) == (VideoState.DONE, set())


def test_a_late_note_of_a_purge_spares_what_was_found_since(road: Road) -> None:
    job = road.submit("one.mp4")
    file = road.folder / "one.mp4"
    drive = file.read_bytes()
    file.unlink()
    (video,) = road.open(job)
    assert road.video(video).state is VideoState.INACCESSIBLE
    purge_all(road.url, PurgeScope(0))
    with session(road.url) as db:
        owe_deletion(db, video_folders(job, video))
    file.write_bytes(drive)
    control.retry(road.url, job, failed=True, quarantined=False)
    road.open(job)
    road.read(road.detect())
    road.aggregate()
    work_off(road)
    assert road.video(video).state is VideoState.DONE
    report = check(road.url, road.store, job)
    assert (report.well, report.files) == (True, len(road.files))
    assert report.files > 0


@pytest.mark.usefixtures("killed")
def test_a_file_that_is_named_again_is_spared(road: Road) -> None:
    job, (video,) = road.run("one.mp4")
    named = road.files
    with session(road.url) as db:
        owe_deletion(db, sorted(named))
    work_off(road)
    assert road.files == named
    purge_all(road.url, PurgeScope(0))
    work_off(road)
    assert road.files == set()
    assert road.video(video).purged_at is not None
    assert job


@pytest.mark.usefixtures("killed")
@pytest.mark.parametrize("when", ["after the listing", "after the question"])
def test_a_rerun_in_the_middle_of_a_sweep_loses_nothing(road: Road, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    job, (video,) = road.run("one.mp4", evidence=False)
    to_read: list[tuple[int, int]] = []

    def go_on() -> None:
        if not to_read:
            control.rerun(road.url, job, Stage.DETECT, {})
            to_read.extend(road.detect())

    def listed(self: Store, folder: str = "") -> Iterator[FileInfo]:
        found = list(listing(self, folder))
        go_on()
        return iter(found)

    def asked(db: Any, number: int) -> set[str] | None:
        answer = asking(db, number)
        db.commit()
        go_on()
        return answer

    listing, asking = Store.files, stored_files.names_of_ended
    with monkeypatch.context() as patch:
        if when == "after the listing":
            patch.setattr(Store, "files", listed)
        else:
            patch.setattr(stored_files, "names_of_ended", asked)
        clear_video(road.url, job, video)
    assert to_read
    road.read(to_read)
    road.aggregate()
    assert road.video(video).state is VideoState.DONE
    work_off(road)
    assert road.files == set()


def test_one_file_that_cannot_be_removed_holds_up_no_other(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, videos = road.run("one.mp4", "two.mp4", "three.mp4", evidence=False)
    stuck, _, _ = lost = [f"frames/{job}/{video}/{pts}.jpg" for pts, video in enumerate(videos)]
    beside = f"frames/{job}/{videos[0]}/77.jpg"
    for name in [*lost, beside]:
        road.store.put(name, b"a picture")
    with session(road.url) as db:
        owe_deletion(db, [f"frames/{job}/{video}/" for video in videos])
    asked: list[str] = []

    def remove(self: Store, name: str) -> None:
        asked.append(name)
        if name == stuck:
            raise StoreUnavailable("It may not be removed.")
        removing(self, name)

    removing = Store.remove
    with monkeypatch.context() as patch:
        patch.setattr(Store, "remove", remove)
        assert clear_deletions(road.url)
        assert road.files == {stuck}
        assert owed(road) == [f"frames/{job}/{videos[0]}/"]
        assert clear_deletions(road.url) == 0
        with session(road.url) as db:
            owe_deletion(db, [f"frames/{job}/{videos[1]}/"])
            assert [name for _, name in stored_files.owed_deletions(db)][-1] == f"frames/{job}/{videos[0]}/"
    work_off(road)
    assert road.files == set()


def test_a_store_that_is_away_is_not_asked_for_every_file(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    with session(road.url) as db:
        owe_deletion(db, [f"frames/1/{video}/7.jpg" for video in range(1, 50)])
    asked: list[str] = []

    def away(self: Store, name: str) -> None:
        asked.append(name)
        raise StoreUnavailable("The bucket is away.")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "remove", away)
        assert clear_deletions(road.url) == 0
        assert clear_deletions(road.url) == 0
    assert len(set(asked)) == 2 * store_gc.MAX_FAILED
    assert len(owed(road)) == 49
    work_off(road)


def test_a_call_ends_in_time_and_the_next_goes_on(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, (video,) = road.run("one.mp4", evidence=False)
    for pts in range(20):
        road.store.put(f"frames/{job}/{video}/{pts}.jpg", b"a picture")
    with session(road.url) as db:
        owe_deletion(db, [f"frames/{job}/{video}/"])
    now = [0.0]
    monkeypatch.setattr("workers.maintenance.store_gc.time.monotonic", lambda: now[0])

    def slow(self: Store, name: str) -> None:
        now[0] += store_gc.ROUND_S / 4
        removing(self, name)

    removing = Store.remove
    monkeypatch.setattr(Store, "remove", slow)
    assert clear_deletions(road.url) == 5
    assert (len(road.files), len(owed(road))) == (15, 1)
    work_off(road)
    assert road.files == set()


def test_a_call_whose_time_goes_by_while_it_lists_gets_on_too(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, (video,) = road.run("one.mp4", evidence=False)
    road.store.put(f"frames/{job}/{video}/7.jpg", b"a picture")
    with session(road.url) as db:
        owe_deletion(db, [f"frames/{job}/{video}/"])
    now = [0.0]
    monkeypatch.setattr("workers.maintenance.store_gc.time.monotonic", lambda: now[0])

    def slow(self: Store, folder: str = "") -> list[FileInfo]:
        found = list(listing(self, folder))
        now[0] += 2 * store_gc.ROUND_S
        return found

    listing = Store.files
    with monkeypatch.context() as patch:
        patch.setattr(Store, "files", slow)
        assert clear_deletions(road.url)
    assert (road.files, owed(road)) == (set(), [])


def _stored_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL goes away while it answers: what was committed is done again."""

    def twice(url: str, work: Callable[[Any], Any]) -> Any:
        if getattr(work, "func", None) is segment_stages._store_look:
            retrying(url, work)
        return retrying(url, work)

    retrying = segment_stages.retrying
    monkeypatch.setattr(segment_stages, "retrying", twice)


def test_a_detection_whose_answer_got_lost_keeps_its_pictures(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job = road.submit("one.mp4")
    (video,) = road.open(job)
    with monkeypatch.context() as patch:
        _stored_twice(patch)
        # Each says that it goes on to reading, and is asserted to.
        to_read = road.detect()
    assert check(road.url, road.store, job).well
    road.read(to_read)
    road.aggregate()
    assert road.video(video).state is VideoState.DONE


def test_an_attempt_that_was_overtaken_clears_itself_away(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job = road.submit("one.mp4", drive=Drive(segments=1))
    road.open(job)

    def overtaken(*given: Any) -> Any:
        road.do("UPDATE segments SET attempt = attempt + 1")
        return put(*given)

    put = Store.put_crops
    monkeypatch.setattr(Store, "put_crops", overtaken)
    with pytest.raises(AssertionError):
        road.detect()
    assert road.files == set()
