"""The options and arguments of `dashplate`'s commands, each declared and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.records import Priority

# `readable=False`: a file that may not be read is one inaccessible file, not the end of the whole command.
Paths = Annotated[list[Path], typer.Argument(help="Videos, photographs, folders.", show_default=False, readable=False)]
Words = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="Videos, photographs, folders, patterns ('card/**/*.mp4'), addresses (s3://, https://),"
        " @LIST for a list of them, - for a list on standard input.",
        show_default=False,
    ),
]
DataDir = Annotated[Path | None, typer.Option("--data", help="Data folder: servers, crops, logs.", show_default=False)]
Country = Annotated[str | None, typer.Option("--country", help="Countries to expect: GB,FR.", show_default=False)]
JobId = Annotated[int, typer.Argument(help="A job's id; `dashplate status` shows them.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReaderName = Annotated[
    str | None,
    typer.Option("--reader", help="A PaddleOCR model, by name or folder; default: shipped.", show_default=False),
]
ReaderEngine = Annotated[
    str | None, typer.Option("--reader-engine", help="openvino, onnxruntime or paddle.", show_default=False)
]
KeepOverlays = Annotated[
    bool, typer.Option("--keep-overlays", help="Read a clock or logo that stands still on screen too.")
]

# Of a job that is submitted.
Name = Annotated[str | None, typer.Option("--name", help="The job's name.", show_default=False)]
Key = Annotated[
    str | None, typer.Option("--key", help="The same key again goes on with the same job.", show_default=False)
]
Urgency = Annotated[Priority, typer.Option("--priority", help="Its share while others want the same workers.")]
Retain = Annotated[
    str | None, typer.Option("--retain", help="Delete what was found after 30d, 12h.", show_default=False)
]
NoEvidence = Annotated[bool, typer.Option("--no-evidence", help="Keep no pictures once a video is done.")]
Hashed = Annotated[
    bool, typer.Option("--hashed", help="Store plates as hashes under DASHPLATE_PLATE_KEY: matched, not read.")
]
