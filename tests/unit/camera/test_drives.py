"""Which recordings belong together, over invented fleets."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.camera.clock import clock_of
from pipeline.camera.drives import Drive, Recording, drives_of, recording_of
from pipeline.camera.file_names import named
from pipeline.camera.records import ClockClaim
from pipeline.records import RecordedFrom

NOON = dt.datetime(2026, 7, 1, 12)
MINUTE = dt.timedelta(minutes=1)


def filed(names: Iterable[str], length_s: float | None = 60.0) -> list[Recording]:
    """Files with the clock of their names."""
    return [a_file(number, name, length_s) for number, name in enumerate(names)]


def a_file(key: int, name: str, length_s: float | None = 60.0, at: dt.datetime | None = None) -> Recording:
    path = Path("/cards") / name
    at = at or named(path).at
    clock = None if at is None else clock_of([ClockClaim(at, RecordedFrom.FILENAME, 1.0)])
    return recording_of(key, path, clock, length_s)


def names(drive: Drive) -> list[list[list[str]]]:
    """Names by stretch and moment."""
    return [[[one.path.name.partition(".")[0] for one in m.recordings] for m in s.moments] for s in drive.stretches]


def blackvue(card: str, starts: Sequence[dt.datetime], ends: Sequence[str] = ("NF", "NR")) -> list[str]:
    return [f"{card}/{at:%Y%m%d_%H%M%S}_{end}.mp4" for at in starts for end in ends]


def minutes(count: int, since: dt.datetime = NOON) -> list[dt.datetime]:
    return [since + MINUTE * number for number in range(count)]


def test_cameras_of_a_moment_and_clips_of_a_drive() -> None:
    [drive] = drives_of(filed(blackvue("van", minutes(3), ("NR", "NI", "NF"))))
    [stretch] = drive.stretches
    assert len(stretch.moments) == 3
    assert [one.camera for one in stretch.moments[0].recordings] == ["front", "rear", "interior"]


def test_folders_that_sort_a_card_part_no_vehicle() -> None:
    files = [f"70mai/Normal/{folder}/NO20260101-1200{second:02}-00000{number}{letter}.MP4"
             for number, second in ((1, 0), (2, 2)) for folder, letter in (("Front", "F"), ("Back", "B"))]  # fmt: skip
    [drive] = drives_of(filed(files, 2.0))
    assert names(drive) == [[
        ["NO20260101-120000-000001F", "NO20260101-120000-000001B"],
        ["NO20260101-120002-000002F", "NO20260101-120002-000002B"],
    ]]  # fmt: skip


def test_a_missing_clip_parts_a_stretch_and_no_drive() -> None:
    starts = minutes(5)
    [drive] = drives_of(filed(blackvue("van", starts[:2] + starts[3:])))
    assert [len(stretch.moments) for stretch in drive.stretches] == [2, 2]


def test_a_drive_ends_after_a_pause() -> None:
    starts = [NOON, NOON + MINUTE + dt.timedelta(minutes=4), NOON + dt.timedelta(minutes=12)]
    assert [len(drive.moments) for drive in drives_of(filed(blackvue("van", starts)))] == [2, 1]
    assert len(drives_of(filed(blackvue("van", starts)), pause_s=3600)) == 1
    assert len(drives_of(filed(blackvue("van", starts)), pause_s=0)) == 3


def test_cars_with_the_same_camera_are_kept_apart_by_their_folders() -> None:
    drives = drives_of(filed([*blackvue("van1/Record", minutes(2)), *blackvue("van2/Record", minutes(2))]))
    assert sorted({one.path.parts[2] for one in drive}.pop() for drive in drives) == ["van1", "van2"]
    assert all(len(drive.moments) == 2 for drive in drives)


def test_cars_in_one_folder_are_kept_apart_where_their_clips_overlap() -> None:
    """Without a camera's letter, all that tells them apart is that nobody records two minutes in one."""
    first = [f"all/van1 {at:%Y-%m-%d %H-%M-%S}.mp4" for at in minutes(3)]
    second = [f"all/van2 {at:%Y-%m-%d %H-%M-%S}.mp4" for at in minutes(3, NOON + dt.timedelta(seconds=30))]
    drives = drives_of(filed([*first, *second]))
    assert sorted({one.path.name[:4] for one in drive} == {"van1"} for drive in drives) == [False, True]
    assert [len(drive.moments) for drive in drives] == [3, 3]


def test_makes_in_one_folder_are_vehicles_of_their_own() -> None:
    drives = drives_of(filed(["all/20260701_120000_NF.mp4", "all/REC_2026_07_01_12_00_00_F.mp4"]))
    assert len(drives) == 2


def test_an_event_is_part_of_the_drive_that_goes_on() -> None:
    files = filed([*blackvue("van", minutes(2)), "van/20260701_120030_EF.mp4"], 60.0)
    [drive] = drives_of(files)
    assert len(list(drive)) == 5


