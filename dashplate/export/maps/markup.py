"""Texts as XML holds them."""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape

from dashplate.export.text import storable

#: What XML 1.0 holds in no spelling.
_UNHELD = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def said(value: Any) -> str:
    r"""A value as the content of an element or a quoted attribute; what XML cannot hold is spelled out.

    >>> said('a<b> & "c"' + chr(7)), said(True), said(1.5)
    ('a&lt;b&gt; &amp; &quot;c&quot;\\x07', 'true', '1.5')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(_UNHELD.sub(_spelled, storable(str(value))), {'"': "&quot;", "\r": "&#13;"})


def element(name: str, value: Any) -> str:
    """An element with a text; nothing for None and an empty text."""
    return "" if value is None or value == "" else f"<{name}>{said(value)}</{name}>"


def _spelled(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
