"""Plates and dashcam drives drawn by our own code, with the truth known to the pixel."""

import pipeline  # noqa: F401  Its switches have to be set before any library is loaded.
