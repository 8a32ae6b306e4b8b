"""Compares methods from several crops to one text on the same tracklets."""

from __future__ import annotations

import json as json_format
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from evaluation.rivals.material import Known
from evaluation.rivals.methods import FUSION, fusion_methods
from evaluation.texts import characters_wrong, same_folded
from evaluation.video.processing import Models
from output import terminal
from output.tables import csv_text, table
from pipeline.errors import UsageError
from pipeline.formats import load_formats

#: With fewer tracklets the table says so: one plate more or less is then more than a hundredth.
ENOUGH = 60
#: Draws of the bootstrap, its seed, and the share of them that the interval covers.
_DRAWS, _SEED, _COVERED = 2000, 0, 0.95

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Answered:
    """A tracklet and what each method makes of it."""

    text: str
    where: str
    first_s: float
    crops: int
    #: By the method's name.
    answers: dict[str, str]


@dataclass(frozen=True, slots=True)
class MethodRow:
    """A line of the table."""

    name: str
    #: Tracklets read exactly, and those read but for O and 0, I and 1.
    exact: int
    folded: int
    #: Of `tracklets`.
    tracklets: int
    #: Share of all characters that are wrong.
    character_error: float
    #: Tracklets that this method reads exactly and fusion does not; and the other way round.
    wins: int
    losses: int
    #: By how much more of the tracklets it reads exactly than fusion, with the interval that covers 95 of 100 draws of
    #: plates: tracklets of one plate are not independent.
    lead: float
    lead_from: float
    lead_to: float


def compare_rivals(known: Iterable[Known], models: Models, csv: Path | None, json: Path | None) -> None:
    """Let all methods answer, print the table, and write what is wanted. Raises UsageError where nothing is known."""
    from output.files import save

    methods = fusion_methods(load_formats(models.countries or None))
    watched = track(known, "reading", console=terminal.err, transient=True, disable=not terminal.err.is_terminal)
    answered = [
        Answered(
            k.text,
            k.where,
            k.first_s,
            len(k.evidence.matrices),
            {n: method(k.evidence) for n, method in methods.items()},
        )
        for k in watched
    ]
    if not answered:
        raise UsageError("No plate whose text is known has two crops or more here: there is nothing to compare.")
    rows = method_rows(answered)
    terminal.out.print(rivals_table(rows))
    for line in ["", *rivals_notes(answered, models)]:
        terminal.say(line)
    if csv is not None:
        save(csv, rivals_csv(answered))
    if json is not None:
        whole = {"reader": models.reader, "countries": models.countries, "rows": [asdict(row) for row in rows]}
        save(json, json_format.dumps(whole, ensure_ascii=False, indent=1) + "\n")


def method_rows(answered: Sequence[Answered]) -> list[MethodRow]:
    """A row a method, in the order in which the answers come; `FUSION` is one of them."""
    return [_row(name, answered) for name in answered[0].answers]


def rivals_table(rows: Sequence[MethodRow]) -> Table:
    """A line a method."""
    numbers = ("tracklets", "exact", "folded", "CER", "wins", "losses", "against fusion", "95%")
    shown = table(("",), numbers, dense=True)
    for row in rows:
        against = ("", "", "", "")
        if row.name != FUSION:
            between = f"{row.lead_from:+.3f} to {row.lead_to:+.3f}"
            against = (str(row.wins), str(row.losses), f"{row.lead:+.3f}", between)
        shares = (f"{count / row.tracklets:.3f}" for count in (row.exact, row.folded))
        shown.add_row(row.name, str(row.tracklets), *shares, f"{row.character_error:.3f}", *against)
    return shown


def rivals_notes(answered: Sequence[Answered], models: Models) -> Iterator[str]:
    """What a reader of the table has to know."""
    plates = len({a.text for a in answered})
    crops = Counter(a.crops for a in answered)
    yield (
        f"{len(answered)} tracklets of {plates} plates, with "
        + ", ".join(f"{size} crops: {count}" for size, count in sorted(crops.items()))
        + ". wins, losses: read exactly where fusion is wrong, and the other way round; 95%: bootstrap over plates."
    )
    yield f"Reader {escape(models.reader)} ({models.config.reader_engine}); all methods read the same crops."
    if len(answered) < ENOUGH:
        yield f"Fewer than {ENOUGH} tracklets: differences of a few hundredths are chance."


def rivals_csv(answered: Sequence[Answered]) -> str:
    """A line a tracklet: where, first_s, crops, plate_text, and what each method says."""
    rows = ((a.where, f"{a.first_s:.3f}", a.crops, a.text, *a.answers.values()) for a in answered)
    return csv_text(("where", "first_s", "crops", "plate_text", *answered[0].answers), rows)


def _row(name: str, answered: Sequence[Answered]) -> MethodRow:
    own, fusion = (np.array([a.answers[method] == a.text for a in answered]) for method in (name, FUSION))
    lead_from, lead_to = _interval(own.astype(float) - fusion, [a.text for a in answered])
    return MethodRow(
        name=name,
        exact=int(own.sum()),
        folded=_count(answered, lambda a: same_folded(a.answers[name], a.text)),
        tracklets=len(answered),
        character_error=sum(characters_wrong(a.text, a.answers[name]) for a in answered)
        / sum(len(a.text) for a in answered),
        wins=int((own & ~fusion).sum()),
        losses=int((~own & fusion).sum()),
        lead=float(own.mean() - fusion.mean()),
        lead_from=lead_from,
        lead_to=lead_to,
    )


def _count(answered: Sequence[Answered], is_right: Callable[[Answered], bool]) -> int:
    return sum(map(is_right, answered))


def _interval(differences: np.ndarray, plates: Sequence[str]) -> Span:
    """Of the mean difference, by drawing whole plates with replacement."""
    _, group = np.unique(np.array(plates), return_inverse=True)
    sums, counts = np.bincount(group, differences), np.bincount(group)
    draws = np.random.default_rng(_SEED).integers(len(sums), size=(_DRAWS, len(sums)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(means, [(1 - _COVERED) / 2, (1 + _COVERED) / 2])
    return float(low), float(high)
