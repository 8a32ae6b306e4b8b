"""A fleet of any size on paper: what it needs, what breaks first, what a month costs.

Each number of `Measured` was measured in this repository, by the command beside it. Prices and the sizes of a large
server are examples, to be replaced by one's own.
"""

from __future__ import annotations

from dataclasses import dataclass

_DAY_S = 86_400
_DAYS = 30


@dataclass(frozen=True, slots=True)
class Measured:
    """What a part takes, on two cores with AVX-512 and without AMX."""

    #: Of a recording in files of a minute (`pipeline.video.split`: 4 s, then 10 s each).
    segments_an_hour: float = 420.0
    #: Times real time, one machine of two cores with a detect and a read worker: `make bench`, the slowest clip, warm.
    machine_speed: float = 3.5
    #: Processor ms a segment with a plate, by part: `python -m bench.simulator steady 64`.
    redis_ms: float = 0.8
    postgres_ms: float = 5.3
    control_ms: float = 3.9
    #: Written to PostgreSQL's log for it: the same.
    log_kb: float = 10.4
    #: Connections of a worker process at most, and of one server: `python -m bench.parts.connections 256`.
    connections_each: int = 3
    connections_most: int = 850
    #: Of a sighting, with what it rests on: rows, files and their number: docs/operations.md#sizing.
    row_kb: float = 11.8
    files_kb: float = 249.0
    files: int = 14
    #: Reading a plate with six pictures: docs/accuracy.md.
    read_ms: float = 39.5


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is recorded."""

    cars: int = 100_000
    #: Of video, each car and day.
    hours: float = 2.0
    #: Plates that are seen, a minute.
    plates: float = 5.0
    #: Of the recording.
    mbit: float = 15.0

    @property
    def hours_a_day(self) -> float:
        return self.cars * self.hours

    @property
    def sightings_a_day(self) -> float:
        return self.hours_a_day * 60 * self.plates


@dataclass(frozen=True, slots=True)
class Prices:
    """Examples, in dollars."""

    core_hour: float = 0.03
    disk_gb_month: float = 0.10
    object_gb_month: float = 0.02
    thousand_puts: float = 0.005
    #: Coming in over a mobile network from the cars.
    mobile_gb: float = 1.0
    #: Months that rows and files are kept.
    kept_months: float = 1.0


@dataclass(frozen=True, slots=True)
class Need:
    """What one part needs, on average over the day, beside what one of it has."""

    part: str
    needs: float
    has: float
    unit: str

    @property
    def times(self) -> float:
        return self.needs / self.has


def needs(fleet: Fleet, measured: Measured = Measured()) -> list[Need]:
    """What one site would need that takes all of it in, what is short by the most first."""
    each_s = fleet.hours_a_day * measured.segments_an_hour / _DAY_S
    machines = fleet.hours_a_day / 24 / measured.machine_speed
    parts = [
        Need("line into the site", fleet.hours_a_day * 3600 * fleet.mbit / _DAY_S / 1000, 10, "Gbit/s"),
        Need("connections to PostgreSQL", 2 * machines * measured.connections_each, measured.connections_most, ""),
        Need("rows of a day", fleet.sightings_a_day * measured.row_kb / 1e6, 1000, "GB"),
        Need("PostgreSQL", each_s * measured.postgres_ms / 1000, 16, "cores"),
        Need("log of PostgreSQL", each_s * measured.log_kb / 1000, 500, "MB/s"),
        Need("control workers", each_s * measured.control_ms / 1000, 16, "cores"),
        Need("Redis", each_s * measured.redis_ms / 1000, 1, "cores"),
        Need("files of a day", fleet.sightings_a_day * measured.files / 1e6, 100, "million"),
    ]
    return sorted(parts, key=lambda need: -need.times)


def months(
    fleet: Fleet, *, in_the_car: bool, measured: Measured = Measured(), prices: Prices = Prices()
) -> dict[str, float]:
    """Dollars a month by what is paid; `in_the_car`, detection runs there and crops and frames are sent home."""
    monthly = fleet.sightings_a_day * _DAYS
    each_s = fleet.hours_a_day * measured.segments_an_hour / _DAY_S
    work = fleet.hours_a_day / measured.machine_speed * 2
    if in_the_car:
        work = fleet.sightings_a_day * measured.read_ms / 3_600_000
    plane = each_s * (measured.redis_ms + measured.postgres_ms + measured.control_ms) / 1000
    files_gb = monthly * measured.files_kb / 1e6
    sent_gb = files_gb if in_the_car else fleet.hours_a_day * _DAYS * 3600 * fleet.mbit / 8000
    return {
        "workers": work * _DAYS * prices.core_hour,
        "control plane": plane * 24 * _DAYS * prices.core_hour,
        "rows": monthly * measured.row_kb / 1e6 * prices.kept_months * prices.disk_gb_month,
        "files": files_gb * prices.kept_months * prices.object_gb_month,
        "putting them": monthly * measured.files / 1000 * prices.thousand_puts,
        "mobile network": sent_gb * prices.mobile_gb,
    }


def lines(fleet: Fleet, measured: Measured = Measured()) -> list[str]:
    """Both tables."""
    machines = fleet.hours_a_day / 24 / measured.machine_speed
    return [
        f"{fleet.cars} cars, {fleet.hours:g} hours of video a day each, {fleet.plates:g} plates a minute,"
        f" {fleet.mbit:g} Mbit/s:",
        f"{fleet.hours_a_day:.0f} hours and {fleet.sightings_a_day / 1e6:.1f} million sightings a day,"
        f" {machines:.0f} worker machines of two cores",
        "",
        f"{'one site':<28}{'needs':>10}{'one has':>10}{'times':>9}",
        *map(_line, needs(fleet, measured)),
        "",
        f"{'dollars a month':<28}{'video sent':>14}{'crops sent':>14}",
        *_paid(months(fleet, in_the_car=False), months(fleet, in_the_car=True)),
    ]


def _line(need: Need) -> str:
    places = 0 if need.needs >= 100 else 1
    return f"{need.part:<28}{need.needs:>10.{places}f}{need.has:>10.0f}{need.times:>9.2f}  {need.unit}".rstrip()


def _paid(video: dict[str, float], crops: dict[str, float]) -> list[str]:
    rows = [(what, video[what], crops[what]) for what in video]
    rows.append(("together", sum(video.values()), sum(crops.values())))
    return [f"{what:<28}{one:>14,.0f}{other:>14,.0f}" for what, one, other in rows]
