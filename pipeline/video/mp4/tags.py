"""Tags of containers that name the camera."""

from __future__ import annotations

import re
from collections.abc import Mapping

MAKE_TAGS = ("make", "com.apple.quicktime.make", "com.android.manufacturer", "manufacturer")
MODEL_TAGS = ("model", "com.apple.quicktime.model", "com.android.model")
_LANGUAGE = re.compile(r"-[a-z]{3}$")
#: Longer ones are no names.
_LONGEST = 64


def tagged(tags: Mapping[str, str], wanted: tuple[str, ...]) -> str | None:
    """The first of these tags that says something; FFmpeg adds languages to some (`make-eng`)."""
    plain = {_LANGUAGE.sub("", name.casefold()): _printable(text) for name, text in tags.items()}
    return next((plain[name] for name in wanted if plain.get(name)), None)


def _printable(text: str) -> str:
    """What may go to a terminal."""
    return "".join(char for char in text[:_LONGEST] if char.isprintable()).strip()
