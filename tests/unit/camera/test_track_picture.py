"""The picture of a track in the terminal: north up, equal scales, gaps open."""

from __future__ import annotations

from output.track_picture import track_picture
from pipeline.camera.records import Fix, Track
from pipeline.camera.tracks.geometry import step


def track(*places: tuple[float, float], gap_at: int | None = None) -> Track:
    offsets = [float(index if gap_at is None or index < gap_at else index + 60) for index in range(len(places))]
    return Track(tuple(Fix(*place, offset) for place, offset in zip(places, offsets, strict=True)), "test")


def along(
    bearing: float, metres: float, steps: int = 20, lat: float = 50.0, lon: float = 9.0
) -> list[tuple[float, float]]:
    return [step(lat, lon, bearing, metres * index / steps) for index in range(steps + 1)]


def rows(picture: str | None) -> list[str]:
    assert picture is not None
    return picture.split("\n")


def test_no_place_no_picture_and_one_place_one_mark() -> None:
    assert track_picture(track()) is None
    assert track_picture(Track((Fix(50.0, 9.0, 0.0, doubt="wild"),), "test")) is None
    assert track_picture(track((50.0, 9.0))) == "x"


def test_north_is_up() -> None:
    picture = rows(track_picture(track(*along(0, 900)), 20, 10))
    assert picture[0] == "x"
    assert picture[-1] == "o"
    assert len(picture) == 10


def test_east_is_right() -> None:
    assert rows(track_picture(track(*along(90, 900)), 20, 10)) == ["o" + "⠉" * 18 + "x"]


def test_a_metre_is_as_long_across_as_up() -> None:
    places = along(90, 400) + along(0, 400, lat=along(90, 400)[-1][0], lon=along(90, 400)[-1][1])
    picture = rows(track_picture(track(*places), 40, 10))
    # Ten lines are forty dots, and so are twenty columns.
    assert len(picture) == 10
    assert max(map(len, picture)) == 20


def test_a_gap_stays_open() -> None:
    places = along(90, 200) + along(90, 200, lon=9.01)
    joined, parted = (rows(track_picture(track(*places, gap_at=gap), 40, 8)) for gap in (None, 21))
    assert " " not in joined[0] or joined == parted
    assert "   " in parted[0]
    assert len(joined) == len(parted) == 1


def test_a_track_across_the_meridian_is_whole() -> None:
    across = rows(track_picture(track(*along(90, 900, lon=179.995)), 20, 10))
    assert across == rows(track_picture(track(*along(90, 900)), 20, 10))


def test_the_picture_keeps_its_bounds() -> None:
    for bearing in range(0, 360, 15):
        picture = rows(track_picture(track(*along(bearing, 5_000, 400)), 24, 7))
        assert len(picture) <= 7
        assert max(map(len, picture)) <= 24
        assert sum(row.count("o") + row.count("x") for row in picture) == 2


def test_scatter_of_a_parked_car_is_no_road() -> None:
    places = [(50.0 + 0.000002 * (index % 3), 9.0 + 0.000003 * (index % 2)) for index in range(30)]
    picture = rows(track_picture(track(*places), 48, 16))
    assert len(picture) <= 2
    assert max(map(len, picture)) <= 3
