"""A database with endpoints, and senders as processes of their own, for tests of what is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import text

from dashplate.delivery.receivers import wanted_events
from dashplate.delivery.signing import WebhookKey
from db.engine import session
from db.states import EndpointFormat, EventKind, VideoState
from db.telling import endpoints
from pipeline.alerts import Alerts
from pipeline.job_options import JobOptions
from tests.conftest import ROOT
from tests.support.database import make_job
from tests.support.processes import wait_until
from tests.support.searching import saying, store
from tests.support.webhook_receiver import Receiver

KEY = "a signing key of more than thirty-two characters"


class Telling:
    """A database with endpoints, and senders that are started and killed."""

    def __init__(self, url: str, redis_url: str, folder: Path) -> None:
        self.url = url
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
        self.env = kept | {
            "DASHPLATE_DATABASE_URL": url, "DASHPLATE_REDIS_URL": redis_url, "DASHPLATE_WEBHOOK_KEY": KEY,
            "DASHPLATE_DATA_DIR": str(folder), "DASHPLATE_PRIVATE_HOSTS": "127.0.0.1,localhost",
            "DASHPLATE_TELL_PATH": "hook/1",
        }  # fmt: skip
        self.senders: list[subprocess.Popen[bytes]] = []
        self.log = folder / "sender.log"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "dashplate", *words]
        return subprocess.run(argv, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            argv = [sys.executable, "-m", "dashplate", "sender"]
            sender = subprocess.Popen(argv, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        self.senders.append(sender)
        return sender

    def end(self) -> None:
        for sender in self.senders:
            sender.kill()
            sender.wait()

    def add(
        self,
        receiver: Receiver,
        name: str,
        *events: EventKind,
        format: EndpointFormat = EndpointFormat.DASHPLATE,
        path: str = "/${DASHPLATE_TELL_PATH}",
    ) -> None:
        """As `endpoint add` does, which takes seconds to start."""
        with session(self.url) as db:
            wanted = wanted_events(format, events)
            endpoints.add(db, name, f"{receiver.url}{path}", format, wanted)
        receiver.secret = WebhookKey(SecretStr(KEY)).secret(name, 1)

    def states(self) -> list[tuple[str, int, int | None]]:
        with session(self.url) as db:
            rows = db.execute(text("SELECT state, tries, status FROM deliveries ORDER BY id")).all()
        return [(row.state, row.tries, row.status) for row in rows]

    def told(self, count: int) -> None:
        def all_told() -> bool:
            return sum(state == "told" for state, *_ in self.states()) >= count

        wait_until("what is owed to be told", all_told, every_s=0.1)


def a_video(url: str, *plates: str, state: VideoState = VideoState.AGGREGATING) -> tuple[int, int]:
    job, (video,) = make_job(url, 0, options=JobOptions(alerts=Alerts.ALL), state=state, name="gate")
    if plates:
        store(url, video, [saying(index, plate, at_s=60 * index) for index, plate in enumerate(plates)])
    return job, video


def leased(url: str) -> bool:
    with session(url) as db:
        return bool(db.scalar(text("SELECT count(*) FROM deliveries WHERE lease_until IS NOT NULL")))
