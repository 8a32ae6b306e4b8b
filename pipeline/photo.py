"""Reads the plates of a photograph: found, cut out and read one by one, or the whole picture where it is one plate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.crops.select import cut
from pipeline.detection.yolo import Detector, mostly_inside
from pipeline.formats import load_formats
from pipeline.formats.confusions import LookAlike, unsure_between
from pipeline.reading.reader import Reader
from pipeline.records import Box, Candidate, Character, Detection, Image, Observation, Reading

#: A picture whose longer side is below this may be a plate that somebody has already cut out.
CUT_OUT_BELOW_PX = 640
#: Nothing longer than this, against its height, is a plate.
MOST_ELONGATED = 8.0
#: Such a picture is read as a whole when that explains this much more than the boxes inside it do.
WHOLE_PICTURE_BONUS = 1.05
#: Cars that cross a border wear two plates, one above the other. At some sizes the detector takes them for one, at
#: others it finds one of them. Around each plate this wide so many of its widths and heights are looked at again ...
STACKED_MIN_WIDTH_PX, LOOK_WIDTHS, LOOK_HEIGHTS = 64, 2.0, 5.0
#: (of the surest few: a car park is not looked at plate by plate) ...
_MOST_LOOKS = 6
#: ... and where the plate takes up this share of the height of a box that holds it, the rest is the other plate ...
_SHARE_OF_STACK = (0.3, 0.62)
#: ... provided that both are this elongated, as rows of one plate are not, and nearly as wide as the box.
_ONE_ROW, _AS_WIDE = 3.0, 0.7


@dataclass(frozen=True, slots=True)
class PhotoPlate:
    """One plate of a photograph; `reading` is None where it was found but shows nothing legible."""

    detection: Detection
    reading: Reading | None

    @property
    def text(self) -> str:
        """In capitals, without spaces; empty where nothing is legible."""
        return self.reading.text if self.reading else ""

    @property
    def shown(self) -> str:
        """The text with `?` where a character is less than half sure, and `·` for each letter of an unknown script."""
        return self.reading.shown if self.reading else ""

    @property
    def confidence(self) -> float:
        """Of the whole text, 0 to 1; 0 where nothing is legible."""
        return self.reading.confidence if self.reading else 0.0

    @property
    def characters(self) -> tuple[Character, ...]:
        return self.reading.characters if self.reading else ()

    @property
    def alternatives(self) -> tuple[Candidate, ...]:
        """Runner-up texts, likeliest first."""
        return self.reading.alternatives if self.reading else ()

    @property
    def unsure_between(self) -> LookAlike | None:
        """The character that one of it may be instead, where the likeliest runner-up differs in nothing else."""
        return unsure_between(self.characters, self.alternatives)

    @property
    def country(self) -> str | None:
        """ISO 3166 code where text and looks tell one country."""
        return self.reading.country if self.reading else None

    @property
    def country_confidence(self) -> float | None:
        """Probability that the plate is of `country`, if the text is right; None where none is told."""
        return self.reading.country_confidence if self.reading else None

    @property
    def regions(self) -> dict[str, float]:
        """The country's states or provinces that may have issued it, by its form; likeliest first, probabilities."""
        return load_formats().regions(self.text, self.country)

    @property
    def box(self) -> Box:
        """Where it is, in pixels of the picture."""
        return self.detection.box


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """What a photograph shows; boxes in pixels of the upright picture, half-open."""

    width: int
    height: int
    #: Plates that were read, surest first.
    plates: tuple[PhotoPlate, ...]
    #: Plates that were found and show nothing legible.
    unread: tuple[PhotoPlate, ...]
    #: The sentence for a file that is damaged.
    problem: str | None = None


def read_plates(image: Image, detector: Detector, reader: Reader) -> list[PhotoPlate]:
    """The plates of a BGR picture, surest first, then those stacked with them; boxes in pixels of the picture."""
    return read_batch([image], detector, reader)[0]


