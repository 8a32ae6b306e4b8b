"""How figures, times and plates look on pages: Jinja's filters."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from rich.filesize import decimal
from sqlalchemy import RowMapping

from dashplate.pace import outlook
from dashplate.service.documents import RegionTold
from dashplate.web.texts import t
from pipeline.formats import country_names
from pipeline.records import FOREIGN, UNSURE_BELOW, RecordedFrom
from pipeline.sources.source import printable, source_of, spelled
from pipeline.sources.source import shown as name_of

#: How zones are spelled that are UTC's own.
_UTC = frozenset({"+00:00", "UTC", "Z"})
#: Names of directions, an eighth of a turn each.
_WINDS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_COLOUR = re.compile(r"[A-Za-z]{3,20}|#[0-9A-Fa-f]{3,8}")
#: So many states or provinces of a plate are shown, and none that is less likely.
_MOST_REGIONS, _LIKELY_REGION = 3, 0.1


def plain(value: Any) -> Any:
    """Text without what turns its direction or hides it; every expression of a template goes through this."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return spelled(value, "\n")
    return value


def number(value: float) -> str:
    """12345 as 12,345."""
    return f"{value:,.0f}"


def percent(share: float) -> str:
    """0.987 as 99%; never 100% of what is less."""
    return f"{min(99, round(100 * share)) if share < 1 else 100}%"


def chance(share: float) -> str:
    """A share that may be tiny: 0.0421 as 4.2%, 0.00003 as < 0.1%."""
    if share >= 0.1:
        return percent(share)
    return f"{100 * share:.1f}%" if share >= 0.001 else "< 0.1%"


