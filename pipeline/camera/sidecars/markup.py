"""XML from strangers, read as it comes: no tree is built, no entity is taken, and what comes before damage counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from pipeline.camera.records import MOST_FIXES
from pipeline.errors import DashplateError

#: How much is handed to the parser at once.
_PIECE_BYTES = 1 << 16
#: More text inside one element is no number, no time and no row of coordinates that a camera writes.
_LONGEST_TEXT = 1 << 20
_DEEPEST = 64
#: Cameras and loggers write some ten elements with a fix, and a track ends with so many fixes.
_MOST_ELEMENTS = 20 * MOST_FIXES


class BrokenMarkup(DashplateError):
    """An XML file that is damaged, or that only an attacker writes."""


@dataclass(slots=True)
class Element:
    """An element that has ended: its name without a namespace, in lower case, and its text."""

    name: str
    attributes: dict[str, str]
    #: The names of the elements around it, the outermost first.
    within: tuple[str, ...]
    text: str = ""
    started: bool = field(default=False)


def elements(data: bytes) -> Iterator[Element]:
    """All elements, each where it starts (`started`, without its text yet) and where it ends.

    Raises BrokenMarkup where the file is damaged, declares entities, nests deeper than any track does or has more
    elements; what was given out before stays good.
    """
    reader = _Reader()
    for start in range(0, max(len(data), 1), _PIECE_BYTES):
        problem = reader.feed(data[start : start + _PIECE_BYTES], start + _PIECE_BYTES >= len(data))
        yield from reader.found
        reader.found.clear()
        if problem is not None:
            raise BrokenMarkup(problem)


class _Reader:
    def __init__(self) -> None:
        self.found: list[Element] = []
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._length = 0
        self._count = 0
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._entity
        self._parser = parser

    def feed(self, piece: bytes, is_last: bool) -> str | None:
        """What is wrong with it; None where nothing is."""
        try:
            self._parser.Parse(piece, is_last)
        except BrokenMarkup as problem:
            return str(problem)
        except (expat.ExpatError, ValueError, LookupError) as problem:
            return f"Its XML is damaged: {problem}."
        return None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _DEEPEST:
            raise BrokenMarkup(f"Its XML is nested more than {_DEEPEST} deep, which no track is.")
        self._count += 1
        if self._count > _MOST_ELEMENTS:
            raise BrokenMarkup(f"Its XML has more than {_MOST_ELEMENTS:,} elements, which no track has.")
        within = (*self._open[-1].within, self._open[-1].name) if self._open else ()
        local = {_local(key): value for key, value in attributes.items()}
        element = Element(_local(name), local, within)
        self._open.append(element)
        self._texts.append([])
        self._length = 0
        self.found.append(Element(element.name, local, within, started=True))

    def _end(self, name: str) -> None:
        element = self._open.pop()
        element.text = "".join(self._texts.pop()).strip()
        self.found.append(element)

    def _text(self, text: str) -> None:
        self._length += len(text)
        if self._texts and self._length <= _LONGEST_TEXT:
            self._texts[-1].append(text)

    def _entity(self, *declared: object) -> None:
        raise BrokenMarkup("Its XML declares entities, which no track needs, and it is not read.")


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()
