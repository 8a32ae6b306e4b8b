"""Addresses that a person names: of services to be asked with a secret, and to listen on."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from pipeline.errors import UsageError


def base_address(text: str, whose: str) -> str:
    """An `http://` or `https://` address without its last slash, for paths to be added to.

    `whose` begins the sentence: `The service's address`. Raises UsageError, which quotes nothing of the address.
    """
    try:
        parts = urlsplit(text)
        # Reading the port checks it.
        named = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        named = False
    if not named or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise UsageError(f"{whose} is missing or cannot be read. Give it as http://host:port.")
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{whose} holds a name or a password, and would be shown. Leave it out.")
    return text.rstrip("/")


def is_loopback(address: str) -> bool:
    """Whether only programs of this machine reach it."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
