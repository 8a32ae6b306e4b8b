"""The truth of `dashplate eval video`: the CSV, the clips that it names, and a clip's frames by time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.video.clips import ClipChoice, load_clips
from evaluation.video.processing import frame_at
from pipeline.errors import MediaError, UsageError
from tests.support import media_files


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A folder with two clips, and none of the truth."""
    for name in ("a.mp4", "b.mp4"):
        media_files.single_frame(tmp_path).rename(tmp_path / name)
    return tmp_path


def write_truth(folder: Path, *lines: str, columns: str = "video,plate_text,first_s,last_s,legibility") -> Path:
    file = folder / "truth.csv"
    file.write_text("\n".join([columns, *lines]) + "\n", encoding="utf-8")
    return file


def test_clips_come_with_their_plates_and_others_are_named(videos: Path) -> None:
    truth = write_truth(videos, "a.mp4,ab 12-cd,0,2.5,clear", "a.mp4,XX99,1,2,hard")
    (clip,), left_out = load_clips(truth, ClipChoice())
    assert [(p.text, p.clear, p.first_s, p.last_s) for p in clip.plates] == [
        ("AB12CD", True, (0, 0), (2.5, 2.5)),
        ("XX99", False, (1, 1), (2, 2)),
    ]
    assert left_out == ["b.mp4"]


@pytest.mark.parametrize(
    ("second_line", "plateless", "others"), [("b.mp4,,,,", (), False), ("", ("b.mp4",), False), ("", (), True)]
)
def test_videos_without_plates_are_asked_for_three_ways(
    videos: Path, second_line: str, plateless: tuple[str, ...], others: bool
) -> None:
    truth = write_truth(videos, "a.mp4,AB12,0,2,clear", *filter(None, [second_line]))
    choice = ClipChoice(plateless=tuple(videos / name for name in plateless), others_plateless=others)
    clips, left_out = load_clips(truth, choice)
    assert [(clip.name, len(clip.plates)) for clip in clips] == [("a.mp4", 1), ("b.mp4", 0)]
    assert left_out == []


def test_without_legibility_every_plate_is_clear(videos: Path) -> None:
    truth = write_truth(videos, "a.mp4,AB12,0,2", columns="video,plate_text,first_s,last_s")
    assert load_clips(truth, ClipChoice())[0][0].plates[0].clear


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("gone.mp4,AB12,0,2,clear", "Not there: gone.mp4; --videos names"),
        ("a.mp4,AB12,soon,2,clear", "line 2: first_s and last_s have to be seconds"),
        ("a.mp4,AB12,3,2,clear", "0 ≤ first_s ≤ last_s"),
        ("a.mp4,AB12,0,nan,clear", "0 ≤ first_s ≤ last_s"),
        ("a.mp4,--,0,2,clear", "a text is needed"),
        (",AB12,0,2,clear", "line 2: no video is named"),
        ("", "names no video"),
        ("still.png,AB12,0,2,clear", "is a photograph"),
    ],
)
def test_truth_that_cannot_be_used_costs_a_sentence(videos: Path, line: str, sentence: str) -> None:
    cv2.imwrite(str(videos / "still.png"), np.full((40, 60, 3), 90, np.uint8))
    with pytest.raises(UsageError, match=sentence):
        load_clips(write_truth(videos, *([line] if line else [])), ClipChoice())


def test_a_plateless_video_must_have_no_plates_and_a_broken_one_is_told_before_all_others(videos: Path) -> None:
    truth = write_truth(videos, "a.mp4,AB12,0,2,clear")
    with pytest.raises(UsageError, match=r"a\.mp4 has plates"):
        load_clips(truth, ClipChoice(plateless=(videos / "a.mp4",)))
    (videos / "b.mp4").write_bytes(b"")
    with pytest.raises(MediaError):
        load_clips(truth, ClipChoice(others_plateless=True))
    with pytest.raises(UsageError, match="no column first_s"):
        load_clips(write_truth(videos, "a.mp4,AB12", columns="video,plate_text"), ClipChoice())


def test_the_frame_of_a_time_is_the_one_shown_then(tmp_path: Path) -> None:
    path = media_files.variable_rate(tmp_path)
    frames = [frame_at(path, time_s) for time_s in (0.0, 0.5, 99.0)]
    assert frames[0].time_s == 0.0
    assert 0.0 < frames[1].time_s <= 0.5
    assert frames[2].time_s > frames[1].time_s
