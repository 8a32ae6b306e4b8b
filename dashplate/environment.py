"""Brings up what a command needs: the servers, the schema, the workers; and takes it down again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dashplate.stack import Stack, running
from dashplate.supervisor import Command, Supervisor
from db.migrate import upgrade
from pipeline.sources.roots import PUBLIC, join_roots
from pipeline.sources.source import Source
from workers.celery_app.app import CONTROL, DETECT, READ, app
from workers.settings import Settings, settings

#: How long workers elsewhere are given to answer.
_PING_S = 2.0


@dataclass(frozen=True, slots=True)
class Environment:
    """Servers that answer and a schema that is current."""

    settings: Settings
    #: The local worker processes; None where they run elsewhere.
    workers: Supervisor | None


def use_data_dir(data_dir: Path | None) -> Settings:
    """Settle the data folder for this process and the ones it starts."""
    if data_dir is not None:
        os.environ["DASHPLATE_DATA_DIR"] = str(data_dir.expanduser().resolve())
        settings.cache_clear()
    return settings()


@contextmanager
def database(data_dir: Path | None = None, keep: bool = False) -> Iterator[Settings]:
    """The servers, started if none are given and none run, with the newest schema; for commands that only ask."""
    config = use_data_dir(data_dir)
    redis_url = config.redis_url.get_secret_value() if config.redis_url else None
    database_url = config.database_url.get_secret_value() if config.database_url else None
    with Stack.open(config.data_dir, redis_url, database_url, keep=keep) as stack:
        given = {"DASHPLATE_REDIS_URL": stack.redis_url, "DASHPLATE_DATABASE_URL": stack.database_url}
        before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        settings.cache_clear()
        try:
            upgrade(stack.database_url)
            yield settings()
        finally:
            _restore(before)


@contextmanager
def everything(
    data_dir: Path | None, folders: Sequence[Path] = (), flower_port: int | None = None, keep: bool = False
) -> Iterator[Environment]:
    """The servers and the workers; the workers are ours unless others are there already."""
    before = use_data_dir(data_dir)
    up = running(before.data_dir)
    with ExitStack() as stack:
        config = stack.enter_context(database(data_dir, keep))
        # A kept stack or a given broker may have workers of its own; those of another `run` leave when it ends.
        shared = not keep and ((up is not None and up.keep) or before.redis_url is not None)
        if shared and workers_answer():
            yield Environment(config, None)
            return
        supervisor = stack.enter_context(Supervisor(config.data_dir))
        supervisor.start(worker_commands(config, default_roots(config, folders)))
        if flower_port is not None:
            supervisor.start([flower_command(flower_port)])
        yield Environment(config, supervisor)


def default_roots(config: Settings, folders: Sequence[Path]) -> tuple[Source, ...]:
    """What local workers may open: the roots set, else the user's own folders, those at hand and public addresses.

    An address at hand adds nothing: who submits a private one has not thereby allowed it.
    """
    if config.roots:
        return config.roots
    # os.path: pathlib raises for a home that does not exist.
    at_hand = {Path(os.path.expanduser(folder)).resolve() for folder in folders}
    own = (Path.home().resolve(), Path.cwd().resolve(), config.data_dir)
    return (*own, *sorted(at_hand), PUBLIC)


def worker_commands(config: Settings, roots: Sequence[Source]) -> list[Command]:
    """One process of each role; more of them is how one outgrows a machine."""
    # The child inherits URLs and passwords through its environment, which others cannot read, unlike arguments.
    env = {"DASHPLATE_ROOTS": join_roots(roots), "DASHPLATE_DATA_DIR": str(config.data_dir)}
    return [
        Command(f"worker-{role}", (sys.executable, "-m", "dashplate", "worker", role), env)
        for role in (CONTROL, DETECT, READ)
    ]


def flower_command(port: int) -> Command:
    return Command("flower", (sys.executable, "-m", "dashplate", "flower", "--port", str(port)))


def workers_answer() -> bool:
    """Whether workers of every role serve the broker."""
    names = {name for reply in app.control.ping(timeout=_PING_S) or [] for name in reply}
    return all(any(name.startswith(f"{role}@") for name in names) for role in (CONTROL, DETECT, READ))


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    settings.cache_clear()
