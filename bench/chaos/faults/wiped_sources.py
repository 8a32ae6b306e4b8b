"""Cards that are wiped: jobs beside whose files go for good before they are done again. What they knew has to stay."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Thread

from bench.chaos.compared.tables import Difference, Tables, difference, tables_of
from bench.chaos.disturbed.fleet import wait_for
from bench.chaos.scene import Order, Scene
from bench.chaos.schedule import Strike
from bench.standin import Drive

#: What a card's job keeps, as it is typed.
_KEEPS: tuple[tuple[str, ...], ...] = ((), ("--no-evidence",), ("--hashed",))
_SEGMENTS, _POISONED = 4, 2
_LONGEST_S = 600.0
#: Codes of a command that has done its work, or came after all had ended.
_DONE, _REFUSED = 0, 2
#: The words of each order, `{}` for the job.
_ORDERS = {
    "retry": (("retry", "{}"),),
    "read": (("rerun", "{}", "--from", "read"),),
    "detect": (("rerun", "{}", "--from", "detect"),),
    "cancel": (("rerun", "{}", "--from", "detect"), ("cancel", "{}")),
    "frames": (("rerun", "{}", "--from", "read"),),
}
#: What a second pass must not lose.
_KNOWN = ("sightings", "readings", "crops", "frames", "plates")


def name_of(what: str) -> str:
    """What the job of a card is called among a scene's submissions."""
    return f"card {what}"


def is_card(name: str) -> bool:
    return name.startswith("card ")


def wipe(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    """Submit a card; once it is done, remove its files and order it to be done again.

    `frames` leaves the files there, but fetching their frames fails half way.
    """
    folder = scene.fleet.share / f"{scene.key} {what}".replace(" ", "-")
    folder.mkdir()
    drive = Drive(
        segments=_SEGMENTS, seconds=1.25, look_s=0.03, read_s=0.02,
        poisoned=(_POISONED,) if what == "retry" else (), torn_frames=what == "frames",
    )  # fmt: skip
    file = folder / "card.mp4"
    drive.write(file)
    words = rng.choice(_KEEPS) if what not in ("read", "frames") else ()
    key = f"{scene.key} {name_of(what)}"
    scene.turns[name_of(what)] += 1
    scene.submissions[name_of(what)] = scene.fleet.type("submit", "--key", key, *words, str(file))
    thread = Thread(target=_do_again, args=(scene, what, file), daemon=True)
    scene.killers.append(thread)
    thread.start()


def _do_again(scene: Scene, what: str, file: Path) -> None:
    name = name_of(what)
    try:
        wait_for(f"{name} to be done", lambda: scene.ended(name), _LONGEST_S)
        job = scene.job(name)
        assert job is not None
        before = scene.fleet.look(partial(tables_of, job_id=job.id))
        if what != "frames":
            _remove(scene, file)
            scene.note(f"{name} is wiped")
        for words in _ORDERS[what]:
            _order(scene, name, [word.format(job.id) for word in words])
        wait_for(f"{name} to be done again", lambda: scene.ended(name), _LONGEST_S)
        after = scene.fleet.look(partial(tables_of, job_id=job.id))
        scene.found.append(gone(name, before, after))
    except TimeoutError as problem:
        scene.found.append(Difference(lost=(str(problem),)))
    shutil.rmtree(file.parent, ignore_errors=True)


def _order(scene: Scene, name: str, words: Sequence[str]) -> None:
    """Type a command until it has done its work, or is refused because all has ended meanwhile."""
    order = scene.give(Order(scene.fleet.type(*words), lambda code: code in (_DONE, _REFUSED), about=name))
    wait_for(f"{words[0]} of {name}", lambda: order.settled, _LONGEST_S)


def _remove(scene: Scene, file: Path) -> None:
    """For good: not while the whole share is away and may come back with it."""
    while True:
        if not scene.fleet.videos_are_away:
            file.unlink(missing_ok=True)
            if not scene.fleet.videos_are_away:
                return
        time.sleep(0.05)


def gone(name: str, before: Tables, after: Tables) -> Difference:
    """What was known before and is not any more, or says something else; frames that came later are welcome."""
    known = {table: before[table] for table in _KNOWN}
    found = difference(known, {table: after[table] for table in _KNOWN})
    doubled = [line for line in found.doubled if not line.startswith("frames:")]
    named = [[f"{name}: {line}" for line in lines] for lines in (found.lost, doubled, found.changed)]
    return Difference(*map(tuple, named))
