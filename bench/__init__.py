"""Measurements: what the README's figures come from, and what shows that a promise still holds."""

import pipeline  # noqa: F401  Its switches have to be set before any library is loaded.
