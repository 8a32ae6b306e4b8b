"""What reads text in pictures, as this room wants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipeline.records import Box, Image


class TextReader(Protocol):
    """A reader of any text, not of plates alone."""

    def find(self, image: Image) -> Sequence[Box]:
        """Where lines of text stand in a BGR picture, each box around one line; in no order that means anything."""
        ...

    def read(self, lines: Sequence[Image]) -> Sequence[str]:
        """What BGR pictures of one line each say, separators included where the reader sees them."""
        ...
