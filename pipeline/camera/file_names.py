"""What a recording's name says: when it began, which of a vehicle's cameras, and why it was kept.

The forms are data: a YAML file a make in `makes/` beside this module, see "How to add: a camera" in CONTRIBUTING. A
name of no known form is searched for a date and a time that stand together, year first, between other characters than
digits. What is no date, such as a plate or a serial number, is none: all ranges are checked.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePath
from typing import Any, TypeVar

from pipeline.yaml_text import from_yaml

_T = TypeVar("_T")

#: Cameras name a file in the second in which it begins.
SECOND_S = 1.0
#: Where a name says the minute only, the recording began within it.
_MINUTE_S = 60.0

CAMERAS = ("front", "rear", "interior", "left", "right", "other")
KINDS = ("normal", "event", "parking")

_FIELDS = {
    "year": r"20\d\d", "yy": r"\d\d", "month": r"[01]\d", "day": r"[0-3]\d", "hour": r"[0-2]\d", "minute": r"[0-5]\d",
    "second": r"[0-5]\d", "counter": r"\d{1,9}",
}  # fmt: skip
_TOKEN = re.compile(r"\{(?P<field>[a-z]+)(?::(?P<digits>\d))?\}|(?P<optional>[\[\]])|(?P<literal>.)")
#: What copying adds to a name: `clip (1)`, `clip - Copy`, `clip_copy2`.
_COPY = re.compile(r"(?:\s*\(\d{1,3}\)|\s+-\s+copy(?:\s*\(\d{1,3}\))?|[ _-]copy\d{0,2})$", re.IGNORECASE)
#: A date and a time anywhere in a name: `trip-2026-01-31 at 12.00.05`, `20260131T120005`.
_ANYWHERE = re.compile(
    r"(?<![0-9])(?P<year>20\d\d)(?P<between>[-_. ]?)(?P<month>[01]\d)(?P=between)(?P<day>[0-3]\d)"
    r"(?:[-_. T]{1,3}|\s?at\s|)(?P<hour>[0-2]\d)(?P<apart>[-_.:h ]?)(?P<minute>[0-5]\d)[-_.:m ]?(?P<second>[0-5]\d)"
    r"(?![0-9])",
    re.IGNORECASE,
)
#: Longer names are no camera's.
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Named:
    """What the name of a recording says."""

    #: Naive in the camera's local time; aware for cameras that name files in UTC. None where it says no time.
    at: dt.datetime | None
    #: How exactly, in seconds.
    error_s: float = SECOND_S
    #: Where the form is of one make alone.
    make: str | None = None
    #: One of CAMERAS.
    camera: str | None = None
    #: One of KINDS.
    kind: str | None = None
    #: The number that the camera counts its files with.
    counter: int | None = None
    #: The name in lower case without the camera's letter: equal for all files of one moment that are named alike.
    moment: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which cameras name their files."""

    text: str
    pattern: re.Pattern[str]
    make: str
    #: Whether nobody else names files so.
    alone: bool
    kinds: Mapping[str, str]
    cameras: Mapping[str, str]
    #: Whether the time in the name is UTC.
    utc: bool
    #: Names of this form, and what they say: `2026-01-31T12:00:05 front normal`, with `-` for what they do not.
    examples: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Make:
    """One YAML file."""

    name: str
    source: str
    #: Whether its cameras write their local time where a container means UTC; None where that is not known.
    container_is_local: bool | None
    forms: tuple[Form, ...]


def named(path: str | PurePath) -> Named:
    """What the name of a file says, and where that is silent, the folders that it lies in: `Front`, `Event`.

    >>> named("Record/20260131_120005_NR.mp4").camera
    'rear'
    """
    path = PurePath(path)
    said = _by_form(path.stem) or _anywhere(path.stem)
    folders = [folder.casefold() for folder in path.parts[-3:-1]]
    return Named(
        said.at, said.error_s, said.make,
        said.camera or _in_folder(folders, _folders()["cameras"]),
        said.kind or _in_folder(folders, _folders()["kinds"]),
        said.counter, said.moment,
    )  # fmt: skip


def without_sorting_folders(folders: Sequence[str]) -> tuple[str, ...]:
    """The folders of a file but for those at the end that sort a card by camera and kind, such as `Normal/Front`."""
    known = {*_folders()["cameras"], *_folders()["kinds"]}
    end = len(folders)
    while end and folders[end - 1].casefold() in known:
        end -= 1
    return tuple(folders[:end])


@cache
def all_makes() -> tuple[Make, ...]:
    """Every make's file, by file name."""
    folder = resources.files("pipeline.camera") / "makes"
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".yaml"))
    return tuple(_make(_described(name)) for name in files if name != _FOLDERS)


def container_is_local(make: str | None) -> bool | None:
    """Whether a make's cameras write local time where a container means UTC; None where that is not known."""
    if make is None:
        return None
    known = {one.name.casefold(): one.container_is_local for one in all_makes()}
    return known.get(make.casefold())


