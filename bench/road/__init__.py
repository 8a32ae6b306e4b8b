"""Compares Dashplate with OCR of whole frames: `python -m bench.road`."""
