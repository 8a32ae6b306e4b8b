"""What endpoints may be: their addresses, what of those is filled in when something is sent, and what they are told."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from enum import StrEnum
from urllib.parse import urlsplit

from dashplate.delivery.notifications import is_service
from db.states import EndpointFormat, EventKind
from pipeline.errors import UsageError

#: What stands for a variable of the sender. Others of its variables hold the database's password.
_PLACE = re.compile(r"\$\{(\w+)\}")
_PREFIX = "DASHPLATE_TELL_"
#: In its place while an address is looked at.
_STANDS_FOR = "x"
#: What others' formats have words for.
_OTHERS_EVENTS = (EventKind.SIGHTING, EventKind.HIT)
_WEBHOOK_FORMATS = (EndpointFormat.DASHPLATE, EndpointFormat.PLATERECOGNIZER, EndpointFormat.OPENALPR)
_BROKER_FORMATS = (EndpointFormat.DASHPLATE, EndpointFormat.FRIGATE)


class Carrier(StrEnum):
    """What takes messages to an address."""

    WEBHOOK = "webhook"
    BROKER = "broker"
    #: Mail, chats and the like.
    SERVICE = "service"


def carrier_of(address: str) -> Carrier:
    """By what an address begins with."""
    scheme = address.partition(":")[0].lower()
    if scheme in ("http", "https"):
        return Carrier.WEBHOOK
    return Carrier.BROKER if scheme in ("mqtt", "mqtts") else Carrier.SERVICE


def check_receiver(address: str, format: EndpointFormat | None = None) -> EndpointFormat:
    """The format that an address is told in. Raises UsageError for what can be no endpoint's address or format.

    No more is quoted of an address than can be no secret.
    """
    for name in _PLACE.findall(address):
        if not name.startswith(_PREFIX):
            raise UsageError(f"${{{name}}} cannot be used in an address: only names that begin with {_PREFIX} can.")
    carrier = carrier_of(address)
    try:
        parts = urlsplit(_PLACE.sub(_STANDS_FOR, address))
        known = bool(parts.scheme and parts.hostname) and parts.port != 0
    except ValueError:
        # Ports of services may be anything.
        known = carrier is Carrier.SERVICE
    if not known or not address.isprintable() or " " in address:
        raise UsageError("The endpoint's address cannot be read. Give it as https://host/path.")
    if parts.password not in (None, _STANDS_FOR):
        raise UsageError(
            f"The endpoint's address holds a password, and would be shown. Set {_PREFIX}PASSWORD for the sender, and"
            f" write ${{{_PREFIX}PASSWORD}} in its place."
        )
    if carrier is Carrier.WEBHOOK and parts.username is not None:
        raise UsageError("The endpoint's address holds a name. Receivers of webhooks check signatures instead.")
    if carrier is Carrier.SERVICE and not is_service(parts.scheme):
        raise UsageError(f"Nobody knows how to tell {parts.scheme}://; see docs/telling.md.")
    able = {
        Carrier.WEBHOOK: _WEBHOOK_FORMATS, Carrier.BROKER: _BROKER_FORMATS, Carrier.SERVICE: (EndpointFormat.TEXT,),
    }[carrier]  # fmt: skip
    if format is None:
        return able[0]
    if format not in able:
        raise UsageError(f"{parts.scheme}:// is told in {', '.join(able)}, and not in {format}.")
    return format


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
    able = tuple(EventKind) if format in (EndpointFormat.DASHPLATE, EndpointFormat.TEXT) else _OTHERS_EVENTS
    if strange := [kind.value for kind in events if kind not in able]:
        raise UsageError(f"The format {format} has no words for {', '.join(strange)}; it tells sightings and hits.")
    return events or able
