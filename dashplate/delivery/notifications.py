"""Tells people: mail, chats and whatever else Apprise knows, in a title and a sentence, with the picture."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from dashplate.delivery.message import ANSWER_S, Answer, Message

#: Apprise gives services 4 s, in which a mail server seldom answers.
_PATIENT = {"cto": f"{ANSWER_S / 2:g}", "rto": f"{ANSWER_S:g}"}


def is_service(scheme: str) -> bool:
    """Whether Apprise knows how to tell addresses that begin with it."""
    from apprise.manager_plugins import NotificationManager

    return scheme in NotificationManager()  # type: ignore[no-untyped-call]


def notify(address: str, message: Message, tries: int) -> Answer:
    """Tell a service. Nothing is raised: what went wrong is the answer.

    Apprise says no more than whether it was taken. What was waited for in vain may have arrived all the same, so that
    it is tried once more at most; `tries` says how often it was before.
    """
    apprise = _apprise()
    told = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Dashplate", app_desc="Dashplate", secure_logging=True))
    if not told.add(_patient(address)):
        return Answer("The address is none that Apprise knows.")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dashplate-") as folder:
        picture = None
        if message.picture is not None:
            picture = Path(folder) / "frame.jpg"
            picture.write_bytes(message.picture)
        body = message.body.decode()
        taken = told.notify(title=message.title, body=body, attach=None if picture is None else str(picture))
    if taken:
        return Answer()
    slow = time.monotonic() - began >= ANSWER_S / 2
    if slow:
        return Answer("The service did not answer in time.", final=tries > 0)
    return Answer("The service did not take it.")


def _apprise() -> Any:
    # Hundreds of modules, which those who tell programs do without.
    import apprise

    return apprise


def _patient(address: str) -> str:
    given = address.partition("?")[2]
    missing = [f"{name}={value}" for name, value in _PATIENT.items() if f"{name}=" not in given]
    return f"{address}{'&' if given else '?'}{'&'.join(missing)}" if missing else address
