"""Faults of those who tell and are told: the senders, the service, and the receiver of webhooks."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from bench.chaos.disturbed.processes import SENDERS, SERVICE, send_signal
from bench.chaos.disturbed.receiver import Mood
from bench.chaos.scene import Missed, Scene
from bench.chaos.schedule import Strike
from bench.standin import plate_text
from dashplate.client import Client, ServiceError

#: How long a strike waits for a message to be on its way.
_AIM_S = 1.5
_IN_HAND = "SELECT 1 FROM deliveries WHERE lease_until > now() LIMIT 1"
#: The service is killed at most so long after it was asked.
_LATEST_S = 0.2
#: Up to here a slow receiver is slow: past the lease of a delivery.
_SLOWEST_S = 3.0
_ASK_AGAIN_S, _LONGEST_S = 0.5, 300.0
#: Old footage, of which nobody hears otherwise; and what most drives show.
_WATCHED = (plate_text("lane.mp4", 2), plate_text("north.mp4", 5))


def kill_sender(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    """One of the senders or both, if possible while a message is on its way."""
    _strike_senders(scene, rng, signal.SIGKILL)


def freeze_sender(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    """Past the lease of what they have in hand."""
    frozen = _strike_senders(scene, rng, signal.SIGSTOP)
    scene.later(one.lasts_s, lambda: send_signal(frozen, signal.SIGCONT))


def kill_service(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    """While it puts plates on a watch list and matches them; whoever asked asks again until it is answered."""
    asking = threading.Thread(target=_watch, args=(scene,), daemon=True)
    scene.killers.append(asking)
    scene.watched = True
    asking.start()
    time.sleep(rng.uniform(0.0, _LATEST_S))
    family = scene.fleet.processes.family(SERVICE)
    if not family:
        raise Missed("the service was just being started again")
    send_signal(family, signal.SIGKILL)


def receiver(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    """It is away, in error, or slow for a while."""
    mood = Mood(what)
    scene.fleet.receiver.be(mood, slow_s=rng.uniform(0.1, _SLOWEST_S))

    def mend() -> None:
        met = scene.fleet.receiver.be(Mood.WELL)
        if not met:
            scene.miss(one, "nobody had anything to tell")
        scene.note(f"{met} messages met a receiver that was {mood}")

    scene.later(one.lasts_s, mend)


def _strike_senders(scene: Scene, rng: random.Random, signum: signal.Signals) -> Sequence[psutil.Process]:
    names = rng.sample(SENDERS, rng.randint(1, len(SENDERS)))
    end = time.monotonic() + _AIM_S
    while time.monotonic() < end and not scene.fleet.ask(_IN_HAND):
        time.sleep(0.01)
    victims = [process for name in names for process in scene.fleet.processes.family(name)]
    if not victims:
        raise Missed("the senders were just being started again")
    send_signal(victims, signum)
    return victims


def _watch(scene: Scene) -> None:
    """Put plates on a list of the schedule's own, and have their existing sightings told."""
    end = time.monotonic() + _LONGEST_S
    with Client(scene.fleet.service_url, scene.fleet.token) as client:
        for plate in _WATCHED:
            while time.monotonic() < end:
                with suppress(ServiceError):
                    client.watch(plate, scene.key, alert_existing=True)
                    break
                time.sleep(_ASK_AGAIN_S)
