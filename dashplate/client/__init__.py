"""The client of the HTTP service, typed: `connection` (requests, retries, errors), and a module a group of calls.

The answers are the service's own documents (`dashplate.service.documents`). Loads no model and no web framework.
"""

from dashplate.client.client import Client
from dashplate.client.connection import ServiceError
from dashplate.client.download import Download

__all__ = ["Client", "Download", "ServiceError"]
