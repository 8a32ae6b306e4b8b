"""Areas in addresses and forms: numbers between commas, the name of a place, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dashplate.web.areas import AskedArea
from db.models import PlaceRow
from db.where.area import Area
from pipeline.errors import UsageError

WAY = Area(path=((52.5, 13.4), (52.6, 13.4)), within_m=200.0)
DEPOT = [PlaceRow(name="Depot", lat=52.5, lon=13.4, radius_m=300.0)]


def ways(drive: int, within_m: float) -> Area:
    if (drive, within_m) != (12, 200.0):
        raise UsageError("There is no such drive.")
    return WAY


def test_the_way_of_a_drive_is_asked_for_by_its_number() -> None:
    asked = AskedArea(along="drive:12,200m")
    assert asked.area([], ways) == WAY
    assert asked.on_record() == "along drive:12,200m"
    # A map shows boxes and circles.
    assert asked.shown([]) is None
    unknown = AskedArea(along="drive:13,200m").area([], ways)
    assert unknown is not None
    assert (unknown.within_m or 0) < 1


def test_a_circle_and_a_box_are_numbers_between_commas() -> None:
    assert AskedArea(near="52.52, 13.405,500").area([], ways) == Area(path=((52.52, 13.405),), within_m=500.0)
    assert AskedArea(box="52.3,13.1,52.7,13.8").area([], ways) == Area(box=(52.3, 13.1, 52.7, 13.8))
    # Across 180° the west is more than the east.
    assert AskedArea(box="-20,170,-10,-170").area([], ways) == Area(box=(-20.0, 170.0, -10.0, -170.0))


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("near", "52,13"), ("near", "a,b,c"), ("near", "91,0,5"), ("near", "0,181,5"), ("near", "0,0,0"),
        ("along", "12,200m"), ("along", "drive:0,5"), ("along", "drive:1,x"), ("along", "track.gpx,200m"),
        ("near", "0,0,nan"), ("near", "0,0,inf"), ("box", "1,2,3"), ("box", "52,13,51,14"), ("box", "nan,0,1,1"),
    ],
)  # fmt: skip
def test_what_is_nowhere_is_refused(field: str, said: str) -> None:
    with pytest.raises(ValidationError):
        AskedArea.model_validate({field: said})


def test_an_empty_field_asks_for_nothing() -> None:
    asked = AskedArea.model_validate({"near": " ", "box": "", "place": ""})
    assert asked.area(DEPOT, ways) is None
    assert not asked.is_narrowed()
    assert asked.shown(DEPOT) is None


def test_a_named_place_is_its_circle_and_one_that_there_is_not_holds_nothing() -> None:
    assert AskedArea(place="Depot").area(DEPOT, ways) == Area(path=((52.5, 13.4),), within_m=300.0)
    nowhere = AskedArea(place="Gone").area(DEPOT, ways)
    assert nowhere is not None
    assert (nowhere.within_m or 0) < 1
    assert AskedArea(place="Gone").shown(DEPOT) is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"near": "52.52,13.405,500"}, {"near": "Within 500 m of 52.5200, 13.4050"}),
        ({"box": "52.3,13.1,52.7,13.8"}, {"box": "In the box 52.30 – 52.70, 13.10 – 13.80"}),
        ({"along": "drive:12,200m"}, {"along": "Within 200 m of the way of drive 12"}),
        ({"place": "Depot"}, {"place": "At Depot"}),
    ],
)
def test_each_is_told_in_words(asked: dict[str, Any], said: dict[str, str]) -> None:
    assert {name: text for name, text in AskedArea(**asked).said().items() if text} == said
