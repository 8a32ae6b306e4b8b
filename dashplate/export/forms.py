"""What an export holds and how it is written."""

from __future__ import annotations

from enum import StrEnum


class Rows(StrEnum):
    """What one row of an export is."""

    #: A plate of a video, however often it passed there.
    PLATES = "plates"
    #: A vehicle passing once.
    SIGHTINGS = "sightings"


class Form(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"
    XLSX = "xlsx"
    #: CSV with the columns of Plate Recognizer Stream; always sightings.
    PLATE_RECOGNIZER = "plate-recognizer"
    #: Maps: the sightings that have a place, and but for GeoParquet the tracks of their videos' cameras.
    GEOJSON = "geojson"
    GPX = "gpx"
    KML = "kml"
    GEOPARQUET = "geoparquet"
    #: What people read, with pictures: for `dashplate eval` and `training/`, for annotation tools, for detectors.
    TRAINING = "training"
    CVAT = "cvat"
    LABEL_STUDIO = "labelstudio"
    YOLO = "yolo"

    @property
    def is_labelled(self) -> bool:
        """Whether it is a folder or ZIP of labelled pictures, and no file of rows."""
        return self in (Form.TRAINING, Form.CVAT, Form.LABEL_STUDIO, Form.YOLO)

    @property
    def is_map(self) -> bool:
        """Whether it holds places, and leaves out what has none."""
        return self in (Form.GEOJSON, Form.GPX, Form.KML, Form.GEOPARQUET)

    @property
    def always_sightings(self) -> bool:
        """Whether its rows are sightings, whatever rows are asked for."""
        return self is Form.PLATE_RECOGNIZER or self.is_map

    @property
    def is_text(self) -> bool:
        """Whether it can be sent while it is written; others have to be whole first."""
        return self not in (Form.PARQUET, Form.XLSX, Form.GEOPARQUET) and not self.is_labelled

    @property
    def can_grow(self) -> bool:
        """Whether rows can be added to a file that is there."""
        return self in (Form.CSV, Form.JSONL, Form.PLATE_RECOGNIZER)

    @property
    def ending(self) -> str:
        """Of a file's name."""
        if self.is_labelled:
            return "zip"
        return {Form.PLATE_RECOGNIZER: "csv", Form.GEOPARQUET: "parquet"}.get(self, str(self))

    @property
    def media_type(self) -> str:
        """As HTTP names it."""
        return _MEDIA_TYPES[self.ending]


_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "geojson": "application/geo+json",
    "gpx": "application/gpx+xml",
    "kml": "application/vnd.google-earth.kml+xml",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "zip": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
