"""The workers' steps called one by one in this process: real rows, a real store, the stand-in's work, no queues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import RowMapping, select, text

from bench.standin import Drive
from db.engine import session
from db.jobs.submit import NewVideo, add_videos, close_job, create_job
from db.models import Job, Segment, Video
from db.queue import scheduler, unreachable
from pipeline.job_options import JobOptions
from pipeline.sources.expand import fingerprint
from store import Store
from workers.hashed_jobs import submitted
from workers.maintenance.store_gc import clear_deletions
from workers.settings import settings
from workers.steps import aggregate as aggregator
from workers.steps import probe, segment_stages
from workers.steps.stage_engine import stage_engine

KEY = "a plate key for tests only"


@dataclass(frozen=True)
class Road:
    """A database, a store, and whoever does a worker's work."""

    url: str
    folder: Path

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    @property
    def files(self) -> set[str]:
        """Every file of the store."""
        return {file.name for file in self.store.files()}

    @property
    def frames(self) -> set[str]:
        return {name for name in self.files if name.startswith("frames/")}

    def submit(self, *names: str, drive: Drive | None = None, retain_s: int | None = None, **options: Any) -> int:
        """A job of stand-in drives of these file names."""
        for name in names:
            # Files that are written in one tick of the clock and are equal would be one video.
            replace(drive or Drive(segments=2), name=name).write(self.folder / name)
        stored = submitted(JobOptions(**{"sample_fps": 8, **options}))
        with session(self.url) as db:
            job = create_job(db, "a tour", stored, retain_s=retain_s, is_open=True)
            add_videos(db, job, [NewVideo(str(self.folder / name), fingerprint(self.folder / name)) for name in names])
            close_job(db, job)
        return job

    def open(self, job: int) -> list[int]:
        videos = [row["id"] for row in self.ask("SELECT id FROM videos WHERE job_id = :job ORDER BY id", job=job)]
        for video in videos:
            probe.open_video(video)
        return videos

    def detect(self) -> list[tuple[int, int]]:
        """Detect whatever is due; returns (segment, attempt) of what is to be read."""
        with session(self.url) as db:
            taken = scheduler.take_pending(db, 1000, 1000)
        for one in taken:
            if not one.only_read:
                assert segment_stages.detect_segment(one.segment_id, one.attempt)
        return [(one.segment_id, one.attempt) for one in taken]

    def read(self, segments: list[tuple[int, int]]) -> None:
        for segment, attempt in segments:
            assert segment_stages.read_segment(segment, attempt)

    def insist(self) -> None:
        """Do what is due until nothing is, through failures and their delays."""
        while True:
            self.do("UPDATE segments SET not_before = NULL WHERE not_before IS NOT NULL")
            with session(self.url) as db:
                unreachable.unpark(db)
                taken = scheduler.take_pending(db, 1000, 1000)
            if not taken:
                return
            for one in taken:
                with suppress(Exception):
                    if one.only_read or segment_stages.detect_segment(one.segment_id, one.attempt):
                        segment_stages.read_segment(one.segment_id, one.attempt)

    def aggregate(self) -> None:
        for row in self.ask("SELECT key FROM outbox WHERE kind = 'aggregate' ORDER BY id"):
            aggregator.aggregate(row["key"])

    def finish(self) -> None:
        """Do all that is due, and put the videos together."""
        self.insist()
        self.aggregate()

    def clear(self) -> None:
        """Remove the files that have to go."""
        while clear_deletions(self.url):
            pass

    def run(self, *names: str, **about: Any) -> tuple[int, list[int]]:
        """A job from end to end; returns it and its videos."""
        job = self.submit(*names, **about)
        videos = self.open(job)
        self.read(self.detect())
        self.aggregate()
        assert self.job(job).finished_at is not None
        return job, videos

    def job(self, job: int) -> Job:
        with session(self.url) as db:
            return db.get_one(Job, job)

    def video(self, video: int) -> Video:
        with session(self.url) as db:
            return db.get_one(Video, video)

    def segments(self, job: int) -> list[Segment]:
        with session(self.url) as db:
            return list(db.scalars(select(Segment).where(Segment.job_id == job).order_by(Segment.id)))

    def ask(self, query: str, **values: Any) -> list[RowMapping]:
        with session(self.url) as db:
            return list(db.execute(text(query), values).mappings())

    def do(self, statement: str, **values: Any) -> None:
        with session(self.url) as db:
            db.execute(text(statement), values)

    def age(self, *videos: int, days: int) -> None:
        """Let videos have ended so long ago."""
        self.do(
            "UPDATE videos SET finished_at = finished_at - make_interval(days => :days) WHERE id = ANY (:ids)",
            days=days, ids=list(videos),
        )  # fmt: skip

    def dump(self) -> str:
        """The whole database as text."""
        tables = self.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        rows = [self.ask(f'SELECT t::text AS row FROM "{table["tablename"]}" t') for table in tables]
        return "\n".join(row["row"] for found in rows for row in found)


@contextmanager
def stand_in_road(url: str, folder: Path, **environment: str) -> Iterator[Road]:
    """The environment of workers with the stand-in; whatever needs the servers gets the tests' own."""
    folder.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASHPLATE_DATABASE_URL", url)
        patch.setenv("DASHPLATE_DATA_DIR", str(folder))
        patch.setenv("DASHPLATE_WORK", "bench.standin:StandIn")
        for name in ("DASHPLATE_PLATE_KEY", "DASHPLATE_STORE_DIR", "DASHPLATE_ROOTS"):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        _forget()
        yield Road(url, folder)
    _forget()


def give_key(monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    """From now on workers and commands have that key of hashed plates, or none."""
    if key is None:
        monkeypatch.delenv("DASHPLATE_PLATE_KEY")
    else:
        monkeypatch.setenv("DASHPLATE_PLATE_KEY", key)
    settings.cache_clear()


def _forget() -> None:
    settings.cache_clear()
    stage_engine.cache_clear()
