"""The characters a plate can carry, and how a recogniser's charset is folded onto them.

A general recogniser knows 18,708 characters; a plate carries about a hundred. Forbidding the others makes reading
worse (separators and small print turn into letters: US crops .73 -> .68), so nothing is forbidden. Every character
is summed onto the plate character it looks like, onto *blank* where it separates, onto *foreign* where a reader of
plates says that it is a letter of another script, or onto *other*.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.records import FOREIGN

#: Probabilities of one picture of text: float32 of shape (steps, `CLASSES`); each row sums to 1.
Posterior: TypeAlias = NDArray[np.float32]

LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
#: Provinces, then the special marks of mainland, Hong Kong, Macao and embassy plates.
CHINESE = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼" + "港澳学警使领挂试超临民航应急台"
#: Of the PP-OCR charsets only the Eastern European ones know Cyrillic; Latin look-alikes stay apart on purpose.
CYRILLIC = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЇЄҐЂЈЉЊЋЏ"

#: What a plate can say, in class order; class 0 is CTC's blank, so `CHARS[0]` is class 1.
CHARS = LATIN + DIGITS + CHINESE + CYRILLIC
BLANK = 0
#: The class of everything that is neither a plate character nor a separator: junk, counted but never decoded.
OTHER = len(CHARS) + 1
#: The class of a letter of a script that the reader does not know, and what its charset has for it.
FOREIGN_CLASS, SAID_FOREIGN = len(CHARS) + 2, "□"
CLASSES = len(CHARS) + 3
#: Classes that leave nothing in a text.
UNREAD = frozenset((BLANK, OTHER, FOREIGN_CLASS))
#: Class of each plate character.
CLASS_OF = {char: index + 1 for index, char in enumerate(CHARS)}

#: Marks between groups. For CTC they are blanks: they part two equal letters and leave nothing behind.
SEPARATORS = frozenset(" -.·•:,'`´’‘_–—―−‐~∙⋅・。、ㆍ▪■●○◦*°º\"”“;^¨\u3000")
#: Characters whose Unicode decomposition does not lead to the plate character they look like.
_LOOKS_LIKE = {
    "l": "I1", "|": "I1", "ı": "I", "Ø": "0O", "ø": "0O", "Đ": "D", "đ": "D", "Ł": "L", "ł": "L", "ß": "B",
    "Α": "A", "Β": "B", "Ε": "E", "Ζ": "Z", "Η": "H", "Ι": "I", "Κ": "K", "Μ": "M", "Ν": "N", "Ο": "O",
    "Ρ": "P", "Τ": "T", "Υ": "Y", "Χ": "X", "滬": "沪", "遼": "辽", "蘇": "苏", "贛": "赣", "雲": "云", "瓊": "琼",
    "寧": "宁", "陝": "陕", "閩": "闽", "貴": "贵", "粵": "粤", "學": "学", "領": "领", "臺": "台",
}  # fmt: skip


def written(classes: Iterable[int]) -> str:
    """The text of CTC classes, none of them blank or junk: plate characters, and `FOREIGN` for other letters."""
    return "".join(FOREIGN if one == FOREIGN_CLASS else CHARS[one - 1] for one in classes)


def classes_of(text: str) -> tuple[int, ...]:
    """The CTC classes of a text. Raises KeyError for what is neither a plate character nor `FOREIGN`."""
    return tuple(FOREIGN_CLASS if char == FOREIGN else CLASS_OF[char] for char in text)


def known_part(text: str) -> str:
    """What is known of a text: its plate characters.

    >>> known_part("29·3306")
    '293306'
    """
    return text.replace(FOREIGN, "")


def plate_characters(char: str) -> str:
    """The plate characters that one character of a charset may be; empty where it is none.

    >>> plate_characters("g"), plate_characters("Ö"), plate_characters("l"), plate_characters("%")
    ('G', 'O', 'I1', '')
    """
    if char in _LOOKS_LIKE:
        return _LOOKS_LIKE[char]
    plain = unicodedata.normalize("NFKD", char)[:1].upper()
    if char.upper() in CLASS_OF:
        return char.upper()
    return plain if plain in CLASS_OF else ""


@dataclass(frozen=True, slots=True, eq=False)
class Folding:
    """Sums a charset's probabilities onto the plate alphabet.

    A gather and a segmented sum: a matrix product took longer than the network itself on a busy machine.
    """

    #: Charset classes that mean anything on a plate, grouped by the plate class they go to.
    columns: NDArray[np.intp]
    #: Share of each column that goes there: 1, or less for a character that looks like several.
    shares: NDArray[np.float32]
    #: Where in `columns` each group starts.
    starts: NDArray[np.intp]
    #: The plate class of each group.
    targets: NDArray[np.intp]

    def __call__(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """(..., charset) to (..., `CLASSES`); what no column claims becomes `OTHER`."""
        folded = np.zeros((*probabilities.shape[:-1], CLASSES), dtype=np.float32)
        claimed = np.take(probabilities, self.columns, axis=-1) * self.shares
        folded[..., self.targets] = np.add.reduceat(claimed, self.starts, axis=-1)
        folded[..., OTHER] = np.maximum(0.0, 1.0 - folded.sum(axis=-1))
        return folded


def folding(charset: Sequence[str]) -> Folding:
    """The folding of a recogniser's charset, whose first entry is CTC's blank."""
    # Where a charset has foreign letters of its own, a square is a square.
    knows_others = any(char.isalpha() and not plate_characters(char) for char in charset[1:])
    claims = [(BLANK, 0, 1.0)]
    for column, char in enumerate(charset[1:], start=1):
        looks = plate_characters(char)
        if char in SEPARATORS:
            claims.append((BLANK, column, 1.0))
        if char == SAID_FOREIGN and not knows_others:
            claims.append((FOREIGN_CLASS, column, 1.0))
        claims.extend((CLASS_OF[look], column, 1 / len(looks)) for look in looks)
    claims.sort()
    targets, starts = np.unique([target for target, _, _ in claims], return_index=True)
    return Folding(
        columns=np.array([column for _, column, _ in claims], dtype=np.intp),
        shares=np.array([share for _, _, share in claims], dtype=np.float32),
        starts=starts.astype(np.intp),
        targets=targets.astype(np.intp),
    )
