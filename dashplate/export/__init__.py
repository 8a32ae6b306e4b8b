"""Exports of a job: its unique plates or its sightings as a file, written piece by piece however many there are.

`rows` (what a row says), `text` (CSV, JSON), `parquet`, `xlsx`, `plate_recognizer` (the columns of its CSV), `append`
(what a file lacks), `job` (all put together), and `command`. `maps/` writes where, `labelled/`
pictures with what people read in them.
"""

from dashplate.export.forms import Form, Rows
from dashplate.export.rows import COLUMNS, PlateRow, plain, unique_plates
from dashplate.export.text import to_csv, to_json, to_json_lines

__all__ = ["COLUMNS", "Form", "PlateRow", "Rows", "plain", "to_csv", "to_json", "to_json_lines", "unique_plates"]
