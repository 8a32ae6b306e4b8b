"""Measures the whole road against the way one would first think of: OCR on whole frames."""
