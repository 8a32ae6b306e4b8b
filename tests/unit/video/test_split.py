"""The cut into segments: nothing of the video lost, nothing twice, each piece decodable by itself."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import MediaInfo, MediaKind
from pipeline.video.split import split

SECOND = 1000


def video(keyframes: tuple[int, ...], start_pts: int = 0, end_pts: int = 60 * SECOND) -> MediaInfo:
    return MediaInfo(
        path=Path("clip.mp4"),
        kind=MediaKind.VIDEO,
        width=640,
        height=360,
        rotation=0,
        codec="h264",
        time_base=Fraction(1, SECOND),
        start_pts=start_pts,
        end_pts=end_pts,
        frame_rate=30.0,
        keyframes=keyframes,
        frames=1800,
    )


@st.composite
def videos(draw: st.DrawFn) -> MediaInfo:
    """Any video: keyframes at any distance, clocks from anywhere, first keyframe before the start."""
    first = draw(st.integers(-100_000, 100_000))
    steps = draw(st.lists(st.integers(1, 30_000), max_size=40))
    keyframes = [first]
    for step in steps:
        keyframes.append(keyframes[-1] + step)
    start = first + draw(st.integers(0, 2_000))
    end = max(start, keyframes[-1]) + draw(st.integers(1, 20_000))
    return video(tuple(keyframes), start, end)


lengths = st.floats(0.1, 60)


@given(videos(), lengths, lengths)
def test_spans_cover_the_video_without_gap_or_overlap(info: MediaInfo, target_s: float, first_s: float) -> None:
    spans = split(info, target_s, first_s)
    assert spans[0].start_pts == info.start_pts
    assert spans[-1].end_pts == info.end_pts
    assert all(before.end_pts == after.start_pts for before, after in pairwise(spans))
    assert all(span.start_pts < span.end_pts for span in spans)
    assert [span.index for span in spans] == list(range(len(spans)))


@given(videos(), lengths, lengths)
def test_every_span_but_the_first_starts_at_a_keyframe(info: MediaInfo, target_s: float, first_s: float) -> None:
    assert {span.start_pts for span in split(info, target_s, first_s)[1:]} <= set(info.keyframes)


@given(videos(), lengths)
def test_no_span_is_longer_than_wanted_where_it_could_have_been_cut(info: MediaInfo, target_s: float) -> None:
    for span in split(info, target_s, target_s):
        inside = [pts for pts in info.keyframes if span.start_pts < pts < span.end_pts]
        for pts in inside:
            cut, whole = info.seconds(pts), info.seconds(span.end_pts)
            begin = info.seconds(span.start_pts)
            assert abs(cut - begin - target_s) >= abs(whole - begin - target_s) - 1e-6 or cut - begin < target_s


def test_the_first_span_is_short_and_the_others_are_long() -> None:
    info = video(tuple(range(0, 60 * SECOND, SECOND)))
    lengths_s = [info.seconds(span.end_pts) - info.seconds(span.start_pts) for span in split(info)]
    assert lengths_s == [4, 10, 10, 10, 10, 10, 6]


def test_a_video_with_one_keyframe_is_one_span() -> None:
    assert [(span.start_pts, span.end_pts) for span in split(video((0,)))] == [(0, 60 * SECOND)]


def test_a_video_whose_frames_are_counted_is_one_span() -> None:
    assert len(split(video(()))) == 1
