"""Counters equal a count over rows, whatever has happened; and what progress makes of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy import select, text

from db.engine import session
from db.findings import queries
from db.jobs import cancel, control
from db.jobs.submit import NewVideo, add_videos, close_job, create_job, open_job
from db.jobs.videos import end_video
from db.models import Job, Segment, Video
from db.queue import outbox, scheduler, segment_moves
from db.states import JobState, Priority, SegmentState, Stage, VideoState
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions
from tests.support.database import (
    DETECTING,
    LEASE_S,
    READING,
    SILENT,
    aggregate,
    begin,
    detect,
    fail,
    job,
    leases_run_out,
    make_job,
    no_waiting,
    quarantine,
    read,
    run_sql,
    split,
    stored,
    take,
    take_steps,
    work,
)
from tests.support.tables.counters import check_counters

STEPS = 90
#: Rows that contradict each other.
CONTRADICTIONS = {
    "a video that should be put together": """
        SELECT id FROM videos v WHERE state = 'processing' AND segments_done + segments_quarantined = segments
    """,
    "an open video that nobody is told of": """
        SELECT v.id FROM videos v JOIN jobs j ON j.id = v.job_id
        WHERE v.state IN ('registered', 'aggregating') AND NOT EXISTS (
            SELECT 1 FROM outbox o WHERE o.key = v.id
            AND o.kind = CASE v.state WHEN 'registered' THEN 'probe' ELSE 'aggregate' END)
    """,
    "a step that nobody wants": """
        SELECT o.id FROM outbox o JOIN videos v ON v.id = o.key
        WHERE v.state <> CASE o.kind WHEN 'probe' THEN 'registered' ELSE 'aggregating' END
    """,
    "an end without its time, or a time without an end": """
        SELECT id FROM videos
        WHERE (finished_at IS NOT NULL) <> (state NOT IN ('registered', 'processing', 'aggregating'))
    """,
    "a lease without a holder": """
        SELECT id FROM segments WHERE (lease_until IS NOT NULL) <> (state IN ('detecting', 'reading'))
    """,
    "a finished job with something open": """
        SELECT j.id FROM jobs j WHERE j.finished_at IS NOT NULL
        AND EXISTS (SELECT 1 FROM videos v WHERE v.job_id = j.id AND v.finished_at IS NULL)
    """,
    "a job that should be finished": """
        SELECT j.id FROM jobs j WHERE j.finished_at IS NULL AND NOT j.open AND j.videos > 0
        AND NOT EXISTS (SELECT 1 FROM videos v WHERE v.job_id = j.id AND v.finished_at IS NULL)
    """,
    "a finished job in another state": """
        SELECT id FROM jobs
        WHERE state <> 'cancelled' AND (finished_at IS NOT NULL) <> (state = 'finished')
    """,
    "something of a cancelled job on the queues": """
        SELECT g.id FROM segments g JOIN jobs j ON j.id = g.job_id
        WHERE j.state = 'cancelled' AND g.state IN ('queued', 'detecting', 'detected', 'reading')
    """,
}


class Fleet:
    """A fleet to which anything may happen, seeded; messages that were sent may come late, twice or never."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.random = random.Random(seed)
        self.messages: list[segment_moves.Dispatched] = []
        self.held: list[segment_moves.Dispatched] = []
        self.files = 0
        self.done: set[str] = set()
        with session(url) as db:
            self.jobs = [create_job(db, f"{p} job", JobOptions(), priority=p) for p in Priority]
        for job_id in self.jobs:
            self.submit(job_id, 3)

    def live(self) -> None:
        deeds: dict[Callable[[], None], int] = {
            self.add: 3, self.steps: 8, self.dispatch: 10, self.work: 40, self.wait: 6, self.lose: 3,
            self.turn: 2, self.retry: 3, self.rerun: 2, self.cancel: 1, self.open_and_close: 1,
        }  # fmt: skip
        # Each at least once, in any order.
        story = [*deeds, *self.random.choices(list(deeds), list(deeds.values()), k=STEPS)]
        for deed in self.random.sample(story, len(story)):
            deed()
            self.check(deed.__name__)

    def check(self, deed: str) -> None:
        self.done.add(deed)
        check_counters(self.url)
        with session(self.url) as db:
            for name, query in CONTRADICTIONS.items():
                assert not db.execute(text(query)).all(), f"after {deed}: {name}"

    def end(self) -> None:
        """Nobody disturbs any more: everything comes to its end."""
        for job_id in self.jobs:
            self.permitted(partial(control.resume, self.url, job_id))
            with session(self.url) as db:
                close_job(db, job_id)
        for _ in range(40):
            leases_run_out(self.url)
            self.lose()
            no_waiting(self.url)
            with session(self.url) as db:
                for step in (SegmentState.QUEUED, SegmentState.DETECTED):
                    self.messages += segment_moves.stranded(db, step, 0.0)
                outbox.resend_quiet(db, 0.0)
            for segment in [*self.messages, *take(self.url)]:
                if segment.only_read or detect(self.url, segment):
                    read(self.url, segment)
            self.messages.clear()
            for message in take_steps(self.url):
                self.step(message, chance=0.0)
            with session(self.url) as db:
                if None not in set(db.scalars(select(Job.finished_at))):
                    return
        raise AssertionError("something never ends")

    def any_job(self) -> int:
        return self.random.choice(self.jobs)

    def permitted(self, deed: Callable[[], object]) -> None:
        with suppress(UsageError):
            deed()

    def submit(self, job_id: int, count: int) -> None:
        self.files += count
        new = [NewVideo(f"/cam/{i}.mp4", f"print-{i}") for i in range(self.files - count, self.files)]
        with session(self.url) as db:
            assert add_videos(db, job_id, new) == count

    def add(self) -> None:
        self.permitted(lambda: self.submit(self.any_job(), self.random.randint(1, 3)))

    def steps(self) -> None:
        for message in take_steps(self.url, 6):
            self.step(message, chance=0.3)

    def step(self, message: outbox.Message, chance: float) -> None:
        with session(self.url) as db:
            held = outbox.begin(db, message.kind, message.key, LEASE_S)
        if held is None:
            return
        if self.random.random() < chance / 2:
            with session(self.url) as db:
                outbox.put_back(db, held, "It broke.", counts=self.random.random() < 0.5)
            return
        bad = self.random.random() < chance
        with session(self.url) as db:
            if message.kind == outbox.AGGREGATE:
                self.aggregate(message.key, bad)
            elif bad:
                end_video(db, message.key, self.random.choice(list(control._NEVER_OPENED)), "No.")
            else:
                problem = "It is cut off." if self.random.random() < 0.2 else None
                split(db, message.key, self.random.randint(1, 4), problem)

    def aggregate(self, video_id: int, bad: bool) -> None:
        with session(self.url) as db:
            row = db.get_one(Video, video_id)
            if row.state is not VideoState.AGGREGATING:
                return
            cancelled = db.get_one(Job, row.job_id).state is JobState.CANCELLED
            left = row.segments - row.segments_done - row.segments_quarantined
            if cancelled and left:
                end_video(db, video_id, VideoState.CANCELLED, "The job was cancelled.")
            elif bad or row.segments_quarantined == row.segments:
                end_video(db, video_id, VideoState.FAILED, "Nothing.")
            elif row.segments_quarantined or row.damage:
                end_video(db, video_id, VideoState.TRUNCATED, "Something.")
            else:
                end_video(db, video_id, VideoState.DONE, None)

    def dispatch(self) -> None:
        with session(self.url) as db:
            self.messages += scheduler.take_pending(db, self.random.randint(1, 8))

    def work(self) -> None:
        """A worker takes a message, or one ends what it holds; a message may stay where it is and come again."""
        if self.messages and self.random.random() < 0.5:
            segment = self.random.choice(self.messages)
            step = self.random.choice((DETECTING, READING))
            if begin(self.url, segment, step):
                self.held.append(segment)
        elif self.held:
            self.end_one(self.held.pop(self.random.randrange(len(self.held))))

    def end_one(self, segment: segment_moves.Dispatched) -> None:
        """Whatever the worker does: it does not know whether the segment is still its own."""
        number = segment.segment_id, segment.attempt
        with session(self.url) as db:
            fate = self.random.random()
            if fate < 0.2:
                segment_moves.failed(db, *number, "It broke.", from_detect=self.random.random() < 0.3)
            elif fate < 0.25:
                segment_moves.put_back(db, *number, "The disk is full.")
            elif not segment_moves.detected(db, *number, 80, "A torn frame." if fate > 0.9 else None):
                segment_moves.finished(db, *number)

    def wait(self) -> None:
        no_waiting(self.url)

    def lose(self) -> None:
        if self.random.random() < 0.5:
            leases_run_out(self.url)
        with session(self.url) as db:
            for held in segment_moves.lost(db):
                segment_moves.lost_attempt(db, *held, SILENT)
            outbox.resend_lost(db)
            for _, video_id, problem in outbox.exhausted(db):
                end_video(db, video_id, VideoState.FAILED, problem)

    def turn(self) -> None:
        deed = self.random.choice((control.pause, control.resume))
        self.permitted(lambda: deed(self.url, self.any_job()))

    def retry(self) -> None:
        failed, quarantined = self.random.choice(((True, True), (True, False), (False, True)))
        self.permitted(lambda: control.retry(self.url, self.any_job(), failed=failed, quarantined=quarantined))

    def rerun(self) -> None:
        step = self.random.choice(list(Stage))
        self.permitted(lambda: control.rerun(self.url, self.any_job(), step, {}))

    def cancel(self) -> None:
        if self.random.random() < 0.4:
            self.permitted(lambda: cancel.cancel(self.url, self.any_job()))

    def open_and_close(self) -> None:
        job_id = self.any_job()

        def both() -> None:
            with session(self.url) as db:
                open_job(db, job_id)
            with session(self.url) as db:
                close_job(db, job_id)

        with session(self.url) as db:
            empty = db.get_one(Job, job_id).finished_at is not None
        # One that has been finished and gets nothing new is finished again.
        if not empty or self.random.random() < 0.5:
            self.permitted(both)


