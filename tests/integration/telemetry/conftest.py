"""The service of `tests/integration/service`, in a package of its own: no other workers share its queues."""

from tests.integration.service.conftest import serve

__all__ = ["serve"]
