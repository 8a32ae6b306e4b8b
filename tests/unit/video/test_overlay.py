"""What the camera writes on the picture is found; what the world shows is left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.detection.segment import DetectOptions, track_plates
from pipeline.records import Box, Detection, Frame, Image, MediaKind
from pipeline.video.keyframes import SAMPLED_KEYFRAMES, sample_keyframes
from pipeline.video.overlays import MOST_COVER, covered, find_overlays, with_overlays
from pipeline.video.probe import probe
from tests.support import media_files
from tests.support.branded import BOARD, Pen, Picture, board, drive, frames
from tests.support.decoded import frames_of

#: Where the rendered drive's own camera writes: its clock, and its name and speed.
CLOCK, SPEED = Box(22, 682, 274, 704), Box(1021, 682, 1259, 704)
#: A plate right in front, in the middle of the picture.
AHEAD = Box(600, 430, 860, 486)


@pytest.fixture(scope="module")
def pictures() -> tuple[Picture, ...]:
    """A drive of 28 s, a picture each two seconds."""
    return drive(28, every_s=2)


def writing(text: Callable[[int], str], x: int, y: int, font: int, size: float, outline: bool = True) -> Pen:
    """Draws a white text with its lower left corner at (x, y)."""

    def pen(image: Picture, second: int) -> None:
        if outline:
            cv2.putText(image, text(second), (x, y), font, size, (0, 0, 0), 5, cv2.LINE_AA)
        cv2.putText(image, text(second), (x, y), font, size, (255, 255, 255), 2, cv2.LINE_AA)

    return pen


def hides(places: tuple[Box, ...], text: Box) -> bool:
    return covered(text, places)


def test_the_clock_and_the_speed_of_a_drive_are_found_and_nothing_else(pictures: tuple[Picture, ...]) -> None:
    places = find_overlays(frames(pictures))
    assert len(places) == 2
    assert hides(places, CLOCK)
    assert hides(places, SPEED)


@pytest.mark.parametrize(
    ("font", "size"),
    [(cv2.FONT_HERSHEY_SIMPLEX, 0.7), (cv2.FONT_HERSHEY_PLAIN, 1.6), (cv2.FONT_HERSHEY_TRIPLEX, 1.2)],
)
@pytest.mark.parametrize(("x", "y"), [(30, 50), (850, 40), (30, 640), (850, 660), (500, 700)])
def test_changing_digits_are_covered_in_any_font_and_place(
    pictures: tuple[Picture, ...], font: int, size: float, x: int, y: int
) -> None:
    def clock(second: int) -> str:
        return f"21/11/26 10:{30 + second // 60}:{second % 60:02d}"

    (width, height), _ = cv2.getTextSize(clock(0), font, size, 2)
    places = find_overlays(frames(pictures, writing(clock, x, y, font, size)))
    text = Box(x, y - height, x + width, y)
    assert hides(places, text)
    # Its last two digits alone, which never stand still, too.
    assert hides(places, replace(text, x1=text.x2 - 0.1 * width))


def test_a_plain_logo_half_transparent_is_found(pictures: tuple[Picture, ...]) -> None:
    def pen(image: Picture, second: int) -> None:
        drawn = image.copy()
        cv2.putText(drawn, "CAMERA", (500, 640), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (255, 255, 255), 4, cv2.LINE_AA)
        cv2.addWeighted(drawn, 0.6, image, 0.4, 0, image)

    assert hides(find_overlays(frames(pictures, pen)), Box(500, 610, 670, 640))


@pytest.mark.parametrize("width", [640, 1920, 3840])
def test_places_are_in_pixels_of_the_frame_whatever_its_size(pictures: tuple[Picture, ...], width: int) -> None:
    scale = width / 1280
    resized = (
        replace(f, image=np.asarray(cv2.resize(f.image, None, fx=scale, fy=scale), np.uint8)) for f in frames(pictures)
    )
    places = find_overlays(resized)
    for text in (CLOCK, SPEED):
        assert hides(places, Box(*(scale * corner for corner in text.as_tuple())))
    assert sum(place.area for place in places) < 3 * (CLOCK.area + SPEED.area) * scale**2


def test_a_board_that_stands_still_is_hidden(pictures: tuple[Picture, ...]) -> None:
    assert hides(find_overlays(frames(pictures, board)), BOARD)


@pytest.mark.parametrize("seed", range(4))
def test_a_plate_followed_through_the_whole_video_is_kept(pictures: tuple[Picture, ...], seed: int) -> None:
    """Two pixels of play, where a real plate of that size has ten and more."""
    steps = np.random.default_rng(seed).normal(0, 2, (len(pictures), 2)).round().astype(int)

    def ahead(image: Picture, second: int) -> None:
        dx, dy = steps[second // 2].tolist()
        board(image, dx=int(AHEAD.x1 - BOARD.x1) + dx, dy=int(AHEAD.y1 - BOARD.y1) + dy)

    places = find_overlays(frames(pictures, ahead))
    assert not hides(places, AHEAD)
    assert hides(places, CLOCK)


def test_a_plate_that_passes_under_the_text_changes_nothing(pictures: tuple[Picture, ...]) -> None:
    logo = writing(lambda second: "FLEET 04", 40, 600, cv2.FONT_HERSHEY_SIMPLEX, 1.0)
    usual = find_overlays(frames(pictures, logo))

    def passing(image: Picture, second: int) -> None:
        if 6 <= second <= 12:
            board(image, dx=40 * (second - 6), dy=20)

    places = find_overlays(frames(pictures, passing, logo))
    assert len(places) == len(usual) == 3
    assert all(max(place.iou(other) for other in usual) > 0.8 for place in places)


def test_where_the_camera_stands_nothing_is_told_apart(pictures: tuple[Picture, ...]) -> None:
    """A gate camera: light and noise change and cars pass, but the place stays."""
    rng = np.random.default_rng(0)

    def passing(image: Picture, second: int) -> None:
        image[:] = (image * rng.uniform(0.8, 1.2) + rng.normal(0, 3, image.shape)).clip(0, 255)
        board(image, dx=30 * second, dy=-100)

    assert find_overlays(frames(pictures[:1] * 14, passing)) == ()


def test_most_of_a_video_at_a_red_light_tells_nothing(pictures: tuple[Picture, ...]) -> None:
    waiting = pictures[3:4] * 10 + pictures[4:8]
    assert find_overlays(frames(waiting, board)) == ()


def test_a_short_span_or_few_frames_tell_nothing(pictures: tuple[Picture, ...]) -> None:
    assert find_overlays(frames(pictures, board, every_s=1)) == ()
    assert find_overlays(frames(pictures[::3], board, every_s=6)) == ()
    assert find_overlays([]) == ()


def test_darkness_tells_nothing(pictures: tuple[Picture, ...]) -> None:
    """With nothing to see but the board, it may as well be the plate of a car in front."""
    assert find_overlays(frames((np.zeros_like(pictures[0]),) * 14, board)) == ()


def test_the_bonnet_hides_little_and_a_picture_full_of_text_nothing(pictures: tuple[Picture, ...]) -> None:
    def bonnet(image: Picture, second: int) -> None:
        edge = [(x, int(560 + 100 * ((x - 640) / 640) ** 2)) for x in range(0, 1281, 20)]
        cv2.fillPoly(image, [np.array([*edge, (1280, 720), (0, 720)])], (40, 30, 30))

    def text(image: Picture, second: int) -> None:
        for y in range(20, 640, 100):
            board(image, dx=100, dy=y - int(BOARD.y1))
            board(image, dx=600, dy=y - int(BOARD.y1))

    places = find_overlays(frames(pictures, bonnet))
    assert sum(place.area for place in places) < 0.02 * 1280 * 720
    assert 14 * BOARD.area > MOST_COVER * 1280 * 720
    assert find_overlays(frames(pictures, text)) == ()


def test_real_dashcam_pictures_lose_no_plate(shared_data: Path) -> None:
    """Three hundred seconds of a ride with stops behind other cars, in windows of fourteen pictures."""
    ride = sorted((shared_data / "detection" / "images").glob("ro_dayride_type1_001_*.jpg"))
    assert len(ride) > 300
    for start in range(0, 280, 40):
        window = [cv2.imread(str(path)) for path in ride[start : start + 14]]
        assert find_overlays(frames(window)) == ()


class _Fixed:
    """A detector that sees the same boxes in every frame."""

    def __init__(self, *boxes: Box) -> None:
        self._found = [Detection(box, 0.9) for box in boxes]

    def detect(self, images: list[Image]) -> list[list[Detection]]:
        return [self._found for _ in images]


def test_what_lies_mostly_inside_a_place_is_not_followed(pictures: tuple[Picture, ...]) -> None:
    place = Box(100, 500, 400, 560)
    inside, half, outside = Box(150, 505, 270, 535), Box(340, 510, 460, 540), AHEAD
    looked = [Frame(i, i / 10, pictures[0]) for i in range(4)]
    detector = _Fixed(inside, half, outside)
    kept, _ = track_plates(looked, detector, MediaKind.VIDEO, DetectOptions(), (place,))
    assert {t.first.box for t in kept} == {half, outside}
    every, _ = track_plates(looked, detector, MediaKind.VIDEO, DetectOptions())
    assert {t.first.box for t in every} == {inside, half, outside}


# The frames that are looked at


@pytest.mark.parametrize("maker", ["tidy", "b_frames", "open_gop", "late_start", "matroska", "rotated"])
def test_a_glance_gives_the_frames_that_decoding_gives(tmp_path: Path, maker: str) -> None:
    info = probe(getattr(media_files, maker)(tmp_path))
    seen = list(sample_keyframes(info))
    assert len(seen) >= 2
    whole = {f.pts: f for f in frames_of(info)}
    for frame in seen:
        assert frame.time_s == whole[frame.pts].time_s
        assert np.array_equal(frame.image, whole[frame.pts].image)


def test_a_glance_reaches_over_the_whole_video_with_few_frames(tmp_path: Path) -> None:
    info = probe(media_files.write_clip(tmp_path / "many.mp4", replace(media_files.TIDY, seconds=9, gop=3)))
    times = [frame.time_s for frame in sample_keyframes(info)]
    assert len(times) == SAMPLED_KEYFRAMES
    assert times == sorted(times)
    assert times[0] == 0
    assert times[-1] == pytest.approx(8.9)
    assert max(b - a for a, b in pairwise(times)) < 1


@pytest.mark.parametrize("maker", ["noise", "half", "raw_h264", "single_frame", "photo"])
def test_what_cannot_be_looked_at_has_no_overlays(tmp_path: Path, maker: str) -> None:
    info = probe(getattr(media_files, maker)(tmp_path))
    assert with_overlays(info) == info


def test_a_video_that_is_gone_has_no_overlays(tmp_path: Path) -> None:
    info = probe(media_files.tidy(tmp_path))
    info.path.unlink()
    assert with_overlays(info) == info


def test_the_board_of_a_file_is_found(branded: Path) -> None:
    info = with_overlays(probe(branded))
    assert all(hides(info.overlays, text) for text in (BOARD, CLOCK, SPEED))
