"""From judged clips to the rows of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from evaluation.video.uniques import FoundPlate, Outcome, Verdict


@dataclass(frozen=True, slots=True)
class VideoRow:
    """A line of the table: one clip, or all. None: nothing to measure."""

    name: str
    #: Clear plates that are there.
    plates: int
    #: Of them, those reported exactly.
    exact: int
    #: Of them, those reported exactly or with O for 0, I for 1.
    folded: int
    #: Reported, and nowhere in the clip: twice read, and read once.
    false_confirmed: int
    false_single: int
    #: Reported rightly although nobody was asked for them.
    bonus: int
    #: Reported from places whose truth nobody knows.
    unjudged: int
    #: Share of the reported texts that are exactly a clear plate; what counts neither way is left out.
    precision: float | None
    #: Share of the clear plates that were reported exactly.
    recall: float | None
    f1: float | None
    #: The same with O and 0, I and 1 taken for the same.
    f1_folded: float | None
    #: Share of the clear plates' characters that are wrong in the reported text that is nearest; all, where none is.
    character_error: float | None
    #: How far the time stamps of the plates that were read are off, seconds.
    first_mean_s: float | None
    first_max_s: float | None
    last_mean_s: float | None
    last_max_s: float | None
    duration_s: float
    frames: int
    elapsed_s: float

    @property
    def times_real_time(self) -> float | None:
        """Seconds of footage a second."""
        return self.duration_s / self.elapsed_s if self.elapsed_s else None

    @property
    def frames_per_s(self) -> float | None:
        """Frames looked at a second."""
        return self.frames / self.elapsed_s if self.elapsed_s else None


def video_rows(outcomes: Sequence[Outcome]) -> list[VideoRow]:
    """Each clip; and, where there are several, all of them."""
    rows = [row(o.name, [o]) for o in outcomes]
    return rows if len(rows) == 1 else [*rows, row("total", outcomes)]


def row(name: str, outcomes: Sequence[Outcome]) -> VideoRow:
    """The clips in one line."""
    asked = [a for o in outcomes for a in o.asked]
    false = [f for o in outcomes for f in o.of(Verdict.FALSE)]
    exact, folded = sum(a.verdict is Verdict.EXACT for a in asked), sum(a.read for a in asked)
    first = [error for a in asked if (error := a.first_error_s) is not None]
    last = [error for a in asked if (error := a.last_error_s) is not None]
    reported = folded + len(false)
    characters = sum(len(a.plate.text) for a in asked)
    return VideoRow(
        name=name,
        plates=len(asked),
        exact=exact,
        folded=folded,
        false_confirmed=_count(false, confirmed=True),
        false_single=_count(false, confirmed=False),
        bonus=sum(len(o.of(Verdict.BONUS)) for o in outcomes),
        unjudged=sum(len(o.of(Verdict.UNJUDGED)) for o in outcomes),
        precision=_share(exact, reported),
        recall=_share(exact, len(asked)),
        f1=_share(2 * exact, len(asked) + reported),
        f1_folded=_share(2 * folded, len(asked) + reported),
        character_error=_share(sum(a.characters_wrong for a in asked), characters),
        first_mean_s=fmean(first) if first else None,
        first_max_s=max(first, default=None),
        last_mean_s=fmean(last) if last else None,
        last_max_s=max(last, default=None),
        duration_s=sum(o.duration_s for o in outcomes),
        frames=sum(o.frames for o in outcomes),
        elapsed_s=sum(o.elapsed_s for o in outcomes),
    )


def _count(found: Sequence[FoundPlate], *, confirmed: bool) -> int:
    return sum(f.confirmed is confirmed for f in found)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
