"""Looks up hosts for connections: a name of ours that stands for a private address is an error, unless it may."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from pipeline.sources.roots import check_public, is_public, private_address


class PublicResolver(AbstractResolver):
    """Names to addresses. Raises `NotAllowed` for a private one of a host that `may_be_private` does not let pass.

    Numeric hosts do not come through here: `check_public` is asked for those before.
    """

    def __init__(self, may_be_private: Callable[[str], bool]) -> None:
        self._may_be_private = may_be_private
        self._inner = ThreadedResolver(loop=asyncio.get_running_loop())

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not self._may_be_private(host):
            check_public(host, host)
            if not all(is_public(ipaddress.ip_address(entry["host"].partition("%")[0])) for entry in found):
                raise private_address(host)
        return found

    async def close(self) -> None:
        await self._inner.close()
