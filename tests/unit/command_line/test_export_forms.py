"""Exports as other programs open them: Parquet, workbooks, CSV in a spreadsheet; and files that grow."""

from __future__ import annotations

import ast
import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas
import pytest

from dashplate.export import COLUMNS, Form, PlateRow, unique_plates
from dashplate.export.append import append
from dashplate.export.command import _progress
from dashplate.export.parquet import write_parquet
from dashplate.export.plate_recognizer import PlateRecognizerLine, stream_lines
from dashplate.export.rows import SightingLine, sighting_lines
from dashplate.export.text import to_csv, to_json_lines
from dashplate.export.xlsx import write_xlsx
from output.files import save_pieces, whole_file
from output.terminal import err
from pipeline.errors import DashplateError, UsageError
from tests.unit.command_line.test_export import located, sighting

STREAM_COLUMNS = (
    "timestamp,plate,score,dscore,file,box,model_make,color,vehicle,region,orientation,candidates,source_url,"
    "position_sec,direction"
)
#: What a spreadsheet would compute.
FORMULAE = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0")


def lines(*found: Any) -> list[SightingLine]:
    rows = [{"job": 1, "sighting": number, **row} for number, row in enumerate(found, start=1)]
    made: Any = rows
    return list(sighting_lines(made, located))


def plates(*found: Any) -> list[PlateRow]:
    return list(unique_plates(found, located))


def test_a_sightings_columns_are_those_of_a_plate_and_its_numbers() -> None:
    shared = [name for name in COLUMNS if name != "sightings"]
    place = shared.index("corrected")
    named = [field.name for field in fields(SightingLine)]
    assert named == [*shared[:place], "job", "sighting", *shared[place:]]


# Parquet and workbooks.


def test_parquet_says_what_the_rows_say(tmp_path: Path) -> None:
    rows = lines(sighting("AB12CDE"), sighting("粤B12345", 9.0, confirmed=False, country=None), sighting("=1", 4.5))
    with whole_file(tmp_path / "a.parquet") as file:
        write_parquet(file, rows, SightingLine)
    read = pandas.read_parquet(tmp_path / "a.parquet")
    assert read.astype(object).where(read.notna(), None).to_dict("records") == [asdict(row) for row in rows]
    assert (str(read.dtypes["confidence"]), str(read.dtypes["confirmed"])) == ("float64", "bool")


