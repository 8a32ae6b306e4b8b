"""What lies between a frame and its boxes, beside the network itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.detection import plate_detector
from pipeline.detection.letterbox import Place, as_floats, letterbox
from pipeline.detection.multi_scale import Scale, ScaledDetector, pyramid
from pipeline.detection.recheck import Recheck, RecheckOptions
from pipeline.detection.yolo import DetectorOptions, input_shape
from pipeline.records import Box, Detection, Image


@pytest.mark.parametrize(
    ("size", "shape"),
    [((720, 1280), (544, 960)), ((720, 1280), (384, 640)), ((333, 517), (640, 960)), ((64, 64), (64, 64))],
)
def test_letterbox_gives_what_ultralytics_gives(size: tuple[int, int], shape: tuple[int, int]) -> None:
    from ultralytics.data.augment import LetterBox

    image = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    image = np.asarray(cv2.GaussianBlur(image, (0, 0), 2), np.uint8)
    # Theirs interpolates linearly whatever the scale.
    theirs = LetterBox(shape, auto=False)(image=image)[..., ::-1].transpose(2, 0, 1) / 255
    ours = as_floats(letterbox([image], shape))
    assert ours.shape == (1, 3, *shape)
    assert ours.dtype == np.float32
    inner_scale = min(shape[0] / size[0], shape[1] / size[1])
    assert np.abs(ours[0] - theirs).max() <= (1e-6 if inner_scale >= 0.55 else 0.2)
    margin = np.isclose(theirs, 114 / 255).all(0)
    assert np.allclose(ours[0][:, margin], 114 / 255, atol=1e-6)


def test_letterbox_averages_where_a_picture_shrinks_much() -> None:
    lines = np.zeros((2160, 3840, 3), np.uint8)
    lines[:, ::8] = 255  # one bright column in eight: linear sampling would take all of it or none
    small = as_floats(letterbox([lines], (544, 960)))[0]
    assert abs(float(small[:, 2:-2].mean()) - 1 / 8) < 0.02


def test_memory_that_is_used_again_keeps_nothing_of_the_pictures_before() -> None:
    rng = np.random.default_rng(5)
    wide: list[Image] = [rng.integers(0, 256, (90, 160, 3)).astype(np.uint8) for _ in range(8)]
    tall: list[Image] = [rng.integers(0, 256, (160, 90, 3)).astype(np.uint8) for _ in range(3)]
    memory = letterbox(wide, (96, 160))
    again = letterbox(tall, (96, 160), memory)
    assert np.shares_memory(again, memory)
    assert np.array_equal(again, letterbox(tall, (96, 160)))


def test_the_narrowest_picture_keeps_a_pixel() -> None:
    assert letterbox([np.full((1, 3000, 3), 255, np.uint8)], (32, 640)).max() == 255


def test_pictures_of_several_shapes_share_one_input() -> None:
    pictures: list[Image] = [np.full((90, 160, 3), 255, np.uint8), np.full((160, 90, 3), 255, np.uint8)]
    wide, tall = as_floats(letterbox(pictures, (96, 160)))
    assert wide[:, 48].min() == 1
    assert tall[:, :, 80].min() == 1
    assert np.allclose(tall[:, :, :50], 114 / 255)


@pytest.mark.parametrize("size", [(720, 1280), (1080, 1920), (333, 517), (61, 101)])
def test_boxes_come_back_to_where_they_were(size: tuple[int, int]) -> None:
    place = Place.of(size, (512, 896))
    x, y = 0.3 * size[1], 0.6 * size[0]
    inside = (x * place.scale + place.left, y * place.scale + place.top)
    back = place.taken_back(*inside, inside[0] + 10 * place.scale, inside[1] + 5 * place.scale)
    assert back.as_tuple() == pytest.approx((x, y, x + 10, y + 5))


class Scripted:
    """A detector that answers from a list, one entry for each call, and keeps what it was shown."""

    def __init__(self, *answers: list[list[Detection]]) -> None:
        self._answers, self.shown = list(answers), list[tuple[int, ...]]()

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        self.shown += [image.shape for image in images]
        return self._answers.pop(0)


def at(x: float, y: float, wide: float, high: float, confidence: float) -> Detection:
    return Detection(Box(x, y, x + wide, y + high), confidence)


FRAME = np.zeros((720, 1280, 3), np.uint8)
OPTIONS = RecheckOptions(threshold=0.3)


def test_a_sure_box_needs_no_second_look() -> None:
    windows = Scripted()
    found = Recheck(Scripted([[at(100, 100, 60, 20, 0.9)]]), windows, OPTIONS).detect([FRAME])
    assert found == [[at(100, 100, 60, 20, 0.9)]]
    assert windows.shown == []


def test_a_doubtful_box_is_looked_at_with_its_margin_and_moved_back() -> None:
    windows = Scripted([[at(21, 20, 59, 20, 0.8)]])
    found = Recheck(Scripted([[], [at(100, 100, 60, 20, 0.1)]]), windows, OPTIONS).detect([FRAME, FRAME])
    assert windows.shown == [(61, 101, 3)]
    assert found == [[], [at(101, 100, 59, 20, 0.8)]]


@pytest.mark.parametrize(
    "seen",
    [[], [at(21, 20, 59, 20, 0.29)], [at(0, 0, 12, 8, 0.9)]],
    ids=["nothing", "too unsure", "something else in the window"],
)
def test_a_doubtful_box_that_the_second_look_does_not_confirm_is_dropped(seen: list[Detection]) -> None:
    first = Scripted([[at(100, 100, 60, 20, 0.45)]])
    assert Recheck(first, Scripted([seen]), OPTIONS).detect([FRAME]) == [[]]


def test_a_window_ends_where_the_frame_does() -> None:
    windows = Scripted([[at(0, 0, 40, 15, 0.7)]])
    found = Recheck(Scripted([[at(0, 0, 40, 15, 0.2)]]), windows, OPTIONS).detect([FRAME])
    assert windows.shown == [(36, 61, 3)]
    assert found == [[at(0, 0, 40, 15, 0.7)]]


@pytest.mark.parametrize(
    ("size", "options", "shape"),
    [
        ((720, 1280), {"input_px": 960}, (544, 960)),
        ((2160, 3840), {"input_px": 960}, (544, 960)),
        ((1280, 720), {"input_px": 640}, (640, 384)),
        ((480, 800), {"input_px": 960}, (480, 800)),
        ((360, 640), {"input_px": 960}, (384, 640)),
        ((60, 160), {"input_px": 960}, (256, 640)),
        ((60, 160), {"input_px": 640}, (256, 640)),
        ((61, 101), {"input_px": 160, "square": True}, (160, 160)),
    ],
)
def test_a_picture_is_not_enlarged_beyond_its_own_size(
    size: tuple[int, int], options: dict[str, int], shape: tuple[int, int]
) -> None:
    assert input_shape(np.zeros((*size, 3), np.uint8), DetectorOptions(Path("none"), **options)) == shape


@pytest.mark.parametrize("sizes_px", [[320, 896], [320, 1344], [320, 896, 2688]])
def test_scales_together_answer_for_every_width(sizes_px: list[int]) -> None:
    scales = pyramid(sizes_px)
    image = np.zeros((90, 160, 3), np.uint8)
    for width in np.linspace(0.1, 160, 400):
        assert any(scale.answers_for(at(0, 0, float(width), 4, 0.9), image) for scale in scales)


def test_larger_pictures_are_looked_at_with_larger_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Look:
        def __init__(self, options: DetectorOptions) -> None:
            self._px = options.input_px

        def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
            asked.append(self._px)
            return [[] for _ in images]

    monkeypatch.setattr(plate_detector, "single_look", Look)
    detector = plate_detector.BySize(DetectorOptions(Path("none"), 896))
    for size, sizes_px in [
        ((720, 1280), [320, 896]),
        ((1080, 1920), [320, 1344]),
        ((1440, 2560), [320, 1792]),
        ((2160, 3840), [320, 896, 2688]),
        ((8000, 6000), [320, 896, 2688]),
    ]:
        asked.clear()
        assert detector.detect([np.zeros((*size, 3), np.uint8)]) == [[]]
        assert asked == sizes_px


def test_each_look_answers_for_the_widths_it_sees_well() -> None:
    """1280 pixels wide: the coarse look answers from 256 pixels on, the fine one up to 384."""
    coarse = Scripted([[at(0, 0, 600, 150, 0.7), at(900, 600, 100, 30, 0.9), at(700, 300, 300, 80, 0.6)]])
    fine = Scripted([[at(0, 0, 500, 150, 0.9), at(300, 600, 60, 20, 0.5), at(705, 300, 300, 80, 0.8)]])
    looks = ScaledDetector([(Scale(320, narrowest=0.2), coarse), (Scale(960, widest=0.3), fine)])
    (found,) = looks.detect([FRAME])
    assert found == [at(705, 300, 300, 80, 0.8), at(0, 0, 600, 150, 0.7), at(300, 600, 60, 20, 0.5)]


def test_a_piece_of_a_plate_gives_way_to_the_whole() -> None:
    coarse, fine = Scripted([[at(100, 100, 600, 150, 0.7)]]), Scripted([[at(150, 110, 200, 120, 0.9)]])
    looks = ScaledDetector([(Scale(320, narrowest=0.2), coarse), (Scale(960, widest=0.3), fine)])
    assert looks.detect([FRAME]) == [[at(100, 100, 600, 150, 0.7)]]
