"""What may be opened: everything under the operator's roots; without roots, every path and every public address.

A root is a folder or the beginning of an address: `/data/cards`, `s3://bucket/cards/`, `https://cam.example.org/`.
Addresses are compared by scheme, host, port and path component. A root that names a host lets that host be a private
one, and no other. The root `public://` stands for every public address. Roots come from the operator alone: what is
submitted never becomes one.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

from pipeline.errors import Away, Inaccessible, UsageError
from pipeline.sources.availability import check_answers, is_unmounted
from pipeline.sources.source import HOSTED, WEB, Checked, Remote, Source, climbs, shown, source_of, stored

#: The root that stands for all public web addresses and all buckets; hosts of other kinds have to be named.
PUBLIC = Remote("public://")
#: One root: an address with its port, or a path.
_ROOT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:\[[^\]]*\]|[^:/]*)(?::\d+(?=[:/]|$))?[^:]*|[^:]+")


class NotAllowed(Inaccessible):
    """What `name` stands for may not be opened."""

    def __init__(self, name: str, rest: str) -> None:
        super().__init__(f"{name} {rest}")
        self._rest = rest

    def of(self, name: str) -> NotAllowed:
        """The same said of what led there, by a redirect for instance."""
        return NotAllowed(name, self._rest)


def join_roots(roots: Sequence[Source]) -> str:
    """The text that `split_roots` takes apart again; as JSON where a `:` in a name would be taken for a separator."""
    names = [stored(root) for root in roots]
    joined = ":".join(names)
    return joined if split_roots(joined) == tuple(roots) else json.dumps(names)


def split_roots(text: str) -> tuple[Source, ...]:
    """Roots as `DASHPLATE_ROOTS` holds them, separated by `:`, or as a JSON list, for names that hold a `:`.

    The colons behind a scheme and before a port separate nothing. Raises UsageError for what cannot be a root.
    """
    return tuple(root_named(part.strip()) for part in _models(text) if part.strip())


def root_named(text: str) -> Source:
    """The root that an operator wrote. Raises UsageError for what cannot be one."""
    if text.lower().rstrip("/") == PUBLIC.url.rstrip("/"):
        return PUBLIC
    root = source_of(text)
    return root.expanduser() if isinstance(root, Path) else root


def _models(text: str) -> list[str]:
    if not text.lstrip().startswith("["):
        return _ROOT.findall(text)
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError("DASHPLATE_ROOTS begins like a JSON list and is none; a list of texts is wanted.")
    return names


@overload
def check_allowed(source: Path, roots: Sequence[Source]) -> Path: ...
@overload
def check_allowed(source: Remote, roots: Sequence[Source]) -> Remote: ...
@overload
def check_allowed(source: Source, roots: Sequence[Source]) -> Source: ...
def check_allowed(source: Source, roots: Sequence[Source]) -> Source:
    """The source to open: a path with links resolved, in which no link is followed any more; an address with the roots
    that its redirects are held to.

    No roots means that every path and every public address is allowed. Raises `NotAllowed` for what lies outside
    every root, and for the address of a private host that no root names; `Away` for a path that is not there while a
    root that holds it is missing or empty, as the folder of a share is that is not mounted.
    """
    if isinstance(source, Path):
        return _allowed_path(source, roots)
    addresses = tuple(root.url for root in roots if isinstance(root, Remote))
    if roots and not addresses:
        raise _outside(source)
    check_address(source, addresses)
    return replace(source, roots=addresses)


def _allowed_path(path: Path, roots: Sequence[Source]) -> Checked:
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError, ValueError) as problem:
        raise Inaccessible(f"{shown(path)} is no path that can be followed. Check its spelling.") from problem
    holding = [root for root in roots if isinstance(root, Path) and resolved.is_relative_to(root.resolve())]
    if roots and not holding:
        raise _outside(path)
    try:
        os.stat(resolved)
    except (FileNotFoundError, NotADirectoryError):
        away = next((root for root in holding if root.resolve() != resolved and is_unmounted(root)), None)
        if away is not None:
            raise Away(
                f"{shown(path)} is not there, and the folder {shown(away)} is missing or empty."
                " Check the path, and that its share or disk is mounted."
            ) from None
    except OSError as problem:
        # What else may be wrong, opening it says.
        check_answers(path, problem)
    return Checked(resolved)


def check_address(remote: Remote, roots: Sequence[str]) -> None:
    """Raises `NotAllowed` where an address may not be asked, as far as it can be told before its host is looked up.

    A host that a root names is asked below that root only, also beside `public://`: it may be a private one.
    """
    named = [Remote(root) for root in roots if root != PUBLIC.url]
    if any(lies_under(remote, root) for root in named) and not climbs(remote.url):
        return
    if (roots and PUBLIC.url not in roots) or names_host(remote.host or "", roots):
        raise _outside(remote)
    if remote.scheme in WEB:
        check_public(remote.host or "", shown(remote))
    elif remote.scheme in HOSTED:
        where = f"{remote.scheme}://{remote.host}/"
        rest = f"lies on a host that nobody has allowed. Ask the operator to name {where} in DASHPLATE_ROOTS."
        raise NotAllowed(shown(remote), rest)


def lies_under(remote: Remote, root: Remote) -> bool:
    """Whether an address begins with a root, component by component."""
    same_place = (remote.scheme, remote.host, remote.port) == (root.scheme, root.host, root.port)
    return same_place and remote.parts[: len(root.parts)] == root.parts


def names_host(host: str, roots: Sequence[str]) -> bool:
    """Whether a web root names that host, which may then be a private one."""
    return any(root.host == host.lower() for root in map(Remote, roots) if root.scheme in WEB)


def check_public(host: str, name: str) -> None:
    """Raises `NotAllowed` where `host` is `localhost` or a private network address; other names pass."""
    plain = host.lower().rstrip(".")
    address = _address(plain.strip("[]").partition("%")[0])
    if plain == "localhost" or plain.endswith(".localhost") or (address is not None and not is_public(address)):
        raise private_address(name)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """What a numeric host means, in any spelling that the system's resolver takes: 127.1, 0x7f000001, 2130706433."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None


def private_address(name: str) -> NotAllowed:
    return NotAllowed(
        name,
        "lies on a private network address, which is not asked."
        " If it is a camera or server of yours, ask the operator to name its host in DASHPLATE_ROOTS.",
    )


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address belongs to the open internet, with whatever IPv4 address is wrapped in an IPv6 one."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if wrapped is not None:
            return is_public(wrapped)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address in _ASSIGNMENTS)


#: For protocols and clouds' own services; not every Python knows that they are not global.
_ASSIGNMENTS = ipaddress.IPv4Network("192.0.0.0/24")
#: IPv6 addresses that stand for an IPv4 one behind a translator.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _outside(source: Source) -> NotAllowed:
    if isinstance(source, Remote):
        rest = "lies outside the addresses that may be read. Ask the operator to allow its address."
    else:
        rest = (
            "lies outside the folders that may be read."
            " Move it into one of them, or ask the operator to allow its folder."
        )
    return NotAllowed(shown(source), rest)
