"""What the commands of `dashplate eval` may be told, each option declared once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashplate.cli.options.plain import MOST_ROWS, MOST_SEED, Country

if TYPE_CHECKING:
    from evaluation.readers import Readers
    from evaluation.truth_csv import Selection as PlateSelection
    from evaluation.video.processing import Models

Images = Annotated[
    Path | None,
    typer.Option(help="Folder of the pictures; default: `images` or `crops` beside the CSV.", show_default=False),
]
Split = Annotated[
    str | None,
    typer.Option(
        help="Only rows with this in column `split`; without it, by the text as in training.", show_default=False
    ),
]
Match = Annotated[list[str] | None, typer.Option(help="Only pictures of such names: 'ro_*'.", show_default=False)]
Where = Annotated[
    list[str] | None, typer.Option(help="Only rows like 'legibility=clear', 'country=EU-*'.", show_default=False)
]
Limit = Annotated[int | None, typer.Option(help="Only the first so many.", min=1, max=MOST_ROWS, show_default=False)]
Ignore = Annotated[Path | None, typer.Option(help="CSV of places that count neither way.", show_default=False)]
By = Annotated[
    list[str] | None,
    typer.Option(
        help="A row for each value: country, any column, prefix, rows, script, box-width, tilt (measured).",
        show_default=False,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(envvar="DASHPLATE_DETECTOR", help="Any that Ultralytics loads; default: shipped.", show_default=False),
]
ReaderNames = Annotated[
    list[str] | None,
    typer.Option("--reader", help="Model name or folder; several are measured side by side.", show_default=False),
]
OneReader = Annotated[
    str | None, typer.Option("--reader", help="PaddleOCR model or folder; default: shipped.", show_default=False)
]
Engine = Annotated[
    str | None, typer.Option(help="What runs the reader: openvino, onnxruntime, paddle.", show_default=False)
]
Draw = Annotated[Path | None, typer.Option(help="Folder for pictures of what went wrong.", show_default=False)]
Csv = Annotated[Path | None, typer.Option(help="Write what was found here, a line each.", show_default=False)]
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


SecondLook = Annotated[
    int | None,
    typer.Option(help="Look again at unsure boxes, with so many pixels around.", min=0, max=4096, show_default=False),
]


@dataclass(frozen=True, slots=True)
class Pictures:
    """Which pictures are measured."""

    images: Images = None
    split: Split = None
    match: Match = None


@dataclass(frozen=True, slots=True)
class Plates(Pictures):
    """Which plates are measured, and in which groups."""

    where: Where = None
    limit: Limit = None
    by: By = None

    @property
    def selection(self) -> PlateSelection:
        """Raises UsageError for a condition that is none."""
        from evaluation.truth_csv import Selection, parse_where

        return Selection(self.split, tuple(self.match or ()), self.limit, parse_where(self.where))


@dataclass(frozen=True, slots=True)
class SeveralReaders:
    """Readers that are measured side by side."""

    reader: ReaderNames = None
    engine: Engine = None
    country: Country = None

    @property
    def readers(self) -> Readers:
        """Raises UsageError for an unknown country."""
        from evaluation.readers import Readers
        from pipeline.formats import parse_countries

        return Readers(tuple(self.reader or ()), self.engine, parse_countries(self.country))


@dataclass(frozen=True, slots=True)
class RoadModels:
    """The models of a whole road."""

    reader: OneReader = None
    engine: Engine = None
    weights: Weights = None
    country: Country = None

    @property
    def models(self) -> Models:
        """Raises UsageError for an unknown country."""
        from evaluation.video.processing import the_models

        return the_models(self.reader, self.engine, self.weights, self.country)


@dataclass(frozen=True, slots=True)
class Written:
    """Where results go, beside the terminal."""

    draw: Draw = None
    csv: Csv = None
    json: Json = None


@dataclass(frozen=True, slots=True)
class Compared:
    """Whether fusion is compared with its rivals instead."""

    rivals: Rivals = False
    harm: Harm = None
