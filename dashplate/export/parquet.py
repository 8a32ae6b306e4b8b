"""Rows as Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import islice
from types import NoneType
from typing import IO, Any, get_args, get_type_hints

from dashplate.export.text import storable
from pipeline.errors import MissingDependency

#: Rows that are held and written together: 10,000 take 73 MB more than a few hundred do, with the points of maps.
GROUP = 5_000


def write_parquet(file: IO[bytes], rows: Iterable[Any], kind: type) -> None:
    """Write rows, records of `kind`, with a column for each field: texts, numbers and truths as what they are.

    Raises MissingDependency where pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise MissingDependency("Parquet needs pyarrow: pip install 'dashplate[parquet]'") from error
    schema = pa.schema(columns_of(kind))
    left = iter(rows)
    with ParquetWriter(file, schema) as writer:
        while group := list(islice(left, GROUP)):
            writer.write_table(pa.table(values_of(group, schema.names), schema=schema))


def columns_of(kind: type) -> list[Any]:
    """The columns of records of `kind`, as fields of Arrow; null where they may be None."""
    import pyarrow as pa

    types = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
    hints = get_type_hints(kind)
    return [_column(pa, field.name, hints[field.name], types) for field in fields(kind)]


def _column(pa: Any, name: str, hint: Any, types: dict[type, Any]) -> Any:
    known = [of for of in get_args(hint) or (hint,) if of is not NoneType]
    return pa.field(name, types[known[0]], nullable=NoneType in get_args(hint))


def values_of(rows: Sequence[Any], names: Sequence[str]) -> dict[str, list[Any]]:
    """The rows' values, column by column."""
    return {name: [storable(getattr(row, name)) for row in rows] for name in names}
