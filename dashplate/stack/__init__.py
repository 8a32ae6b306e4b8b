"""The embedded stack: private Redis and PostgreSQL in the data folder.

Importing this is cheap; drivers are imported where they are used.
"""

from __future__ import annotations

from dashplate.stack.layout import Layout
from dashplate.stack.server import why_taken
from dashplate.stack.stack import Running, Stack, forget, running, stop
from dashplate.stack.urls import mask_secrets, mask_url

__all__ = [
    "Layout",
    "Running",
    "Stack",
    "forget",
    "mask_secrets",
    "mask_url",
    "running",
    "stop",
    "why_taken",
]
