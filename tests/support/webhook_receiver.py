"""A receiver that checks signatures as its users do, with the library of Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.support.scripted_server import Answer, Asked, ScriptedServer


@dataclass
class Receiver(ScriptedServer):
    """Answers what it is told first; then 401 for what is not signed with its secret, else 204."""

    secret: str = ""
    #: How often each id came; what each said first.
    came: Counter[str] = field(default_factory=Counter)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Answer:
        if self.answers:
            return self.answers.popleft()
        if not self._is_signed(asked):
            return Answer(401)
        uid = asked.headers["webhook-id"]
        self.came[uid] += 1
        if asked.headers["content-type"] == "application/json":
            self.said.setdefault(uid, json.loads(asked.body))
        return Answer(204, b"")

    def _is_signed(self, asked: Asked) -> bool:
        if asked.headers["content-type"] == "application/json":
            try:
                Webhook(self.secret).verify(asked.body, dict(asked.headers))
            except WebhookVerificationError:
                return False
            return True
        # The library knows JSON alone.
        said = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
        made = hmac.new(base64.b64decode(self.secret.removeprefix("whsec_")), said, hashlib.sha256).digest()
        return f"v1,{base64.b64encode(made).decode()}" in asked.headers["webhook-signature"].split()

    def types(self) -> list[str]:
        return sorted(one["type"] for one in self.said.values())
