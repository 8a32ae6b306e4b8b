"""The command `debug`: one video through every stage in this process, with a picture of each step in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from dashplate.in_process import source_named
from output import terminal
from output.files import json_text, save, save_bytes, save_jpeg
from output.files import png_bytes as png
from output.stages import CropStages, detections_picture, reading_sheet, tracks_picture
from pipeline.crops.text_lines import plate_image
from pipeline.detection.segment import DetectOptions, SegmentDetection
from pipeline.detection.yolo import Detector
from pipeline.formats import load_formats
from pipeline.job_options import JobOptions
from pipeline.reading.reader import Reader
from pipeline.records import Detection, Image, MediaInfo, Observation, Reading, ReadTracklet, SegmentSpan, Tracklet
from pipeline.run import detect_segment, load_detector, load_reader, read_segment, read_tracklet
from pipeline.sightings import stitch
from pipeline.video.decode import Decoder
from pipeline.video.overlays import with_overlays
from pipeline.video.probe import probe
from pipeline.video.split import split
from workers.settings import settings

_BAR = (TextColumn("{task.description}"), BarColumn(bar_width=None), TaskProgressColumn(), TimeElapsedColumn())


def debug_video(named: str, folder: Path, options: JobOptions, start_s: float, end_s: float | None) -> None:
    """Write every stage's pictures of the segments between two times, and what was made of them as JSON."""
    config = settings().models.reading_with(options.reader, options.reader_engine)
    media = probe(source_named(named))
    if not options.keep_overlays:
        media = with_overlays(media)
    detector = Overheard(load_detector(config, media.kind))
    reader = load_reader(config, options.countries)
    wanted = [span for span in split(media) if _meets(media, span, start_s, end_s)]
    told: list[dict[str, Any]] = []
    read: list[ReadTracklet] = []
    with Progress(*_BAR, console=terminal.err, transient=True) as progress:
        for span in progress.track(wanted, description="segments"):
            detector.heard.clear()
            seen = detect_segment(media, span, detector, DetectOptions(), config.threads)
            readings = read_segment(reader, seen.tracklets)
            _draw_frames(folder, media, span, detector.heard, seen, config.threads)
            told += [_write_tracklet(folder, span, one, reader, readings.get(one.index)) for one in seen.tracklets]
            read += [read_tracklet(span.index, t, readings[t.index]) for t in seen.tracklets if t.index in readings]
    sightings = stitch(read, media.kind, load_formats(options.countries))
    everything = {
        "video": str(media.path), "width": media.width, "height": media.height, "codec": media.codec,
        "duration_s": media.duration_s, "overlays": [place.as_tuple() for place in media.overlays],
        "segments": [{"index": s.index, "start_s": media.seconds(s.start_pts)} for s in wanted],
        "tracklets": told,
        "sightings": [
            {"text": s.text, "confidence": s.confidence, "confirmed": s.confirmed, "first_s": s.first_s,
             "last_s": s.last_s, "best_s": s.best_s, "tracklets": s.tracklets}
            for s in sightings
        ],
    }  # fmt: skip
    save(folder / "stages.json", json_text(everything, indent=2) + "\n")
    terminal.say(f"{folder}: {len(told)} tracklets, {len(read)} of them read, {len(sightings)} sightings.")


class Overheard:
    """A detector whose answers are kept, frame by frame."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.heard: list[list[Detection]] = []

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """As the detector answers."""
        found = self._detector.detect(images)
        self.heard += found
        return found


def _meets(media: MediaInfo, span: SegmentSpan, start_s: float, end_s: float | None) -> bool:
    return media.seconds(span.end_pts) > start_s and (end_s is None or media.seconds(span.start_pts) < end_s)


def _draw_frames(
    folder: Path, media: MediaInfo, span: SegmentSpan, heard: Sequence[Sequence[Detection]], seen: SegmentDetection,
    threads: int,
) -> None:  # fmt: skip
    """Each frame that something was found in, decoded once more: with what was detected, and with what was followed."""
    options = DetectOptions()
    followed: dict[int, dict[int, Observation]] = {}
    for tracklet in seen.tracklets:
        for observation in tracklet.observations:
            followed.setdefault(observation.pts, {})[tracklet.index] = observation
    for frame, found in zip(Decoder(media, span, options.sample_fps, threads), heard, strict=True):
        name = f"{frame.time_s:09.3f}s.jpg"
        if found:
            picture = detections_picture(frame.image, found, media.overlays, options.threshold)
            save_jpeg(folder / "1-detections" / name, picture)
        if frame.pts in followed:
            save_jpeg(folder / "2-tracks" / name, tracks_picture(frame.image, followed[frame.pts]))


def _write_tracklet(
    folder: Path, span: SegmentSpan, tracklet: Tracklet, reader: Reader, fused: Reading | None
) -> dict[str, Any]:
    """A tracklet's crops, plates and readings; returns what is said of them in JSON."""
    name = f"segment-{span.index:03d}-tracklet-{tracklet.index:03d}"
    stages = [CropStages(crop, plate_image(crop), reader.read_tracklet([crop])) for crop in tracklet.crops]
    for rank, one in enumerate(stages):
        save_bytes(folder / "3-crops" / name / f"{rank}-quality-{one.crop.quality:.2f}.png", png(one.crop.image))
        save_bytes(folder / "4-plates" / name / f"{rank}.png", png(one.plate))
    first, last = tracklet.first.time_s, tracklet.last.time_s
    title = f"{name}: {len(tracklet.observations)} frames, {first:.2f} to {last:.2f} s"
    save_bytes(folder / "5-readings" / f"{name}.png", png(reading_sheet(title, stages, fused)))
    return {
        "segment": span.index, "tracklet": tracklet.index, "first_s": first, "last_s": last,
        "seen": len(tracklet.observations),
        "crops": [
            {"time_s": one.crop.observation.time_s, "confidence": one.crop.observation.confidence,
             "quality": one.crop.quality, "reading": None if one.reading is None else asdict(one.reading)}
            for one in stages
        ],
        "reading": None if fused is None else asdict(fused),
    }  # fmt: skip