def read_batch(images: Sequence[Image], detector: Detector, reader: Reader) -> list[list[PhotoPlate]]:
    """The same of several pictures, whose plates share the calls of the reader's network."""
    found = [_apart(own) for own in detector.detect(images)]
    detections = [[*own, *_stacked(image, detector, own)] for image, own in zip(images, found, strict=True)]
    crops = [
        [cut(image, Observation(0, 0.0, d.box, d.confidence)) for d in own]
        for image, own in zip(images, detections, strict=True)
    ]
    legible = [crop for own in crops for crop in own if crop is not None]
    readings = iter(reader.read_tracklets([[crop] for crop in legible]))
    batch = []
    for image, own, surest, cuts in zip(images, detections, found, crops, strict=True):
        plates = [PhotoPlate(d, next(readings) if c is not None else None) for d, c in zip(own, cuts, strict=True)]
        plates = [plate for index, plate in enumerate(plates) if index < len(surest) or plate.reading is not None]
        small = max(image.shape[:2]) < CUT_OUT_BELOW_PX
        batch.append(_whole_picture(image, reader, plates) if small else plates)
    return batch


def _apart(found: Sequence[Detection]) -> list[Detection]:
    """The boxes, surest first: of plates on top of each other the less sure one ends where the surer begins."""
    apart: list[Detection] = []
    for detection in found:
        box = detection.box
        for surer in (one.box for one in apart):
            if box.shared(surer) and box.centre[1] < surer.y1:
                box = Box(box.x1, box.y1, box.x2, surer.y1)
            elif box.shared(surer) and box.centre[1] > surer.y2:
                box = Box(box.x1, surer.y2, box.x2, box.y2)
        apart.append(Detection(box, detection.confidence))
    return apart


def _stacked(image: Image, detector: Detector, found: Sequence[Detection]) -> Iterator[Detection]:
    """Plates right above or below a found one; boxes in pixels of the picture."""
    height, width = image.shape[:2]
    plates = [d.box for d in found if d.box.width >= max(STACKED_MIN_WIDTH_PX, _ONE_ROW * d.box.height)][:_MOST_LOOKS]
    around = [p.grown(LOOK_WIDTHS * p.width, LOOK_HEIGHTS * p.height).clipped(width, height) for p in plates]
    corners = [(int(box.x1), int(box.y1)) for box in around]
    windows = [image[y : int(box.y2), x : int(box.x2)] for (x, y), box in zip(corners, around, strict=True)]
    for plate, (x, y), window in zip(plates, corners, windows, strict=True):
        for seen in detector.detect([window])[0]:
            rest = _rest(seen.box.shifted(x, y), plate)
            if rest is not None and not any(rest.shared(d.box) > 0.3 * rest.area for d in found):
                yield Detection(rest, seen.confidence)


def _rest(stack: Box, plate: Box) -> Box | None:
    """What a box of two plates holds above or below one of them; None where it is no such box."""
    least, most = _SHARE_OF_STACK
    is_part = mostly_inside(plate, stack) and plate.width >= _AS_WIDE * stack.width
    if not is_part or not least <= plate.height / stack.height <= most:
        return None
    above = plate.centre[1] > stack.centre[1]
    rest = Box(stack.x1, stack.y1, stack.x2, plate.y1) if above else Box(stack.x1, plate.y2, stack.x2, stack.y2)
    return rest if rest.width >= _ONE_ROW * rest.height > 0 else None


def _whole_picture(image: Image, reader: Reader, plates: list[PhotoPlate]) -> list[PhotoPlate]:
    """A small picture is often a plate already cut out: take it whole where that reads better."""
    height, width = image.shape[:2]
    if sum(p.reading is not None for p in plates) > 1 or not 1 / MOST_ELONGATED <= width / height <= MOST_ELONGATED:
        return plates
    whole = reader.read_plate_image(image)
    found = max((_characters(p.reading) for p in plates), default=0.0)
    if whole is None or _characters(whole) < found * WHOLE_PICTURE_BONUS:
        return plates
    return [PhotoPlate(Detection(Box(0.0, 0.0, float(width), float(height)), 0.0), whole)]


def _characters(reading: Reading | None) -> float:
    """Characters that are right, by the reader's own account."""
    return sum(reading.confidences) if reading else 0.0
