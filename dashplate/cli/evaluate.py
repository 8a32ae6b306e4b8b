"""The commands of `dashplate eval`, one for each stage that is measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashplate.cli.options.evaluate import (
    By,
    Compared,
    Ignore,
    Limit,
    Pictures,
    Plates,
    RoadModels,
    SecondLook,
    SeveralReaders,
    Weights,
    Written,
)
from dashplate.cli.options.groups import grouped
from dashplate.cli.options.plain import a_number

if TYPE_CHECKING:
    from evaluation.video.clips import Clip
    from evaluation.video.processing import Models
    from evaluation.video.rides import Ride

app = typer.Typer(help="Measure a stage on pictures whose truth is known.", no_args_is_help=True)


@app.command()
@grouped
def video(
    truth: Annotated[
        Path,
        typer.Argument(help="CSV of plates: video, plate_text, first_s, last_s.", show_default=False, readable=False),
    ],
    videos: Annotated[
        Path | None, typer.Option(help="Folder of the videos; default: that of the CSV.", show_default=False)
    ] = None,
    video: Annotated[
        list[Path] | None, typer.Option(help="A video without plates: all that is read there is false.")
    ] = None,
    others_empty: Annotated[
        bool, typer.Option("--others-empty", help="Take the folder's other videos as without plates.")
    ] = False,
    *,
    road: RoadModels,
    written: Written,
    compared: Compared,
) -> None:
    """Unique plates per clip: precision, recall, time stamps. For rides kept as pictures: `eval rides`."""
    from evaluation.video.clips import ClipChoice, load_clips
    from evaluation.video.run import VideoOutputs, evaluate_video

    _require_sense(compared, written)
    models = road.models
    clips, left_out = load_clips(truth, ClipChoice(videos, tuple(video or ()), others_empty))
    if compared.rivals:
        _compare(clips, [], models, compared, written)
    else:
        evaluate_video(clips, models, VideoOutputs(written.draw, written.csv, written.json), left_out)


@app.command()
@grouped
def rides(
    truth: Annotated[
        Path,
        typer.Argument(help="CSV of plates: image, x1, y1, x2, y2, plate_text.", show_default=False, readable=False),
    ],
    pictures: Pictures,
    ignore: Ignore = None,
    fps: Annotated[
        float, typer.Option(help="Numbers in the names that make a second.", min=0.01, max=1000, callback=a_number)
    ] = 1.0,
    *,
    road: RoadModels,
    written: Written,
    compared: Compared,
) -> None:
    """Unique plates per ride kept as pictures, named RIDE_NUMBER.jpg: what `eval video` does for clips."""
    from evaluation.detection.truth import Selection, load_truth
    from evaluation.video.rides import load_rides
    from evaluation.video.run import VideoOutputs, evaluate_video

    _require_sense(compared, written)
    models = road.models
    selection = Selection(pictures.split, tuple(pictures.match or ()))
    found = load_rides(load_truth(truth, pictures.images, selection, ignore), fps)
    if compared.rivals:
        _compare([], found, models, compared, written)
    else:
        evaluate_video(found, models, VideoOutputs(written.draw, written.csv, written.json, in_frames=True))


def _require_sense(compared: Compared, written: Written) -> None:
    from pipeline.errors import UsageError

    if compared.harm is not None and not compared.rivals:
        raise UsageError("--harm is for --rivals; frames and videos are measured as they are.")
    if compared.rivals and written.draw is not None:
        raise UsageError("--draw shows what the road gets wrong; leave --rivals out.")


def _compare(
    clips: Sequence[Clip], rides: Sequence[Ride], models: Models, compared: Compared, written: Written
) -> None:
    from evaluation.rivals.material import known_tracklets
    from evaluation.rivals.table import compare_rivals

    compare_rivals(known_tracklets(clips, rides, models, compared.harm), models, written.csv, written.json)


@app.command()
@grouped
def detection(
    truth: Annotated[
        Path, typer.Argument(help="CSV of plate boxes: image, x1, y1, x2, y2.", show_default=False, readable=False)
    ],
    pictures: Pictures,
    limit: Limit = None,
    ignore: Ignore = None,
    weights: Weights = None,
    input_px: Annotated[
        int | None, typer.Option(help="Look once, at this longer side.", min=32, max=8192, show_default=False)
    ] = None,
    second_look: SecondLook = None,
    photo: Annotated[bool, typer.Option("--photo", help="Look as at photographs, for surer boxes.")] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Least confidence; default: that for pictures alone.",
            min=0.001,
            max=1,
            callback=a_number,
            show_default=False,
        ),
    ] = None,
    iou: Annotated[
        float, typer.Option(help="Overlap from which a box is right.", min=0.05, max=0.95, callback=a_number)
    ] = 0.5,
    by: By = None,
    thresholds: Annotated[bool, typer.Option("--thresholds", help="Show what other thresholds would do.")] = False,
    compare_speed: Annotated[
        bool, typer.Option("--compare-speed", help="Time a 1280x720 frame against YOLO11n's.")
    ] = False,
    *,
    written: Written,
) -> None:
    """Recall, precision, average precision and time of the plate detector."""
    from evaluation.detection.look import the_look
    from evaluation.detection.run import Outputs, evaluate_detection
    from evaluation.detection.truth import Selection, load_truth
    from evaluation.truth_groups import WIDTH
    from pipeline.errors import UsageError

    if input_px is not None and second_look is not None:
        raise UsageError("--input-px takes a single look; leave --second-look out.")
    selection = Selection(pictures.split, tuple(pictures.match or ()), limit)
    look = the_look(weights, threshold, input_px, photo=photo, second_look_px=second_look)
    wanted = Outputs(WIDTH in (by or ()), thresholds, written.draw, written.csv, written.json, compare_speed)
    groups = [kind for kind in by or () if kind != WIDTH]
    evaluate_detection(load_truth(truth, pictures.images, selection, ignore, groups), look, iou, wanted)


@app.command()
@grouped
def reading(
    labels: Annotated[
        Path,
        typer.Argument(
            help="CSV: image, plate_text; x1, y1, x2, y2 too where pictures show more.",
            show_default=False,
            readable=False,
        ),
    ],
    plates: Plates,
    several: SeveralReaders,
    written: Written,
    curve: Annotated[
        Path | None, typer.Option(help="Draw confidence against what is right: an SVG file.", show_default=False)
    ] = None,
    compare_speed: Annotated[
        bool, typer.Option("--compare-speed", help="Time a plate against PaddleOCR's TextRecognition.")
    ] = False,
) -> None:
    """Right texts, wrong characters and honesty of the plate reader."""
    from evaluation.reading.run import Outputs, evaluate_reading
    from evaluation.reading.truth import load_labels

    readers = several.readers
    known = load_labels(labels, plates.images, plates.selection, plates.by or ())
    evaluate_reading(known, readers, Outputs(written.draw, written.csv, written.json, curve, compare_speed))


@app.command()
@grouped
def stills(
    truth: Annotated[
        Path,
        typer.Argument(
            help="CSV: image, plate_text, x1, y1, x2, y2; without boxes, several texts with `;` between them.",
            show_default=False,
            readable=False,
        ),
    ],
    plates: Plates,
    several: SeveralReaders,
    written: Written,
    ignore: Ignore = None,
    weights: Weights = None,
    frames: Annotated[
        bool, typer.Option("--frames", help="They are frames of a video: look for fainter boxes.")
    ] = False,
    compare_whole: Annotated[
        bool, typer.Option("--compare-whole", help="Have PaddleOCR read each picture as a whole, too.")
    ] = False,
) -> None:
    """Photographs from end to end: plates found and read, and texts that are not there."""
    from evaluation.stills.run import Outputs, evaluate_stills, stills_look
    from evaluation.stills.truth import load_stills

    readers = several.readers
    pictures = load_stills(truth, plates.images, plates.selection, plates.by or (), ignore)
    wanted = Outputs(written.draw, written.csv, written.json, compare_whole)
    evaluate_stills(pictures, stills_look(weights, frames), readers, wanted)
