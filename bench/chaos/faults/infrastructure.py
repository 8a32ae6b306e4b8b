"""Faults of workers, servers, network, store and share: what each does to a fleet, and what undoes it."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache

import psutil
import redis
from celery import Celery
from kombu import Queue
from kombu.exceptions import OperationalError as BrokerError

from bench.chaos.compared.tables import Difference
from bench.chaos.disturbed.processes import WORKERS, family_of, send_signal
from bench.chaos.faults import telling, typed_commands, wiped_sources
from bench.chaos.footage import FLEETS
from bench.chaos.scene import MAIN, Missed, Scene
from bench.chaos.schedule import Strike
from dashplate.stack.server import Server
from db.jobs import control
from workers.celery_app.app import CONTROL, DETECT, QUEUES, READ
from workers.maintenance.sweeper import SWEEP_LOCK

#: How long a strike waits for its victim to be at work.
_AIM_S = 0.6
#: By how much Redis has less or more room than it uses.
_ROOM_BYTES = 50_000
#: Of the processes below a worker, by what their command line says.
_HELPER = ("semaphore_tracker", "resource_tracker")
_SWEEPING = """
    SELECT a.client_port FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.objid = :lock
"""
_WORKING = "SELECT worker FROM segments WHERE job_id = :job AND state = :state AND worker IS NOT NULL ORDER BY id"
_SOME_SEGMENTS = "SELECT id, attempt FROM segments WHERE job_id = :job AND attempt > 0 ORDER BY id"
_SOME_VIDEOS = "SELECT id FROM videos WHERE job_id = :job ORDER BY id"
#: Files that have to be opened, or of which segments have to be detected, whatever the job.
_NEEDED = """
    SELECT 1 FROM videos v WHERE v.finished_at IS NULL AND (v.state = 'registered' OR EXISTS (
        SELECT 1 FROM segments s WHERE s.video_id = v.id AND s.state IN ('pending', 'queued', 'detecting')
                                       AND s.step = 'detect'))
"""
_AWAY = "SELECT count(*) AS videos FROM videos WHERE away_since IS NOT NULL"
#: Of segments that were not stopped by the clock, which a frozen worker may be.
_COUNTED = """
    SELECT regexp_replace(v.path, '^.*/|[.]mp4$', '', 'g') AS drive, s.index, s.failures
    FROM segments s JOIN videos v ON v.id = s.video_id
    WHERE s.job_id = :job AND s.failures > 0 AND coalesce(s.problem, '') NOT LIKE '%longer than it may%'
