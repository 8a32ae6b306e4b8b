"""`python -m bench.pace`: the whole road against decoding alone, in one process with its models loaded, and its stages.

Each video is gone through several times, all ways in turn, and the least time of each counts. *Decoding* makes the
pictures of all sampled frames and does nothing with them. *Every frame* looks at all of these as a whole: a yardstick
for what looking seldom costs in plates and saves in time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench.road.clips import Clip, Spotted, real_clips, rendered_clip, scored
from pipeline.detection.segment import SAMPLE_FPS, DetectOptions
from pipeline.detection.yolo import Detector
from pipeline.errors import DashplateError
from pipeline.formats import load_formats
from pipeline.records import Detection, Image, MediaKind, ReadTracklet
from pipeline.run import ModelConfig, detect_segment, load_detector, load_reader, read_segment, read_tracklet
from pipeline.sightings import stitch
from pipeline.video.decode import Decoder
from pipeline.video.overlays import with_overlays
from pipeline.video.probe import probe
from pipeline.video.split import split
from workers.settings import settings


class EveryFrame:
    """A detector without close looks: every frame is looked at as a whole."""

    def __init__(self, inner: Detector) -> None:
        self._inner = inner

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """See `Detector`."""
        return self._inner.detect(images)


@dataclass(slots=True)
class Pass:
    """One way through a video."""

    seconds: float = 0.0
    #: Of all threads, over `seconds`.
    processor_s: float = 0.0
    #: Seconds by stage.
    stages: dict[str, float] = field(default_factory=dict)
    plates: list[Spotted] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block's time to a stage."""
        began = time.perf_counter()
        yield
        self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - began


def decoded(path: Path) -> Pass:
    """Decoding alone."""
    done = Pass()
    with _timed(done):
        media = probe(path)
        for span in split(media):
            for frame in Decoder(media, span, SAMPLE_FPS):
                assert frame.image.size
    return done


def driven(path: Path, config: ModelConfig, *, every_frame: bool) -> Pass:
    """The whole road, stage by stage, as `pipeline.run.run` goes it."""
    done, read = Pass(), list[ReadTracklet]()
    detector: Detector = load_detector(config, MediaKind.VIDEO)
    detector = EveryFrame(detector) if every_frame else detector
    reader = load_reader(config)
    with _timed(done):
        with done.stage("open"):
            media = with_overlays(probe(path))
            spans = split(media)
        for span in spans:
            with done.stage("detect"):
                seen = detect_segment(media, span, detector, DetectOptions(), config.threads)
            with done.stage("read"):
                readings = read_segment(reader, seen.tracklets)
            read += [read_tracklet(span.index, t, readings[t.index]) for t in seen.tracklets if t.index in readings]
        with done.stage("stitch"):
            sightings = stitch(read, media.kind, load_formats())
    done.plates = [Spotted(one.text, one.first.time_s, one.last.time_s) for one in sightings]
    return done


@contextmanager
def _timed(done: Pass) -> Iterator[None]:
    began, processor = time.perf_counter(), time.process_time()
    yield
    done.seconds, done.processor_s = time.perf_counter() - began, time.process_time() - processor


def main(
    clips: Annotated[Path, typer.Option(help="Folder of videos with a truth.csv.")] = Path("../shared/data/video"),
    drives: Annotated[list[Path] | None, typer.Argument(help="Rendered drives, beside their truths.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Times that each video is gone through.")] = 3,
) -> None:
    """Print a line a video."""
    err = Console(stderr=True, highlight=False)
    try:
        rendered = [clip for drive in drives or [] if (clip := rendered_clip(drive)) is not None]
        chosen = [*(real_clips(clips) if clips.is_dir() else []), *rendered]
        config = settings().models
        table = Table("video", "seconds", "decoding", "whole", "÷ decoding", "every frame ÷ decoding", "× real time",
                      "busy cores", "by stage", "right", "every frame: right")  # fmt: skip
        for clip in chosen:
            table.add_row(*_cells(clip, config, rounds))
    except DashplateError as error:
        err.print(f"bench: {error}", markup=False)
        raise typer.Exit(error.exit_code) from error
    Console(file=sys.stdout, highlight=False, width=160).print(table)


def _cells(clip: Clip, config: ModelConfig, rounds: int) -> list[str]:
    ways: list[Callable[[], Pass]] = [
        lambda: decoded(clip.path),
        lambda: driven(clip.path, config, every_frame=False),
        lambda: driven(clip.path, config, every_frame=True),
    ]
    driven(clip.path, config, every_frame=False)
    tries = [[way() for way in ways] for _ in range(rounds)]
    decoding, whole, every = (min(own, key=lambda one: one.seconds) for own in zip(*tries, strict=True))
    stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in whole.stages.items())
    return [
        clip.path.name,
        f"{clip.duration_s:.1f}",
        f"{decoding.seconds:.2f}",
        f"{whole.seconds:.2f}",
        f"{whole.seconds / decoding.seconds:.1f}",
        f"{every.seconds / decoding.seconds:.1f}",
        f"{clip.duration_s / whole.seconds:.1f}",
        f"{whole.processor_s / whole.seconds:.2f}",
        stages,
        _score(clip, whole),
        _score(clip, every),
    ]


def _score(clip: Clip, done: Pass) -> str:
    judged = scored(clip, done.plates)
    return f"{len(judged.found)} of {len(judged.true)}, {len(judged.false)} false"


if __name__ == "__main__":
    typer.run(main)
