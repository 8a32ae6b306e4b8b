"""Makes the account that PostgreSQL runs under where root runs Dashplate, and gives it the way to its folders.

What this changes on the machine is one account without privileges, and an access control entry on each private folder
that the account has to pass. The entries go when the server stops, the account by `dashplate down --forget-account`.
"""

from __future__ import annotations

import fcntl
import logging
import os
import pwd
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline.errors import ServiceUnavailable, UsageError

_log = logging.getLogger(__name__)

#: Dashplate's own, so that all that this account has, Dashplate has given to it and may take back.
NAME = "dashplate-postgres"
_TOOLS = "/usr/sbin:/sbin:/usr/bin:/bin"
#: Whoever opens ways or closes them holds a lock on this file; root's, so that nobody else can hold it for ever.
_LOCK_FILE = Path("/var/run") / f"{NAME}.lock"

_ACL = "system.posix_acl_access"
_ACL_VERSION = 2
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NOBODY_IN_PARTICULAR = 0xFFFFFFFF
_SEARCH = 0o1


@dataclass(frozen=True)
class Account:
    """A system account without privileges."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Return the account that PostgreSQL runs under, made if need be; None means this program's own.

    Raises ServiceUnavailable where it cannot be made.
    """
    if os.geteuid() != 0:
        return None
    return known_account() or _create()


def known_account() -> Account | None:
    """Return the account if this machine has it."""
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    return Account(NAME, entry.pw_uid, entry.pw_gid)


def _create() -> Account:
    _run("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", NAME)
    # Somebody else may have been faster.
    account = known_account()
    if account is None:
        raise ServiceUnavailable(
            f"PostgreSQL does not run as root, and the account `{NAME}` could not be made for it. "
            "Run Dashplate as an ordinary user, or set DASHPLATE_DATABASE_URL to a server."
        )
    _log.warning("made the account %s, for PostgreSQL; `dashplate down --forget-account` removes it", NAME)
    return account


def forget_account() -> bool:
    """Remove the account from this machine; returns whether there was one.

    Raises UsageError where this program may not, or where a server still runs under it.
    """
    account = known_account()
    if account is None:
        return False
    if os.geteuid() != 0:
        raise UsageError(f"Only root can remove the account {NAME}.")
    with _locked(fcntl.LOCK_EX):
        if places := _workplaces(account):
            raise UsageError(f"PostgreSQL still runs as {NAME} in {places[0]}; stop that Dashplate first.")
        _run("userdel", NAME)
    if known_account() is not None:
        raise UsageError(f"The account {NAME} could not be removed; see what `userdel {NAME}` says.")
    return True


def _run(tool: str, *arguments: str) -> None:
    if program := shutil.which(tool, path=_TOOLS):
        subprocess.run([program, *arguments], capture_output=True, check=False)


@contextmanager
def opening_ways() -> Iterator[None]:
    """Between the granting of a way and the start of the server that needs it, nobody takes it back."""
    with _locked(fcntl.LOCK_SH) if os.geteuid() == 0 else nullcontext():
        yield


def close_ways(account: Account, *paths: Path) -> None:
    """Take the account's entries from the folders above these paths, but for those that a running server needs."""
    if os.geteuid() != 0:
        return
    with _locked(fcntl.LOCK_EX):
        needed = _workplaces(account)
        for folder in {folder for path in paths for folder in path.parents}:
            if not any(place.is_relative_to(folder) for place in needed):
                with suppress(FileNotFoundError):
                    _take_back(account, folder)


def _workplaces(account: Account) -> list[Path]:
    """Where the account's processes work, and what they run: all that they may have to reach."""
    found: list[Path] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.uids().effective == account.uid:
                found += [Path(process.cwd()), Path(process.exe())]
    return found


@contextmanager
def _locked(kind: int) -> Iterator[None]:
    descriptor = os.open(_LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)


def let_through(account: Account, path: Path) -> None:
    """Let the account search, not list, each folder above `path` that would stop it; see `close_ways`.

    An access control entry names this one account, so a private folder stays closed to everybody else.
    Raises ServiceUnavailable where the file system knows no such entries.
    """
    for folder in reversed(path.parents):
        if not _may_search(account, folder):
            _grant_search(account, folder)
            _log.info("let the account %s pass through %s, for PostgreSQL", account.name, folder)


def take_over(account: Account | None, path: Path) -> None:
    """Make `path` and all below it the account's; a volume may come from a machine with other numbers."""
    if account is not None and path.stat().st_uid != account.uid:
        give_to(account.uid, account.gid, path)


def give_to(uid: int, gid: int, path: Path) -> None:
    """Change the owner of `path` and all below it."""
    for parent, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(Path(parent) / name, uid, gid, follow_symlinks=False)
    # Last, so that a crash half-way through shows.
    os.chown(path, uid, gid)


def _may_search(account: Account, folder: Path) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    entries = _entries(folder)
    mask = next((perm for tag, perm, _ in entries if tag == _MASK), 0o7)
    for tag, perm, who in entries:
        if tag == _USER and who == account.uid:
            return bool(perm & mask & _SEARCH)
    return bool(status.st_mode & _SEARCH)


def _grant_search(account: Account, folder: Path) -> None:
    entries = [e for e in _entries(folder) if (e[0], e[2]) != (_USER, account.uid)]
    group = next(perm for tag, perm, _ in entries if tag == _GROUP_OBJ)
    mask = next((perm for tag, perm, _ in entries if tag == _MASK), group)
    entries = [e for e in entries if e[0] != _MASK]
    entries += [(_USER, _SEARCH, account.uid), (_MASK, mask | _SEARCH, _NOBODY_IN_PARTICULAR)]
    try:
        os.setxattr(folder, _ACL, _packed(entries))
    except (OSError, AttributeError) as problem:
        raise ServiceUnavailable(
            f"PostgreSQL runs as `{account.name}` here, since root is refused, and that account "
            f"may not enter {folder}. Run Dashplate as an ordinary user, choose another data folder, "
            f"or: chmod o+x {folder}"
        ) from problem


def _take_back(account: Account, folder: Path) -> None:
    entries = _entries(folder)
    left = [e for e in entries if (e[0], e[2]) != (_USER, account.uid)]
    if left == entries:
        return
    if not any(tag in (_USER, _GROUP) for tag, _, _ in left):
        # Without a name in the list its mask means nothing; the kernel makes a plain mode of what is left.
        left = [e for e in left if e[0] != _MASK]
    with suppress(OSError):
        os.setxattr(folder, _ACL, _packed(left))


def _entries(folder: Path) -> list[tuple[int, int, int]]:
    """Return the folder's access control entries (tag, permissions, id; acl(5)), else what its mode says."""
    try:
        raw = os.getxattr(folder, _ACL)
    except (OSError, AttributeError):
        mode = folder.stat().st_mode
        shifts = ((_USER_OBJ, 6), (_GROUP_OBJ, 3), (_OTHER, 0))
        return [(tag, mode >> shift & 0o7, _NOBODY_IN_PARTICULAR) for tag, shift in shifts]
    return [struct.unpack_from("<HHI", raw, at) for at in range(4, len(raw), 8)]


def _packed(entries: list[tuple[int, int, int]]) -> bytes:
    # The kernel wants them in the order of their tags, users by number.
    body = b"".join(struct.pack("<HHI", *entry) for entry in sorted(entries, key=lambda e: (e[0], e[2])))
    return struct.pack("<I", _ACL_VERSION) + body