"""


def strike(scene: Scene, one: Strike) -> None:
    """Let a fault happen, or note that it struck nothing."""
    rng = random.Random(one.seed)
    kind, _, what = one.fault.partition("-")
    scene.struck.append(one.fault)
    try:
        act = _KINDS.get(one.fault) or _KINDS[kind]
        act(scene, what, one, rng)
    except Missed as reason:
        scene.miss(one, reason)


def _kill(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    role, _, part = what.partition("-")
    if role == "submit":
        _kill_submission(scene, rng)
        return
    family = _sweeping_family(scene, rng) if role == "sweeper" else _family(scene, role, rng)
    victims = _pool(family) if part == "child" else family[:1] if part == "parent" else family
    _signal_any(victims, signal.SIGKILL)


def _freeze(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    role, _, part = what.partition("-")
    family = _family(scene, DETECT if role == "long" else role, rng)
    frozen = _pool(family) if part == "child" else family
    _signal_any(frozen, signal.SIGSTOP)
    scene.later(one.lasts_s, lambda: send_signal(frozen, signal.SIGCONT))


def _redis(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    server = scene.fleet.redis
    if what == "flush":
        with redis.Redis.from_url(scene.fleet.redis_url) as client:
            try:
                client.flushall()
            except redis.RedisError as error:
                raise Missed(f"Redis said {error}") from error
        return
    if what == "full":
        _fill(scene, one, rng)
        return
    _down(server)
    if what == "lost":
        shutil.rmtree(server.folder / "appendonlydir", ignore_errors=True)
        (server.folder / "appendonly.aof").unlink(missing_ok=True)
    time.sleep(one.lasts_s)
    server.ensure()


def _fill(scene: Scene, one: Strike, rng: random.Random) -> None:
    """Leave Redis a little room, or less than none."""

    def allow(size: int) -> None:
        with redis.Redis.from_url(scene.fleet.redis_url) as client:
            client.config_set("maxmemory", size)

    with redis.Redis.from_url(scene.fleet.redis_url) as client:
        used, before = client.info("memory")["used_memory"], client.config_get("maxmemory")["maxmemory"]
    allow(used + rng.randint(-_ROOM_BYTES, _ROOM_BYTES))
    scene.later(one.lasts_s, lambda: allow(before))


def _postgres(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    server = scene.fleet.postgres
    if what == "kill":
        _down(server)
    else:
        server.stop()
    time.sleep(one.lasts_s)
    server.ensure()


def _cut(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    if not scene.fleet.networks[what].cut():
        raise Missed("nobody was connected")


def _silence(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    network, forgetful = scene.fleet.networks[what], rng.random() < 0.5
    network.silence()
    scene.later(one.lasts_s, lambda: network.sound(forgetful))


def _resend(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    try:
        _send_again(scene, what, rng)
    except BrokerError as error:
        # A Redis that is full takes no message from us either.
        raise Missed(f"Redis said {error}") from error


def _send_again(scene: Scene, what: str, rng: random.Random) -> None:
    celery = _celery(scene.fleet.redis_url)
    if what == "steps":
        videos = scene.fleet.ask(_SOME_VIDEOS, job=scene.job_id)
        if not videos:
            raise Missed("no video is registered yet")
        for row in rng.choices(videos, k=3):
            task = rng.choice(("probe", "aggregate"))
            celery.send_task(f"dashplate.{task}", args=(row["id"],), queue=CONTROL)
        return
    segments = scene.fleet.ask(_SOME_SEGMENTS, job=scene.job_id)
    if not segments:
        raise Missed("no segment has been sent yet")
    for row in rng.choices(segments, k=4):
        attempt = row["attempt"] - (what == "old")
        queue = rng.choice((DETECT, READ))
        for _ in range(2):
            celery.send_task(f"dashplate.{queue}", args=([(row["id"], attempt)],), queue=queue)


def _store(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    fleet = scene.fleet
    if what == "flaky":
        fleet.trouble(chance=0.1)
        return
    fleet.trouble(chance=0.7) if what == "rotten" else fleet.trouble(full=True)
    scene.later(one.lasts_s, fleet.calm)


def _pause(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    scene.turns[MAIN] += 1
    scene.fleet.steer(control.pause, scene.job_id)
    scene.later(one.lasts_s, lambda: scene.fleet.steer(control.resume, scene.job_id))


def _small(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    scene.submit("small")


def _cancel(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    scene.submit("given up")


def _share(scene: Scene, what: str, one: Strike, rng: random.Random) -> None:
    """The folder of the videos is missing or empty for a while, which nothing may be counted for."""
    fleet, before = scene.fleet, _counted(scene)
    if not fleet.ask(_NEEDED):
        raise Missed("no video was needed any more")

    def back() -> None:
        seen = fleet.ask(_AWAY)[0]["videos"]
        scene.note(f"the videos are back; {seen} were known to be away")
        now = _counted(scene)
        wrong = [f"segments: {name} failed while it was away" for name in now if now[name] > before.get(name, 0)]
        scene.wrong += Difference(changed=tuple(wrong))
        fleet.bring_videos_back()

    fleet.take_videos_away(emptied=rng.random() < 0.5)
    scene.later(one.lasts_s, back)


def _counted(scene: Scene) -> dict[str, int]:
    """Failures of segments that ought to have none."""
    given_up = FLEETS[scene.content].given_up
    return {
        f"{row['drive']} {row['index']}": row["failures"]
        for row in scene.fleet.ask(_COUNTED, job=scene.job_id)
        if (row["drive"], row["index"]) not in given_up
    }


def _kill_submission(scene: Scene, rng: random.Random) -> None:
    """Just after its job is there: before its files are, or before it is closed."""
    time.sleep(rng.uniform(0.0, 0.06))
    process = scene.submissions[MAIN].process
    if process.poll() is not None:
        raise Missed("it had ended")
    process.kill()


def _family(scene: Scene, role: str, rng: random.Random) -> list[psutil.Process]:
    """The family of a worker of that role, if possible one that is in the middle of something."""
    state = {DETECT: "detecting", READ: "reading"}.get(role)
    end = time.monotonic() + _AIM_S
    while state is not None and time.monotonic() < end:
        for row in scene.fleet.ask(_WORKING, job=scene.job_id, state=state):
            name = scene.fleet.processes.worker_of(int(row["worker"].rpartition(":")[2]))
            if name is not None:
                return scene.fleet.processes.family(name)
        time.sleep(0.01)
    return _any_family(scene, role, rng)


def _any_family(scene: Scene, role: str, rng: random.Random) -> list[psutil.Process]:
    """The family of a worker of that role, if possible one that is not just being started again."""
    names = [name for name, other in WORKERS.items() if other == role]
    families = [scene.fleet.processes.family(name) for name in rng.sample(names, len(names))]
    return max(families, key=lambda family: bool(_pool(family)))


def _sweeping_family(scene: Scene, rng: random.Random) -> list[psutil.Process]:
    """The family of the control worker that sweeps this very moment."""
    network = scene.fleet.networks["postgres"]
    end = time.monotonic() + 2 * _AIM_S
    while time.monotonic() < end:
        for row in scene.fleet.ask(_SWEEPING, lock=SWEEP_LOCK):
            port = network.client_port(row["client_port"])
            for name in (name for name, role in WORKERS.items() if role == CONTROL):
                family = scene.fleet.processes.family(name)
                if any(port in _ports(process) for process in family):
                    return family
    return _any_family(scene, CONTROL, rng)


def _signal_any(victims: Sequence[psutil.Process], signum: signal.Signals) -> None:
    if not victims:
        raise Missed("the worker was just being started again")
    send_signal(victims, signum)


def _ports(process: psutil.Process) -> Sequence[int]:
    with suppress(psutil.NoSuchProcess):
        return [one.laddr.port for one in process.net_connections() if one.laddr]
    return ()


def _pool(family: Sequence[psutil.Process]) -> list[psutil.Process]:
    return [child for child in family[1:] if not _says(child, *_HELPER)]


def _says(process: psutil.Process, *words: str) -> bool:
    with suppress(psutil.NoSuchProcess):
        line = " ".join(process.cmdline())
        return any(word in line for word in words)
    return False


def _down(server: Server) -> None:
    """SIGKILL to a server's main process, as the kernel does it when memory runs out."""
    main = server.main_process()
    if main is not None:
        send_signal(family_of(main.pid)[:1], signal.SIGKILL)
        server.stop()


@cache
def _celery(url: str) -> Celery:
    """A sender of its own: the project's application may be bound to another broker in this process."""
    made = Celery("chaos", broker=url, set_as_current=False)
    made.conf.update(task_queues=[Queue(name) for name in QUEUES], task_ignore_result=True)
    return made


#: By a fault's whole name, else by its first word.
_KINDS: dict[str, Callable[[Scene, str, Strike, random.Random], None]] = {
    "kill-sender": telling.kill_sender,
    "freeze-sender": telling.freeze_sender,
    "kill-service": telling.kill_service,
    "receiver": telling.receiver,
    "kill": _kill,
    "freeze": _freeze,
    "redis": _redis,
    "postgres": _postgres,
    "cut": _cut,
    "silence": _silence,
    "resend": _resend,
    "store": _store,
    "pause": _pause,
    "share": _share,
    "retry": typed_commands.retry,
    "rerun": typed_commands.rerun,
    "purge": typed_commands.purge,
    "small": _small,
    "cancel": _cancel,
    "card": wiped_sources.wipe,
}
