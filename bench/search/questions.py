"""What is asked: questions of each kind, about plates that the fleet has seen."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from sqlalchemy.orm import Session

from bench.search.fleet import Fleet
from db.findings.search import Wanted, plates, search
from db.where.area import Area, along, near
from db.where.asked import convoys, heat
from pipeline.formats.confusions import CONFUSED_WITH

Question: TypeAlias = Callable[[Session], object]
#: Makes what is asked from a plate's text.
_Ask: TypeAlias = Callable[[str, Fleet], Question]

#: What a page of the service holds.
_MOST = 100


def questions(fleet: Fleet, number: int) -> dict[str, list[Question]]:
    """So many questions of each kind."""
    rng = random.Random(7)
    seen = [fleet.plates[fleet.passing()][0] for _ in range(number)] + [
        text for text, _ in rng.sample(fleet.plates, number)
    ]
    return {kind: [ask(said, fleet) for said in rng.sample(seen, number)] for kind, ask in _KINDS.items()}


def _sightings(spelled: Callable[[str], str], **narrowed: object) -> _Ask:
    def ask(said: str, fleet: Fleet) -> Question:
        wanted = Wanted(spelled(said), **narrowed)  # type: ignore[arg-type]
        return lambda db: search(db, wanted, _MOST)

    return ask


def _unique(spelled: Callable[[str], str]) -> _Ask:
    return lambda said, fleet: partial(plates, pattern=spelled(said), most=_MOST)


def _there(radius_m: float, spelled: Callable[[str], str] | None = None) -> _Ask:
    """In a circle somewhere where videos are recorded."""

    def ask(said: str, fleet: Fleet) -> Question:
        wanted = Wanted(spelled(said) if spelled else None, area=near(*fleet.place(), radius_m))
        return lambda db: search(db, wanted, _MOST)

    return ask


def _in_a_box(high_deg: float) -> _Ask:
    def ask(said: str, fleet: Fleet) -> Question:
        lat, lon = fleet.place()
        west, east = ((lon + side + 180) % 360 - 180 for side in (-high_deg, high_deg))
        box = (lat - high_deg, west, lat + high_deg, east)
        return lambda db: search(db, Wanted(None, area=Area(box=box)), _MOST)

    return ask


def _along_a_track(said: str, fleet: Fleet) -> Question:
    """Some 20 km with a bend every kilometre."""
    lat, lon = fleet.place()
    line = [(lat + 0.009 * step, (lon + 0.004 * (step % 3) + 180) % 360 - 180) for step in range(20)]
    return lambda db: search(db, Wanted(None, area=along(line, 100.0)), _MOST)


def _plates_there(said: str, fleet: Fleet) -> Question:
    return partial(plates, pattern="*", most=_MOST, area=near(*fleet.place(), 500.0))


def _heat(said: str, fleet: Fleet) -> Question:
    lat, lon = fleet.place()
    west, east = ((lon + side + 180) % 360 - 180 for side in (-0.02, 0.02))
    return partial(heat, area=Area(box=(lat - 0.02, west, lat + 0.02, east)))


def _runner_up(said: str, fleet: Fleet) -> Question:
    others = fleet.runners_up(said)
    wanted = Wanted(str(others[0]["text"]) if others else said)
    return lambda db: search(db, wanted, _MOST)


def _misread(said: str) -> str:
    """A character wrong, and another taken for its look-alike."""
    place = next((at for at, char in enumerate(said) if char in CONFUSED_WITH), 0)
    return said[:place] + CONFUSED_WITH.get(said[place], said[place])[:1] + said[place + 1 :]


_KINDS: dict[str, _Ask] = {
    "exact": _sightings(str),
    "exact, of a runner-up": _runner_up,
    "beginning: KA05M*": _sightings(lambda said: said[:-3] + "*"),
    "short beginning: KA*": _sightings(lambda said: said[:2] + "*"),
    "end: *1234": _sightings(lambda said: "*" + said[-4:]),
    "middle: *5MH1*": _sightings(lambda said: "*" + said[2:6] + "*"),
    "one letter: *A*": _sightings(lambda said: "*" + said[0] + "*"),
    "one unknown: KA05?H1234": _sightings(lambda said: said[:3] + "?" + said[4:]),
    "three unknown: ??05MH?234": _sightings(lambda said: "??" + said[2:-2] + "?" + said[-1:]),
    "ends and a hole: KA*34": _sightings(lambda said: said[:2] + "*" + said[-2:]),
    "like": _sightings(_misread, alike=True),
    "beginning, in a job": _sightings(lambda said: said[:3] + "*", of_job=3),
    "beginning, of a country": _sightings(lambda said: said[:2] + "*", of_country="GB"),
    "beginning, since, sure": _sightings(
        lambda said: said[:2] + "*", since=dt.datetime.now(dt.UTC) - dt.timedelta(days=10), least_share=0.5
    ),
    "like, sure by half": _sightings(_misread, alike=True, least_share=0.5),
    "unique plates: KA05M*": _unique(lambda said: said[:4] + "*"),
    "unique plates: *": _unique(lambda said: "*"),
    "near, 100 m": _there(100.0),
    "near, 500 m": _there(500.0),
    "near, 5 km": _there(5000.0),
    "near, 50 km": _there(50_000.0),
    "in a box of 2 km": _in_a_box(0.01),
    "in a box of 200 km": _in_a_box(1.0),
    "along a track": _along_a_track,
    "a plate near, 2 km": _there(2000.0, str),
    "beginning near, 2 km": _there(2000.0, lambda said: said[:2] + "*"),
    "unique plates near, 500 m": _plates_there,
    "heat of a box of 4 km": _heat,
    "convoys of 7 days": lambda said, fleet: partial(convoys, days=7),
}
KINDS = tuple(_KINDS)
