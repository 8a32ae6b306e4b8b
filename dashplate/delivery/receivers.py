"""What endpoints may be: their addresses, what of those is filled in when something is sent, and what they are told."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from db.states import EndpointFormat, EventKind
from pipeline.errors import UsageError

#: What stands for a variable of the sender. Others of its variables hold the database's password.
_PLACE = re.compile(r"\$\{(\w+)\}")
_PREFIX = "DASHPLATE_TELL_"
#: What an address may begin with, and what tells it.
_WEBHOOKS = frozenset({"http", "https"})

#: What others' formats have words for.
_OTHERS_EVENTS = (EventKind.SIGHTING, EventKind.HIT)


def check_receiver(address: str) -> None:
    """Raises UsageError for what can be no endpoint's address; it is quoted only as far as it is no secret."""
    for name in _PLACE.findall(address):
        if not name.startswith(_PREFIX):
            raise UsageError(f"${{{name}}} cannot be used in an address: only names that begin with {_PREFIX} can.")
    try:
        parts = urlsplit(_PLACE.sub("x", address))
        known = parts.scheme in _WEBHOOKS and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or not address.isprintable() or " " in address:
        raise UsageError("The endpoint's address cannot be read. Give it as https://host/path.")
    if parts.username is not None or parts.password is not None:
        raise UsageError("The endpoint's address holds a name or a password. Receivers check signatures instead.")


def filled_in(address: str) -> str:
    """The address with the sender's variables in their places. Raises UsageError where one is not set."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if not name.startswith(_PREFIX) or not os.environ.get(name):
            raise UsageError(f"The sender has no variable {name}, which the endpoint's address names.")
        return os.environ[name]

    return _PLACE.sub(value, address)


def wanted_events(format: EndpointFormat, events: Sequence[EventKind]) -> Sequence[EventKind]:
    """The events of a new endpoint: those that were named, else all that its format has words for.

    Raises UsageError where it has none for one that was named.
    """
    able = tuple(EventKind) if format is EndpointFormat.DASHPLATE else _OTHERS_EVENTS
    if strange := [kind.value for kind in events if kind not in able]:
        raise UsageError(f"The format {format} has no words for {', '.join(strange)}; it tells sightings and hits.")
    return events or able
