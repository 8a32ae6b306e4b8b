"""Rows as Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import islice
from typing import IO, Any, get_type_hints

from dashplate.export.text import storable
from pipeline.errors import MissingDependency

#: Rows that are held and written together: 50,000 took 100 MB more.
_GROUP = 10_000


def write_parquet(file: IO[bytes], rows: Iterable[Any], kind: type) -> None:
    """Write rows, records of `kind`, with a column for each field: texts, numbers and truths as what they are.

    Raises MissingDependency where pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise MissingDependency("Parquet needs pyarrow: pip install 'dashplate[parquet]'") from error
    types = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
    hints = get_type_hints(kind)
    schema = pa.schema([pa.field(field.name, types[hints[field.name]], nullable=False) for field in fields(kind)])
    left = iter(rows)
    with ParquetWriter(file, schema) as writer:
        while group := list(islice(left, _GROUP)):
            writer.write_table(pa.table(_columns(group, schema.names), schema=schema))


def _columns(rows: Sequence[Any], names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: [storable(getattr(row, name)) for row in rows] for name in names}
