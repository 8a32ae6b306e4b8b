"""What a video or photograph is read from: a path on this machine, or the address of an object elsewhere.

`source_of` makes one from what stands in the database, `stored` makes the text for it. An address is put into one
spelling first: host in lower case, no standing port, no dot segments, no fragment. So what is compared is what is asked
for. Addresses that carry a password or a key, name something inside an archive, or make fsspec open something else
are refused here, before any of it can reach a row, a log or a sentence.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PosixPath, PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote, unquote_to_bytes, urlsplit

from yarl import URL

from pipeline.errors import UsageError

WEB = frozenset({"http", "https"})
#: Schemes of fsspec whose files lie elsewhere. All others read this machine, unpack, keep copies or chain.
SCHEMES = WEB | {
    "abfs", "abfss", "az", "ftp", "gcs", "gs", "hdfs", "memory", "oci", "oss", "s3", "s3a", "sftp", "smb", "ssh",
    "tos", "webdav", "webhdfs",
}  # fmt: skip
#: Those that lead to whatever host the address names. Only for WEB is it known at connection time which one that is.
HOSTED = WEB | {"ftp", "hdfs", "sftp", "smb", "ssh", "webdav", "webhdfs"}
#: Those where a name before the `@` is part of the place and no secret.
_NAMED_ACCOUNT = frozenset({"abfs", "abfss", "ftp", "hdfs", "sftp", "smb", "ssh"})
#: Parameters of a web address that open a door by themselves, signed addresses of object stores among them.
_SECRET_PARAMETERS = frozenset((
    "x-amz-signature", "x-amz-credential", "x-amz-security-token", "x-goog-signature", "x-goog-credential",
    "awsaccesskeyid", "signature", "sig", "access_token", "token", "auth", "api_key", "apikey", "password", "passwd",
    "pwd", "secret",
))  # fmt: skip
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: How fsspec writes one file system on top of another.
_CHAIN = re.compile(r"[A-Za-z0-9+.-]+::.*://", re.DOTALL)
#: A name in a sentence is cut after so many characters.
NAME_CHARACTERS = 120
#: Format characters that emoji are joined with; the others turn or hide text.
_JOINERS = "\u200d\u200c"
#: Categories that no terminal should be handed: controls, formats, halves of surrogates, line and paragraph ends.
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co"})


@dataclass(frozen=True, slots=True)
class Remote:
    """An object that is reached by address; made by `source_of`, never from text that it has not seen."""

    url: str
    #: What a listing said of it (size, etag, ...), so that it need not be asked for again.
    details: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    #: The addresses that its opening is held to, redirects included; set by `check_allowed`. Without any, public hosts.
    roots: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0]

    @property
    def parts(self) -> tuple[str, ...]:
        """The components of its path, the bucket of an object store first; the host of a web address is none."""
        rest = urlsplit(self.url).path if self.scheme in HOSTED else self.url.partition("://")[2]
        parts = tuple(part for part in rest.split("/") if part)
        return tuple(map(unquote, parts)) if self.scheme in WEB else parts

    @property
    def name(self) -> str:
        return self.parts[-1] if self.parts else self.host or self.url

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    @property
    def host(self) -> str | None:
        """In lower case; None where the scheme names none."""
        return urlsplit(self.url).hostname if self.scheme in HOSTED else None

    @property
    def port(self) -> int | None:
        """The standing one where the address names none and the web has one."""
        standing = {"http": 80, "https": 443}.get(self.scheme)
        return (urlsplit(self.url).port or standing) if self.scheme in HOSTED else None

    @property
    def is_folder(self) -> bool:
        """Whether the address says so itself, by a `/` at its end."""
        return self.url.endswith("/")

    def __str__(self) -> str:
        return self.url

    def at(self, url: str, details: Mapping[str, Any] | None = None) -> Remote:
        """Another object, opened under the same roots. Raises UsageError."""
        return replace(remote_of(url), details=details, roots=self.roots)


class Checked(PosixPath):
    """A path without links that was found to lie under a root; made by `check_allowed`. No link is followed any more
    when it is opened."""


#: What can be opened.
Source: TypeAlias = Path | Remote


def is_url(text: str) -> bool:
    return _URL.match(text) is not None


def source_of(text: str) -> Source:
    """The source behind what a user typed or `stored` gave; `file://` addresses are paths.

    Raises UsageError for an address that cannot be read or must not be.
    """
    if "\0" in text:
        raise UsageError(f"{printable(text)!r} holds a zero byte, and no file or object can be called that.")
    if _CHAIN.match(text):
        raise _chained()
    if not is_url(text):
        return Path(text)
    if text[:7].lower() == "file://":
        return _local_path(text)
    return remote_of(text)


def stored(source: Source) -> str:
    """The text for the database, from which `source_of` makes the same source.

    A path whose bytes are no UTF-8, as old memory cards have them, becomes a `file://` address.
    """
    if isinstance(source, Remote):
        return source.url
    text = str(source)
    try:
        text.encode()
    except UnicodeEncodeError:
        return source.absolute().as_uri()
    return text


def size_of(source: Source) -> int | None:
    """Bytes of a file, or of an object as its listing says; None where that is not known, or nothing is there."""
    if isinstance(source, Remote):
        size = (source.details or {}).get("size")
        return int(size) if size is not None else None
    try:
        return os.stat(source).st_size
    except OSError:
        return None


def shown(source: Source | str) -> str:
    """The name of a source as it stands in sentences: one line, no controls, of bounded length."""
    return printable(source if isinstance(source, str) else source.name or str(source))


def printable(text: str) -> str:
    """Text without what breaks a log line or turns a terminal's direction; such characters are spelled out."""
    safe = spelled(text)
    return safe if len(safe) <= NAME_CHARACTERS else f"{safe[: NAME_CHARACTERS - 20]}…{safe[-19:]}"


