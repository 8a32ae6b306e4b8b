"""What a browser would make of a page: its elements, and whether any of them runs something."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

#: Attributes of ours that begin as those with scripts do.
_HARMLESS = frozenset({"open"})
#: What turns the direction of text.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


@dataclass
class Seen:
    """What a page holds."""

    #: Elements that run something, or have a mark which only hostile text has.
    alive: list[str] = field(default_factory=list)
    #: Texts and attributes that turn the direction of what follows.
    turned: list[str] = field(default_factory=list)
    #: Addresses of parts that come by themselves.
    parts: list[str] = field(default_factory=list)
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self, mark: str) -> None:
        super().__init__(convert_charrefs=True)
        self.seen, self._mark = Seen(), mark

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script" and not given.get("src", "").startswith("/static/"):
            self.seen.alive.append(tag)
        for name, value in given.items():
            if (name.startswith("on") and name not in _HARMLESS) or name in ("style", self._mark):
                self.seen.alive.append(f"{tag} {name}")
            if value.lstrip().lower().startswith(("javascript:", "data:text", "vbscript:")):
                self.seen.alive.append(f"{tag} {name}={value[:40]}")
            self._turned(value)
        if "hx-get" in given and given.get("hx-trigger", "").startswith(("load", "revealed")):
            self.seen.parts.append(given["hx-get"])

    def handle_data(self, data: str) -> None:
        self.seen.text += data
        self._turned(data)

    def _turned(self, text: str) -> None:
        if _TURNING & set(text):
            self.seen.turned.append(text[:80])


def seen_in(html: str, mark: str) -> Seen:
    """What a page holds; `mark` is an attribute that hostile text gives its elements."""
    reader = _Reader(mark)
    reader.feed(html)
    reader.close()
    return reader.seen
