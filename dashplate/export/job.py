"""A job's export, put together: which rows, in which form, into a file or in pieces of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, TypeAlias

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dashplate.export.append import append
from dashplate.export.forms import Form, Rows
from dashplate.export.maps.camera_track import CameraTrack
from dashplate.export.maps.geojson import to_geojson
from dashplate.export.maps.geoparquet import write_geoparquet
from dashplate.export.maps.gpx import to_gpx
from dashplate.export.maps.kml import to_kml
from dashplate.export.parquet import write_parquet
from dashplate.export.plate_recognizer import PlateRecognizerLine, stream_lines
from dashplate.export.rows import Locate, PlateRow, SightingLine, sighting_lines, unique_plates
from dashplate.export.text import to_csv, to_json, to_json_lines
from dashplate.export.xlsx import write_xlsx
from db.findings import exported
from db.where.tracks import fixes_of
from output.files import save_pieces, whole_file

#: Passes rows on and counts them on the way, as for a progress bar.
Passing: TypeAlias = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported of a job."""

    form: Form = Form.CSV
    rows: Rows = Rows.PLATES

    def __str__(self) -> str:
        """As the audit records it."""
        plain = self.kind is not SightingLine or self.form.is_map
        return str(self.form) if plain else f"{self.form}, {self.rows}"

    @property
    def kind(self) -> type:
        """The record that a row is."""
        if self.form is Form.PLATE_RECOGNIZER:
            return PlateRecognizerLine
        return PlateRow if self.rows is Rows.PLATES and not self.form.always_sightings else SightingLine

    @property
    def tracks(self) -> bool:
        """Whether the cameras' tracks follow the rows."""
        return self.form.is_map and self.form is not Form.GEOPARQUET


def then(rows: Iterable[Any], done: Callable[[], object]) -> Iterator[Any]:
    """The rows, and `done` behind the last: a transaction that ends there does not wait for what is made of them."""
    yield from rows
    done()


class JobExport:
    """One job's rows as of one moment; no more than the sightings or the track of one video are held at a time."""

    def __init__(self, db: Session, job: RowMapping, wanted: Wanted, locate: Locate) -> None:
        """`job` is the job's progress, `db` an `exported.snapshot`."""
        self.wanted = wanted
        self._db, self._job, self._locate = db, job, locate

    def count(self) -> int:
        """How many rows there are, tracks among them."""
        number: int = self._job["job"]
        if self.wanted.form.is_map:
            tracks = exported.count_tracks(self._db, number) if self.wanted.tracks else 0
            return exported.count_sightings(self._db, number, placed=True) + tracks
        return (exported.count_plates if self.wanted.kind is PlateRow else exported.count_sightings)(self._db, number)

    def pieces(self, passing: Passing = iter) -> Iterator[str]:
        """The text, for a form that is one."""
        rows, kind = passing(self._rows()), self.wanted.kind
        match self.wanted.form:
            case Form.JSONL:
                return to_json_lines(rows)
            case Form.JSON:
                return to_json(self._job, exported.videos(self._db, self._job["job"]), rows, self.wanted.rows)
            case Form.GEOJSON:
                return to_geojson(rows)
            case Form.GPX:
                return to_gpx(rows)
            case Form.KML:
                return to_kml(rows)
            case _:
                return to_csv(rows, kind)

    def save(self, path: Path, passing: Passing = iter) -> None:
        """Write a file, which takes its place once it is whole. Raises DashplateError where that fails."""
        if self.wanted.form.is_text:
            save_pieces(path, self.pieces(passing))
            return
        with whole_file(path) as file:
            self.write(file, passing)

    def write(self, file: IO[bytes], passing: Passing = iter) -> None:
        """Write Parquet, GeoParquet or a workbook."""
        rows = passing(self._rows())
        match self.wanted.form:
            case Form.PARQUET:
                write_parquet(file, rows, self.wanted.kind)
            case Form.GEOPARQUET:
                write_geoparquet(file, rows)
            case _:
                write_xlsx(file, rows, self.wanted.kind, self.wanted.rows)

    def append(self, path: Path, passing: Passing = iter) -> int:
        """Add to a file what it lacks; returns how many rows that were. Raises UsageError."""
        return append(path, passing(self._rows()), self.wanted.kind, self.wanted.form)

    def _rows(self) -> Iterable[Any]:
        kind, job = self.wanted.kind, self._job["job"]
        if kind is PlateRecognizerLine:
            found = exported.sightings(self._db, job, detector=True)
            return stream_lines(found, self._job["created_at"], self._locate)
        found = exported.sightings(self._db, job, placed=self.wanted.form.is_map)
        rows = unique_plates(found, self._locate) if kind is PlateRow else sighting_lines(found, self._locate)
        return chain(rows, self._tracks()) if self.wanted.tracks else rows

    def _tracks(self) -> Iterator[CameraTrack]:
        for row in exported.tracks(self._db, self._job["job"]):
            yield CameraTrack(
                video=row["path"], camera=row["camera"] or "", drive=row["drive_id"], source=row["source"],
                recorded_at=row["recorded_at"], clock_zone=row["clock_zone"],
                fixes=fixes_of(row["points"], row["doubts"]),
            )  # fmt: skip
