"""Denies the process every address but this machine's, and notes the attempt; Python loads this by its name."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

#: Frames of the caller that are noted.
_DEPTH = 12


def _is_here(host: object) -> bool:
    """Whether a host is this machine; a Unix socket's path is."""
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name in ("", "localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return False


def _deny(noted: str, what: str, host: object) -> None:
    caller = "".join(traceback.format_stack(limit=_DEPTH)[:-2])
    with open(noted, "a", encoding="utf-8") as file:
        file.write(f"{what} {host!r} by {sys.argv}\n{caller}\n")
    raise OSError(101, f"the network is cut: {what} {host!r}")


def guard(noted: str) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook, which sees the sockets of every library, however early it took hold of `socket.socket`.

    It notes attempts in the file `noted`.
    """

    def on_event(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto"):
            connection, address = arguments
            if connection.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
                _deny(noted, event, address)
        elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not _is_here(arguments[0]):
            _deny(noted, event, arguments[0])

    return on_event


if _noted := os.environ.get("NETWORK_GUARD_FILE"):
    sys.addaudithook(guard(_noted))