def clock(seconds: float) -> str:
    """A place in a video: 75.25 as 1:15.2."""
    tenths = int(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    place = f"{rest / 10:04.1f}"
    return f"{hours}:{minutes:02}:{place}" if hours else f"{minutes}:{place}"


def duration(seconds: float | None) -> str:
    """How long something takes or is, in its two largest units: 3725 as 1 h 2 min."""
    if seconds is None:
        return t("common.unknown")
    if 0 < seconds < 1:
        return "< 1 s"
    left, parts = round(seconds), []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def moment(at: dt.datetime | None, source: str = "") -> Markup:
    """A time in UTC, which `app.js` turns into the reader's own zone; `source` says whose clock it is of."""
    if at is None:
        return Markup('<span class="quiet">{}</span>').format(t("common.unknown"))
    utc = at.astimezone(dt.UTC)
    shown = f"{utc:%Y-%m-%d %H:%M} UTC"
    title = f"{shown} · {source}" if source else shown
    return Markup('<time datetime="{}" title="{}">{}</time>').format(utc.isoformat(), title, shown)


def recorded(at: dt.datetime | None, clock: Mapping[str, Any]) -> Markup:
    """A moment by a video's clock: where its zone is known in the reader's own, else as the camera had it.

    `clock` holds `recorded_from`, `clock_zone` and `clock_error_s`, as `videos` does.
    """
    if at is None:
        return moment(None)
    source, error_s, zone = t(f"common.times.{clock['recorded_from']}"), clock["clock_error_s"], clock["clock_zone"]
    if error_s:
        source += f", ± {duration(error_s)}"
    if zone is not None:
        return moment(at, source if zone in _UTC else f"{source}; {t('common.camera_zone', zone=zone)}")
    return _zoneless(at, source)


def seen(row: Mapping[str, Any]) -> Markup:
    """When a sighting was recorded or, where nothing says that, when it was processed; the title says which."""
    if row["recorded_at"] is None:
        return moment(row["processed_at"], t("common.times.processed"))
    return recorded(row["recorded_at"], row)


def either(at: dt.datetime | None, zoned: object, source: str = "") -> Markup:
    """A moment of one of several clocks; `zoned` where its zone is known."""
    source = source or t("common.either_clock")
    return moment(at, source) if at is None or zoned else _zoneless(at, source)


def told_by(clock: Mapping[str, Any]) -> str:
    """What told a video's clock, how far off it may be, and whether its zone is known: a sentence."""
    said = t(f"common.times.{clock['recorded_from']}")
    if clock["clock_error_s"]:
        said += f", ± {duration(clock['clock_error_s'])}"
    zone = clock["clock_zone"]
    return f"{said}; {t('common.no_zone_long') if zone is None else t('common.camera_zone', zone=_zone_name(zone))}"


def claim(one: Mapping[str, Any]) -> str:
    """What another clock says of a recording's beginning, as `videos.clock_others` holds it: a sentence."""
    at, zone = _parsed(one.get("at")), t("common.no_zone_long")
    if at is not None and at.tzinfo is not None:
        at, zone = at.astimezone(dt.UTC), "UTC"
    said = t("common.unknown") if at is None else f"{at:%Y-%m-%d %H:%M:%S} ({zone})"
    source = RecordedFrom(one["from"])
    return f"{said}, {t(f'common.times.{source}')}"


def place(lat: float, lon: float) -> str:
    """A place as maps and searches take it: `52.520008, 13.404954`, to a tenth of a metre."""
    return f"{lat:.6f}, {lon:.6f}"


def speed(mps: float) -> str:
    """Metres a second as people say them: 13.9 as 50 km/h."""
    return f"{3.6 * mps:.0f} km/h"


def metres(count: float) -> str:
    """A length: 734 as 734 m, 12345 as 12.3 km."""
    if count < 1000:
        return f"{count:.0f} m"
    return f"{count / 1000:.3g} km" if count < 1e6 else f"{count / 1000:,.0f} km"


def bearing(degrees: float) -> str:
    """A direction: 93 as E (93°)."""
    return f"{_WINDS[round(degrees / 45) % 8]} ({degrees % 360:.0f}°)"


def _zoneless(at: dt.datetime, source: str) -> Markup:
    """A camera's local time. No `datetime` is said, which would be a moment, and nobody knows that."""
    return Markup('<time title="{}; {}">{:%Y-%m-%d %H:%M} <span class="no-zone">{}</span></time>').format(
        t("common.no_zone_long"), source, at.astimezone(dt.UTC), t("common.no_zone")
    )


def _parsed(said: object) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(str(said))
    except ValueError:
        return None


def _zone_name(zone: str) -> str:
    return "UTC" if zone in _UTC else zone


def day(at: dt.datetime) -> str:
    """A day as UTC has it: 2026-11-30."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%d}"


def camera(name: str) -> str:
    """Which of a vehicle's cameras; as the file has it where it is none of the usual."""
    return t(f"common.camera.{name}") if name in ("front", "rear", "interior") else name


def country(code: str) -> str:
    """A country's name; its code where no format is known of it."""
    return country_names().get(code, code)


def regions(found: Sequence[RegionTold]) -> str:
    """The likeliest states or provinces of a plate: `Texas 23%, New York 14%`."""
    likely = [one for one in found[:_MOST_REGIONS] if one.confidence >= _LIKELY_REGION]
    return ", ".join(f"{one.name} {percent(one.confidence)}" for one in likely)


def file_name(path: str) -> str:
    """A video's name without its folders."""
    try:
        return name_of(source_of(path))
    except Exception:
        return printable(path.rpartition("/")[2] or path)


def plate(row: Mapping[str, Any]) -> Markup:
    """A sighting's plate as a badge: what a person read there, else what the machine did, unsure characters marked."""
    if row.get("corrected"):
        return badge(row["corrected"], corrected=True)
    if row.get("corrected") == "":
        return badge(row["read_as"], wrong=True)
    return badge_of_characters(row["read_as"], row["characters"])


def badge(text: str, *, corrected: bool = False, wrong: bool = False) -> Markup:
    """A plate's text as a badge."""
    kind = " corrected" if corrected else " wrong" if wrong else ""
    title = t("common.corrected") if corrected else t("common.no_plate") if wrong else ""
    return Markup('<span class="plate{}"{}>{}</span>').format(
        kind, Markup(' title="{}"').format(title) if title else "", spelled(text)
    )


def badge_of_characters(text: str, characters: Sequence[Mapping[str, Any]]) -> Markup:
    """The same with each unsure character marked; `characters` as sightings hold them."""
    if "".join(str(one.get("char", "")) for one in characters).replace(FOREIGN, "") != text:
        return badge(text)
    marked = (
        Markup('<span class="unsure" title="{}">{}</span>').format(percent(one["confidence"]), spelled(one["char"]))
        if one["confidence"] < UNSURE_BELOW
        else spelled(one["char"])
        for one in characters
    )
    return Markup('<span class="plate">{}</span>').format(Markup("").join(marked))


def size(count: float) -> str:
    """Bytes as people say them: 1536000 as 1.5 MB."""
    return decimal(round(count))


def share(job: Mapping[str, Any]) -> float:
    """How much of a job's footage is done, of what is expected: 0 to 1, and 1 only of one that has ended."""
    if job["finished_at"]:
        return 1.0
    expected_s = job["footage_expected_s"]
    return min(0.999, job["footage_done_s"] / expected_s) if expected_s else 0.0


def rest(job: RowMapping) -> str:
    """How long the rest of a job takes; nothing where that cannot be told."""
    ahead = outlook(job)
    if ahead.remaining_s is None:
        return ""
    left = duration(ahead.remaining_s)
    return t("common.about_left", time=left) if ahead.estimated else t("common.left", time=left)


def drawable(colour: str | None) -> str:
    """A colour as a picture may name it, a word or `#` and hexadecimal digits; empty where it is anything else."""
    return colour if colour and _COLOUR.fullmatch(colour) else ""


_FILTERS = (
    number, percent, chance, clock, duration, moment, recorded, seen, told_by, either, claim, place, speed, metres,
    bearing, day, camera, country, regions, file_name, plate, badge, size, share, rest, drawable,
)  # fmt: skip
FILTERS = {function.__name__: function for function in _FILTERS}
