"""People are told through Apprise: a real SMTP conversation, with the picture."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy import text

from dashplate.delivery.receivers import check_receiver
from db.engine import session
from db.states import EventKind
from db.telling import endpoints
from db.telling.watch_lists import Wish
from pipeline.errors import UsageError
from store import Store
from tests.support.processes import wait_until
from tests.support.searching import saying, store
from tests.support.telling import Telling, a_video
from tests.support.watching import watch


@dataclass
class MailServer:
    """Takes mails as SMTP has it, or refuses them."""

    mails: list[EmailMessage] = field(default_factory=list)
    refusals: int = 0
    port: int = 0


class _Conversation(socketserver.StreamRequestHandler):
    server_of_test: MailServer

    def handle(self) -> None:
        self._say("220 mail.example.org")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "EHLO":
                self._say("250-mail.example.org", "250 8BITMIME")
            elif verb == "DATA":
                if self.server_of_test.refusals:
                    self.server_of_test.refusals -= 1
                    self._say("451 try again later")
                    continue
                self._say("354 go on")
                data = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    data += part[1:] if part.startswith(b"..") else part
                mail = message_from_bytes(data, policy=SMTP)
                assert isinstance(mail, EmailMessage)
                self.server_of_test.mails.append(mail)
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    made = MailServer()
    handler = type("Handler", (_Conversation,), {"server_of_test": made})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


@pytest.fixture
def telling(database_url: str, redis_url: str, tmp_path: Path, mail: MailServer) -> Iterator[Telling]:
    made = Telling(database_url, redis_url, tmp_path)
    made.env["DASHPLATE_TELL_TO"] = "ann@example.org"
    address = f"mailto://127.0.0.1:{mail.port}?from=dashplate@example.org&to=${{DASHPLATE_TELL_TO}}&mode=insecure"
    with session(database_url) as db:
        endpoints.add(db, "ann", address, check_receiver(address), [EventKind.HIT, EventKind.JOB])
    try:
        yield made
    finally:
        made.end()


def test_a_hit_comes_by_mail_with_its_picture(telling: Telling, mail: MailServer) -> None:
    watch(telling.url, Wish("AA11", "stolen"), matched=False)
    _, video = a_video(telling.url, "AA12")
    kept = Store(telling.log.parent / "store")
    file = kept.put_image(f"frames/1/{video}/1/1000.jpg", np.full((40, 60, 3), 200, np.uint8))
    with session(telling.url) as db:
        add = text("INSERT INTO frames (video_id, pts, name, sha256, size) VALUES (:video, 61000, :name, :sha, :size)")
        db.execute(add, {"video": video, "name": file.name, "sha": file.sha256, "size": file.size})
    a_second(telling, video)
    telling.start()
    telling.told(1)
    (one,) = mail.mails
    assert one["to"] == "ann@example.org"
    assert one["subject"] == "stolen: AA11"
    body = one.get_body(("plain", "html"))
    assert body is not None
    assert "AA11 was read in 0.mp4 at 61.0 s" in body.get_content()
    (picture,) = one.iter_attachments()
    decoded = cv2.imdecode(np.frombuffer(picture.get_payload(decode=True), np.uint8), cv2.IMREAD_COLOR)  # type: ignore[arg-type]
    assert decoded is not None
    assert decoded.shape == (40, 60, 3)


def a_second(telling: Telling, video: int) -> None:
    store(telling.url, video, [saying(0, "AA12"), saying(1, "AA11", at_s=60)])


def test_a_mail_that_is_refused_is_tried_again(telling: Telling, mail: MailServer) -> None:
    mail.refusals = 1
    watch(telling.url, Wish("AA11", "stolen"), matched=False)
    a_video(telling.url, "AA11")
    telling.start()
    wait_until("a try", lambda: telling.states()[0][1] == 1)
    telling.told(1)
    assert len(mail.mails) == 1
    assert telling.states()[0][1] == 2


def test_a_test_comes_by_mail(telling: Telling, mail: MailServer) -> None:
    assert telling.run("endpoint", "test", "ann").stdout == "ann took it.\n"
    assert mail.mails[0]["subject"] == "A test"


def test_services_that_nobody_knows_are_refused() -> None:
    with pytest.raises(UsageError, match="pigeon://"):
        check_receiver("pigeon://loft/")
