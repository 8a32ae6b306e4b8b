"""`dashplate watch`: a depot's folder, into which drives arrive slowly, and which goes away now and then; a bucket."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bench.standin import Drive, plate_text
from dashplate.stack import Stack
from tests.support.command_line.fleet import Fleet, running_fleet
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.s3_server import bucket, s3_server

LEAST = Drive(1, plates=1)
#: A file rests for so long before it is taken, and the folder is looked at so often, seconds.
SETTLE_S, EVERY_S = 1.0, 0.2
BUCKET = "cards"


@pytest.fixture(scope="module")
def cards() -> Iterator[Any]:
    """A bucket, and the environment in which commands and workers find it."""
    with (
        s3_server() as endpoint,
        pytest.MonkeyPatch.context() as patched,
        bucket(endpoint, BUCKET, patched) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def fleet(stack: Stack, tmp_path_factory: pytest.TempPathFactory, cards: Any) -> Iterator[Fleet]:
    with running_fleet(stack, tmp_path_factory.mktemp("watch"), f"s3://{BUCKET}/", time_limit_s=60) as fleet:
        yield fleet


@dataclass(frozen=True)
class Watcher:
    """A running `dashplate watch`."""

    process: subprocess.Popen[str]
    job: int

    def ended(self) -> str:
        """Wait for its end, which must be a good one; returns what it said."""
        _, err = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, err
        return err

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        return self.ended()


@contextmanager
def watching(fleet: Fleet, folder: Path | str, *words: object) -> Iterator[Watcher]:
    process = fleet.start("watch", folder, "--settle", SETTLE_S, "--every", EVERY_S, *words)
    try:
        assert process.stdout is not None
        yield Watcher(process, int(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()


def test_files_are_taken_in_as_they_arrive_and_the_job_ends_with_the_watch(fleet: Fleet) -> None:
    folder = fleet.drives("depot", 1, LEAST)
    with watching(fleet, folder, "--name", "depot") as watch:
        wait_until("the first file", lambda: fleet.states(watch.job) == {"00000.mp4": "done"})
        assert not fleet.ended(watch.job), "more may come"
        assert "running, open" in fleet.dashplate("status", watch.job).out

        # A copy of three seconds: it pauses for less than a file has to rest.
        whole = json.dumps(asdict(LEAST)).encode()
        slow = folder / "card 2" / "slow.mp4"
        slow.parent.mkdir()
        taken_early, written = [], [time.monotonic()]
        with slow.open("wb") as file:
            for part in range(15):
                file.write(whole[part * len(whole) // 15 : (part + 1) * len(whole) // 15])
                file.flush()
                written.append(time.monotonic())
                time.sleep(0.2)
                taken_early.append(len(fleet.videos(watch.job)) > 1)
        # On a crowded machine a pause may have been longer than a file has to rest.
        longest_s = max(after - before for before, after in pairwise([*written, time.monotonic()]))
        assert not any(taken_early) or longest_s > SETTLE_S / 2
        wait_until("the slow one", lambda: fleet.states(watch.job).get("slow.mp4") == "done")
        (folder / "note.txt").write_text("no video")

        # The folder goes away, as a share does, and what was taken before is not taken again.
        away = folder.with_name("away")
        folder.rename(away)
        time.sleep(4 * EVERY_S)
        assert watch.process.poll() is None
        away.rename(folder)
        fleet.drive("depot/later.mp4", LEAST)
        wait_until("the later one", lambda: fleet.states(watch.job).get("later.mp4") == "done")
        assert len(fleet.videos(watch.job)) == 3

        # Under an old name, another drive.
        fleet.drive("depot/later.mp4", Drive(2, plates=1))
        changed = "SELECT count(*) FROM videos WHERE job_id = :job AND path LIKE '%later.mp4'"
        wait_until("the changed one", lambda: fleet.one(changed, job=watch.job) == 2)
        assert not fleet.ended(watch.job)
        fleet.drive("depot/too-young.mp4", LEAST)
        said = watch.stop()
    fleet.finish(watch.job)
    job = fleet.job(watch.job)
    assert (job["state"], job["open"], job["name"], job["videos"]) == ("finished", False, "depot", 4)
    assert set(fleet.states(watch.job).values()) == {"done"}
    lines = said.splitlines()
    assert lines[0] == "took in 00000.mp4"
    assert lines.count("depot cannot be looked at now; waiting for it.") == 1
    assert lines[-1] == f"Job {watch.job} took in 4 files and is closed; it finishes by itself."


def test_a_watch_ends_by_itself_when_nothing_more_comes(fleet: Fleet) -> None:
    folder = fleet.drives("card", 2, LEAST)
    with watching(fleet, folder, "--until-idle", 1.5) as watch:
        began = time.monotonic()
        said = watch.ended()
        assert time.monotonic() - began > SETTLE_S + 1.5 - EVERY_S
    assert "took in 2 files" in said
    fleet.finish(watch.job)
    assert set(fleet.states(watch.job).values()) == {"done"}


def test_a_folder_of_a_bucket_is_watched_like_one_of_the_disk(fleet: Fleet, cards: Any) -> None:
    def put(key: str, drive: Drive) -> None:
        cards.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(asdict(drive)).encode())

    put("depot/1.mp4", LEAST)
    put("elsewhere/0.mp4", LEAST)
    with watching(fleet, f"s3://{BUCKET}/depot/", "--until-idle", 3) as watch:
        wait_until("the first object", lambda: fleet.videos(watch.job))
        put("depot/2.mp4", Drive(2, plates=1))
        put("depot/note.txt", LEAST)
        said = watch.ended()
    assert said.splitlines() == [
        "took in 1.mp4",
        "took in 2.mp4",
        f"Job {watch.job} took in 2 files and is closed; it finishes by itself.",
    ]
    fleet.finish(watch.job)
    assert fleet.states(watch.job) == {"1.mp4": "done", "2.mp4": "done"}
    texts = {name: plate_text(name, 0) for name in ("1.mp4", "2.mp4")}
    assert {name: plate for name, plate, first_s in fleet.plates(watch.job) if first_s == 0.0} == texts
    paths = [video["path"] for video in fleet.videos(watch.job).values()]
    assert paths == [f"s3://{BUCKET}/depot/{number}.mp4" for number in (1, 2)]


def test_a_watch_that_is_killed_goes_on_under_its_key(fleet: Fleet) -> None:
    folder = fleet.drives("killed", 2, LEAST)
    with watching(fleet, folder, "--key", "depot 9") as watch:
        wait_until("the first files", lambda: len(fleet.videos(watch.job)) == 2)
    fleet.drive("killed/meanwhile.mp4", LEAST)
    job = fleet.job(watch.job)
    assert (job["open"], fleet.ended(watch.job)) == (True, False)
    with watching(fleet, folder, "--key", "depot 9", "--until-idle", 0.5) as again:
        said = again.ended()
    assert again.job == watch.job
    assert "took in 1 of 3 files" in said
    fleet.finish(watch.job)
    assert fleet.states(watch.job) == dict.fromkeys(["00000.mp4", "00001.mp4", "meanwhile.mp4"], "done")
    assert fleet.one("SELECT count(*) FROM videos WHERE job_id = :job", job=watch.job) == 3


def test_a_file_submitted_into_a_watched_job_does_not_close_it(fleet: Fleet) -> None:
    folder = fleet.drives("shared", 1, LEAST)
    with watching(fleet, folder) as watch:
        wait_until("the first file", lambda: fleet.videos(watch.job))
        said = fleet.dashplate("submit", fleet.drive("by hand.mp4", LEAST), "--job", watch.job)
        assert said.code == 0, said.err
        wait_until("both", lambda: fleet.states(watch.job) == {"00000.mp4": "done", "by hand.mp4": "done"})
        assert (fleet.job(watch.job)["open"], fleet.ended(watch.job)) == (True, False)
        watch.stop()
    fleet.finish(watch.job)
    assert not fleet.job(watch.job)["open"]


def test_a_job_that_is_cancelled_ends_its_watch(fleet: Fleet) -> None:
    folder = fleet.drives("given-up", 1, LEAST)
    with watching(fleet, folder) as watch:
        wait_until("the first file", lambda: fleet.videos(watch.job))
        assert fleet.dashplate("cancel", watch.job).code == 0
        fleet.drive("given-up/next.mp4", LEAST)
        _, err = watch.process.communicate(timeout=PATIENCE_S)
    assert watch.process.returncode == 2
    assert f"Job {watch.job} is cancelled" in err
    assert len(fleet.videos(watch.job)) == 1


def test_what_cannot_be_watched_is_refused(fleet: Fleet) -> None:
    before = fleet.one("SELECT count(*) FROM jobs")
    file = fleet.drive("file.mp4", LEAST)
    for words, sentence in (
        ([fleet.folder / "no-such-folder"], "is no folder"),
        ([file], "is no folder"),
        ([fleet.folder.parent], "outside the folders"),
        (["https://127.0.0.1/cards/"], "outside"),
        ([fleet.folder, "--every", "0"], "--every"),
        ([fleet.folder, "--job", 4711], "no job 4711"),
    ):
        said = fleet.dashplate("watch", *words)
        assert (said.code, said.out) == (2, ""), words
        assert sentence in said.err
    assert fleet.one("SELECT count(*) FROM jobs") == before
