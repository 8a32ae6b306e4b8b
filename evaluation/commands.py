"""The commands of `dashplate eval`, one for each stage that is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dashplate.options import MOST_ROWS, Country, a_number
from evaluation.video.commands import rides, video

app = typer.Typer(help="Measure a stage on pictures whose truth is known.", no_args_is_help=True)
app.command()(video)
app.command()(rides)


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
        int | None, typer.Option(help="Only the first so many pictures.", min=1, max=MOST_ROWS, show_default=False)
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
        int | None, typer.Option(help="Look once, at this longer side.", min=32, max=8192, show_default=False)
    ] = None,
    second_look: Annotated[
        int | None,
        typer.Option(
            help="Look again at unsure boxes, with so many pixels around.", min=0, max=4096, show_default=False
        ),
    ] = None,
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
    from evaluation.detection.run import Outputs, evaluate_detection
    from evaluation.detection.truth import Selection, load_truth
    from evaluation.looks import the_look
    from pipeline.errors import UsageError

    if input_px is not None and second_look is not None:
        raise UsageError("--input-px takes a single look; leave --second-look out.")
    pictures = load_truth(truth, images, Selection(split, tuple(match or ()), limit), ignore)
    look = the_look(weights, threshold, input_px, photo=photo, second_look_px=second_look)
    evaluate_detection(pictures, look, iou, Outputs(by_prefix, thresholds, draw, csv, json, compare_speed))


_Split = Annotated[str | None, typer.Option(help="Only rows with this in column `split`.", show_default=False)]
_Match = Annotated[list[str] | None, typer.Option(help="Only pictures of such names: 'ro_*'.", show_default=False)]
_Where = Annotated[
    list[str] | None, typer.Option(help="Only rows like 'legibility=clear', 'country=EU-*'.", show_default=False)
]
_By = Annotated[
    list[str] | None, typer.Option(help="A row for each value: country, prefix, any column.", show_default=False)
]
_ReaderNames = Annotated[
    list[str] | None,
    typer.Option("--reader", help="Model name or folder; several are measured side by side.", show_default=False),
]
_Engine = Annotated[
    str | None, typer.Option(help="What runs the reader: openvino, onnxruntime, paddle.", show_default=False)
]
_Json = Annotated[Path | None, typer.Option(help="Write the numbers here.", show_default=False)]


@app.command()
def reading(
    labels: Annotated[
        Path,
        typer.Argument(
            help="CSV: image, plate_text; x1, y1, x2, y2 too where pictures show more.",
            show_default=False,
            readable=False,
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of the pictures; default: `crops` or `images` beside the CSV.", show_default=False),
    ] = None,
    split: _Split = None,
    match: _Match = None,
    where: _Where = None,
    limit: Annotated[
        int | None, typer.Option(help="Only the first so many plates.", min=1, max=MOST_ROWS, show_default=False)
    ] = None,
    by: _By = None,
    reader: _ReaderNames = None,
    engine: _Engine = None,
    country: Country = None,
    draw: Annotated[
        Path | None, typer.Option(help="Folder for pictures of what was read wrong.", show_default=False)
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write every reading here.", show_default=False)] = None,
    json: _Json = None,
    curve: Annotated[
        Path | None, typer.Option(help="Draw confidence against what is right: an SVG file.", show_default=False)
    ] = None,
    compare_speed: Annotated[
        bool, typer.Option("--compare-speed", help="Time a plate against PaddleOCR's TextRecognition.")
    ] = False,
) -> None:
    """Right texts, wrong characters and honesty of the plate reader."""
    from evaluation.readers import Readers
    from evaluation.reading.run import Outputs, evaluate_reading
    from evaluation.reading.truth import load_labels
    from evaluation.truth_csv import Selection, parse_where
    from pipeline.formats import parse_countries

    selection = Selection(split, tuple(match or ()), limit, parse_where(where))
    readers = Readers(tuple(reader or ()), engine, parse_countries(country))
    evaluate_reading(
        load_labels(labels, images, selection, by or ()), readers, Outputs(draw, csv, json, curve, compare_speed)
    )


@app.command()
def stills(
    truth: Annotated[
        Path,
        typer.Argument(
            help="CSV: image, plate_text, x1, y1, x2, y2; without boxes, texts parted by `;`.",
            show_default=False,
            readable=False,
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of the pictures; default: `images` beside the CSV, or its own.", show_default=False),
    ] = None,
    split: _Split = None,
    match: _Match = None,
    where: _Where = None,
    limit: Annotated[
        int | None, typer.Option(help="Only the first so many pictures.", min=1, max=MOST_ROWS, show_default=False)
    ] = None,
    by: _By = None,
    ignore: Annotated[
        Path | None, typer.Option(help="CSV of places that count neither way.", show_default=False)
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            envvar="DASHPLATE_DETECTOR", help="Any that Ultralytics loads; default: shipped.", show_default=False
        ),
    ] = None,
    frames: Annotated[
        bool, typer.Option("--frames", help="They are frames of a video: look for fainter boxes.")
    ] = False,
    reader: _ReaderNames = None,
    engine: _Engine = None,
    country: Country = None,
    draw: Annotated[
        Path | None, typer.Option(help="Folder for pictures of what went wrong.", show_default=False)
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write every plate here.", show_default=False)] = None,
    json: _Json = None,
    compare_whole: Annotated[
        bool, typer.Option("--compare-whole", help="Have PaddleOCR read each picture as a whole, too.")
    ] = False,
) -> None:
    """Photographs from end to end: plates found and read, and texts that are not there."""
    from evaluation.readers import Readers
    from evaluation.stills.run import Outputs, evaluate_stills, stills_look
    from evaluation.stills.truth import load_stills
    from evaluation.truth_csv import Selection, parse_where
    from pipeline.formats import parse_countries

    selection = Selection(split, tuple(match or ()), limit, parse_where(where))
    readers = Readers(tuple(reader or ()), engine, parse_countries(country))
    pictures = load_stills(truth, images, selection, by or (), ignore)
    evaluate_stills(pictures, stills_look(weights, frames), readers, Outputs(draw, csv, json, compare_whole))
