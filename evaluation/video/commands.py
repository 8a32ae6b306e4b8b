"""`dashplate eval video` and `dashplate eval rides`: the whole road, on clips and on rides kept as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashplate.options import MOST_SEED, Country, a_number

if TYPE_CHECKING:
    from evaluation.video.clips import Clip
    from evaluation.video.rides import Ride
    from evaluation.video.watching import Models

Reader = Annotated[
    str | None, typer.Option(help="PaddleOCR model or folder; default: the pipeline's.", show_default=False)
]
Engine = Annotated[str | None, typer.Option(help="openvino, onnxruntime or paddle.", show_default=False)]
Weights = Annotated[
    Path | None, typer.Option(help="Detector that Ultralytics loads; default: the pipeline's.", show_default=False)
]
Draw = Annotated[Path | None, typer.Option(help="Folder for missed plates and false texts.", show_default=False)]
Csv = Annotated[Path | None, typer.Option(help="Write a line a plate here.", show_default=False)]
Json = Annotated[Path | None, typer.Option(help="Write the numbers here.", show_default=False)]
Rivals = Annotated[
    bool, typer.Option("--rivals", help="Instead: fusion beside best crop, majority and character vote.")
]
Harm = Annotated[
    int | None,
    typer.Option(
        min=0, max=MOST_SEED, help="With --rivals: dim, blur and shrink crops, by this seed.", show_default=False
    ),
]


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
    reader: Reader = None,
    engine: Engine = None,
    weights: Weights = None,
    country: Country = None,
    draw: Draw = None,
    csv: Csv = None,
    json: Json = None,
    rivals: Rivals = False,
    harm: Harm = None,
) -> None:
    """Unique plates per clip: precision, recall, time stamps. For rides kept as pictures: `eval rides`."""
    from evaluation.video.clips import ClipChoice, load_clips
    from evaluation.video.run import VideoOutputs, evaluate_video
    from evaluation.video.watching import the_models

    _require_sense(rivals, harm, draw)
    models = the_models(reader, engine, weights, country)
    clips, left_out = load_clips(truth, ClipChoice(videos, tuple(video or ()), others_empty))
    if rivals:
        _compare(clips, [], models, harm, csv, json)
    else:
        evaluate_video(clips, models, VideoOutputs(draw, csv, json), left_out)


def rides(
    truth: Annotated[
        Path,
        typer.Argument(help="CSV of plates: image, x1, y1, x2, y2, plate_text.", show_default=False, readable=False),
    ],
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures; default: `images` beside the CSV.", show_default=False)
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Only rows with this in column `split`.", show_default=False)
    ] = None,
    match: Annotated[
        list[str] | None, typer.Option(help="Only pictures of such names: 'ro_*'.", show_default=False)
    ] = None,
    ignore: Annotated[
        Path | None, typer.Option(help="CSV of places that count neither way.", show_default=False)
    ] = None,
    fps: Annotated[
        float, typer.Option(help="Numbers in the names that make a second.", min=0.01, max=1000, callback=a_number)
    ] = 1.0,
    reader: Reader = None,
    engine: Engine = None,
    weights: Weights = None,
    country: Country = None,
    draw: Draw = None,
    csv: Csv = None,
    json: Json = None,
    rivals: Rivals = False,
    harm: Harm = None,
) -> None:
    """Unique plates per ride kept as pictures, named RIDE_NUMBER.jpg: what `eval video` does for clips."""
    from evaluation.detection.truth import Selection, load_truth
    from evaluation.video.rides import load_rides
    from evaluation.video.run import VideoOutputs, evaluate_video
    from evaluation.video.watching import the_models

    _require_sense(rivals, harm, draw)
    models = the_models(reader, engine, weights, country)
    found = load_rides(load_truth(truth, images, Selection(split, tuple(match or ())), ignore), fps)
    if rivals:
        _compare([], found, models, harm, csv, json)
    else:
        evaluate_video(found, models, VideoOutputs(draw, csv, json, in_frames=True))


def _require_sense(rivals: bool, harm: int | None, draw: Path | None) -> None:
    from pipeline.errors import UsageError

    if harm is not None and not rivals:
        raise UsageError("--harm is for --rivals; frames and videos are measured as they are.")
    if rivals and draw is not None:
        raise UsageError("--draw shows what the road gets wrong; leave --rivals out.")


def _compare(
    clips: Sequence[Clip], rides: Sequence[Ride], models: Models, harm: int | None, csv: Path | None, json: Path | None
) -> None:
    from evaluation.rivals.material import known_tracklets
    from evaluation.rivals.table import compare_rivals

    compare_rivals(known_tracklets(clips, rides, models, harm), models, csv, json)
