"""What a submission would do, told before it does it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dashplate.commands.dry_run import SAMPLES, Plan, lines, plan
from db.findings.queries import Experience
from pipeline.sources.fingerprints import fingerprint
from pipeline.sources.source import Remote, Source
from tests.support import media_files

#: A hundred files of a minute each.
HUNDRED = Plan(100, 6_000_000_000, 0, 0, 0, 0, {".mp4": 100}, 12, 6000 / 6e9)


def files(folder: Path, count: int, content: bytes = b"x") -> list[Source]:
    """Files without pictures, each with a time of its own."""
    made: list[Source] = []
    for number in range(count):
        path = folder / f"{number:02d}.mp4"
        path.write_bytes(content)
        os.utime(path, (number, number))
        made.append(path)
    return made


def test_every_file_begins_with_a_short_segment() -> None:
    assert HUNDRED.footage_s == pytest.approx(6000.0)
    assert HUNDRED.segments == 100 + (6000 - 100 * 4) / 10
    assert replace(HUNDRED, seconds_per_byte=1e-12).segments == 100, "a file is one segment at least"


def test_files_whose_size_is_not_known_are_taken_to_be_like_the_others() -> None:
    assert replace(HUNDRED, size_bytes=3_000_000_000, unsized=50).footage_s == pytest.approx(6000.0)


def test_photographs_have_no_length_and_a_segment_each() -> None:
    mixed = replace(HUNDRED, files=150, photos=50, size_bytes=7_000_000_000, photo_bytes=1_000_000_000)
    assert mixed.footage_s == pytest.approx(6000.0)
    assert mixed.segments == 660 + 50
    alone = Plan(3, 3_000_000, 3, 3_000_000, 0, 0, {".jpg": 3}, 0, None)
    assert lines(alone, None, None) == ["3 files would be added to a new job: 3 .jpg.", "They hold 3.0 MB."]


def test_without_a_sample_nothing_is_foretold() -> None:
    unread = replace(HUNDRED, sampled=0, seconds_per_byte=None)
    assert (unread.footage_s, unread.segments) == (None, None)
    assert lines(unread, None, Experience(3, 10.0, 5.0)) == [
        "100 files would be added to a new job: 100 .mp4.",
        "They hold 6.0 GB.",
        "None of those opened for a sample could be read, so their length is not known.",
    ]


def test_the_plan_in_sentences() -> None:
    assert lines(replace(HUNDRED, known=1200), 7, Experience(3, 10.0, 5000.0)) == [
        "100 files would be added to job 7: 100 .mp4.",
        "Left alone, because the same file is there already: 1,200.",
        "They hold 6.0 GB.",
        "About 1 h 40 min of footage in 660 segments, judged by 12 of the files.",
        "At job 3's pace, 10.0× real time, it takes about 10 min on the workers of then.",
        "Its evidence would take about 30.0 MB in the store.",
    ]
    assert lines(HUNDRED, None, None)[-1] == "How long that takes is not known yet: no job has finished here."
    without = lines(HUNDRED, None, Experience(3, 10.0, 0.0))
    assert not any("evidence" in line for line in without)


def test_a_submission_that_adds_nothing_says_so() -> None:
    said = lines(Plan(0, 0, 0, 0, 0, 5, {}, 0, None), 7, None)
    assert said == ["0 files would be added to job 7.", "Left alone, because the same file is there already: 5."]


def test_the_length_is_judged_by_the_files_that_can_be_opened(tmp_path: Path) -> None:
    """Six seconds each; the photograph has no length and the text no pictures."""
    clip = media_files.tidy(tmp_path)
    again = tmp_path / "again.mp4"
    shutil.copyfile(clip, again)
    os.utime(again, (1, 1))
    sources = [clip, again, media_files.photo(tmp_path), media_files.text(tmp_path), tmp_path / "gone.mp4"]
    found = plan(sources, set())
    assert (found.files, found.known, found.unsized, found.sampled) == (5, 0, 1, 2)
    assert found.endings == {".mp4": 4, ".jpg": 1}
    assert found.seconds_per_byte == pytest.approx(12.0 / (2 * clip.stat().st_size))
    assert (found.photos, found.photo_bytes) == (1, (tmp_path / "photo.jpg").stat().st_size)


def test_the_same_file_counts_once_and_not_at_all_where_the_job_has_it(tmp_path: Path) -> None:
    first, second, third = files(tmp_path, 3)
    linked = tmp_path / "linked.mp4"
    os.link(str(first), linked)
    assert (plan([first, linked, second], set()).files, plan([first, linked, second], set()).known) == (2, 1)
    found = plan([first, linked, second, third], {fingerprint(first), fingerprint(third)})
    assert (found.files, found.known, found.size_bytes) == (1, 3, 1)


def test_no_more_than_a_few_files_are_opened_and_not_the_first_ones_only(tmp_path: Path) -> None:
    clip = media_files.tidy(tmp_path).read_bytes()
    assert plan(files(tmp_path, 50, clip), set()).sampled == SAMPLES
    (tmp_path / "half").mkdir()
    half = [*files(tmp_path, 25), *files(tmp_path / "half", 25, clip)]
    assert plan(half, set()).sampled == pytest.approx(SAMPLES / 2, abs=1)


def test_the_sizes_of_objects_come_with_their_listing() -> None:
    listed = [Remote(f"memory://cards/{n}.mp4", {"size": 1000, "ETag": str(n)}) for n in range(3)]
    found = plan([*listed, Remote("memory://cards/unlisted.mp4")], set())
    assert (found.files, found.size_bytes, found.unsized) == (4, 3000, 1)
