"""What a user submits to a fleet: folders, lists, keys, dry runs and ten thousand files; and what is refused."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from rich.filesize import decimal

from bench.standin import Drive
from tests.support import media_files
from tests.support.command_line.fleet import LEAST, Fleet
from tests.support.processes import PATIENCE_S, wait_until


@pytest.fixture(scope="module")
def cards(fleet: Fleet) -> Path:
    """Three files, two of them under a second name too, and one that is none of ours."""
    folder = fleet.folder / "cards"
    for name in ("a/1.mp4", "a/2.mp4", "b/new\nline.mp4"):
        fleet.drive(f"cards/{name}", LEAST)
    os.link(folder / "a/1.mp4", folder / "b/1-linked.mp4")
    shutil.copy2(folder / "a/2.mp4", folder / "b/2-copied.mp4")
    (folder / "note.txt").write_text("no video")
    return folder


def test_a_folder_and_a_pattern_mean_their_files_and_each_file_once(fleet: Fleet, cards: Path) -> None:
    expected = ["1.mp4", "2.mp4", "new\nline.mp4"]
    for word in (cards, f"{cards}/**/*.mp4"):
        job = fleet.submit(word)
        assert sorted(fleet.videos(job)) == expected
        assert fleet.job(job)["name"] == "1.mp4 and 2 more"
    job = fleet.submit(cards / "a/2.mp4", cards / "b/2-copied.mp4", cards / "a/1.mp4")
    assert sorted(fleet.videos(job)) == expected[:2]


def test_lists_mean_their_files(fleet: Fleet, cards: Path) -> None:
    lines = fleet.folder / "list.txt"
    lines.write_text("# Monday\ncards/a/1.mp4\n\ncards/a/2.mp4\n")
    assert sorted(fleet.videos(fleet.submit(f"@{lines}"))) == ["1.mp4", "2.mp4"]
    names = "\0".join(map(str, sorted(cards.rglob("*.mp4"))))
    (fleet.folder / "list.nul").write_text(names)
    assert len(fleet.videos(fleet.submit(f"@{fleet.folder / 'list.nul'}"))) == 3
    piped = fleet.start("submit", "-", "--wait", stdin=subprocess.PIPE)
    out, err = piped.communicate(names, timeout=PATIENCE_S)
    assert (piped.returncode, err) == (0, "")
    assert fleet.states(int(out)) == dict.fromkeys(["1.mp4", "2.mp4", "new\nline.mp4"], "done")


def test_what_is_not_there_ends_as_a_video_that_says_so(fleet: Fleet) -> None:
    said = fleet.dashplate("submit", fleet.folder / "gone.mp4", fleet.drive("there.mp4", LEAST), "--wait")
    assert said.code == 3
    assert fleet.states(int(said.out)) == {"gone.mp4": "inaccessible", "there.mp4": "done"}
    assert "gone.mp4 is not there" in said.err


def test_what_cannot_be_meant_is_refused_and_makes_no_job(fleet: Fleet) -> None:
    (fleet.folder / "empty").mkdir()
    file = fleet.drive("refused.mp4", LEAST)
    other = fleet.submit(fleet.drive("other.mp4", LEAST))
    before = fleet.one("SELECT count(*) FROM jobs")
    for words, sentence in (
        ([fleet.folder / "empty"], "holds no video and no photo"),
        ([f"{fleet.folder}/empty/*.mp4"], "No file fits"),
        (["@no-such-list.txt"], "cannot be read"),
        ([file, "--priority", "urgent"], "urgent"),
        ([file, "--retain", "30"], "is no duration"),
        ([file, "--country", "Atlantis"], "ATLANTIS"),
        ([file, "--reader-engine", "abacus"], "choose one of"),
        ([file, "--job", other, "--name", "mine"], "keeps the options that it was made with"),
        ([file, "--job", other, "--priority", "high"], "keeps the options that it was made with"),
        ([file, "--job", other, "--country", "FR", "--dry-run"], "keeps the options that it was made with"),
        ([file, "--job", 4711], "no job 4711"),
        ([file, "--job", 4711, "--dry-run"], "no job 4711"),
    ):
        said = fleet.dashplate("submit", *words)
        assert (said.code, said.out) == (2, ""), words
        assert sentence in said.err
        assert "Traceback" not in said.err
    assert fleet.one("SELECT count(*) FROM jobs") == before


def test_a_submission_that_is_killed_goes_on_under_its_key(fleet: Fleet) -> None:
    """Most lines are second names of the first files: they take their time, and are no videos of their own."""
    early, late = ([fleet.drive(f"key/{when}-{n}.mp4", LEAST) for n in range(10)] for when in ("early", "late"))
    links = [fleet.folder / f"key/link-{number}.mp4" for number in range(1500)]
    for number, link in enumerate(links):
        os.link(early[number % 10], link)
    lines = fleet.folder / "key.txt"
    lines.write_text("\n".join(map(str, [*early, *links, *late])))
    command = ("submit", f"@{lines}", "--key", "card 7")
    with fleet.start(*command) as process:
        assert process.stdout is not None
        job = int(process.stdout.readline())
        wait_until("the first files", lambda: fleet.job(job)["videos"], every_s=0.005)
        process.send_signal(signal.SIGKILL)
    killed = fleet.job(job)
    assert killed["videos"] == len(early)
    assert (killed["open"], killed["state"]) == (True, "running")
    assert "running, open" in fleet.dashplate("status").out
    # The job cannot end behind the back of whoever submits the rest, although all that is in it has ended.
    wait_until("the end of those", lambda: fleet.job(job)["videos_ended"] == killed["videos"])
    fleet.let_sweep()
    assert not fleet.ended(job)

    assert fleet.submit(*command[1:]) == job
    fleet.finish(job)
    assert fleet.states(job) == {path.name: "done" for path in (*early, *late)}
    assert fleet.one("SELECT count(*) FROM videos WHERE job_id = :job", job=job) == 20
    assert fleet.job(job)["name"] == "early-0.mp4 and 19 more"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(fleet: Fleet) -> None:
    folder = fleet.folder / "real"
    folder.mkdir()
    clip = media_files.tidy(folder)
    for number in range(3):
        shutil.copy(clip, folder / f"{number}.mp4")
        os.utime(folder / f"{number}.mp4", (number, number))
    media_files.photo(folder)
    os.link(clip, folder / "linked.mp4")
    size = sum(path.stat().st_size for path in folder.iterdir()) - clip.stat().st_size
    tables = ("jobs", "videos", "outbox")
    before = [fleet.one(f"SELECT count(*) FROM {table}") for table in tables]
    said = fleet.dashplate("submit", folder, "--dry-run", "--key", "dry")
    assert said.code == 0, said.err
    assert "5 files would be added to a new job: 4 .mp4, 1 .jpg." in said.out
    assert "same file is there already: 1." in said.out
    assert f"They hold {decimal(size)}." in said.out
    assert "About 24 s of footage in 6 segments, judged by 4 of the files." in said.out
    assert [fleet.one(f"SELECT count(*) FROM {table}") for table in tables] == before


def test_ten_thousand_files_are_registered_unopened_and_cancelled(fleet: Fleet) -> None:
    # Long, so that it has not ended when the pause comes.
    first = fleet.drive("first.mp4", Drive(60, probe_s=1.0, look_s=0.2, plates=0))
    job = fleet.submit(first, "--name", "large")
    assert fleet.dashplate("pause", job).code == 0
    folder = fleet.folder / "large"
    folder.mkdir()
    for number in range(10_000):
        (folder / f"{number}.mp4").write_bytes(b"no video %d" % number)
    began = time.monotonic()
    fleet.submit(folder, "--job", job)
    took_s = time.monotonic() - began
    assert fleet.job(job)["videos"] == 10_001
    # Whoever had opened one would know that it is no video.
    untouched = "SELECT count(*) FROM videos WHERE job_id = :job AND state = 'registered' AND problem IS NULL"
    assert fleet.one(untouched, job=job) >= 10_000
    began = time.monotonic()
    said = fleet.dashplate("cancel", job)
    assert (said.code, f"Job {job} is cancelled" in said.out) == (0, True)
    wait_until("the end", lambda: fleet.job(job)["videos_ended"] == 10_001)
    assert (fleet.job(job)["state"], fleet.ended(job)) == ("cancelled", True)
    assert fleet.one("SELECT count(*) FROM outbox WHERE job_id = :job", job=job) == 0
    print(f"10,000 files: registered in {took_s:.1f} s, cancelled in {time.monotonic() - began:.1f} s")
    shutil.rmtree(folder)
