"""Measures the whole road against the way one would first think of: OCR on whole frames."""

import pipeline  # noqa: F401  Its switches have to be set before any library is loaded.
