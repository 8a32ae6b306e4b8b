"""What the benchmark counts: texts that could be plates, right and wrong answers, whose memory it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.road.clips import Clip, Spotted, real_clips, scored
from bench.road.memory import Peaks, Seen, roles_of
from bench.road.runs import Program, RoadRun, first_reading_s, naive_run
from bench.road.table import Measured, as_markdown
from bench.road.texts import repeated, spans
from evaluation.texts import could_be_plate, normalised
from pipeline.errors import UsageError
from synthesis.truth import TruePlate


def _plate(text: str, first_s: float = 0.0, legible: bool = True) -> TruePlate:
    return TruePlate(text, "GB", first_s, 9.0, first_s if legible else None, 9.0 if legible else None, 80.0)


def _clip(*plates: TruePlate) -> Clip:
    return Clip(Path("a.mp4"), 10.0, plates)


def _spotted(*texts: str) -> list[Spotted]:
    return [Spotted(text, 0.0, 1.0) for text in texts]


@pytest.mark.parametrize(
    ("written", "plain"),
    [("ls15 ebc", "LS15EBC"), ("34A-368.37", "34A36837"), ("粤B·12345", "B12345"), ("——", "")],
)
def test_texts_are_compared_by_their_letters_and_digits(written: str, plain: str) -> None:
    assert normalised(written) == plain


@pytest.mark.parametrize(
    ("text", "could"),
    [("AB1", False), ("AB12", True), ("ABCDE12345", True), ("ABCDE123456", False)],
)
def test_a_plate_has_four_to_ten_characters(text: str, could: bool) -> None:
    assert could_be_plate(text) is could


def test_a_text_must_stand_in_two_frames_not_twice_in_one() -> None:
    found = spans([(0.0, ["AB 12", "ab12", "XY99"]), (0.1, ["XY-99", "no"]), (0.2, [])])
    assert [(span.text, span.frames, span.first_s, span.last_s) for span in found] == [
        ("AB12", 1, 0.0, 0.0),
        ("XY99", 2, 0.0, 0.1),
    ]
    assert [span.text for span in repeated(found)] == ["XY99"]


def test_a_hard_plate_is_neither_missed_nor_false() -> None:
    clip = _clip(_plate("CLEAR1"), _plate("HARD22", legible=False))
    unread, read = scored(clip, []), scored(clip, _spotted("CLEAR1", "HARD22", "FALSE3"))
    assert (unread.found, unread.missed, unread.false) == ((), ("CLEAR1",), ())
    assert (read.found, read.missed, read.false) == (("CLEAR1",), (), ("FALSE3",))


def test_where_nothing_can_be_read_every_answer_is_false() -> None:
    result = scored(_clip(), _spotted("AB12"))
    assert (result.true, result.false) == ((), ("AB12",))


def test_what_comes_after_the_part_that_was_read_is_not_asked_for() -> None:
    clip = _clip(_plate("EARLY1"), _plate("LATE22", first_s=5.0))
    assert scored(clip, [], until_s=2.0).missed == ("EARLY1",)


def test_the_real_clips_ask_for_their_clear_plates(shared_data: Path) -> None:
    asked = {clip.path.name: scored(clip, []).missed for clip in real_clips(shared_data / "video")}
    assert {name: len(plates) for name, plates in asked.items()} == {
        "gate_vn.mp4": 4,
        "road_gb.mp4": 1,
        "street_no_readable_plate.mp4": 0,
    }


def test_a_folder_without_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"truth\.csv"):
        real_clips(tmp_path)


def test_memory_goes_to_the_role_of_the_process_or_of_the_worker_above_it() -> None:
    def seen(pid: int, parent: int, *argv: str, folder: str = "/repo") -> Seen:
        return Seen(pid, parent, argv, folder, 1)

    processes = [
        seen(10, 1, "python", "-m", "dashplate", "run", "a.mp4"),
        seen(11, 10, "python", "-m", "dashplate.supervisor.guard", "x"),
        seen(12, 10, "python", "-m", "dashplate", "worker", "detect"),
        seen(13, 12, "python", "-c", "spawn_main"),
        seen(14, 12, "python", "-m", "dashplate", "worker", "detect"),
        # The servers are nobody's children.
        seen(20, 1, "redis-server", "*:1", folder="/data/redis"),
        seen(21, 1, "postgres", folder="/data/postgres/cluster"),
        seen(30, 1, "postgres", folder="/elsewhere"),
        seen(31, 1, "python", "-m", "dashplate", "worker", "read"),
    ]
    assert roles_of(processes, 10, "command line", Path("/data")) == {
        10: "command line",
        11: "command line",
        12: "detect parent",
        13: "detect child",
        14: "detect child",
        20: "redis",
        21: "postgres",
    }


def test_the_first_plate_is_the_first_reading_line() -> None:
    lines = [
        (1.0, "starting"),
        (2.5, "     0:03.1  LS15EBC    GB   98%  road_gb.mp4"),
        (3.0, "  0:04.0  X  GB  9%  a"),
    ]
    assert first_reading_s(lines) == 2.5
    assert first_reading_s(lines[:1]) is None


def test_a_part_that_was_read_stands_for_the_whole_clip() -> None:
    record = {"text": "AB12", "frames": 3, "first_s": 0.0, "last_s": 1.0}
    reading = {
        "frames": 20,
        "load_s": 3.0,
        "reading_s": 8.0,
        "texts": [record, record | {"text": "CD34", "frames": 1}],
    }
    run = naive_run(10.0, 2.0, Program(12.0, (), Peaks({}, 0.0)), reading)
    assert (run.reading_s, run.wall_s, run.s_per_frame) == (40.0, 44.0, 0.4)
    assert [plate.text for plate in run.plates] == ["AB12"]


def test_the_markdown_table_has_a_column_for_each_clip_and_marks_what_is_extrapolated() -> None:
    program = Program(12.0, (), Peaks({"redis": 5.0}, 100.0))
    naive = naive_run(10.0, 2.0, program, {"frames": 20, "reading_s": 8.0, "texts": []})
    road = RoadRun((Spotted("AB12CD", 0.0, 1.0),), 20.0, 10.0, None, program.memory)
    lines = as_markdown([Measured(_clip(_plate("AB12CD")), road, road, naive)]).splitlines()
    assert lines[0] == "|  | `a.mp4` |"
    assert {line.count("|") for line in lines} == {3}
    assert "| plates found exactly | 1 of 1 |" in lines
    assert "| plates found exactly | ~0 of 1 |" in lines
    assert "| warm | 4.0 |" in lines