@pytest.mark.parametrize("seed", range(3))
def test_counters_are_true_whatever_happens(database_url: str, seed: int) -> None:
    fleet = Fleet(database_url, seed)
    fleet.live()
    fleet.end()
    fleet.check("the end")
    assert len(fleet.done) == 12, "every kind of thing has happened"
    with session(database_url) as db:
        states = set(db.scalars(select(Segment.state)))
        assert SegmentState.DONE in states
        cancelled = set(db.scalars(select(Job.id).where(Job.state == JobState.CANCELLED)))
        left = select(Segment.job_id).where(Segment.state.not_in(("done", "quarantined")))
        assert set(db.scalars(left)) <= cancelled, "only what was cancelled is left undone"


def test_progress_covers_what_is_being_done(database_url: str) -> None:
    job_id, (ended, _, _) = make_job(database_url, 1, 3, 2)
    segments = take(database_url)
    work(database_url, segments[0])
    aggregate(database_url, ended, VideoState.TRUNCATED, "It is cut off.")
    work(database_url, segments[1])
    quarantine(database_url, segments[2])
    assert begin(database_url, segments[3], DETECTING)
    assert fail(database_url, segments[3])
    with session(database_url) as db:
        add_videos(db, job_id, [NewVideo(f"/cam/new-{i}.mp4", f"new-{i}") for i in range(3)])
        (row,) = queries.jobs(db)
    expected = {
        "videos": 6, "videos_ended": 1, "videos_with_problem": 1, "videos_opened": 3,
        "segments": 6, "segments_done": 2, "segments_quarantined": 1, "segments_delayed": 1,
        "footage_s": 60.0, "footage_done_s": 30.0,
        # Three of six are opened: what is not is taken to be as long.
        "footage_expected_s": 120.0,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert (row["state"], row["open"], row["priority"], row["plates"]) == ("running", False, "normal", 0)
    assert job(database_url, job_id).segments_done == 1, "a video counts in its job's row when it has ended"


def test_nothing_is_expected_before_anything_is_opened(database_url: str) -> None:
    make_job(database_url, 0, 0, state=VideoState.REGISTERED)
    with session(database_url) as db:
        (row,) = queries.jobs(db)
    assert (row["videos"], row["videos_opened"], row["footage_s"], row["footage_expected_s"]) == (2, 0, 0.0, None)


def test_the_pace_is_of_the_last_two_minutes(database_url: str) -> None:
    job_id, _ = make_job(database_url, 5)
    idle, _ = make_job(database_url, 1)
    *good, bad = [s for s in take(database_url) if stored(database_url, s.segment_id).job_id == job_id]
    for segment in good:
        work(database_url, segment)
    quarantine(database_url, bad)
    for index, ago_s in enumerate((600, 100, 60, 20, 10)):
        run_sql(
            database_url,
            "UPDATE segments SET moved_at = now() - make_interval(secs => :ago) WHERE job_id = :job AND index = :index",
            ago=ago_s, job=job_id, index=index,
        )  # fmt: skip
    with session(database_url) as db:
        pace = dict(db.execute(text("SELECT job, pace FROM job_pace")).all())
    # Four ended in the last 100 s; the first of them opened the window.
    assert pace[job_id] == pytest.approx(30 / 100, rel=0.02)
    assert pace[idle] is None


def test_a_job_whose_last_end_was_long_ago_has_no_pace(database_url: str) -> None:
    job_id, _ = make_job(database_url, 2)
    for segment in take(database_url):
        work(database_url, segment)
    run_sql(database_url, "UPDATE segments SET moved_at = now() - interval '121 s'")
    with session(database_url) as db:
        assert db.execute(text("SELECT pace FROM job_pace WHERE job = :job"), {"job": job_id}).scalar_one() is None
