"""Fleets as a user steers them: shared by priority, paused, cancelled, tried again, on real servers and workers."""

from __future__ import annotations

import time

import redis
from sqlalchemy import text

from bench.standin import Drive, mended_by, plate_text
from db.engine import session
from db.queue import scheduler
from db.queue.segment_moves import MAX_FAILURES, MAX_LOSSES
from tests.support.command_line.fleet import LEAST, SHARE, Fleet
from tests.support.processes import wait_until
from workers.settings import settings

IN_FLIGHT = """
    SELECT count(*) FROM segments WHERE job_id = :job AND state IN ('queued', 'detecting', 'detected', 'reading')
"""


def test_a_small_job_behind_a_fleet_starts_at_once_and_redis_stays_empty(fleet: Fleet) -> None:
    config = settings()
    large = fleet.submit(fleet.drives("behind", 300, Drive(60, look_s=0.2)))
    wait_until("the fleet's first ends", lambda: fleet.job(large)["segments_done"] >= 2)
    before, most = _redis_bytes(fleet), 0
    small = fleet.submit(fleet.drives("small", 1, Drive(3, look_s=0.2)))
    opened = "SELECT segments > 0 FROM videos WHERE job_id = :job"
    wait_until("its opening", lambda: fleet.one(opened, job=small), every_s=0.005)
    others = fleet.job(large)["segments_done"]
    taken = "SELECT EXISTS (SELECT 1 FROM segments WHERE job_id = :job AND worker IS NOT NULL)"
    wait_until("its first segment", lambda: fleet.one(taken, job=small), every_s=0.005)
    passed_over = fleet.job(large)["segments_done"] - others
    while not fleet.ended(small) or fleet.job(large)["segments_done"] < others + 20:
        most = max(most, fleet.queued())
        time.sleep(0.02)
    print(f"{passed_over} segments of the fleet came before the small job's; at most {most} messages were queued.")
    assert passed_over <= 2 * scheduler.LEAST_DEPTH
    assert not fleet.ended(large)
    assert fleet.states(small) == {"00000.mp4": "done"}
    assert 0 < most <= config.window + config.control_window
    assert _redis_bytes(fleet) - before < 2_000_000
    assert fleet.dashplate("cancel", large).code == 0


def test_priorities_share_the_workers_by_their_weights(fleet: Fleet) -> None:
    """Sixteen, four and one, but for the few that are on the way."""
    jobs = {
        priority: fleet.submit(fleet.drives(priority, 4, Drive(60, look_s=0.05, plates=0)), "--priority", priority)
        for priority in ("low", "normal", "high")
    }
    # What was queued before the important one came is done first.
    wait_until("all to be under way", lambda: fleet.job(jobs["high"])["segments_done"] >= 30)
    assert "running, high" in fleet.dashplate("status").out
    before = {priority: fleet.job(job)["segments_done"] for priority, job in jobs.items()}
    wait_until("more", lambda: fleet.job(jobs["high"])["segments_done"] - before["high"] >= 120)
    done = {priority: fleet.job(job)["segments_done"] - before[priority] for priority, job in jobs.items()}
    print(f"Segments done in the same time: {done}")
    for priority, less in (("normal", 4), ("low", 16)):
        assert 0.5 < done[priority] * less / done["high"] < 2.0

    # One that has waited for long enough gets its turn before all others.
    low = jobs["low"]
    with session(fleet.url) as db:
        db.execute(text("UPDATE segments SET moved_at = moved_at - interval '1 min' WHERE job_id = :job"), {"job": low})
    before_low = fleet.job(low)["segments_done"]
    wait_until("the least important one", lambda: fleet.job(low)["segments_done"] > before_low)
    for job in jobs.values():
        assert fleet.dashplate("cancel", job).code == 0


def _redis_bytes(fleet: Fleet) -> int:
    with redis.Redis.from_url(fleet.redis_url) as client:
        return int(client.info("memory")["used_memory"])


