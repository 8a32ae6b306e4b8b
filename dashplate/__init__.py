"""The faces of Dashplate: what a person touches."""

import pipeline  # noqa: F401  Its switches have to be set before any library is loaded.