def test_parquet_without_rows_has_its_columns(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.parquet") as file:
        write_parquet(file, [], PlateRow)
    assert list(pandas.read_parquet(tmp_path / "a.parquet").columns) == [field.name for field in fields(PlateRow)]


def sheets(file: io.BytesIO) -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(file, read_only=False)
    return {name: list(book[name].iter_rows(values_only=True)) for name in book.sheetnames}


def test_a_workbook_says_what_the_rows_say() -> None:
    rows = plates(sighting("AB12CDE"), sighting("粤B12345", 9.0, country=None, crop=None))
    file = io.BytesIO()
    write_xlsx(file, rows, PlateRow, "plates")
    heading, *read = sheets(file)["plates"]
    assert heading == tuple(field.name for field in fields(PlateRow))
    assert [tuple("" if value is None else value for value in row) for row in read] == [
        tuple("" if value is None else value for value in asdict(row).values()) for row in rows
    ]


@pytest.mark.parametrize("text", FORMULAE)
def test_nothing_in_a_workbook_is_computed(text: str) -> None:
    file = io.BytesIO()
    write_xlsx(file, plates(sighting(text, video=f"{text}.mp4")), PlateRow, "plates")
    for cell in openpyxl.load_workbook(file)["plates"][2][:2]:
        assert cell.data_type == "s"
        assert cell.hyperlink is None


def test_more_rows_than_a_sheet_takes_go_to_the_next() -> None:
    rows = lines(*(sighting(f"AB{number}", float(number)) for number in range(5)))
    file = io.BytesIO()
    write_xlsx(file, rows, SightingLine, "sightings", sheet_rows=3)
    read = sheets(file)
    assert list(read) == ["sightings", "sightings 2", "sightings 3"]
    assert {sheet[0] for sheet in read.values()} == {tuple(field.name for field in fields(SightingLine))}
    assert [row[1] for sheet in read.values() for row in sheet[1:]] == [f"AB{number}" for number in range(5)]


def test_names_that_are_no_utf_8_are_spelled_out(tmp_path: Path) -> None:
    rows = lines(sighting("AB12CDE", video="a\udcff\x07.mp4"))
    with whole_file(tmp_path / "a.parquet") as file:
        write_parquet(file, rows, SightingLine)
    book = io.BytesIO()
    write_xlsx(book, rows, SightingLine, "sightings")
    assert pandas.read_parquet(tmp_path / "a.parquet")["video"][0] == "a\\udcff\x07.mp4"
    # As Excel spells what XML cannot hold.
    assert sheets(book)["sightings"][1][0] in ("a\\udcff\x07.mp4", r"a\udcff_x0007_.mp4")


# CSV.


@pytest.mark.parametrize("text", FORMULAE)
def test_nothing_in_a_csv_is_computed(text: str) -> None:
    (row,) = csv.DictReader(to_csv(plates(sighting("AB12CDE", video=text, first_s=-1.5))))
    assert row["video"] == f"'{text}"
    assert row["first_seen_s"] == "-1.5", "a number stays one"


def test_plate_recognizers_readers_read_it() -> None:
    submitted = datetime(2026, 11, 30, 8, 0, 0, tzinfo=UTC)
    found: Any = [sighting("AB12CDE", 61.5, read_as="ABI2CDE") | {"detection_confidence": 0.87654}]
    found += [sighting("XY34ZZZ", 70.0, country=None, frame=None) | {"detection_confidence": None}]
    rows = stream_lines(found, submitted, located)
    text = "".join(to_csv(rows, PlateRecognizerLine))
    assert text.startswith(STREAM_COLUMNS + "\n")
    first, second = csv.DictReader(io.StringIO(text))
    assert first["timestamp"] == "2026-11-30 08:01:02.500000+00:00"
    assert (first["plate"], first["score"], first["dscore"]) == ("ab12cde", "0.912", "0.877")
    assert first["file"] == "s3://bucket/frames/1.jpg"
    assert ast.literal_eval(first["box"]) == {"xmin": 10, "ymin": 21, "xmax": 90, "ymax": 40}
    assert ast.literal_eval(first["region"])["code"] == "gb"
    assert ast.literal_eval(first["vehicle"])["type"] == "Unknown"
    assert [one["plate"] for one in ast.literal_eval(first["candidates"])] == ["abi2cde", "ab12cd3"]
    assert (first["source_url"], first["position_sec"]) == ("a.mp4", "62.5")
    assert (second["dscore"], second["file"], ast.literal_eval(second["region"])["code"]) == ("", "", "")


def test_a_persons_reading_is_the_plate_of_plate_recognizers_rows() -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    said = {"corrected_by": "ada", "corrected_at": at, "detection_confidence": None}
    found: Any = [
        sighting("AB12CDE") | said | {"corrected": "AB12CDF"},
        sighting("SALE", 9.0) | said | {"corrected": ""},
    ]
    (row,) = stream_lines(found, at, located)
    assert (row.plate, row.score) == ("ab12cdf", 1.0)
    assert [one["plate"] for one in ast.literal_eval(row.candidates)] == ["ab12cdf", "ab12cde", "ab12cd3"]


# Files that grow.


FORMS = [(Form.CSV, PlateRow), (Form.CSV, SightingLine), (Form.JSONL, PlateRow), (Form.JSONL, SightingLine)]


def made(kind: type, *found: Any) -> list[Any]:
    return plates(*found) if kind is PlateRow else lines(*found)


def written(rows: Iterable[Any], kind: type, form: Form) -> str:
    return "".join(to_json_lines(rows) if form is Form.JSONL else to_csv(rows, kind))


@pytest.mark.parametrize(("form", "kind"), FORMS)
def test_a_file_gets_what_it_lacks_once(tmp_path: Path, form: Form, kind: type) -> None:
    out = tmp_path / "grows"
    names = ["=odd.mp4", 'a, "quoted"\nname\u00e9.mp4', "\udcff.mp4"]
    rows = made(kind, *(sighting(f"AB12CD{at}", at, video=name) for at, name in enumerate(names)))
    out.touch()
    assert append(out, rows[:2], kind, form) == 2
    assert append(out, rows, kind, form) == 1
    before = out.read_bytes()
    assert append(out, rows, kind, form) == 0
    assert out.read_bytes() == before == written(rows, kind, form).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("form", [Form.CSV, Form.JSONL])
def test_a_row_is_known_again_after_a_redo(tmp_path: Path, form: Form) -> None:
    """Other numbers, another confidence, and O where 0 was: the same sighting. Another time is another."""
    out = tmp_path / "grows"
    append(out, lines(sighting("AB0I", read_as="ABOI")), SightingLine, form)
    again = lines(sighting("X", 9.0), sighting("ABO1", read_as="AB01", confidence=0.5, first_s=1.0))
    assert append(out, again, SightingLine, form) == 1
    assert out.read_text().count("\n") == (3 if form is Form.CSV else 2)


def test_a_line_that_was_not_ended_is_ended(tmp_path: Path) -> None:
    out = tmp_path / "grows.csv"
    out.write_text(written(plates(sighting("AB12CDE")), PlateRow, Form.CSV).rstrip("\n"))
    assert append(out, plates(sighting("XY34ZZZ", 5.0)), PlateRow, Form.CSV) == 1
    assert [row["plate"] for row in csv.DictReader(out.open())] == ["AB12CDE", "XY34ZZZ"]


@pytest.mark.parametrize(
    ("form", "text", "why"),
    [
        (Form.CSV, "image,plate_text\na.png,AB12CDE\n", "other columns"),
        (Form.CSV, written(plates(sighting("AB12CDE")), PlateRow, Form.CSV)[:-30], "line 2 is not whole"),
        (Form.JSONL, '{"plate": "AB12CDE"}\n', "line 1 has other fields"),
        (Form.JSONL, '{"video": "a.m', "line 1 is no JSON"),
    ],
)
def test_another_file_is_left_alone(tmp_path: Path, form: Form, text: str, why: str) -> None:
    out = tmp_path / "other"
    out.write_text(text)
    with pytest.raises(UsageError, match=why):
        append(out, plates(sighting("XY34ZZZ")), PlateRow, form)
    assert out.read_text() == text


# A half-written file never takes the place of a whole one.


def broken(*pieces: str) -> Iterator[str]:
    yield from pieces
    raise RuntimeError("The database went away.")


def test_what_was_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "plates.csv"
    out.write_text("whole\n")
    with pytest.raises(RuntimeError):
        save_pieces(out, broken("hal"))
    assert out.read_text() == "whole\n"
    assert [path.name for path in tmp_path.iterdir()] == ["plates.csv"]
    save_pieces(out, ["new\n"])
    assert out.read_text() == "new\n"


def test_a_link_stays_a_link_and_a_pipe_is_written_to(tmp_path: Path) -> None:
    goal = tmp_path / "goal.csv"
    (tmp_path / "link.csv").symlink_to(goal)
    save_pieces(tmp_path / "link.csv", ["new\n"])
    assert (tmp_path / "link.csv").is_symlink()
    assert goal.read_text() == "new\n"
    save_pieces(Path("/dev/null"), ["gone\n"])
    assert Path("/dev/null").is_char_device()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DashplateError, match="could not be written"):
        save_pieces(tmp_path / "file" / "plates.csv", ["new\n"])


def test_json_lines_carry_what_csv_guards(tmp_path: Path) -> None:
    (line,) = to_json_lines(plates(sighting("AB12CDE", video="=1+1")))
    assert json.loads(line)["video"] == "=1+1", "a program gets what is there"


# A bar for long exports.


class Screen(io.StringIO):
    """A terminal that remembers what was drawn on it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("terminal", "quiet", "drawn"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_a_bar_moves_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, quiet: bool, drawn: bool
) -> None:
    screen = Screen() if terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", screen)
    # Looked at when it was made.
    monkeypatch.setattr(err, "is_interactive", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with _progress(2000, quiet) as passing:
        assert list(passing(range(2000))) == list(range(2000)), "the rows pass"
    assert ("2000/2000" in screen.getvalue()) is drawn