def test_a_job_is_paused_resumed_and_cancelled_in_the_middle(fleet: Fleet) -> None:
    # One is not done before all others are; of those, some are not even opened when the job is cancelled.
    first = fleet.drive("long.mp4", Drive(2000, look_s=0.1, plates=1))
    job = fleet.submit(first, fleet.drives("steered", 20, Drive(40, look_s=0.1, probe_s=0.5, plates=1)))
    wait_until("some segments", lambda: fleet.job(job)["segments_done"] >= 3)
    said = fleet.dashplate("pause", job)
    assert (said.code, said.out) == (0, f"Job {job} is paused; `dashplate resume {job}` goes on.\n")
    wait_until("what was on the way", lambda: fleet.one(IN_FLIGHT, job=job) == 0)
    paused = fleet.job(job)["segments_done"]
    fleet.let_sweep()
    assert (fleet.one(IN_FLIGHT, job=job), fleet.job(job)["segments_done"]) == (0, paused), "nothing new is begun"
    shown = fleet.status(job)
    assert (shown["state"], shown["finished_at"]) == ("paused", None)
    _refused(fleet, "paused; it cannot be paused", "pause", job)
    assert (fleet.dashplate("resume", job).out) == f"Job {job} goes on.\n"
    _refused(fleet, "running; it cannot be resumed", "resume", job)
    _refused(fleet, "running; only a finished job can be run again", "rerun", job, "--from", "read")
    wait_until("it to go on", lambda: fleet.job(job)["segments_done"] > paused)

    said = fleet.dashplate("cancel", job)
    assert said.code == 0
    assert f"Job {job} is cancelled after " in said.out
    fleet.finish(job)
    videos = fleet.videos(job).values()
    assert {video["state"] for video in videos} <= {"cancelled", "done"}
    begun = [video for video in videos if video["segments_done"] and video["state"] == "cancelled"]
    assert begun
    for video in begun:
        ended = f"{video['segments_done']} of {video['segments']} segments"
        assert video["problem"] == f"The job was cancelled after {ended}; their plates are kept."
        shown_plates = fleet.one("SELECT count(*) FROM sightings WHERE video_id = :video", video=video["id"])
        assert shown_plates == video["segments_done"]
    untouched = [video for video in videos if not video["segments_done"]]
    assert untouched
    assert {video["problem"] for video in untouched} == {"The job was cancelled before it was looked at."}
    assert fleet.job(job)["state"] == "cancelled"
    for words in (["pause", job], ["resume", job], ["retry", job], ["rerun", job, "--from", "detect"]):
        _refused(fleet, f"Job {job} is cancelled", *words)
    late = fleet.drive("late.mp4", LEAST)
    for more in ([], ["--dry-run"]):
        _refused(fleet, f"Job {job} is cancelled", "submit", late, "--job", job, *more)
    assert fleet.dashplate("cancel", job).code == 0, "twice is no harm"


def test_what_was_given_up_is_tried_again(fleet: Fleet) -> None:
    poisoned, late = Drive(4, poisoned=(0, 3)), fleet.folder / "late-copied.mp4"
    path = fleet.drive("poisoned.mp4", poisoned)
    job = fleet.done(path, late, fleet.drive("healthy.mp4", LEAST))
    videos = fleet.videos(job)
    assert fleet.states(job) == {"poisoned.mp4": "truncated", late.name: "inaccessible", "healthy.mp4": "done"}
    sentence = videos["poisoned.mp4"]["problem"]
    for segment, number in (("0.0–10.0 s", 0), ("30.0–40.0 s", 3)):
        assert f"{segment} was left out: Detecting failed: ValueError: segment {number} is poisoned" in sentence
    attempts = "SELECT DISTINCT failures FROM segments WHERE job_id = :job AND state = 'quarantined'"
    assert fleet.one(attempts, job=job) == MAX_FAILURES
    assert fleet.dashplate("retry", fleet.done(fleet.drive("well.mp4", LEAST))).out.endswith("nothing to try again.\n")

    fleet.drive(late.name, LEAST)
    assert fleet.dashplate("retry", job, "--failed").out == f"Trying 1 video of job {job} again.\n"
    fleet.finish(job)
    assert fleet.states(job) == {"poisoned.mp4": "truncated", late.name: "done", "healthy.mp4": "done"}
    mended_by(path).touch()
    assert fleet.dashplate("retry", job, "--quarantined").out == f"Trying 2 segments of job {job} again.\n"
    fleet.finish(job)
    video = fleet.videos(job)["poisoned.mp4"]
    assert (video["state"], video["problem"], video["segments_done"]) == ("done", None, 4)
    assert fleet.job(job)["videos_with_problem"] == 0
    assert [plate for _, plate, _ in fleet.plates(job)] == [plate_text("poisoned.mp4", n) for n in range(5)]
    _refused(fleet, "no job 4711", "retry", 4711)


def test_a_share_that_is_away_is_waited_for(fleet: Fleet) -> None:
    """For longer than four errors would have taken, while some of its files are being done and others not opened."""
    share = fleet.drives(SHARE, 8, Drive(4, probe_s=0.3, look_s=0.15))
    job = fleet.submit(share)
    wait_until("the first ends", lambda: fleet.job(job)["segments_done"] >= 2)
    away = share.with_name("away")
    share.rename(away)
    sentence = "is not there, and the folder share is missing or empty. Check the path, and that its share or disk is"
    wait_until("it to be told", lambda: sentence in fleet.dashplate("status", job).out)
    held = "SELECT count(*) FROM videos WHERE job_id = :job AND away_since IS NOT NULL"
    wait_until("several to be known as away", lambda: fleet.one(held, job=job) >= 4)
    looked = "SELECT away_looked_at FROM videos WHERE job_id = :job AND away_since IS NOT NULL ORDER BY id LIMIT 1"
    looks: set[object] = set()
    wait_until("more tries than errors are allowed", lambda: looks.add(fleet.one(looked, job=job)) or len(looks) > 5)
    assert not fleet.ended(job)
    away.rename(share)
    fleet.finish(job)
    assert fleet.states(job) == {f"{number:05d}.mp4": "done" for number in range(8)}
    assert fleet.one("SELECT count(*) FROM videos WHERE job_id = :job AND problem IS NOT NULL", job=job) == 0
    counted = "SELECT sum(failures + losses), count(*) FILTER (WHERE state = 'done') FROM segments WHERE job_id = :job"
    assert [*fleet.ask(counted, job=job)[0].values()] == [0, 32]
    assert fleet.one(held, job=job) == 0
    assert [plate for name, plate, _ in fleet.plates(job) if name == "00007.mp4"] == [
        plate_text("00007.mp4", number) for number in range(5)
    ]