def test_the_counter_joins_what_a_slow_camera_parts() -> None:
    files = [f"v/2026_0701_12{minute:02}{second:02}_{number:03}F.MP4" for minute, second, number in
             ((0, 0, 41), (1, 20, 42), (2, 40, 44))]  # fmt: skip
    [drive] = drives_of(filed(files))
    assert [len(stretch.moments) for stretch in drive.stretches] == [2, 1]


def test_summer_time_that_a_camera_puts_itself_forward_for_parts_nothing() -> None:
    night = dt.datetime(2026, 3, 29, 1, 58)
    files = [f"v/{at:%Y_%m%d_%H%M%S}_{number:03}F.MP4" for number, at in
             enumerate([night, night + MINUTE, night + 62 * MINUTE, night + 63 * MINUTE], 7)]  # fmt: skip
    [drive] = drives_of(filed(files))
    assert [len(stretch.moments) for stretch in drive.stretches] == [4]


def test_summer_time_that_ends_within_a_drive_parts_nothing() -> None:
    """From 01:00 to 02:59, back to 02:00, and on to 03:30: an hour is there twice."""
    begin = dt.datetime(2025, 10, 26, 1)
    elapsed = [10 * MINUTE * number for number in range(21)]
    starts = [begin + one if one < dt.timedelta(hours=2) else begin + one - dt.timedelta(hours=1) for one in elapsed]
    files = [f"v/{at:%Y_%m%d_%H%M%S}_{number:03}F.MP4" for number, at in enumerate(starts, 101)]
    [drive] = drives_of(filed(files, 600.0))
    [stretch] = drive.stretches
    assert [one.recordings[0].counter for one in stretch.moments] == list(range(101, 122))


def test_clocks_with_a_zone_run_through_the_night_in_which_clocks_change() -> None:
    begin = dt.datetime(2025, 10, 26, 0, 30, tzinfo=dt.UTC)
    files = [a_file(number, f"v/clip{number}.mp4", 600.0, begin + 10 * MINUTE * number) for number in range(6)]
    [drive] = drives_of(files)
    assert len(drive.stretches) == 1


def test_a_clip_without_satellites_is_in_the_zone_of_its_neighbours() -> None:
    """In a tunnel the name alone says when, and knows no zone."""
    zone = dt.timezone(dt.timedelta(hours=2))
    starts = minutes(3)
    files = [
        a_file(0, "van/20260701_120000_NF.mp4", 60.0, starts[0].replace(tzinfo=zone)),
        a_file(1, "van/20260701_120100_NF.mp4", 60.0, starts[1]),
        a_file(2, "van/20260701_120200_NF.mp4", 60.0, starts[2].replace(tzinfo=zone)),
    ]
    [drive] = drives_of(files)
    assert [one.key for one in drive] == [0, 1, 2]


def test_files_without_any_clock_are_alone_and_last() -> None:
    drives = drives_of(filed(["gopro/GH010001.MP4", "gopro/GH010002.MP4", *blackvue("van", minutes(1))]))
    assert [len(list(drive)) for drive in drives] == [2, 1, 1]


def test_a_clock_that_was_put_back_past_an_earlier_clip_places_no_clip_twice() -> None:
    files = [
        Recording(key, Path(f"a/Front/{key}.mp4"), at, duration_s=60.0, camera="front", counter=counter)
        for key, (at, counter) in enumerate([(NOON + 60 * MINUTE, 4), (NOON + MINUTE, 5)])
    ]
    assert [[one.key for one in drive] for drive in drives_of(files)] == [[0, 1]]


def test_nothing_and_files_without_a_length() -> None:
    assert drives_of([]) == ()
    [drive] = drives_of(filed(blackvue("van", minutes(2)), None))
    assert [len(stretch.moments) for stretch in drive.stretches] == [1, 1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "a/Front", "a/Event"]),
            st.none() | st.datetimes(NOON, NOON + dt.timedelta(hours=2), timezones=st.sampled_from([None, dt.UTC])),
            st.none() | st.floats(0, 400),
            st.none() | st.sampled_from(["front", "rear"]),
            st.none() | st.integers(0, 5),
        ),
        max_size=25,
    ),
    st.randoms(use_true_random=False),
)
def test_every_recording_is_in_one_drive_whatever_the_order(
    fleet: list[tuple[str, dt.datetime | None, float | None, str | None, int | None]], chance: random.Random
) -> None:
    files = [
        Recording(key, Path(folder) / f"{key}.mp4", at, duration_s=length_s, camera=camera, counter=counter)
        for key, (folder, at, length_s, camera, counter) in enumerate(fleet)
    ]
    drives = drives_of(files)
    assert sorted(one.key for drive in drives for one in drive) == list(range(len(files)))
    for moment in (moment for drive in drives for moment in drive.moments):
        assert len({one.camera for one in moment.recordings}) == len(moment.recordings)
    shuffled = list(files)
    chance.shuffle(shuffled)
    assert drives_of(shuffled) == drives
