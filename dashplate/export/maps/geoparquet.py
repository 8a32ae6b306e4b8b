"""Sightings as GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0/): Parquet with a point in WKB a row."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import IO, Any

from dashplate.export.parquet import GROUP, columns_of, values_of
from dashplate.export.rows import SightingLine
from pipeline.errors import MissingDependency

_GEOMETRY, _BOX = "geometry", "bbox"
_SIDES = ("xmin", "ymin", "xmax", "ymax")
#: Of a point in well-known binary, little-endian: 1, its type, then x and y.
_POINT = struct.Struct("<BIdd")


def write_geoparquet(file: IO[bytes], rows: Iterable[SightingLine]) -> None:
    """Write sightings that have a place: the columns of `write_parquet`, then the point and its box.

    The box lets readers leave out what lies elsewhere. Coordinates are WGS 84, longitude first, which is what the
    format means where it names no other system. Raises MissingDependency where pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise MissingDependency("GeoParquet needs pyarrow: pip install 'dashplate[parquet]'") from error
    box = pa.struct([pa.field(side, pa.float64(), nullable=False) for side in _SIDES])
    own = columns_of(SightingLine)
    names = [column.name for column in own]
    added = [pa.field(_GEOMETRY, pa.binary(), nullable=False), pa.field(_BOX, box, nullable=False)]
    schema = pa.schema([*own, *added])
    extent = _Extent()
    left = iter(rows)
    with ParquetWriter(file, schema) as writer:
        while group := list(islice(left, GROUP)):
            points = [_point(row) for row in group]
            extent.widen(points)
            columns = values_of(group, names)
            columns[_GEOMETRY] = [_POINT.pack(1, 1, *point) for point in points]
            columns[_BOX] = [dict(zip(_SIDES, point * 2, strict=True)) for point in points]
            writer.write_table(pa.table(columns, schema=schema))
        writer.add_key_value_metadata({"geo": json.dumps(_metadata(extent))})


class _Extent:
    """The box around all points."""

    def __init__(self) -> None:
        self.sides: tuple[float, ...] = ()

    def widen(self, points: Sequence[tuple[float, float]]) -> None:
        known = [*points, self.sides[:2], self.sides[2:]] if self.sides else points
        xs, ys = zip(*known, strict=True)
        self.sides = (min(xs), min(ys), max(xs), max(ys))


def _point(row: SightingLine) -> tuple[float, float]:
    assert row.lon is not None
    assert row.lat is not None
    return row.lon, row.lat


def _metadata(extent: _Extent) -> dict[str, Any]:
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": ["Point"],
        "covering": {_BOX: {side: [_BOX, side] for side in _SIDES}},
    }
    if extent.sides:
        column["bbox"] = list(extent.sides)
    return {"version": "1.1.0", "primary_column": _GEOMETRY, "columns": {_GEOMETRY: column}}