def test_a_finished_job_is_read_again_from_its_crops_alone(fleet: Fleet) -> None:
    path = fleet.drive("again.mp4", Drive(3))
    job = fleet.done(path)
    plates, attempts = fleet.plates(job), _attempts(fleet, job)
    assert len(plates) == 4
    path.unlink()
    said = fleet.dashplate("rerun", job, "--from", "read", "--country", "FR")
    assert said.out == f"Reading the kept crops of 3 segments of job {job} again.\n"
    fleet.finish(job)
    assert (fleet.states(job), fleet.plates(job)) == ({path.name: "done"}, plates)
    assert _attempts(fleet, job) == [attempt + 1 for attempt in attempts]
    assert fleet.one("SELECT options -> 'countries' FROM jobs WHERE id = :job", job=job) == ["FR"]
    fleet.drive(path.name, Drive(3))
    assert fleet.dashplate("rerun", job, "--from", "detect").out == f"Doing all of 3 segments of job {job} again.\n"
    fleet.finish(job)
    assert (fleet.states(job), fleet.plates(job)) == ({path.name: "done"}, plates)
    assert fleet.dashplate("verify", job).code == 0
    assert fleet.dashplate("rerun", job).code == 2, "from where has to be said"

    bare = fleet.done(path, "--no-evidence")
    _refused(fleet, "there are no crops to read again", "rerun", bare, "--from", "read")
    _refused(fleet, "no job 4711", "rerun", 4711, "--from", "read")


def _attempts(fleet: Fleet, job: int) -> list[int]:
    query = "SELECT attempt FROM segments WHERE job_id = :job ORDER BY id"
    return [row["attempt"] for row in fleet.ask(query, job=job)]


def _refused(fleet: Fleet, sentence: str, *words: object) -> None:
    said = fleet.dashplate(*words)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert said.err.startswith("dashplate: ")


def test_status_says_how_far_a_job_is_and_when_it_will_be_done(fleet: Fleet) -> None:
    job = fleet.submit(fleet.drives("watched", 3, Drive(30, look_s=0.1, plates=1)), "--name", "Monday")
    wait_until("some segments", lambda: fleet.job(job)["segments_done"] >= 8)
    shown = fleet.status(job)
    assert (shown["name"], shown["state"], shown["priority"], shown["open"]) == ("Monday", "running", "normal", False)
    assert (shown["videos"], shown["videos_ended"], shown["videos_with_problem"]) == (3, 0, 0)
    assert 8 <= shown["segments_done"] < shown["segments"] == 90
    assert shown["pace"] > 1.0
    assert [file["state"] for file in shown["files"]] == ["processing"] * 3
    told = fleet.dashplate("status", job).out
    print(told)
    assert "× real time, " in told
    assert " left" in told
    assert fleet.dashplate("cancel", job).code == 0
    fleet.finish(job)
    print(fleet.dashplate("status").out, fleet.dashplate("status", job).out)
    assert "left" not in fleet.dashplate("status", job).out.splitlines()[1]


def test_what_hangs_or_kills_costs_its_own_segment(fleet: Fleet, misbehaving: int) -> None:
    fleet.finish(misbehaving)
    print(fleet.dashplate("status", misbehaving).out)
    videos = fleet.videos(misbehaving)
    assert fleet.states(misbehaving) == {"stuck.mp4": "truncated", "deadly.mp4": "truncated", "well.mp4": "done"}
    assert videos["stuck.mp4"]["problem"] == "1.0–1.5 s was left out: Its worker went silent."
    assert videos["deadly.mp4"]["problem"] == "0.0–0.5 s was left out: Its worker went silent."
    losses = "SELECT losses FROM segments WHERE job_id = :job AND state = 'quarantined'"
    assert [row["losses"] for row in fleet.ask(losses, job=misbehaving)] == [MAX_LOSSES] * 2
    assert [videos[name]["segments_done"] for name in ("stuck.mp4", "deadly.mp4", "well.mp4")] == [3, 3, 4]
