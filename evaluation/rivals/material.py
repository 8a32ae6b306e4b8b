"""Tracklets whose plate is known, for comparing fusion with its rivals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from evaluation.rivals.degrade import harmed
from evaluation.rivals.methods import Evidence, Method, fusion_methods
from evaluation.texts import characters_wrong
from evaluation.video.clips import Clip
from evaluation.video.processing import Models, look_at_frames, look_at_video
from evaluation.video.rides import Ride, plate_at
from evaluation.video.uniques import MISREAD_SHARE
from pipeline.crops.text_lines import aspect, plate_image, split_rows
from pipeline.detection.yolo import Detector
from pipeline.formats import load_formats
from pipeline.reading.reader import LINE_MIN_PX, ROW_MIN_PX, SQUARE_BELOW, rows_joined
from pipeline.reading.recognizers import Recognizer, load_recognizer
from pipeline.records import Crop, MediaKind
from pipeline.run import load_detector
from pipeline.sightings import SAME_TEXT_GAP_S

#: Crops of a group made of a ride's frames. Those are seconds apart, so three differ as much as six of a tracklet do.
GROUP_CROPS = 3
#: A lone crop says nothing about fusion.
LEAST_CROPS = 2
#: Each tracklet is harmed so many times, differently.
HARMED_COPIES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A tracklet and what it shows."""

    text: str
    #: The clip or the ride, and the second at which it begins.
    where: str
    first_s: float
    evidence: Evidence


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Crops of one plate, in order of time; the texts that it may show, one where that is known by its place."""

    where: str
    texts: tuple[str, ...]
    crops: tuple[Crop, ...]


def known_tracklets(clips: Sequence[Clip], rides: Sequence[Ride], models: Models, harm: int | None) -> Iterator[Known]:
    """The tracklets of clips and rides with two crops or more whose plate is known.

    In a ride the plate is known by its place. Frames far apart give one crop a tracklet, so crops of one plate on
    frames that follow each other are taken together. A clip's truth has no places: its plate is that of the time which
    any of the methods reads most nearly; a tracklet that none reads half right is left out. `harm` is a seed for crops
    made bad, several times each; None leaves them as they are.
    """
    config = models.config
    recognizer = load_recognizer(config.reader_name, config.reader_engine, config.cache_dir, config.threads)
    methods = fusion_methods(load_formats(models.countries or None))
    looks = [look for clip in clips for look in _of_clip(clip, models)]
    detector = load_detector(config, MediaKind.VIDEO)
    looks += [look for ride in rides for look in groups_of_ride(ride, detector)]
    rng = None if harm is None else np.random.default_rng(harm)
    for whole in looks:
        for crops in [whole.crops] if rng is None else _copies(whole.crops, rng):
            evidence = read_crops(crops, recognizer)
            text = whole.texts[0] if len(whole.texts) == 1 else _nearest(evidence, whole.texts, methods)
            if text:
                yield Known(text, whole.where, whole.crops[0].observation.time_s, evidence)


def read_crops(crops: Sequence[Crop], recognizer: Recognizer) -> Evidence:
    """One matrix per crop; plates so square that they must have two rows are read as two.

    The reader also tries two rows where one is doubtful. All methods get the same matrices here, so none gains by it.
    """
    plates = [plate_image(crop) for crop in crops]
    if median(aspect(plate) for plate in plates) >= SQUARE_BELOW:
        matrices = recognizer.probabilities(plates, LINE_MIN_PX)
    else:
        rows = recognizer.probabilities([row for plate in plates for row in split_rows(plate)], ROW_MIN_PX)
        matrices = rows_joined(rows)
    return Evidence(tuple(matrices), tuple(crop.quality for crop in crops))


def _of_clip(clip: Clip, models: Models) -> Iterator[Looks]:
    for tracklet in look_at_video(clip.path, models):
        begin_s, end_s = tracklet.first.time_s, tracklet.last.time_s
        there = (p.text for p in clip.plates if p.first_s[0] <= end_s and p.last_s[1] >= begin_s)
        # Never one text alone, which would be believed without reading.
        texts = (*there, "")
        if len(tracklet.crops) >= LEAST_CROPS and len(texts) > 1:
            yield Looks(clip.name, texts, tracklet.crops)


def groups_of_ride(ride: Ride, detector: Detector) -> Iterator[Looks]:
    """Crops of one plate on frames that follow each other; each crop in one group at most."""
    tracklets, _ = look_at_frames(ride.decoded(), ride.pace(), detector)
    by_text: dict[str, list[Crop]] = {}
    for tracklet in tracklets:
        for crop in tracklet.crops:
            if text := _text_at(ride, crop):
                by_text.setdefault(text, []).append(crop)
    for text, crops in by_text.items():
        for passing in _passings(sorted(crops, key=lambda c: c.observation.time_s)):
            for group in _groups(passing):
                yield Looks(ride.name, (text,), group)


def _text_at(ride: Ride, crop: Crop) -> str:
    picture = ride.at(crop.observation.pts)
    plate = plate_at(picture, crop.observation.box)
    return "" if plate is None else picture.texts[plate]


def _passings(crops: Sequence[Crop]) -> Iterator[list[Crop]]:
    """Crops in order of time, parted where the plate was away for long."""
    passing: list[Crop] = []
    for crop in crops:
        if passing and crop.observation.time_s - passing[-1].observation.time_s > SAME_TEXT_GAP_S:
            yield passing
            passing = []
        passing.append(crop)
    if passing:
        yield passing


def _groups(passing: Sequence[Crop]) -> Iterator[tuple[Crop, ...]]:
    """About `GROUP_CROPS` crops each, that follow each other, none twice."""
    count = max(1, round(len(passing) / GROUP_CROPS))
    for indices in np.array_split(np.arange(len(passing)), count):
        if len(indices) >= LEAST_CROPS:
            yield tuple(passing[index] for index in indices)


def _copies(crops: Sequence[Crop], rng: np.random.Generator) -> list[tuple[Crop, ...]]:
    return [tuple(harmed(crop, rng) for crop in crops) for _ in range(HARMED_COPIES)]


def _nearest(evidence: Evidence, texts: Sequence[str], methods: Mapping[str, Method]) -> str:
    """The text that any of the methods comes nearest to; empty where none gets half of it right."""
    said = [method(evidence) for method in methods.values()]
    shares = {text: min(characters_wrong(text, s) for s in said) / len(text) for text in texts if text}
    best = min(shares, key=lambda text: shares[text])
    return best if shares[best] <= MISREAD_SHARE else ""
