"""Brings up what a command needs: the servers, the schema, the workers; and takes it down again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from dashplate.delivery.signing import webhook_key
from dashplate.stack import Stack, running
from dashplate.supervisor import Command, Supervisor
from db.migrate import upgrade
from pipeline.sources.roots import PUBLIC
from pipeline.sources.source import Source
from workers.celery_app.app import CONTROL, DETECT, READ, app
from workers.settings import Settings, settings, using

#: How long workers elsewhere are given to answer.
_PING_S = 2.0
#: This program, safe from what lies in the folder that it is called in: `-m` alone would look for modules there first.
_PROGRAM = (sys.executable, "-P", "-m", "dashplate")


@dataclass(frozen=True, slots=True)
class Services:
    """Servers that answer, a schema that is current, and workers."""

    settings: Settings
    #: The local worker processes; None where they run elsewhere.
    workers: Supervisor | None


def settings_for(data_dir: Path | None) -> Settings:
    """The process's settings, with that data folder where one is named."""
    config = settings()
    return config if data_dir is None else config.model_copy(update={"data_dir": data_dir.expanduser().resolve()})


@contextmanager
def database(data_dir: Path | None = None, keep: bool = False) -> Iterator[Settings]:
    """The servers, started if none are given and none run, with the newest schema; for commands that only ask.

    The settings with their addresses are in force meanwhile.
    """
    config = settings_for(data_dir)
    redis_url = config.redis_url.get_secret_value() if config.redis_url else None
    database_url = config.database_url.get_secret_value() if config.database_url else None
    with Stack.open(config.data_dir, redis_url, database_url, keep=keep) as stack:
        upgrade(stack.database_url)
        given = {"redis_url": SecretStr(stack.redis_url), "database_url": SecretStr(stack.database_url)}
        with using(config.model_copy(update=given)) as there:
            yield there


@contextmanager
def everything(
    data_dir: Path | None,
    folders: Sequence[Path] = (),
    flower_port: int | None = None,
    service_port: int | None = None,
    metrics_port: int | None = None,
    keep: bool = False,
) -> Iterator[Services]:
    """The servers and the workers; the workers are ours unless others are there already.

    Ours may open the roots of the settings, else `default_roots`, `folders` among them. Flower, the HTTP
    service and the metrics run beside them where a port is named.
    """
    before = settings_for(data_dir)
    up = running(before.data_dir)
    with ExitStack() as stack:
        config = stack.enter_context(database(data_dir, keep))
        # A kept stack or a given broker may have workers of its own; those of another `run` leave when it ends.
        shared = not keep and ((up is not None and up.keep) or before.redis_url is not None)
        if shared and workers_answer():
            yield Services(config, None)
            return
        supervisor = stack.enter_context(Supervisor(config.data_dir))
        # Not what is allowed without roots: that is for whoever types here, not for whoever has a token.
        calls = [] if service_port is None else [service_command(_with_flower(config, flower_port), service_port)]
        figures = [] if metrics_port is None else [metrics_command(config, metrics_port)]
        allowed = config.roots or default_roots(config, folders)
        config = stack.enter_context(using(config.model_copy(update={"roots": allowed})))
        supervisor.start(worker_commands(config))
        if flower_port is not None:
            supervisor.start([flower_command(config, flower_port)])
        supervisor.start([*calls, *figures])
        if keep:
            # With a database of others, others' machines need the same key: it has to be given.
            if before.database_url is None:
                webhook_key(config, make=True)
            # A command that ends with its job leaves what is owed to those that stay.
            supervisor.start([sender_command(config)])
        yield Services(config, supervisor)


def _with_flower(config: Settings, port: int | None) -> Settings:
    """The same, told where Flower is unless somebody has said so."""
    there = config.flower_url is not None or port is None
    return config if there else config.model_copy(update={"flower_url": f"http://127.0.0.1:{port}"})


def default_roots(config: Settings, folders: Sequence[Path]) -> tuple[Source, ...]:
    """What local workers may open where no roots are set: the user's own folders, those at hand, public addresses.

    An address at hand adds nothing: who submits a private one has not thereby allowed it.
    """
    # os.path: pathlib raises for a home that does not exist.
    at_hand = {Path(os.path.expanduser(folder)).resolve() for folder in folders}
    own = (Path.home().resolve(), Path.cwd().resolve(), config.data_dir)
    return (*own, *sorted(at_hand), PUBLIC)


def worker_commands(config: Settings) -> list[Command]:
    """One process of each role; more of them is how one outgrows a machine."""
    # Its environment gives the child addresses and passwords: others cannot read that, unlike arguments.
    return [
        Command(f"worker-{role}", (*_PROGRAM, "worker", role), config.as_variables())
        for role in (CONTROL, DETECT, READ)
    ]


def flower_command(config: Settings, port: int) -> Command:
    """Flower on this machine's port."""
    argv = (*_PROGRAM, "flower", "--port", str(port))
    return Command("flower", argv, config.as_variables())


def service_command(config: Settings, port: int) -> Command:
    """The HTTP service on this machine's port."""
    argv = (*_PROGRAM, "serve", "--port", str(port))
    return Command("service", argv, config.as_variables())


def metrics_command(config: Settings, port: int) -> Command:
    """The figures for Prometheus on this machine's port."""
    argv = (*_PROGRAM, "metrics", "--port", str(port))
    return Command("metrics", argv, config.as_variables())


def sender_command(config: Settings) -> Command:
    """What tells endpoints what they are owed."""
    return Command("sender", (*_PROGRAM, "sender"), config.as_variables())


def workers_answer() -> bool:
    """Whether workers of every role serve the broker."""
    names = {name for reply in app.control.ping(timeout=_PING_S) or [] for name in reply}
    return all(any(name.startswith(f"{role}@") for name in names) for role in (CONTROL, DETECT, READ))
