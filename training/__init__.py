"""Commands that make what `models/` holds."""
