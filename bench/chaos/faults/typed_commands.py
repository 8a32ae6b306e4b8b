"""Commands that people type while faults strike: retry, rerun, purge; killed half way, and typed again."""

from __future__ import annotations

import random
import threading
import time

from bench.chaos.disturbed.fleet import Typed
from bench.chaos.footage import FLEETS
from bench.chaos.scene import MAIN, OLD, Order, Scene
from bench.chaos.schedule import Strike

#: What a command is killed over: one of these is the last that its connection was asked.
_HALF_WAY = {
    "retry": ("%pg_advisory_lock_shared%", "UPDATE segments%", "UPDATE videos%"),
    "rerun": ("UPDATE segments%", "%UPDATE videos%"),
    "purge": ("DELETE FROM %", "%UPDATE videos SET purged_at%", "%deletions%"),
}
_ASKED = "SELECT 1 FROM pg_stat_activity WHERE application_name = :name AND query LIKE :asked"
_EXISTS = "SELECT 1 FROM jobs WHERE id = :job"
_POLL_S = 0.002
#: A refused command's exit code.
_REFUSED = 2


def retry(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    """Try again what was given up."""
    _kill_over_it(scene, scene.give(Order(scene.fleet.type("retry", str(scene.job_id)))), one, rng)


def rerun(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    """Do the job again, from `read` or, killed half way, from `detect`; `early`, while it runs, that is refused."""
    steps = ("read", "detect") if FLEETS[scene.content].pictures else ("detect",)
    step = what if what in steps else rng.choice(steps)
    typed = scene.fleet.type("rerun", str(scene.job_id), "--from", step)
    if what == "early":
        scene.give(Order(typed, settles=lambda code: code in (0, _REFUSED)))
        return
    # Killed too late, it has done its work: then the job runs, and is done once more after that.
    scene.rerun = scene.give(Order(typed, sensible=lambda: scene.ended(MAIN)))
    if step == "detect":
        _kill_over_it(scene, scene.rerun, one, rng)


def purge(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    """Delete what another job showed, in half of all cases its rows too."""
    found = scene.job(OLD)
    assert found is not None
    job_id, forget = found.id, rng.random() < 0.5
    words = ("purge", "--older-than", "0m", "--job", str(job_id), "--yes", *(("--forget",) if forget else ()))
    scene.purged[OLD] = (job_id, forget)
    typed = scene.fleet.type(*words)
    # Forgotten, the job is not there to be purged once more.
    order = Order(typed, settles=lambda code: code == 0 or not scene.fleet.ask(_EXISTS, job=job_id), about=OLD)
    _kill_over_it(scene, scene.give(order), one, rng)


def _kill_over_it(scene: Scene, order: Order, one: Strike, rng: random.Random) -> None:
    query = rng.choice(_HALF_WAY[order.typed.words[0]])
    killer = threading.Thread(target=_kill_half_way, args=(scene, order.typed, one, query), daemon=True)
    scene.killers.append(killer)
    killer.start()


def _kill_half_way(scene: Scene, typed: Typed, one: Strike, query: str) -> None:
    while typed.process.poll() is None:
        if scene.fleet.ask(_ASKED, name=typed.name, asked=query):
            typed.process.kill()
            scene.note(f"{typed.words[0]} was killed over {query}")
            return
        time.sleep(_POLL_S)
    scene.miss(one, f"{typed.words[0]} ended with {typed.process.returncode} before it was killed over {query}")
