"""`dashplate eval`: what the stages get right and wrong on material whose truth is known."""

import pipeline  # noqa: F401  Its switches have to be set before any library is loaded.