def spelled(text: str, kept: str = "") -> str:
    """Text of whatever length without what moves a terminal's cursor or turns its direction, but for `kept`."""
    if text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if is_hidden(c) and c not in kept else c for c in text)


def is_hidden(character: str) -> bool:
    """Whether a terminal would obey a character in place of showing it."""
    return unicodedata.category(character) in _UNSHOWN and character not in _JOINERS


def _local_path(url: str) -> Path:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise UsageError("A file:// address cannot be read. Check its spelling, or give the path instead.") from None
    if host not in (None, "localhost"):
        raise UsageError("A file:// address names another machine. Give the path where its folder is mounted.")
    return Path(os.fsdecode(unquote_to_bytes(parts.path)))


def remote_of(url: str) -> Remote:
    """The object at an address, in one spelling.

    Raises UsageError, whose sentence quotes no more of the address than its name.
    """
    scheme = url.partition("://")[0].lower()
    if is_url(url.partition("?")[0].rpartition("::")[2]) and "::" in url:
        raise _chained()
    if scheme not in SCHEMES:
        raise UsageError(
            f"{printable(scheme)}:// is not read here. Known are paths, file:// and "
            f"{', '.join(f'{known}://' for known in sorted(SCHEMES))}."
        )
    if any(unicodedata.category(character) == "Cc" for character in url) and scheme in HOSTED:
        raise UsageError("An address holds a line break or another control character. Write it as %0A or the like.")
    try:
        _refuse_secrets(url, scheme)
        clean = _web(url) if scheme in WEB else _other(url, scheme)
    except ValueError:
        raise UsageError(f"A {scheme}:// address cannot be read. Check its spelling.") from None
    if climbs(clean):
        raise UsageError(f"The address of {shown(Remote(clean))} leads upwards (..). Write it without.")
    return Remote(clean)


def _chained() -> UsageError:
    return UsageError("An address on top of another (…::…://…) is not followed. Name the file itself.")


def climbs(url: str) -> bool:
    """Whether the path still holds `.` or `..` as a component, however often it is percent-encoded."""
    path = url.partition("://")[2].partition("/")[2].partition("?")[0]
    while True:
        # Some servers take what stands behind a `;` for a parameter of the component.
        if any(part.partition(";")[0] in (".", "..") for part in re.split(r"[/\\]", path)):
            return True
        if (plain := unquote(path)) == path:
            return False
        path = plain


def _refuse_secrets(url: str, scheme: str) -> None:
    authority = re.split(r"[/?#\\]", url.partition("://")[2], maxsplit=1)[0]
    account, at, _ = authority.rpartition("@")
    if at and (":" in unquote(account) or scheme not in _NAMED_ACCOUNT):
        raise UsageError(
            f"A {scheme}:// address carries a name, a password or a key. Take it out: addresses are stored and shown."
            " Give it to the driver instead, by its own environment variables, ~/.aws or ~/.netrc."
        )
    if scheme in WEB and _SECRET_PARAMETERS & {name.lower() for name, _ in parse_qsl(urlsplit(url).query, True)}:
        raise UsageError(
            f"A {scheme}:// address carries a signature, token or password behind its `?`. Addresses are stored and"
            " shown. Name the object by the address of its store (s3://…), or give the login in ~/.netrc."
        )


def _web(url: str) -> str:
    clean = URL(url).with_fragment(None)
    if not clean.host or not clean.host.rstrip("."):
        raise ValueError("no host")
    # The same host, spelled from the top of all names.
    return str(clean.with_host(clean.host.rstrip(".")) if clean.host.endswith(".") else clean)


def _other(url: str, scheme: str) -> str:
    """Keys of object stores are taken as they are, `?`, `#` and `%` included; hosts are in lower case."""
    rest = url.partition("://")[2]
    place, slash, path = rest.partition("/")
    if not place and scheme != "memory":
        raise ValueError("no host or bucket")
    if scheme in HOSTED:
        account, at, host = place.rpartition("@")
        place = f"{account}{at}{host.lower()}"
        _ = urlsplit(f"{scheme}://{place}").port
    return f"{scheme}://{place}{slash}{path}"
