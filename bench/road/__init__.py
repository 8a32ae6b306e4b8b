"""The whole road beside OCR of whole frames: `python -m bench.road`."""
