"""Scores, calibration and tables of `dashplate eval reading`, by hand."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evaluation.readers import Read, Readers, headings
from evaluation.reading.calibration import bins_of, expected_error
from evaluation.reading.curve import reliability_svg
from evaluation.reading.scores import named, table_rows
from evaluation.reading.table import as_json, country_lines, reading_table, readings_csv
from evaluation.reading.truth import Labels, load_labels
from pipeline.errors import ModelError, UsageError
from tests.support.evaluation import dots_of
from tests.support.read_plates import (
    ALL,
    plate,
    read,
    reading,
    rows_by_group,
    write_labels,
)
from training.country_codes import country_of


def test_the_scores_by_hand() -> None:
    rows = rows_by_group(
        [
            read("AB01", "AB01", 0.9, "US"),
            read("XO1", "X0I", 0.7, "US"),
            read("KLM12345", "KLN1234", 0.4, "EU, two rows"),
            read("PQ1", None, group="EU, two rows"),
        ]
    )
    assert list(rows) == ["all", "EU, two rows", "US"]
    assert (rows["all"].plates, rows["all"].unread) == (4, 1)
    assert (rows["US"].exact, rows["US"].folded) == (0.5, 1.0)
    assert rows["US"].cer == pytest.approx(2 / 7)
    assert rows["EU, two rows"].cer == pytest.approx((2 + 3) / 11)
    assert (rows["EU, two rows"].exact, rows["EU, two rows"].confidence) == (0.0, pytest.approx(0.4))
    assert rows["all"].confidence == pytest.approx(2 / 3)
    # Each reading is alone in its bin: .1 off, .3 off, .4 off.
    assert rows["all"].ece == pytest.approx((0.1 + 0.3 + 0.4) / 3)


def test_what_nobody_read_has_no_confidence() -> None:
    row = rows_by_group([read("AB1", None)])["all"]
    assert (row.exact, row.cer, row.confidence, row.ece) == (0.0, 1.0, None, None)


def test_bins_hold_what_their_bounds_say() -> None:
    bins = bins_of([(0.0, False), (0.1, True), (0.95, True), (1.0, True), (0.97, False)])
    assert [b.readings for b in bins] == [1, 1, *[0] * 7, 3]
    assert (bins[9].low, bins[9].high) == (0.9, 1.0)
    assert bins[9].right == pytest.approx(2 / 3)
    assert expected_error(bins) == pytest.approx((0 + 0.9 + 3 * (0.97333333 - 2 / 3)) / 5)
    assert all(one.high == pytest.approx(other.low) for one, other in pairwise(bins))


def test_confidences_that_are_honest_have_no_error() -> None:
    honest = [(0.75, right) for right in (True, True, True, False)]
    assert expected_error(bins_of(honest)) == pytest.approx(0.0)
    assert expected_error(bins_of([])) is None


def test_the_curve_is_a_picture_with_a_dot_for_each_bin_and_a_line_for_each_reader() -> None:
    bins = {"<base> & co": bins_of([(0.15, False), (0.95, True)]), "_none $x$": bins_of([])}
    svg = reliability_svg(bins)
    assert svg == reliability_svg(bins)
    root = ElementTree.fromstring(svg)
    texts = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]
    low, high = dots_of(root, "<base> & co")
    assert low[0] < high[0]
    assert low[1] > high[1], "up is right"
    assert dots_of(root, "_none $x$") == []
    assert "<base> & co: 2 readings, ECE 0.100" in texts
    assert "_none $x$: 0 readings" in texts


def test_readers_are_called_by_their_folder_where_that_tells_them_apart() -> None:
    assert headings(["PP-OCRv6_small_rec", "w/plate-reader/"]) == ["PP-OCRv6_small_rec", "plate-reader"]
    assert headings(["old/reader", "new/reader"]) == ["old/reader", "new/reader"]
    with pytest.raises(UsageError, match="named twice"):
        headings(["reader", "reader"])


def test_readers_that_are_not_there_are_named() -> None:
    with pytest.raises(ModelError, match="gone/reader does not exist"):
        Readers(("gone/reader",)).load()
    with pytest.raises(UsageError, match="steam; choose one of"):
        Readers(engine="steam").load()


def test_table_csv_and_json_say_the_same() -> None:
    reads = {"base": [read("AB01", "ABO1", 0.8), read("C2D", None)], "mine": [read("AB01", "AB01"), read("C2D", "C2D")]}
    labels = Labels(tuple(r.plate for r in reads["base"]), 0)
    rows = list(table_rows(reads))
    table = reading_table(rows)
    assert [str(column.header) for column in table.columns][:3] == ["", "reader", "plates"]
    assert list(table.columns[0].cells) == ["all", ""]
    assert list(table.columns[4].cells) == ["0.000", "1.000"], "exact"
    assert len(reading_table(rows[:1]).columns) == len(table.columns) - 1, "a single reader needs no name"

    lines = list(csv.DictReader(io.StringIO(readings_csv(reads))))
    assert [(line["reader"], line["text"], line["right"]) for line in lines] == [
        ("base", "ABO1", "1"), ("base", "", "0"), ("mine", "AB01", "1"), ("mine", "C2D", "1"),
    ]  # fmt: skip
    assert lines[0]["characters"] == "0.800 0.800 0.800 0.800"
    told = json.loads(as_json(rows, labels, reads, None))
    assert [(row["reader"], row["exact"], row["folded"]) for row in told["rows"]] == [("base", 0, 0.5), ("mine", 1, 1)]
    assert sum(b["readings"] for b in told["calibration"]["base"]) == 1


def test_countries_named_are_counted_where_the_label_tells_one(tmp_path: Path) -> None:
    told = [country_of(word) for word in ("EU-NL", "SLO", "EU-D", "AE", "EU", "MIX", "", "US")]
    assert told == ["NL", "SI", "DE", "AE", None, None, None, "US"]
    file = write_labels(tmp_path, "image,plate_text,country\na.png,AB1,EU-GBJ\nb.png,AB2,EU\n")
    assert [p.country for p in load_labels(file, None, ALL).plates] == ["JE", None]

    said = [("GB", "GB"), ("GB", "FR"), ("FR", None), (None, "IT")]
    reads = [Read(plate("AB1", country=c), replace(reading("AB1", 0.9), country=r)) for c, r in said]
    reads.append(Read(plate("AB1", country="GB"), None))
    counted = named(reads)
    assert (counted.plates, counted.right, counted.wrong, counted.unnamed) == (4, 1, 1, 2)
    (line,) = country_lines({"mine": reads, "of nobody": reads[3:4]})
    assert "of 4 plates whose country is known, it names 1 right and 1 wrong; 2 get no country" in line
    counts = json.loads(as_json([], Labels((), 0), {"mine": reads}, None))
    assert counts["countries"] == {"mine": {"plates": 4, "right": 1, "wrong": 1}}
