"""From what readers said and what is true to the rows of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evaluation.readers import Read
from evaluation.reading.calibration import Bin, bins_of, expected_error
from evaluation.texts import characters_wrong, same_folded
from evaluation.truth_groups import ALL


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: one reader on one group of plates. Texts are compared without case and separators."""

    group: str
    reader: str
    plates: int
    #: Plates that the reader said nothing of; each of them is wrong.
    unread: int
    #: Share of the plates that are read right.
    exact: float
    #: The same with O and 0, I and 1 taken for the same, in truth and reading.
    folded: float
    #: Characters to mend over the characters that there are; an unread plate costs all of its own.
    cer: float
    #: Mean over the plates that were read; None where none was.
    confidence: float | None
    #: Expected calibration error over the plates that were read; see `calibration.expected_error`.
    ece: float | None


@dataclass(frozen=True, slots=True)
class Named:
    """What a reader named the countries of plates whose country is known."""

    plates: int
    right: int
    wrong: int

    @property
    def unnamed(self) -> int:
        """Plates that got no country; unread ones are among them."""
        return self.plates - self.right - self.wrong


def named(reads: Sequence[Read]) -> Named:
    """How often a reader named the country that the label tells."""
    known = [read for read in reads if read.plate.country]
    said = [read.reading.country == read.plate.country for read in known if read.reading and read.reading.country]
    return Named(len(known), sum(said), len(said) - sum(said))


def is_right(read: Read) -> bool:
    """Whether a plate was read right but for O and 0, I and 1."""
    return same_folded(read.plate.text, read.said)


def table_rows(reads: Mapping[str, Sequence[Read]]) -> Iterator[Row]:
    """All plates, then each group in the order of their names; for each of them a row a reader."""
    groups = sorted({read.plate.group for some in reads.values() for read in some} - {""})
    for group in (ALL, *groups):
        for reader, some in reads.items():
            yield _row(group, reader, [read for read in some if group in (ALL, read.plate.group)])


def bins(reads: Sequence[Read]) -> list[Bin]:
    """Confidence against being right, over the plates that were read."""
    return bins_of([(read.reading.confidence, is_right(read)) for read in reads if read.reading])


def _row(group: str, reader: str, reads: Sequence[Read]) -> Row:
    plates = len(reads)
    sure = [read.reading.confidence for read in reads if read.reading]
    return Row(
        group=group,
        reader=reader,
        plates=plates,
        unread=plates - len(sure),
        exact=sum(read.said == read.plate.text for read in reads) / plates,
        folded=sum(map(is_right, reads)) / plates,
        cer=sum(characters_wrong(read.plate.text, read.said) for read in reads)
        / sum(len(read.plate.text) for read in reads),
        confidence=sum(sure) / len(sure) if sure else None,
        ece=expected_error(bins(reads)),
    )
