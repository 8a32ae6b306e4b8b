"""Service addresses without their passwords, for sentences, logs and pages."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

MASK = "***"

#: Query parameters of libpq, redis-py and Celery that hold something secret.
_SECRET_PARAMETERS = frozenset({"password", "sslpassword", "passfile", "ssl_keyfile", "sslkey"})


def mask_url(url: str) -> str:
    """Return the address with its password, wherever it stands, replaced by `***`.

    >>> mask_url("redis://:geheim@host:6379/0")
    'redis://:***@host:6379/0'
    """
    # Not urlsplit's .port or .hostname: they raise on a mistyped address, which must be shown masked as well.
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    netloc = f"{name}{colon}{MASK if colon else ''}{at}{host}"
    masked = urlunsplit((parts.scheme, netloc, parts.path, _mask_query(parts.query), parts.fragment))
    # urlunsplit leaves the slashes out where libpq's postgresql:///NAME names no host.
    return masked if netloc or "://" not in url else masked.replace(":", "://", 1)


def mask_secrets(text: str, *urls: str) -> str:
    """Return a driver's message with every password of `urls` replaced, as written and decoded."""
    for url in urls:
        text = text.replace(url, mask_url(url))
        for secret in sorted(_secrets(url), key=len, reverse=True):
            text = text.replace(secret, MASK)
    return text


def _mask_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    if not any(key.lower() in _SECRET_PARAMETERS for key, _ in pairs):
        return query
    masked = [(key, MASK if key.lower() in _SECRET_PARAMETERS else value) for key, value in pairs]
    return urlencode(masked, safe="*/")


def _secrets(url: str) -> set[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return {url}
    written = parts.netloc.rpartition("@")[0].partition(":")[2]
    queried = {value for key, value in parse_qsl(parts.query) if key.lower() in _SECRET_PARAMETERS}
    return {secret for secret in {written, unquote(written), *queried} if secret}
