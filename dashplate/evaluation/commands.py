"""The commands of `dashplate eval`, one for each stage that is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Measure a stage on pictures whose truth is known.", no_args_is_help=True)


@app.command()
def detection(
    truth: Annotated[
        Path, typer.Argument(help="CSV of plate boxes: image, x1, y1, x2, y2.", show_default=False, readable=False)
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
    limit: Annotated[
        int | None, typer.Option(help="Only the first so many pictures.", min=1, show_default=False)
    ] = None,
    ignore: Annotated[
        Path | None, typer.Option(help="CSV of places that count neither way.", show_default=False)
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            envvar="DASHPLATE_DETECTOR", help="Any that Ultralytics loads; default: shipped.", show_default=False
        ),
    ] = None,
    input_px: Annotated[
        int | None, typer.Option(help="Look once, at this longer side.", min=32, show_default=False)
    ] = None,
    second_look: Annotated[
        int | None,
        typer.Option(help="Look again at unsure boxes, with so many pixels around.", min=0, show_default=False),
    ] = None,
    photo: Annotated[bool, typer.Option("--photo", help="Look as at photographs, for surer boxes.")] = False,
    threshold: Annotated[
        float | None,
        typer.Option(help="Least confidence; default: that for pictures alone.", min=0.001, max=1, show_default=False),
    ] = None,
    iou: Annotated[float, typer.Option(help="Overlap from which a box is right.", min=0.05, max=0.95)] = 0.5,
    by_prefix: Annotated[bool, typer.Option("--by-prefix", help="A row for each `prefix_` of file names.")] = False,
    thresholds: Annotated[bool, typer.Option("--thresholds", help="Show what other thresholds would do.")] = False,
    draw: Annotated[
        Path | None, typer.Option(help="Folder for pictures of misses and inventions.", show_default=False)
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write what was detected here.", show_default=False)] = None,
    json: Annotated[Path | None, typer.Option(help="Write the numbers here.", show_default=False)] = None,
    compare_speed: Annotated[
        bool, typer.Option("--compare-speed", help="Time a 1280x720 frame against YOLO11n's.")
    ] = False,
) -> None:
    """Recall, precision, average precision and time of the plate detector."""
    from dashplate.evaluation.detection import Outputs, evaluate_detection
    from dashplate.evaluation.looks import the_look
    from dashplate.evaluation.truth import Selection, load_truth
    from pipeline.errors import UsageError

    if input_px is not None and second_look is not None:
        raise UsageError("--input-px takes a single look; leave --second-look out.")
    pictures = load_truth(truth, images, Selection(split, tuple(match or ()), limit), ignore)
    look = the_look(weights, threshold, input_px, photo=photo, second_look_px=second_look)
    evaluate_detection(pictures, look, iou, Outputs(by_prefix, thresholds, draw, csv, json, compare_speed))