def _by_form(stem: str) -> Named | None:
    if len(stem) > _LONGEST:
        return None
    said = list(_readings(_COPY.sub("", stem)))
    if not said:
        return None
    # What forms that fit read differently, none of them says.
    first = said[0]
    return Named(
        _only({one.at for one in said}),
        first.error_s,
        _only({one.make for one in said} - {None}),
        _only({one.camera for one in said}),
        _only({one.kind for one in said}),
        first.counter,
        first.moment,
    )


def _only(said: set[_T]) -> _T | None:
    return next(iter(said)) if len(said) == 1 else None


def _readings(stem: str) -> Iterator[Named]:
    for make in all_makes():
        for form in make.forms:
            fit = form.pattern.fullmatch(stem)
            if fit is None:
                continue
            at = _time(fit.groupdict())
            # With digits that are no date, it is another form or a number.
            if at is not None or "hour" not in fit.groupdict():
                yield _reading(form, fit, at)
                break


def _reading(form: Form, fit: re.Match[str], at: dt.datetime | None) -> Named:
    fields = fit.groupdict()
    camera, kind = fields.get("camera"), fields.get("kind")
    counter = fields.get("counter")
    stem = fit.string
    if camera is not None:
        stem = stem[: fit.start("camera")] + stem[fit.end("camera") :]
    return Named(
        at if at is None or not form.utc else at.replace(tzinfo=dt.UTC),
        SECOND_S if fields.get("second") else _MINUTE_S,
        form.make if form.alone else None,
        form.cameras.get((camera or "").casefold()),
        form.kinds.get((kind or "").casefold()),
        None if counter is None else int(counter),
        stem.casefold().strip("_- "),
    )


def _anywhere(stem: str) -> Named:
    moment = _COPY.sub("", stem[:_LONGEST]).casefold()
    times = {at for found in _ANYWHERE.finditer(stem[:_LONGEST]) if (at := _time(found.groupdict())) is not None}
    # A name with two times may say a beginning and an end; which is which is anybody's guess, so the earlier counts.
    return Named(min(times, default=None), moment=moment)


def _time(fields: Mapping[str, str | None]) -> dt.datetime | None:
    """The time of a name's fields; None where they say none, or no such day or hour exists."""
    year = fields.get("year") or (f"20{fields['yy']}" if fields.get("yy") else None)
    numbers = [year, fields.get("month"), fields.get("day"), fields.get("hour"), fields.get("minute")]
    if None in numbers:
        return None
    try:
        return dt.datetime.strptime("".join(map(str, numbers)) + (fields.get("second") or "00"), "%Y%m%d%H%M%S")
    except ValueError:
        return None


def _in_folder(folders: Iterable[str], known: Mapping[str, str]) -> str | None:
    """What the innermost folder that says anything says."""
    return next((known[folder] for folder in reversed(list(folders)) if folder in known), None)


# The files

_FOLDERS = "folders.yaml"


def _described(name: str) -> Any:
    return from_yaml((resources.files("pipeline.camera") / "makes" / name).read_text("utf-8"))


@cache
def _folders() -> dict[str, dict[str, str]]:
    """By the folder's name in lower case: the camera, and the kind of recording."""
    described = _described(_FOLDERS)
    return {of: {str(name).casefold(): meaning for name, meaning in described[of].items()} for of in described}


def _make(described: Mapping[str, Any]) -> Make:
    container = described.get("container")
    return Make(
        name=str(described["make"]),
        source=str(described["source"]),
        container_is_local=None if container is None else container == "local",
        forms=tuple(_form(form, str(described["make"])) for form in described["forms"]),
    )


def _form(described: Mapping[str, Any], make: str) -> Form:
    kinds = {str(token).casefold(): meaning for token, meaning in described.get("kinds", {}).items()}
    cameras = {str(token).casefold(): meaning for token, meaning in described.get("cameras", {}).items()}
    text = str(described["form"])
    return Form(
        text=text,
        pattern=_pattern(text, kinds, cameras),
        make=make,
        alone=bool(described.get("alone", False)),
        kinds=kinds,
        cameras=cameras,
        utc=bool(described.get("utc", False)),
        examples={str(name): str(says) for name, says in described["examples"].items()},
    )


def _pattern(text: str, kinds: Iterable[str], cameras: Iterable[str]) -> re.Pattern[str]:
    """A form as a regular expression: fields in braces, what may be missing in brackets, all else as it stands."""
    words = {"kind": kinds, "camera": cameras}
    parts = []
    for token in _TOKEN.finditer(text):
        field, digits = token["field"], token["digits"]
        if field in words:
            choices = "|".join(re.escape(word) for word in sorted(words[field], key=len, reverse=True))
            parts.append(f"(?P<{field}>{choices})")
        elif field == "digits":
            parts.append(rf"\d{{{digits}}}" if digits else r"\d{1,14}")
        elif field:
            parts.append(f"(?P<{field}>{rf'[0-9]{{{digits}}}' if digits else _FIELDS[field]})")
        elif token["optional"]:
            parts.append("(?:" if token["optional"] == "[" else ")?")
        else:
            parts.append(re.escape(token["literal"]))
    return re.compile("".join(parts), re.IGNORECASE | re.ASCII)
