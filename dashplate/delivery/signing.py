"""Signs webhooks as Standard Webhooks 1.0.0 says, with secrets that are made from one key and stored nowhere.

The secret of an endpoint is an HMAC of its name and the secret's number under the signing key: whoever has the database
alone can sign nothing, and a new number is a new secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from dashplate.stack.layout import write_private
from pipeline.errors import UsageError
from workers.settings import Settings

#: Shorter keys could be tried out.
_LEAST_CHARS = 32
_FILE = "webhook.key"


@dataclass(frozen=True, slots=True)
class WebhookKey:
    """What all endpoints' secrets come from; its text does not show it."""

    _key: SecretStr

    def secret(self, endpoint: str, number: int) -> str:
        """The signing secret of that number, as receivers are given it: `whsec_…`."""
        said = f"dashplate webhook\n{number}\n{endpoint}".encode()
        made = hmac.new(self._key.get_secret_value().encode(), said, hashlib.sha256).digest()
        return f"whsec_{base64.b64encode(made).decode()}"


def webhook_key(config: Settings, *, make: bool = False) -> WebhookKey:
    """The key of the settings, else that of the data folder; with `make` one is made there where there is none.

    Raises UsageError where there is none, and for one that is too short.
    """
    if config.webhook_key is not None and config.webhook_key.get_secret_value():
        key = config.webhook_key
        if len(key.get_secret_value()) < _LEAST_CHARS:
            raise UsageError(f"DASHPLATE_WEBHOOK_KEY has fewer than {_LEAST_CHARS} characters; make a longer one.")
        return WebhookKey(key)
    file = config.data_dir / _FILE
    if not file.exists():
        if not make:
            raise UsageError(
                "There is no key to sign with. Set DASHPLATE_WEBHOOK_KEY, here and for the sender, to a secret of"
                f" {_LEAST_CHARS} characters or more: `openssl rand -hex 32` makes one."
            )
        write_private(file, secrets.token_urlsafe(48))
    return WebhookKey(SecretStr(file.read_text("utf-8")))


def signatures(secrets: Sequence[str], uid: str, at: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each secret, so that a new one can be brought in."""
    said = f"{uid}.{at}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(_signed(secret, said)).decode()}" for secret in secrets)


def _signed(secret: str, said: bytes) -> bytes:
    return hmac.new(base64.b64decode(secret.removeprefix("whsec_")), said, hashlib.sha256).digest()
